"""The demo: a company that has something of everything on its desk, whatever hour it is looked at."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import orjson
import pytest

from outreach.assemble import TimeOrderedIds, keyed_hash, make_outside
from outreach.domain.failure import FailureState
from outreach.domain.policy import DIALLING, rule
from outreach.domain.sight import ALL
from outreach.domain.touch import Touch
from outreach.lab import demo
from outreach.lab.company_cast import Casting
from outreach.lab.company_maker import make_year
from outreach.lab.company_scenes import Scenes
from outreach.lab.demo import STAFF, Ready, first_event, prepare
from outreach.lab.player import Player
from outreach.lab.scratch import Scratch, VirtualClock, scratch_house
from outreach.service import intake, workbench
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside
from outreach.service.rulings import case_for
from outreach.service.why import why
from outreach.settings import Settings
from outreach.store import views_accounts, views_board, views_desk, views_ops
from outreach.store.engine import Store, open_database
from outreach.web.auth import hash_token, verify
from tests.lab.houses import rules, settings_in

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
"""A Wednesday."""
SUNDAY = datetime(2026, 3, 8, 0, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Ready]:
    settings = settings_in(tmp_path_factory.mktemp("demo"))
    settings.data_dir.mkdir()
    return settings, prepare(settings, rules(), NOW, homes=12)


@pytest.fixture
def store(made: tuple[Settings, Ready]) -> Iterator[Store]:
    hashed = keyed_hash(made[0].endpoint_key)
    found = open_database(made[0].database_url, endpoint_hash=hashed)
    yield found
    found.close()


def _outside(store: Store, now: datetime) -> Outside:
    clock = VirtualClock(now)
    return make_outside(store, rules, clock, TimeOrderedIds(), {}, store.endpoint_hash)


def test_the_same_seed_and_hour_make_the_same_year() -> None:
    first, second, other = make_year(NOW), make_year(NOW), make_year(NOW, seed=8)
    assert (
        [a.raw for a in first.arrivals] == [a.raw for a in second.arrivals] != [a.raw for a in other.arrivals]
    )
    assert all(arrival.at <= NOW for arrival in first.arrivals)
    assert len({human.email for customer in first.customers for human in customer.people}) == sum(
        len(customer.people) for customer in first.customers
    )


def test_nothing_of_what_was_made_up_is_refused_but_what_should_be(store: Store) -> None:
    with store.view() as unit:
        assert {row.event_id for row in unit.quarantined()} == {"q1", "q2", "q3"}
        assert views_ops.parked_by_reason(unit) == {"unknown_account": 1, "future": 1}


def test_there_is_something_of_everything(store: Store) -> None:
    with store.view() as unit:
        lines, counts = views_desk.desk_lines(unit), views_ops.counts(unit, NOW)
        playbooks = {line.playbook for line in lines}
        assert playbooks >= {
            "late-delivery", "missed-or-lost-delivery", "damaged-goods", "installation-problem", "promise-moved",
            "complaint-unanswered", "broken-promise", "callback-asked",
        }  # fmt: skip
        assert 12 <= len({line.card for line in lines}) <= 40
        assert views_desk.drafts(unit, ALL)
        assert len(views_board.unmatched(unit, ALL)) >= 3
        assert counts.overdue_calls
        assert counts.owed == 3
        assert counts.holds > 5
        assert unit.bulk.rows("select count(*) from touch where status = 'sent'")[0][0] > 3
        states = {FailureState(state) for (state,) in unit.bulk.rows("select distinct state from failure")}
        assert states >= {
            FailureState.OPEN,
            FailureState.REACHED,
            FailureState.PUT_RIGHT,
            FailureState.LET_BE,
        }
        promises = {state for (state,) in unit.bulk.rows("select distinct state from promise")}
        assert promises >= {"open", "broken", "kept"}
        assert max(row[0] for row in unit.bulk.rows("select round from failure")) > 1, (
            "one was not right after all"
        )
        assert any(person.opted_out for person in unit.people(unit.person_ids()).values())


def test_one_human_two_hats_is_one_card(store: Store) -> None:
    with store.view() as unit:
        lines = views_desk.desk_lines(unit)
        card = next(line.card for line in lines if line.account_name == "Haus Sonnenhof")
        assert {line.account_name for line in lines if line.card == card} == {"Haus Sonnenhof", "Anna Berg"}
        (count,) = unit.bulk.rows("select count(*) from link where state = 'suggested'")
        assert count[0] == 1


def test_most_of_what_went_wrong_was_put_right_by_the_colleagues(store: Store) -> None:
    with store.view() as unit:
        old = "select state, count(*) from failure where known_at < ? and opened_at > ? group by state"
        at = int((NOW - 30 * DAY).timestamp() * 1_000_000)
        states = Counter(dict(unit.bulk.rows(old, at, 0)))
    assert states["put_right"] >= 0.8 * sum(states.values()) > 5


def test_everybody_can_sign_in_and_the_token_is_good(made: tuple[Settings, Ready], store: Store) -> None:
    with store.view() as unit:
        for id_, _, role, _ in STAFF:
            user = unit.user(id_)
            assert user is not None
            assert user.role == role
        jonas = unit.user_by_email("jonas@hearth-home.example")
        assert jonas is not None
        assert verify(jonas.password_hash, made[1].passwords[jonas.email])
        assert unit.token(hash_token(made[1].token)) is not None


def test_the_first_event_puts_a_card_on_the_desk(made: tuple[Settings, Ready], store: Store) -> None:
    shown = first_event(made[1], "http://127.0.0.1:8000")
    assert "http://127.0.0.1:8000/v1/events" in shown
    raw = orjson.loads(shown.split(" -d '")[1].removesuffix("'").replace("'$(date +%s)'", "1"))
    with store.view() as unit:
        assert not views_accounts.open_cards_of(unit, [made[1].account])
    (answer,) = intake.take_in(_outside(store, NOW + HOUR), [raw])
    assert answer.outcome == "accepted"
    with store.view() as unit:
        assert len(views_accounts.open_cards_of(unit, [made[1].account])) == 1


def test_what_is_owed_and_why_can_be_asked(made: tuple[Settings, Ready], store: Store) -> None:
    outside = _outside(store, NOW + 2 * HOUR)
    assert len(workbench.owed(outside)) > 10
    assert why(outside, made[1].account).rows


# -- whatever the hour -----------------------------------------------------------------------------------


@contextmanager
def _scenes(now: datetime, *stories: str) -> Iterator[Scratch]:
    """Only those scenes, without the years before them."""
    scenes = Scenes(now, Casting(Random(7)), past=False)
    for story in stories:
        getattr(scenes, story)()
    with scratch_house(rules(), now - 400 * DAY) as house:
        player = Player(house)
        for at, act in scenes.doings:
            player.plan(at, partial(act, house))
        player.play(sorted(scenes.arrivals, key=lambda arrival: arrival.at), now)
        yield house


def _may_be_dialled(house: Scratch, at: datetime) -> list[str]:
    """The accounts of the calls on the desk that could be made at that time."""
    with house.database.view() as unit:
        lines = [line for line in views_desk.desk_lines(unit) if line.channel == "call"]
        ledger = Ledger(unit, house.outside, at)
        ledger.lock({line.account for line in lines})
        return [line.account for line in lines if _sends(ledger, ledger.touches[line.account][line.touch])]


def _sends(ledger: Ledger, touch: Touch) -> bool:
    return rule(case_for(ledger, ledger.runs[touch.account][touch.run], touch), DIALLING).sends


def test_somewhere_in_the_world_it_is_day_in_every_working_hour() -> None:
    """A service call at every hour from Monday to Saturday, without anybody having asked for it."""
    monday = SUNDAY + 20 * HOUR  # morning in Auckland
    with _scenes(NOW, "on_the_desk", "between_two_selves") as house:
        dark = [at for n in range(6 * 24) if not _may_be_dialled(house, at := monday + n * HOUR)]
    assert not dark


def test_somebody_waits_by_the_phone_at_every_hour_of_the_week() -> None:
    for hour in range(168):
        now = SUNDAY + hour * HOUR
        with _scenes(now, "callbacks") as house:
            assert _may_be_dialled(house, now), f"nobody may be called on {now:%A at %H:%M} UTC"


# -- the command -----------------------------------------------------------------------------------------


def test_a_taken_port_gives_the_next_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < demo._free_port(port) < port + demo.PORTS_TRIED


def test_the_command_keeps_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever .env says; and what is there is kept until --fresh."""
    for row in demo.describe():
        monkeypatch.setenv(row.variable, "")
    elsewhere = tmp_path / "elsewhere.db"
    (tmp_path / ".env").write_text(f"OUTREACH_DATABASE_URL=sqlite:///{elsewhere}\n")
    monkeypatch.chdir(tmp_path)
    made = {
        "passwords": {f"{row[0]}@hearth-home.example": "pw" for row in STAFF},
        "token": "out_x",
        "account": "A1",
    }
    folder = tmp_path / "var" / "demo"
    folder.mkdir(parents=True)
    (folder / "outreach.db").write_bytes(b"")
    (folder / "logins.json").write_bytes(orjson.dumps({"made_at": "2026-01-01T00:00:00+00:00", **made}))
    demo.run_demo(prepare_only=True)
    said = capsys.readouterr().out
    assert "hours old" in said
    assert "out_x" in said
    assert not elsewhere.exists()
    assert os.environ["OUTREACH_ALERT_SERVICES"] == "none", "nobody's phone rings about made-up customers"
