"""What people write to us: recognised, listened to, shut first, and never lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from outreach.channels.incoming import Left
from outreach.channels.null import FaultySender
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import Channel
from outreach.domain.touch import Status
from outreach.lab.scratch import Scratch
from outreach.service import mailroom, replies, sending
from outreach.service.mailroom import Copied
from outreach.service.ports_records import User
from outreach.service.ports_traffic import Inbound
from outreach.service.posting import copy_address, led_back, reply_address
from outreach.service.providers import leave
from outreach.service.replies import Received
from outreach.store.unit import StoreUnit
from tests.service.test_leaving import lost, mail, only
from tests.service.test_signals import suppressed
from tests.service.world import (
    event,
    give,
    give_person,
    house,
    own_rules,
    provided,
    rules_with,
    runs,
    statuses,
    touches,
)

DAY = timedelta(days=1)


def sms(text: str, id_: str = "1", sender: str = "+4930123456", **more: Any) -> Received:
    return Received(f"sms:{id_}", Channel.SMS, sender, "", "+4930999", "", text, **more)


def letter(text: str, id_: str = "1", sender: str = "anna@x.example", **more: Any) -> Received:
    given = {"name": "", "subject": "Re: your mail"} | more
    return Received(f"email:{id_}", Channel.EMAIL, sender, recipient="r@in.example", text=text, **given)


def news(home: Scratch, type_: str, subject: str = "a1") -> list[Any]:
    with home.database.view() as unit:
        return [event for event in unit.events_of(subject) if event.type == type_]


def waiting(home: Scratch) -> list[Inbound]:
    with home.database.view() as unit:
        return unit.inbound_open(50)


# -- recognised ------------------------------------------------------------------------------------------


def test_a_reply_becomes_news_stops_what_is_written_and_brings_a_card() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=3))
        home.advance(DAY + timedelta(hours=1))
        assert ("email", "draft") in statuses(home)
        assert replies.receive(home.outside, sms("When does it come?")).outcome == "received"
        home.settle()
        (told,) = news(home, "message.received")
        assert (told.data["text"], told.data["person_id"], told.data["asks"]) == (
            "When does it come?",
            "anna",
            "answer",
        )
        assert ("email", "cancelled") in statuses(home)
        assert {run.playbook for run in runs(home) if run.is_open} >= {"late-delivery", "message-received"}
        with home.database.view() as unit:
            card = unit.open_card("anna")
        assert card is not None and card.caller == "jonas"


def test_the_same_message_again_is_the_same() -> None:
    with house() as home:
        give(home)
        assert replies.receive(home.outside, sms("Hello")).outcome == "received"
        assert replies.receive(home.outside, sms("Hello")).outcome == "duplicate"
        assert len(news(home, "message.received")) == 1


def test_two_deliveries_at_once_are_one_message(database_url: str) -> None:
    with house(database_url=database_url) as home:
        give(home)
        outcomes: list[str] = []
        threads = [
            threading.Thread(
                target=lambda: outcomes.append(replies.receive(home.outside, sms("Hello")).outcome)
            )
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["duplicate"] * 5 + ["received"]
        assert len(news(home, "message.received")) == 1


def test_an_answer_finds_its_message_and_the_account_it_was_about() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        give(home, "a2", None)
        give_person(home, "anna", ["a1", "a2"])
        lost(home, "1", "o1", "a2")
        (touch,) = touches(home, "a2")
        kind, named = led_back(home.outside, reply_address(home.outside, touch.id)) or ("", "")
        assert (kind, named) == ("reply", touch.id)
        replies.receive(home.outside, letter("Thank you", touch=named))
        assert [e.data["touch_id"] for e in news(home, "message.received", "a2")] == [touch.id]


def test_without_an_address_that_leads_back_the_newest_message_tells_the_account() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        give(home, "a2", None)
        give_person(home, "anna", ["a1", "a2"])
        lost(home, "1", "o1", "a2")
        replies.receive(home.outside, letter("Thank you"))
        assert len(news(home, "message.received", "a2")) == 1


def test_an_answer_from_another_address_is_still_theirs() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        replies.receive(home.outside, letter("It's me", sender="anna@private.example", touch=only(home).id))
        assert len(news(home, "message.received")) == 1


@pytest.mark.parametrize(
    "address",
    [
        "r-t1-000000000000@in.hearth.example",
        "r-@in.hearth.example",
        "am-jonas@in.hearth.example",
        "x@in.hearth.example",
        "r-t1-abc@elsewhere.example",
        "",
    ],
)
def test_an_address_that_nobody_gave_leads_nowhere(address: str) -> None:
    with house(mail()) as plain:
        assert led_back(provided(plain).outside, address) is None


def test_addresses_survive_a_change_of_case() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        assert led_back(home.outside, copy_address(home.outside, "jonas").upper()) == ("copy", "jonas")


# -- stop, start, help ---------------------------------------------------------------------------------------


def test_stop_shuts_the_channel_before_anything_else_and_start_opens_it() -> None:
    with house(mail(key="sms")) as plain:
        home = provided(plain)
        give(home)
        assert replies.receive(home.outside, sms(" stop ")).outcome == "stopped"
        assert suppressed(home, "phone", "+4930123456") == {"sms": "opted out"}
        lost(home)
        assert (only(home).status, only(home).because) == (Status.WITHHELD, "opted_out")
        assert replies.receive(home.outside, sms("START", "2")).outcome == "started"
        assert suppressed(home, "phone", "+4930123456") == {}
        lost(home, "2", "o2")
        assert [touch.status for touch in touches(home)][-1] is Status.SENT


def test_a_confirmation_is_said_once_and_only_when_the_carrier_has_not() -> None:
    with house() as home:
        give(home)
        assert "no more texts" in replies.receive(home.outside, sms("STOP"), answers=True).answer
        assert replies.receive(home.outside, sms("STOP", "2"), answers=True).answer == ""
        assert "again" in replies.receive(home.outside, sms("START", "3"), answers=True).answer
        assert replies.receive(home.outside, sms("STOP", "4"), answers=False).answer == ""
        assert (
            replies.receive(home.outside, sms("START", "5", opt_out_type="START"), answers=True).answer == ""
        )
        assert "+49 30 23125 100" in replies.receive(home.outside, sms("HELP", "6"), answers=True).answer


def test_stop_from_a_number_nobody_has_is_kept_for_whoever_gets_it() -> None:
    with house(mail(key="sms")) as plain:
        home = provided(plain)
        assert replies.receive(home.outside, sms("STOP")).outcome == "stopped"
        give(home)
        lost(home)
        assert only(home).because == "suppressed"


def test_who_asked_to_be_deleted_is_not_known_any_more() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "person.erased", "gone", "person:anna", person_id="anna"))
        assert replies.receive(home.outside, sms("Hello?")).outcome == "erased"
        assert waiting(home) == [] and news(home, "message.received") == []


# -- refusals --------------------------------------------------------------------------------------------------


def test_a_refusal_in_free_words_is_shut_at_once_and_waits_for_a_reader() -> None:
    with house() as home:
        give(home)
        home.take_in(event(home, "delivery.delayed", "1", order_id="o1", days_late=3))
        home.advance(DAY + timedelta(hours=1))
        assert replies.receive(home.outside, letter("Please stop writing to me.")).outcome == "refused"
        assert ("email", "cancelled") in statuses(home)
        with home.database.view() as unit:
            anna = unit.people(["anna"])["anna"]
        assert set(anna.opted_out) == {"email", "sms"}
        (row,) = waiting(home)
        assert (row.kind, row.person, row.text) == ("refusal", "anna", "Please stop writing to me.")
        assert "message-received" not in {run.playbook for run in runs(home)}


@pytest.mark.parametrize(
    ("meant", "shut"),
    [("nothing", set()), ("written", {"email", "sms"}), ("calls", {"call"}), ("all", {"all"})],
)
def test_the_reader_sets_what_was_meant(meant: str, shut: set[str]) -> None:
    with house() as home:
        give(home)
        replies.receive(home.outside, letter("Leave me alone"))
        mailroom.settle_refusal(home.outside, "email:1", meant, "jonas")
        with home.database.view() as unit:
            anna = unit.people(["anna"])["anna"]
        assert set(anna.opted_out) == shut
        assert suppressed(home, "email", "anna@x.example") == (
            {} if meant == "nothing" else {"email": "refused in their own words"}
        )
        assert waiting(home) == []
        with pytest.raises(Refused):
            mailroom.settle_refusal(home.outside, "email:1", "all", "jonas")


def test_a_stop_word_outlives_a_refusal_that_was_none() -> None:
    with house() as home:
        give(home)
        replies.receive(home.outside, sms("STOP"))
        replies.receive(home.outside, letter("no more calls"))
        mailroom.settle_refusal(home.outside, "email:1", "nothing", "jonas")
        with home.database.view() as unit:
            assert set(unit.people(["anna"])["anna"].opted_out) == {"sms"}


# -- who is it? ------------------------------------------------------------------------------------------------


def test_what_nobody_can_place_waits_and_never_expires() -> None:
    with house() as home:
        give(home)
        assert (
            replies.receive(home.outside, letter("Where is it?", sender="boss@x.example")).outcome
            == "unknown"
        )
        home.advance(400 * DAY)
        (row,) = waiting(home)
        with home.database.view() as unit:
            (suggested,) = mailroom.suggest(unit, row)
        assert (suggested.person, suggested.account, suggested.why) == (
            "anna",
            "a1",
            "somebody else at x.example",
        )
        mailroom.identify(home.outside, row.id, "anna", None, "jonas")
        assert [e.data["text"] for e in news(home, "message.received")] == ["Where is it?"]
        assert waiting(home) == []


def test_a_name_and_a_number_nearby_are_suggestions() -> None:
    with house() as home:
        give(home)
        replies.receive(home.outside, sms("Hello", sender="+4930123499"))
        replies.receive(home.outside, letter("Hello", "2", sender="a.berg@gmail.com", name="Anna Berg"))
        with home.database.view() as unit:
            why = [[s.why for s in mailroom.suggest(unit, row)] for row in unit.inbound_open(10)]
        assert sorted(why) == [["a number beside theirs"], ["the same name"]]


def test_of_several_accounts_the_colleague_says_which() -> None:
    with house() as home:
        give(home)
        give(home, "a2", None)
        give_person(home, "anna", ["a1", "a2"])
        replies.receive(home.outside, sms("Hello"))
        (row,) = waiting(home)
        with pytest.raises(Refused):
            mailroom.identify(home.outside, row.id, "anna", None, "jonas")
        with pytest.raises(NotFound):
            mailroom.identify(home.outside, row.id, "nobody", "a1", "jonas")
        mailroom.identify(home.outside, row.id, "anna", "a2", "jonas")
        assert len(news(home, "message.received", "a2")) == 1


def test_a_refusal_of_somebody_unknown_is_theirs_once_they_are_known() -> None:
    with house() as home:
        give(home)
        replies.receive(home.outside, letter("stop writing to me", sender="x@y.example"))
        mailroom.identify(home.outside, "email:1", "anna", None, "jonas")
        with home.database.view() as unit:
            assert set(unit.people(["anna"])["anna"].opted_out) == {"all"}
        (row,) = waiting(home)
        assert row.person == "anna"


def test_discarding_needs_a_reason_and_never_hides_a_refusal() -> None:
    with house() as home:
        give(home)
        replies.receive(home.outside, letter("Buy my pills", sender="spam@y.example"))
        with pytest.raises(Refused):
            mailroom.discard(home.outside, "email:1", "ops", " ")
        mailroom.discard(home.outside, "email:1", "ops", "spam")
        assert waiting(home) == []
        replies.receive(home.outside, letter("stop writing to me", "2"))
        with pytest.raises(Refused):
            mailroom.discard(home.outside, "email:2", "ops", "never mind")


def test_erasing_somebody_takes_their_messages_along() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        replies.receive(home.outside, letter("stop writing to me"))
        home.take_in(event(home, "person.erased", "gone", "person:anna", person_id="anna"))
        assert waiting(home) == []
        with home.database.view() as unit:
            (kept,) = unit.attempts_of([only(home).id])
        assert (kept.recipient, kept.subject, kept.text) == (None, None, None)


# -- account managers' own mails -----------------------------------------------------------------------------------


def jonas(home: Scratch) -> None:
    user = User("jonas", "Jonas", "jonas@house.example", "", "am")
    home.database.retrying(lambda unit: unit.save_user(user))


def test_a_copy_of_their_own_mail_is_contact_and_reaches_only_who_has_written() -> None:
    with house(own_rules()) as plain:
        home = provided(plain)
        give(home)
        jonas(home)
        mine = Copied("email:c1", "jonas@house.example", ["anna@x.example"], "About your order", "Dear Anna")
        assert mailroom.copied(home.outside, "jonas", mine) == "logged"
        assert mailroom.copied(home.outside, "jonas", mine) == "duplicate"
        replies.receive(home.outside, letter("Thank you!"))
        assert mailroom.copied(home.outside, "jonas", mine._replace(id="email:c2")) == "logged"
        assert [e.data["reached"] for e in news(home, "contact.logged")] == [False, True]
        assert {e.data["by"] for e in news(home, "contact.logged")} == {"jonas"}


def test_a_forwarded_mail_is_what_the_customer_wrote() -> None:
    with house() as plain:
        home = provided(plain)
        give(home)
        jonas(home)
        mine = Copied(
            "email:f1", "jonas@house.example", [], "Fwd: hm", "see below", "anna@x.example", "Where is it?"
        )
        assert mailroom.copied(home.outside, "jonas", mine) == "received"
        assert [e.data["text"] for e in news(home, "message.received")] == ["Where is it?"]


def test_only_the_account_manager_s_own_address_counts() -> None:
    with house() as plain:
        home = provided(plain)
        give(home)
        jonas(home)
        forged = Copied("email:c1", "mallory@y.example", ["anna@x.example"], "Hm", "…")
        assert mailroom.copied(home.outside, "jonas", forged) == "unknown_user"
        assert news(home, "contact.logged") == []


# -- what a settled refusal may open --------------------------------------------------------------------------


def test_a_stop_stands_whatever_an_earlier_refusal_meant() -> None:
    with house() as home:
        give(home)
        stranger = "+4930777001"
        assert (
            replies.receive(home.outside, sms("Please stop writing to me.", "1", stranger)).outcome
            == "refused"
        )
        replies.receive(home.outside, sms("STOP", "2", stranger))
        mailroom.settle_refusal(home.outside, "sms:1", "nothing", "jonas")
        assert suppressed(home, "phone", stranger)


def test_a_refusal_that_nobody_has_read_keeps_shut_what_another_would_open() -> None:
    with house() as home:
        give(home)
        for id_ in "12":
            replies.receive(home.outside, sms("Please stop writing to me.", id_))
        mailroom.settle_refusal(home.outside, "sms:1", "nothing", "jonas")
        assert suppressed(home, "phone", "+4930123456") and shut_of(home)
        mailroom.settle_refusal(home.outside, "sms:2", "nothing", "jonas")
        assert not suppressed(home, "phone", "+4930123456") and not shut_of(home)


def test_a_report_of_spam_is_not_opened_by_a_settled_refusal() -> None:
    with house() as home:
        give(home)
        leave(home.outside, Left("anna@x.example", "spam_report", ""))
        replies.receive(home.outside, letter("Please stop writing to me.", "1"))
        mailroom.settle_refusal(home.outside, "email:1", "nothing", "jonas")
        assert suppressed(home, "email", "anna@x.example")


def shut_of(home: Scratch) -> dict[str, str]:
    with home.database.view() as unit:
        return unit.people(["anna"])["anna"].opted_out


TEXT = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\nsteps: [{sms: hurt_person, within: 4 hours, template: x/text.md, review: none}]\n"


@pytest.mark.postgres
@pytest.mark.parametrize("words", ["STOP", "Please stop writing to me."])
def test_what_is_committed_before_a_send_stops_it(
    words: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is recognised by a number that two people share, and people are not locked here: the endpoint's
    lock alone keeps the order.

    Whoever refuses between the judgement and the committed intent waits. Once that is committed the message
    is on its way, and the refusal may be written down before or after it has left.
    """
    with house(rules_with({"lost": TEXT}), database_url=postgres_url) as plain:
        home = provided(plain)
        for account, person in (("a1", "anna"), ("a2", "bert")):
            give(home, account, None)
            give_person(home, person, [account])
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1"))
        order: list[str] = []
        others: list[threading.Thread] = []
        me, real, send = threading.current_thread(), StoreUnit.suppressed, sending._send

        def writes() -> None:
            replies.receive(home.outside, sms(words))
            order.append("shut")

        def read(self: StoreUnit, hashes: Any) -> Any:
            found = real(self, hashes)
            if threading.current_thread() is me and self.writes and hashes:
                others.append(threading.Thread(target=writes if len(others) == 1 else lambda: None))
                others[-1].start()
                others[-1].join(2)
                order.append("judged")
            return found

        def handed_over(*args: Any) -> Any:
            order.append("handed over")
            return send(*args)

        monkeypatch.setattr(StoreUnit, "lock_people", StoreUnit.people)
        monkeypatch.setattr(StoreUnit, "suppressed", read)
        monkeypatch.setattr(sending, "_send", handed_over)
        home.settle()
        for other in others:
            other.join(20)
        assert order[:2] == ["judged", "judged"] and sorted(order[2:]) == ["handed over", "shut"]


# -- where an answer belongs -------------------------------------------------------------------------------------


def test_an_answer_is_to_a_message_that_left() -> None:
    senders = {Channel.SMS: FaultySender(["sent", "refused", "refused", "refused"])}
    with house(rules_with({"lost": TEXT}), senders=senders) as plain:
        home = provided(plain)
        give(home)
        give(home, "a2", None)
        give_person(home, "anna", ["a1", "a2"])
        for account, order in (("a1", "o1"), ("a2", "o2")):
            home.take_in(event(home, "delivery.lost", order, account, order_id=order))
            home.settle()
        replies.receive(home.outside, sms("thanks"))
        assert len(news(home, "message.received", "a1")) == 1


def test_a_copy_address_holds_for_a_name_in_capitals() -> None:
    with house() as plain:
        home = provided(plain)
        address = copy_address(home.outside, "Anna.B")
        assert (
            led_back(home.outside, address) == led_back(home.outside, address.lower()) == ("copy", "anna.b")
        )
