"""Whether somebody may be contacted: by what they have allowed, the registries, an embargo, their own wishes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from outreach.domain.facts import Channel, Purpose
from outreach.domain.person import as_person
from outreach.domain.policy import DIALLING, rule
from outreach.domain.preference import not_before
from outreach.lab.scratch import Scratch
from outreach.service import care, care_links, care_said, desk, replies, workbench
from outreach.service.briefs import preferences_of
from outreach.service.care import Asked
from outreach.service.errands import run_errands
from outreach.service.intake import take_in
from outreach.service.ledger import Ledger
from outreach.service.next_times import next_times
from outreach.service.replies import Received
from outreach.service.rulings import case_for
from tests.service.world import MONDAY, event, give, give_person, house, rules_with, touches

DAY = timedelta(days=1)
SELLS = "purpose: winback\nwhen: order.cancelled\nonce_per: event.order_id\nhold: none\nsteps: [{%s: hurt_person, %s, review: none}]\n"
MAIL = SELLS % ("email", "template: x/offer.md")
CALL = "purpose: winback\nwhen: order.cancelled\nonce_per: event.order_id\nhold: none\nsteps: [{call: hurt_person, within: 4 hours, brief: x/call.md}]\n"
SORRY = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\nsteps: [{call: hurt_person, within: 4 hours, brief: x/call.md}, {email: hurt_person, after: 1h, template: x/mail.md, review: none}]\n"


def outcome(home: Scratch, *, of: str = "o1") -> tuple[str, str]:
    """(status, reason) of the one message that an order cancelled now would bring."""
    home.take_in(event(home, "order.cancelled", of, "a1", order_id=of))
    home.settle()
    with home.database.view() as unit:
        (run,) = [run for run in unit.runs_of(["a1"]) if run.key == of]
        (touch,) = unit.touches_of_run(run.id)
    return touch.status.value, touch.because


def allowed(home: Scratch, **data: Any) -> None:
    """By the front door, as the company's shop would tell it, a minute later."""
    home.advance(timedelta(minutes=1))
    raw = {
        "specversion": "1.0", "id": f"yes-{home.now}", "source": "shop", "type": "consent.given", "subject": "person:anna",
        "time": home.now.isoformat(), "data": {"person_id": "anna", "purpose": "marketing", **data},
    }  # fmt: skip
    (answer,) = take_in(home.outside, [raw])
    assert answer.outcome == "accepted", answer


def test_selling_by_mail_waits_for_consent_and_names_the_law() -> None:
    with house(rules_with({"sells": MAIL})) as home:
        give(home)
        assert outcome(home) == ("withheld", "no_consent")
        (touch,) = touches(home)
        assert "UWG" in touch.sentence
        allowed(home, channel="email", how="ticked in the shop", wording="Yes, write to me")
        assert outcome(home, of="o2")[0] == "sent"


def test_consent_for_an_old_address_is_none_for_a_new_one() -> None:
    with house(rules_with({"sells": MAIL})) as home:
        give(home)
        allowed(home, channel="email")
        home.advance(timedelta(minutes=1))
        home.take_in(event(home, "person.described", "new", "person:anna", email="new@x.example"))
        assert outcome(home) == ("withheld", "no_consent")


def test_consent_ends_when_it_was_said_to_end() -> None:
    with house(rules_with({"sells": MAIL})) as home:
        give(home)
        allowed(home, channel="email", expires_at=(home.now + 2 * DAY).isoformat())
        assert outcome(home)[0] == "sent"
        home.advance(3 * DAY)
        assert outcome(home, of="o2") == ("withheld", "no_consent")


@pytest.mark.parametrize(("days", "status"), [(100, "sent"), (800, "withheld")])
def test_implied_consent_lasts_as_long_as_the_law_says(days: int, status: str) -> None:
    """Canada: the window itself is from memory, so the strict default holds: no relationship at all. The United
    States ask for no consent to mail; so the United Kingdom by telephone is what shows it."""
    with house(rules_with({"sells": CALL})) as home:
        give(home, "a1", None, country="GB", zone="Europe/London", kind="private")
        give_person(
            home, "anna", ["a1"], country="GB", region="ENG", zone="Europe/London", phone="+442071234567"
        )
        home.take_in(
            event(home, "registry.checked", "tps", "person:anna", person_id="anna", list="tps", listed=False)
        )
        allowed(home, channel="call", basis="implied", ground="purchase")
        home.advance(days * DAY)
        home.take_in(
            event(home, "registry.checked", "tps2", "person:anna", person_id="anna", list="tps", listed=False)
        )
        placed = outcome(home)
        assert placed[0] == ("on_desk" if status == "sent" else "withheld")


