"""Where and when a colleague is reached away from the desk: said by themselves, tried with a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from outreach.domain.errors import NotFound, Refused
from outreach.service.ports import Outside, Unit
from outreach.service.ports_reaching import Alert, Reach, Way
from outreach.service.ports_ways import Letter, Notifier, Receipt

MOST = 5
IN_DOUBT = timedelta(minutes=5)
"""What has been leaving for longer was cut off."""
CUT_OFF = "it was cut off, and may have arrived"


def of(unit: Unit, user: str) -> Reach:
    return unit.reach(user) or Reach(user)


def way_key(way: Way) -> str:
    """By which a page speaks of a way without saying what it is."""
    return sha256(way.url.encode()).hexdigest()[:16]


def add_way(outside: Outside, user: str, url: str, by: str, *, trusted: bool) -> Way:
    """Raises Refused for an address that is none, or may not be named from a page (not ``trusted``)."""
    way = _way(outside, url, trusted=trusted)

    def change(known: Reach) -> Reach:
        ways = (*(each for each in known.ways if each.url != way.url), way)
        if len(ways) > MOST:
            raise Refused(f"At most {MOST}: take one away first.")
        return replace(known, ways=ways)

    _change(outside, user, by, change)
    return way


def set_ways(outside: Outside, user: str, urls: Sequence[str], by: str) -> list[Way]:
    """These and no others; for whoever runs the house. Raises Refused."""
    ways = tuple(_way(outside, url, trusted=True) for url in dict.fromkeys(urls))
    _change(outside, user, by, lambda known: replace(known, ways=ways))
    return list(ways)


def take_way(outside: Outside, user: str, key: str, by: str) -> None:
    """Raises NotFound for a way that is none of theirs."""

    def change(known: Reach) -> Reach:
        left = tuple(way for way in known.ways if way_key(way) != key)
        if len(left) == len(known.ways):
            raise NotFound("That address is gone already.")
        return replace(known, ways=left)

    _change(outside, user, by, change)


def say_when(outside: Outside, user: str, quiet: tuple[str, str] | None, by: str, *, always: bool) -> None:
    """``quiet``: from and until, ``HH:MM`` on their own clock."""
    begins, ends = quiet or (None, None)
    _change(
        outside, user, by, lambda known: replace(known, quiet_from=begins, quiet_until=ends, always=always)
    )


def send_test(outside: Outside, user: str) -> Receipt:
    """Leaves at once, whatever the hour: they asked for it. Raises Refused where nothing is set up."""
    with outside.database.view() as unit:
        known = of(unit, user)
    if not known.ways:
        raise Refused("Say first where you are reached.")
    letter = Letter(
        tuple(way.url for way in known.ways), "Outreach: a test",
        f"This is how Outreach reaches you.\n{outside.post.public_url}/desk/reach",
    )  # fmt: skip
    (receipt,) = _notifier(outside).tell([letter])
    if receipt.outcome == "sent" and not receipt.reason:
        now = outside.clock.now()
        outside.database.retrying(lambda unit: unit.save_reach(replace(of(unit, user), sound_at=now)))
    return receipt


def trouble(unit: Unit, known: Reach, now: datetime) -> tuple[Alert, str] | None:
    """The last alert, where it did not arrive or not everywhere, and why; None once they changed something or a test
    arrived."""
    last = unit.last_alert(known.user) if known.ways else None
    if last is None or (known.sound_at is not None and last.at <= known.sound_at):
        return None
    cut_off = last.state == "sending" and now - last.at > IN_DOUBT
    why = CUT_OFF if cut_off else last.why
    return (last, why) if why else None


def troubles(unit: Unit, now: datetime) -> dict[str, str]:
    """Colleague → why their last alert did not arrive."""
    found = ((known.user, trouble(unit, known, now)) for known in unit.reaches())
    return {user: what[1] for user, what in found if what}


def _way(outside: Outside, url: str, *, trusted: bool) -> Way:
    return Way(url.strip(), _notifier(outside).shown(url.strip(), trusted=trusted))


def _notifier(outside: Outside) -> Notifier:
    if outside.notifier is None:
        raise Refused("Nothing leaves this house, so nobody can be reached by it.")
    return outside.notifier


def _change(outside: Outside, user: str, by: str, change: Callable[[Reach], Reach]) -> None:
    def work(unit: Unit) -> None:
        now = outside.clock.now()
        unit.save_reach(replace(change(of(unit, user)), sound_at=now))
        unit.audit(now, by, "reach.changed", f"user/{user}")

    outside.database.retrying(work)
