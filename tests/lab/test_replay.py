"""Replay: history through the services, everything at its own instant, in one order."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from outreach.domain.errors import Refused
from outreach.lab.olist import is_olist, olist_events
from outreach.lab.player import Arrival, Player
from outreach.lab.replay import AFTERWARDS, History, read_history, replay
from outreach.lab.replay_report import Report, print_report, write_html
from outreach.lab.scratch import Scratch, scratch_house
from outreach.service import workbench
from outreach.store.engine import open_database
from tests.lab.houses import line, rules, write_lines

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _account(id_: str) -> dict[str, object]:
    return line(
        "account.described", id_, START, f"{id_}/account", tier="silver", zone="Europe/Berlin", country="DE"
    )


def _order(
    account: str, order: str, placed: datetime, promised: datetime, amount: float = 100
) -> dict[str, object]:
    return line(
        "order.placed",
        account,
        placed,
        order,
        order_id=order,
        amount=amount,
        promised_for=promised.isoformat(),
    )


def _earlier(account: str) -> dict[str, object]:
    """What went wrong later is no first order's then: that has a playbook of its own."""
    return line("order.placed", account, START, f"{account}-earlier", order_id=f"{account}-earlier")


def _history(tmp_path: Path, *events: dict[str, object], limit: int | None = None) -> History:
    return read_history([write_lines(tmp_path / "h.jsonl", *events)], rules().vocabulary, limit)


def _played(house: Scratch, history: History) -> Scratch:
    Player(house).play(history.arrivals, history.arrivals[-1].at + AFTERWARDS)
    return house


def test_lateness_happens_on_its_day_though_nobody_sent_it(tmp_path: Path) -> None:
    promised = START + 3 * DAY
    history = _history(tmp_path, _account("a1"), _earlier("a1"), _order("a1", "o1", START, promised))
    with scratch_house(rules(), START) as house, _played(house, history).database.view() as unit:
        (run,) = unit.runs_of(["a1"])
        assert run.playbook == "late-delivery"
        assert run.started_at == run.trigger_time == promised + 2 * DAY, (
            "one day late is not enough for silver"
        )
        overdue = [event for event in unit.events_of("a1") if event.type == "delivery.overdue"]
        assert [event.time - promised for event in overdue] == [DAY, 2 * DAY, 5 * DAY, 10 * DAY]
        assert all(event.arrived == event.time for event in overdue)


def test_what_arrives_at_the_very_instant_is_not_late(tmp_path: Path) -> None:
    promised = START + 3 * DAY
    arrived = line("delivery.arrived", "a1", promised + DAY, "x", order_id="o1")
    history = _history(tmp_path, _account("a1"), _order("a1", "o1", START, promised), arrived)
    with scratch_house(rules(), START) as house, _played(house, history).database.view() as unit:
        assert not unit.lock_accounts(["a1"])["a1"].failures


def test_people_act_in_between_at_their_time() -> None:
    seen: list[tuple[str, datetime]] = []
    with scratch_house(rules(), START) as house:
        player = Player(house)

        def look() -> datetime | None:
            with house.database.view() as unit:
                runs = len(unit.runs_of(["a1"]))
            seen.append((f"{runs} runs", house.now))
            return house.now + DAY if len(seen) < 3 else None

        player.plan(START + 4.5 * DAY, look)
        raws = [_account("a1"), _earlier("a1"), _order("a1", "o1", START, START + 3 * DAY)]
        player.play([Arrival(START, raw) for raw in raws], START + 30 * DAY)
        assert house.now == START + 30 * DAY
    assert [(said, (at - START) / DAY) for said, at in seen] == [
        ("0 runs", 4.5),
        ("1 runs", 5.5),
        ("1 runs", 6.5),
    ]


