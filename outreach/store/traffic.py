"""What went out and what came back: attempts, what providers have told us, messages to look at, pushed holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from outreach.domain.facts import PERSON_PREFIX, Channel
from outreach.domain.hold import Hold
from outreach.domain.touch import OPEN
from outreach.service.ports_traffic import Attempt, CareLink, Inbound, Pushed
from outreach.store import tables
from outreach.store.base import Part
from outreach.store.bulk import as_pattern, quoted
from outreach.store.codec import micros
from outreach.store.desk import HOLD
from outreach.store.shapes import Shape

CARE_LINK = Shape(CareLink, tables.care_link)
ATTEMPT = Shape(Attempt, tables.attempt)
INBOUND = Shape(Inbound, tables.inbound)
PUSHED = Shape(Pushed, tables.pushed)

_OPEN = f"({', '.join(repr(status.value) for status in sorted(OPEN))})"
_WORDS_GONE = (
    """update attempt set subject = null, text = null where "at" < ? and text is not null and not exists (select 1
    from touch t where t.token = attempt.token and t.status in ('sending', 'unknown')) returning token""",
    f"""update touch set draft = null, text = null where ended_at < ? and status not in {_OPEN}
    and (draft is not null or text is not null) returning id""",
    "update phone_call set number = null where ended_at < ? and number is not null returning id",
    """delete from inbound where status = 'settled' and "at" < ? returning id""",
    'delete from said where "at" < ? returning id',
    """delete from event_private where event_seq in (select p.event_seq from event_private p join event e
    on e.seq = p.event_seq where e.type in ('message.received', 'person.refused') and e."time" < ?) returning event_seq""",
)
_PERSONAL = ("recipient", "subject", "text")


def _however_written(endpoint: str) -> tuple[str, str]:
    """(SQL around a column, what to seek in it): an address in any case, a number by its last digits."""
    if "@" in endpoint:
        return "lower({})", endpoint.lower()
    plain = "{}"
    for between in " -/().":
        plain = f"replace({plain}, '{between}', '')"
    return plain, "".join(each for each in endpoint if each.isdigit())[-8:]


class Traffic(Part):
    # --- attempts

    def add_attempt(self, attempt: Attempt) -> None:
        self.bulk.insert(tables.attempt, ATTEMPT.names, [ATTEMPT.row(attempt)])

    def attempt(self, token: str) -> Attempt | None:
        return self.bulk.one(ATTEMPT, "where token = ?", token)

    def attempt_by_ref(self, ref: str) -> Attempt | None:
        return self.bulk.one(ATTEMPT, "where ref = ? order by token limit 1", ref)

    def attempts_of(self, touches: Collection[str]) -> list[Attempt]:
        return self.bulk.by_keys(ATTEMPT, "touch", touches, 'order by "at", token')

    def attempts_of_run(self, run: str) -> list[Attempt]:
        return self.bulk.all(ATTEMPT, 'where run = ? order by "at", token', run)

    def last_attempt_to(self, person: str, channel: Channel) -> Attempt | None:
        more = (
            "where person = ? and person is not null and channel = ? and (delivery is not null or exists"
            " (select 1 from touch t where t.id = attempt.touch and t.token = attempt.token"
            " and t.status in ('sending', 'sent', 'unknown')))"
            ' order by "at" desc, token desc limit 1'
        )
        return self.bulk.one(ATTEMPT, more, person, channel.value)

    def save_attempt(self, attempt: Attempt) -> None:
        self.bulk.put(ATTEMPT, [attempt])

    def forget(self, person: str) -> None:
        super().forget(person)  # type: ignore[misc]
        nothing = ", ".join(f"{quoted(name)} = null" for name in _PERSONAL)
        self.bulk.run(f"update attempt set {nothing} where person = ?", person)
        self.bulk.run("update phone_call set number = null where person = ?", person)
        self.bulk.run(
            "update card set note = null, noted_by = null where identity = ? and note is not null", person
        )
        self.bulk.run("delete from said where person = ?", person)
        self.bulk.run("delete from inbound where person = ?", person)
        self.bulk.run("delete from care_link where person = ?", person)

    def care_link(self, hash_: str) -> CareLink | None:
        return self.bulk.one(CARE_LINK, "where hash = ?" + (" for update" if self.locks else ""), hash_)

    def save_care_link(self, link: CareLink) -> None:
        self.bulk.put(CARE_LINK, [link])

    def revoke_care_links(self, person: str) -> int:
        statement = "update care_link set revoked = ? where person = ? and not revoked returning hash"
        return len(self.bulk.rows(statement, True, person))

    def forget_traces(self, person: str, endpoints: Collection[str], hashes: Collection[str]) -> None:
        """What was put aside before anybody knew whose it was: by their id as a whole word of JSON, or by a number
        or address of theirs, however it is written."""
        whole = (f'"{PERSON_PREFIX}{person}"', f'"{person}"')
        patterns = [("{}", word) for word in whole] + [_however_written(each) for each in endpoints]
        for how, word in patterns:
            holds = f"{how} like ? escape '\\'"
            like = f"%{as_pattern(word)}%"
            self.bulk.run(f"delete from quarantine where {holds.format('body')}", like)
            either = f"{holds.format('private')} or {holds.format('event')}"
            self.bulk.run(f"delete from parked where {either}", like, like)
        if hashes:
            named = self.bulk.one_of("hash")
            self.bulk.run(f"delete from inbound where {named}", self.bulk.keys(hashes))
            self.bulk.run(
                f"update pushed set person = null, address = null where {named}", self.bulk.keys(hashes)
            )

    def forget_drafts(self, accounts: Collection[str], person: str) -> None:
        if accounts:
            where = f"{self.bulk.one_of('account')} and person = ?"
            self.bulk.run(
                f"update touch set draft = null, text = null where {where}", self.bulk.keys(accounts), person
            )

    def forget_name(self, account: str) -> None:
        """A private customer's account is called what they were called."""
        self.bulk.run(
            "delete from event_private where event_seq in"
            " (select seq from event where subject = ? and type = 'account.described')",
            account,
        )

    def attempts_to(self, person: str) -> list[Attempt]:
        return self.bulk.all(ATTEMPT, 'where person = ? order by "at", token', person)

    def written_about(self, person: str) -> list[str]:
        """Accounts of every message that was sent to them."""
        rows = self.bulk.rows("select distinct account from attempt where person = ?", person)
        return [str(row[0]) for row in rows]

    def told_of(self, person: str) -> list[str]:
        """Accounts that have events with words of theirs."""
        rows = self.bulk.rows(
            "select distinct e.subject from event e join event_private p on p.event_seq = e.seq where p.person = ?",
            person,
        )
        return sorted(str(row[0]) for row in rows if not str(row[0]).startswith(PERSON_PREFIX))

    # --- what we were told before

    def was_seen(self, id_: str) -> bool:
        return bool(self.bulk.rows("select 1 from seen where id = ?", id_))

    def first_seen(self, ids: Collection[str], at: datetime) -> set[str]:
        """Two who are told at once: the database says which of them was the first."""
        statement = 'insert into seen (id, "at") values (?, ?) on conflict (id) do nothing returning id'
        return {id_ for id_ in sorted(set(ids)) if self.bulk.rows(statement, id_, micros(at))}

    def forget_settled(self, before: datetime) -> int:
        """Quarantined events that were mended or discarded, and ways to customers' pages that have ended."""
        gone = 0
        for statement in (
            "delete from quarantine where status <> 'open' and \"at\" < ? returning id",
            "delete from care_link where expires_at < ? returning hash",
        ):
            gone += len(self.bulk.rows(statement, micros(before)))
        return gone

    def forget_words(self, before: datetime) -> int:
        """What was written, ours and theirs, before that: who, when and what became of it stays. Nobody's who is
        still to look at it."""
        at = micros(before)
        return sum(len(self.bulk.rows(statement, at)) for statement in _WORDS_GONE)

    def forget_seen(self, before: datetime) -> None:
        self.bulk.run('delete from seen where "at" < ?', micros(before))

    # --- messages that a colleague has to look at

    def keep_inbound(self, row: Inbound) -> bool:
        if self.inbound(row.id) is not None:
            return False
        self.bulk.insert(tables.inbound, INBOUND.names, [INBOUND.row(row)], " on conflict (id) do nothing")
        return True

    def inbound(self, id_: str) -> Inbound | None:
        return self.bulk.one(INBOUND, "where id = ?", id_)

    def inbound_open(self, limit: int, offset: int = 0) -> list[Inbound]:
        more = "where status = 'open' order by \"at\", id limit ? offset ?"
        return self.bulk.all(INBOUND, more, limit, offset)

    def inbound_of(self, person: str) -> list[Inbound]:
        return self.bulk.all(INBOUND, 'where person = ? order by "at", id', person)

    def count_inbound(self) -> int:
        return int(self.bulk.rows("select count(*) from inbound where status = 'open'")[0][0])

    def save_inbound(self, row: Inbound) -> None:
        self.bulk.put(INBOUND, [row])

    # --- holds that others keep for us

    def pushed(self, place: str) -> list[Pushed]:
        return self.bulk.all(PUSHED, "where place = ? order by hash", place)

    def save_pushed(self, rows: Sequence[Pushed]) -> None:
        self.bulk.put(PUSHED, rows)

    def open_holds(self) -> list[Hold]:
        return self.bulk.all(HOLD, "where ended_at is null order by id")
