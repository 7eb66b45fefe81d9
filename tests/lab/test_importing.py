"""Importing files: everything or its reason, once, wherever it is broken off."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from outreach.assemble import House
from outreach.lab import importing, lines
from outreach.lab.importing import Imported, import_file
from tests.lab.houses import NOW, count, house_in, line, write_lines

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = house_in(tmp_path)
    yield found
    found.close()


def _account(id_: str = "a1", time: datetime = NOW - 400 * DAY) -> dict[str, object]:
    return line("account.described", id_, time, f"{id_}/account", name="Anna", kind="private", owner="jonas")


def _orders(number: int) -> list[dict[str, object]]:
    start = NOW - 300 * DAY
    return [
        line("order.placed", "a1", start + n * HOUR, f"o{n}", order_id=f"o{n}", amount=n)
        for n in range(number)
    ]


def test_accounts_people_and_events_come_in(house: House, tmp_path: Path) -> None:
    person = line("person.described", "person:anna", NOW - DAY, "p", name="Anna Berg", email="a@mail.example",
                  accounts=[{"account": "a1", "roles": ["buyer"]}])  # fmt: skip
    done = import_file(house, write_lines(tmp_path / "history.jsonl", _account(), person, *_orders(3)))
    assert done.counts["accepted"] == done.lines == 5
    assert done.bad == 0
    assert done.sentence.startswith("history.jsonl: 5 events (")
    with house.database.view() as unit:
        assert [person.described["name"] for person in unit.people_of("a1")] == ["Anna Berg"]
    assert not (tmp_path / "history.jsonl.bad.jsonl").exists()


def test_the_same_file_again_changes_nothing(house: House, tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "h.jsonl", _account(), *_orders(5), b"no json\n", line("x.y", "a1", NOW, "bad")
    )
    first, second = import_file(house, file), import_file(house, file)
    assert first.counts["accepted"] == second.counts["duplicate"] == 6
    assert first.bad == second.bad == 2
    assert count(house, "event") == 6
    assert count(house, "quarantine") == 2
    assert len((tmp_path / "h.jsonl.bad.jsonl").read_bytes().splitlines()) == 2


def test_refused_lines_are_kept_with_number_and_reasons(house: House, tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "h.jsonl", _account(), b"\n", b"{not json\n", b'["a list"]\n',
        line("delivery.late", "a1", NOW, "e1"), line("order.placed", "a1", NOW, "e2", amount="12"),
    )  # fmt: skip
    done = import_file(house, file)
    assert done.counts == {"accepted": 1, "quarantined": 4, "left_to_time": 0}
    rows = [orjson.loads(row) for row in (tmp_path / "h.jsonl.bad.jsonl").read_bytes().splitlines()]
    assert [row["line"] for row in rows] == [3, 4, 5, 6]
    assert rows[0]["reasons"][0].startswith("not JSON")
    assert rows[0]["text"] == "{not json"
    assert "did you mean" in rows[2]["reasons"][0]
    assert rows[3]["event"]["id"] == "e2"
    assert {"data.order_id: required", "data.amount: must be a number"} == set(rows[3]["reasons"])
    assert str(tmp_path / "h.jsonl.bad.jsonl") in done.sentence


@pytest.mark.parametrize("zipped", [False, True])
def test_marks_blank_lines_and_missing_ends_do_no_harm(house: House, tmp_path: Path, zipped: bool) -> None:
    rows = [orjson.dumps(event) for event in (_account(), *_orders(2))]
    content = b"\xef\xbb\xbf" + b"\r\n\r\n".join(rows)
    file = tmp_path / "h.jsonl"
    file.write_bytes(gzip.compress(content) if zipped else content)
    assert import_file(house, file).counts["accepted"] == 3


def test_a_line_too_long_is_refused_and_the_next_one_is_not(house: House, tmp_path: Path) -> None:
    long = b'{"id": "' + b"x" * (2 * lines.LONGEST) + b'"}\n'
    done = import_file(house, write_lines(tmp_path / "h.jsonl", _account(), long, *_orders(2)))
    assert (done.counts["accepted"], done.bad) == (3, 1)
    (row,) = (tmp_path / "h.jsonl.bad.jsonl").read_bytes().splitlines()
    assert len(row) < 5_000
    assert orjson.loads(row)["line"] == 2


def test_what_time_makes_is_left_to_time(house: House, tmp_path: Path) -> None:
    overdue = line("delivery.overdue", "a1", NOW - DAY, "x", order_id="o0", days_late=1)
    unreached = {**line("order.placed", "a1", NOW, "y", order_id="o9"), "source": "outreach/clock"}
    done = import_file(house, write_lines(tmp_path / "h.jsonl", _account(), overdue, unreached))
    assert (done.counts["accepted"], done.counts["left_to_time"], done.bad) == (1, 2, 0)


def test_old_let_downs_are_owed_and_nobody_is_called(house: House, tmp_path: Path) -> None:
    old, new = NOW - 40 * DAY, NOW - 2 * DAY
    file = write_lines(
        tmp_path / "h.jsonl", _account("a1"), _account("a2"),
        line("delivery.delayed", "a1", old, "e1", order_id="o1", days_late=4),
        line("delivery.delayed", "a2", new, "e2", order_id="o2", days_late=4),
    )  # fmt: skip
    import_file(house, file)
    with house.database.view() as unit:
        (owed,), (fresh,) = (unit.lock_accounts([a])[a].failures.values() for a in ("a1", "a2"))
        assert (owed.owed, fresh.owed) == (True, False)
        assert [run.account for run in unit.runs_of(["a1", "a2"])] == ["a2"]


def test_a_gzip_cut_off_keeps_what_came_before(house: House, tmp_path: Path) -> None:
    import random

    noise = random.Random(1).randbytes(200_000).hex()
    whole = gzip.compress(
        b"".join(orjson.dumps(event) + b"\n" for event in (_account(), *_orders(20))) + noise.encode()
    )
    file = tmp_path / "h.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    done = import_file(house, file)
    assert done.counts["accepted"] == 21
    assert done.bad > 0
    assert "broke off" in done.sentence
    assert import_file(house, file).resumed_at > 0, "it is not done, so it goes on where it was"


class KillingClock:
    """Kills the process, as ``kill -9`` does, when it is asked for the time once too often."""

    def __init__(self, asked_at_most: int) -> None:
        self.left = asked_at_most

    def now(self) -> datetime:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return NOW


def _import_in_a_child(folder: Path, file: Path, asked_at_most: int) -> bool:
    """Whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            importing.BATCH = 10
            import_file(house_in(folder, KillingClock(asked_at_most)), file)
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return status == 0


def test_killed_anywhere_it_goes_on_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    bad = [b"not json\n", line("delivery.late", "a1", NOW, "bad")]
    file = write_lines(tmp_path / "h.jsonl", _account(), *_orders(30), *bad, *_orders(60)[30:])
    house_in(tmp_path).close()
    rounds = 1
    while not _import_in_a_child(tmp_path, file, asked_at_most=3 + rounds % 4):
        rounds += 1
        assert rounds < 50, "it does not come any further"
    house = house_in(tmp_path)
    assert rounds > 3
    assert count(house, "event") == 61
    assert count(house, "quarantine") == 2
    assert [
        orjson.loads(row)["line"] for row in (tmp_path / "h.jsonl.bad.jsonl").read_bytes().splitlines()
    ] == [32, 33]
    again: Imported = import_file(house, file)
    assert again.counts["duplicate"] == 61
    house.close()
