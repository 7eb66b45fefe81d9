"""What the policy says of a touch right now: send, wait until T, or drop, always with a named reason.

``RULES`` is the order. Each rule is a small function that answers None (nothing to say) or a Ruling.
The first that speaks decides. Opt-out, law and the kill switch are judged on today's rules, never on
the run's pinned version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.domain.blast import Answer
from outreach.domain.company import Caps
from outreach.domain.facts import Channel, Person, Purpose, Reason
from outreach.domain.hold import Hold
from outreach.domain.preference import unwanted_ways
from outreach.domain.touch import Touch


class Action(StrEnum):
    SEND = "send"
    WAIT = "wait"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Ruling:
    action: Action
    reason: Reason
    until: datetime | None = None
    """For wait: when to ask again."""

    @property
    def sends(self) -> bool:
        return self.action is Action.SEND


@dataclass(frozen=True, slots=True)
class LawSays:
    """The law's answers for this touch, person and place, asked beforehand."""

    allowed: bool
    until: datetime | None
    """When not allowed now: the next allowed instant, None when none was found."""
    sentence: str = ""
    consent_ok: bool = True
    consent_sentence: str = ""
    attempts_per_day: int | None = None
    unscreened: str = ""
    """Why the number may not be called to sell: not checked lately against a registry, or listed there."""


NO_CAPS = Caps()


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the rules look at, as of ``now``."""

    touch: Touch
    now: datetime
    person: Person | None
    law: LawSays
    kill_switch: bool = False
    publish_state: str = "live"
    blast: Answer | None = None
    """Of a run that was beyond the blast radius: what the second person has said."""
    promised: bool = False
    """They have our word that we ring: whatever becomes of the playbook, that call is owed."""
    they_wrote: bool = False
    """Of a callback: they wrote to us and have not asked for a call, so their wishes about calls hold."""
    they_wait: bool = False
    """Of a call that they asked for and that we missed, whatever its playbook's purpose: they want it still."""
    run_open: bool = True
    run_why: str = ""
    suppressed: str | None = None
    hold: Hold | None = None
    """The strongest hold on this purpose, of another run."""
    still_open: bool | None = True
    has_branch: bool = False
    step_if: bool | None = True
    contacts: Sequence[Touch] = ()
    """Touches of this human or endpoint in the last week that count for caps."""
    caps: Caps = NO_CAPS
    outranked_until: datetime | None = None
    """Another run speaks first to this person; ours waits until then."""
    preferred_until: datetime | None = None
    """Their own stated hours: not before."""
    preferred_sentence: str = ""
    provider_stopped: str | None = None
    """Why nothing goes by the provider of this channel, if so."""
    confided: str = ""
    """Why only the one whom it hurt may hear of it, where this would tell somebody else."""
    embargo: str = ""
    """Why nobody may contact the account but one who is named, if so; empty for that one."""


Rule = Callable[[Case], Ruling | None]
RECHECK = timedelta(minutes=5)
DAY, WEEK = timedelta(days=1), timedelta(days=7)


def drop(code: str, sentence: str) -> Ruling:
    return Ruling(Action.DROP, Reason(code, sentence))


def wait(code: str, sentence: str, until: datetime) -> Ruling:
    return Ruling(Action.WAIT, Reason(code, sentence), until)


def rule(case: Case, rules: Sequence[Rule] | None = None) -> Ruling:
    """The first rule that speaks decides; none means send."""
    for each in RULES if rules is None else rules:
        ruling = each(case)
        if ruling is not None:
            return ruling
    return Ruling(Action.SEND, Reason("allowed", "Nothing speaks against it."))


def kill_switch(case: Case) -> Ruling | None:
    if case.kill_switch:
        return wait("kill_switch", "All sending is stopped by the kill switch.", case.now + RECHECK)
    return None


def provider(case: Case) -> Ruling | None:
    """A provider that refuses us, or our sender, until somebody has looked."""
    if case.provider_stopped and case.touch.channel.written:
        sentence = f"The provider is stopped: {case.provider_stopped}"
        return wait("provider_stopped", sentence, case.now + RECHECK)
    return None


def publish(case: Case) -> Ruling | None:
    if case.promised and not case.touch.channel.written:
        return None
    if case.publish_state == "disabled":
        return drop("disabled", "The playbook is disabled.")
    if case.publish_state == "paused":
        return wait("paused", "The playbook is paused.", case.now + RECHECK)
    if case.publish_state == "shadow":
        return drop("shadow", "The playbook runs in shadow: it decides and contacts no one.")
    return None


