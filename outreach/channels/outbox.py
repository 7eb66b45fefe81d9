"""The way out that leads nowhere: each message becomes a file that people can read.

The default until a provider is set up, and where a provider in rehearsal puts what it does not send. A mail
is an ``.eml`` that every mail program opens, an SMS a ``.txt``. File names are the touch's token and say
nothing about anybody; files and folder are readable by their owner only.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b
from pathlib import Path

from outreach.channels.mail import NOBODY, as_mail
from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel
from outreach.domain.message import Message, sms_parts
from outreach.service.ports_ways import Receipt

RETRY_AFTER = timedelta(minutes=1)
"""A full or missing disk is tried again after so long."""
MAX_FILE = 2 * 1024 * 1024
"""Bytes; what is larger is not ours."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}\.(eml|txt)")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


class OutboxSender:
    """A ``Sender``. The same token gives the same file, so sending twice leaves one message.

    ``now`` dates the messages (aware); without it the file system's clock does.
    """

    def __init__(self, folder: Path | str, now: Callable[[], datetime] | None = None) -> None:
        self.folder, self.now = Path(folder), now

    def send(self, message: Message, token: str) -> Receipt:
        """Never raises for the disk's faults: refused before the file has its name, unknown after."""
        name = file_name(message.channel, token)
        try:
            if (self.folder / name).exists():
                return Receipt("sent", ref=name)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(name, message, token)
        except OSError as fault:
            return self._refused(fault)
        except (ValueError, MessageError) as fault:
            return Receipt("failed", reason=f"cannot be written as a message: {type(fault).__name__}")
        return self._settle(name)

    def _write(self, name: str, message: Message, token: str) -> None:
        """Under another name first, so that nobody ever reads half a message."""
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                at = self.now() if self.now else _instant(os.fstat(handle))
                file.write(as_bytes(message, token, at))
                file.flush()
                os.utime(temporary, (at.timestamp(), at.timestamp()))
                os.fsync(handle)
            os.replace(temporary, self.folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _settle(self, name: str) -> Receipt:
        """The name is durable only when the folder is on the disk, too."""
        try:
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as fault:
            return Receipt("unknown", ref=name, reason=_why(fault))
        return Receipt("sent", ref=name)

    def _refused(self, fault: OSError) -> Receipt:
        retry_at = self.now() + RETRY_AFTER if self.now else None
        return Receipt("refused", reason=_why(fault), retry_at=retry_at)


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One message as it was written. ``at``: aware, UTC."""

    name: str
    at: datetime
    channel: Channel
    to: str
    subject: str
    text: str
    html: str


class OutboxFolder:
    """Reads what the sender wrote. Names come from outside, so none can lead out of the folder."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def list(
        self, limit: int = 50, after: str | None = None, *, newest_first: bool = True
    ) -> list[OutboxItem]:
        """At most ``limit`` messages; those that come after the one of this name, in the order asked for."""
        names = [name for _, name in sorted(_files(self.folder), reverse=newest_first)]
        if after is not None:
            names = names[names.index(after) + 1 :] if after in names else []
        return [self.read(name) for name in names[: max(limit, 0)]]

    def read(self, name: str) -> OutboxItem:
        """Raises ``NotFound`` for what is not there and for every name that is not the sender's."""
        if not _NAME.fullmatch(name):
            raise NotFound("There is no such message.")
        try:
            with open(self.folder / name, "rb", opener=_open_no_links) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
                    raise NotFound("There is no such message.")
                return _item(name, _instant(status), file.read())
        except OSError:
            raise NotFound("There is no such message.") from None

    def forget(self, tokens: Collection[str]) -> int:
        """Remove the messages of these touches; gives how many there were."""
        return sum(_gone(self.folder / f"{token}{end}") for token in tokens for end in (".eml", ".txt"))

    def forget_to(self, addresses: Collection[str]) -> int:
        """Remove whatever went to these addresses and numbers; gives how many there were."""
        names = [name for _, name in _files(self.folder)] if addresses else []
        return sum(_gone(self.folder / name) for name in names if self._to(name) in addresses)

    def _to(self, name: str) -> str:
        try:
            return self.read(name).to
        except (NotFound, MessageError, ValueError):
            return ""

    def forget_before(self, at: datetime) -> int:
        """Remove what was written before that instant; gives how many."""
        before = at.timestamp() * 1e9
        return sum(_gone(self.folder / name) for written, name in _files(self.folder) if written < before)


def _gone(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _open_no_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _files(folder: Path) -> list[tuple[int, str]]:
    """(written at, name) of every message; links and others' files are left out."""
    try:
        with os.scandir(folder) as entries:
            return [
                (entry.stat(follow_symlinks=False).st_mtime_ns, entry.name)
                for entry in entries
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []


def file_name(channel: Channel, token: str) -> str:
    """The file of one touch; a token that cannot be a file name stands for itself as its hash."""
    stem = token if _TOKEN.fullmatch(token) else blake2b(token.encode(), digest_size=16).hexdigest()
    return f"{stem}.{'txt' if channel is Channel.SMS else 'eml'}"


def as_bytes(message: Message, token: str, at: datetime) -> bytes:
    """The file's content: an RFC 5322 message, or for an SMS a few lines of head and then its text."""
    if message.channel is Channel.SMS:
        return _sms(message, at)
    domain = (message.sender_address or NOBODY).rpartition("@")[2]
    return as_mail(message, f"<{file_name(message.channel, token)[:-4]}@{domain}>", at).as_bytes()


def _sms(message: Message, at: datetime) -> bytes:
    encoding, parts = sms_parts(message.text)
    head = f"To: {message.to}\nFrom: {message.sender}\nDate: {format_datetime(at)}\nParts: {parts} ({encoding})\n"
    return f"{head}\n{message.text}\n".encode()


def _item(name: str, at: datetime, content: bytes) -> OutboxItem:
    if name.endswith(".txt"):
        head, _, text = content.decode("utf-8", "replace").partition("\n\n")
        to = head.partition("\n")[0].removeprefix("To: ")
        return OutboxItem(name, at, Channel.SMS, to, "", text.removesuffix("\n"), "")
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    to = ", ".join(address.addr_spec for address in mail["To"].addresses) if mail["To"] else ""
    return OutboxItem(
        name, at, Channel.EMAIL, to, str(mail["Subject"] or ""), _body(mail, "plain"), _body(mail, "html")
    )  # fmt: skip


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()).replace("\r\n", "\n").removesuffix("\n") if part else ""


def _instant(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)


def _why(fault: OSError) -> str:
    return f"outbox: {fault.strerror or type(fault).__name__}"