@pytest.mark.parametrize(
    ("listed", "age", "placed"),
    [(None, 0, "withheld"), (False, 1, "on_desk"), (False, 40, "withheld"), (True, 1, "withheld")],
)
def test_a_number_is_checked_against_the_registry_before_it_is_called_to_sell(
    listed: bool | None, age: int, placed: str
) -> None:
    with house(rules_with({"sells": CALL})) as home:
        give(home, "a1", None, country="GB", zone="Europe/London", kind="private")
        give_person(
            home, "anna", ["a1"], country="GB", region="ENG", zone="Europe/London", phone="+442071234567"
        )
        if listed is not None:
            home.take_in(
                event(
                    home,
                    "registry.checked",
                    "tps",
                    "person:anna",
                    person_id="anna",
                    list="tps",
                    listed=listed,
                )
            )
        home.advance(age * DAY)
        allowed(home, channel="call", basis="implied", ground="purchase")
        status, because = outcome(home)
        assert status == placed and (status == "on_desk" or because == "not_screened")
        if listed:
            allowed(home, channel="call", how="told us they do not object")
            assert outcome(home, of="o2")[0] == "on_desk"


def test_under_an_embargo_one_colleague_alone_may_contact_them() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        home.take_in(
            event(home, "account.embargoed", "law", "a1", kind="litigation", only="helen", by="ruth")
        )
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        home.advance(timedelta(hours=2))
        call, mail = touches(home)
        assert (call.status, mail.status, mail.because) == ("on_desk", "withheld", "embargo")
        assert call.card is not None
        ruling = desk.dial(home.outside, call.card, "jonas")
        assert not ruling.sends and "helen" in ruling.reason.sentence
        (said,) = care.may_send(home.outside, [Asked(Purpose.MARKETING, email="anna@x.example")])
        assert (said.answer, said.reason) == ("hold", "embargo")
        (theirs,) = care.may_send(home.outside, [Asked(Purpose.TRANSACTIONAL, email="anna@x.example")])
        assert theirs.answer == "allow"
        assert desk.dial(home.outside, call.card, "helen").sends
        home.take_in(event(home, "account.embargo_lifted", "law2", "a1", by="ruth"))
        assert desk.dial(home.outside, call.card, "jonas").sends


def test_a_pause_is_kept_and_ends() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        until = (home.now + 30 * DAY).date().isoformat()
        home.take_in(
            event(home, "preference.stated", "p", "person:anna", person_id="anna", kind="pause", value=until)
        )
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        home.settle()
        (call, *_) = touches(home)
        assert call.card is not None
        ruling = desk.dial(home.outside, call.card, "jonas")
        assert ruling.reason.code == "stated_hours" and "pause" in ruling.reason.sentence
        (said,) = care.may_send(home.outside, [Asked(Purpose.REORDER, person="anna")])
        assert said.answer == "hold" and said.until is not None
        home.advance(31 * DAY)
        assert desk.dial(home.outside, call.card, "jonas").sends


def test_a_way_they_do_not_want_is_not_taken() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        data = {"person_id": "anna", "kind": "not_channel", "value": "email"}
        home.take_in(event(home, "preference.stated", "p", "person:anna", **data))
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        home.advance(timedelta(hours=2))
        assert [(t.channel, t.status.value) for t in touches(home)] == [
            (Channel.CALL, "on_desk"), (Channel.EMAIL, "withheld"),
        ]  # fmt: skip


def test_a_colleague_may_ring_in_spite_of_a_wish_with_a_reason_but_never_of_the_law() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        data = {"person_id": "anna", "kind": "hours", "value": "after 16:00"}
        home.take_in(event(home, "preference.stated", "p", "person:anna", **data))
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        home.settle()
        (call, *_) = touches(home)
        assert call.card is not None
        assert desk.dial(home.outside, call.card, "jonas").reason.code == "stated_hours"
        assert not desk.dial(home.outside, call.card, "jonas", "  ").sends
        assert desk.dial(home.outside, call.card, "jonas", "the lorry stands at her door").sends
        with home.database.view() as unit:
            (row,) = [
                row for row in unit.audit_of(f"card/{call.card}") if row.what == "dial.in_spite_of_wishes"
            ]
        assert (row.who, row.why) == ("jonas", "the lorry stands at her door")
    with house(rules_with({"sorry": SORRY}), start=MONDAY + timedelta(hours=15)) as late:  # 23:00 in Berlin
        give(late)
        late.take_in(event(late, "delivery.lost", "l1", "a1", order_id="o1"))
        late.settle()
        (call, *_) = touches(late)
        assert call.card is not None
        assert desk.dial(late.outside, call.card, "jonas", "it burns").reason.code == "hours"


