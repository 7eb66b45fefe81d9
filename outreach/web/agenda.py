"""What a card has to say: each line with its reason, its brief and what may be offered; each draft as it will arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from outreach.domain.account import AccountState
from outreach.domain.card import Line, agenda
from outreach.domain.errors import OutreachError
from outreach.domain.evaluate import BY_HAND
from outreach.domain.facts import Channel, Endpoint, Severity, Trace
from outreach.domain.failure import Failure
from outreach.domain.incident import SaidAbout
from outreach.domain.message import RenderFault, render_brief, sms_parts
from outreach.domain.plan import Run
from outreach.domain.playbook import Playbook, Remedy
from outreach.domain.touch import Touch
from outreach.service import by_hand, outcomes, posting
from outreach.service.briefs import context_of, is_late, template_of
from outreach.service.incident_words import Spoken, spoken_of
from outreach.service.incidents import heard_by
from outreach.service.ledger import Ledger
from outreach.service.ports_desk import Ask
from outreach.service.rulings import remark_on
from outreach.service.why_told import sentences


@dataclass(frozen=True, slots=True)
class LineShown:
    """One line of the agenda."""

    touch: Touch
    account: AccountState
    severity: Severity
    locked: bool
    title: str
    why: str
    brief: Markup | None
    fault: str
    late: bool
    because: tuple[str, ...]
    may_offer: tuple[Remedy, ...]
    failure: Failure | None
    asks: tuple[Ask, ...]
    """Remedies for it above the limit: asked for, granted, refused."""
    spoken_of: Spoken | None
    """The incident it is part of, and what we may say of that."""
    remark: str
    """That its playbook is paused, and why; empty where it is live."""
    told_before: SaidAbout | None
    """They were told words of it that have been corrected since."""


@dataclass(frozen=True, slots=True)
class DraftShown:
    """A mail or SMS that waits to be released, exactly as it will arrive."""

    touch: Touch
    account: AccountState
    title: str
    to: str
    subject: str
    text: str
    encoding: str
    parts: int
    foot: tuple[str, ...]
    """What stands below it when it arrives."""
    rehearses: bool
    """It goes to the outbox, though a provider is set up."""


def lines_of(ledger: Ledger, touches: Sequence[Touch]) -> tuple[LineShown, ...]:
    """In the order of the agenda: apologise for the worst first, sell last."""
    ordered = agenda(
        Line(t.id, t.account, _run(ledger, t).severity, t.due, t.deadline, t.purpose.sells) for t in touches
    )
    by_id = {touch.id: touch for touch in touches}
    asks: dict[str, list[Ask]] = {}
    for ask in ledger.unit.asks_of(sorted({touch.account for touch in touches})):
        asks.setdefault(ask.account, []).append(ask)
    return tuple(_line(ledger, by_id[line.touch], asks.get(line.account, ())) for line in ordered)


def _run(ledger: Ledger, touch: Touch) -> Run:
    return ledger.runs[touch.account][touch.run]


def _line(ledger: Ledger, touch: Touch, asks: Iterable[Ask]) -> LineShown:
    run, state = _run(ledger, touch), ledger.accounts[touch.account]
    try:
        playbook: Playbook | None = ledger.playbook(run)
    except OutreachError:
        playbook = None
    brief, fault = _brief(ledger, run, touch, playbook)
    spoken = spoken_of(ledger, run.account, run.failure)
    return LineShown(
        touch=touch,
        account=state,
        severity=run.severity,
        locked=outcomes.locked(ledger, touch),
        title=playbook.title if playbook else run.playbook,
        why=playbook.why if playbook else "",
        brief=brief,
        fault=fault,
        late=is_late(touch, ledger.now),
        because=_because(ledger, run),
        may_offer=playbook.may_offer if playbook else (),
        failure=state.failures.get(run.failure or ""),
        asks=tuple(ask for ask in asks if ask.failure == run.failure),
        spoken_of=spoken,
        remark=remark_on(ledger, run),
        told_before=_told_before(ledger, run, spoken),
    )


def _told_before(ledger: Ledger, run: Run, spoken: Spoken | None) -> SaidAbout | None:
    if spoken is None or spoken.now.number == 1:
        return None
    heard = heard_by(ledger.unit, [run.account], spoken.wordings)
    number, said = heard.get((run.account, run.failure or ""), (0, None))
    return said if number < spoken.now.number else None


def _because(ledger: Ledger, run: Run) -> tuple[str, ...]:
    """Why it is on the card, and what a colleague said who wanted it."""
    why = by_hand.why_of(ledger.unit, run) if (trace := _trace(ledger, run)) and trace.path == BY_HAND else ""
    return (*sentences(trace, ledger.rules.company.zone), *([f"“{why}”"] if why else []))


def _brief(ledger: Ledger, run: Run, touch: Touch, playbook: Playbook | None) -> tuple[Markup | None, str]:
    """The brief as HTML that ``render_brief`` made safe, or what is wrong with it: a fault in a template
    must not keep anybody from calling."""
    if playbook is None:
        return None, "The playbook of this line cannot be read any more."
    if touch.channel is Channel.TASK:
        return None, ""
    person = ledger.person(touch.person)
    try:
        name, text = template_of(playbook, touch, person)
        zone = (person.zone if person else None) or ledger.rules.company.zone
        html = render_brief(text, context_of(ledger, run, touch), name, playbook.templates, zone=zone)
    except (RenderFault, OutreachError) as fault:
        return None, f"The brief could not be written: {fault}"
    return Markup(html), ""


def _trace(ledger: Ledger, run: Run) -> Trace | None:
    decision = ledger.unit.decision_of_run(run.account, run.id)
    return decision.trace if decision else None


def draft_of(ledger: Ledger, touch: Touch) -> DraftShown:
    """As it lies ready: where it goes, and what will stand below it."""
    run, draft = _run(ledger, touch), touch.draft or {}
    person = ledger.person(touch.person)
    endpoint = person.endpoint(touch.channel) if person else None
    text = str(draft.get("text") or "")
    encoding, parts = sms_parts(text)
    known = ledger.rules.playbooks.get(run.playbook)
    return DraftShown(
        touch, ledger.accounts[touch.account], known.title if known else run.playbook,
        endpoint.value if endpoint else "", str(draft.get("subject") or ""), text, encoding, parts,
        posting.foot_of(ledger, touch, person.language if person else "en"), _rehearses(ledger, touch, endpoint),
    )  # fmt: skip


def _rehearses(ledger: Ledger, touch: Touch, endpoint: Endpoint | None) -> bool:
    if endpoint is None or touch.channel not in ledger.outside.providers:
        return False
    return posting.provider_for(ledger, touch.channel, endpoint.value) == posting.OUTBOX
