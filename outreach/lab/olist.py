"""The public Olist marketplace history (Brazil, 2016 to 2018) as CloudEvents.

Its columns: account_id, occurred_at, type, order_ref, amount, category, state, due_at, days_late, score,
complaint. A delivery's lateness is known only when it arrives; what happens before that, time has to make
of the promised day.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from outreach.lab.lines import opened

SOURCE = "olist"
COLUMNS = frozenset({"account_id", "occurred_at", "type", "order_ref", "due_at", "state", "complaint"})
_ZONES = {
    "AC": "America/Rio_Branco", "AM": "America/Manaus", "RR": "America/Boa_Vista", "RO": "America/Porto_Velho",
    "MT": "America/Cuiaba", "MS": "America/Campo_Grande", "PA": "America/Belem", "AP": "America/Belem",
    "TO": "America/Araguaina", "BA": "America/Bahia", "MA": "America/Fortaleza", "PI": "America/Fortaleza",
    "CE": "America/Fortaleza", "RN": "America/Fortaleza", "PB": "America/Fortaleza", "PE": "America/Recife",
    "AL": "America/Maceio", "SE": "America/Maceio",
}  # fmt: skip
_ELSEWHERE = "America/Sao_Paulo"

Raw = dict[str, Any]


def is_olist(path: Path) -> bool:
    with opened(path) as file:
        return set(file.readline(4096).decode("utf-8", "replace").strip().split(",")) >= COLUMNS


def olist_events(path: Path) -> Iterator[Raw]:
    """In the order of the file. Each account and its customer are described at its first event."""
    described: set[str] = set()
    with opened(path) as file, TextIOWrapper(file, "utf-8-sig", newline="") as text:
        for row in csv.DictReader(text):
            if row["account_id"] not in described:
                described.add(row["account_id"])
                yield from _described(row)
            yield from _events(row)


def _described(row: Mapping[str, str]) -> Iterator[Raw]:
    """Everybody has an address that leads nowhere, so that the mails count that would be written; and one
    standing, since a marketplace knows no other."""
    account, state, at = row["account_id"], row["state"], row["occurred_at"]
    place = {
        "country": "BR",
        "region": f"BR-{state}" if state else None,
        "zone": _ZONES.get(state, _ELSEWHERE),
    }
    roles = [{"account": account, "roles": ["buyer"]}]
    person = {**place, "language": "pt", "email": f"{account}@olist.example", "accounts": roles}
    yield _event(
        "account.described",
        account,
        at,
        f"{account}/account",
        {**place, "kind": "private", "tier": "standard"},
    )
    yield _event("person.described", f"person:{account}", at, f"{account}/person", person)


def _events(row: Mapping[str, str]) -> Iterator[Raw]:
    order, at, account = row["order_ref"], row["occurred_at"], row["account_id"]
    if row["type"] == "review":
        yield from _review(row)
        return
    type_, data = _TYPES[row["type"]](row)
    yield _event(type_, account, at, f"{account}/{order}/{at}/{row['type']}", {"order_id": order, **data})


def _review(row: Mapping[str, str]) -> Iterator[Raw]:
    """A bad one is a complaint, and only that: one let-down is one failure."""
    order, at, account = row["order_ref"], row["occurred_at"], row["account_id"]
    review = f"{account}/{order}/{at}"
    score = int(float(row["score"])) if row["score"] else None
    said = {"review_id": review, "order_id": order, "score": score}
    yield _event("review.posted", account, at, f"{review}/review", said)
    if row["complaint"] == "1":
        complaint = {"complaint_id": review, "order_id": order, "about": "a bad review"}
        yield _event("complaint.opened", account, at, f"{review}/complaint", complaint)


def _placed(row: Mapping[str, str]) -> tuple[str, Raw]:
    promised = row["due_at"] or None
    return "order.placed", {"amount": _number(row["amount"]), "currency": "BRL", "promised_for": promised}


def _delivered(row: Mapping[str, str]) -> tuple[str, Raw]:
    late = _number(row["days_late"])
    return "delivery.arrived", {"days_late": None if late is None else max(late, 0.0)}


_TYPES = {
    "order_placed": _placed,
    "shipped": lambda row: ("delivery.shipped", {}),
    "delivered": _delivered,
    "cancelled": lambda row: ("order.cancelled", {}),
}


def _number(text: str) -> float | None:
    return float(text) if text else None


def _event(type_: str, subject: str, at: str, id_: str, data: Raw) -> Raw:
    return {
        "specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "subject": subject, "time": at,
        "data": {name: value for name, value in data.items() if value is not None},
    }  # fmt: skip
