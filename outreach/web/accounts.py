"""One account: how it stands, what is open, and what colleagues know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.account import AccountState
from outreach.domain.account_facts import rhythm_facts
from outreach.domain.errors import NotFound, OutreachError
from outreach.domain.facts import PERSON_PREFIX
from outreach.domain.failure import Failure
from outreach.domain.hold import Hold
from outreach.domain.wallclock import parse_instant
from outreach.service import cards as service
from outreach.service import desk
from outreach.service.briefs import preferences_of
from outreach.service.ledger import Ledger
from outreach.store import views_accounts
from outreach.web import auth, forms, words
from outreach.web.problems import tell
from outreach.web.reception import outside, reception
from outreach.web.relationship import PAGE, last_spoken, name_of, winback_of, words_of

EMBARGOES = ("litigation", "insolvency", "safety", "other")
accounts = Blueprint("accounts", __name__, url_prefix="/desk")
CHANNELS = ("call", "visit", "email")
MOST_STEPS, MOST_FOUND, MOST_ACCOUNTS = 5_000, 100, 20
"""Of a relationship that is searched: how far back, how many are shown, over how many accounts."""


@accounts.get("/accounts/<path:account>")
@auth.may("desk")
def page(account: str) -> str:
    return _page(account)


def _page(account: str, form: Any = None) -> str:
    before = parse_instant(request.args.get("before"))
    with reception().house.database.view() as unit:
        ledger = Ledger(unit, outside(), g.now)
        ledger.lock([account])
        state = ledger.accounts.get(account)
        if state is None:
            raise NotFound(f"There is no account {account}.")
        steps = views_accounts.timeline(unit, [account], before, PAGE + 1)
        people = [(person, preferences_of(person, ledger.now)) for person in ledger.people_of(account)]
        spoken = last_spoken(unit, outside(), [account])
        cards = views_accounts.open_cards_of(unit, [account])
        promises = sorted(state.promises.values(), key=lambda promise: promise.until, reverse=True)
        asked = next((person.id for person, _ in people), None)
        winback = winback_of(unit, outside(), [state], asked, g.now)
        held = _held(hold for hold in ledger.holds[account].values() if hold.ended_at is None)
    template = "_timeline.html" if request.headers.get("X-Fragment") else "account.html"
    return render_template(
        template, account=state, name=name_of(state), failures=_sorted(state), promises=promises,
        people=people, spoken=spoken, cards=cards, held=held, winback=winback, rhythm=rhythm_facts(state, g.now), form=form or {},
        steps=steps[:PAGE], more=steps[PAGE - 1].at if len(steps) > PAGE else None,
        here=url_for("accounts.page", account=account), colleagues=words.colleagues(),
    )  # fmt: skip


@accounts.post("/relationship")
@auth.may("desk")
def relationship() -> str:
    """What happened, what was said and what was written, by a word. By POST: words of customers stay out of addresses."""
    sought, named = request.form.get("q", "").strip()[:100], request.form.getlist("account")[:MOST_ACCOUNTS]
    with reception().house.database.view() as unit:
        names = views_accounts.accounts_named(unit, named)
        steps = views_accounts.timeline(unit, list(names), None, MOST_STEPS) if sought and names else []
    found = [step for step in steps if sought.lower() in words_of(step).lower()]
    return render_template(
        "relationship.html", steps=found[:MOST_FOUND], total=len(found), sought=sought, accounts=names.values(),
        card=request.form.get("card", ""), looked_at=len(steps), more=None, here="",
    )  # fmt: skip


def _held(holds: Iterable[Hold]) -> list[str]:
    """What is held back, each purpose once, until its last hold ends."""
    ends: dict[str, datetime] = {}
    for hold in holds:
        for purpose in hold.purposes:
            ends[purpose.value] = max(hold.ends, ends.get(purpose.value, hold.ends))
    return [
        f"{words.human(purpose)} held back until {words.day(end)}" for purpose, end in sorted(ends.items())
    ]


def _sorted(state: AccountState) -> list[Failure]:
    """Open ones first, the worst of them on top; then the closed ones, newest first."""
    return sorted(
        state.failures.values(),
        key=lambda f: (not f.is_open, -f.severity if f.is_open else 0, -f.opened_at.timestamp()),
    )


def _say(work: Callable[[str], str]) -> Response | tuple[str, int]:
    """What a colleague says of an account named in the form; shows the account again."""
    account = request.form.get("account", "")
    try:
        if account.startswith(PERSON_PREFIX):
            raise NotFound("There is no such account.")
        said = work(account)
    except OutreachError as fault:
        code = tell(fault)
        try:
            return _page(account, request.form), code
        except NotFound:
            return redirect(url_for("front.home"))
    flash(said, "done")
    return redirect(_back_to(account))


def _back_to(account: str) -> str:
    card = request.form.get("card")
    if request.form.get("next") == "promises":
        return url_for("desk.promises")
    if card:
        return url_for("cards.card", card_id=card)
    return url_for("accounts.page", account=account)


@accounts.post("/say/contact")
@auth.may("desk")
def log_contact() -> Response | tuple[str, int]:
    """A call, a visit or a mail without a card, in two taps."""

    def work(account: str) -> str:
        check = forms.Checker(request.form)
        channel = check.one_of("channel", CHANNELS, "Say whether it was a call, a visit or a mail.")
        note = check.text("note")
        check.done()
        reached = request.form.get("reached") == "yes"
        data = {
            "person_id": request.form.get("person") or None, "channel": channel, "by": auth.me().by,
            "reached": reached, "note": note or None,
        }  # fmt: skip
        desk.tell(outside(), "contact.logged", account, data, auth.me().by)
        return "Written down."

    return _say(work)


@accounts.post("/say/complaint")
@auth.may("desk")
def complained() -> Response | tuple[str, int]:
    """ "She complained": opens a failure like any other complaint."""

    def work(account: str) -> str:
        check = forms.Checker(request.form)
        text = check.text("about", "Say in a few words what it is about.")
        check.done()
        data = {
            "complaint_id": outside().ids.new(), "person_id": request.form.get("person") or None,
            **_complaint_words(text),
        }  # fmt: skip
        desk.tell(outside(), "complaint.opened", account, data, auth.me().by, "told a colleague")
        return "Written down. It is on the board until it is put right."

    return _say(work)


def _complaint_words(text: str) -> dict[str, Any]:
    """In whichever field the company's vocabulary keeps their words."""
    kind = outside().rules().vocabulary.get("complaint.opened")
    fields = kind.fields if kind else {}
    name = next((name for name in ("words", "text", "about") if name in fields), None)
    return {name: text} if name else {}