def test_playing_is_the_same_as_living_through_it(tmp_path: Path) -> None:
    """Event by event, letting time pass in between, against the player's own way."""
    events = [_account("a1"), _account("a2")]
    for n in range(6):
        placed = START + n * 9 * DAY
        events.append(_order(f"a{1 + n % 2}", f"o{n}", placed, placed + 4 * DAY))
        if n % 3:
            late = placed + (3.1 + 3 * (n % 3)) * DAY
            events.append(line("delivery.arrived", f"a{1 + n % 2}", late, f"x{n}", order_id=f"o{n}"))
    events.append(line("complaint.opened", "a2", START + 20 * DAY, "c", complaint_id="c", words="bad"))
    history = _history(tmp_path, *events)

    def told(house: Scratch) -> list[object]:
        with house.database.view() as unit:
            rows = unit.bulk.rows(
                "select playbook, account, key, trigger_time, started_at, end_reason, step from run order by 1, 2, 3"
            )
            touches = unit.bulk.rows(
                "select account, channel, status, because, due from touch order by 1, 5, 2, 3, 4"
            )
            known = unit.lock_accounts(["a1", "a2"])
        return [rows, touches, {id_: (s.failures, s.dues, s.orders) for id_, s in known.items()}]

    with scratch_house(rules(), START) as played, scratch_house(rules(), START) as lived:
        _played(played, history)
        for at, raw in history.arrivals:
            lived.advance_to(at)
            lived.take_in(raw)
        lived.advance_to(history.arrivals[-1].at + AFTERWARDS)
        assert told(played) == told(lived)


def test_files_in_any_order_and_accounts_nobody_described(tmp_path: Path) -> None:
    second = write_lines(tmp_path / "2.jsonl.gz", line("complaint.opened", "b", START, "c", complaint_id="c"))
    second.write_bytes(gzip.compress(second.read_bytes()))
    first = write_lines(
        tmp_path / "1.jsonl", _order("a", "o2", START + 2 * DAY, START + 9 * DAY), b"no json\n",
        line("delivery.overdue", "a", START, "t", order_id="o2"),
        _order("a", "o1", START + DAY, START + 9 * DAY), {"type": "order.placed"},
    )  # fmt: skip
    history = read_history([first, second], rules().vocabulary)
    assert [(a.raw["type"], a.raw["subject"]) for a in history.arrivals] == [
        ("account.described", "b"), ("complaint.opened", "b"),
        ("account.described", "a"), ("order.placed", "a"), ("order.placed", "a"),
    ]  # fmt: skip
    assert history.skipped == {"not JSON": 1, "made by time itself": 1, "no time": 1}
    report = replay(rules(), history)
    assert report.taken == {"accepted": 5}
    assert report.kinds == {"delivery": 2, "complaint": 1}


def test_only_so_many_accounts_with_their_people(tmp_path: Path) -> None:
    person = line(
        "person.described", "person:p", START, "p", name="P", accounts=[{"account": "a1", "roles": ["buyer"]}]
    )
    other = line(
        "person.described", "person:q", START, "q", name="Q", accounts=[{"account": "a2", "roles": ["buyer"]}]
    )
    history = _history(tmp_path, _account("a1"), _account("a2"), person, other, limit=1)
    assert [arrival.raw["subject"] for arrival in history.arrivals] == ["a1", "person:p"]


def test_nothing_to_replay_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no event"):
        _history(tmp_path)


def _report(tmp_path: Path, store: Path | None = None) -> Report:
    events = [_account("a1"), _account("a2"), _account("a3")]
    for account, amount in (("a1", 70), ("a2", 500)):
        events.append(_earlier(account))
        events.append(_order(account, f"{account}-o", START, START + 2 * DAY, amount))
    events.append(line("backorder.moved", "a3", START + DAY, "r", order_id="r"))
    events.append(_order("a1", "a1-o2", START + 25 * DAY, START + 40 * DAY))
    return replay(rules(), _history(tmp_path, *events), store=store)


def test_the_report_counts_what_would_have_been_done(tmp_path: Path) -> None:
    report = _report(tmp_path)
    assert report.totals["failures"] == 3
    assert report.totals["calls"] == report.playbooks["late-delivery"]["calls"] == 2
    assert report.totals["holds"] == 2
    assert report.totals["unmatched"] == 1
    assert report.totals["unreached"] == 3
    assert report.failures_per_account == {1: 3}
    assert report.withheld == {"email: nobody_known": 2}
    assert sum((Counter(week) for week in report.weeks.values()), Counter())["calls"] == 2
    assert all(monday.weekday() == 0 for monday in report.weeks)
    orjson.dumps(report.as_json())
    print_report(report)


