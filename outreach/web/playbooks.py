"""The playbooks: how each stands and what it did lately, who changed it and why, what is under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Blueprint, g, render_template, request

from outreach.domain.errors import Fault, NotFound
from outreach.domain.evaluate import Ruleset
from outreach.domain.plan import STATES
from outreach.domain.playbook import Playbook
from outreach.library.drafts import Drafts
from outreach.service import desk, publishing, saves
from outreach.service.ports_publishing import Published, Save
from outreach.store import views_ops, views_playbooks
from outreach.store.unit import StoreUnit
from outreach.store.views_playbooks import DAYS, Activity
from outreach.web import auth
from outreach.web.forms import page_asked_for
from outreach.web.reception import outside, reception

playbooks = Blueprint("playbooks", __name__, url_prefix="/ops/playbooks")
PAGE = 50
LIVE = views_ops.PlaybookState("live", 100, "", "", None)  # type: ignore[arg-type]
"""Of a playbook about which nobody has said anything."""
SHARED = frozenset({"vocabulary", "company", "defaults"})
ORDERS = ("name", "busy", "pointless", "faults")


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    playbook: Playbook | None
    """None for one that has faults and no good version."""
    state: views_ops.PlaybookState
    open_runs: int
    faults: tuple[Fault, ...]
    activity: Activity
    pointless: Counter[str]
    """Of the last ``DAYS`` days: word → calls."""
    is_drafted: bool

    @property
    def pointless_rate(self) -> int | None:
        """Percent of the calls of that time; None without calls."""
        return (
            round(100 * min(1.0, self.pointless.total() / self.activity.calls))
            if self.activity.calls
            else None
        )


def drafts() -> Drafts:
    settings = reception().house.settings
    return Drafts(settings.root, settings.data_dir / "drafts")


def rules_now() -> Ruleset:
    """As the folder is at this moment: whoever has just saved sees it."""
    return reception().house.library.current()


def faults_now() -> tuple[Fault, ...]:
    """What is wrong with the files as they are."""
    rules_now()
    return reception().house.library.faults


@playbooks.get("")
@auth.may("watch")
def overview() -> str:
    state, order = request.args.get("state", ""), request.args.get("order", ORDERS[0])
    with reception().house.database.view() as unit:
        rows = _rows(unit)
    shown = sorted(
        (row for row in rows if state in ("", row.state.state)), key=_ORDER.get(order, _ORDER["name"])
    )
    return render_template(
        "playbooks.html", rows=shown, all=rows, asked=publishing.asked(outside()), state=state, order=order, orders=ORDERS, days=DAYS,
        states=Counter(row.state.state for row in rows), publish_states=STATES,
    )  # fmt: skip


_ORDER = {
    "name": lambda row: (row.name,),
    "busy": lambda row: (-sum(row.activity.contacts), -sum(row.activity.started), row.name),
    "pointless": lambda row: (-(row.pointless_rate or 0), row.name),
    "faults": lambda row: (-len(row.faults), row.name),
}


def _rows(unit: StoreUnit, only: str = "") -> list[Row]:
    good, wrong = rules_now().playbooks, _faulty(faults_now())
    states, running = views_ops.playbook_states(unit), views_ops.open_runs_by_playbook(unit)
    busy, drafted = views_playbooks.activity(unit, g.now), drafts().names()
    since = g.now - views_playbooks.WINDOW
    return [
        Row(
            name, good.get(name), states.get(name, LIVE), running.get(name, 0), wrong.get(name, ()),
            busy.get(name) or Activity(), desk.pointless_calls(unit, name, since), name in drafted,
        )
        for name in sorted({*good, *wrong, *drafted}) if only in ("", name)
    ]  # fmt: skip


def _faulty(faults: tuple[Fault, ...]) -> Mapping[str, tuple[Fault, ...]]:
    found: dict[str, tuple[Fault, ...]] = {}
    for fault in faults:
        name = playbook_of(fault)
        if name:
            found[name] = (*found.get(name, ()), fault)
    return found


def playbook_of(fault: Fault) -> str:
    """The playbook whose file it is in; empty for the files that all share."""
    folder, _, name = fault.file.rpartition("/")
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    return stem if folder == "playbooks" and stem not in SHARED else ""


@playbooks.get("/<name>")
@auth.may("watch")
def page(name: str) -> str:
    return shown(name)


def shown(name: str, form: Mapping[str, str] = MappingProxyType({})) -> str:
    """Its page. ``form``: how its state was to be changed, where that was refused. Raises NotFound."""
    turned = page_asked_for()
    with reception().house.database.view() as unit:
        row = next(iter(_rows(unit, only=name)), None)
        if row is None:
            raise NotFound(f"There is no playbook {name}.")
        runs = views_playbooks.runs_under_way(unit, name, PAGE + 1, (turned - 1) * PAGE)
        versions = views_playbooks.versions_under_way(unit, name)
        shadow = views_playbooks.shadow_of(unit, name, g.now - views_playbooks.WINDOW)
    return render_template(
        "playbook.html", row=row, form=form, runs=runs[:PAGE], more=len(runs) > PAGE, page=turned, versions=versions, shadow=shadow, days=DAYS,
        publish_states=STATES, pointless_words=desk.POINTLESS, text=drafts().live(f"playbooks/{name}.yaml"),
        history=_history(name), newest_save=next((save.id for save in saves.of(outside(), name, 1)), ""),
        ends=publishing.ending(outside(), name), back_to=publishing.step_back(outside(), name),
        asked=next((each for each in publishing.asked(outside()) if each.playbook == name), None),
    )  # fmt: skip


def _history(name: str) -> list[Published | Save]:
    """What was said and what was saved, newest first."""
    told: list[Published | Save] = [*publishing.history(outside(), name), *saves.of(outside(), name)]
    return sorted(told, key=lambda each: each.at, reverse=True)[:PAGE]
