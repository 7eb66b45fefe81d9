"""The one place where the house is put together: clock, ids and senders are arguments."""

from __future__ import annotations

import gc
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import orjson

from outreach.channels.outbox import OutboxFolder
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.domain.playbook import Playbook
from outreach.library.loader import Library
from outreach.library.loader import restore as stored_playbook
from outreach.service.ports import Clock, Ids, Outside
from outreach.service.ports_ways import Sender
from outreach.settings import Settings
from outreach.store.engine import Store, open_database
from outreach.store.erasure_log import FileErasureLog
from outreach.store.schema import upgrade
from outreach.store.told import Told
from outreach.ways import Ways, ways_out

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


class SystemClock:
    """The only place that reads the wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TimeOrderedIds:
    """48 bits of milliseconds, then 80 random ones, as 26 letters: later ids sort later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def new(self) -> str:
        with self._lock:
            millis = max(int(time.time() * 1000), self._last[0])
            fresh = secrets.randbits(79) if millis > self._last[0] else self._last[1] + 1
            self._last = (millis, fresh)
        return _spell(millis << 80 | fresh)

    def token(self) -> str:
        return secrets.token_urlsafe(24)


def _spell(number: int) -> str:
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def keyed_hash(key: bytes) -> Callable[[str, str], str]:
    """(kind, value) of an endpoint → a hash nobody can undo without the key."""

    def hashed(kind: str, value: str) -> str:
        return blake2b(f"{kind}:{value}".encode(), key=key[:64], digest_size=16).hexdigest()

    return hashed


class Glance:
    """The rules, looked up on the disk at most so often: asking costs a look at every file."""

    def __init__(self, rules: Callable[[], Ruleset], every: float = 1.0) -> None:
        self._rules, self._every = rules, every
        self._known: Ruleset | None = None
        self._next = 0.0

    def __call__(self) -> Ruleset:
        now = time.monotonic()
        if self._known is None or now >= self._next:
            self._known, self._next = self._rules(), now + self._every
        return self._known


@dataclass(frozen=True)
class House:
    """Everything that the edges need: settings, the rules' library, and what the services are handed."""

    settings: Settings
    database: Store
    library: Library
    outside: Outside
    ways: Ways

    def close(self) -> None:
        self.database.close()


def assemble(
    settings: Settings,
    clock: Clock | None = None,
    ids: Ids | None = None,
    migrate: bool = True,
    told: Told | None = None,
) -> House:
    """The house on its real database, migrated to the newest schema where wished. ``told`` hears what was committed."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    collect_less_often()
    if migrate:
        upgrade(settings.database_url)
    hashed = keyed_hash(settings.endpoint_key)
    database = open_database(settings.database_url, endpoint_hash=hashed, told=told)
    library = Library(settings.root)
    clock = clock or SystemClock()
    ways = ways_out(settings, clock)
    outside = make_outside(
        database,
        Glance(library.current),
        clock,
        ids or TimeOrderedIds(),
        ways.senders,
        hashed,
        library.restore,
    )
    return House(settings, database, library, with_ways(outside, settings, ways), ways)


def with_ways(outside: Outside, settings: Settings, ways: Ways) -> Outside:
    """The services' side of the providers that are set up."""
    return replace(
        outside,
        erasures=FileErasureLog(settings.data_dir / "erased.jsonl"),
        senders=ways.senders,
        providers=ways.providers,
        outbox=ways.outbox,
        papers=OutboxFolder(settings.outbox_dir),
        rehearsal_to=frozenset(settings.rehearsal_to),
        post=ways.post,
        finders=ways.finders,
        telephone=ways.telephone,
        notifier=ways.notifier,
        lists=ways.lists,
        rests=ways.rests,
    )


def collect_less_often() -> None:
    """Python looks for rings of dead objects after every 700 new ones, which a batch of events makes in a
    moment and without any ring: looking every 50,000 saves a tenth of the time."""
    gc.set_threshold(50_000, 20, 50)


def make_outside(
    database: Store,
    rules: Callable[[], Ruleset],
    clock: Clock,
    ids: Ids,
    senders: Mapping[Channel, Sender],
    endpoint_hash: Callable[[str, str], str],
    restore: Callable[[str], Playbook] | None = None,
) -> Outside:
    """What the services are handed; ``lab`` makes one with a virtual clock and a scratch store.

    ``restore`` reads a stored playbook version back; the library's remembers what it has read.
    """

    def restored(text: str) -> Playbook:
        kept = orjson.loads(text)
        return stored_playbook(kept["source"], kept["templates"], rules().vocabulary)

    return Outside(
        database=database,
        clock=clock,
        ids=ids,
        rules=rules,
        senders=senders,
        endpoint_hash=endpoint_hash,
        restore=restore or restored,
    )


def project_root() -> Path:
    """The folder with playbooks/ and templates/ beside this package, when run from a checkout."""
    return Path(os.path.realpath(__file__)).parent.parent
