"""What is known of accounts and people. Locks: account rows, people, then endpoints, each in key order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from outreach.domain.account import AccountState, Due
from outreach.domain.person import PersonState


class Accounts(Protocol):
    """One open transaction, as far as it is about this."""

    def lock_accounts(self, ids: Collection[str]) -> dict[str, AccountState]:
        """The states of those accounts that exist, their failures, promises and dues included."""

    def lock_people(self, ids: Collection[str]) -> dict[str, PersonState]: ...
    def lock_endpoints(self, hashes: Collection[str]) -> None: ...
    def save_accounts(self, states: Sequence[AccountState]) -> None:
        """Upsert accounts with their failures, promises and dues (rows gone from the state are deleted,
        but failures are never: the caller marks them void)."""

    def account(self, id_: str) -> AccountState | None: ...
    def accounts(self, ids: Collection[str]) -> list[AccountState]:
        """Those that exist, in order of their ids."""

    def accounts_akin(self, groups: Collection[str]) -> list[str]:
        """Ids of the accounts that have one of these in common (see ``hold.kin``)."""

    def account_ids(self, after: str = "", limit: int = 500) -> list[str]: ...
    def save_people(self, states: Sequence[PersonState]) -> None:
        """Upsert people with their endpoints (keyed hashes too) and memberships."""

    def people(self, ids: Collection[str]) -> dict[str, PersonState]: ...
    def person_ids(self) -> list[str]: ...
    def people_of(self, account: str) -> list[PersonState]: ...
    def people_of_accounts(self, accounts: Collection[str]) -> dict[str, list[PersonState]]:
        """Account → everybody known there, in order of their ids."""

    def identities(self, people: Collection[str]) -> dict[str, str]:
        """person id → the id that stands for this human across confirmed links."""

    def erased_people(self, ids: Collection[str]) -> set[str]: ...
    def humans(self, people: Collection[str]) -> dict[str, set[str]]:
        """Each of the people → all records that are confirmed to be the same human, their own among them."""

    def same_human(self, identity: str) -> list[str]: ...
    def links_of(self, person: str) -> dict[str, str]:
        """Who else it is about → the newest word on the two: ``suggested · linked · confirmed · parted``."""

    def link(self, a: str, b: str, state: str, by: str, at: datetime) -> None: ...
    def linked(self, people: Collection[str]) -> list[str]:
        """Those people, and everybody suggested, linked or confirmed to be the same human."""

    def due_rows(self, now: datetime, limit: int) -> list[Due]:
        """Time rows whose instant has come, oldest first, over all accounts."""

    def people_at(self, kind: str, value: str, limit: int = 10_000) -> list[PersonState]:
        """Everybody who has this endpoint, or the first of them, by id."""

    def people_like(
        self, *, name: str = "", mail_domain: str = "", phone_start: str = "", limit: int = 50
    ) -> list[tuple[str, str]]:
        """(person, name) of people whose name shares a word with it, or who have such an endpoint."""