def test_what_was_settled_a_season_ago_is_forgotten() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        home.take_in({**event(home, "delivery.lost", "bad", "a1"), "type": "nonsense.here"})
        home.take_in({**event(home, "delivery.lost", "open", "a1"), "type": "nonsense.there"})
        with home.database.view() as unit:
            ids = {row[1]: row[0] for row in unit.bulk.rows("select id, event_id from quarantine")}
        home.database.retrying(lambda unit: unit.mark_quarantined(ids["bad"], "discarded"))
        token = care_links.link_by_hand(home.outside, "anna", None, "jonas")
        home.advance(100 * DAY)
        run_errands(home.outside)
        with home.database.view() as unit:
            assert [row[0] for row in unit.bulk.rows("select event_id from quarantine")] == ["open"]
            assert unit.bulk.rows("select count(*) from care_link")[0][0] == 1, "it ended 40 days ago"
        home.advance(60 * DAY)
        run_errands(home.outside)
        with home.database.view() as unit:
            assert unit.bulk.rows("select count(*) from care_link")[0][0] == 0 and token


# -- wishes that look at what happens, and at who else hears of it -------------------------------------------------


def wish(home: Scratch, kind: str, value: str) -> None:
    data = {"person_id": "anna", "kind": kind, "value": value}
    home.take_in(event(home, "preference.stated", f"{kind}{home.now}", "person:anna", **data))


def test_not_before_the_pallet_is_here() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        wish(home, "wait_for", "delivery.arrived o1")
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        home.advance(timedelta(hours=2))
        call, mail = touches(home)
        assert call.card is not None and mail.status == "planned" and mail.because == "stated_hours"
        assert "delivery.arrived o1" in mail.sentence
        assert desk.dial(home.outside, call.card, "jonas").reason.code == "stated_hours"
        (asked,) = care.may_send(home.outside, [Asked(Purpose.MARKETING, email="anna@x.example")])
        assert asked.answer == "hold"
        assert desk.dial(home.outside, call.card, "jonas", "she rang me this minute").sends
        home.take_in(event(home, "delivery.arrived", "d2", "a1", order_id="o2"))
        assert desk.dial(home.outside, call.card, "jonas").reason.code == "stated_hours"
        home.take_in(event(home, "delivery.arrived", "d1", "a1", order_id="o1"))
        assert desk.dial(home.outside, call.card, "jonas").sends
        home.advance(timedelta(hours=2))
        assert touches(home)[1].status == "sent"


BOTH = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\nsteps: [{email: hurt_person, template: x/mail.md, review: none}, {email: payer, after: 1h, template: x/mail.md, review: none}]\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [("only me", "withheld"), ("Nobody else.", "withheld"), ("my husband may know", "sent")],
)
def test_what_is_told_in_confidence_goes_to_nobody_else(words: str, told: str) -> None:
    with house(rules_with({"sorry": BOTH})) as home:
        give(home)
        give_person(home, "otto", ["a1"], role="payer")
        wish(home, "confide", words)
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1", person_id="anna"))
        home.advance(timedelta(hours=2))
        theirs, other = touches(home)
        assert (theirs.person, theirs.status) == ("anna", "sent")
        assert (other.person, other.status) == ("otto", told)
        assert (other.because == "confided") is (told == "withheld")


def test_a_wish_is_asked_about_again_on_its_day() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        again = (home.now + 5 * DAY).date().isoformat()
        data = {
            "person_id": "anna",
            "kind": "hours",
            "value": "after 16:00",
            "by": "jonas",
            "ask_again": again,
        }
        home.take_in(event(home, "preference.stated", "w", "person:anna", **data))
        with home.database.view() as unit:
            anna = as_person(unit.people(["anna"])["anna"])
        (early,), (late,) = preferences_of(anna, home.now), preferences_of(anna, home.now + 5 * DAY)
        assert early.startswith("Reach them after 16:00 (told jonas") and "ask whether" not in early
        assert late.endswith("ask whether it is still so")


# -- what other senders are answered -------------------------------------------------------------------------------


def asked(home: Scratch, purpose: Purpose, **at: str) -> care.MaySend:
    (said,) = care.may_send(home.outside, [Asked(purpose, **at)])
    return said


