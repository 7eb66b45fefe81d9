"""A house whose colleagues are reached away from the desk, by something that reaches nobody and remembers whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from outreach.channels.null import RecordingNotifier
from outreach.lab.scratch import Scratch
from outreach.service import alerts
from outreach.service.ports_reaching import Reach, Way
from outreach.service.ports_records import User
from tests.service.world import MONDAY, event, give, house, provided

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NAMES = ("anna", "Anna", "Berg", "a1", "+4930", "x.example", "o1", "jonas", "miriam")


@contextmanager
def staffed(
    start: datetime = MONDAY, url: str | None = None, **more: Any
) -> Iterator[tuple[Scratch, RecordingNotifier]]:
    """A house with jonas and miriam, their manager ruth, and helen, whom every ladder ends with; all can be reached."""
    bell = RecordingNotifier()
    with house(start=start, database_url=url) as plain:
        home = provided(plain, notifier=bell, **more)
        for id_, role in (("jonas", "am"), ("miriam", "am"), ("ruth", "manager"), ("helen", "manager")):
            user = User(id_, id_.title(), f"{id_}@house.example", "", role)
            home.database.retrying(lambda unit, user=user: unit.save_user(user))
            say(home, id_)
        give(home)
        alerts.tell_urgent(home.outside)  # the day brings nothing yet
        yield home, bell


def say(home: Scratch, user: str, **more: Any) -> None:
    known = Reach(user, (Way(f"json://{user}", "JSON …"),), **more)
    home.database.retrying(lambda unit: unit.save_reach(known))


def late(home: Scratch, order: str = "o1", account: str = "a1", **data: Any) -> None:
    """A delivery that is late enough for a call within four business hours."""
    home.take_in(
        event(
            home, "delivery.delayed", f"late/{order}/{home.now}", account, order_id=order, days_late=3, **data
        )
    )
    home.settle()


def card(home: Scratch) -> str:
    with home.database.view() as unit:
        (found,) = unit.bulk.rows("select id from card where state = 'open'")
    return str(found[0])


def heard(home: Scratch, bell: RecordingNotifier, mornings: bool = False) -> list[tuple[str, str]]:
    """What leaves now: (whom, text). Mornings are left out, unless they are what it is about."""
    bell.told.clear()
    alerts.tell_urgent(home.outside)
    return [
        (letter.urls[0].removeprefix("json://"), letter.text)
        for letter in bell.told
        if mornings or letter.title != "Outreach: your day"
    ]


def whom(home: Scratch, bell: RecordingNotifier, word: str) -> list[str]:
    found = heard(home, bell, mornings=True)
    assert not [name for _, text in found for name in NAMES if name in text.replace("outreach.example", "")]
    return [user for user, text in found if word in text]


def rows(home: Scratch, user: str = "jonas") -> dict[str, str]:
    with home.database.view() as unit:
        found = unit.bulk.rows('select thing, state from alert where "user" = ? order by thing', user)
    return {thing.partition("/")[0]: state for thing, state in found}
