"""A year of Hearth & Home, made up: closets, grills and kitchens, ordered on each customer's own rhythm,
mostly delivered as promised, and sometimes not.

Pure and seeded: the same seed and the same ``now`` make the same year, which always ends at ``now``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from outreach.domain.hours import instant, local
from outreach.domain.wallclock import zone_of
from outreach.lab.company_cast import Casting, Customer, Human, crowd
from outreach.lab.player import Arrival

SOURCE = "erp"
YEAR = timedelta(days=365)
HOMES = 45
_QUIET_DAYS = 12
"""Nothing goes wrong by chance so shortly before now: what is open is told in scenes."""
_SHIPPED_SINCE = timedelta(days=45)

_GOODS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "business": (
        ("four gas grills Ember 4", 3_196), ("six wardrobes Alder", 5_340), ("a steel counter Linden", 2_480),
        ("twelve bedside closets Birch", 2_988), ("a kitchen line Maple", 9_800), ("charcoal and tools", 420),
        ("two walk-in closets Ash", 4_260), ("spare grates and burners", 310),
    ),
    "private": (
        ("a charcoal grill Ember 57", 249), ("a gas grill Ember 3", 649), ("a wardrobe Alder, three doors", 890),
        ("a walk-in closet Ash", 2_130), ("a kitchen Linden", 7_400), ("a kitchen island Maple", 1_980),
        ("a hallway closet Birch", 349), ("a grill cover and tongs", 79),
    ),
}  # fmt: skip
_WORDS = (
    "Three weeks I have waited and nobody has said a word.", "The door scratches the floor each time I open it.",
    "Your fitter left at noon and half the screws are still in the bag.", "I rang twice and was cut off twice.",
    "It is lovely, but it is not the colour I ordered.", "We had forty guests and no grill.",
)  # fmt: skip
_REASONS = (
    "the truck broke down",
    "the warehouse had counted wrong",
    "the supplier was late",
    "snow on the road",
)
_SAID = (
    ("hours", "after 16:00"), ("hours", "09:00-12:00"), ("days", "not monday"), ("channel", "sms"),
    ("note", "Do not leave messages, just ring again."), ("note", "Ask for the night porter."), ("name", "by the first name"),
)  # fmt: skip


@dataclass
class Year:
    customers: list[Customer]
    arrivals: list[Arrival]
    """In no order."""
    casting: Casting


def make_year(now: datetime, seed: int = 7, homes: int = HOMES) -> Year:
    """Everybody, and what happened to them up to ``now``."""
    casting = Casting(Random(seed))
    customers = list(crowd(casting, homes))
    arrivals = [each for customer in customers for each in life_of(customer, now, casting.rng)]
    return Year(customers, arrivals, casting)


def life_of(customer: Customer, now: datetime, rng: Random, *, lucky: bool = False) -> list[Arrival]:
    """A customer's description and year; ``lucky``: nothing went wrong in it."""
    return [*described(customer, now - YEAR), *_Life(customer, now - YEAR, now, rng, lucky).told()]


def described(customer: Customer, at: datetime) -> Iterator[Arrival]:
    """The account and its people, as the source of record has them."""
    place = customer.place
    where = {"zone": place.zone, "country": place.country, "region": place.region, "language": place.language}
    yield arrival(
        "account.described", customer.id, at, f"{customer.id}/account", name=customer.name, kind=customer.kind,
        tier=customer.tier, owner=customer.owner, team=place.team, value=customer.value, **where,
    )  # fmt: skip
    for human in customer.people:
        yield about(human, customer, at, {customer.id: human.role})


def about(human: Human, customer: Customer, at: datetime, roles: Mapping[str, str]) -> Arrival:
    """A person with their roles at all their accounts; they live where the customer is."""
    place = customer.place
    accounts = [{"account": account, "roles": [role]} for account, role in roles.items()]
    return arrival(
        "person.described", f"person:{human.id}", at, f"{human.id}/person/{'+'.join(roles)}", name=human.name,
        phone=human.phone, email=human.email, mobile=True, language=place.language, zone=place.zone,
        country=place.country, region=place.region, accounts=accounts,
    )  # fmt: skip


def arrival(type_: str, subject: str, at: datetime, id_: str, /, **data: Any) -> Arrival:
    """It arrives when it happens; see ``late``."""
    return late(type_, subject, at, at, id_, data)


def late(
    type_: str, subject: str, at: datetime, time: datetime, id_: str, data: Mapping[str, Any]
) -> Arrival:
    """It happened at ``time`` and we learn of it at ``at``."""
    raw = {
        "specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "subject": subject,
        "time": time.isoformat(), "data": {name: value for name, value in data.items() if value is not None},
    }  # fmt: skip
    return Arrival(at, raw)


def on_a_day(day: datetime, clock: str, zone: str) -> datetime:
    """That wall time in the zone, on the day; on the day before where it is a Sunday."""
    there = local(day, zone).date()
    if there.weekday() == 6:
        there -= timedelta(days=1)
    return instant(there, zone_time(clock), zone_of(zone).key)


def zone_time(clock: str) -> Any:
    return datetime.strptime(clock, "%H:%M").time()  # noqa: DTZ007


