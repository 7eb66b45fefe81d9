"""One cause, many customers: one wording on cards and in mails, corrected at once, and nobody told twice without notice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from outreach.domain.errors import NotFound, Refused
from outreach.domain.incident import Incident
from outreach.domain.talk import Outcome
from outreach.domain.touch import Disposition, Status
from outreach.lab.scratch import Scratch
from outreach.service import desk, incident_telling, incidents, outcomes
from outreach.service.incident_words import spoken_of
from outreach.service.ledger import Ledger
from tests.service import world
from tests.service.world import event, failure, give, house, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HEAD = (
    "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\n"
)
FRIDAY, MONDAY = "The pass is shut. We come on Friday.", "The pass is shut. We come on Monday."


def mails(review: str = "owner", more: str = "") -> Any:
    step = f"{{email: hurt_person, template: x/many.md, review: {review}}}"
    return world.rules_with({"lost": f"{HEAD}steps: [{step}{more}]\n"})


def calls() -> Any:
    step = "{call: hurt_person, within: 4 business hours, brief: x/call.md}"
    return world.rules_with({"lost": f"{HEAD}steps: [{step}]\n"})


def let_down(home: Scratch, accounts: int = 6, carrier: str = "North", start: str = "a") -> list[str]:
    names = [f"{start}{number}" for number in range(1, accounts + 1)]
    for name in names:
        give(home, name, f"p{name}", team="berlin")
        home.take_in(event(home, "delivery.lost", f"l-{name}", name, order_id=f"o-{name}", carrier=carrier))
    home.settle()
    return names


def opened(home: Scratch, carrier: str = "North", field: str = "carrier") -> Incident:
    since, until = home.now - DAY, home.now + 2 * DAY
    return incidents.open_one(home.outside, "Snow", "delivery.lost", field, carrier, since, until, "otto")


def say(home: Scratch, incident: Incident, words: str) -> int:
    made = incident_telling.write(home.outside, incident.id, "Snow in the Alps.", words, "ruth")
    return incident_telling.approve(home.outside, incident.id, made.number, "otto")


def stands(home: Scratch, incident: Incident) -> incidents.Standing:
    with home.database.view() as unit:
        return incidents.standing(unit, home.outside, incident.id)


def told_earlier(home: Scratch, incident: Incident) -> list[str]:
    with home.database.view() as unit:
        found = incidents.told_earlier(unit, incidents.standing(unit, home.outside, incident.id))
    return sorted(each.failure.account for each in found)


def drafts(home: Scratch, account: str = "a1") -> list[str]:
    return [str(t.draft["text"]) for t in touches(home, account) if t.status is Status.DRAFT and t.draft]


# -- who belongs to it ------------------------------------------------------------------------------------------


def test_five_with_one_carrier_are_suggested_and_an_incident_is_not_suggested_again() -> None:
    with house(calls()) as home:
        let_down(home, 5)
        let_down(home, 2, "South", "b")
        with home.database.view() as unit:
            stand, (one,) = incidents.all_of(unit, home.outside, home.now)
        assert stand == [] and (one.field, one.value, one.accounts) == ("carrier", "North", 5)
        incidents.open_one(home.outside, "Snow", one.type, one.field, one.value, one.since, one.until, "otto")
        with home.database.view() as unit:
            (made,), suggested = incidents.all_of(unit, home.outside, home.now)
        assert suggested == [] and (made.accounts, made.reached) == (5, 0)


def test_who_comes_later_joins_and_what_is_taken_back_goes() -> None:
    with house(calls()) as home:
        let_down(home)
        it = opened(home)
        assert stands(home, it).accounts == 6
        let_down(home, 1, "North", "late")
        assert stands(home, it).accounts == 7
        home.take_in(event(home, "delivery.lost", "l-a1", "a1", order_id="o-a1", carrier="South"))
        assert stands(home, it).accounts == 6, "it was another carrier after all"


def test_reached_and_put_right_are_counted_by_customer() -> None:
    with house(calls()) as home:
        names = let_down(home)
        it = opened(home)
        for account, right in (("a1", []), ("a2", ["delivery/o-a2"])):
            (call,) = touches(home, account)
            outcomes.settle(
                home.outside, call.card or "", "jonas", Outcome(Disposition.REACHED, put_right=right)
            )
        found = stands(home, it)
        assert (found.accounts, found.reached, found.right) == (len(names), 2, 1)
        assert [each.account for each in found.failures][-1] == "a2", "who waits comes first"
        assert found.weight == 6 * int(found.severity) * 4


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": " "}, "in a few words"),
        ({"type": "order.placed"}, "a failure"),
        ({"type": "nothing.known"}, "a failure"),
        ({"field": "order_id"}, "no field order_id"),
        ({"value": " "}, "Say which carrier"),
        ({"days": 0}, "ends after it begins"),
        ({"days": 91}, "ends after it begins"),
    ],
)
def test_a_rule_has_to_mean_somebody(change: dict[str, Any], why: str) -> None:
    with house(calls()) as home:
        told = {
            "title": "Snow",
            "type": "delivery.lost",
            "field": "carrier",
            "value": "North",
            "days": 2,
        } | change
        with pytest.raises(Refused, match=why):
            incidents.open_one(
                home.outside, told["title"], told["type"], told["field"], told["value"], home.now,
                home.now + told["days"] * DAY, "otto",
            )  # fmt: skip


# -- one wording ---------------------------------------------------------------------------------------------------


def test_nothing_is_said_before_somebody_has_approved_it() -> None:
    with house(mails()) as home:
        it = opened(home)
        made = incident_telling.write(home.outside, it.id, "", FRIDAY, "ruth")
        let_down(home)
        assert drafts(home) and FRIDAY not in drafts(home)[0]
        assert incident_telling.approve(home.outside, it.id, made.number, "otto") == 6, (
            "each draft is written anew"
        )
        assert FRIDAY in drafts(home)[0]
        with home.database.view() as unit:
            ledger = Ledger(unit, home.outside, home.now)
            assert spoken_of(ledger, "a1", "delivery/o-a1") and not spoken_of(ledger, "a1", "delivery/o-x")
            rows = [(row.who, row.what) for row in unit.audit_of(f"incident/{it.id}")]
        assert ("ruth", "wording.written") in rows and ("otto", "wording.approved") in rows


FREITAG, MONTAG = "Der Pass ist zu. Wir kommen am Freitag.", "Der Pass ist zu. Wir kommen am Montag."


def both(english: str, german: str) -> str:
    return f"{english}\n\n[de]\n{german}"


def let_down_in(home: Scratch, language: str, account: str) -> None:
    give(home, account, None, team="berlin")
    world.give_person(home, f"p{account}", [account], language=language)
    home.take_in(
        event(home, "delivery.lost", f"l-{account}", account, order_id=f"o-{account}", carrier="North")
    )
    home.settle()


def test_each_is_told_in_the_language_of_their_mail() -> None:
    with house(mails()) as home:
        say(home, opened(home), both(FRIDAY, FREITAG))
        for language in ("en", "de", "fr"):
            let_down_in(home, language, language)
        (english,), (german,), (french,) = (drafts(home, account) for account in ("en", "de", "fr"))
        assert FRIDAY in english and FREITAG not in english
        assert FREITAG in german and FRIDAY not in german and "[de]" not in german
        assert FRIDAY in french and "sorry" in french, (
            "they have no mail of their own: all of it is in the last resort"
        )


def test_whose_mail_is_in_a_language_without_words_reads_nothing_of_it() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, FRIDAY)
        let_down_in(home, "de", "a1")
        (without,) = drafts(home)
        assert "tut mir leid" in without and FRIDAY not in without
        assert say(home, it, both(FRIDAY, FREITAG)) == 1, "once there are words, the draft is written anew"
        assert FREITAG in drafts(home)[0]


def test_those_who_wait_and_have_no_words_in_their_language_are_counted() -> None:
    with house(calls()) as home:
        it = opened(home)
        for account, language in (("a1", "en"), ("a2", "de-AT"), ("a3", "fr"), ("a4", "fr")):
            let_down_in(home, language, account)

        def counted() -> dict[str, int]:
            with home.database.view() as unit:
                return dict(
                    incidents.unworded(unit, home.outside, incidents.standing(unit, home.outside, it.id))
                )

        assert counted() == {}, "nothing may be said at all"
        say(home, it, FRIDAY)
        assert counted() == {"de-AT": 1, "fr": 2}
        say(home, it, both(FRIDAY, FREITAG))
        assert counted() == {"fr": 2}
        (call,) = touches(home, "a4")
        outcomes.settle(home.outside, call.card or "", "jonas", Outcome(Disposition.REACHED))
        assert counted() == {"fr": 1}, "who has been spoken with does not wait"


def test_words_in_other_languages_only_leave_the_last_resort_without_any() -> None:
    with house(mails()) as home:
        say(home, opened(home), f"[de]\n{FREITAG}")
        let_down_in(home, "en", "a1")
        let_down_in(home, "de-AT", "a2")
        assert "Pass" not in drafts(home)[0] and FREITAG in drafts(home, "a2")[0]


def test_a_correction_in_one_language_is_one_for_its_readers_only() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, both(FRIDAY, FREITAG))
        for language in ("en", "de"):
            let_down_in(home, language, language)
            (touch,) = touches(home, language)
            desk.release(home.outside, touch.id, "jonas", "Sorry", drafts(home, language)[0])
        home.settle()
        assert len(home.sent.messages) == 2
        home.advance(HOUR)
        say(home, it, both(FRIDAY, MONTAG))
        assert told_earlier(home, it) == ["de"]


def test_what_was_released_in_a_language_that_was_taken_back_is_read_again() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, both(FRIDAY, FREITAG))
        let_down_in(home, "de", "a1")
        (touch,) = touches(home)
        old = str((touch.draft or {})["text"])
        say(home, it, FRIDAY)
        desk.release(home.outside, touch.id, "jonas", "Sorry", old)
        home.settle()
        assert home.sent.messages == [] and "Pass" not in drafts(home)[0]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (f"{FRIDAY}\n[en]\n{MONDAY}", "Written twice: en"),
        (f"{FRIDAY}\n[de]\n{FREITAG}\n[DE]\n{MONTAG}", "Written twice: de"),
        (f"{FRIDAY}\n[de]\n", "below .de."),
        (f"{FRIDAY}\n[de] {FREITAG}", "in a line of its own"),
        (f"{FRIDAY}\n[de_AT]\n{FREITAG}\n[ de-at ]\n{MONTAG}", "Written twice: de-at"),
    ],
)
def test_languages_that_are_not_clear_are_refused(words: str, why: str) -> None:
    with house(mails()) as home, pytest.raises(Refused, match=why):
        say(home, opened(home), words)


def test_customers_of_another_cause_are_told_nothing_of_it() -> None:
    with house(mails()) as home:
        say(home, opened(home), FRIDAY)
        let_down(home, 1, "South", "b")
        assert FRIDAY not in drafts(home, "b1")[0]


def test_a_correction_changes_what_is_pending_and_names_who_was_told() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, FRIDAY)
        let_down(home)
        for account in ("a1", "a2"):
            (touch,) = touches(home, account)
            desk.release(home.outside, touch.id, "jonas", "Sorry", str((touch.draft or {})["text"]))
        home.settle()
        assert len(home.sent.messages) == 2 and told_earlier(home, it) == []
        home.advance(HOUR)
        assert say(home, it, MONDAY) == 4
        assert told_earlier(home, it) == ["a1", "a2"]
        assert MONDAY in drafts(home, "a3")[0] and FRIDAY not in drafts(home, "a3")[0]


def test_what_was_released_with_earlier_words_does_not_leave_but_is_read_again() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, FRIDAY)
        let_down(home, 1)
        (touch,) = touches(home)
        old = str((touch.draft or {})["text"])
        say(home, it, MONDAY)
        desk.release(home.outside, touch.id, "jonas", "Sorry", old)  # from a page that was open meanwhile
        home.settle()
        assert home.sent.taken == [] and MONDAY in drafts(home)[0]
        desk.release(home.outside, touch.id, "jonas", "Sorry", drafts(home)[0])
        home.settle()
        assert MONDAY in home.sent.messages[0].text


PROMISE, LESS = "The pass is shut. We come on Friday and pay you 100 euros.", "The pass is shut."


@pytest.mark.parametrize("then", ["nothing", "closed", "another"])
@pytest.mark.parametrize(("first", "second"), [(FRIDAY, MONDAY), (PROMISE, LESS)])
def test_words_that_were_taken_back_never_leave(first: str, second: str, then: str) -> None:
    """Whether the correction is a part of them, the incident is closed, or a second one is opened on the same."""
    with house(mails()) as home:
        it = opened(home)
        say(home, it, first)
        let_down(home, 1)
        (touch,) = touches(home)
        old = str((touch.draft or {})["text"])
        say(home, it, second)
        if then == "closed":
            incidents.close(home.outside, it.id, "otto", "it is over")
        if then == "another":
            home.advance(HOUR)
            say(home, opened(home), "The road is shut, too.")
        desk.release(home.outside, touch.id, "jonas", "Sorry", old)
        home.settle()
        assert home.sent.messages == []
        (waiting,) = drafts(home)
        assert first not in waiting
        desk.release(home.outside, touch.id, "jonas", "Sorry", waiting)
        home.settle()
        assert len(home.sent.messages) == 1


def test_who_was_told_more_than_is_said_now_is_named() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, PROMISE)
        let_down(home, 1)
        (touch,) = touches(home)
        desk.release(home.outside, touch.id, "jonas", "Sorry", str((touch.draft or {})["text"]))
        home.settle()
        say(home, it, LESS)
        assert told_earlier(home, it) == ["a1"]


def test_mails_that_nobody_reads_first_say_what_is_approved_when_they_leave() -> None:
    with house(mails("none")) as home:
        it = opened(home)
        say(home, it, FRIDAY)
        say(home, it, MONDAY)
        let_down(home, 1)
        assert MONDAY in home.sent.messages[0].text and told_earlier(home, it) == []


def test_who_was_told_on_the_phone_counts_until_they_hear_the_new_words() -> None:
    with house(calls()) as home:
        it = opened(home)
        let_down(home, 2)
        say(home, it, FRIDAY)
        home.advance(HOUR)
        (call,) = touches(home, "a1")
        outcomes.settle(home.outside, call.card or "", "jonas", Outcome(Disposition.REACHED))
        assert failure(home, "delivery/o-a1").spoken
        home.advance(HOUR)
        say(home, it, MONDAY)
        assert told_earlier(home, it) == ["a1"]


def test_words_that_are_edited_out_were_not_told() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, FRIDAY)
        let_down(home, 1)
        (touch,) = touches(home)
        desk.release(home.outside, touch.id, "jonas", "Sorry", "I am sorry, and I ring you.")
        home.settle()
        say(home, it, MONDAY)
        assert len(home.sent.messages) == 1 and told_earlier(home, it) == []


def test_a_closed_incident_is_told_no_more() -> None:
    with house(mails()) as home:
        it = opened(home)
        say(home, it, FRIDAY)
        with pytest.raises(Refused, match="Say why"):
            incidents.close(home.outside, it.id, "otto", " ")
        incidents.close(home.outside, it.id, "otto", "the pass is open")
        let_down(home, 1)
        assert FRIDAY not in drafts(home)[0]
        for again in (
            lambda: incidents.close(home.outside, it.id, "otto", "again"),
            lambda: incident_telling.write(home.outside, it.id, "", FRIDAY, "otto"),
        ):
            with pytest.raises(Refused, match="closed"):
                again()


def test_only_the_newest_wording_is_approved_and_once() -> None:
    with house(calls()) as home:
        it = opened(home)
        first = incident_telling.write(home.outside, it.id, "", FRIDAY, "ruth")
        second = incident_telling.write(home.outside, it.id, "", MONDAY, "ruth")
        with pytest.raises(Refused, match="newer wording"):
            incident_telling.approve(home.outside, it.id, first.number, "otto")
        incident_telling.approve(home.outside, it.id, second.number, "otto")
        with pytest.raises(Refused, match="approved already"):
            incident_telling.approve(home.outside, it.id, second.number, "otto")
        with pytest.raises(NotFound):
            incident_telling.approve(home.outside, "none", 1, "otto")


@pytest.mark.parametrize(
    ("words", "why"),
    [(" ", "Write what"), ("x" * 1501, "at most"), ("20 % off your next order", "would sell")],
)
def test_words_that_sell_or_are_none_are_refused(words: str, why: str) -> None:
    with house(calls()) as home:
        with pytest.raises(Refused, match=why):
            incident_telling.write(home.outside, opened(home).id, "", words, "ruth")
