"""A house for the corridor's tests: the project's own vocabulary, company and law, and playbooks of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from outreach.channels.null import RecordingSender
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.domain.plan import Run
from outreach.domain.touch import Touch
from outreach.lab.scratch import Scratch, cloud_event, scratch_house
from outreach.library.loader import SHARED, assemble, load, snapshot
from outreach.service.ports_ways import Post

ROOT = Path(__file__).resolve().parents[2]
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""09:00 in Berlin, on a working day."""
TEXTS = {
    "templates/x/call.md": b"Say sorry.\n",
    "templates/x/softer.md": b"It came. Say sorry all the same.\n",
    "templates/x/mail.md": b"Subject: We let you down\n\nI am sorry. Call me.\n",
    "templates/x/text.md": b"I am sorry. Call me.\n",
    "templates/x/many.md": b"Subject: We let you down\n\nI am sorry.{% if incident.words %} {{ incident.words }}{% endif %} Call me.\n",
    "templates/x/many.de.md": b"Subject: Es tut uns leid\n\nDas tut mir leid.{% if incident.words %} {{ incident.words }}{% endif %} Rufen Sie mich an.\n",
    "templates/x/offer.md": b"Subject: About now\n\nTime for charcoal?\n",
}


@cache
def own_rules() -> Ruleset:
    """The project's own rules, playbooks and all."""
    return load(ROOT)


@cache
def _shared() -> dict[str, bytes]:
    files = snapshot(ROOT)
    names = {f"playbooks/{name}" for name in SHARED}
    return {name: raw for name, raw in files.items() if name in names or name.startswith("playbooks/law/")}


def rules_with(playbooks: Mapping[str, str]) -> Ruleset:
    """Name → the playbook's YAML without its first three keys. Every fault but a warning fails the test."""
    files = _shared() | TEXTS
    for name, text in playbooks.items():
        head = f"playbook: {name}\ntitle: {name}\nwhy: because\n"
        files[f"playbooks/{name}.yaml"] = (head + text).encode()
    rules = assemble(files)
    faults = [str(fault) for fault in rules.faults if not fault.warning]
    assert not faults, "\n".join(faults)
    return rules


@contextmanager
def house(rules: Ruleset | None = None, start: datetime = MONDAY, **more: Any) -> Iterator[Scratch]:
    with scratch_house(rules or own_rules(), start, **more) as made:
        yield made


def provided(house: Scratch, live: bool = True, **more: Any) -> Scratch:
    """The same house with providers behind its senders, gone live unless it rehearses."""
    post = Post(
        "https://outreach.example", "hello@hearth.example", frozenset({"house.example"}), "in.hearth.example"
    )
    given = {
        "providers": {Channel.EMAIL: "sendgrid", Channel.SMS: "twilio"},
        "post": post,
        "outbox": RecordingSender(),
    }
    outside = replace(house.outside, **(given | more))
    if live:
        for provider in ("sendgrid", "twilio"):
            house.database.retrying(lambda unit, p=provider: unit.set_setting(f"live:{p}", "the test"))
    return replace(house, outside=outside)


def event(
    house: Scratch, type_: str, id_: str, subject: str = "a1", time: datetime | None = None, **data: Any
) -> Any:
    return cloud_event(type_, subject, data, id_, time or house.now)


def give(house: Scratch, account: str = "a1", person: str | None = "anna", **described: Any) -> None:
    """An account with one buyer who can be reached in every way."""
    said = {
        "name": account,
        "owner": "jonas",
        "team": "berlin",
        "zone": "Europe/Berlin",
        "country": "DE",
        "region": "BE",
    }
    house.take_in(event(house, "account.described", f"give/{account}", account, **(said | described)))
    if person:
        give_person(house, person, [account])


def give_person(
    house: Scratch, person: str, accounts: list[str], role: str = "buyer", **described: Any
) -> None:
    said = {
        "name": f"{person.title()} Berg", "phone": "+4930123456", "email": f"{person}@x.example",
        "accounts": [{"account": account, "roles": [role]} for account in accounts],
    }  # fmt: skip
    house.take_in(
        event(house, "person.described", f"give/{person}", f"person:{person}", **(said | described))
    )


def touches(house: Scratch, account: str = "a1") -> list[Touch]:
    """Every touch of every run of the account, in the order they were laid."""
    with house.database.view() as unit:
        return [touch for run in unit.runs_of([account]) for touch in unit.touches_of_run(run.id)]


def runs(house: Scratch, account: str = "a1") -> list[Run]:
    with house.database.view() as unit:
        return unit.runs_of([account])


def run_of(house: Scratch, playbook: str, account: str = "a1") -> Run:
    (found,) = [run for run in runs(house, account) if run.playbook == playbook]
    return found


def failure(house: Scratch, id_: str, account: str = "a1") -> Any:
    with house.database.view() as unit:
        state = unit.account(account)
    assert state is not None
    return state.failures.get(id_)


def statuses(house: Scratch, account: str = "a1") -> list[tuple[str, str]]:
    return [(touch.channel.value, touch.status.value) for touch in touches(house, account)]
