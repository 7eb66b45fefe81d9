"""Apprise itself, against servers on loopback: what arrives, what certainly did not, and what nobody can know."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest

from outreach.channels.alerting import AppriseNotifier
from outreach.domain.errors import Refused
from outreach.logs import set_up_logs
from outreach.service.ports_ways import Letter
from outreach.settings import load_settings
from tests.support.served import running

SERVICES = ("slack", "discord", "gchat", "pover", "tgram", "workflow")
TIMEOUT = 3.0
SECRET = "S3CRETPATH"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = "https://prod-161.westeurope.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu"


class Server(ThreadingHTTPServer):
    """Does what the path says: ok, no, away (a redirect), drip (an answer without an end), mute (no answer)."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.over = threading.Event()

    def url(self, word: str) -> str:
        return f"json://127.0.0.1:{self.server_port}/{word}/{SECRET}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        word = self.path.split("/")[1]
        self.server.heard.append((word, json.loads(body)))
        if word in ("drip", "mute"):
            self._never_end(word)
            return
        self.send_response({"no": 404, "away": 302}.get(word, 200))
        if word == "away":
            self.send_header("Location", self.path.replace("away", "elsewhere"))
        self.end_headers()

    def _never_end(self, word: str) -> None:
        self.close_connection = True
        try:
            if word == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not self.server.over.wait(0.5):
                if word == "drip":
                    self.wfile.write(b".")
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with running(made):
        yield made
        made.over.set()


@pytest.fixture
def bell() -> AppriseNotifier:
    made = AppriseNotifier(SERVICES, TIMEOUT)
    made.shown("json://x", trusted=True)  # the first look loads all services, which takes a while
    return made


def letter(*urls: str) -> Letter:
    return Letter(
        urls,
        "Outreach: something is urgent",
        "A card was handed over to you.\nhttps://x.example/desk/cards/c1",
    )


def test_it_arrives_as_it_was_written(server: Server, bell: AppriseNotifier) -> None:
    (receipt,) = bell.tell([letter(server.url("ok"))])
    assert (receipt.outcome, receipt.reason) == ("sent", "")
    ((_, said),) = server.heard
    assert said["title"] == "Outreach: something is urgent" and said["message"].endswith(
        "https://x.example/desk/cards/c1"
    )


