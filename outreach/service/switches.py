"""The switches that stand above every touch: may a provider be used at all, and for whom?

A provider begins in rehearsal: only the endpoints that were named are contacted, everything else goes to
the outbox, until ops go live. A provider that refuses us (credentials, account, sender) is stopped by the
send itself and stays so until somebody has looked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from outreach.domain.errors import Refused, must_say
from outreach.domain.facts import Channel
from outreach.domain.person import as_person
from outreach.domain.place import place_of
from outreach.service.ports import Outside, Unit

_LIVE = "live:"
_STOPPED = "stopped:"
NO_PROVIDER = "No provider is set up, so there is nothing to go live with: see docs/providers."


# -- rehearsal -----------------------------------------------------------------------------------------


def is_live(unit: Unit, provider: str) -> bool:
    return unit.setting(_LIVE + provider) is not None


def may_contact(unit: Unit, outside: Outside, value: str, provider: str = "twilio") -> bool:
    """Whether the provider may contact this endpoint (E.164, or a mail address) by now."""
    return is_live(unit, provider) or value.lower() in outside.rehearsal_to


def configured(outside: Outside) -> list[str]:
    """The providers that are set up."""
    ours = set(outside.providers.values()) | ({"twilio"} if outside.telephone else set())
    return sorted(ours)


def go_live(outside: Outside, by: str, reason: str, *, accept_strict: bool = False) -> list[str]:
    """Contact everybody from now on by every provider that is set up; one that is added later rehearses
    first. Gives their names. Raises Refused without a reason or a provider, and while people on file live
    where no law pack of their own rules (unless ``accept_strict``: the strict default rules there)."""
    must_say(reason)
    now, providers = outside.clock.now(), configured(outside)
    if not providers:
        raise Refused(NO_PROVIDER)

    def work(unit: Unit) -> None:
        bare = uncovered(unit, outside)
        if bare and not accept_strict:
            named = ", ".join(f"{country} ({count})" for country, count in sorted(bare.items()))
            raise Refused(
                f"No law pack of its own covers the people in {named}. Add one to playbooks/law, or say that the"
                " strict default shall rule there (--accept-strict)."
            )
        for provider in providers:
            unit.set_setting(_LIVE + provider, f"{by}: {reason}")
            unit.audit(now, by, "go_live", f"provider/{provider}", reason)

    outside.database.retrying(work)
    return providers


def rehearse(outside: Outside, by: str, reason: str) -> None:
    """Back into rehearsal: what waits is judged as before and goes to the outbox."""
    must_say(reason)
    now, providers = outside.clock.now(), configured(outside)
    if not providers:
        raise Refused(NO_PROVIDER)

    def work(unit: Unit) -> None:
        for provider in providers:
            unit.set_setting(_LIVE + provider, None)
            unit.audit(now, by, "rehearse", f"provider/{provider}", reason)

    outside.database.retrying(work)


def uncovered(unit: Unit, outside: Outside) -> Counter[str]:
    """Country → how many people on file live there and are ruled by the strict default alone; ``unknown``
    for those of whom no country is known."""
    rules = outside.rules()
    covered = rules.packs.countries
    found: Counter[str] = Counter()
    for page in _pages(unit.person_ids(), 500):
        for state in unit.people(page).values():
            person = as_person(state)
            if person.erased or not (person.phone or person.email):
                continue
            account = unit.account(next(iter(sorted(person.roles)), ""))
            said = account.described if account else {}
            place = place_of(
                person, said.get("country"), said.get("region"), said.get("zone"), rules.company.zone
            )
            found.update(country for country in place.countries or ("unknown",) if country not in covered)
    return found


def _pages(ids: list[str], size: int) -> Iterable[list[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


# -- providers that stopped ----------------------------------------------------------------------------


def provider_stopped(unit: Unit, provider: str) -> str | None:
    """Why nothing goes by this provider, if so."""
    return unit.setting(_STOPPED + provider)


def stopped_ways(unit: Unit, provider: str) -> Iterable[tuple[str, str]]:
    """(way, why) of the provider and its channels, as far as they are stopped."""
    for way in (provider, *(f"{provider}/{channel.value}" for channel in Channel)):
        if (why := provider_stopped(unit, way)) is not None:
            yield way, why


def _channels_of(outside: Outside, provider: str) -> list[str]:
    return [f"{provider}/{channel.value}" for channel, name in outside.providers.items() if name == provider]


def _all_stopped(unit: Unit, outside: Outside) -> list[str]:
    return [way for name in configured(outside) for way, _ in stopped_ways(unit, name)]


RESTS = "rests:"
"""A heartbeat of this name stands for the instant until which the way rests."""


def note_rests(unit: Unit, outside: Outside) -> None:
    """Write down which ways this process lets rest, so that others can tell."""
    for way, until in outside.rests().items():
        unit.beat(RESTS + way, until)


def resting(unit: Unit, now: datetime) -> dict[str, datetime]:
    """Ways that rest → until when."""
    return {
        name.removeprefix(RESTS): until
        for name, (until, _) in unit.heartbeats().items()
        if name.startswith(RESTS) and until > now
    }


def stop_provider(unit: Unit, provider: str, why: str, now: datetime) -> None:
    """Nothing more goes by it. The first reason stays: it is the one to look into."""
    if provider_stopped(unit, provider) is None:
        unit.set_setting(_STOPPED + provider, why)
        unit.audit(now, "outreach", "provider.stopped", f"provider/{provider}", why)


def resume_provider(outside: Outside, provider: str, by: str, reason: str) -> None:
    """Somebody has looked: it may be used again. Raises Refused when it is not stopped."""
    must_say(reason)
    now = outside.clock.now()

    def work(unit: Unit) -> None:
        if provider_stopped(unit, provider) is None:
            ways = [way for name in configured(outside) for way in (name, *_channels_of(outside, name))]
            named = f"{provider} is not stopped." if provider in ways else f"There is no way {provider}."
            raise Refused(f"{named} Stopped: {', '.join(_all_stopped(unit, outside)) or 'none'}.")
        unit.set_setting(_STOPPED + provider, None)
        unit.audit(now, by, "provider.resumed", f"provider/{provider}", reason)

    outside.database.retrying(work)
