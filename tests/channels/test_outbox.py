"""The outbox: one durable file per token, readable by people and nobody else."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from outreach.channels.null import FaultySender, NullSender, RecordingSender
from outreach.channels.outbox import OutboxFolder, OutboxSender
from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel
from outreach.domain.message import Message
from outreach.service.ports_ways import Receipt, Sender

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
MAIL = Message(
    channel=Channel.EMAIL,
    to="anna.berg@example.com",
    to_name="Änna Berg, “the Boss”",
    sender="Jonas Weber",
    sender_address="jonas@hearth-home.example",
    subject="Ihre Lieferung – zu spät",
    text="Guten Tag Änna Berg,\n\ndas tut mir leid.\n\nJonas",
    html="<p>Guten Tag Änna Berg,</p>\n<p>das tut mir leid.</p>",
    language="de",
)
SMS = replace(
    MAIL, channel=Channel.SMS, to="+4930123456", subject="", html="", text="Bitte rufen Sie mich an.\nJonas"
)


class Ticking:
    """A clock that goes on a second each time it is read."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "outbox"


@pytest.fixture
def outbox(folder: Path) -> OutboxSender:
    return OutboxSender(folder, Ticking())


def test_a_mail_becomes_a_file_that_mail_programs_open(outbox: OutboxSender, folder: Path) -> None:
    assert outbox.send(MAIL, "tok-1") == Receipt("sent", ref="tok-1.eml")
    mail = message_from_bytes((folder / "tok-1.eml").read_bytes(), policy=policy.default)
    assert mail["From"].addresses[0].display_name == "Jonas Weber"
    assert mail["From"].addresses[0].addr_spec == "jonas@hearth-home.example"
    assert mail["To"].addresses[0].display_name == MAIL.to_name
    assert mail["Subject"] == MAIL.subject
    assert mail["Message-ID"] == "<tok-1@hearth-home.example>"
    assert mail["Date"].datetime == NOON + timedelta(seconds=1)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert all(byte < 128 for byte in (folder / "tok-1.eml").read_bytes())


def test_what_was_written_is_read_back(outbox: OutboxSender, folder: Path) -> None:
    outbox.send(MAIL, "a")
    outbox.send(SMS, "b")
    sms, mail = OutboxFolder(folder).list()
    assert (mail.channel, mail.to, mail.subject) == (Channel.EMAIL, MAIL.to, MAIL.subject)
    assert (mail.text, mail.html, mail.at) == (MAIL.text, MAIL.html, NOON + timedelta(seconds=1))
    assert (sms.name, sms.channel, sms.to, sms.text, sms.html) == ("b.txt", Channel.SMS, SMS.to, SMS.text, "")


def test_the_same_token_twice_leaves_one_message(outbox: OutboxSender, folder: Path) -> None:
    first = outbox.send(MAIL, "once")
    content = (folder / "once.eml").read_bytes()
    assert outbox.send(replace(MAIL, text="another"), "once") == first
    assert os.listdir(folder) == ["once.eml"]
    assert (folder / "once.eml").read_bytes() == content


def test_many_at_once_leave_one_whole_message_per_token(outbox: OutboxSender, folder: Path) -> None:
    receipts: list[Receipt] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for number in range(20):
            receipts.append(outbox.send(MAIL, f"t{number}"))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {receipt.outcome for receipt in receipts} == {"sent"}
    assert sorted(os.listdir(folder)) == sorted(f"t{number}.eml" for number in range(20))
    assert {item.text for item in OutboxFolder(folder).list(100)} == {MAIL.text}


@pytest.mark.parametrize(
    "token", ["../../etc/passwd", "a/b", "", "ä", "x" * 200, "a.b", "a\0b", "anna@example.com"]
)
def test_a_token_never_leads_out_of_the_folder(outbox: OutboxSender, folder: Path, token: str) -> None:
    receipt = outbox.send(MAIL, token)
    assert receipt.outcome == "sent"
    assert os.listdir(folder) == [receipt.ref]
    assert OutboxFolder(folder).read(str(receipt.ref)).text == MAIL.text
    assert outbox.send(MAIL, token) == receipt


def test_file_names_hold_nothing_personal_and_files_are_private(outbox: OutboxSender, folder: Path) -> None:
    outbox.send(MAIL, "Zx9_-q")
    assert os.listdir(folder) == ["Zx9_-q.eml"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "Zx9_-q.eml").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name",
    ["../secret.eml", "/etc/passwd", "secret", "..", ".", "", "a/../b.eml", "a.eml\n", ".hidden.eml", "a.exe",
     "link.eml", "folder.eml", "missing.eml", "a\0.eml", "x" * 300 + ".eml", "..\\secret.eml"],
)  # fmt: skip
def test_no_name_reads_anything_else(outbox: OutboxSender, folder: Path, name: str) -> None:
    outbox.send(MAIL, "ok")
    (folder.parent / "secret.eml").write_text("secret")
    (folder / "link.eml").symlink_to(folder.parent / "secret.eml")
    (folder / "folder.eml").mkdir()
    with pytest.raises(NotFound):
        OutboxFolder(folder).read(name)
    assert [item.name for item in OutboxFolder(folder).list()] == ["ok.eml"]


def test_the_list_goes_page_by_page_in_either_direction(outbox: OutboxSender, folder: Path) -> None:
    for token in ("c", "a", "b"):
        outbox.send(MAIL, token)
    read = OutboxFolder(folder)
    names: Callable[..., list[str]] = lambda *how, **kind: [item.name for item in read.list(*how, **kind)]  # noqa: E731
    assert names() == ["b.eml", "a.eml", "c.eml"]
    assert names(newest_first=False) == ["c.eml", "a.eml", "b.eml"]
    assert names(1) == ["b.eml"]
    assert names(5, "b.eml") == ["a.eml", "c.eml"]
    assert names(5, "gone.eml") == []
    assert names(0) == []
    assert OutboxFolder(folder / "nowhere").list() == []