def test_a_kept_store_says_who_is_owed_a_call(tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    _report(tmp_path, kept)
    database = open_database(f"sqlite:///{kept}")
    with scratch_house(rules(), START + 60 * DAY, database_url=f"sqlite:///{kept}") as house:
        rows = workbench.owed(house.outside)
        everybody = workbench.owed(house.outside, include_back=True)
    database.close()
    assert [(row.account, row.bought) for row in rows] == [("a2", 500), ("a3", 0)]
    assert {row.account for row in everybody} == {"a1", "a2", "a3"}
    with pytest.raises(Refused, match="exists"):
        _report(tmp_path, kept)


# -- the public marketplace history ---------------------------------------------------------------------

_HEAD = "account_id,occurred_at,type,order_ref,amount,category,state,due_at,days_late,score,complaint\n"
_ROWS = """\
a,2018-03-14T17:03:18Z,order_placed,o,474.89,bebes,AM,2018-04-13T00:00:00Z,,,0
a,2018-03-15T17:03:18Z,shipped,o,474.89,bebes,AM,2018-04-13T00:00:00Z,,,0
a,2018-04-14T17:03:18Z,delivered,o,474.89,bebes,AM,2018-04-13T00:00:00Z,1.0,,0
a,2018-04-16T00:00:00Z,review,o,,,,,,2.0,1
b,2018-04-16T00:00:00Z,order_placed,p,,,,,,,0
b,2018-04-17T00:00:00Z,cancelled,p,,,,,,,0
b,2018-04-18T00:00:00Z,review,p,,,,,,,0
"""


def test_the_marketplace_file_becomes_events(tmp_path: Path) -> None:
    file = tmp_path / "olist.csv.gz"
    file.write_bytes(gzip.compress((_HEAD + _ROWS).encode()))
    assert is_olist(file)
    events = list(olist_events(file))
    assert [event["type"] for event in events] == [
        "account.described", "person.described", "order.placed", "delivery.shipped", "delivery.arrived",
        "review.posted", "complaint.opened", "account.described", "person.described", "order.placed",
        "order.cancelled", "review.posted",
    ]  # fmt: skip
    assert events[0]["data"] | {"tier": 0} == {
        "kind": "private", "tier": 0, "country": "BR", "region": "BR-AM", "zone": "America/Manaus",
    }  # fmt: skip
    assert events[2]["data"] == {
        "order_id": "o", "amount": 474.89, "currency": "BRL", "promised_for": "2018-04-13T00:00:00Z",
    }  # fmt: skip
    assert events[4]["data"] == {"order_id": "o", "days_late": 1.0}
    assert "promised_for" not in events[9]["data"]
    assert len({event["id"] for event in events}) == len(events)
    assert not is_olist(write_lines(tmp_path / "h.jsonl", _account("a")))


def test_real_history_is_replayed(shared_dir: Path) -> None:
    file = shared_dir / "data" / "olist_events.csv.gz"
    report = replay(rules(), read_history([file], rules().vocabulary, limit=60))
    assert report.taken.keys() == {"accepted"}
    assert report.totals["accounts"] == 60
    assert report.totals["failures"] >= report.totals["accounts_let_down"] > 10
    assert report.totals["calls"] >= report.totals["cards"] > 10
    assert report.totals["unreached"] == report.totals["failures"], "nobody answers"
    assert report.events["delivery.overdue"] > 0


def test_the_page_stands_alone(tmp_path: Path) -> None:
    history = _history(
        tmp_path,
        _account("a1"),
        _earlier("a1"),
        _order("a1", "o1", START + DAY, START + 3 * DAY),
        line("order.placed", "a1", START + 60 * DAY, "o2", order_id="o2", amount=1.0),
    )
    write_html(replay(rules(), history), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert 'class="call"' in page and 'class="failures"' in page and "late-delivery" in page
    write_html(Report(totals=Counter()), tmp_path / "empty.html")
    assert "Nobody would have been contacted" in (tmp_path / "empty.html").read_text(encoding="utf-8")
