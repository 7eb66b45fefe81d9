"""Looking people up by phone or mail, and noting what they told a colleague."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from outreach.domain.endpoint import as_endpoint
from outreach.domain.errors import NotFound, OutreachError, Refused
from outreach.domain.facts import PERSON_PREFIX, Person
from outreach.service import care_links, desk
from outreach.service.briefs import preferences_of
from outreach.service.ledger import Ledger
from outreach.service.next_times import next_times
from outreach.web import auth, finding, forms, wishing
from outreach.web.problems import tell
from outreach.web.reception import outside, reception
from outreach.web.sight import sees_all_of, sees_person

people = Blueprint("people", __name__, url_prefix="/desk")


@people.get("/lookup")
@auth.may("lookup")
def lookup() -> str:
    return render_template("lookup.html", found=None, sought="")


@people.post("/lookup")
@auth.may("lookup")
def find() -> Response | str | tuple[str, int]:
    """By POST, so that no number and no address ends up in a log."""
    sought = request.form.get("endpoint", "").strip()
    try:
        kind, value = as_endpoint(sought, outside().rules().company.country)
    except OutreachError:
        flash("This is neither a phone number nor an e-mail address.", "problem")
        return render_template("lookup.html", found=None, sought=sought), 422
    found = finding.by_endpoint(kind, value)
    desk.looked_up(outside(), [one.person.id for one in found], auth.me().by)
    if len(found) == 1:
        return redirect(url_for("people.page", person=found[0].person.id))
    return render_template("lookup.html", found=found, sought=sought)


@people.get("/people/<path:person>")
@auth.may("lookup")
def page(person: str) -> str:
    if not _looks_after(person):  # whoever does not is written down
        _known(person)
        desk.looked_up(outside(), [person], auth.me().by)
    return _page(person)


def _looks_after(person: str) -> bool:
    with reception().house.database.view() as unit:
        return auth.me().may("desk") and sees_person(unit, auth.my_sight(unit), person)


def _page(person: str, link: str = "", form: MultiDict[str, str] | None = None) -> str:
    with reception().house.database.view() as unit:
        state = unit.people([person]).get(person)
        if state is None:
            raise NotFound("We do not know this person.")
        found = finding.found(unit, state, g.now)
        sight, desk_ = auth.my_sight(unit), auth.me().may("desk")
        everywhere = [*found.accounts, *(each for one in found.akin for each in one.accounts)]
        seen = {
            each.account.id
            for each in everywhere
            if desk_ and sight.sees(each.account.described.get("owner"), each.team)
        }
        whole = desk_ and (any(each.account.id in seen for each in found.accounts) or not found.accounts)
        if not whole:
            found = replace(found, preferences=tuple(preferences_of(_without_keys(found.person), g.now)))
        every = sees_all_of(unit, sight, person)
        times = next_times(
            Ledger(unit, outside(), g.now), found.person, [each.account for each in found.accounts]
        )
    return render_template(
        "person.html", found=found, kinds=wishing.KINDS, link=link, times=times, form=form or MultiDict(), seen=seen,
        whole=whole, every=every,
    )  # fmt: skip


def _without_keys(person: Person) -> Person:
    """What they wait for, without the number of the order."""
    said = [
        replace(each, value=each.value.split()[0]) if each.kind == "wait_for" and each.value.split() else each
        for each in person.preferences
    ]
    return replace(person, preferences=tuple(said))


def _known(person: str) -> None:
    """Nobody is made up by a note about them."""
    with reception().house.database.view() as unit:
        if person not in unit.people([person]):
            raise NotFound("We do not know this person.")


@people.post("/say/told")
@auth.may("lookup")
def told() -> Response | tuple[str, int]:
    """ "She told me…": a preference, for everybody who talks to them."""
    person = request.form.get("person", "")
    try:
        check = forms.Checker(request.form)
        wish = wishing.wished(check, needed=True)
        check.done()
        assert wish is not None
        _known(person)
        data = {"person_id": person, **wish.told_to(auth.me().by)}
        desk.tell(outside(), "preference.stated", PERSON_PREFIX + person, data, auth.me().by)
    except OutreachError as fault:
        code = tell(fault)
        if not _looks_after(person):
            desk.looked_up(outside(), [person], auth.me().by)
        return _page(person, form=request.form), code
    flash("Noted, for everybody who talks to them.", "done")
    if wishing.is_only_shown(wish):
        flash(
            "The engine does not understand these words: it shows them, and colleagues have to keep to them.",
            "problem",
        )
    return redirect(url_for("people.page", person=person))


SAME = {"same": "link.confirmed", "apart": "link.parted"}
"""What a colleague has heard of two records → the event."""


@people.post("/say/same")
@auth.may("desk")
def same() -> Response | tuple[str, int]:
    """ "Is that you, too?" Yes makes one card of two; no, or the undo, parts them."""
    person, other = request.form.get("person", ""), request.form.get("other", "")
    try:
        check = forms.Checker(request.form)
        answer = check.one_of("answer", SAME, "Say whether it is the same human.")
        check.done()
        _may_be_one(person, other)
        data = {"person_a": person, "person_b": other, "by": auth.me().by}
        desk.tell(outside(), SAME[answer], PERSON_PREFIX + person, data, auth.me().by)
    except OutreachError as fault:
        code = tell(fault)
        return _page(person, form=request.form), code
    said = "One human from now on: one card, and every no of theirs holds for both."
    flash(said if answer == "same" else "Two humans: each has a card of their own.", "done")
    return redirect(url_for("people.page", person=person))


def _may_be_one(person: str, other: str) -> None:
    """A link opens each other's card: it is for two who share something, or who are both in sight. Raises NotFound,
    Refused."""
    with reception().house.database.view() as unit:
        states = unit.people([person, other])
        if len(states) < 2 or any(state.erased for state in states.values()):
            raise NotFound("We do not know these two.")
        if other not in unit.links_of(person) and not sees_person(unit, auth.my_sight(unit), other):
            raise Refused("Nothing says that they are one: ask a manager.")


@people.post("/say/page")
@auth.may("desk")
def give_page() -> Response | str | tuple[str, int]:
    """The address of their own page, shown once: to be read out, or sent by a way of one's own. It shows all their
    accounts, so it is for those who see all of them."""
    person = request.form.get("person", "")
    try:
        with reception().house.database.view() as unit:
            if not sees_all_of(unit, auth.my_sight(unit), person):
                raise Refused(
                    "They belong to an account of another team, too: ask a manager for the address."
                )
        token = care_links.link_by_hand(outside(), person, None, auth.me().by)
    except OutreachError as fault:
        code = tell(fault)
        return _page(person), code
    return _page(person, f"{reception().house.settings.public_url}/care/{token}")


@people.post("/say/page/revoke")
@auth.may("desk")
def revoke_pages() -> Response:
    person = request.form.get("person", "")
    count = care_links.revoke_links(outside(), person, auth.me().by)
    flash(f"{count} {'address leads' if count == 1 else 'addresses lead'} nowhere any more.", "done")
    return redirect(url_for("people.page", person=person))
