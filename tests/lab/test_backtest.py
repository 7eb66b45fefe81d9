"""A backtest says what a live house did with the same history, touch by touch."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from outreach.cli.main import outreach
from outreach.domain.errors import Refused
from outreach.lab import backtest_parts
from outreach.lab.backtest import backtest
from outreach.lab.backtest_diff import FOLDERS, difference, rules_at
from outreach.lab.backtest_played import Played, Touched
from outreach.lab.backtest_report import Report, report_of
from outreach.lab.backtest_told import as_json, last_words, write_csv, write_html
from outreach.lab.player import Arrival, Player
from outreach.lab.scratch import cloud_event, scratch_house
from outreach.library.loader import load
from outreach.service import desk
from outreach.store.schema import upgrade
from tests.lab.houses import touches_of
from tests.service.world import MONDAY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def history() -> list[Arrival]:
    found = []
    for n in range(12):
        account, person, at = f"a{n}", f"p{n // 2}", MONDAY + n * 7 * HOUR
        told = [
            (
                "account.described",
                account,
                {
                    "name": account,
                    "owner": ("jonas", "miriam")[n % 2],
                    "team": "berlin",
                    "country": "DE",
                    "zone": "Europe/Berlin",
                    "value": 1000.0 * n,
                },
            ),
            (
                "person.described",
                f"person:{person}",
                {
                    "name": "X",
                    "phone": f"+49301234{n // 2:02}",
                    "email": f"{person}@example.com",
                    "country": "DE",
                    "accounts": [
                        {"account": f"a{m}", "roles": ["buyer"]} for m in (n // 2 * 2, n // 2 * 2 + 1)
                    ],
                },
            ),
            ("order.placed", account, {"order_id": f"first{n}", "amount": 50.0, "person_id": person}),
            ("order.placed", account, {"order_id": f"o{n}", "amount": 100.0, "person_id": person}),
            ("delivery.delayed", account, {"order_id": f"o{n}", "days_late": n % 5, "person_id": person}),
        ]
        if n % 3 == 0:
            told.append(
                ("complaint.opened", account, {"complaint_id": f"c{n}", "person_id": person, "words": "no"})
            )
        if n % 4 == 1:
            told.append(
                (
                    "failure.put_right",
                    account,
                    {"failure": f"delivery/o{n}", "said_by": "customer", "by": "jonas"},
                )
            )
        found += [
            Arrival(at + k * HOUR, cloud_event(type_, subject, data, f"{n}/{k}", at + k * HOUR))
            for k, (type_, subject, data) in enumerate(told)
        ]
    return sorted(found, key=lambda arrival: arrival.at)


def live(root: Path, url: str, until_days: int = 30, percent: int = 100, marks: int = 0) -> list[Touched]:
    """The same history, as it would have come in day by day. ``percent``: of the accounts have late-delivery; ``marks``: so
    many of its calls are said to be pointless."""
    with scratch_house(load(root), MONDAY, database_url=url) as house:
        with house.database.unit() as unit:
            unit.set_publish_state("late-delivery", "percent", percent, "olga", "a few first", MONDAY)
        Player(house).play(history(), MONDAY + until_days * DAY)
        with house.database.view() as unit:
            calls = unit.bulk.rows(_CALLS)
        for card, touch in calls[:marks]:
            desk.pointless(house.outside, card, touch, "small", "jonas")
        return touches_of(house)


_CALLS = (
    "select t.card, t.id from touch t join run r on r.id = t.run"
    " where r.playbook = 'late-delivery' and t.channel = 'call' and t.card is not null order by t.account"
)


def as_lived(touches: Iterable[Touched]) -> list[Touched]:
    """Without what only a backtest asks."""
    return [touch._replace(moot=False) for touch in touches]


def test_it_agrees_with_the_live_house_touch_by_touch(tmp_path: Path, root: Path) -> None:
    url = f"sqlite:///{tmp_path}/live.db"
    lived = live(root, url)
    played = backtest(root, url, MONDAY, MONDAY + 30 * DAY, workers=1)
    assert len(lived) > 20 and {touch.channel for touch in lived} >= {"call", "email"}
    assert as_lived(played.touches) == lived
    assert (
        played.runs and played.decisions["started"] == sum(played.runs.values()) and len(played.failures) >= 8
    )


def test_what_is_for_some_is_for_the_same_ones(tmp_path: Path, root: Path) -> None:
    def late(touches: Iterable[Touched]) -> set[str]:
        return {touch.account for touch in touches if touch.playbook == "late-delivery"}

    url = f"sqlite:///{tmp_path}/live.db"
    lived = live(root, url, percent=50)
    played = backtest(root, url, MONDAY, MONDAY + 30 * DAY, workers=1)
    assert as_lived(played.touches) == lived
    everybody = late(live(root, f"sqlite:///{tmp_path}/all.db"))
    assert 0 < len(late(played.touches)) < len(everybody)
    assert played.decisions["not_live"] > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_is_asked_before_too_many(tmp_path: Path, root: Path, workers: int) -> None:
    url = f"sqlite:///{tmp_path}/live.db"
    lived = live(root, url)
    text = (root / "playbooks" / "company.yaml").read_text(encoding="utf-8")
    (radius,) = re.findall(r"(?m)^  accounts: \d+\n  within: .*$", text)
    careful = changed(root, tmp_path / "careful", radius, "  accounts: 1\n  within: 20d", "company.yaml")
    played = backtest(careful, url, MONDAY, MONDAY + 30 * DAY, workers=workers)
    assert as_lived(played.touches) == lived


def test_many_workers_say_the_same(tmp_path: Path, root: Path) -> None:
    url = f"sqlite:///{tmp_path}/live.db"
    live(root, url)
    one = backtest(root, url, MONDAY, MONDAY + 30 * DAY, workers=1)
    two = backtest(root, url, MONDAY, MONDAY + 30 * DAY, workers=2)
    assert one.touches == two.touches and one.runs == two.runs


@pytest.mark.parametrize("workers", [1, 2])
def test_it_says_how_far_it_is(
    tmp_path: Path, root: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest_parts, "SMALL", 10)
    url = f"sqlite:///{tmp_path}/live.db"
    live(root, url)
    seen: list[tuple[int, int]] = []
    backtest(
        root, url, MONDAY, MONDAY + 30 * DAY, workers=workers, shown=lambda done, of: seen.append((done, of))
    )
    assert seen[0] == (0, len(history())) and seen[-1] == (len(history()), len(history()))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen) and len(seen) >= 3


# -- what it comes to ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('lived')}/live.db"
    upgrade(url)
    live(Path(__file__).parents[2], url)
    return url


def changed(root: Path, folder: Path, old: str, new: str, file: str = "late-delivery.yaml") -> Path:
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name)
    path = folder / "playbooks" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def told(root: Path, url: str, days: int = 30) -> Report:
    return report_of(backtest(root, url, MONDAY, MONDAY + days * DAY, workers=1), load(root).company)


def test_the_report_counts_what_the_rows_say(root: Path, lived: str, tmp_path: Path) -> None:
    report = told(root, lived)
    made = [touch for touch in report.outcome.touches if touch.made]
    assert report.total("call") == sum(touch.channel == "call" for touch in made) > 0
    assert sum(sum(days.values()) for days in report.loads.values()) == report.total("call")
    assert set(report.loads) == {"jonas", "miriam"} and report.capacity("jonas") == 10
    assert sum(counts["started"] for counts in report.playbooks.values()) == sum(report.outcome.runs.values())
    assert sum(report.withheld.values()) == sum(
        t.status in ("withheld", "expired") for t in report.outcome.touches
    )
    write_csv(report, tmp_path / "rows.csv")
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()))
    assert (
        len(rows) == len(report.outcome.touches) and rows[0]["account"] == report.outcome.touches[0].account
    )
    text = (tmp_path / "rows.csv").read_text(encoding="utf-8")
    assert "example.com" not in text and "+49" not in text, "ids only"


def test_the_page_stands_alone(root: Path, lived: str, tmp_path: Path) -> None:
    write_html(told(root, lived), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert page.count("<rect") >= 5 and "late-delivery" in page and "jonas" in page
    nobody = Report(Played(MONDAY, MONDAY + DAY), load(root).company)
    write_html(nobody, tmp_path / "empty.html")
    assert "Nobody would have been contacted" in (tmp_path / "empty.html").read_text(encoding="utf-8")


def test_a_stricter_playbook_is_told_in_words_with_the_accounts_behind(
    root: Path, lived: str, tmp_path: Path
) -> None:
    stricter = changed(root, tmp_path / "new", "event.days_late >= 2", "event.days_late >= 4")
    found = difference(told(root, lived), told(stricter, lived))
    words = {one.words: one.accounts for one in found.changes}
    assert any(re.fullmatch(r"-[\d.]+ calls a week", each) for each in words), words
    (lost,) = [accounts for each, accounts in words.items() if "nobody contacts any more" in each]
    assert lost and all(int(account[1:]) % 5 in (2, 3) for account in lost), (
        "two or three days late, and nothing else"
    )
    assert any(each.startswith("late-delivery: starts") for each in words)
    assert found.calls < 0
    back = difference(told(stricter, lived), told(root, lived))
    assert back.calls > 0 and any("contacted that were not before" in one.words for one in back.changes)


def test_nothing_changes_between_a_folder_and_itself(root: Path, lived: str) -> None:
    assert difference(told(root, lived), told(root, lived)).changes == ()


def test_too_much_for_one_of_us_is_said_with_the_day() -> None:
    company = load(Path(__file__).parents[2]).company

    def calls(count: int) -> Report:
        rows = [Touched(f"a{n}", "late", f"k{n}", 0, 1, 1, "call", "jonas", MONDAY + week * 7 * DAY, "on_desk", "late")
                for week in range(3) for n in range(week * 100, week * 100 + count)]  # fmt: skip
        return report_of(Played(MONDAY, MONDAY + 28 * DAY, rows), company)

    words = [one.words for one in difference(calls(5), calls(12)).changes]
    assert "jonas over capacity on Mondays" in words
    assert "jonas no longer over capacity" in [one.words for one in difference(calls(12), calls(5)).changes]


# -- what it costs, and what was pointless ---------------------------------------------------------------------


def priced(root: Path, folder: Path, costs: str) -> Report:
    """Two calls of jonas, one of nobody, an e-mail, an SMS, and what was held back."""
    changed(root, folder, "currency: EUR", f"currency: EUR\n{costs}", "company.yaml")
    rows = [Touched(f"a{n}", "late", f"k{n}", 0, 1, 1, channel, whose, MONDAY, status, "late")
            for n, (channel, whose, status) in enumerate([
                ("call", "jonas", "on_desk"), ("call", "jonas", "settled"), ("call", "", "on_desk"), ("call", "jonas", "withheld"),
                ("email", "jonas", "sent"), ("sms", "jonas", "sent"), ("sms", "jonas", "cancelled"),
            ])]  # fmt: skip
    rows[1] = rows[1]._replace(moot=True)
    played = Played(MONDAY, MONDAY + 7 * DAY, rows, marked=frozenset({("a0", "k0"), ("a4", "k4")}))
    return report_of(played, load(folder).company)


def test_without_prices_there_are_minutes_and_no_money(root: Path, tmp_path: Path) -> None:
    report = priced(root, tmp_path / "shop", "")
    assert as_json(report)["cost"] == {
        "minutes": 96, "calls_of_unknown_length": 1, "money": None, "currency": "EUR",
    }, "eight hours are ten calls for jonas; for whom nobody has said anything is not guessed"  # fmt: skip
    assert not any("EUR" in words for words in last_words(report))


def test_with_prices_minutes_and_messages_cost_what_they_cost(root: Path, tmp_path: Path) -> None:
    costs = "costs: {call_minutes: 10, call_minute: 0.9, sms: 0.08, email: 0.002}"
    report = priced(root, tmp_path / "shop", costs)
    assert as_json(report)["cost"] == {
        "minutes": 30, "calls_of_unknown_length": 0, "money": 27.08, "currency": "EUR",
    }  # fmt: skip
    assert as_json(report)["playbooks"]["late"]["cost"]["money"] == 27.08
    assert report.cost.money == pytest.approx(3 * 10 * 0.9 + 0.08 + 0.002)
    write_html(report, tmp_path / "page.html")
    assert "27.08" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_pointless_is_what_was_said_and_what_was_gone_within_a_day(root: Path, tmp_path: Path) -> None:
    report = priced(root, tmp_path / "shop", "")
    told = as_json(report)
    assert told["pointless"] == {"said": 1, "moot": 1, "share": 2 / 3}, (
        "of three calls; mails are not counted"
    )
    write_csv(report, tmp_path / "rows.csv")
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["pointless"] for row in rows] == ["said_pointless", "moot", "", "", "", "", ""]
    assert any(words.startswith("66.7% of the calls were found pointless") for words in last_words(report))


def test_what_was_said_of_the_real_calls_is_found_again(root: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/live.db"
    live(root, url, marks=2)
    report = told(root, url)
    assert len(report.outcome.marked) == 2
    assert report.playbooks["late-delivery"]["said_pointless"] == 2 == report.of_all("said_pointless")


def test_a_call_whose_reason_goes_within_a_day_is_moot(root: Path, tmp_path: Path) -> None:
    """a1, a5 and a9 are put right within a day; of these only a9 was late enough for a call."""
    url = f"sqlite:///{tmp_path}/live.db"
    live(root, url)
    moot = {touch.account for touch in told(root, url).outcome.touches if touch.moot}
    assert moot == {"a9"}


# -- in the terminal -----------------------------------------------------------------------------------------


def test_a_revision_of_git_is_compared_with_the_folder_as_it_is(root: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    changed(root, shop, "event.days_late >= 2", "event.days_late >= 3")
    git = ["git", "-C", str(shop), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "as it was"]):
        subprocess.run([*git, *command], check=True)
    (shop / "playbooks" / "late-delivery.yaml").write_text("broken", encoding="utf-8")
    with rules_at("HEAD", shop) as before:
        assert "days_late >= 3" in (before / "playbooks" / "late-delivery.yaml").read_text(encoding="utf-8")
        kept = before
    assert not kept.exists()
    with rules_at(str(shop), tmp_path) as now:
        assert now == shop
    for wrong in ("no-such-revision", "--output=/tmp/x"):
        with (
            pytest.raises(Refused, match="neither a folder with playbooks nor a revision of git"),
            rules_at(wrong, shop),
        ):
            pass


def test_the_commands_say_what_they_found_and_end_with_it(
    root: Path, lived: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stricter = changed(root, tmp_path / "new", "event.days_late >= 2", "event.days_late >= 4")
    monkeypatch.setenv("OUTREACH_DATABASE_URL", lived)
    monkeypatch.setenv("OUTREACH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTREACH_ROOT", str(root))
    run = CliRunner().invoke
    days = ["--days", "3650", "--workers", "1"]
    report = run(
        outreach,
        ["backtest", str(root), *days, "--csv", str(tmp_path / "x.csv"), "--html", str(tmp_path / "x.html")],
    )
    assert report.exit_code == 0 and "By playbook" in report.output and (tmp_path / "x.html").exists(), (
        report.output
    )
    assert json.loads(run(outreach, ["backtest", str(root), *days, "--json"]).output)["totals"]["call"] > 0
    same = run(outreach, ["diff", str(root), str(root), *days, "--at-most", "0"])
    assert (same.exit_code, same.output) == (0, "Nothing changes for anybody.\n")
    page = tmp_path / "diff.html"
    less = run(
        outreach,
        ["diff", str(root), str(stricter), *days, "--at-most", "5", "--accounts", "--html", str(page)],
        standalone_mode=False,
    )
    said = page.read_text(encoding="utf-8")
    assert "<script" not in said and "calls a week</summary><p>a" in said
    assert less.return_value == 1 and "calls a week" in less.output and "    a" in less.output
    far = run(outreach, ["diff", str(root), str(root), *days, "--progress", "json"])
    lines = [json.loads(line) for line in far.stderr.splitlines()]
    assert [line["phase"] for line in lines if line["done"] == 0] == ["before", "after"]
    assert lines[-1] == {"phase": "after", "done": len(history()), "of": len(history())}
    monkeypatch.setenv("OUTREACH_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(Refused, match="No history is stored here"):
        run(outreach, ["backtest", str(root)], standalone_mode=False, catch_exceptions=False)