class _Life:
    """One customer's year: orders on their own rhythm and what became of each."""

    def __init__(self, customer: Customer, start: datetime, now: datetime, rng: Random, lucky: bool) -> None:
        self.customer, self.start, self.now, self.rng, self.lucky = customer, start, now, rng, lucky
        self.found: list[Arrival] = []
        self.orders = 0

    def told(self) -> list[Arrival]:
        for at in self._order_times():
            self._order(at)
        self._said()
        return [each for each in self.found if each.at < self.now]

    def _order_times(self) -> Iterator[datetime]:
        every = self.customer.every
        if every is None:
            for days in sorted(self.rng.sample(range(5, 340), self.rng.randint(1, 2))):
                yield self._at(self.start + timedelta(days=days))
            return
        at = self.start + timedelta(days=self.rng.uniform(2, every))
        while at < self.now:
            yield self._at(at)
            at += timedelta(days=max(every * self.rng.gauss(1, 0.15), 5))

    def _at(self, day: datetime) -> datetime:
        clock = f"{self.rng.randint(8, 18):02d}:{self.rng.randint(0, 59):02d}"
        return on_a_day(day, clock, self.customer.place.zone)

    def _tell(self, type_: str, at: datetime, key: str, **data: Any) -> None:
        self.found.append(arrival(type_, self.customer.id, at, f"{key}/{type_}", **data))

    def _order(self, at: datetime) -> None:
        self.orders += 1
        order = f"{self.customer.id}-{self.orders:02d}"
        what, amount = self.rng.choice(_GOODS[self.customer.kind])
        promised = self._at(at + timedelta(days=self.rng.randint(7, 16))).replace(minute=0)
        self._tell(
            "order.placed", at, order, order_id=order, amount=amount, currency="EUR", items=[what],
            promised_for=promised.isoformat(), person_id=self.customer.buyer,
        )  # fmt: skip
        if promised > self.now - _SHIPPED_SINCE:
            self._tell(
                "delivery.shipped",
                promised - timedelta(days=2),
                order,
                order_id=order,
                carrier="Kite Freight",
            )
        may_fail = promised < self.now - timedelta(days=_QUIET_DAYS) and not self.lucky
        self._deliver(order, what, promised, self.rng.random() if may_fail else 1.0)

    def _deliver(self, order: str, what: str, promised: datetime, luck: float) -> None:
        """One order in eight goes wrong somehow."""
        who = {"order_id": order, "person_id": self.customer.buyer}
        late = 0.0
        if luck < 0.045:
            late = float(self.rng.randint(2, 6))
            if self.rng.random() < 0.6:
                reason = self.rng.choice(_REASONS)
                self._tell(
                    "delivery.delayed",
                    promised - timedelta(hours=20),
                    order,
                    days_late=late,
                    reason=reason,
                    **who,
                )
        elif luck < 0.055:
            self._tell(
                "delivery.lost", promised + timedelta(days=1), order, what=what, carrier="Kite Freight", **who
            )
            return
        arrives = (
            self._at(promised + timedelta(days=late))
            if late
            else promised - timedelta(hours=self.rng.randint(1, 40))
        )
        self._tell("delivery.arrived", arrives, order, days_late=late, **who)
        self._aftermath(order, what, arrives, luck)

    def _aftermath(self, order: str, what: str, arrived: datetime, luck: float) -> None:
        who = {"person_id": self.customer.buyer}
        soon = arrived + timedelta(hours=self.rng.randint(2, 30))
        if 0.06 < luck < 0.08:
            self._tell(
                "delivery.damaged",
                soon,
                order,
                order_id=order,
                what=f"{what}: a dent in front",
                usable=True,
                **who,
            )
        elif luck < 0.09:
            if luck > 0.08:
                self._tell(
                    "delivery.short", soon, order, order_id=order, what="the screws are missing", **who
                )
        elif luck < 0.115:
            self._complain(order, arrived + timedelta(days=self.rng.randint(1, 6)))
        elif luck < 0.14 and "kitchen" in what:
            self._tell(
                "installation.problem_reported",
                soon,
                order,
                installation_id=f"I-{order}",
                what="two doors do not close",
                **who,
            )
        elif luck > 0.85:
            score = self.rng.choice((4, 5, 5, 5))
            self._tell(
                "review.posted", soon, order, review_id=f"R-{order}", order_id=order, score=score, **who
            )

    def _complain(self, order: str, at: datetime) -> None:
        complaint, who = f"C-{order}", {"person_id": self.customer.buyer}
        words = self.rng.choice(_WORDS)
        self._tell(
            "complaint.opened", at, order, complaint_id=complaint, order_id=order, about="the delivery", words=words,
            channel="mail", **who,
        )  # fmt: skip
        if self.rng.random() < 0.6:
            answered = at + timedelta(hours=self.rng.randint(3, 40))
            self._tell(
                "complaint.answered", answered, order, complaint_id=complaint, by=self.customer.owner, **who
            )

    def _said(self) -> None:
        """What they told us of themselves, and what they allowed."""
        for human in self.customer.people:
            subject, at = f"person:{human.id}", self.start + timedelta(days=self.rng.uniform(1, 300))
            if self.rng.random() < 0.2 and not self.lucky:
                kind, value = self.rng.choice(_SAID)
                data = {"person_id": human.id, "kind": kind, "value": value, "by": self.customer.owner}
                self.found.append(arrival("preference.stated", subject, at, f"{human.id}/said", **data))
            if self.rng.random() < 0.3:
                data = {"person_id": human.id, "purpose": "marketing", "channel": "email", "basis": "express"}
                self.found.append(
                    arrival("consent.given", subject, at, f"{human.id}/yes", **data, how="ticked in the shop")
                )
