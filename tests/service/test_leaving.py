"""What leaves the house, and what does not: drafts, opt-outs, caps, switches, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from outreach.channels.null import FaultySender
from outreach.domain.company import Caps
from outreach.domain.errors import Refused
from outreach.domain.facts import Channel
from outreach.domain.sight import ALL
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition, Settlement, Status, Touch
from outreach.lab.scratch import Scratch
from outreach.service import care, desk, outcomes, publishing, remedies, sweep, workbench
from outreach.service.ledger import Ledger
from outreach.service.rulings import speaks_first
from outreach.store import views_board
from tests.service import world
from tests.service.world import event, give, house, run_of, runs, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HEAD = (
    "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\n"
)


def mail(review: str = "none", more: str = "", key: str = "email", head: str = HEAD) -> Any:
    template = "x/text.md" if key == "sms" else "x/mail.md"
    step = f"steps: [{{{key}: hurt_person, template: {template}, review: {review}{more}}}]\n"
    return world.rules_with({"lost": head + step})


def lost(home: Scratch, id_: str = "1", order: str = "o1", account: str = "a1") -> None:
    home.take_in(event(home, "delivery.lost", id_, account, order_id=order))
    home.settle()


def only(home: Scratch) -> Touch:
    (found,) = touches(home)
    return found


def draft(home: Scratch) -> Touch:
    (found,) = [touch for touch in touches(home) if touch.status is Status.DRAFT]
    return found


# -- drafts --------------------------------------------------------------------------------------------


def test_a_draft_waits_for_its_owner_and_leaves_when_released_as_it_reads_then() -> None:
    with house(mail("owner")) as home:
        give(home)
        lost(home)
        assert home.sent.taken == []
        touch = draft(home)
        desk.release(home.outside, touch.id, "jonas", "Sorry", "My own words.")
        home.settle()
        (message,) = home.sent.messages
        assert (message.subject, message.to) == ("Sorry", "anna@x.example")
        assert message.text.partition("\n\n-- \n")[0] == "My own words."
        assert only(home).status is Status.SENT


def test_a_discarded_draft_is_a_record_with_its_reason() -> None:
    with house(mail("owner")) as home:
        give(home)
        lost(home)
        desk.discard(home.outside, draft(home).id, "jonas", "I rang her instead")
        assert (only(home).status, only(home).because, only(home).sentence) == (
            Status.WITHHELD, "discarded", "I rang her instead",
        )  # fmt: skip
        with pytest.raises(Refused):
            desk.release(home.outside, only(home).id, "jonas", "", "")


def test_a_draft_that_we_could_not_reach_you_dies_when_she_was_reached() -> None:
    with house() as home:
        give(home)
        lost(home)
        home.advance(HOUR)
        card = next(touch.card for touch in touches(home) if touch.status is Status.ON_DESK)
        outcomes.settle(home.outside, card or "", "jonas", Outcome(Disposition.NO_ANSWER))
        home.advance(DAY)
        assert draft(home)
        card = next(touch.card for touch in touches(home) if touch.status is Status.ON_DESK)
        outcomes.settle(home.outside, card or "", "jonas", Outcome(Disposition.REACHED))
        assert not [touch for touch in touches(home) if touch.is_open]
        assert home.sent.taken == []


def test_a_draft_that_nobody_releases_in_time_cannot_leave_any_more() -> None:
    with house(mail("owner", ", within: 1d")) as home:
        give(home)
        lost(home)
        home.advance(2 * DAY)
        desk.release(home.outside, draft(home).id, "jonas", "Sorry", "late")
        home.settle()
        assert only(home).status is Status.EXPIRED
        assert home.sent.taken == []


# -- what always wins ----------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["email", "all"])
def test_an_opt_out_that_is_committed_wins_over_what_is_about_to_leave(channel: str) -> None:
    with house(mail("owner")) as home:
        give(home)
        lost(home)
        desk.release(home.outside, draft(home).id, "jonas", "Sorry", "text")
        care.opt_out(home.outside, "anna", channel, "a STOP word", "anna")
        home.settle()
        assert home.sent.taken == []
        assert only(home).status is Status.WITHHELD


def test_a_card_of_somebody_who_wants_no_calls_cannot_be_dialled() -> None:
    with house() as home:
        give(home)
        lost(home)
        home.advance(HOUR)
        care.opt_out(home.outside, "anna", "call", "told us", "anna")
        (touch,) = touches(home)
        if touch.status is Status.ON_DESK:
            assert desk.dial(home.outside, touch.card or "", "jonas").reason.code == "opted_out"
        else:
            assert touch.because == "opted_out"


def test_nothing_leaves_while_all_is_stopped_and_nothing_is_lost() -> None:
    with house(mail()) as home:
        give(home)
        workbench.stop_all(home.outside, "ops", "something is odd")
        lost(home)
        home.advance(2 * HOUR)
        assert home.sent.taken == []
        assert only(home).because == "kill_switch"
        workbench.resume_all(home.outside, "ops", "it is not")
        home.advance(timedelta(minutes=10))
        assert len(home.sent.taken) == 1


def test_a_disabled_playbook_stops_before_the_next_send_whatever_version_runs() -> None:
    with house(mail("owner")) as home:
        give(home)
        lost(home)
        desk.release(home.outside, draft(home).id, "jonas", "Sorry", "text")
        publishing.publish(home.outside, "lost", "disabled", "ops", "it is wrong")
        home.settle()
        assert home.sent.taken == []
        assert only(home).because == "disabled"


def test_a_paused_playbook_waits() -> None:
    with house(mail("owner")) as home:
        give(home)
        lost(home)
        desk.release(home.outside, draft(home).id, "jonas", "Sorry", "text")
        publishing.publish(home.outside, "lost", "paused", "ops", "let me look")
        home.settle()
        assert home.sent.taken == []
        publishing.publish(home.outside, "lost", "live", "ops", "it is fine")
        home.advance(timedelta(minutes=10))
        assert len(home.sent.taken) == 1


def test_a_shadow_decides_and_contacts_no_one() -> None:
    with house(mail()) as home:
        give(home)
        publishing.publish(home.outside, "lost", "shadow", "ops", "to see")
        lost(home)
        assert home.sent.taken == []
        assert only(home).because == "shadow"


@pytest.mark.parametrize(("state", "outcome"), [("paused", "paused"), ("disabled", "not_live")])
def test_what_is_not_live_starts_nothing_and_says_so(state: str, outcome: str) -> None:
    with house(mail()) as home:
        give(home)
        publishing.publish(home.outside, "lost", state, "ops", "why not")
        lost(home)
        assert runs(home) == []
        with home.database.view() as unit:
            assert [decision.outcome for decision in unit.decisions_of("a1")] == [outcome]


# -- hours and caps ------------------------------------------------------------------------------------


def test_caps_count_every_playbook_and_every_account_of_the_human() -> None:
    with house(mail()) as home:
        give(home, "a1", person=None)
        give(home, "a2", person=None)
        world.give_person(home, "anna", ["a1", "a2"])
        lost(home, "1", "o1", "a1")
        lost(home, "2", "o2", "a2")
        lost(home, "3", "o3", "a1")
        assert len(home.sent.taken) == 2, "per_person_per_day is 2"
        (waiting,) = [touch for touch in touches(home) if touch.status is Status.PLANNED]
        assert waiting.because == "cap_person_day"
        home.advance(DAY + HOUR)
        assert len(home.sent.taken) == 3


def test_calls_that_were_dialled_count_too() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        lost(home)
        card = touches(home)[0].card or ""
        for _ in range(2):
            assert desk.dial(home.outside, card, "jonas").sends
            outcomes.settle(home.outside, card, "jonas", Outcome(Disposition.BUSY))
            home.advance(HOUR)
            card = next(t.card for t in touches(home) if t.status is Status.ON_DESK) or ""
        assert desk.dial(home.outside, card, "jonas").reason.code in ("cap_calls_day", "cap_person_day")


def two_lines_on_one_card(home: Scratch) -> str:
    """Two of her orders went wrong, and both are one conversation."""
    lost(home, "1", "o1")
    lost(home, "2", "o2")
    (first, second) = [touch.card for touch in touches(home) if touch.status is Status.ON_DESK]
    assert first is not None and first == second
    return first


def counted(home: Scratch) -> set[tuple[str, Any]]:
    with home.database.view() as unit:
        return {touch.contact for touch in unit.contacts_since("anna", None, home.now - 7 * DAY)}


def test_one_dial_of_a_card_with_two_lines_is_one_contact() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        card = two_lines_on_one_card(home)
        assert desk.dial(home.outside, card, "jonas").sends
        outcomes.settle(home.outside, card, "jonas", Outcome(Disposition.BUSY))
        home.advance(HOUR)
        card = next(t.card for t in touches(home) if t.status is Status.ON_DESK) or ""
        assert desk.dial(home.outside, card, "jonas").sends, (
            "two calls a day are allowed, and this is the second"
        )
        outcomes.settle(home.outside, card, "jonas", Outcome(Disposition.BUSY))
        home.advance(HOUR)
        card = next(t.card for t in touches(home) if t.status is Status.ON_DESK) or ""
        assert desk.dial(home.outside, card, "jonas").reason.code in ("cap_calls_day", "cap_person_day")
        assert len(counted(home)) == 2


def test_the_other_line_of_the_same_dial_does_not_stand_in_its_way() -> None:
    """As a card with one line may be dialled again before anybody has said how it went, so may one with two."""
    with house(replace_caps(1)) as home:
        give(home)
        home.advance(HOUR)
        card = two_lines_on_one_card(home)
        assert desk.dial(home.outside, card, "jonas").sends
        home.advance(timedelta(minutes=1))
        assert desk.dial(home.outside, card, "jonas").sends
        assert len(counted(home)) == 1


def test_what_turned_up_after_the_dial_was_spoken_of_in_the_same_call() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        lost(home, "1", "o1")
        card = touches(home)[0].card or ""
        assert desk.dial(home.outside, card, "jonas").sends
        home.advance(timedelta(minutes=5))
        lost(home, "2", "o2")
        outcomes.settle(home.outside, card, "jonas", Outcome(Disposition.REACHED))
        spoken_of = [touch for touch in touches(home) if touch.settlement is Settlement.REACHED]
        assert len(spoken_of) == 2 and len(counted(home)) == 1


def test_a_dial_of_yesterday_is_not_the_call_of_today() -> None:
    with house() as home:
        give(home)
        home.advance(HOUR)
        lost(home, "1", "o1")
        card = touches(home)[0].card or ""
        assert desk.dial(home.outside, card, "jonas").sends
        home.advance(DAY)
        lost(home, "2", "o2")
        outcomes.settle(home.outside, card, "jonas", Outcome(Disposition.REACHED))
        assert len(counted(home)) == 2


def replace_caps(calls: int) -> Any:
    rules = world.own_rules()
    company = replace(rules.company, caps=Caps(calls_per_person_per_day=calls))
    return replace(rules, company=company)


def test_nobody_gets_an_sms_at_night() -> None:
    with house(mail(key="sms")) as home:
        give(home)
        home.advance(14 * HOUR)  # 23:00
        lost(home)
        assert home.sent.taken == []
        assert only(home).status is Status.PLANNED
        home.advance(12 * HOUR)
        assert len(home.sent.taken) == 1


def test_whom_nobody_can_write_to_is_not_written_to_and_the_reason_stays() -> None:
    with house(mail()) as home:
        give(home, person=None)
        lost(home)
        assert (only(home).status, only(home).because) == (Status.WITHHELD, "nobody_known")
        with house(mail(key="sms")) as other:
            give(other, person=None)
            world.give_person(other, "anna", ["a1"], phone=None)
            lost(other)
            assert only(other).because == "no_endpoint"


# -- what the provider says ----------------------------------------------------------------------------


def faulty(*script: Any) -> dict[Channel, Any]:
    sender = FaultySender(script)
    return {Channel.EMAIL: sender, Channel.SMS: sender}


def test_what_nobody_knows_is_never_sent_again_by_itself() -> None:
    senders = faulty("unknown")
    with house(mail(), senders=senders) as home:
        give(home)
        lost(home)
        home.advance(30 * DAY)
        assert only(home).status is Status.UNKNOWN
        assert senders[Channel.EMAIL].calls == 1


@pytest.mark.parametrize(
    ("was", "status", "calls"), [("sent", "sent", 1), ("failed", "failed", 1), ("again", "sent", 2)]
)
def test_only_a_human_settles_the_unknown(was: str, status: str, calls: int) -> None:
    senders = faulty("lost")
    with house(mail(), senders=senders) as home:
        give(home)
        lost(home)
        desk.settle_unknown(home.outside, only(home).id, "ops", was, "the provider's log says so")
        home.settle()
        assert only(home).status == status
        assert senders[Channel.EMAIL].calls == calls
        with home.database.view() as unit:
            assert unit.bulk.rows("select 1 from audit where what = ?", f"unknown.{was}")


def test_a_crash_while_sending_is_unknown_after_a_while_and_not_sent_again() -> None:
    senders = faulty("crash_after")
    with house(mail(), senders=senders) as home:
        give(home)
        with pytest.raises(SystemExit):
            lost(home)
        assert only(home).status is Status.SENDING
        home.advance(sweep.STUCK_AFTER + HOUR)
        assert only(home).status is Status.UNKNOWN
        assert len(senders[Channel.EMAIL].taken) == 1


def test_refused_before_it_was_taken_is_tried_again_and_counts_an_attempt() -> None:
    senders = faulty("refused", "refused")
    with house(mail(), senders=senders) as home:
        give(home)
        lost(home)
        assert only(home).status is Status.DUE
        home.advance(HOUR)
        assert (only(home).status, only(home).attempt) == (Status.SENT, 3)


def test_a_text_that_cannot_be_rendered_has_failed_and_is_not_unknown() -> None:
    rules = mail()
    playbook = rules.playbooks["lost"]
    from dataclasses import replace

    broken = replace(playbook, templates={"x/mail.md": "Subject: {{ nobody.name }}\n\nHm."})
    with house(replace(rules, playbooks={"lost": broken}, by_type={"delivery.lost": (broken,)})) as home:
        give(home)
        lost(home)
        assert (only(home).status, only(home).because) == (Status.FAILED, "render")


# -- three days down -----------------------------------------------------------------------------------


def test_three_days_down_then_up() -> None:
    """Mails past their time end with a reason, calls become late apologies, the rest is judged anew,
    within caps and without a burst."""
    rules = world.rules_with({
        "written": HEAD + "steps: [{sms: hurt_person, template: x/text.md, review: none, within: 1d}]\n",
        "called": HEAD.replace("lost", "damaged") + "steps: [{call: hurt_person, within: 4h, brief: x/call.md}]\n",
    })  # fmt: skip
    with house(rules) as home:
        give(home)
        home.advance(14 * HOUR)  # 23:00: the messages wait for the morning
        for number in range(6):
            lost(home, str(number), f"o{number}")
        home.take_in(event(home, "delivery.damaged", "9", order_id="o9"))
        home.clock.set(home.now + 3 * DAY)  # nobody rings the bell
        home.settle()
        assert {touch.status for touch in touches(home) if touch.channel is Channel.SMS} == {Status.EXPIRED}
        assert home.sent.taken == []
        (call,) = [touch for touch in touches(home) if touch.channel is Channel.CALL]
        assert call.status is Status.ON_DESK
        assert call.deadline is not None
        assert call.deadline < home.now


def test_what_is_still_in_time_after_three_days_leaves_within_caps() -> None:
    with house(mail(key="sms", more=", within: 9d")) as home:
        give(home)
        home.advance(14 * HOUR)
        for number in range(6):
            lost(home, str(number), f"o{number}")
        home.clock.set(home.now + 3 * DAY + 12 * HOUR)
        home.settle()
        assert 1 <= len(home.sent.taken) <= 2
        home.advance(5 * DAY)
        times = sorted(touch.sent_at for touch in touches(home) if touch.sent_at)
        assert len(times) == 5, "per_person_per_week is 5"
        assert all(later - first >= DAY for first, later in zip(times, times[2:], strict=False))


def test_of_two_runs_the_more_severe_speaks_first() -> None:
    mild = HEAD.replace("lost", "short").replace("severity: high", "severity: medium")
    step = "steps: [{email: hurt_person, template: x/mail.md, review: none}]\n"
    with house(world.rules_with({"mild": mild + step, "worse": HEAD + step})) as home:
        give(home)
        home.advance(14 * HOUR)
        home.take_in(
            event(home, "delivery.short", "1", order_id="o1"),
            event(home, "delivery.lost", "2", order_id="o2"),
        )
        home.advance(11 * HOUR)
        first = home.sent.taken[0][0]
        with home.database.view() as unit:
            touch = unit.touch_by_token(first)
        assert touch is not None
        assert touch.run == run_of(home, "worse").id


def test_a_run_in_shadow_neither_ends_nor_outranks_nor_holds_up_what_is_live() -> None:
    """A playbook that is only watched supersedes the one that rings; its mail would come first; it holds."""
    step = "steps: [{email: hurt_person, template: x/mail.md, review: none}]\n"
    watched = HEAD.replace("high", "severe") + "supersedes: [lost]\npriority: 9\n" + step
    with house(world.rules_with({"lost": HEAD + step, "watched": watched})) as home:
        give(home)
        publishing.publish(home.outside, "watched", "shadow", "ops", "to see")
        home.advance(14 * HOUR)  # at night: both wait for the morning
        home.take_in(event(home, "delivery.lost", "1", order_id="o1"))
        with home.database.view() as unit:
            ledger = Ledger(unit, home.outside, home.now)
            ledger.lock(["a1"])
            live = run_of(home, "lost")
            assert speaks_first(ledger, live, ledger.touches_of_run(live)[0]) is None
        home.settle()
        assert (run_of(home, "lost").is_open, run_of(home, "watched").shadow) == (True, True)
        home.advance(11 * HOUR)
        assert len(home.sent.taken) == 1
        assert home.database.retrying(lambda unit: unit.holds_of(["a1"])) == []


def test_what_only_a_run_in_shadow_is_about_is_looked_after_by_nobody() -> None:
    with house(mail(head=f"{HEAD}may_offer: {{credit: 50}}\n")) as home:
        give(home)
        publishing.publish(home.outside, "lost", "shadow", "ops", "to see")
        lost(home)
        with home.database.view() as unit:
            assert [each.failure.id for each in views_board.unmatched(unit, ALL)] == ["delivery/o1"]
        wanted = remedies.Offer("r1", "a1", "delivery/o1", "credit", 10.0, home.now + DAY, None)
        with pytest.raises(Refused, match="may not be offered"):
            remedies.offer(home.outside, wanted, "jonas", may_grant=True)


def test_the_link_of_an_old_mail_still_stops_selling_to_who_got_it() -> None:
    """Their address has changed since."""
    with house(mail()) as plain:
        home = world.provided(plain)
        give(home)
        lost(home)
        home.settle()
        with home.database.view() as unit:
            ((token, touch),) = unit.bulk.rows("select token, touch from attempt")
        statement = "update touch set purpose = 'marketing' where id = ?"
        home.database.retrying(lambda unit: unit.bulk.run(statement, touch))
        home.take_in(event(home, "person.described", "new", "person:anna", email="new@x.example"))
        assert care.unsubscribe(home.outside, token).done
        with home.database.view() as unit:
            assert {"marketing", "reorder", "winback"} <= unit.people(["anna"])["anna"].opted_out.keys()


@pytest.mark.parametrize(
    ("subject", "text"), [("Sorry, and 20% off", "I am sorry."), ("Sorry", "I am sorry.\nHere is a voucher.")]
)
def test_an_apology_that_was_made_to_sell_is_not_released(subject: str, text: str) -> None:
    with house(mail("owner")) as home:
        give(home)
        lost(home)
        waiting = draft(home)
        with pytest.raises(Refused, match="it would sell"):
            desk.release(home.outside, waiting.id, "jonas", subject, text)
        assert only(home).status is Status.DRAFT
        desk.release(home.outside, waiting.id, "jonas", "Sorry", "I am sorry. A new one leaves today.")
        assert only(home).status is not Status.DRAFT