def blast_radius(case: Case) -> Ruling | None:
    """Beyond it a second person has the word; without one, nothing leaves."""
    if case.blast is Answer.ASKING:
        said = "Its playbook would reach more accounts than it may at once: a second person is asked."
        return wait("blast_radius", said, case.now + RECHECK)
    if case.blast is Answer.REFUSED:
        return drop("blast_radius", "Its playbook would have reached too many accounts at once: refused.")
    return None


def erased(case: Case) -> Ruling | None:
    if case.person is not None and case.person.erased:
        return drop("erased", "This person asked to be deleted.")
    return None


def run_stopped(case: Case) -> Ruling | None:
    if not case.run_open:
        return drop("run_ended", f"Its run has ended: {case.run_why or 'stopped'}.")
    return None


def reachable(case: Case) -> Ruling | None:
    """A written touch needs an address. A call without a number still goes to the desk: a human
    finds out."""
    if not case.touch.channel.written:
        return None
    if case.person is None:
        return drop("nobody_known", "We know no one there.")
    if case.person.endpoint(case.touch.channel) is None:
        what = "e-mail address" if case.touch.channel is Channel.EMAIL else "phone number"
        return drop("no_endpoint", f"No {what} is on file.")
    return None


def opted_out(case: Case) -> Ruling | None:
    person, touch = case.person, case.touch
    if person is None or touch.channel is Channel.TASK:
        return None
    wanted = touch.purpose is Purpose.CALLBACK or case.they_wait
    asked_for = wanted and touch.channel is Channel.CALL and not case.they_wrote
    names = ["all"] if asked_for else ["all", touch.channel.value, touch.purpose.value]
    if touch.purpose.sells:
        names.append(Purpose.MARKETING.value)
    for name in names:
        if name in person.opted_out:
            return drop("opted_out", f"They opted out ({name}): {person.opted_out[name]}.")
    return None


def suppressed(case: Case) -> Ruling | None:
    if case.suppressed and case.touch.channel is not Channel.TASK:
        return drop("suppressed", f"This endpoint may not be contacted: {case.suppressed}.")
    return None


def consent(case: Case) -> Ruling | None:
    if case.touch.purpose.sells and not case.law.consent_ok:
        return drop("no_consent", case.law.consent_sentence or "There is no consent for selling.")
    return None


def screened(case: Case) -> Ruling | None:
    if case.touch.purpose.sells and case.law.unscreened:
        return drop("not_screened", case.law.unscreened)
    return None


def embargoed(case: Case) -> Ruling | None:
    if not case.embargo or case.touch.channel is Channel.TASK:
        return None
    if case.touch.channel.written:
        return drop("embargo", case.embargo)
    return wait("embargo", case.embargo, case.now + RECHECK)


def stated_channel(case: Case) -> Ruling | None:
    """Their own word about a way of reaching them; a call they ask for is another word."""
    person, touch = case.person, case.touch
    waited_for = case.they_wait and touch.channel is Channel.CALL
    asked_for = waited_for or (touch.purpose in _ASKED_FOR and not case.they_wrote)
    if person is None or asked_for or touch.channel is Channel.TASK:
        return None
    if touch.channel.value in unwanted_ways(person):
        return drop("stated_channel", f"They asked us not to use this way: no {_WAYS[touch.channel]}.")
    return None


def confided(case: Case) -> Ruling | None:
    """Their own word about who may know of it."""
    if case.confided and case.touch.channel is not Channel.TASK:
        return drop("confided", case.confided)
    return None


_ASKED_FOR = (Purpose.CALLBACK, Purpose.TRANSACTIONAL)
_WAYS = {Channel.CALL: "calls", Channel.EMAIL: "e-mails", Channel.SMS: "text messages"}


def still_true(case: Case) -> Ruling | None:
    if case.still_open is False and not case.has_branch:
        return drop("no_longer_true", "What it was about is no longer so.")
    if case.step_if is False:
        return drop("step_if", "The step's own condition is no longer true.")
    if case.touch.channel.written and (case.step_if is None or case.still_open is None):
        return drop("cannot_tell", "A field that decides about it is missing.")
    return None


def in_time(case: Case) -> Ruling | None:
    if case.touch.not_after is not None and case.now > case.touch.not_after:
        return drop("expired", "Its time has passed.")
    return None


def held(case: Case) -> Ruling | None:
    if case.hold is None:
        return None
    sentence = f"Held back while something is open ({case.hold.because})."
    return _wait_or_drop(case, "held", sentence, case.hold.ends)


def outranked(case: Case) -> Ruling | None:
    if case.touch.channel.written and case.outranked_until is not None:
        return _wait_or_drop(case, "outranked", "Another message comes first.", case.outranked_until)
    return None


