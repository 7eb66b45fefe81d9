"""The benches' company: 50 playbooks of three clauses over six event types, and a stream of events.

Playbooks and events are made from a seed, so two runs measure the same work. About 9 % of the events
match a playbook, which is far more than in a company that does its job.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from outreach.assemble import project_root
from outreach.domain.evaluate import Ruleset
from outreach.lab.scratch import cloud_event
from outreach.library.loader import load

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
PLAYBOOKS = 50
_SHARED = ("vocabulary.yaml", "company.yaml", "defaults.yaml")
_TIERS = ("gold", "silver", "basic", "basic")
_COUNTRIES = ("DE", "US", "FR", "AT")


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the six event types: its share of the stream, and the number that conditions look at."""

    type: str
    key: str
    number: str
    share: float
    most: int
    failure: bool = False


KINDS = (
    Kind("order.placed", "order_id", "amount", 0.44, 1000),
    Kind("delivery.arrived", "order_id", "days_late", 0.36, 100),
    Kind("order.returned", "order_id", "amount", 0.08, 1000),
    Kind("delivery.delayed", "order_id", "days_late", 0.06, 100, failure=True),
    Kind("delivery.short", "order_id", "pieces_missing", 0.03, 100, failure=True),
    Kind("installation.problem_reported", "installation_id", "open_days", 0.03, 100, failure=True),
)


@dataclass(frozen=True, slots=True)
class Clauses:
    """A condition as its parts, for the expression language and for whoever writes it another way."""

    kind: Kind
    least: float
    tier: str
    country: str

    @property
    def text(self) -> str:
        return (
            f'event.{self.kind.number} >= {self.least:g} and account.tier == "{self.tier}"'
            f' and account.country != "{self.country}"'
        )


def conditions(dice: Random | None = None) -> list[Clauses]:
    """Fifty, spread evenly over the six types."""
    dice = dice or Random(50)
    made = []
    for n in range(PLAYBOOKS):
        kind = KINDS[n % len(KINDS)]
        share = dice.uniform(0.5, 0.95) if kind.failure else dice.uniform(0.93, 0.99)
        made.append(Clauses(kind, round(kind.most * share, 1), dice.choice(_TIERS), dice.choice(_COUNTRIES)))
    return made


@contextmanager
def bench_root() -> Iterator[Path]:
    """A folder with the playbooks, as ops would have it; gone afterwards."""
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        root = Path(folder)
        ours = project_root()
        (root / "playbooks").mkdir()
        for name in _SHARED:
            shutil.copy(ours / "playbooks" / name, root / "playbooks" / name)
        shutil.copytree(ours / "playbooks" / "law", root / "playbooks" / "law")
        texts = root / "templates" / "bench"
        texts.mkdir(parents=True)
        (texts / "call.md").write_text("**What broke** – something.\n", encoding="utf-8")
        (texts / "mail.md").write_text(
            "Subject: Hello\n\nHello {{ person.greeting or person.name }},\n\nhow are you?\n\n"
            "{{ am.name }}, {{ company.name }}\n",
            encoding="utf-8",
        )
        for n, clauses in enumerate(conditions()):
            path = root / "playbooks" / f"bench-{n:02}.yaml"
            path.write_text(_playbook(n, clauses), encoding="utf-8")
        (root / "playbooks" / "bench-mail.yaml").write_text(_MAIL, encoding="utf-8")
        yield root


def bench_rules() -> Ruleset:
    with bench_root() as root:
        rules = load(root)
    wrong = [fault for fault in rules.faults if not fault.warning]
    if wrong or len(rules.playbooks) != PLAYBOOKS + 1:
        raise RuntimeError(f"the benches' playbooks are refused: {'; '.join(map(str, wrong))}")
    return rules


_MAIL = """playbook: bench-mail
title: A mail that leaves at once
why: To measure sending. No event of the stream starts it.
purpose: service_recovery
severity: low
when: backorder.opened
hold: none
steps:
  - email: hurt_person
    review: none
    template: bench/mail.md
"""
_FAILED = """purpose: service_recovery
severity: medium
hold: {purposes: [marketing], scope: person, after_close: 5 business days, at_most: 30d}
steps:
  - call: hurt_person
    within: 4 business hours
    brief: bench/call.md
"""
_USUAL = """purpose: reorder
severity: low
if_running: parallel
steps:
  - email: [buyer, hurt_person]
    within: 3 business days
    template: bench/mail.md
"""


def _playbook(n: int, clauses: Clauses) -> str:
    head = f"playbook: bench-{n:02}\ntitle: Bench {n}\nwhy: To measure.\nwhen: {clauses.kind.type}\n"
    key = f"once_per: event.{clauses.kind.key}\n"
    return f"{head}if: {clauses.text}\n{key}{_FAILED if clauses.kind.failure else _USUAL}"


def accounts(count: int) -> list[dict[str, Any]]:
    """What the source of record says of them, as events."""
    dice = Random(1)
    return [
        cloud_event("account.described", f"a{n}", {
            "name": f"Account {n}", "kind": "business", "tier": dice.choice(_TIERS), "owner": "jonas",
            "country": dice.choice(_COUNTRIES),
        }, f"account-{n}", START)
        for n in range(count)
    ]  # fmt: skip


def stream(count: int, accounts: int, start: datetime = START, seed: int = 7) -> list[dict[str, Any]]:
    """Events in order of time with ids in order, one a second, as a shop would send them."""
    dice = Random(seed)
    shares = [kind.share for kind in KINDS]
    made = []
    for n, kind in enumerate(dice.choices(KINDS, shares, k=count)):
        data = {kind.key: f"{seed}-{n}", kind.number: dice.randrange(kind.most)}
        at = start + timedelta(seconds=n + 1)
        made.append(cloud_event(kind.type, f"a{dice.randrange(accounts)}", data, f"{seed}-{n:09}", at))
    return made
