"""Where a story is told: the scratch house with its people, and short ways to look around in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from outreach.domain.account import AccountState
from outreach.domain.errors import NotFound
from outreach.domain.facts import PERSON_PREFIX, Person
from outreach.domain.message import render_brief
from outreach.domain.plan import Run
from outreach.domain.touch import Status, Touch
from outreach.lab.scratch import Scratch, cloud_event
from outreach.lab.story_amiss import Expected, flow
from outreach.lab.story_time import When, spell, written
from outreach.lab.story_words import NOTHING
from outreach.service.briefs import context_of, template_of
from outreach.service.cover import covers_now
from outreach.service.intake import Answer
from outreach.service.ledger import Ledger
from outreach.service.ports import Unit
from outreach.service.ports_records import User
from outreach.service.staff import name_of

DESK = (Status.ON_DESK,)
SOMEBODY = "somebody"


class Complaint(Exception):
    """The house did not do what the story says. The text says so in words for people."""


@dataclass(slots=True)
class Stage:
    """``since`` is the moment before the present one: what has left since then is news."""

    house: Scratch
    zone: str
    accounts: list[str]
    people: list[str]
    since: datetime
    events: int = 0
    sent_before: frozenset[str] = field(default_factory=frozenset)

    # -- time ------------------------------------------------------------------------------------

    def at(self, when: When) -> datetime:
        return when.instant(self.house.now, self.zone)

    def spell(self, at: datetime | None) -> str:
        return spell(at, self.zone)

    def write(self, at: datetime | None, like: When | None = None) -> str | None:
        return written(at, self.house.now, self.zone, like)

    def pass_to(self, at: datetime) -> None:
        self._outliving(lambda: self.house.advance_to(at))

    def settle(self) -> None:
        self._outliving(lambda: self.house.settle())

    def crash(self) -> None:
        self.house = self.house.built_again()

    def _outliving(self, work: Callable[[], None]) -> None:
        """When the process dies on the way, its successor goes on."""
        while True:
            try:
                return work()
            except SystemExit:
                self.crash()

    # -- telling ---------------------------------------------------------------------------------

    def tell(self, type_: str, subject: str, data: Mapping[str, Any], **more: Any) -> Answer:
        """An event through the front door; ``more`` are attributes such as id, source, time, sequence."""
        self.events += 1
        given = {name: value for name, value in more.items() if value is not None}
        time = given.pop("time", self.house.now)
        event = cloud_event(type_, subject, data, given.pop("id", f"story-{self.events}"), time, **given)
        return self.house.take_in(event)[0]

    def describe_account(self, account: Mapping[str, Any]) -> None:
        said = {
            name: value
            for name, value in account.items()
            if value is not None and name not in ("id", "people")
        }
        self.must_take(self.tell("account.described", account["id"], said), f"the account {account['id']}")
        if account["id"] not in self.accounts:
            self.accounts.append(account["id"])

    def describe_person(self, person: Mapping[str, Any], there: str | None = None) -> None:
        """``there``: the account in whose list of people they stand."""
        said = {
            name: value for name, value in person.items() if value is not None and name not in ("id", "role")
        }
        roles = [{"account": there, "roles": list(person.get("role") or ())}] if there else []
        memberships = [
            {"account": row["account"], "roles": list(row["roles"] or ())} for row in said.get("accounts", ())
        ]
        if roles or memberships:
            said["accounts"] = roles + memberships
        if person["id"] not in self.people:
            said.setdefault("name", person["id"].replace("-", " ").title())
            self.people.append(person["id"])
        answer = self.tell("person.described", PERSON_PREFIX + person["id"], said)
        self.must_take(answer, f"the person {person['id']}")

    def must_take(self, answer: Answer, what: str) -> None:
        if answer.outcome == "quarantined":
            raise Complaint(f"{what} was refused: {'; '.join(answer.reasons)}")

    def hire(self, *names: str) -> None:
        """Colleagues who sign in, where they do not yet."""

        def work(unit: Unit) -> None:
            known = {name_of(one) for one in unit.users()}
            for name in sorted({*names} - known):
                unit.save_user(User(f"user-{name}", name, f"{name}@house.example", "", "am", manager=name))

        self.house.database.retrying(work)

    # -- looking ---------------------------------------------------------------------------------

    def subject(self, named: str | None) -> str:
        """The account named, or the only one there is."""
        if named is None and len(self.accounts) > 1:
            raise Complaint(f"say whose it is: subject is one of {', '.join(self.accounts)}")
        return named or self.accounts[0]

    def account_of(self, person: str) -> str:
        with self.house.database.view() as unit:
            found = unit.people([person]).get(person)
        if found is None or not found.roles:
            return self.subject(None)
        return next(iter(found.roles))

    def states(self) -> list[AccountState]:
        with self.house.database.view() as unit:
            return [state for id_ in self.accounts if (state := unit.account(id_)) is not None]

    def runs(self) -> list[Run]:
        with self.house.database.view() as unit:
            return unit.runs_of(self.accounts)

    def playbooks(self) -> dict[str, str]:
        """run → its playbook."""
        return {run.id: run.playbook for run in self.runs()}

    def touches(self) -> list[Touch]:
        """Every touch of every run, whatever became of it."""
        with self.house.database.view() as unit:
            return [touch for run in unit.runs_of(self.accounts) for touch in unit.touches_of_run(run.id)]

    def touches_in(self, *states: Status) -> list[Touch]:
        return [touch for touch in self.touches() if touch.status in states]

    def desk_of(self, touch: Touch) -> str | None:
        with self.house.database.view() as unit:
            return covers_now(unit, self.house.now).get(touch.caller or "", touch.caller)

    def sent_since(self) -> list[Touch]:
        """Mails and SMS that left since the moment before."""
        return [t for t in self.touches() if t.status is Status.SENT and t.id not in self.sent_before]

    def identity(self, named: str) -> str:
        """Whose card it is: a person's, or ``account:<id>``."""
        if named in self.accounts:
            return f"account:{named}"
        with self.house.database.view() as unit:
            return unit.identities([named]).get(named, named)

    def for_(self, named: str, touches: Iterable[Touch], because: str | None) -> list[Touch]:
        identity, names = self.identity(named), self.playbooks()
        return [
            touch
            for touch in touches
            if touch.identity == identity and because in (None, names.get(touch.run), touch.because)
        ]

    def text_of(self, touch: Touch) -> tuple[str, str]:
        """(file, words) of the touch's brief or template; rendered, so that a fault in it shows."""
        with self.house.database.view() as unit:
            ledger, run = self._ledger(unit, touch)
            person = ledger.person(touch.person)
            name, text = template_of(ledger.playbook(run), touch, person)
            if touch.draft is not None:
                return name, f"{touch.draft.get('subject')}\n{touch.draft.get('text')}"
            playbook, context = ledger.playbook(run), context_of(ledger, run, touch)
            return name, render_brief(text, context, name, playbook.templates, zone=self.zone)

    def _ledger(self, unit: Unit, touch: Touch) -> tuple[Ledger, Run]:
        ledger = Ledger(unit, self.house.outside, self.house.now)
        ledger.lock([touch.account])
        return ledger, ledger.runs[touch.account][touch.run]

    def person(self, id_: str) -> Person:
        with self.house.database.view() as unit:
            found = Ledger(unit, self.house.outside, self.house.now).person(id_)
        if found is None:
            raise NotFound(f"There is no person {id_}.")
        return found

    # -- words -----------------------------------------------------------------------------------

    def desk(self) -> tuple[Expected, ...]:
        """What a person would see now, as a story expects it: open calls and tasks, drafts, what left just now."""
        names = self.playbooks()
        rows = [self._expected(t.channel.value, t, names) for t in self.touches_in(*DESK)]
        rows += [self._expected("draft", t, names) for t in self.touches_in(Status.DRAFT)]
        rows += [self._expected(t.channel.value, t, names) for t in self.sent_since()]
        return tuple(row for number, row in enumerate(rows) if row not in rows[:number]) or (NOTHING,)

    def _expected(self, kind: str, touch: Touch, names: Mapping[str, str]) -> Expected:
        whom = touch.person or touch.identity.removeprefix("account:")
        by = {"by": self.write(touch.deadline)} if kind == "call" and touch.deadline else {}
        return {kind: whom, "because": names.get(touch.run, touch.because), **by}

    def spell_desk(self) -> str:
        return "; ".join(flow(row) for row in self.desk())
