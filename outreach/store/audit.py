"""The audit chain: append only, each row holding the hash of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from outreach.service.ports_records import AuditRow
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.codec import instant, micros, to_json

_COLUMNS = ("seq", "at", "who", "what", "subject", "why", "prev", "hash")
_PAGE = 1000
_BEFORE_ALL = -(2**62)
"""A row that was put before the first is found, too."""


class Audit(Part):
    _audit: list[tuple[int, str, str, str, str]]

    def audit(self, at: datetime, who: str, what: str, subject: str, why: str = "") -> None:
        """Written with the unit's commit: the chain has one order, so its end is locked as briefly as can be."""
        self._audit.append((micros(at), who, what, subject, why))

    def audit_of(self, subject: str, limit: int = 200) -> list[AuditRow]:
        """Newest first; what this unit adds is not among them yet."""
        rows = self.bulk.rows(
            'select seq, "at", who, what, subject, why from audit where subject = ? order by seq desc limit ?',
            subject, limit,
        )  # fmt: skip
        return [AuditRow(row[0], instant(row[1]), *row[2:]) for row in rows]

    def audit_count(self) -> int:
        return self._end()[0]

    def audit_fault(self) -> str | None:
        """Where the chain was tampered with, in a sentence; None when it holds."""
        seq, hash_ = 0, ""
        for row in self._audit_rows():
            seq += 1
            if row[0] != seq:
                return f"audit row {seq} is missing"
            if row[6] != hash_ or row[7] != _chained(hash_, list(row[:6])):
                return f"audit row {seq} was changed"
            hash_ = row[7]
        if (seq, hash_) != self._end():
            return f"audit rows after {seq} are missing"
        return None

    def finish(self) -> None:
        super().finish()
        if not self._audit:
            return
        if self.locks:
            self.bulk.run(
                "insert into counter (name, value, word) values ('audit', 0, '') on conflict do nothing"
            )
        last, hash_ = self._end()
        rows = []
        for seq, entry in enumerate(self._audit, start=last + 1):
            before, hash_ = hash_, _chained(hash_, [seq, *entry])
            rows.append((seq, *entry, before, hash_))
        self.bulk.insert(tables.audit, _COLUMNS, rows)
        self.bulk.upsert(tables.counter, ("name", "value", "word"), [("audit", last + len(rows), hash_)])
        self._audit.clear()

    def _end(self) -> tuple[int, str]:
        lock = " for update" if self.locks else ""
        rows = self.bulk.rows(f"select value, word from counter where name = 'audit'{lock}")
        return (rows[0][0], rows[0][1]) if rows else (0, "")

    def _audit_rows(self) -> Iterator[Any]:
        listed, seq = ", ".join(f'"{name}"' for name in _COLUMNS), _BEFORE_ALL
        while page := self.bulk.rows(
            f"select {listed} from audit where seq > ? order by seq limit ?", seq, _PAGE
        ):
            yield from page
            seq = page[-1][0]


def _chained(before: str, entry: list[Any]) -> str:
    return hashlib.sha256(f"{before}\n{to_json(entry)}".encode()).hexdigest()
