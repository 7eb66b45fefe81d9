"""Events as they lie: stored once under (source, id), revised, retracted, and read through windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from outreach.domain.facts import Event
from outreach.domain.history import Happening
from outreach.service.ports_events import NewEvent, Parked, Quarantined, StoredRef, WindowNeed
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.bulk import Row, as_pattern
from outreach.store.codec import (
    EARLIEST,
    EPOCH,
    LATEST,
    decoder,
    from_json,
    instant,
    instant_or_none,
    micros,
    to_json,
    to_json_sorted,
)
from outreach.store.shapes import Shape

Ref = tuple[str, str]

EVENT = Shape(Event, tables.event)
QUARANTINED = Shape(Quarantined, tables.quarantine)

_COLUMNS = (
    "source", "id", "type", "subject", "time", "arrived", "key", "amount", "sequence", "revision", "retracted",
    "hash", "data",
)  # fmt: skip
_CONTENT = ("type", "subject", "time", "arrived", "sequence", "hash", "data")
_EVENT_SELECT = (
    "select " + ", ".join(f'e."{name}"' for name in EVENT.names) + ", p.data"
    " from event e left join event_private p on p.event_seq = e.seq "
)
_STORED = (
    'select "source", "id", "seq", "hash", "subject", "time", "arrived", "sequence", "revision"'
    ' from event where "source" = ? and '
)
_EVENT_FROM_JSON: Any = decoder(Event)
_DAY = 24 * 60 * 60 * 1_000_000
_WINDOW_SQLITE = (
    "select e.subject, e.time, {columns} from json_each(?) n"
    " cross join event e on e.subject = n.value and e.type = ? and e.time >= ? where e.retracted = 0"
)
_WINDOW_POSTGRES = (
    "select e.subject, e.time, {columns} from event e"
    " where e.subject = any(?) and e.type = ? and e.time >= ? and not e.retracted order by e.time"
)
_PARKED_SELECT = 'select "id", "event", "hash", "private", "reason", "until" from parked where '


class Events(Part):
    # --- storing

    def stored(self, refs: Collection[Ref]) -> dict[Ref, StoredRef]:
        rows = [
            row
            for source, ids in by_source(refs).items()
            for row in self.bulk.rows(_STORED + self.bulk.one_of('"id"'), source, self.bulk.keys(ids))
        ]
        earlier = self._earlier([row[2] for row in rows if row[8]])
        return {
            (row[0], row[1]): StoredRef(
                row[2], row[3], row[4], instant(row[5]), instant(row[6]), row[7], row[8],
                earlier.get(row[2], frozenset()),
            )
            for row in rows
        }  # fmt: skip

    def _earlier(self, seqs: Sequence[int]) -> dict[int, frozenset[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for seq in seqs:
            for (hash_,) in self.bulk.rows("select hash from revision where event_seq = ?", seq):
                found[seq].add(hash_)
        return {seq: frozenset(hashes) for seq, hashes in found.items()}

    def add_events(self, rows: Sequence[NewEvent]) -> None:
        self.bulk.insert(tables.event, _COLUMNS, [_event_row(new) for new in rows])
        self._keep_private([new for new in rows if new.private])

    def _keep_private(self, rows: Sequence[NewEvent]) -> None:
        for new in rows:
            self.bulk.run(
                "insert into event_private (event_seq, person, data)"
                ' select "seq", ?, ? from event where "source" = ? and "id" = ?',
                new.event.whose, to_json(new.private), new.event.source, new.event.id,
            )  # fmt: skip

    def revise_event(self, seq: int, row: NewEvent, earlier: StoredRef, *, current: bool) -> None:
        """The number of contents beyond the first is the revision, whatever order they came in."""
        if current:
            self._archive(seq)
            self._overwrite(seq, row)
        else:
            content = dict(zip(_COLUMNS, _event_row(row), strict=True))
            names = ("event_seq", *_CONTENT)
            self.bulk.insert(tables.revision, names, [[seq, *(content[name] for name in _CONTENT)]])
        self.bulk.run('update event set "revision" = ? where "seq" = ?', earlier.revision + 1, seq)

    def _archive(self, seq: int) -> None:
        listed = ", ".join(f'"{name}"' for name in _CONTENT)
        self.bulk.run(
            f'insert into revision (event_seq, {listed}) select "seq", {listed} from event where "seq" = ?',
            seq,
        )
        self.bulk.run("delete from event_private where event_seq = ?", seq)

    def _overwrite(self, seq: int, row: NewEvent) -> None:
        content = dict(zip(_COLUMNS, _event_row(row), strict=True))
        del content["source"], content["id"], content["revision"]
        self.bulk.change(tables.event, seq, content)
        if row.private:
            self._keep_private([row])

    def retract(self, refs: Collection[Ref], *, retracted: bool = True) -> None:
        for source, ids in by_source(refs).items():
            where = self.bulk.one_of('"id"')
            self.bulk.run(
                f'update event set "retracted" = ? where "source" = ? and {where}',
                retracted, source, self.bulk.keys(ids),
            )  # fmt: skip

    def forget(self, person: str) -> None:
        """Remove what events hold of a person apart; the events themselves stay for the fold."""
        self.bulk.run("delete from event_private where person = ?", person)

    # --- reading

    def events_of(self, subject: str) -> list[Event]:
        rows = self.bulk.rows(_EVENT_SELECT + "where e.subject = ?", subject)
        return sorted(map(_event, rows), key=lambda event: event.order)

    def last_of(self, subject: str, type_: str, limit: int = 1) -> list[Event]:
        where = 'where e.subject = ? and e.type = ? and not e.retracted order by e."time" desc, e.seq desc limit ?'
        return [_event(row) for row in self.bulk.rows(_EVENT_SELECT + where, subject, type_, limit)]

    def event(self, ref: str) -> Event | None:
        """Both halves may hold a bar themselves, so every place is tried."""
        for at in (i for i, letter in enumerate(ref) if letter == "|"):
            rows = self.bulk.rows(
                _EVENT_SELECT + 'where e."source" = ? and e."id" = ?', ref[:at], ref[at + 1 :]
            )
            if rows:
                return _event(rows[0])
        return None

    def events(self, refs: Collection[str]) -> dict[str, Event]:
        """By ``source|id``; what is not there is left out."""
        places = [(ref[:at], ref[at + 1 :]) for ref in refs for at, letter in enumerate(ref) if letter == "|"]
        found = {}
        ids_here = self.bulk.one_of('e."id"')
        for source, ids in by_source(places).items():
            where = f'where e."source" = ? and {ids_here}'
            for row in self.bulk.rows(_EVENT_SELECT + where, source, self.bulk.keys(ids)):
                event = _event(row)
                found[event.ref] = event
        return found

    def windows(self, needs: Collection[WindowNeed]) -> dict[str, dict[str, list[Happening]]]:
        """One statement per type and day that a window begins on: in a live batch, one per type."""
        found: dict[str, dict[str, list[Happening]]] = {need.subject: {} for need in needs}
        for (type_, data, _), since in _by_type(needs).items():
            lists: dict[str, list[Happening]] = {subject: [] for subject in since}
            (self._read_whole if data else self._read_plain)(type_, since, lists)
            for subject, happenings in lists.items():
                if happenings:
                    found[subject][type_] = happenings
        return found

    def _read_plain(self, type_: str, since: Mapping[str, int], into: Mapping[str, list[Happening]]) -> None:
        """By time; from the index alone."""
        for subject, time, key, amount in self._window_rows("e.key, e.amount", type_, since):
            if time >= since[subject]:
                into[subject].append(Happening(EPOCH + timedelta(0, 0, time), key, amount))

    def _read_whole(self, type_: str, since: Mapping[str, int], into: Mapping[str, list[Happening]]) -> None:
        """In the order in which events are told, for it decides which of one instant is the last."""
        columns = "e.key, e.amount, e.data, e.source, e.id"
        rows = self._window_rows(columns, type_, since)
        for subject, time, key, amount, data, _, _ in sorted(rows, key=lambda row: (row[1], row[5], row[6])):
            if time >= since[subject]:
                into[subject].append(Happening(instant(time), key, amount, from_json(data)))

    def _window_rows(self, columns: str, type_: str, since: Mapping[str, int]) -> Sequence[Row]:
        statement = _WINDOW_POSTGRES if self.bulk.locks else _WINDOW_SQLITE
        earliest = min(since.values())
        return self.bulk.rows(statement.format(columns=columns), self.bulk.keys(since), type_, earliest)

    # --- parking and quarantine

    def quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Bodies are kept as they came, but for NUL, which PostgreSQL cannot hold. What is there stays."""
        texts = [[_without_nul(item) for item in QUARANTINED.row(row)] for row in rows]
        self.bulk.insert(tables.quarantine, QUARANTINED.names, texts, " on conflict (id) do nothing")

    def quarantined(
        self, *, type_: str = "", source: str = "", about: str = "", after: str = "", limit: int = 100
    ) -> list[Quarantined]:
        where, values = waiting_in_quarantine(type_, source, about)
        return self.bulk.all(
            QUARANTINED, f"where {where} and id > ? order by id limit ?", *values, after, limit
        )

    def quarantined_one(self, id_: str) -> Quarantined | None:
        return self.bulk.one(QUARANTINED, "where id = ?", id_)

    def mark_quarantined(self, id_: str, status: str) -> bool:
        changed = self.bulk.run(
            "update quarantine set status = ? where id = ? and status = 'open'", status, id_
        )
        return changed == 1

    def park(self, rows: Sequence[Parked]) -> None:
        """What came again under the same (source, id) takes the place of what lay there."""
        names = ("id", "source", "event_id", "subject", "event", "hash", "private", "reason", "until")
        then = (
            " on conflict (source, event_id) do update set id = excluded.id, subject = excluded.subject,"
            " event = excluded.event, hash = excluded.hash, private = excluded.private,"
            " reason = excluded.reason, until = excluded.until"
        )
        self.bulk.insert(tables.parked, names, [_parked_row(row) for row in rows], then)

    def parked(self, refs: Collection[Ref]) -> dict[Ref, Parked]:
        found = [
            parked
            for source, ids in by_source(refs).items()
            for parked in self._parked(
                '"source" = ? and ' + self.bulk.one_of("event_id"), source, self.bulk.keys(ids)
            )
        ]
        return {(parked.event.source, parked.event.id): parked for parked in found}

    def parked_for(self, subjects: Collection[str]) -> list[Parked]:
        return self._parked(self.bulk.one_of("subject") + ' order by "id"', self.bulk.keys(subjects))

    def parked_until(self, now: Any, limit: int) -> list[Parked]:
        return self._parked('"until" <= ? order by "until", "id" limit ?', micros(now), limit)

    def unpark(self, ids: Collection[str]) -> None:
        self.bulk.delete(tables.parked, [(id_,) for id_ in ids])

    def _parked(self, where: str, *values: Any) -> list[Parked]:
        return [_made_parked(row) for row in self.bulk.rows(_PARKED_SELECT + where, *values)]


