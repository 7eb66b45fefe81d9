"""What is on the desk of the demo right now: short stories that end today, one of each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from outreach.domain.facts import Channel
from outreach.domain.talk import Outcome, PromiseMade
from outreach.domain.touch import Disposition
from outreach.lab import company_cast as cast
from outreach.lab.company_cast import Casting, Customer, Place
from outreach.lab.company_maker import about, arrival, late, life_of
from outreach.lab.player import Arrival
from outreach.lab.scratch import Scratch
from outreach.service import desk, intake, outcomes, replies
from outreach.service.replies import Received
from outreach.store import views_desk

Act = Callable[[Scratch], datetime | None]
"""Gives when to try again, or None."""
AGAIN = timedelta(hours=2)
FIRST = "jonas"
"""Whose desk is looked at first: the telling ones are his."""
SHORT_SUPPLY = "out of stock since the flood at the mill"


@dataclass
class Scenes:
    """``doings``: what people do at that time. ``accounts`` belong to scenes: nobody else acts there.
    ``ready``: an account with nothing open, for a first event of one's own."""

    now: datetime
    casting: Casting
    arrivals: list[Arrival] = field(default_factory=list)
    doings: list[tuple[datetime, Act]] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)
    ready: str = ""
    past: bool = True
    """Whether they have a year behind them, too."""

    # -- the parts

    def ago(self, hours: float) -> datetime:
        return self.now - timedelta(hours=hours)

    def house(self, name: str, place: Place, owner: str | None = None) -> Customer:
        return self.enter(self.casting.house(name, place), owner)

    def home(self, place: Place, name: str | None = None, owner: str | None = None) -> Customer:
        human = self.casting.human(place, name=name)
        return self.enter(self.casting.home(place, human), owner)

    def enter(self, customer: Customer, owner: str | None = None) -> Customer:
        customer = replace(customer, owner=owner or customer.owner)
        self.accounts.add(customer.id)
        life = life_of(customer, self.now, self.casting.rng, lucky=True)
        self.arrivals += life if self.past else [each for each in life if ".described" in each.raw["type"]]
        return customer

    def tell(self, customer: Customer, type_: str, hours: float, **data: Any) -> None:
        """It happened so many hours ago to the customer's buyer. Keys are filled in where they are left out."""
        key = f"{customer.id}-S{len(self.arrivals)}"
        data = {"person_id": customer.buyer, **_keys(type_, key), **data}
        self.arrivals.append(arrival(type_, customer.id, self.ago(hours), f"{key}/{type_}", **data))

    def do(self, hours: float, act: Act) -> None:
        self.doings.append((self.ago(hours), act))

    def call(self, customer: Customer, hours: float, outcome: Outcome) -> None:
        self.do(hours, lambda house: _call(house, customer, outcome))

    def promise(self, customer: Customer, hours: float, what: str, until: datetime) -> None:
        promise = PromiseMade(what, until)
        self.call(customer, hours, Outcome(Disposition.REACHED, promise=promise, note="Calm, and waiting."))

    # -- the stories

    def all(self) -> Scenes:
        self.on_the_desk()
        self.callbacks()
        self.between_two_selves()
        self.promises()
        self.closed_and_not()
        self.reviews()
        self.no_playbook()
        self.hard_to_reach()
        self.one_cause()
        self.owed()
        self.written()
        self.doings.append((self.now - timedelta(hours=7), _wrong_events))
        self.ready = self.house("Hotel Kastanie", cast.BERLIN, FIRST).id
        return self

    def on_the_desk(self) -> None:
        """Let-downs of today and yesterday, on every side of the world."""
        self._businesses_let_down()
        self._households_let_down()
        self._unanswered()
        self._came_late()

    def _businesses_let_down(self) -> None:
        tell, house = self.tell, self.house
        tell(
            house("Bluebird Supper Club", cast.NEW_YORK),
            "delivery.damaged",
            4,
            what="the left door has a dent",
        )
        tell(
            house("Palm Court Bungalows", cast.LOS_ANGELES), "delivery.delayed", 9,
            days_late=4, reason="the truck broke down",
        )  # fmt: skip
        tell(
            house("Hibiscus Inn", cast.HONOLULU), "delivery.delayed", 8,
            days_late=5, reason="the ship is late",
        )  # fmt: skip
        tell(
            house("Paperbark Hotel", cast.SYDNEY), "installation.problem_reported", 20,
            what="the hood drips", visits=2, open_days=12,
        )  # fmt: skip
        tell(
            house("Tui House", cast.AUCKLAND), "delivery.wrong_item", 5,
            what="a gas grill came", ordered="a charcoal grill",
        )  # fmt: skip

    def _households_let_down(self) -> None:
        tell, home = self.tell, self.home
        tell(home(cast.TOKYO), "delivery.short", 6, what="two shelves are missing", pieces_missing=2)
        tell(home(cast.MUMBAI), "delivery.missed", 7, reason="the driver did not find the gate")
        tell(
            home(cast.SAO_PAULO), "delivery.promise_moved", 5,
            days_moved=3, promised_for=self.ago(-90).isoformat(),
        )  # fmt: skip

    def _unanswered(self) -> None:
        angry = self.house("Saffron & Rye", cast.LONDON, FIRST)
        self.tell(
            angry, "complaint.opened", 51, about="the fitters", channel="mail",
            words="We closed the kitchen for you on Saturday and nobody came. I have written twice.",
        )  # fmt: skip

    def _came_late(self) -> None:
        """It arrived while the card was waiting: the call softens."""
        customer = self.house("Weinstube Amsel", cast.HAMBURG)
        order = f"{customer.id}-L"
        self.tell(
            customer, "order.placed", 300, order_id=order, amount=2130, items=["a walk-in closet Ash"],
            promised_for=self.ago(75).isoformat(),
        )  # fmt: skip
        self.tell(customer, "delivery.arrived", 2, order_id=order, days_late=3)

    def callbacks(self) -> None:
        """One is waiting by the phone now, one for later today."""
        self.tell(
            self.home(cast.LONDON, owner=FIRST),
            "callback.asked",
            0.1,
            wanted_at=self.now.isoformat(),
            about="the hinges",
        )
        later = self.now + timedelta(hours=3)
        self.tell(
            self.house("Old Harbour Rooms", cast.CAPE_TOWN),
            "callback.asked",
            1,
            wanted_at=later.isoformat(),
            about="a second grill",
        )

    def between_two_selves(self) -> None:
        """Anna Berg waits for her closet at home, and her hotel's grill is lost: one conversation. And two
        Kellers who may be the same man."""
        home = self.home(cast.BERLIN, "Anna Berg", FIRST)
        hotel = self.house("Haus Sonnenhof", cast.BERLIN, FIRST)
        anna = home.people[0]
        self.arrivals.append(about(anna, home, self.ago(2000), {home.id: "buyer", hotel.id: "buyer"}))
        self._waits(home)
        self.tell(
            hotel, "delivery.lost", 5, person_id=anna.id, what="the charcoal grill", carrier="Kite Freight"
        )
        said = {
            "person_id": anna.id,
            "kind": "note",
            "value": "Please say Anna, and do not ring at lunch.",
            "by": "miriam",
        }
        self.arrivals.append(
            arrival("preference.stated", f"person:{anna.id}", self.ago(500), f"{anna.id}/note", **said)
        )
        tom, keller = self.home(cast.BERLIN, "Tom Keller"), self.house("Bistro Keller", cast.BERLIN)
        self.do(24, lambda house: _link(house, tom.people[0].id, keller.people[0].id))

    def _waits(self, customer: Customer) -> None:
        self.tell(
            customer, "order.placed", 320, amount=890, items=["a wardrobe Alder, three doors"],
            promised_for=self.ago(65).isoformat(),
        )  # fmt: skip

    def promises(self) -> None:
        """One was broken this morning, one is due tomorrow."""
        broken = self.house("Casa Jacaranda", cast.SAO_PAULO)
        self.tell(broken, "delivery.lost", 74, what="two burners")
        self.promise(broken, 50, "two new burners by courier", self.ago(2))
        waiting = self.home(cast.MUNICH)
        self.tell(waiting, "delivery.damaged", 98, what="the worktop has a crack", usable=False)
        self.promise(waiting, 76, "a new worktop, fitted the same day", self.now + timedelta(hours=20))

    def closed_and_not(self) -> None:
        """Let be by a manager; and put right, until the customer said that it is not."""
        gone = self.home(cast.HAMBURG)
        self.tell(gone, "delivery.lost", 480, what="a grill cover")
        for hours in (470, 445, 420):
            self.call(gone, hours, Outcome(Disposition.NO_ANSWER))
        self.do(240, lambda house: _let_be(house, gone.id))
        again = self.house("Anchor Point Suites", cast.CHICAGO)
        self.tell(again, "delivery.wrong_item", 210, what="white doors came", ordered="oak doors")
        self.do(170, lambda house: _put_right(house, again.id))
        self.do(5, lambda house: _reopen(house, again.id))

    def reviews(self) -> None:
        """Two that somebody reads, and rings about."""
        self.tell(
            self.home(cast.BERLIN), "review.bad", 30, score=1, words="Beautiful, and two weeks late.", where="the shop's page",
        )  # fmt: skip
        self.tell(
            self.home(cast.CHICAGO), "review.bad", 70, score=2, words="Nobody answers the telephone.", where="the shop's page",
        )  # fmt: skip

    def no_playbook(self) -> None:
        """Failures that no playbook sees to: on the board all the same."""
        for name, place, what, hours in (
            ("Neem Tree Kitchen", cast.MUMBAI, "six burners", 26),
            ("Thistle & Thyme", cast.LONDON, "a pair of tongs", 50),
            ("Hotel Haselnuss", cast.BERLIN, "the oak shelves", 31),
        ):
            self.tell(
                self.house(name, place), "backorder.moved", hours, what=what, days_moved=9,
                expected_on=self.ago(-200).isoformat(),
            )  # fmt: skip

    def one_cause(self) -> None:
        """Snow on one road keeps six of them waiting: ops see one cause, and say one thing."""
        names = ("The Copper Ladle", "Marlow Guest House", "Fig & Fennel")
        snowed_in = [self.house(name, cast.LONDON) for name in names]
        snowed_in += [self.home(cast.LONDON) for _ in names]
        for hours, customer in enumerate(snowed_in, 14):
            self.tell(
                customer,
                "delivery.delayed",
                hours,
                days_late=3,
                carrier="Pennine Freight",
                reason="snow on the M62",
            )

    def hard_to_reach(self) -> None:
        """Rang in vain; may not be called; nobody known there; nobody can tell how late it is."""
        silent = self.home(cast.LOS_ANGELES)
        self.tell(silent, "delivery.delayed", 57, days_late=6, reason=SHORT_SUPPLY)
        self.call(silent, 54, Outcome(Disposition.NO_ANSWER))
        self.call(silent, 30, Outcome(Disposition.VOICEMAIL, note="Left word once."))
        shut = self.home(cast.NEW_YORK)
        out = {"person_id": shut.buyer, "channel": "call", "how": "told grace on the phone"}
        self.arrivals.append(
            arrival("endpoint.opted_out", f"person:{shut.buyer}", self.ago(900), f"{shut.id}/out", **out)
        )
        self.tell(shut, "delivery.delayed", 40, days_late=3)
        nobody = self.enter(replace(self.casting.house("Kiosk am Park", cast.BERLIN), people=()))
        self.tell(nobody, "delivery.lost", 6, what="a grill and its gas bottle")
        unclear = self.enter(
            replace(self.casting.house("Rata Street Cafe", cast.AUCKLAND), tier=None, value=None)
        )
        self.tell(unclear, "delivery.delayed", 11, reason="the carrier does not say for how long")

    def written(self) -> None:
        """What people have written to us: an answer, a plea to be left alone, and somebody whom we do not know."""
        asks, pleads = (
            self.house("Pension Eisvogel", cast.BERLIN, FIRST),
            self.home(cast.HAMBURG, owner=FIRST),
        )
        self.write(
            asks, 2, "Your order", "Can the second grill come in the morning? We have guests from noon on."
        )
        self.write(pleads, 3, "Re: your order", "All is well, but please stop writing to me about it.")
        stranger = Received(
            "email:demo-stranger", Channel.EMAIL, "kueche@gasthof-rosenau.example", "Gasthof Rosenau",
            "hello@hearth-home.example", "The grill of last week",
            "The lid does not close. Whom do I have to talk to?",
        )  # fmt: skip
        self.do(5, lambda house: _receive(house, stranger))

    def write(self, customer: Customer, hours: float, subject: str, text: str) -> None:
        """They write from their own address so many hours ago."""
        human = customer.people[0]
        assert human.email is not None
        received = Received(
            f"email:{customer.id}-{hours}", Channel.EMAIL, human.email, human.name, "hello@hearth-home.example",
            subject, text,
        )  # fmt: skip
        self.do(hours, lambda house: _receive(house, received))

    def owed(self) -> None:
        """The other shop's old files came in yesterday: let down long ago, and nobody had called."""
        for days, type_, data in (
            (41, "delivery.delayed", {"days_late": 8}),
            (
                63,
                "complaint.opened",
                {"complaint_id": "old-1", "about": "a scratched door", "words": "Nobody wrote back."},
            ),
            (97, "delivery.short", {"what": "all handles are missing"}),
        ):
            customer = self.home(cast.HAMBURG)
            at, key = self.ago(26), f"old-{customer.id}"
            said = {"order_id": key, "person_id": customer.buyer, **data}
            self.arrivals.append(late(type_, customer.id, at, self.now - timedelta(days=days), key, said))