def test_other_senders_hear_of_the_hours_and_of_the_line_that_says_so() -> None:
    with house(rules_with({}), start=MONDAY + timedelta(hours=15)) as home:  # 23:00 in Berlin
        give(home)
        said = asked(home, Purpose.MARKETING, person="anna", channel="call")
        assert (said.answer, said.reason) == ("hold", "hours") and said.until is not None
        assert "source" in said.sentence or "from memory" in said.sentence
        assert asked(home, Purpose.MARKETING, person="anna", channel="email").answer == "allow"
        assert asked(home, Purpose.TRANSACTIONAL, person="anna", channel="sms").answer == "allow"


def test_consents_that_we_were_told_of_decide_for_other_senders_too() -> None:
    with house(rules_with({})) as home:
        give(home)
        assert asked(home, Purpose.MARKETING, email="anna@x.example").answer == "allow", "theirs to know"
        allowed(home, channel="email", expires_at=(home.now + 2 * DAY).isoformat())
        assert asked(home, Purpose.MARKETING, email="anna@x.example").answer == "allow"
        home.advance(3 * DAY)
        said = asked(home, Purpose.MARKETING, email="anna@x.example")
        assert (said.answer, said.reason) == ("deny", "no_consent") and "UWG" in said.sentence


def test_where_we_keep_the_consents_who_has_none_here_has_none() -> None:
    rules = rules_with({})
    rules = replace(rules, company=replace(rules.company, keeps_consents=True))
    with house(rules) as home:
        give(home)
        assert asked(home, Purpose.MARKETING, email="anna@x.example").reason == "no_consent"
        assert asked(home, Purpose.SERVICE_RECOVERY, email="anna@x.example").answer == "allow"
        assert asked(home, Purpose.MARKETING, email="stranger@x.example").answer == "allow"
        allowed(home, channel="email")
        assert asked(home, Purpose.MARKETING, email="anna@x.example").answer == "allow"


# -- when they may be rung next ------------------------------------------------------------------------------------


def test_the_next_times_are_within_the_law_and_their_wishes() -> None:
    with house(rules_with({})) as home:
        give(home)
        wish(home, "hours", "after 16:00")
        with home.database.view() as unit:
            anna, account = as_person(unit.people(["anna"])["anna"]), unit.account("a1")
            assert account is not None
            found = next_times(Ledger(unit, home.outside, home.now), anna, [account])
        assert len(found.times) == 5 and "DE" in found.place
        for start, end in found.times:
            wall = start.astimezone(ZoneInfo(found.zone))
            assert wall.hour >= 16 and end is not None and start < end
            for at in (start, end - timedelta(minutes=1)):
                assert not_before(anna, at, home.outside.rules().company) is None, at
        shut = replace(anna, opted_out={"call": "told us"})
        with home.database.view() as unit:
            assert next_times(Ledger(unit, home.outside, home.now), shut, [account]).times == ()


def test_the_texts_of_old_messages_go_and_that_they_were_sent_stays() -> None:
    with house(rules_with({"sorry": SORRY})) as home:
        give(home)
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        home.advance(timedelta(hours=2))
        data = {
            "person_id": "anna",
            "channel": "email",
            "asks": "answer",
            "text": "Where is my plum pudding?",
        }
        home.take_in(event(home, "message.received", "m1", "a1", **data))
        with home.database.view() as unit:
            (before,) = unit.attempts_to("anna")
        assert before.text
        run_errands(home.outside)
        home.advance(800 * DAY)
        run_errands(home.outside)
        with home.database.view() as unit:
            (after,) = unit.attempts_to("anna")
            (wrote,) = [each for each in unit.events_of("a1") if each.type == "message.received"]
        assert (after.text, after.subject) == (None, None) and after.recipient == before.recipient
        assert "text" not in wrote.data and after.at == before.at
        assert [id_ for id_, differed in workbench.rebuild(home.outside, write=False) if differed] == []


# -- one human under several records; numbers and addresses themselves ------------------------------------------------


def test_what_they_ask_of_us_under_one_record_holds_under_the_other() -> None:
    with house(rules_with({"sells": MAIL})) as home:
        give(home)
        allowed(home, channel="email")
        give_person(home, "anna2", ["a2"], phone="+4930555", email="anna2@x.example")
        home.take_in(
            event(home, "link.confirmed", "k", "person:anna", person_a="anna", person_b="anna2", by="jonas")
        )
        assert asked(home, Purpose.MARKETING, person="anna").answer == "allow"
        home.advance(timedelta(minutes=1))
        no = {"person_id": "anna2", "purpose": "marketing", "how": "by letter"}
        home.take_in(event(home, "consent.withdrawn", "no", "person:anna2", **no))
        assert asked(home, Purpose.MARKETING, person="anna").answer == "deny"
        assert outcome(home) == ("withheld", "opted_out")


