"""What providers say: it settles what was in doubt, never goes backwards, and what did not arrive is news."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.channels.null import FaultySender
from outreach.domain.facts import Channel
from outreach.domain.signal import (
    TWILIO_CODES,
    Delivery,
    Meaning,
    further,
    meaning_of_http,
    meaning_of_twilio,
)
from outreach.domain.touch import Status
from outreach.lab.scratch import Scratch
from outreach.service import desk, switches
from outreach.service.ports_traffic import Attempt
from outreach.service.ports_ways import Receipt
from outreach.service.sending import record
from outreach.service.signals import LATE, Said, hear
from tests.service.test_leaving import faulty, lost, mail, only
from tests.service.world import give, give_person, house, provided, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def attempt_of(home: Scratch) -> Attempt:
    with home.database.view() as unit:
        (found,) = [a for touch in touches(home) for a in unit.attempts_of([touch.id])]
    return found


def suppressed(home: Scratch, kind: str, value: str) -> dict[str, str]:
    hash_ = home.outside.endpoint_hash(kind, value)
    with home.database.view() as unit:
        return unit.suppressed([hash_]).get(hash_, {})


# -- the order of statuses -------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(list(Delivery)), min_size=1, max_size=6))
def test_any_order_of_the_same_statuses_ends_the_same(words: list[Delivery]) -> None:
    def end(order: Any) -> Delivery | None:
        reached: Delivery | None = None
        for word in order:
            reached = further(reached, word)
        return reached

    assert {end(order) for order in itertools.islice(itertools.permutations(words), 50)} == {max(
        words, key=list(Delivery).index
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (429, Meaning.SLOW_DOWN), (401, Meaning.PROVIDER), (403, Meaning.SENDER), (400, Meaning.REJECTED),
        (413, Meaning.REJECTED), (408, Meaning.IN_DOUBT), (500, Meaning.IN_DOUBT), (503, Meaning.IN_DOUBT),
    ],
)  # fmt: skip
def test_http_statuses_have_a_meaning(status: int, meaning: Meaning) -> None:
    assert meaning_of_http(status) is meaning
    assert meaning_of_twilio(99999, status) is meaning


def test_a_known_code_counts_more_than_the_status() -> None:
    assert all(meaning_of_twilio(code, 500) is meaning for code, meaning in TWILIO_CODES.items())
    assert meaning_of_twilio(None, 0) is Meaning.REJECTED


# -- callbacks and our own record --------------------------------------------------------------------------


def test_what_was_handed_over_is_kept_with_the_intent() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        kept = attempt_of(home)
        assert (kept.provider, kept.recipient, kept.subject) == (
            "sendgrid",
            "anna@x.example",
            "We let you down",
        )
        assert kept.text is not None and kept.text.startswith("I am sorry.")
        assert (kept.delivery, kept.ref) == (Delivery.ACCEPTED, "taken-1")


@pytest.mark.parametrize("script", ["unknown", "crash_after"])
def test_a_callback_settles_what_nobody_knew(script: str) -> None:
    with house(mail(), senders=faulty(script)) as plain:
        home = provided(plain)
        give(home)
        try:
            lost(home)
        except SystemExit:
            assert only(home).status is Status.SENDING
        token = attempt_of(home).token
        assert hear(home.outside, Said(Delivery.DELIVERED, token, "mid-1")) == "known"
        assert only(home).status is Status.SENT
        assert (attempt_of(home).delivery, attempt_of(home).ref) == (Delivery.DELIVERED, "mid-1")
        record(home.outside, only(home), Receipt("unknown"))
        assert only(home).status is Status.SENT


def test_a_callback_before_our_own_record_is_kept_and_the_record_adds_to_it() -> None:
    """The provider is quicker than our second transaction."""

    class Quick(FaultySender):
        def send(self, message: Any, token: str) -> Receipt:
            assert hear(home.outside, Said(Delivery.DELIVERED, token)) == "known"
            return super().send(message, token)

    sender = Quick()
    with house(mail(), senders={Channel.EMAIL: sender, Channel.SMS: sender}) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        assert only(home).status is Status.SENT
        assert (attempt_of(home).delivery, attempt_of(home).ref) == (Delivery.DELIVERED, "taken-1")


def test_a_repeated_or_older_word_changes_nothing() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        token = attempt_of(home).token
        assert hear(home.outside, Said(Delivery.DELIVERED, token)) == "known"
        assert hear(home.outside, Said(Delivery.DELIVERED, token)) == "repeated"
        assert hear(home.outside, Said(Delivery.SENT, token)) == "repeated"
        assert attempt_of(home).delivery is Delivery.DELIVERED


def test_words_about_nothing_of_ours_and_from_long_ago_are_told_apart() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        assert hear(home.outside, Said(Delivery.DELIVERED, "no-such-token", "no-such-ref")) == "unknown"
        token = attempt_of(home).token
        home.advance(LATE + HOUR)
        assert hear(home.outside, Said(Delivery.UNDELIVERED, token, meaning=Meaning.INVALID)) == "late"
        assert suppressed(home, "email", "anna@x.example") == {}


def test_the_provider_s_own_id_finds_it_too() -> None:
    with house(mail()) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        assert hear(home.outside, Said(Delivery.DELIVERED, "", "taken-1")) == "known"


# -- what it means beyond this message -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meaning", "key", "shut"),
    [
        (Meaning.OPTED_OUT, "sms", {"sms": "opted out"}),
        (Meaning.INVALID, "sms", {"sms": "invalid"}),
        (Meaning.NOT_MOBILE, "sms", {"sms": "not_mobile"}),
        (Meaning.FILTERED, "sms", {}),
        (Meaning.REJECTED, "sms", {}),
        (Meaning.INVALID, "email", {"email": "bounced"}),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["refused at once", "told afterwards"])
def test_a_refusal_shuts_what_it_is_about_and_no_more(
    meaning: Meaning, key: str, shut: dict[str, str], at_once: bool
) -> None:
    kind, value = ("email", "anna@x.example") if key == "email" else ("phone", "+4930123456")
    script = [Receipt("failed", meaning=meaning, code="1")] if at_once else []
    with house(mail(key=key), senders=faulty(*script)) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        if not at_once:
            hear(home.outside, Said(Delivery.UNDELIVERED, attempt_of(home).token, "ref", "1", meaning))
        assert only(home).status is (Status.FAILED if at_once else Status.SENT)
        assert suppressed(home, kind, value) == shut


def test_an_opt_out_at_the_carrier_holds_for_everybody_with_that_number_and_the_dial_stays_free() -> None:
    with house(mail(key="sms"), senders=faulty(Receipt("failed", meaning=Meaning.OPTED_OUT))) as plain:
        home = provided(plain)
        give(home)
        give(home, "a2", None)
        give_person(home, "bert", ["a2"])  # the same number
        lost(home)
        lost(home, "2", "o2", "a2")
        assert [touch.because for touch in touches(home, "a2")] == ["opted_out"]
        with home.database.view() as unit:
            people = unit.people(["anna", "bert"])
        assert {id_: set(state.opted_out) for id_, state in people.items()} == {
            "anna": {"sms"},
            "bert": {"sms"},
        }


def test_a_message_that_came_back_is_news_of_the_account() -> None:
    with house(mail(key="sms")) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        hear(
            home.outside,
            Said(Delivery.UNDELIVERED, attempt_of(home).token, "ref", "30006", Meaning.NOT_MOBILE),
        )
        with home.database.view() as unit:
            (news,) = [e for e in unit.events_of("a1") if e.type == "message.undelivered"]
        assert (news.data["meaning"], news.data["code"]) == ("not_mobile", "30006")


def test_a_phone_that_was_off_gets_one_more_try_and_no_third() -> None:
    with house(mail(key="sms")) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        for _ in range(3):
            with home.database.view() as unit:
                newest = unit.attempts_of([touch.id for touch in touches(home)])[-1]
            hear(home.outside, Said(Delivery.UNDELIVERED, newest.token, "", "30003", Meaning.UNREACHABLE))
            home.advance(DAY)
        assert len(home.sent.messages) == 2


def test_credentials_that_are_refused_stop_the_provider_until_somebody_has_looked() -> None:
    refused = Receipt("refused", meaning=Meaning.PROVIDER, counts=False)
    with house(mail(), senders=faulty(refused)) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        home.advance(2 * HOUR)
        assert (only(home).status, only(home).because, only(home).attempt) == (
            Status.PLANNED,
            "provider_stopped",
            1,
        )
        switches.resume_provider(home.outside, "sendgrid", "ops", "the key was changed")
        home.advance(HOUR)
        assert only(home).status is Status.SENT


def test_a_sender_that_may_not_stops_its_channel_only() -> None:
    refused = Receipt("refused", meaning=Meaning.SENDER, counts=False)
    with house(mail(key="sms"), senders=faulty(refused)) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        with home.database.view() as unit:
            assert switches.provider_stopped(unit, "twilio/sms")
            assert not switches.provider_stopped(unit, "twilio")


def test_what_the_provider_never_processed_is_no_attempt() -> None:
    script = [Receipt("refused", counts=False, meaning=Meaning.SLOW_DOWN)] * 12
    with house(mail(), senders=faulty(*script)) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        home.advance(2 * HOUR)
        assert (only(home).status, only(home).attempt) == (Status.SENT, 1)


# -- rehearsal -----------------------------------------------------------------------------------------------


def test_in_rehearsal_only_the_named_are_contacted_and_the_rest_goes_to_the_outbox() -> None:
    with house(mail()) as plain:
        home = provided(plain, live=False, rehearsal_to=frozenset({"bert@x.example"}))
        give(home)
        give(home, "a2", "bert")
        lost(home)
        lost(home, "2", "o2", "a2")
        assert [message.to for message in home.sent.messages] == ["bert@x.example"]
        assert [message.to for message in home.outside.outbox.messages] == ["anna@x.example"]  # type: ignore[union-attr]
        assert attempt_of(home).provider == "outbox"


@settings(max_examples=20)
@given(st.lists(st.sampled_from(list(Delivery)), max_size=5))
def test_whatever_a_provider_says_the_touch_is_sent_once(words: list[Delivery]) -> None:
    with house(mail(), senders=faulty("unknown")) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        token = attempt_of(home).token
        for word in words:
            hear(home.outside, Said(word, token, meaning=Meaning.REJECTED))
        assert only(home).status is (Status.SENT if words else Status.UNKNOWN)


def test_what_is_proved_to_have_left_while_it_waits_to_be_sent_again_is_not_sent_again() -> None:
    with house(mail(), senders=faulty("unknown")) as plain:
        home = provided(plain)
        give(home)
        lost(home)
        home.settle()
        doubtful = only(home)
        assert doubtful.status is Status.UNKNOWN and doubtful.token
        home.database.retrying(lambda unit: unit.set_setting("stop_all", "the test"))
        desk.settle_unknown(home.outside, doubtful.id, "jonas", "again", "it was not in the list")
        home.settle()
        assert hear(home.outside, Said(Delivery.DELIVERED, doubtful.token, "m1")) == "known"
        home.database.retrying(lambda unit: unit.set_setting("stop_all", None))
        home.advance(timedelta(hours=2))
        home.settle()
        assert only(home).status is Status.SENT
        assert len(home.outside.senders[Channel.EMAIL].taken) == 1  # type: ignore[attr-defined]
