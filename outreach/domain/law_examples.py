"""Whether the law packs say what their own examples want: a pack is changed with them, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from zoneinfo import ZoneInfo

from outreach.domain.errors import Fault
from outreach.domain.facts import Purpose
from outreach.domain.law import is_allowed, packs_of, zones_of
from outreach.domain.lawline import PurposeClass
from outreach.domain.lawpack import LawPack
from outreach.domain.lawreader import Example
from outreach.domain.place import Place
from outreach.domain.wallclock import zone_of

_PURPOSES = {
    PurposeClass.SOLICITATION: Purpose.WINBACK,
    PurposeClass.SERVICE: Purpose.SERVICE_RECOVERY,
    PurposeClass.CALLBACK: Purpose.CALLBACK,
}


def untrue(packs: Iterable[LawPack]) -> Iterator[Fault]:
    """A fault for each example that comes out otherwise, with what the packs say and why."""
    all_ = tuple(packs)
    for pack in all_:
        for example in pack.examples:
            fault = _judged(all_, pack, example)
            if fault is not None:
                yield fault


def _judged(all_: tuple[LawPack, ...], pack: LawPack, example: Example) -> Fault | None:
    country = pack.countries[0]
    zones = (example.zone,) if example.zone else zones_of(country, example.region)[:1] or ("UTC",)
    try:
        zone: ZoneInfo = zone_of(zones[0])
    except ValueError:
        return example.fault(f"there is no time zone {example.zone!r}", "write one like Europe/London")
    place = Place(
        (country,), (example.region,) if example.region else (), (zone.key,), True, "stated address"
    )
    instant = example.at.replace(tzinfo=zone).astimezone(UTC)
    purpose = _PURPOSES[example.class_]
    answer = is_allowed(packs_of(all_), place, example.channel, purpose, False, example.kind, instant)
    if answer.allowed is example.may:
        return None
    said = "allowed" if answer.allowed else "not allowed"
    return example.fault(f"the pack says {said}: {answer.sentence}", "correct the line, or the example")
