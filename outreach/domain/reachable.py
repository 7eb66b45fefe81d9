"""When a colleague may be reached away from the desk: their working hours, without the quiet ones of their own."""

from __future__ import annotations

from datetime import datetime, time
from typing import NamedTuple

from outreach.domain.hours import Calendar, local


class Quiet(NamedTuple):
    """Read off the clock on one's wall; from evening to morning it crosses midnight. Both ends the same: all day."""

    begins: time
    ends: time

    def holds(self, at: datetime, zone: str) -> bool:
        wall = local(at, zone).time()
        if self.begins < self.ends:
            return self.begins <= wall < self.ends
        return wall >= self.begins or wall < self.ends


class Reachable(NamedTuple):
    """``calendar``: their team's. ``zone``: their own. ``always``: of promised calls outside working hours, too."""

    calendar: Calendar
    zone: str
    quiet: Quiet | None = None
    always: bool = False

    def at_work(self, at: datetime) -> bool:
        return self.calendar.is_open(at) and not self._is_quiet(at)

    def may_hear(self, at: datetime, *, promised: bool) -> bool:
        """Own quiet hours hold whatever it is."""
        return self.at_work(at) or (self.always and promised and not self._is_quiet(at))

    def _is_quiet(self, at: datetime) -> bool:
        return self.quiet is not None and self.quiet.holds(at, self.zone)
