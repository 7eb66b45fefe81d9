"""SendGrid's lists of addresses that it does not write to: unsubscribe groups, bounces, spam reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from outreach.channels.sendgrid import SendGridAccount
from outreach.domain.endpoint import as_email
from outreach.domain.errors import Invalid
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_ways import Suppressed

PAGE = 500
MOST_PAGES = 200
AT_ONCE = 1000
"""Addresses in one request."""
_LISTS = (("bounces", "bounced"), ("spam_reports", "spam_report"), ("unsubscribes", "unsubscribed"))


@dataclass(frozen=True)
class SendGridLists:
    """``Lists``. ``hold_groups``: numbers of the unsubscribe groups of the company's own marketing."""

    account: SendGridAccount
    hold_groups: tuple[str, ...] = ()

    def groups(self) -> Sequence[str]:
        return self.hold_groups

    def members(self, group: str, addresses: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for some in _chunks(addresses):
            body = {"recipient_emails": list(some)}
            at = self._group(group).search
            said = _read(partial(at.post, request_body=body))
            found.update(str(address).lower() for address in said if isinstance(address, str))
        return found & set(addresses)

    def add(self, group: str, addresses: Sequence[str]) -> None:
        for some in _chunks(addresses):
            body = {"recipient_emails": list(some)}
            at = self._group(group)
            _read(partial(at.post, request_body=body))

    def remove(self, group: str, address: str) -> None:
        """One that is gone already is no fault."""
        at = self._group(group)._(quote(address, safe=""))
        _read(lambda: at.delete(), gone_is_fine=True)

    def _group(self, group: str) -> Any:
        return self.account.client.asm.groups._(group).suppressions

    def suppressed_since(self, since: datetime) -> list[Suppressed]:
        """Bounces, spam reports and global unsubscribes since then, and everybody in an unsubscribe group."""
        found = []
        for name, why in _LISTS:
            at = self.account.client.suppression._(name)
            for row in _pages(at, {"start_time": int(since.timestamp())}):
                found += _suppressed(row, why, row.get("created"))
        for row in _pages(self.account.client.asm.suppressions, {}):
            found += _suppressed(row, "unsubscribed", row.get("created_at"), str(row.get("group_id") or ""))
        return found


def _suppressed(row: dict[str, Any], why: str, at: Any, group: str = "") -> list[Suppressed]:
    try:
        address = as_email(str(row.get("email") or ""))
    except Invalid:
        return []
    seconds = at if isinstance(at, int | float) and 0 <= at < 1e11 else 0
    return [Suppressed(address, why, datetime.fromtimestamp(seconds, UTC), group)]


def _chunks(addresses: Sequence[str]) -> Iterator[Sequence[str]]:
    return (addresses[start : start + AT_ONCE] for start in range(0, len(addresses), AT_ONCE))


def _pages(at: Any, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for page in range(MOST_PAGES):
        asked = {**query, "limit": PAGE, "offset": page * PAGE}
        rows = _read(partial(at.get, query_params=asked))
        listed = [row for row in rows if isinstance(row, dict)]
        yield from listed
        if len(listed) < PAGE:
            return


def _read(call: Callable[[], Any], *, gone_is_fine: bool = False) -> list[Any]:
    """The answer's list. Raises Unavailable, without anybody's address in it."""
    from http.client import HTTPException

    from python_http_client.exceptions import HTTPError

    try:
        answer = call()
    except HTTPError as fault:
        if gone_is_fine and fault.status_code == 404:
            return []
        raise Unavailable(f"SendGrid's lists answer {fault.status_code}.") from None
    except (OSError, HTTPException, ValueError) as fault:
        raise Unavailable(f"SendGrid's lists cannot be reached ({type(fault).__name__}).") from None
    try:
        said = json.loads(answer.body) if answer.body else []
    except ValueError:
        return []
    return said if isinstance(said, list) else []