def capped(case: Case) -> Ruling | None:
    """Caps over all channels and accounts, human calls included. What repairs and what was asked for counts
    for what sells, and is never kept waiting by it; the law counts every attempt. One dial is one, whatever
    it was about."""
    if case.touch.channel is Channel.TASK:
        return None
    caps, touch = case.caps, case.touch
    counted = [t for t in case.contacts if touch.purpose.sells or not t.purpose.sells]
    same = [t for t in counted if touch.endpoint and t.endpoint == touch.endpoint]
    calls = [t for t in counted if t.channel is Channel.CALL]
    attempts = [t for t in case.contacts if t.channel is Channel.CALL]
    checks: list[tuple[Sequence[Touch], int | None, timedelta, str]] = [
        (counted, caps.per_person_per_day, DAY, "cap_person_day"),
        (counted, caps.per_person_per_week, WEEK, "cap_person_week"),
        (same, caps.per_endpoint_per_day, DAY, "cap_endpoint_day"),
        (same, caps.per_endpoint_per_week, WEEK, "cap_endpoint_week"),
    ]
    if touch.channel is Channel.CALL:
        checks.append((calls, caps.calls_per_person_per_day, DAY, "cap_calls_day"))
        checks.append((attempts, case.law.attempts_per_day, DAY, "law_attempts_day"))
    waits = [_over(found, most, window, code, case) for found, most, window, code in checks]
    return max((w for w in waits if w), key=lambda ruling: ruling.until or case.now, default=None)


def _over(
    found: Sequence[Touch], most: int | None, window: timedelta, code: str, case: Case
) -> Ruling | None:
    since = case.now - window
    made = {t.contact: t.intent_at for t in found if t.intent_at and t.intent_at > since}
    times = sorted(made.values())
    if most is None or len(times) < most:
        return None
    span = "day" if window == DAY else "week"
    until = (times[len(times) - most] if most else case.now) + window
    return _wait_or_drop(case, code, f"At most {most} in a {span}; {len(times)} so far.", until)


def stated_hours(case: Case) -> Ruling | None:
    asked_for = case.touch.purpose is Purpose.CALLBACK and not case.they_wrote
    if case.preferred_until is not None and not asked_for:
        return _wait_or_drop(case, "stated_hours", case.preferred_sentence, case.preferred_until)
    return None


def asked_time(case: Case) -> Ruling | None:
    """They asked to be called at that time: not before."""
    touch = case.touch
    if touch.purpose is Purpose.CALLBACK and touch.due > case.now:
        return wait("asked_time", "They asked to be called later.", touch.due)
    return None


def lawful_hours(case: Case) -> Ruling | None:
    if case.law.allowed or case.touch.channel is Channel.TASK:
        return None
    if case.law.until is None:
        return drop("no_lawful_hour", case.law.sentence or "No allowed hour was found.")
    return _wait_or_drop(case, "hours", case.law.sentence, case.law.until)


def _wait_or_drop(case: Case, code: str, sentence: str, until: datetime) -> Ruling:
    """Waiting past its last hour is dropping, and says both."""
    if case.touch.not_after is not None and until > case.touch.not_after:
        return drop(code, f"{sentence} Its time passes before that.")
    return wait(code, sentence, until)


RULES: tuple[Rule, ...] = (
    kill_switch, provider, publish, blast_radius, erased, run_stopped, embargoed, reachable, opted_out, suppressed, stated_channel,
    confided, consent, screened, still_true, in_time, held, outranked, capped, stated_hours, lawful_hours,
)  # fmt: skip
"""Judged at the moment of sending; for a call that moment is the dial."""
WISHES: tuple[Rule, ...] = (stated_channel, confided, stated_hours)
"""The customer's own. A playbook cannot overrule them; a colleague who says why can, at the dial. The law stays."""

PLACING: tuple[Rule, ...] = (
    publish, blast_radius, erased, run_stopped, opted_out, suppressed, stated_channel, confided, consent, screened, still_true,
    held,
)  # fmt: skip
"""What decides whether a call goes to the desk at all. Hours and caps rule the dial only."""
ASKED: tuple[Rule, ...] = (
    erased, embargoed, opted_out, suppressed, stated_channel, consent, screened, held, stated_hours, lawful_hours,
)  # fmt: skip
"""What we answer other senders who ask whether they may write or ring."""
DIALLING: tuple[Rule, ...] = (
    kill_switch, erased, embargoed, opted_out, suppressed, stated_channel, confided, consent, screened, asked_time,
    capped, stated_hours, lawful_hours,
)  # fmt: skip