def test_who_leaves_the_marketing_is_sold_to_under_no_other_name() -> None:
    with house(rules_with({"sells": MAIL})) as home:
        give(home)
        for purpose in ("marketing", "winback", "reorder"):
            allowed(home, channel="email", purpose=purpose)
        home.advance(timedelta(minutes=1))
        no = {"person_id": "anna", "how": "by letter"}
        home.take_in(event(home, "consent.withdrawn", "no", "person:anna", **no))
        assert outcome(home) == ("withheld", "opted_out")
        for purpose in (Purpose.MARKETING, Purpose.WINBACK, Purpose.REORDER):
            assert asked(home, purpose, email="anna@x.example").answer == "deny"


def test_an_address_that_was_shut_is_shut_to_whoever_turns_up_with_it_until_they_say_yes() -> None:
    with house(rules_with({})) as home:
        give(home)
        token = care_links.link_by_hand(home.outside, "anna", None, "jonas")
        care_said.stop(home.outside, token, "selling")
        home.advance(timedelta(minutes=1))
        home.take_in(event(home, "person.described", "away", "person:anna", email="other@x.example"))
        assert asked(home, Purpose.MARKETING, email="anna@x.example").answer == "deny"
        assert asked(home, Purpose.TRANSACTIONAL, email="anna@x.example").answer == "allow"
        give_person(home, "nina", ["a2"], phone="+4930555", email="anna@x.example")
        assert asked(home, Purpose.MARKETING, person="nina").answer == "deny"
        home.advance(timedelta(minutes=1))
        yes = {"person_id": "nina", "purpose": "marketing", "channel": "email"}
        home.take_in(event(home, "consent.given", "yes", "person:nina", **yes))
        assert asked(home, Purpose.MARKETING, email="anna@x.example").answer == "allow"


@pytest.mark.parametrize(("shared", "denied"), [(False, True), (True, False)])
def test_a_number_that_wants_no_calls_gets_none_unless_others_have_it_too(shared: bool, denied: bool) -> None:
    with house(rules_with({})) as home:
        give(home)
        number = as_person(people(home)["anna"]).phone
        if shared:
            give_person(home, "otto", ["a1"], phone=number, email="otto@x.example")
        care_said.stop(home.outside, care_links.link_by_hand(home.outside, "anna", None, "x"), "all")
        give_person(home, "later", ["a2"], phone=number, email="later@x.example")
        said = asked(home, Purpose.SERVICE_RECOVERY, person="later", channel="call")
        assert (said.answer == "deny") is denied


def test_a_wish_about_calls_holds_where_they_only_wrote() -> None:
    with house() as home:
        give(home)
        wish(home, "not_channel", "no phone calls")
        letter = Received(
            "email:1", Channel.EMAIL, "anna@x.example", "Anna", "us", "Re", "Where is it?", None
        )
        replies.receive(home.outside, letter)
        home.advance(timedelta(minutes=5))
        (touch,) = [each for each in touches(home) if each.channel is Channel.CALL]
        with home.database.view() as unit:
            ledger = Ledger(unit, home.outside, home.now)
            ledger.lock(["a1"])
            ruling = rule(case_for(ledger, ledger.runs["a1"][touch.run], touch, "jonas"), DIALLING)
        assert (ruling.sends, ruling.reason.code) == (False, "stated_channel")


# -- why they cannot be rung ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "subject", "data", "why"),
    [
        ("preference.stated", "person:anna", {"kind": "not_channel", "value": "no calls"}, "no calls"),
        ("preference.stated", "person:anna", {"kind": "wait_for", "value": "delivery.arrived P-1"}, "P-1"),
        ("endpoint.opted_out", "person:anna", {"channel": "call", "how": "told us"}, "do not want"),
        ("account.embargoed", "a1", {"kind": "litigation", "only": "ruth"}, "Nobody but ruth"),
    ],
)
def test_where_there_is_no_next_time_the_page_says_why(
    type_: str, subject: str, data: dict[str, Any], why: str
) -> None:
    with house() as home:
        give(home)
        home.advance(timedelta(minutes=1))
        named = {"person_id": "anna"} if subject.startswith("person") else {}
        (answer,) = home.take_in(event(home, type_, "e", subject, **named, **data))
        assert answer.outcome == "accepted", answer
        with home.database.view() as unit:
            found = next_times(Ledger(unit, home.outside, home.now), as_person(unit.people(["anna"])["anna"]), unit.accounts(["a1"]))  # fmt: skip
        assert found.times == () and why in found.why


def people(home: Scratch) -> Any:
    with home.database.view() as unit:
        return unit.people(["anna"])
