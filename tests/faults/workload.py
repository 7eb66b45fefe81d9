"""Twelve days of one small company: what its clients and colleagues do, each thing idempotent as real
clients make it. A request that was not answered is sent again; a human looks before doing it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.signal import Delivery
from outreach.domain.talk import Outcome, PromiseMade, Wished
from outreach.domain.touch import Disposition, Status, Touch
from outreach.lab.scratch import Scratch
from outreach.service import calls, calls_said, care, desk, outcomes, replies, signals, sweep, workbench
from outreach.service.replies import Received
from outreach.service.signals import Said
from tests.faults.world import START, LedgerSender, LedgerTelephone, World

Raw = dict[str, Any]


def at(days: float = 0, hours: float = 0, minutes: float = 0) -> datetime:
    return START + timedelta(days=days, hours=hours, minutes=minutes)


@dataclass(frozen=True)
class Step:
    """One request of somebody outside, at its time. ``do`` gives what was answered."""

    at: datetime
    name: str
    do: Callable[[Scratch], Any]


# -- requests ----------------------------------------------------------------------------------------


def event(
    type_: str, subject: str, id_: str, time: datetime, sequence: str | None = None, **data: Any
) -> Raw:
    more = {"sequence": sequence} if sequence else {}
    return {
        "specversion": "1.0", "id": id_, "source": "erp", "type": type_, "subject": subject,
        "time": time.isoformat(), "data": data, **more,
    }  # fmt: skip


def events(time: datetime, name: str, *raws: Raw) -> Step:
    def post(house: Scratch) -> list[list[str]]:
        answers = house.take_in(*raws)
        return [[raw["source"], raw["id"], answer.outcome] for raw, answer in zip(raws, answers, strict=True)]

    return Step(time, name, post)


def find(house: Scratch, playbook: str, account: str, channel: Channel, nth: int = 1) -> Touch:
    """The nth touch of that kind that was laid. Raises when it is not there."""
    with house.database.view() as unit:
        rows = unit.bulk.rows(
            "select t.id from touch t join run r on r.id = t.run"
            " where r.playbook = ? and t.account = ? and t.channel = ? order by t.created_at, t.id",
            playbook, account, channel.value,
        )  # fmt: skip
        assert len(rows) >= nth, f"{channel.value} {nth} of {playbook} for {account} was never laid: {rows}"
        touch = unit.touch(rows[nth - 1][0])
    assert touch is not None
    return touch


def call(
    time: datetime, playbook: str, account: str, outcome: Outcome, nth: int = 1, by: str = "jonas"
) -> Step:
    """Claim the card, dial, say how it went; what has been done already is not done again."""

    def speak(house: Scratch) -> str:
        touch = find(house, playbook, account, Channel.CALL, nth)
        if touch.status is Status.SETTLED:
            return touch.id
        assert touch.card is not None, f"not on the desk: {touch}"
        desk.claim(house.outside, touch.card, by)
        assert desk.dial(house.outside, touch.card, by).sends
        outcomes.settle(house.outside, touch.card, by, outcome)
        return touch.id

    return Step(time, f"call {playbook} {account} {nth}", speak)


def through_the_house(
    time: datetime, playbook: str, account: str, nth: int, word: str, by: str = "jonas"
) -> Step:
    """Click, our phone rings, press 1, the provider says how it went with the customer. A phone that was never
    rung is waited for, and clicked again."""

    def speak(house: Scratch) -> str:
        touch = find(house, playbook, account, Channel.CALL, nth)
        if touch.status is Status.SETTLED:
            return touch.id
        assert touch.card is not None, f"not on the desk: {touch}"
        token = _rung(house, touch.card, by)
        assert calls_said.leg_answered(house.outside, token, "human") == "ask"
        assert calls.accept(house.outside, token).outcome == "connect"
        calls_said.customer_said(house.outside, token, "ringing")
        assert calls_said.done(house.outside, token, word, 0)
        return touch.id

    return Step(time, f"through the house {playbook} {account} {nth}", speak)


def _rung(house: Scratch, card: str, by: str) -> str:
    """The token of the phone of theirs that rings for the card, or has been answered."""
    with house.database.view() as unit:
        user, known = unit.user(by), [call for call in unit.calls_of_card(card) if call.is_open]
        legs = unit.legs_of(known[0].id) if known else []
    assert user is not None
    assert isinstance(house.outside.telephone, LedgerTelephone)
    rang = {row["token"] for row in house.outside.telephone.ledger.read()}
    for leg in legs:
        if leg.token in rang:
            return leg.token
    if known:
        house.advance(calls.CLICK_WAITS)
        sweep.tick(house.outside)
    call = calls.ring(house.outside, card, user)
    with house.database.view() as unit:
        return unit.legs_of(call.id)[0].token


def bells(time: datetime, name: str, seconds: int) -> Step:
    """Nothing but the clock, which rings as often as it does in a served house."""

    def ring(house: Scratch) -> None:
        for _ in range(0, seconds, 10):
            house.advance(timedelta(seconds=10))
            sweep.tick(house.outside)

    return Step(time, name, ring)


def written(time: datetime, id_: str, channel: Channel, sender: str, text: str) -> Step:
    """Somebody writes to us; the provider brings it twice."""

    def bring(house: Scratch) -> str:
        given = Received(id_, channel, sender, "", "", "", text)
        replies.receive(house.outside, given)
        return replies.receive(house.outside, given).outcome

    return Step(time, f"{id_} comes in", bring)


def arrived(time: datetime, playbook: str, account: str, channel: Channel) -> Step:
    """The provider says of what it took that it has arrived."""

    def say(house: Scratch) -> str:
        touch = find(house, playbook, account, channel)
        assert touch.token is not None and isinstance(house.sender, LedgerSender)
        if not any(row["token"] == touch.token and row["taken"] for row in house.sender.ledger.read()):
            return "it was never taken"  # killed before the provider: nobody can say that it arrived
        return signals.hear(house.outside, Said(Delivery.DELIVERED, touch.token, f"ref-{touch.token}"))

    return Step(time, f"{channel.value} of {playbook} {account} arrived", say)


def draft(time: datetime, playbook: str, account: str, release: bool) -> Step:
    def decide(house: Scratch) -> str:
        touch = find(house, playbook, account, Channel.EMAIL)
        if touch.status is Status.DRAFT and release:
            assert touch.draft is not None
            desk.release(
                house.outside, touch.id, "jonas", touch.draft["subject"], touch.draft["text"] + " J."
            )
        elif touch.status is Status.DRAFT:
            desk.discard(house.outside, touch.id, "jonas", "spoke with her")
        return touch.id

    return Step(time, f"draft {playbook} {account}", decide)


def put_right(time: datetime, account: str, failure: str) -> Step:
    def say(house: Scratch) -> None:
        with house.database.view() as unit:
            state = unit.account(account)
        assert state is not None
        if state.failures[failure].is_open:
            desk.put_right(house.outside, account, failure, "jonas", "am", "new grill is there")

    return Step(time, f"put right {failure}", say)


def not_right(time: datetime, account: str, failure: str) -> Step:
    def say(house: Scratch) -> None:
        with house.database.view() as unit:
            state = unit.account(account)
        assert state is not None
        if state.failures[failure].round == 1:
            desk.not_right(house.outside, account, failure, "miriam", "it rusts")

    return Step(time, f"not right {failure}", say)


def opt_out(time: datetime, person: str, channel: str) -> Step:
    def say(house: Scratch) -> None:
        with house.database.view() as unit:
            known = unit.people([person])[person]
        if channel not in known.opted_out:
            care.opt_out(house.outside, person, channel, "STOP", "customer")

    return Step(time, f"opt out {person}", say)


def rebuild(time: datetime) -> Step:
    return Step(
        time, "rebuild", lambda house: [id_ for id_, differs in workbench.rebuild(house.outside) if differs]
    )


# -- the script --------------------------------------------------------------------------------------

PEOPLE = {"anna": ["a1"], "ben": ["a2"], "cem": ["b1", "b2"], "dora": ["a3"], "eva": ["x9"], "fay": ["a4"]}


def described() -> Iterable[Raw]:
    for account in ("a1", "a2", "a3", "a4", "b1", "b2"):
        yield event(
            "account.described", account, f"acc-{account}", at(), name=account, owner="jonas", team="berlin"
        )
    for number, (person, accounts) in enumerate(PEOPLE.items()):
        yield event(
            "person.described", PERSON_PREFIX + person, f"per-{person}", at(),
            name=person.title(), email=f"{person}@example.com", phone=f"+49301234{number:03}",
            accounts=[{"account": account, "roles": ["buyer"]} for account in accounts],
        )  # fmt: skip


REACHED, NO_ANSWER = Disposition.REACHED, Disposition.NO_ANSWER
FIRST = [
    event("delivery.delayed", "a1", "e1", at(minutes=9), order_id="o1", days_late=3, person_id="anna"),
    event("backorder.opened", "a2", "e2", at(minutes=9), order_id="o2", what="a grill", person_id="ben"),
    event("order.placed", "a3", "e3", at(minutes=9), order_id="o3", promised_for=at(hours=3).isoformat()),
    event("delivery.delayed", "b1", "e4", at(minutes=9), order_id="o4", days_late=2, person_id="cem"),
    event("delivery.delayed", "b2", "e5", at(minutes=9), order_id="o5", days_late=4, person_id="cem"),
    event("delivery.delayed", "x9", "e6", at(minutes=9), order_id="o6", days_late=5, person_id="eva"),
    event("backorder.opened", "a4", "e7", at(days=1, hours=1), order_id="o7", person_id="fay"),
    event("delivery.delayd", "a1", "e8", at(minutes=9), order_id="o8"),
]
SCRIPT: tuple[Step, ...] = (
    events(at(), "describe", *described()),
    events(at(minutes=10), "news", *FIRST, FIRST[0]),
    events(
        at(hours=1), "x9 appears, a1 again",
        event("account.described", "x9", "acc-x9", at(hours=1), name="x9", owner="miriam", team="berlin"), FIRST[0],
    ),
    call(
        at(hours=2), "late", "a1",
        Outcome(REACHED, promise=PromiseMade("a new grill", at(2, 3), "delivery/o1", "p1"), note="upset"),
    ),
    through_the_house(at(hours=2.5), "late", "b1", 1, "no-answer"),
    events(
        at(hours=3), "consent, quotes",
        event("consent.given", "person:dora", "c1", at(hours=3), person_id="dora", purpose="reorder", channel="email"),
        event("quote.lost", "a3", "q1", at(hours=3), quote_id="q1", person_id="dora"),
        event("quote.lost", "a1", "q2", at(hours=3), quote_id="q2", person_id="anna"),
    ),
    opt_out(at(hours=4), "ben", "sms"),
    events(
        at(1, 0.2), "late, revised, twice",
        event("backorder.opened", "a1", "e9", at(hours=-5), order_id="o9", person_id="anna"),
        event("delivery.delayed", "x9", "e6", at(minutes=9), "2", order_id="o6", days_late=1, person_id="eva"),
        *FIRST[:5],
    ),
    draft(at(1, 3), "late", "b1", release=True),
    draft(at(1, 3.1), "late", "b2", release=False),
    call(at(1, 4), "late", "b1", Outcome(REACHED, wishes=[Wished("hours", "after 10:00")]), nth=2, by="miriam"),
    events(at(2, 4), "arrived", event("delivery.arrived", "a3", "e10", at(2, 4), order_id="o3")),
    call(at(2, 5), "broken", "a1", Outcome(REACHED, put_right=["delivery/o1"], said_by="customer")),
    call(at(3, 1), "late", "a3", Outcome(REACHED)),
    events(
        at(3, 2), "call me",
        event("callback.asked", "a4", "cb1", at(3, 2), callback_id="cb1", person_id="fay", wanted_at=at(3, 3).isoformat()),
        event("message.received", "b2", "r1", at(3, 2), person_id="cem", channel="email", text="stop it"),
    ),
    arrived(at(3, 2.5), "notice", "a4", Channel.EMAIL),
    bells(at(3, 3), "they are rung by the one they know, then by everybody, and get a promise", 120),
    call(at(3, 3.1), "ring-back", "a4", Outcome(NO_ANSWER)),
    written(at(3, 3.5), "sms:stop", Channel.SMS, "+49301234003", "STOP"),
    written(at(3, 3.6), "email:thanks", Channel.EMAIL, "anna@example.com", "Thank you for telling me"),
    written(at(3, 3.7), "email:who", Channel.EMAIL, "who@example.com", "Where is my grill?"),
    not_right(at(4, 1), "a1", "delivery/o1"),
    put_right(at(4, 2), "b1", "delivery/o4"),
    rebuild(at(4, 3)),
    arrived(at(4, 4), "ring-back", "a4", Channel.SMS),
    put_right(at(7, 1), "a1", "delivery/o1"),
)  # fmt: skip
END = at(12)


BOUNDARIES = len(SCRIPT) + 1
"""After each step, and at the end."""


def play(world: World, house: Scratch, until: int = BOUNDARIES) -> None:
    """The script up to that boundary, or what is left of it."""
    done = {row["step"] for row in world.answers.read()}
    for number in range(until):
        if number in done:
            continue
        if number == len(SCRIPT):
            house.advance_to(END)
        else:
            step = SCRIPT[number]
            house.advance_to(max(step.at, house.now))
            world.answers.append(step=number, answer=step.do(house))
