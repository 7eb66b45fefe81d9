"""A playbook as the rooms see it: resolved, checked, compiled, frozen. ``library`` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outreach.domain.conditions import Condition, Value
from outreach.domain.facts import Channel, Purpose, Severity
from outreach.domain.hours import Duration


class IfRunning(StrEnum):
    IGNORE = "ignore"
    RESTART = "restart"
    PARALLEL = "parallel"


class Review(StrEnum):
    OWNER = "owner"
    NONE = "none"


class By(StrEnum):
    """Who of us does a step."""

    OWNER = "owner"
    MANAGER = "manager"


class Scope(StrEnum):
    PERSON = "person"
    SITE = "site"
    ACCOUNT = "account"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class HoldRule:
    purposes: tuple[Purpose, ...]
    scope: Scope
    after_close: Duration
    at_most: Duration


@dataclass(frozen=True, slots=True)
class Branch:
    """What remaining steps say once ``still_open`` is false. A step without a text is skipped."""

    brief: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """What to do after an attempt ended so: try again in …, at most so many attempts in all."""

    again_in: Duration
    at_most: int
    voicemail: str = "never"
    """``once`` or ``never``."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What may be offered for the affected order. ``limit`` in the company's currency."""

    name: str
    limit: float | None = None
    above: str | None = None
    """Who must be asked above the limit."""


@dataclass(frozen=True, slots=True)
class Success:
    event: str
    within: Duration
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``channel`` None means a wait. ``after`` None means: wait until the previous step
    settled; otherwise count from when the previous step became due."""

    index: int
    channel: Channel | None
    whom: tuple[str, ...] = ()
    by: By = By.OWNER
    after: Duration | None = None
    within: Duration | None = None
    condition: Condition | None = None
    brief: str | None = None
    template: str | None = None
    review: Review = Review.NONE
    ladder: Mapping[str, Rung] = field(default_factory=dict)
    """Disposition (no_answer, busy, voicemail, wrong_number …) → rung."""
    wait: Duration | None = None
    wait_for: str | None = None
    """Event type that ends the wait early."""
    task: str | None = None


TWO_WEEKS = Duration(14 * 86400)


@dataclass(frozen=True, slots=True)
class Playbook:
    name: str
    title: str
    why: str
    purpose: Purpose
    severity: Severity
    when: tuple[str, ...]
    steps: tuple[Step, ...]
    version: str = ""
    """Hash of the playbook with its resolved defaults and its templates."""
    priority: int = 0
    supersedes: tuple[str, ...] = ()
    condition: Condition | None = None
    once_per: Value | None = None
    if_running: IfRunning = IfRunning.IGNORE
    horizon: Duration = TWO_WEEKS
    cooldown: Duration | None = None
    hold: HoldRule | None = None
    still_open: Condition | None = None
    if_resolved: Branch | None = None
    stop_events: tuple[str, ...] = ()
    stop_conditions: tuple[Condition, ...] = ()
    may_offer: tuple[Remedy, ...] = ()
    holdout: float = 0.0
    success: Success | None = None
    templates: Mapping[str, str] = field(default_factory=dict)
    """File name → text of every brief and template it uses, all language variants, as pinned."""
    source: str = ""
    """The YAML as written, kept with the version."""
