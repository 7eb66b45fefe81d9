"""The policy: its order, each rule alone, and that no stream of touches ever breaks a cap."""

from __future__ import annotations

import heapq
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain import policy
from outreach.domain.blast import Answer
from outreach.domain.company import Caps
from outreach.domain.facts import Channel, Preference, Purpose
from outreach.domain.hold import Hold
from outreach.domain.policy import DIALLING, PLACING, RECHECK, RULES, Action, Case, LawSays, Rule, rule
from outreach.domain.touch import Status, Touch
from tests.domain.makers import DAY, HOUR, MINUTE, MONDAY, person, touch

FREE = LawSays(allowed=True, until=None)
SEND, WAIT, DROP = Action.SEND, Action.WAIT, Action.DROP


def case(**changes: Any) -> Case:
    """A mail about a failure, to Anna, against which nothing speaks. Names of the touch's fields change it."""
    of_touch = {
        name: changes.pop(name)
        for name in list(changes)
        if name in Touch.__dataclass_fields__ and name != "person"
    }
    values: dict[str, Any] = {"touch": touch(**of_touch), "now": MONDAY, "person": person(), "law": FREE}
    return Case(**{**values, **changes})


def held(until: datetime) -> Hold:
    return Hold(
        "h1", "r2", "a1", "account", tuple(Purpose), "late-delivery", MONDAY, MONDAY + 30 * DAY, until=until
    )


def names(rules: tuple[Rule, ...]) -> list[str]:
    return [each.__name__ for each in rules]


# --- the order ----------------------------------------------------------------------------------------


def test_the_order_of_the_rules_at_the_moment_of_sending() -> None:
    assert names(RULES) == [
        "kill_switch", "provider", "publish", "blast_radius", "erased", "run_stopped", "embargoed", "reachable", "opted_out", "suppressed",
        "stated_channel", "confided", "consent", "screened", "still_true", "in_time", "held", "outranked", "capped", "stated_hours", "lawful_hours",
    ]  # fmt: skip


def test_what_decides_whether_a_call_goes_to_the_desk() -> None:
    assert names(PLACING) == [
        "publish", "blast_radius", "erased", "run_stopped", "opted_out", "suppressed", "stated_channel", "confided", "consent", "screened",
        "still_true", "held",
    ]  # fmt: skip


def test_what_decides_whether_a_human_may_dial_now() -> None:
    assert names(DIALLING) == [
        "kill_switch", "erased", "embargoed", "opted_out", "suppressed", "stated_channel", "confided", "consent",
        "screened", "asked_time", "capped", "stated_hours", "lawful_hours",
    ]  # fmt: skip


def test_placing_keeps_the_order_of_sending_and_looks_at_neither_hours_nor_caps() -> None:
    assert [each for each in RULES if each in PLACING] == list(PLACING)
    assert not {"capped", "stated_hours", "lawful_hours", "in_time", "kill_switch"} & set(names(PLACING))


def test_dialling_keeps_the_order_of_sending_but_for_the_hour_they_asked_for() -> None:
    shared = [each for each in DIALLING if each is not policy.asked_time]
    assert [each for each in RULES if each in shared] == shared


def test_nothing_speaking_against_it_means_send() -> None:
    for rules in (RULES, PLACING, DIALLING):
        ruling = rule(case(), rules)
        assert (ruling.action, ruling.reason.code, ruling.sends) == (SEND, "allowed", True)


# --- each rule alone ------------------------------------------------------------------------------------

CALL, SMS, TASK = Channel.CALL, Channel.SMS, Channel.TASK
LATER = MONDAY + 3 * HOUR
NO_CONSENT = LawSays(allowed=True, until=None, consent_ok=False, consent_sentence="They never agreed.")
AT_NIGHT = LawSays(allowed=False, until=LATER, sentence="Not before eight.")
NEVER = LawSays(allowed=False, until=None)
STOPPED = person(opted_out={"email": "link", "marketing": "care page"})
SHUT = person(opted_out={"all": "refused"})
NO_RINGING = person(opted_out={"call": "told us"})
UNSCREENED = LawSays(allowed=True, until=None, unscreened="The number was never checked against tps.")
NO_MAILS = person(preferences=(Preference("not_channel", "email, call", MONDAY),))
NO_CALLS = person(preferences=(Preference("not_channel", "call", MONDAY),))

