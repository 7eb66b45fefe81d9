"""Who may, what was set, what was done by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class User:
    """A colleague who signs in. ``email`` in lower case, unique."""

    id: str
    name: str
    email: str
    password_hash: str
    role: str
    manager: str | None = None
    """The account manager that they are: what ``account.owner`` says."""
    zone: str | None = None
    active: bool = True
    phone: str | None = None
    """Their own, E.164: where the house rings them."""
    issuer: str | None = None
    subject: str | None = None
    """Who they are at the company's OpenID provider; unique together. Bound at their first sign-in there."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """Another system's key. Only its hash is kept."""

    hash: str
    name: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far a file was read, by the digest of its content, so that an import can be resumed."""

    digest: str
    name: str
    offset: int = 0
    """Bytes read and stored."""
    accepted: int = 0
    bad: int = 0
    finished_at: datetime | None = None


class AuditRow(NamedTuple):
    """Who did what to what, when and why."""

    seq: int
    at: datetime
    who: str
    what: str
    subject: str
    why: str


class Records(Protocol):
    """One open transaction, as far as it is about this."""

    def setting(self, name: str) -> str | None: ...
    def set_setting(self, name: str, value: str | None) -> None: ...
    def beat(self, name: str, at: datetime, detail: str = "") -> None: ...
    def heartbeats(self) -> dict[str, tuple[datetime, str]]: ...
    def audit_of(self, subject: str, limit: int = 200) -> Sequence[AuditRow]: ...
    def audit_since(self, subject: str, since: datetime, what: str | None = None) -> Sequence[AuditRow]:
        """All of them, the newest first; of this kind alone, where one is named."""

    def audit(self, at: datetime, who: str, what: str, subject: str, why: str = "") -> None: ...
    def audit_fault(self) -> str | None:
        """Where the audit chain was tampered with, in a sentence; None when it holds."""

    def user(self, id_: str) -> User | None: ...
    def user_by_email(self, email: str) -> User | None: ...
    def user_by_subject(self, issuer: str, subject: str) -> User | None: ...
    def bind_user(self, id_: str, issuer: str, subject: str) -> bool:
        """False for somebody who is bound already."""

    def users(self) -> list[User]: ...
    def save_user(self, user: User) -> None: ...
    def token(self, hash_: str) -> ApiToken | None: ...
    def tokens(self) -> list[ApiToken]: ...
    def save_token(self, token: ApiToken) -> None: ...
    def import_progress(self, digest: str) -> ImportProgress | None: ...
    def save_import_progress(self, progress: ImportProgress) -> None: ...
