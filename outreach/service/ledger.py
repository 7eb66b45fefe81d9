"""The working set of one transaction: what was read of some accounts, and what has changed.

Rooms are pure; the ledger is what the corridor carries between them. Nothing is written before
``flush``, so a use case that fails half-way leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from outreach.domain.account import AccountState
from outreach.domain.blast import Answer, Blast
from outreach.domain.card import Card
from outreach.domain.errors import Invalid, NotFound
from outreach.domain.evaluate import Ruleset, merged_needs
from outreach.domain.facts import Channel, Event, Person
from outreach.domain.history import History, Need
from outreach.domain.hold import Hold
from outreach.domain.incident import Incident, Wording
from outreach.domain.person import PersonState, as_person, strictest
from outreach.domain.plan import LIVE, Decision, Publish, Run
from outreach.domain.playbook import Playbook
from outreach.domain.recipient import account_identity
from outreach.domain.signal import SELLING
from outreach.domain.steps import end, take_back
from outreach.domain.touch import Status, Touch
from outreach.service.ports import Outside, Unit
from outreach.service.ports_events import NewEvent, WindowNeed
from outreach.service.ports_faults import Outpaced
from outreach.service.ports_publishing import Missed, Published

NO_HISTORY = History({})
MOST_SAID = 1000
"""So many of the last changes of a publish state are looked at."""
ON_CARD = frozenset({Status.ON_DESK, Status.DRAFT})
"""Touches in these states are lines of an open card."""


class Ledger:
    """Accounts by id with their runs, touches, holds and people, as of ``now``."""

    def __init__(self, unit: Unit, outside: Outside, now: datetime) -> None:
        self.unit, self.outside, self.now = unit, outside, now
        self.rules: Ruleset = outside.rules()
        self.accounts: dict[str, AccountState] = {}
        self.runs: dict[str, dict[str, Run]] = {}
        self.touches: dict[str, dict[str, Touch]] = {}
        self.holds: dict[str, dict[str, Hold]] = {}
        self.decisions: list[Decision] = []
        self.missed: list[Missed] = []
        self._people: dict[str, Person] = {}
        self._people_of: dict[str, list[Person]] = {}
        self._events: dict[str, Event | None] = {}
        self._histories: dict[str, tuple[dict[str, bool], History]] = {}
        self._cards: dict[str, Card | None] = {}
        self._new_cards: dict[str, Card] = {}
        self._suppressed: dict[str, Mapping[str, str]] = {}
        self._stored_touches: dict[str, Touch] = {}
        self._changed_runs: dict[str, Run] = {}
        self._changed_holds: dict[str, Hold] = {}
        self._publish: dict[str, Publish] | None = None
        self._disabled: Mapping[str, datetime] | None = None
        self._said: dict[str, list[Published]] = {}
        self._kill_switch: bool | None = None
        self._incidents: list[tuple[Incident, tuple[Wording, ...]]] | None = None
        self._corrected: list[tuple[Incident, tuple[Wording, ...]]] | None = None
        self._blasts: dict[str, Blast] | None = None
        self._reached: dict[str, int] = {}
        self._new_blasts: list[Blast] = []
        self._left_cards: set[str] = set()
        self._kept: set[str] = set()

    # -- reading ---------------------------------------------------------------------------------

    def lock(self, accounts: Collection[str]) -> None:
        """Lock those accounts and read what moves with them. Unknown ids are left out."""
        wanted = [id_ for id_ in accounts if id_ not in self.accounts]
        if not wanted:
            return
        found = self.unit.lock_accounts(wanted)
        self.accounts.update(found)
        for id_ in found:
            self.runs[id_], self.touches[id_], self.holds[id_] = {}, {}, {}
        for run in self.unit.runs_of(list(found)):
            self.runs[run.account][run.id] = run
        with_runs = [id_ for id_ in found if self.runs[id_]]
        if not with_runs:
            return
        for touch in self.unit.touches_of(with_runs):
            self.touches[touch.account][touch.id] = touch
            self._stored_touches[touch.id] = touch
        for hold in self.unit.holds_of(with_runs):
            self.holds[hold.account][hold.id] = hold
        self._end_unreadable(with_runs)

    def _end_unreadable(self, accounts: Iterable[str]) -> None:
        """A run whose pinned version cannot be read any more (the vocabulary has moved away from it)
        ends by that name, its unsent touches with it; its failure stays on the board."""
        for run in [run for account in accounts for run in self.open_runs(account)]:
            try:
                self.playbook(run)
            except (NotFound, Invalid):
                self.put_run(end(run, "version_unreadable", self.now))
                for _, new in take_back(self.touches_of_run(run), "version_unreadable", self.now):
                    self.put_touch(new)
                self.unit.audit(self.now, "outreach", "run.version_unreadable", f"run/{run.id}", run.version)

    def new_account(self, state: AccountState) -> None:
        self.accounts[state.id] = state
        self.runs[state.id], self.touches[state.id], self.holds[state.id] = {}, {}, {}

    def prepare(self, needs: Mapping[str, Iterable[Need]]) -> None:
        """Read at once what runs about to start on these accounts will ask for one by one: who is known
        there, their open cards, and the past that the conditions judged as of now look at."""
        if not needs:
            return
        found = self.unit.people_of_accounts(list(needs))
        everybody = {state.id: state for states in found.values() for state in states}
        self._people.update(self.known_as(everybody))
        identities = {id_: self._people[id_].identity for id_ in everybody}
        for account, states in found.items():
            self._people_of[account] = [self._people[state.id] for state in states]
        wanted = {identities.get(id_, id_) for id_ in everybody} | {account_identity(a) for a in needs}
        cards = self.unit.open_cards(sorted(wanted))
        self._cards.update({identity: cards.get(identity) for identity in wanted})
        self._read_suppressed()
        self.read_windows({account: merged_needs(each) for account, each in needs.items()})

    def know(self, people: Collection[str]) -> None:
        """These people and what is shut of theirs, at once; else they are read one by one."""
        self._people.update(self.known_as(self.unit.people(people)))
        self._read_suppressed()

    def _read_suppressed(self) -> None:
        hashes = {hash_ for person in self._people.values() for hash_ in self._hashes(person)}
        why = self.unit.suppressed(sorted(hashes))
        self._suppressed.update({hash_: why.get(hash_, {}) for hash_ in hashes})

    def read_triggers(self, runs: Iterable[Run]) -> None:
        """The triggers of these runs at once."""
        missing = {run.trigger for run in runs} - self._events.keys()
        if missing:
            self._events.update(dict.fromkeys(missing, None) | self.unit.events(sorted(missing)))

    def _hashes(self, person: Person) -> list[str]:
        named = [("phone", person.phone), ("email", person.email)]
        return [self.outside.endpoint_hash(kind, value) for kind, value in named if value]

    def as_of(self, account: str) -> datetime:
        """Now, or the account's newest event where its sender's clock is ahead of ours: what has been
        taken in has happened."""
        newest = self.accounts[account].newest
        return self.now if newest is None else max(self.now, newest[0])

    def person(self, id_: str | None) -> Person | None:
        if id_ is None:
            return None
        if id_ not in self._people:
            found = self.unit.people([id_]).get(id_)
            if found is None:
                return None
            self._people.update(self.known_as({id_: found}))
        return self._people[id_]

    def people_of(self, account: str) -> list[Person]:
        """Everybody known at the account, in the order of their ids."""
        if account not in self._people_of:
            found = self.known_as({state.id: state for state in self.unit.people_of(account)})
            self._people.update(found)
            self._people_of[account] = [found[id_] for id_ in sorted(found)]
        return self._people_of[account]

    def known_as(self, states: Mapping[str, PersonState]) -> dict[str, Person]:
        """As the rooms need them: one human is one, under however many records, and their every no holds for all."""
        humans = self.unit.humans(list(states)) if states else {}
        missing = {id_ for same in humans.values() for id_ in same} - states.keys()
        known = {**states, **(self.unit.people(sorted(missing)) if missing else {})}
        found = {}
        for id_, state in states.items():
            same = humans[id_]
            person = as_person(state, min(same))
            others = [known[other] for other in sorted(same) if other != id_ and other in known]
            found[id_] = strictest(person, others) if others else person
        return found

    def suppressed(self, hash_: str, channel: Channel, *, selling: bool = False) -> str | None:
        """Why this endpoint may not be contacted on the channel, if so; ``selling``: to sell."""
        if hash_ not in self._suppressed:
            self._suppressed[hash_] = self.unit.suppressed([hash_]).get(hash_, {})
        found = self._suppressed[hash_]
        return found.get("all") or found.get(channel.value) or (found.get(SELLING) if selling else None)

    def card_for(self, touch: Touch) -> Card:
        """The open card of the human the touch is for; a new one where there is none."""
        if touch.identity not in self._cards:
            self._cards[touch.identity] = self.unit.open_card(touch.identity)
        card = self._cards[touch.identity]
        if card is None:
            card = Card(self.outside.ids.new(), touch.identity, self.now, caller=touch.caller)
            self._cards[touch.identity] = self._new_cards[card.id] = card
        return card

    def wake(self, card: Card) -> None:
        """Something new came up: whoever put it off could not know of it."""
        self._cards[card.identity] = self._new_cards[card.id] = replace(card, snoozed_until=None)

    def trigger(self, run: Run) -> Event | None:
        """The run's trigger in its current revision."""
        if run.trigger not in self._events:
            self._events[run.trigger] = self.unit.event(run.trigger)
        return self._events[run.trigger]

    def remember(self, events: Iterable[Event]) -> None:
        """These contents are the current ones; spare reading them again."""
        self._events.update({event.ref: event for event in events})

    def playbook(self, run: Run) -> Playbook:
        """The version the run is pinned to, even after the files have moved on."""
        current = self.rules.playbooks.get(run.playbook)
        if current is not None and current.version == run.version:
            return current
        return self.outside.pinned(self.unit, run.version)

    def keep_version(self, playbook: Playbook) -> None:
        """Store the text a run is pinned to, so that it can be read back when the files have changed."""
        if playbook.version in self._kept:
            return
        text = orjson.dumps({"source": playbook.source, "templates": dict(playbook.templates)}).decode()
        self.unit.keep_version(playbook.version, playbook.name, text, self.now)
        self._kept.add(playbook.version)

    def history(self, account: str, needs: Iterable[Need]) -> History:
        """The account's past of those types, back from now; kept for this transaction."""
        wanted = {need.type: need.data for need in merged_needs(needs)}
        known, history = self._histories.get(account, ({}, NO_HISTORY))
        if all(type_ in known and known[type_] >= data for type_, data in wanted.items()):
            return history
        both = {type_: known.get(type_, False) or wanted.get(type_, False) for type_ in {*known, *wanted}}
        self.read_windows({account: [Need(type_, None, data) for type_, data in both.items()]})
        return self._histories[account][1]

    def read_windows(self, needs: Mapping[str, Iterable[Need]]) -> None:
        asked = [WindowNeed(a, need.type, None, need.data) for a, each in needs.items() for need in each]
        rows = self.unit.windows(asked)
        for account, each in needs.items():
            known = {need.type: need.data for need in each}
            self._histories[account] = (known, History(rows.get(account, {})))

    def forget_histories(self, accounts: Iterable[str]) -> None:
        for account in accounts:
            self._histories.pop(account, None)

    @property
    def publish_states(self) -> dict[str, Publish]:
        """Absent means live."""
        if self._publish is None:
            states = self.unit.publish_states()
            self._publish = {name: Publish(*row) for name, row in states.items()}
        return self._publish

    def is_over(self, run: Run) -> bool:
        """Its playbook is disabled, or was at some time since it began."""
        if self._disabled is None:
            self._disabled = self.unit.last_disabled()
        at = self._disabled.get(run.playbook)
        now = self.publish_states.get(run.playbook, LIVE).state == "disabled"
        return now or (at is not None and run.began_at < at)

    def said_of(self, playbook: str) -> list[Published]:
        """What ops said about its publish state, newest first."""
        if playbook not in self._said:
            self._said[playbook] = self.unit.published(playbook, MOST_SAID)
        return self._said[playbook]

    def published_at(self, playbook: str, at: datetime) -> Publish:
        """As what came at that instant was judged. What came in a pause was judged as it went on."""
        after = before = self.publish_states.get(playbook, LIVE)
        for row in self.said_of(playbook):
            said = Publish(row.state, row.percent)
            if row.at <= at:
                before = said
                break
            after, before = (
                (after if row.state == "paused" else said),
                Publish(row.before, row.before_percent),
            )
        return after if before.state == "paused" else before

    def before_pause(self, playbook: str) -> Publish:
        """What a playbook that is paused now was before; live, where nobody knows."""
        said = (Publish(row.before, row.before_percent) for row in self.said_of(playbook))
        return next((before for before in said if before.state != "paused"), LIVE)

    @property
    def blasts(self) -> dict[str, Blast]:
        """Playbook → what is being asked, or was let go and holds."""
        if self._blasts is None:
            self._blasts = {blast.playbook: blast for blast in self.unit.blasts_standing()}
        return self._blasts

    def answer(self, run: Run) -> Answer | None:
        """What was said of a run that was beyond the blast radius; None for all others."""
        if run.blast is None:
            return None
        stands = self.blasts.get(run.playbook)
        if stands is None or stands.nth != run.blast:
            stands = self.unit.blast(run.playbook, run.blast)
        return stands.state if stands else Answer.ASKING

    def reached(self, playbook: str, since: datetime, limit: int) -> int:
        """Accounts that it has reached since then, those among them that this transaction has added."""
        if playbook not in self._reached:
            self._reached[playbook] = self.unit.reached(playbook, since, limit)
        return self._reached[playbook]

    def reach_one_more(self, playbook: str) -> None:
        self._reached[playbook] = self._reached.get(playbook, 0) + 1

    def put_blast(self, blast: Blast) -> None:
        """A question that is asked now."""
        self.blasts[blast.playbook] = blast
        self._new_blasts.append(blast)

    @property
    def kill_switch(self) -> bool:
        if self._kill_switch is None:
            self._kill_switch = self.unit.setting("stop_all") is not None
        return self._kill_switch

    @property
    def incidents(self) -> list[tuple[Incident, tuple[Wording, ...]]]:
        """Those that are open, the one opened last first, each with its wordings."""
        if self._incidents is None:
            self._incidents = self._worded(self.unit.incidents_open())
        return self._incidents

    @property
    def corrected(self) -> list[tuple[Incident, tuple[Wording, ...]]]:
        """Those whose words were corrected, closed ones among them, each with its wordings."""
        if self._corrected is None:
            self._corrected = self._worded(self.unit.incidents_corrected())
        return self._corrected

    def _worded(self, found: Collection[Incident]) -> list[tuple[Incident, tuple[Wording, ...]]]:
        wordings = self.unit.wordings([each.id for each in found]) if found else []
        return [(each, tuple(one for one in wordings if one.incident == each.id)) for each in found]

    def touches_of_run(self, run: Run) -> list[Touch]:
        return [touch for touch in self.touches[run.account].values() if touch.run == run.id]

    def open_runs(self, account: str) -> list[Run]:
        return [run for run in self.runs[account].values() if run.is_open]

    # -- changing --------------------------------------------------------------------------------

    def add_events(self, rows: Sequence[NewEvent]) -> None:
        self.unit.add_events(rows)
        self.pass_on(row.event for row in rows)

    def retract(self, events: Collection[Event], *, retracted: bool = True) -> None:
        refs = [(event.source, event.id) for event in events]
        self.unit.retract(refs, retracted=retracted)
        if retracted:  # only whoever was told of it has to hear that
            self.unit.pass_on_again(refs, self.now)
        else:
            self.pass_on(events)

    def pass_on(self, events: Iterable[Event]) -> None:
        """What other systems act on goes to the end of the feed: news, and what has changed."""
        fed = [event for event in events if event.type in self.rules.fed]
        if fed:
            self.unit.pass_on(fed, self.now)

    def put_run(self, run: Run) -> None:
        self.runs[run.account][run.id] = run
        self._changed_runs[run.id] = run

    def put_touch(self, touch: Touch) -> None:
        self.touches[touch.account][touch.id] = touch

    def claim(self, old: Touch, new: Touch) -> None:
        """Compare and set at once, so that caps judged later in this transaction count it."""
        stored = self._stored_touches.get(old.id)
        if stored is None:
            self.unit.add_touches([new])
        elif not self.unit.change_touch(stored, new):
            raise Outpaced(f"touch {old.id} was changed by somebody else")
        self._stored_touches[new.id] = new
        self.put_touch(new)

    def adopt(self, touch: Touch) -> None:
        """A touch read by itself joins the working set."""
        self._stored_touches[touch.id] = touch
        self.put_touch(touch)

    def put_hold(self, hold: Hold) -> None:
        self.holds[hold.account][hold.id] = hold
        self._changed_holds[hold.id] = hold

    def flush(self) -> None:
        """Write what has changed. Raises Outpaced when a touch was changed by somebody else."""
        self.unit.save_accounts(list(self.accounts.values()))
        self.unit.save_runs(list(self._changed_runs.values()))
        self.unit.save_cards(list(self._new_cards.values()))
        self._new_cards = {}
        new = []
        for touches in self.touches.values():
            for touch in touches.values():
                old = self._stored_touches.get(touch.id)
                if old is None:
                    new.append(touch)
                elif old is not touch and old != touch:
                    self._change(old, touch)
                self._stored_touches[touch.id] = touch
        self.unit.add_touches(new)
        self._close_empty_cards()
        self.unit.save_holds(list(self._changed_holds.values()))
        self.unit.add_decisions(self.decisions)
        self.unit.keep_missed(self.missed)
        self.unit.add_blasts(self._new_blasts)
        self._changed_runs, self._changed_holds, self.decisions = {}, {}, []
        self.missed, self._new_blasts = [], []

    def _change(self, old: Touch, new: Touch) -> None:
        if not self.unit.change_touch(old, new):
            raise Outpaced(f"touch {new.id} was changed by somebody else")
        if new.card is not None and new.status not in ON_CARD:
            self._left_cards.add(new.card)

    def _close_empty_cards(self) -> None:
        """A card without an open line is done."""
        cards = [card for id_ in sorted(self._left_cards) if (card := self.unit.card(id_)) is not None]
        still_open = self.unit.open_cards([card.identity for card in cards])
        for card in still_open.values():
            left = [touch for touch in self.unit.touches_of_card(card.id) if touch.status in ON_CARD]
            if not left:
                self.unit.save_card(replace(card, state="closed", closed_at=self.now))
        self._left_cards = set()
