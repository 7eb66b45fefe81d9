"""Mail by a server of one's own, which misbehaves at every step of the conversation."""

from __future__ import annotations

import base64
import email
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import policy
from typing import Any

import pytest

from outreach.channels.smtp import SmtpSender
from outreach.domain.signal import Meaning
from tests.channels.messages import NOW, mail
from tests.channels.test_twilio import nowhere
from tests.support.served import running

HANG, CUT = "hang", "cut"


class Server(socketserver.ThreadingTCPServer):
    """Says at each command what its script has for it; ``body`` is what it says of a whole mail."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, script: Mapping[str, str]) -> None:
        self.script, self.taken, self.heard, self.over = script, [], [], threading.Event()
        super().__init__(("127.0.0.1", 0), Conversation)

    taken: list[bytes]
    heard: list[str]


class Conversation(socketserver.StreamRequestHandler):
    server: Server

    def say(self, step: str, usual: str) -> bool:
        words = self.server.script.get(step, usual)
        if words == HANG:
            self.server.over.wait(5)
            return False
        if words == CUT:
            return False
        self.wfile.write(words.encode() + b"\r\n")
        return True

    def handle(self) -> None:
        if not self.say("greeting", "220 here"):
            return
        while line := self.rfile.readline().decode().strip():
            self.server.heard.append(line.split(":")[0])
            word = line.split()[0].upper()
            if word == "DATA":
                if not self.say("data", "354 go on") or not self.server.script.get("data", "354").startswith(
                    "354"
                ):
                    if self.server.script.get("data", "") in (CUT, HANG):
                        return
                    continue
                body = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    body += part
                if self.server.script.get("body", "250").startswith(("250", CUT, HANG)):
                    self.server.taken.append(body)
                if not self.say("body", "250 taken"):
                    return
            elif word == "QUIT":
                self.say("quit", "221 bye")
                return
            elif not self.say(
                word.lower(),
                "235 in"
                if word == "AUTH"
                else "250-here\r\n250 AUTH PLAIN LOGIN"
                if word == "EHLO"
                else "250 ok",
            ):
                return


@contextmanager
def serving(**script: str) -> Iterator[Server]:
    server = Server(script)
    with running(server):
        yield server
        server.over.set()


def sender(server: Server, **more: Any) -> SmtpSender:
    given = {"security": "none", "timeout": 0.5} | more
    return SmtpSender("127.0.0.1", server.server_address[1], lambda: NOW, **given)


def test_a_mail_arrives_as_it_was_written() -> None:
    with serving() as server:
        receipt = sender(server, user="me", password="secret words").send(mail(), "tok-1")
    assert (receipt.outcome, receipt.ref) == ("sent", "<tok-1@example.com>")
    (taken,) = server.taken
    read = email.message_from_bytes(taken, policy=policy.default)
    assert (read["From"], read["To"]) == (
        "Jonas Lindner <jonas@example.com>",
        "Anna Weber <anna@example.com>",
    )
    assert read["Reply-To"] == "Jonas Lindner <r-t1-abc@in.example.com>"
    assert (read["Subject"], read["References"]) == ("We let you down – Grüße", "<tok-0@example.com>")
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in read.walk()][1:] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("script", "outcome", "meaning"),
    [
        ({"greeting": "421 busy"}, "refused", None), ({"greeting": "554 no"}, "refused", Meaning.PROVIDER),
        ({"greeting": CUT}, "refused", None), ({"greeting": HANG}, "refused", None),
        ({"auth": "535 wrong"}, "refused", Meaning.PROVIDER),
        ({"mail": "550 not you"}, "refused", Meaning.SENDER), ({"mail": "451 later"}, "refused", None),
        ({"rcpt": "550 5.1.1 no such user"}, "failed", Meaning.INVALID), ({"rcpt": "550 no"}, "failed", Meaning.INVALID),
        ({"rcpt": "554 5.7.1 spam"}, "failed", Meaning.REJECTED), ({"rcpt": "450 greylisted"}, "refused", None),
        ({"rcpt": CUT}, "refused", None), ({"rcpt": HANG}, "refused", None),
        ({"data": "554 no"}, "failed", Meaning.REJECTED), ({"data": "451 later"}, "refused", None),
        ({"body": "554 spam"}, "failed", Meaning.REJECTED), ({"body": "452 full"}, "refused", None),
        ({"body": CUT}, "unknown", None), ({"body": HANG}, "unknown", None),
        ({"quit": CUT}, "sent", None), ({"quit": "500 what"}, "sent", None),
    ],
)  # fmt: skip
def test_each_step_proves_what_it_proves(
    script: dict[str, str], outcome: str, meaning: Meaning | None
) -> None:
    with serving(**script) as server:
        receipt = sender(server, user="me", password="secret").send(mail(), "t")
    assert (receipt.outcome, receipt.meaning) == (outcome, meaning)
    assert bool(server.taken) is (outcome in ("sent", "unknown"))
    assert "anna" not in repr(receipt).lower()


def test_a_server_that_is_not_there_proves_that_nothing_left() -> None:
    port = int(nowhere().rpartition(":")[2])
    receipt = SmtpSender("127.0.0.1", port, lambda: NOW, "none", timeout=0.5).send(mail(), "t")
    assert (receipt.outcome, receipt.counts) == ("refused", True)


def test_without_starttls_nothing_goes_in_the_clear() -> None:
    with serving() as server:
        receipt = sender(server, security="starttls", user="me", password="secret").send(mail(), "t")
    assert receipt.outcome == "refused"
    assert not [
        line
        for line in server.heard
        if base64.b64encode(b"secret").decode() in line or line.startswith("AUTH")
    ]
