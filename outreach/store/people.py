"""People, their endpoints and memberships, and which of them are one human."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from outreach.domain.person import PersonState
from outreach.store import tables
from outreach.store.accounts import Accounts
from outreach.store.bulk import Row, as_pattern
from outreach.store.codec import micros, to_json
from outreach.store.shapes import Fields

_STATE = Fields(PersonState, without=("id",))
_LOADED = "select id, state from person where "
_ENDPOINT_KINDS = ("phone", "email")
MOST_AT_ONE = 10_000
_ANY_LINK = ("suggested", "linked", "confirmed")
_SAME_HUMAN = ("confirmed",)


class People(Accounts):
    def lock_people(self, ids: Collection[str]) -> dict[str, PersonState]:
        """As with accounts, people who do not exist yet are locked, too."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        if not self.locks:
            return self.people(wanted)
        self._reserve("person", {"erased": "false"}, wanted)
        return self._people(self.bulk.one_of("id") + " order by id for update", self.bulk.keys(wanted))

    def lock_endpoints(self, hashes: Collection[str]) -> None:
        wanted = sorted(set(hashes))
        if wanted and self.locks:
            self.bulk.run(
                "insert into endpoint_lock (hash) select h from unnest(?::text[]) h"
                " where not exists (select 1 from endpoint_lock t where t.hash = h) order by h"
                " on conflict (hash) do nothing",
                wanted,
            )
            self.bulk.rows(
                "select hash from endpoint_lock where hash = any(?) order by hash for update", wanted
            )

    def people(self, ids: Collection[str]) -> dict[str, PersonState]:
        return self._people(self.bulk.one_of("id"), self.bulk.keys(ids)) if ids else {}

    def person_ids(self) -> list[str]:
        return [row[0] for row in self.bulk.rows("select id from person where state is not null order by id")]

    def people_of(self, account: str) -> list[PersonState]:
        found = self._people("id in (select person from membership where account = ?)", account)
        return [found[id_] for id_ in sorted(found)]

    def people_of_accounts(self, accounts: Collection[str]) -> dict[str, list[PersonState]]:
        found: dict[str, list[PersonState]] = {id_: [] for id_ in accounts}
        rows = self.bulk.rows(
            "select m.account, p.id, p.state from membership m join person p on p.id = m.person"
            f" where {self.bulk.one_of('m.account')} and p.state is not null order by p.id",
            self.bulk.keys(accounts),
        )
        for account, id_, state in rows:
            found[account].append(PersonState(id=id_, **_STATE.read(state)))
        return found

    def people_at(self, kind: str, value: str, limit: int = MOST_AT_ONE) -> list[PersonState]:
        rows = self.bulk.rows(
            "select person from endpoint where kind = ? and hash = ? and value = ? order by person limit ?",
            kind, self.endpoint_hash(kind, value), value, limit,
        )  # fmt: skip
        found = self.people([row[0] for row in rows])
        return [found[row[0]] for row in rows if row[0] in found]

    def people_like(
        self, *, name: str = "", mail_domain: str = "", phone_start: str = "", limit: int = 50
    ) -> list[tuple[str, str]]:
        """A name is sought by its longest word within the state's text: a look through all people, which a
        person who waits for a suggestion can bear."""
        ids: list[str] = []
        for kind, pattern in (
            ("email", f"%@{as_pattern(mail_domain)}"),
            ("phone", f"{as_pattern(phone_start)}%"),
        ):
            if mail_domain if kind == "email" else phone_start:
                rows = self.bulk.rows(
                    "select person from endpoint where kind = ? and value like ? escape '\\' order by person limit ?",
                    kind, pattern, limit,
                )  # fmt: skip
                ids += [row[0] for row in rows]
        if name:
            word = max(name.lower().split(), key=len, default="")
            rows = self.bulk.rows(
                "select id from person where state is not null and not erased"
                " and lower(state) like ? escape '\\' order by id limit ?",
                f"%{as_pattern(word)}%", limit,
            )  # fmt: skip
            ids += [row[0] for row in rows]
        return [(id_, str(state.described.get("name") or "")) for id_, state in self.people(ids).items()]

    def save_people(self, states: Sequence[PersonState]) -> None:
        self.bulk.upsert(
            tables.person,
            ("id", "state", "erased"),
            [(state.id, _STATE.text(state), state.erased) for state in states],
        )
        for table in ("endpoint", "membership"):
            where = self.bulk.one_of("person")
            self.bulk.run(f"delete from {table} where {where}", self.bulk.keys(state.id for state in states))
        names = ("person", "kind", "value", "hash")
        self.bulk.insert(tables.endpoint, names, [row for state in states for row in self._endpoints(state)])
        self.bulk.insert(
            tables.membership,
            ("person", "account", "roles"),
            [
                (state.id, account, to_json(roles))
                for state in states
                for account, roles in state.roles.items()
            ],
        )

    def _endpoints(self, state: PersonState) -> list[Row]:
        values = ((kind, state.described.get(kind)) for kind in _ENDPOINT_KINDS)
        return [(state.id, kind, str(v), self.endpoint_hash(kind, str(v))) for kind, v in values if v]

    def _people(self, where: str, *values: Any) -> dict[str, PersonState]:
        rows = self.bulk.rows(f"{_LOADED} {where}", *values)
        return {id_: PersonState(id=id_, **_STATE.read(state)) for id_, state in rows if state is not None}

    # --- one human, several people

    def link(self, a: str, b: str, state: str, by: str, at: datetime) -> None:
        """The newest word on two people; any state but suggested, linked and confirmed parts them."""
        first, second = sorted((a, b))
        self.bulk.upsert(
            tables.link, ("a", "b", "state", "by", "at"), [(first, second, state, by, micros(at))]
        )

    def identities(self, people: Collection[str]) -> dict[str, str]:
        """The smallest id stands for all."""
        return {id_: min(same) for id_, same in self._together(people, _SAME_HUMAN).items()}

    def erased_people(self, ids: Collection[str]) -> set[str]:
        keys = self.bulk.keys(sorted(ids))
        return {
            row[0]
            for row in self.bulk.rows(
                f"select id from person where erased and {self.bulk.one_of('id')}", keys
            )
        }

    def humans(self, people: Collection[str]) -> dict[str, set[str]]:
        return self._together(people, _SAME_HUMAN)

    def same_human(self, identity: str) -> list[str]:
        return sorted(self._together([identity], _SAME_HUMAN)[identity])

    def links_of(self, person: str) -> dict[str, str]:
        rows = self.bulk.rows(
            "select a, b, state from link where a = ? or b = ? order by a, b", person, person
        )
        return {b if a == person else a: state for a, b, state in rows}

    def linked(self, people: Collection[str]) -> list[str]:
        return sorted(set().union(*self._together(people, _ANY_LINK).values()))

    def _together(self, people: Collection[str], states: Collection[str]) -> dict[str, set[str]]:
        """Each of the people → everybody who hangs together with them by links of these states."""
        groups = {id_: {id_} for id_ in people}
        looking = set(groups)
        while looking:
            pairs = self._pairs(looking, states)
            looking = {id_ for pair in pairs for id_ in pair} - groups.keys()
            for a, b in pairs:
                _join(groups, a, b)
        return {id_: groups[id_] for id_ in people}

    def _pairs(self, people: Iterable[str], states: Collection[str]) -> Sequence[Row]:
        one_state = ", ".join(f"'{state}'" for state in states)
        keys = self.bulk.keys(sorted(people))
        return self.bulk.rows(
            f"select a, b from link where {self.bulk.one_of('a')} and state in ({one_state})"
            f" union select a, b from link where {self.bulk.one_of('b')} and state in ({one_state})",
            keys, keys,
        )  # fmt: skip


def _join(groups: dict[str, set[str]], a: str, b: str) -> None:
    both = groups.get(a, {a}) | groups.get(b, {b})
    for id_ in both:
        groups[id_] = both