def _failure_and_reason() -> tuple[str, str]:
    check = forms.Checker(request.form)
    failure, reason = check.text("failure"), check.text("reason")
    check.done()
    return failure, reason


@accounts.post("/say/put-right")
@auth.may("desk")
def put_right() -> Response | tuple[str, int]:
    def work(account: str) -> str:
        said_by = "customer" if request.form.get("said_by") == "customer" else "am"
        failure, reason = _failure_and_reason()
        desk.put_right(outside(), account, failure, auth.me().by, said_by, reason)
        return "Put right. Well done."

    return _say(work)


@accounts.post("/say/not-right")
@auth.may("desk")
def not_right() -> Response | tuple[str, int]:
    def work(account: str) -> str:
        failure, reason = _failure_and_reason()
        desk.not_right(outside(), account, failure, auth.me().by, reason)
        return "It is open again, and weighs more than before."

    return _say(work)


@accounts.post("/say/let-be")
@auth.may("let_be")
def let_be() -> Response | tuple[str, int]:
    def work(account: str) -> str:
        reason = request.form.get("reason", "")
        desk.let_be(outside(), account, request.form.get("failure", ""), auth.me().by, reason)
        return "Let be. It is off the board, with your name and reason."

    return _say(work)


@accounts.post("/say/release")
@auth.may("desk")
def release() -> Response | tuple[str, int]:
    """A failure that we learnt of too late goes on the board."""

    def work(account: str) -> str:
        if not service.release_owed(outside(), [(account, request.form.get("failure", ""))], auth.me().by):
            raise NotFound("There is no such failure.")
        return "It is on the board now."

    return _say(work)


@accounts.post("/say/kept")
@auth.may("desk")
def kept() -> Response | tuple[str, int]:
    """And, where the colleague wishes so, told to the customer: a draft lies ready, if a playbook writes one."""
    tell_them = request.form.get("tell") == "1" and words.may_tell()

    def work(account: str) -> str:
        promise, by = request.form.get("promise", ""), auth.me().by
        desk.kept(outside(), account, promise, by, tell_them=tell_them)
        if tell_them:
            return "Kept. A mail that says so lies ready to be read and released."
        return "Kept. They will remember that."

    return _say(work)


@accounts.post("/say/embargo")
@auth.may("let_be")
def embargo() -> Response | tuple[str, int]:
    """Litigation, insolvency, safety: one colleague alone may contact them."""

    def work(account: str) -> str:
        check = forms.Checker(request.form)
        kind = check.one_of("kind", EMBARGOES, "Choose what it is about.")
        only = check.one_of("only", words.colleagues(), "Choose who alone may contact them.")
        note = check.text("note", "Write down what colleagues need to know.")
        check.done()
        data = {"kind": kind, "only": only, "by": auth.me().by, "note": note}
        desk.tell(outside(), "account.embargoed", account, data, auth.me().by, kind)
        return f"From now on nobody but {words.someone(only)} may contact them."

    return _say(work)


@accounts.post("/say/embargo/lift")
@auth.may("let_be")
def lift_embargo() -> Response | tuple[str, int]:
    def work(account: str) -> str:
        check = forms.Checker(request.form)
        note = check.text("note", "Say why they may be contacted again.")
        check.done()
        data = {"by": auth.me().by, "note": note}
        desk.tell(outside(), "account.embargo_lifted", account, data, auth.me().by)
        return "They may be contacted again."

    return _say(work)
