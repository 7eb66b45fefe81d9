"""SendGrid's lists by the official client, against the rig and a server that keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from outreach.channels.sendgrid import SendGridAccount
from outreach.channels.sendgrid_lists import SendGridLists
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_ways import Suppressed
from tests.support.rig import Rig
from tests.support.served import running

SINCE = datetime(2026, 3, 2, tzinfo=UTC)


def lists(base: str) -> SendGridLists:
    return SendGridLists(SendGridAccount("SG.rig.key", base, 2.0), ("7",))


def test_every_request_is_as_its_description_has_it(rig: Rig) -> None:
    ours = lists(rig.sendgrid_url)
    ours.add("7", ["anna@example.com"])
    ours.members("7", ["anna@example.com"])
    ours.remove("7", "anna+x@example.com")
    ours.suppressed_since(SINCE)
    assert rig.violations() == []
    assert [request["path"] for request in rig.requests()][
        2
    ] == "/v3/asm/groups/7/suppressions/anna%2Bx%40example.com"


@contextmanager
def keeping(bounces: int = 0) -> Iterator[tuple[str, set[str]]]:
    """A server with one group, and so many bounces."""
    group: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def answer(self, status: int, body: Any = None) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["recipient_emails"]
            if self.path.endswith("/search"):
                self.answer(200, [address for address in sent if address in group])
            else:
                group.update(sent)
                self.answer(201, {"recipient_emails": sent})

        def do_DELETE(self) -> None:
            address = unquote(self.path.rpartition("/")[2])
            known = address in group
            group.discard(address)  # before whoever asked may look
            self.answer(204 if known else 404, None)

        def do_GET(self) -> None:
            asked = {name: int(values[0]) for name, values in parse_qs(urlsplit(self.path).query).items()}
            rows: list[Any] = []
            if "/bounces" in self.path:
                rows = [
                    {"email": f"P{n}@example.com", "created": 1772442000, "reason": "x"}
                    for n in range(bounces)
                ]
            if "/asm/suppressions" in self.path:
                rows = [
                    {"email": "c@example.com", "group_id": 7, "created_at": 1772442001},
                    {"email": "no address"},
                    5,
                ]
            self.answer(200, rows[asked["offset"] : asked["offset"] + asked["limit"]])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}", group


def test_addresses_go_on_and_off_a_list() -> None:
    with keeping() as (base, group):
        ours = lists(base)
        many = [f"p{n}@example.com" for n in range(1500)]
        ours.add("7", many)
        assert len(group) == 1500
        assert ours.members("7", ["p1@example.com", "other@example.com"]) == {"p1@example.com"}
        ours.remove("7", "p1@example.com")
        ours.remove("7", "p1@example.com")
        assert "p1@example.com" not in group


def test_what_is_listed_is_read_page_by_page() -> None:
    with keeping(bounces=1203) as (base, _):
        found = lists(base).suppressed_since(SINCE)
    assert len([row for row in found if row.why == "bounced"]) == 1203
    assert found[-1] == Suppressed(
        "c@example.com", "unsubscribed", datetime(2026, 3, 2, 9, 0, 1, tzinfo=UTC), "7"
    )


def test_a_list_that_cannot_be_read_says_so_without_anybody_s_address() -> None:
    with pytest.raises(Unavailable) as caught:
        lists("http://127.0.0.1:9").add("7", ["anna@example.com"])
    assert "anna" not in str(caught.value)