SPEAKS: list[tuple[Rule, dict[str, Any], Action, str]] = [
    (policy.kill_switch, {"kill_switch": True}, WAIT, "kill_switch"),
    (policy.provider, {"provider_stopped": "The key is refused."}, WAIT, "provider_stopped"),
    (policy.publish, {"publish_state": "disabled"}, DROP, "disabled"),
    (policy.publish, {"publish_state": "paused"}, WAIT, "paused"),
    (policy.publish, {"publish_state": "shadow"}, DROP, "shadow"),
    (policy.blast_radius, {"blast": Answer.ASKING}, WAIT, "blast_radius"),
    (policy.blast_radius, {"blast": Answer.ASKING, "channel": TASK}, WAIT, "blast_radius"),
    (policy.blast_radius, {"blast": Answer.REFUSED, "channel": CALL}, DROP, "blast_radius"),
    (policy.erased, {"person": person(erased=True)}, DROP, "erased"),
    (policy.run_stopped, {"run_open": False, "run_why": "put_right"}, DROP, "run_ended"),
    (policy.reachable, {"person": None}, DROP, "nobody_known"),
    (policy.reachable, {"person": person(email=None)}, DROP, "no_endpoint"),
    (policy.reachable, {"person": person(phone=None), "channel": SMS}, DROP, "no_endpoint"),
    (policy.opted_out, {"person": STOPPED}, DROP, "opted_out"),
    (policy.opted_out, {"person": STOPPED, "channel": CALL, "purpose": Purpose.MARKETING}, DROP, "opted_out"),
    (policy.opted_out, {"person": SHUT, "channel": CALL}, DROP, "opted_out"),
    (policy.opted_out, {"person": SHUT, "channel": CALL, "purpose": Purpose.CALLBACK}, DROP, "opted_out"),
    (
        policy.opted_out,
        {"person": STOPPED, "purpose": Purpose.CALLBACK},
        DROP,
        "opted_out",
    ),  # a mail, not a call
    (policy.opted_out, {"person": NO_RINGING, "channel": CALL}, DROP, "opted_out"),
    (policy.opted_out, {"person": SHUT, "channel": CALL, "they_wait": True}, DROP, "opted_out"),
    (policy.opted_out, {"person": STOPPED, "they_wait": True}, DROP, "opted_out"),
    (policy.suppressed, {"suppressed": "erased before"}, DROP, "suppressed"),
    (policy.consent, {"law": NO_CONSENT, "purpose": Purpose.WINBACK}, DROP, "no_consent"),
    (policy.consent, {"law": NO_CONSENT, "purpose": Purpose.REORDER, "channel": CALL}, DROP, "no_consent"),
    (policy.embargoed, {"embargo": "Only Helen may."}, DROP, "embargo"),
    (policy.embargoed, {"embargo": "Only Helen may.", "channel": CALL}, WAIT, "embargo"),
    (policy.stated_channel, {"person": NO_MAILS}, DROP, "stated_channel"),
    (policy.stated_channel, {"person": NO_MAILS, "they_wait": True}, DROP, "stated_channel"),
    (policy.stated_channel, {"person": NO_CALLS, "channel": CALL}, DROP, "stated_channel"),
    (policy.confided, {"confided": "In confidence."}, DROP, "confided"),
    (policy.screened, {"law": UNSCREENED, "purpose": Purpose.WINBACK, "channel": CALL}, DROP, "not_screened"),
    (policy.still_true, {"still_open": False}, DROP, "no_longer_true"),
    (policy.still_true, {"step_if": False}, DROP, "step_if"),
    (policy.still_true, {"step_if": False, "channel": CALL}, DROP, "step_if"),
    (policy.still_true, {"step_if": None}, DROP, "cannot_tell"),
    (policy.still_true, {"still_open": None}, DROP, "cannot_tell"),
    (policy.in_time, {"not_after": MONDAY - MINUTE}, DROP, "expired"),
    (policy.held, {"hold": held(LATER)}, WAIT, "held"),
    (policy.outranked, {"outranked_until": LATER}, WAIT, "outranked"),
    (
        policy.stated_hours,
        {"preferred_until": LATER, "preferred_sentence": "After four."},
        WAIT,
        "stated_hours",
    ),
    (policy.asked_time, {"purpose": Purpose.CALLBACK, "channel": CALL, "due": LATER}, WAIT, "asked_time"),
    (policy.lawful_hours, {"law": AT_NIGHT}, WAIT, "hours"),
    (policy.lawful_hours, {"law": AT_NIGHT, "purpose": Purpose.CALLBACK, "channel": CALL}, WAIT, "hours"),
    (policy.lawful_hours, {"law": NEVER}, DROP, "no_lawful_hour"),
]

