"""How the house runs: what somebody has to see to, the clock, what is due, and the switch for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import Fault, OutreachError
from outreach.domain.playbook import Playbook
from outreach.service import checkup, desk, incidents, switches, unknowns, workbench
from outreach.service.sweep import CLOCK
from outreach.store import views_ops as views
from outreach.store.unit import StoreUnit
from outreach.store.views_checkup import standing
from outreach.web import auth
from outreach.web.problems import tell
from outreach.web.reception import outside, reception

ops = Blueprint("ops", __name__, url_prefix="/ops")
SEASON = timedelta(days=90)
LIVE = views.PlaybookState("live", 100, "", "", None)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class PlaybookRow:
    name: str
    playbook: Playbook | None
    """None for one that has faults and no good version."""
    state: views.PlaybookState
    open_runs: int
    faults: tuple[Fault, ...]


@ops.get("")
@auth.may("watch")
def overview() -> str:
    rules = outside().rules()
    with reception().house.database.view() as unit:
        stands, beats = standing(unit, g.now), unit.heartbeats()
        findings = checkup.look_over(unit, outside(), stands)
        shared_causes = incidents.all_of(unit, outside(), g.now)
        season = g.now - SEASON
        pointless = {name: desk.pointless_calls(unit, name, season) for name in rules.playbooks}
        states, running = views.playbook_states(unit), views.open_runs_by_playbook(unit)
        unknowns = views.unknown_touches(unit)
        parked = views.parked_by_reason(unit)
        audit = views.audit_rows(unit, 15)
        ways = _ways(unit)
    beat = beats.get(CLOCK)
    late = checkup.clock_late(g.now, beat[0] if beat else None)
    faults = tuple(getattr(reception().house.library, "faults", rules.faults))
    return render_template(
        "ops.html", findings=findings, incidents=len(shared_causes[0]), suggested=len(shared_causes[1]), counts=stands.counts, beat=beat, late=late, rows=_rows(rules.playbooks, states, running, faults),
        unknowns=unknowns, parked=parked, audit=audit, publish_states=workbench.PUBLISH_STATES,
        shared=[fault for fault in faults if not _is_playbook(fault)], ways=ways, pointless=pointless, pointless_words=desk.POINTLESS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class WayOut:
    """A provider and the channels that it carries."""

    provider: str
    channels: tuple[str, ...]
    stopped: tuple[tuple[str, str], ...]
    """What is stopped (the provider, or one channel of it), and why."""
    live: bool
    rests: datetime | None
    """Until when the clock lets it rest, because it is unwell or has asked for it."""


def _ways(unit: StoreUnit) -> list[WayOut]:
    carried: dict[str, list[str]] = {}
    for channel, provider in outside().providers.items():
        carried.setdefault(provider, []).append(channel.value)
    if outside().telephone is not None:
        carried.setdefault("twilio", []).append("call")
    rests = switches.resting(unit, g.now)
    return [
        WayOut(
            provider,
            tuple(sorted(channels)),
            tuple(switches.stopped_ways(unit, provider)),
            switches.is_live(unit, provider),
            max((until for way, until in rests.items() if way.partition("/")[0] == provider), default=None),
        )
        for provider, channels in sorted(carried.items())
    ]


def _rows(
    playbooks: Mapping[str, Playbook], states: Mapping[str, views.PlaybookState],
    running: Mapping[str, int], faults: tuple[Fault, ...],
) -> list[PlaybookRow]:  # fmt: skip
    names = set(playbooks) | {_playbook_of(fault) for fault in faults if _is_playbook(fault)}
    return [
        PlaybookRow(
            name, playbooks.get(name), states.get(name, LIVE), running.get(name, 0),
            tuple(fault for fault in faults if _is_playbook(fault) and _playbook_of(fault) == name),
        )
        for name in sorted(names)
    ]  # fmt: skip


SHARED = frozenset({"vocabulary", "company", "defaults"})


def _is_playbook(fault: Fault) -> bool:
    parts = fault.file.split("/")
    return len(parts) == 2 and parts[0] == "playbooks" and _playbook_of(fault) not in SHARED


def _playbook_of(fault: Fault) -> str:
    return fault.file.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")


def _do(work: Callable[[], str], to: str) -> Response:
    try:
        flash(work(), "done")
    except OutreachError as fault:
        tell(fault)
    return redirect(to)


@ops.post("/stop")
@auth.may("steer")
def stop() -> Response:
    """The kill switch. Asks for a word typed out, so that no slip of a finger stops the house."""

    def work() -> str:
        if request.form.get("sure", "").strip().lower() != "stop":
            return "Nothing was stopped: type the word stop to confirm."
        workbench.stop_all(outside(), auth.me().by, request.form.get("reason", ""))
        return "Stopped. Nothing leaves and nothing is dialled until you resume. What is due waits."

    return _do(work, url_for("ops.overview"))


@ops.post("/resume")
@auth.may("steer")
def resume() -> Response:
    def work() -> str:
        workbench.resume_all(outside(), auth.me().by, request.form.get("reason", ""))
        return "Resumed. What waited is judged anew."

    return _do(work, url_for("ops.overview"))


@ops.post("/playbooks/<name>")
@auth.may("steer")
def publish(name: str) -> Response:
    def work() -> str:
        state, reason = request.form.get("state", ""), request.form.get("reason", "")
        percent = min(max(request.form.get("percent", 100, type=int), 0), 100)
        workbench.publish(outside(), name, state, auth.me().by, reason, percent)
        return f"{name} is now {state}" + (f" for {percent} %." if state == "percent" else ".")

    return _do(work, url_for("ops.overview", _anchor=name))


@ops.post("/live")
@auth.may("steer")
def live() -> Response:
    """Out of rehearsal. Asks for a word typed out: from here on everybody is contacted."""

    def work() -> str:
        reason = request.form.get("reason", "")
        if request.form.get("back"):
            switches.rehearse(outside(), auth.me().by, reason)
            return "Rehearsing again: only the named addresses are contacted."
        if request.form.get("sure", "").strip().lower() != "live":
            return "Nothing has changed: type the word live to confirm."
        strict = request.form.get("accept_strict") == "1"
        switches.go_live(outside(), auth.me().by, reason, accept_strict=strict)
        return "Live. What is due leaves for everybody from now on."

    return _do(work, url_for("ops.overview", _anchor="providers"))


@ops.post("/providers/resume")
@auth.may("steer")
def resume_provider() -> Response:
    def work() -> str:
        way = request.form.get("way", "")
        switches.resume_provider(outside(), way, auth.me().by, request.form.get("reason", ""))
        return f"{way} is used again. What waited is judged anew."

    return _do(work, url_for("ops.overview", _anchor="providers"))


@ops.get("/unknowns/<touch_id>")
@auth.may("steer")
def evidence(touch_id: str) -> str:
    """What we meant to send beside what the provider has of it."""
    found = unknowns.evidence(outside(), touch_id)
    with reception().house.database.view() as unit:
        account = unit.account(found.touch.account)
    name = (account.described.get("name") if account else None) or found.touch.account
    return render_template("unknown.html", found=found, account=account, name=name)


@ops.post("/unknowns/<touch_id>")
@auth.may("steer")
def settle(touch_id: str) -> Response:
    """What really became of a message nobody is sure about."""

    def work() -> str:
        was, reason = request.form.get("was", ""), request.form.get("reason", "").strip()
        if was not in ("sent", "failed", "again"):
            return "Choose what became of it."
        if was == "again" and not reason:
            return "Say why it may be sent again."
        desk.settle_unknown(outside(), touch_id, auth.me().by, was, reason)
        return "It will be sent again." if was == "again" else f"Written down: it was {was}."

    return _do(work, url_for("ops.overview", _anchor="unknowns"))