def waiting_in_quarantine(type_: str, source: str, about: str) -> tuple[str, list[str]]:
    """The conditions that are asked for, as a ``where`` and its values."""
    asked = [("type = ?", type_), ("source = ?", source)]
    where, values = ["status = 'open'"], []
    for condition, value in asked:
        if value:
            where.append(condition)
            values.append(value)
    if about:
        where.append("lower(reasons) like ? escape '\\'")
        values.append(f"%{as_pattern(about.lower())}%")
    return " and ".join(where), values


def _event_row(new: NewEvent) -> tuple[Any, ...]:
    event = new.event
    data = event.data
    if new.private:
        data = {name: value for name, value in data.items() if name not in new.private}
    return (
        event.source, event.id, event.type, event.subject, micros(event.time), micros(event.arrived),
        event.key, event.amount, event.sequence, event.revision, event.retracted, new.hash, to_json_sorted(data),
    )  # fmt: skip


def _event(row: Row) -> Event:
    event = EVENT.made(row[:-1])
    return event._replace(data={**event.data, **from_json(row[-1])}) if row[-1] else event


def _by_type(needs: Collection[WindowNeed]) -> dict[tuple[str, bool, int], dict[str, int]]:
    """(type, with data, day) → subject → since when, the widest where a type is needed twice."""
    whole = {(need.subject, need.type) for need in needs if need.data}
    widest: dict[Ref, int] = {}
    for need in needs:
        ref, since = (need.subject, need.type), EARLIEST if need.since is None else micros(need.since)
        if since < widest.get(ref, LATEST):
            widest[ref] = since
    found: dict[tuple[str, bool, int], dict[str, int]] = {}
    for ref, since in widest.items():
        subject, type_ = ref
        found.setdefault((type_, ref in whole, since // _DAY), {})[subject] = since
    return found


def by_source(refs: Collection[Ref]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for source, id_ in refs:
        found[source].append(id_)
    return found


def _parked_row(row: Parked) -> list[Any]:
    event = row.event
    return [
        row.id, event.source, event.id, event.subject, to_json(event._asdict()), row.hash,
        to_json(row.private), row.reason, None if row.until is None else micros(row.until),
    ]  # fmt: skip


def _made_parked(row: Row) -> Parked:
    id_, event, hash_, private, reason, until = row
    return Parked(
        id_, _EVENT_FROM_JSON(from_json(event)), hash_, from_json(private), reason,
        instant_or_none(until),
    )  # fmt: skip


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