def test_without_a_clock_the_disk_dates_the_message(folder: Path) -> None:
    OutboxSender(folder).send(MAIL, "a")
    item = OutboxFolder(folder).read("a.eml")
    assert item.at.tzinfo is UTC
    assert item.at > datetime(2020, 1, 1, tzinfo=UTC)


def test_without_a_sender_address_the_file_says_so(outbox: OutboxSender, folder: Path) -> None:
    assert outbox.send(replace(MAIL, sender_address=""), "a").outcome == "sent"
    assert b"nobody@outbox.invalid" in (folder / "a.eml").read_bytes()


def test_an_impossible_address_fails_for_good(outbox: OutboxSender, folder: Path) -> None:
    receipt = outbox.send(replace(MAIL, to="no address at all"), "a")
    assert receipt.outcome == "failed"
    assert "no address" not in receipt.reason
    assert os.listdir(folder) == []


# --- a disk with faults -----------------------------------------------------------------------------


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_missing_disk_refuses_and_says_when_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    receipt = OutboxSender(tmp_path / "file" / "outbox", Ticking()).send(MAIL, "a")
    assert (receipt.outcome, receipt.ref) == ("refused", None)
    assert receipt.retry_at == NOON + timedelta(seconds=61)
    assert "directory" in receipt.reason


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
def test_a_full_disk_refuses_and_leaves_nothing(
    outbox: OutboxSender, folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, call, full)
        assert outbox.send(MAIL, "a").outcome == "refused"
    assert os.listdir(folder) == []
    assert outbox.send(MAIL, "a").outcome == "sent"


def test_a_fault_after_the_file_has_its_name_is_unknown(
    outbox: OutboxSender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, []

    def second_fails(handle: int) -> None:
        calls.append(handle)
        full() if len(calls) == 2 else real(handle)

    monkeypatch.setattr(os, "fsync", second_fails)
    receipt = outbox.send(MAIL, "a")
    assert (receipt.outcome, receipt.ref) == ("unknown", "a.eml")
    assert os.listdir(folder) == ["a.eml"]


def test_a_process_that_dies_while_writing_leaves_no_half_message(
    outbox: OutboxSender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(SystemExit):
        outbox.send(MAIL, "a")
    assert OutboxFolder(folder).list() == []


# --- forgetting -------------------------------------------------------------------------------------------


def test_messages_are_forgotten_by_token_and_by_age(tmp_path: Path) -> None:
    for day, token in enumerate(("a", "b", "c")):
        OutboxSender(tmp_path, now=lambda day=day: NOON + timedelta(days=day)).send(MAIL, token)
    (tmp_path / "notes.txt.bak").write_text("not ours")
    folder = OutboxFolder(tmp_path)
    assert folder.forget(["a", "nobody", "../a"]) == 1
    assert folder.forget_before(NOON + timedelta(days=2)) == 1
    assert [item.name for item in folder.list()] == ["c.eml"]
    assert (tmp_path / "notes.txt.bak").exists()
    assert OutboxFolder(tmp_path / "none").forget_before(NOON) == 0


def test_messages_are_forgotten_by_whom_they_went_to(tmp_path: Path) -> None:
    sender = OutboxSender(tmp_path)
    sender.send(MAIL, "a")
    sender.send(replace(MAIL, to="other@example.com"), "b")
    sender.send(replace(MAIL, channel=Channel.SMS, to="+4930111", subject=""), "c")
    (tmp_path / "broken.eml").write_bytes(b"\xff\x00 no mail")
    folder = OutboxFolder(tmp_path)
    assert folder.forget_to([]) == 0
    assert folder.forget_to([MAIL.to, "+4930111"]) == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.eml", "broken.eml"]


# --- senders that reach nobody -----------------------------------------------------------------------


def test_all_of_them_are_senders() -> None:
    senders: list[Sender] = [NullSender(), RecordingSender(), FaultySender()]
    assert [sender.send(MAIL, "t").outcome for sender in senders] == ["sent"] * 3


def test_a_recording_sender_notices_doubles() -> None:
    sender = RecordingSender()
    for token in ("a", "b", "a"):
        sender.send(MAIL, token)
    assert sender.doubled == {"a"}
    assert sender.messages == [MAIL] * 3


@pytest.mark.parametrize(
    ("word", "outcome", "taken"),
    [("sent", "sent", 1), ("refused", "refused", 0), ("failed", "failed", 0), ("unknown", "unknown", 1),
     ("lost", "unknown", 0), ("crash", None, 0), ("crash_after", None, 1)],
)  # fmt: skip
def test_a_faulty_sender_follows_its_script(word: str, outcome: str | None, taken: int) -> None:
    sender = FaultySender([word], retry_at=NOON)
    if outcome is None:
        with pytest.raises(SystemExit):
            sender.send(MAIL, "a")
    else:
        receipt = sender.send(MAIL, "a")
        assert receipt.outcome == outcome
        assert receipt.retry_at == (NOON if word == "refused" else None)
    assert len(sender.taken) == taken
    assert sender.send(MAIL, "b").outcome == "sent"


def test_a_script_may_hold_whole_receipts_and_no_unknown_words() -> None:
    own = Receipt("failed", reason="21211")
    assert FaultySender([own]).send(SMS, "a") is own
    assert FaultySender([Receipt("sent", "SM1")]).send(SMS, "a").ref == "SM1"
    with pytest.raises(ValueError, match="explode"):
        FaultySender(["explode"])