@pytest.mark.parametrize(
    "way", [SLACK, "gchat://AAAAk6lGXyM/AIzaSyDdI0hCZtE6vySjMm/O7b1nyri_waOpLMSzbFILAGRzgtQofPW"]
)
def test_addresses_stay_as_they_are_and_no_picture_is_fetched_elsewhere(
    bell: AppriseNotifier, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    posted: list[tuple[str, str]] = []

    def request(_: Any, method: str, url: str, data: str, **more: Any) -> Any:
        posted.append((url, data))
        return SimpleNamespace(status_code=200, content=b"ok", text="ok", headers={})

    monkeypatch.setattr("requests.sessions.Session.request", request)
    (receipt,) = bell.tell([Letter((way,), "Outreach: your day", "https://x-y.example/desk/cards/a_b")])
    ((address, data),) = posted
    assert receipt.outcome == "sent" and address.startswith(
        ("https://hooks.slack.com/", "https://chat.googleapis.com/")
    )
    assert "https://x-y.example/desk/cards/a_b" in data and "github" not in data and "Apprise" not in data


@pytest.mark.parametrize(
    ("words", "outcome", "reason"),
    [
        (["no"], "failed", "JSON answered 404"),
        (["away"], "unknown", "JSON did not confirm it; it may have arrived"),
        (["mute"], "unknown", "it may have arrived"),
        (["drip"], "unknown", "no answer in time; it may have arrived"),
        (["ok", "no"], "sent", "JSON answered 404"),
        (["no", "drip"], "unknown", "JSON answered 404; no answer in time; it may have arrived"),
    ],
)  # fmt: skip
def test_what_the_answer_proves(
    server: Server, bell: AppriseNotifier, words: list[str], outcome: str, reason: str
) -> None:
    began = time.monotonic()
    (receipt,) = bell.tell([letter(*map(server.url, words))])
    assert receipt.outcome == outcome and reason in receipt.reason
    assert time.monotonic() - began < TIMEOUT + 1
    assert "elsewhere" not in [word for word, _ in server.heard], "no redirect is followed"
    assert SECRET not in receipt.reason and "127.0.0.1" not in receipt.reason


@pytest.mark.parametrize("url", ["json://127.0.0.1:9/x", "json://nowhere.invalid/x"])
def test_a_dead_host_was_certainly_not_reached(bell: AppriseNotifier, url: str) -> None:
    (receipt,) = bell.tell([letter(url)])
    assert (receipt.outcome, receipt.reason) == ("refused", "JSON could not be reached")


def test_of_several_targets_behind_one_address_nobody_knows(
    bell: AppriseNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins.custom_json import NotifyJSON  # type: ignore[import-untyped, unused-ignore]

    monkeypatch.setattr(NotifyJSON, "__len__", lambda self: 2)
    (receipt,) = bell.tell([letter("json://127.0.0.1:9/x")])
    assert receipt.outcome == "unknown", "it may have been cut off after the first"


def test_an_address_that_cannot_be_read_any_more(bell: AppriseNotifier) -> None:
    (receipt,) = bell.tell([letter("gone://x")])
    assert (receipt.outcome, receipt.reason) == ("failed", "the address cannot be read any more")


def test_the_dead_and_the_slow_delay_nobody(server: Server, bell: AppriseNotifier) -> None:
    slow = [letter(server.url("drip"))] * 20
    began = time.monotonic()
    receipts = bell.tell([*slow, letter("json://127.0.0.1:9/x"), letter(server.url("ok"))])
    assert [receipt.outcome for receipt in receipts[20:]] == ["refused", "sent"]
    assert time.monotonic() - began < TIMEOUT + 2
    (receipt,) = bell.tell([letter(server.url("ok"))])
    assert receipt.outcome == "sent", "nor those who come after them"


def test_what_breaks_in_a_service_is_told_without_its_words(
    bell: AppriseNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"cannot post to {SECRET}")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    (receipt,) = bell.tell([letter("json://127.0.0.1:9/x")])
    assert (receipt.outcome, receipt.reason) == ("unknown", "RuntimeError; it may have arrived")


def test_no_log_holds_an_address(server: Server, bell: AppriseNotifier) -> None:
    logged = StringIO()
    set_up_logs("text", "debug", logged)
    bell.tell([letter(server.url("ok"), server.url("no"), f"json://127.0.0.1:9/{SECRET}")])
    bell.shown(f"json://127.0.0.1/{SECRET}", trusted=True)
    with pytest.raises(Refused):
        bell.shown(f"slack://{SECRET}", trusted=True)
    logging.getLogger("probe").debug("it is listening")
    assert "it is listening" in logged.getvalue() and SECRET not in logged.getvalue()


# -- addresses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (SLACK, "Slack …i7FQ"), (SLACK.replace("slack://", "https://hooks.slack.com/services/"), "Slack …i7FQ"),
        (TEAMS, "Power Automate / Workflows (for MSTeams) …z0eu"), ("tgram://123456789:ABCdefghijkl_mnopqrstuvwxyzABCDEFGH/12315544/", "Telegram …5544"),
        ("https://chat.googleapis.com/v1/spaces/AAAAk6lGXyM/messages?key=AIzaSyDdI0hCZtE6vySjMm&token=O7b1nyri_waOpLMSzbFILAGRzgtQofPW", "Google Chat …ofPW"),
    ],
)  # fmt: skip
def test_what_is_shown_of_an_address_that_may_be_named_from_a_page(
    bell: AppriseNotifier, url: str, shown: str
) -> None:
    assert bell.shown(url, trusted=False) == bell.shown(url, trusted=True) == shown


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("json://10.0.0.1/x", "not among the services"), ("mailtos://jonas:pw@mail.example?to=jonas@x.example", "not among the services"),
        ("ntfy://10.0.0.1/topic", "not among the services"), ("workflows://10.0.0.1:443/643e69f83c8944/KtqZ5s2SjD", "Paste the address"),
        ("https://a.powerplatform.10-0-0-1.nip.io:8443/workflows/643e69f83c8944/triggers/manual/paths/invoke?sig=KODuebWbDGYFr0z0eu", "does not lead to"),
        (TEAMS.replace(":443", ":8443"), "does not lead to"),
        (SLACK + "?template=/etc/passwd", "Leave out the options"), (TEAMS + "&template=http://10.0.0.1/", "Leave out the options"),
        (SLACK + "?redirect=yes", "Leave out the options"), (TEAMS + "&verify=no", "Leave out the options"),
    ],
)  # fmt: skip
def test_no_page_makes_this_machine_speak_to_another_in_its_network(
    bell: AppriseNotifier, url: str, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        bell.shown(url, trusted=False)
    assert bell.shown(url, trusted=True), "who runs the house may"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bad",
        "https://example.com/",
        "slack://",
        "x" * 3000,
        "json://a b",
        "json://a\0b",
        "mailto://u:p@h",
    ],
)
def test_what_is_no_address(bell: AppriseNotifier, url: str) -> None:
    with pytest.raises(Refused, match="no address that Apprise knows") as refused:
        bell.shown(url, trusted=True)
    assert len(str(refused.value)) < 200


def test_a_password_among_the_options_is_not_shown(bell: AppriseNotifier) -> None:
    assert "cret" not in bell.shown(
        "mailtos://mail.example?user=u@mail.example&to=a@b.example&pass=secret", trusted=True
    )


def test_it_can_be_switched_off_and_another_service_be_allowed(tmp_path: Any) -> None:
    from outreach.assemble import SystemClock
    from outreach.ways import ways_out

    def ways(services: str) -> Any:
        return ways_out(
            load_settings({"OUTREACH_ALERT_SERVICES": services}, tmp_path), SystemClock()
        ).notifier

    assert ways("none") is None
    assert ways("json, slack").shown("json://10.0.0.1/x", trusted=False)
    assert ways("").shown(SLACK, trusted=False)