def _keys(type_: str, key: str) -> Mapping[str, str]:
    words = {
        "complaint": "complaint_id",
        "installation": "installation_id",
        "review": "review_id",
        "callback": "callback_id",
    }
    first = type_.partition(".")[0]
    order = {} if first == "callback" else {"order_id": key}
    return {**order, **({words[first]: key} if first in words else {})}


# -- what people do ------------------------------------------------------------------------------------


def _receive(house: Scratch, received: Received) -> None:
    replies.receive(house.outside, received)


def _call(house: Scratch, customer: Customer, outcome: Outcome) -> datetime | None:
    """Ring, or look again later when there is nothing to ring about yet."""
    with house.database.view() as unit:
        lines = [line for line in views_desk.desk_lines(unit) if line.account == customer.id]
    if not lines:
        return house.now + AGAIN
    desk.claim(house.outside, lines[0].card, customer.owner)
    outcomes.settle(house.outside, lines[0].card, customer.owner, outcome)
    return None


def _failures(house: Scratch, account: str, is_open: bool = True) -> list[str]:
    with house.database.view() as unit:
        state = unit.account(account)
    return [f.id for f in state.failures.values() if f.is_open is is_open] if state else []


def _let_be(house: Scratch, account: str) -> None:
    for failure in _failures(house, account):
        desk.let_be(
            house.outside, account, failure, "ruth", "Three calls, two mails; the cover was refunded."
        )