SILENT: list[tuple[Rule, dict[str, Any]]] = [
    (policy.provider, {"provider_stopped": "The key is refused.", "channel": CALL}),  # a human dials
    (policy.publish, {"publish_state": "percent"}),
    (policy.blast_radius, {"blast": Answer.LET_GO}),
    (policy.blast_radius, {"blast": Answer.OVER}),  # it was let go before
    (policy.erased, {"person": None}),
    (policy.reachable, {"person": person(phone=None), "channel": CALL}),  # on the desk: a human finds out
    (policy.reachable, {"person": None, "channel": CALL}),
    (policy.opted_out, {"person": person(opted_out={"sms": "STOP", "winback": "x"})}),
    (policy.opted_out, {"person": STOPPED, "channel": CALL}),
    # They asked to be called: neither the shut channel nor a shut purpose speaks against that call.
    (policy.opted_out, {"person": person(opted_out={"call": "x", "callback": "x"}), "channel": CALL,
                        "purpose": Purpose.CALLBACK}),
    (policy.opted_out, {"person": SHUT, "channel": TASK}),  # a task is no contact
    (policy.suppressed, {"suppressed": "erased before", "channel": TASK}),
    (policy.consent, {"law": NO_CONSENT}),  # repair needs no consent to sell
    (policy.consent, {"law": NO_CONSENT, "purpose": Purpose.CALLBACK}),
    (policy.embargoed, {"embargo": "Only Helen may.", "channel": TASK}),
    (policy.stated_channel, {"person": NO_MAILS, "channel": SMS}),
    (policy.stated_channel, {"person": NO_CALLS, "channel": CALL, "purpose": Purpose.CALLBACK}),  # they ask for it
    (policy.stated_channel, {"person": None}),
    (policy.confided, {"confided": "In confidence.", "channel": TASK}),  # a task is no contact
    (policy.screened, {"law": UNSCREENED, "channel": CALL}),  # a call to repair needs no registry
    (policy.still_true, {"still_open": False, "has_branch": True}),
    (policy.still_true, {"step_if": None, "channel": CALL}),  # cannot tell: the human on the phone can
    (policy.in_time, {"not_after": MONDAY}),
    (policy.in_time, {"deadline": MONDAY - DAY, "channel": CALL}),  # a call is overdue, it never expires
    (policy.outranked, {"outranked_until": LATER, "channel": CALL}),  # calls merge on the card
    (policy.stated_hours, {"preferred_until": LATER, "purpose": Purpose.CALLBACK, "channel": CALL}),
    (policy.asked_time, {"due": LATER}),
    (policy.asked_time, {"purpose": Purpose.CALLBACK, "channel": CALL, "due": MONDAY}),
    (policy.lawful_hours, {"law": NEVER, "channel": TASK}),
    (policy.capped, {"caps": Caps(per_person_per_day=0), "channel": TASK}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("each", "changes", "action", "code"), SPEAKS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_rule_that_speaks(each: Rule, changes: dict[str, Any], action: Action, code: str) -> None:
    ruling = each(case(**changes))
    assert ruling is not None
    assert (ruling.action, ruling.reason.code) == (action, code)
    assert (ruling.until is not None) is (action is WAIT)
    assert ruling.until is None or ruling.until > MONDAY
    assert ruling.reason.sentence.strip()


@pytest.mark.parametrize(("each", "changes"), SILENT)
def test_a_rule_that_has_nothing_to_say(each: Rule, changes: dict[str, Any]) -> None:
    assert each(case(**changes)) is None


@pytest.mark.parametrize("each", dict.fromkeys([*RULES, *DIALLING]), ids=lambda each: each.__name__)
def test_every_rule_is_silent_when_all_is_well_and_speaks_in_the_table_above(each: Rule) -> None:
    assert each(case()) is None
    assert each is policy.capped or each in {row[0] for row in SPEAKS}


def test_the_kill_switch_and_a_pause_are_asked_again_soon() -> None:
    for changes in ({"kill_switch": True}, {"publish_state": "paused"}):
        assert rule(case(**changes)).until == MONDAY + RECHECK


WAITING = [
    {"hold": held(LATER)},
    {"outranked_until": LATER},
    {"preferred_until": LATER, "preferred_sentence": "After four."},
    {"law": AT_NIGHT},
    {"caps": Caps(per_person_per_day=1), "contacts": [touch(intent_at=LATER - DAY)]},
]


@pytest.mark.parametrize("changes", WAITING)
def test_waiting_past_its_last_hour_is_dropping(changes: dict[str, Any]) -> None:
    in_time, too_late = case(not_after=LATER, **changes), case(not_after=LATER - MINUTE, **changes)
    assert (rule(in_time).action, rule(in_time).until) == (WAIT, LATER)
    assert rule(too_late).action is DROP
    assert rule(too_late).reason.code == rule(in_time).reason.code
    assert "time passes" in rule(too_late).reason.sentence


@pytest.mark.parametrize("rules", [RULES, PLACING, DIALLING])
@pytest.mark.parametrize("no", [{"person": person(erased=True)}, {"person": SHUT}])
@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("also", [{}, *WAITING, {"still_open": False}, {"not_after": MONDAY - DAY}])
def test_an_opt_out_or_erasure_beats_everything_but_the_kill_switch(
    rules: tuple[Rule, ...], no: dict[str, Any], purpose: Purpose, also: dict[str, Any]
) -> None:
    ruling = rule(case(channel=CALL, purpose=purpose, **no, **also), rules)
    assert (ruling.action, ruling.reason.code) == (DROP, "erased" if no["person"].erased else "opted_out")


@pytest.mark.parametrize("also", [{"publish_state": "paused"}, {"kill_switch": True}, {"run_open": False}])
def test_whatever_speaks_before_an_opt_out_does_not_send_either(also: dict[str, Any]) -> None:
    assert not rule(case(person=SHUT, **also)).sends
    assert not rule(case(person=person(erased=True), **also)).sends


def test_the_first_rule_that_speaks_decides() -> None:
    everything = case(
        kill_switch=True, publish_state="disabled", person=person(erased=True, opted_out={"all": "x"}),
        run_open=False, suppressed="x", still_open=False, not_after=MONDAY - DAY,
    )  # fmt: skip
    codes = []
    for index in range(len(RULES)):
        codes.append(rule(everything, RULES[index:]).reason.code)
    told = list(dict.fromkeys(codes))
    assert told[:8] == [
        "kill_switch", "disabled", "erased", "run_ended", "opted_out", "suppressed", "no_longer_true", "expired",
    ]  # fmt: skip


# --- caps -----------------------------------------------------------------------------------------------


def contact(at: datetime, **changes: Any) -> Touch:
    return touch(status=Status.SENT, intent_at=at, **changes)


@pytest.mark.parametrize(
    ("caps", "contacts", "changes", "code", "until"),
    [
        (Caps(per_person_per_day=1), [contact(MONDAY - HOUR)], {}, "cap_person_day", 23 * HOUR),
        (Caps(per_person_per_day=1), [contact(MONDAY - DAY)], {}, None, None),  # a day ago is over
        (Caps(per_person_per_day=2), [contact(MONDAY - HOUR)], {}, None, None),
        (Caps(per_person_per_day=2), [contact(MONDAY - 9 * HOUR), contact(MONDAY - HOUR)], {}, "cap_person_day",
         15 * HOUR),
        (Caps(per_person_per_week=1), [contact(MONDAY - 2 * DAY)], {}, "cap_person_week", 5 * DAY),
        (Caps(per_person_per_week=1), [contact(MONDAY - HOUR, channel=CALL, endpoint=None)], {}, "cap_person_week",
         7 * DAY - HOUR),  # human calls count
        (Caps(per_endpoint_per_day=1), [contact(MONDAY, endpoint="another")], {}, None, None),
        (Caps(per_endpoint_per_day=1), [contact(MONDAY)], {}, "cap_endpoint_day", DAY),
        (Caps(per_endpoint_per_week=1), [contact(MONDAY - DAY)], {}, "cap_endpoint_week", 6 * DAY),
        (Caps(per_endpoint_per_day=1), [contact(MONDAY, endpoint=None)], {"endpoint": None}, None, None),
        (Caps(calls_per_person_per_day=1), [contact(MONDAY, channel=CALL)], {}, None, None),  # a mail is no call
        (Caps(calls_per_person_per_day=1), [contact(MONDAY, channel=CALL)], {"channel": CALL}, "cap_calls_day", DAY),
        (Caps(), [contact(MONDAY, channel=CALL)],
         {"channel": CALL, "law": replace(FREE, attempts_per_day=1)}, "law_attempts_day", DAY),
        (Caps(per_person_per_day=1, per_person_per_week=1), [contact(MONDAY)], {}, "cap_person_week", 7 * DAY),
        (Caps(per_person_per_day=0), [], {}, "cap_person_day", DAY),
        (Caps(per_person_per_day=1), [touch(status=Status.UNKNOWN, intent_at=None)], {}, None, None),
    ],
)  # fmt: skip
def test_a_cap_waits_until_the_oldest_that_counts_is_out_of_its_window(
    caps: Caps, contacts: list[Touch], changes: dict[str, Any], code: str | None, until: timedelta | None
) -> None:
    ruling = policy.capped(case(caps=caps, contacts=contacts, **changes))
    assert (ruling and ruling.reason.code) == code
    assert (ruling and ruling.until) == (until and MONDAY + until)


@pytest.mark.parametrize(
    ("purpose", "before", "waits"),
    [
        (
            Purpose.SERVICE_RECOVERY,
            Purpose.MARKETING,
            False,
        ),  # an apology is not kept waiting by the newsletter
        (Purpose.CALLBACK, Purpose.WINBACK, False),
        (Purpose.SERVICE_RECOVERY, Purpose.CALLBACK, True),
        (Purpose.WINBACK, Purpose.SERVICE_RECOVERY, True),  # and it counts for what sells
        (Purpose.REORDER, Purpose.MARKETING, True),
    ],
)
def test_caps_know_what_a_contact_was_for(purpose: Purpose, before: Purpose, waits: bool) -> None:
    earlier = [touch(purpose=before, status=Status.SENT, intent_at=MONDAY - HOUR)]
    ruling = policy.capped(case(caps=Caps(per_person_per_day=1), contacts=earlier, purpose=purpose))
    assert (ruling is not None) is waits


def test_the_law_counts_every_attempt() -> None:
    sold = [touch(channel=CALL, purpose=Purpose.WINBACK, status=Status.SETTLED, intent_at=MONDAY - HOUR)]
    ruling = policy.capped(case(channel=CALL, contacts=sold, law=replace(FREE, attempts_per_day=1)))
    assert ruling is not None and ruling.reason.code == "law_attempts_day"


def dialled(id_: str, at: datetime, card: str = "c1", **changes: Any) -> Touch:
    values = {"channel": CALL, "status": Status.SETTLED, "endpoint": "phone-of-anna"} | changes
    return touch(id=id_, intent_at=at, card=card, **values)


EVERY_CAP = [
    (Caps(per_person_per_day=2), FREE),
    (Caps(per_person_per_week=2), FREE),
    (Caps(per_endpoint_per_day=2), FREE),
    (Caps(per_endpoint_per_week=2), FREE),
    (Caps(calls_per_person_per_day=2), FREE),
    (Caps(), replace(FREE, attempts_per_day=2)),
]


@pytest.mark.parametrize(("caps", "law"), EVERY_CAP)
def test_one_dial_is_one_contact_however_many_lines_it_was_about(caps: Caps, law: LawSays) -> None:
    then, wanted = MONDAY - HOUR, {"channel": CALL, "endpoint": "phone-of-anna"}
    one = [dialled("t1", then), dialled("t2", then), dialled("t3", then)]
    assert policy.capped(case(caps=caps, law=law, contacts=one, **wanted)) is None
    for second in (dialled("t4", MONDAY - MINUTE), dialled("t4", then, card="c2")):
        ruling = policy.capped(case(caps=caps, law=law, contacts=[*one, second], **wanted))
        assert ruling is not None and "2 so far" in ruling.reason.sentence
        assert ruling.until in (then + DAY, then + 7 * DAY)


caps_ = st.builds(
    Caps, *[st.none() | st.integers(1, 4)] * 4, calls_per_person_per_day=st.none() | st.integers(1, 2)
)
wishes = st.lists(
    st.tuples(
        st.integers(0, 10 * 24 * 60), st.sampled_from([Channel.EMAIL, SMS, CALL]), st.sampled_from("xyz")
    ),
    max_size=25,
)


@given(caps_, wishes, st.none() | st.integers(1, 2))
def test_no_stream_of_touches_ever_breaks_a_cap_and_each_is_sent_in_the_end(
    caps: Caps, wished: list[tuple[int, Channel, str]], attempts: int | None
) -> None:
    law = replace(FREE, attempts_per_day=attempts)
    queue = [(MONDAY + minute * MINUTE, n, channel, to) for n, (minute, channel, to) in enumerate(wished)]
    heapq.heapify(queue)
    sent: list[Touch] = []
    while queue:
        now, n, channel, to = heapq.heappop(queue)
        wanted = touch(id=f"t{n}", channel=channel, endpoint=to)
        recent = [each for each in sent if each.intent_at and each.intent_at > now - 7 * DAY]
        ruling = rule(Case(wanted, now, person(), law, caps=caps, contacts=recent))
        if ruling.sends:
            sent.append(replace(wanted, status=Status.SENT, intent_at=now))
        else:
            assert ruling.until is not None and ruling.until > now
            heapq.heappush(queue, (ruling.until, n, channel, to))
    assert len(sent) == len(wished)
    calls = [each for each in sent if each.channel is CALL]
    _assert_within(sent, caps.per_person_per_day, DAY)
    _assert_within(sent, caps.per_person_per_week, 7 * DAY)
    _assert_within(calls, caps.calls_per_person_per_day, DAY)
    _assert_within(calls, attempts, DAY)
    for to in "xyz":
        same = [each for each in sent if each.endpoint == to]
        _assert_within(same, caps.per_endpoint_per_day, DAY)
        _assert_within(same, caps.per_endpoint_per_week, 7 * DAY)


def _assert_within(sent: list[Touch], most: int | None, window: timedelta) -> None:
    """In every window that begins with one of them, its end excluded."""
    times = sorted(each.intent_at for each in sent if each.intent_at)
    for start in times:
        assert most is None or sum(start <= each < start + window for each in times) <= most


odd = st.booleans()
anybody = st.builds(
    lambda phone, email, out, gone: person(phone=phone, email=email, opted_out=out, erased=gone),
    st.none() | st.just("+4930123456"), st.none() | st.just("anna@kunde.example"),
    st.dictionaries(st.sampled_from(["all", "call", "email", "sms", *Purpose]), st.just("x"), max_size=2), odd,
)  # fmt: skip
cases = st.builds(
    lambda channel, purpose, who, kill, state, run_open, law, still, branch, step_if, late: case(
        channel=channel, purpose=purpose, person=who, kill_switch=kill, publish_state=state, run_open=run_open,
        law=law, still_open=still, has_branch=branch, step_if=step_if, not_after=MONDAY - MINUTE if late else None,
    ),
    st.sampled_from(Channel), st.sampled_from(Purpose), st.none() | anybody, odd,
    st.sampled_from(["live", "shadow", "paused", "disabled"]), odd,
    st.sampled_from([FREE, FREE, NO_CONSENT, AT_NIGHT, NEVER]), st.sampled_from([True, False, None]), odd,
    st.sampled_from([True, False, None]), odd,
)  # fmt: skip


@given(cases)
def test_what_is_sent_has_an_address_a_consent_an_hour_and_an_open_run(one: Case) -> None:
    if not rule(one).sends:
        return
    wanted, who = one.touch, one.person
    assert not one.kill_switch and one.run_open and one.publish_state == "live"
    assert who is None or not who.erased
    assert not wanted.channel.written or (who is not None and who.endpoint(wanted.channel))
    assert not wanted.purpose.sells or one.law.consent_ok
    assert one.law.allowed or wanted.channel is TASK
    assert one.step_if is not False and (one.still_open is not False or one.has_branch)
    if who and wanted.channel is not TASK:
        assert "all" not in who.opted_out
        asked_for = wanted.purpose is Purpose.CALLBACK and wanted.channel is CALL
        assert asked_for or not {wanted.channel.value, wanted.purpose.value} & set(who.opted_out)