def _put_right(house: Scratch, account: str) -> None:
    for failure in _failures(house, account):
        desk.put_right(house.outside, account, failure, "luis", "customer", "The oak doors are in.")


def _reopen(house: Scratch, account: str) -> None:
    for failure in _failures(house, account, is_open=False)[-1:]:
        desk.not_right(house.outside, account, failure, "luis", "One of the oak doors is the wrong size.")


def _link(house: Scratch, a: str, b: str) -> None:
    house.database.retrying(lambda unit: unit.link(a, b, "suggested", "same number", house.now))


def _wrong_events(house: Scratch) -> None:
    """Three that ops must mend, and two that wait."""
    now = house.now
    later = (now + timedelta(days=2)).isoformat()
    raws = [
        arrival("delivery.late", "A1001", now, "q1", order_id="A1001-90", days_late=3).raw,
        arrival("delivery.delayed", "A1002", now, "q2", days_late=3).raw,
        arrival("order.placed", "A1003", now, "q3", order_id="A1003-90", amount="1,250.00").raw,
        arrival("order.placed", "A9999", now, "w1", order_id="A9999-01", amount=649).raw,
        {**arrival("delivery.shipped", "A1004", now, "w2", order_id="A1004-90").raw, "time": later},
    ]
    intake.take_in(house.outside, raws)
