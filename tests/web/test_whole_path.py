"""From an idea that fails to a published change, by somebody in operations: with pages alone, and with a terminal alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.store.schema import upgrade
from tests.support.axe import axe_violations
from tests.web.scenes import busy_day
from tests.web.test_browser import sign_in
from tests.web.world import StandingClock, World, serving, world

FILE = "playbooks/late-delivery.yaml"
STORIES = "playbooks/stories/late-delivery.yaml"
CALL = '{call: anna, by: "Thu 16:00", because: late-delivery, brief: late-delivery/call.md}'
"""What the story of two days expects, and what the idea does away with."""
SLOW = 120_000
"""Milliseconds that a try-out may take where much else runs."""


def rules_under_git(root: Path, into: Path) -> Path:
    for folder in ("playbooks", "templates"):
        shutil.copytree(root / folder, into / folder)
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "as it was"],
    ):
        subprocess.run(["git", "-C", str(into), *words], check=True)
    return into


def git(rules: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(rules), *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def running(tmp_path: Path, root: Path) -> Iterator[tuple[World, str]]:
    """A busy day's house of today (commands have no other clock) with a folder of its own, and its address."""
    upgrade(f"sqlite:///{tmp_path / 'var' / 'outreach.db'}")  # commands want a database with a history
    made = world(
        tmp_path, rules_under_git(root, tmp_path / "rules"), csrf=True, clock=StandingClock(datetime.now(UTC))
    )
    busy_day(made)
    with serving(made) as address:
        yield made, address


def replace_in_editor(page: Any, before: str, after: str) -> None:
    text = page.input_value("#text")
    assert before in text
    page.fill("#text", text.replace(before, after, 1))


def tried(page: Any, base: str, button: str) -> str:
    """What a try-out of the draft says once it is done."""
    page.goto(f"{base}/ops/playbooks/late-delivery/draft")
    page.click(f"text={button}")
    page.wait_for_url("**/ops/tryouts/*")
    page.wait_for_selector("[data-tryout]", state="detached", timeout=SLOW)
    assert axe_violations(page) == []
    said: str = page.inner_text("main")
    return said


def test_with_pages_alone(browser_page: Any, running: tuple[World, str]) -> None:
    page, (here, _) = browser_page, running
    page.set_default_timeout(SLOW)
    base = sign_in(page, running, "otto", "ops")
    page.click("nav >> text=Ops")
    page.click("nav.tabs >> text=Playbooks")
    page.click("h2 >> text=late-delivery")
    page.click("text=Edit a draft")

    # A slip of the pen is marked beside its line, while one types.
    replace_in_editor(page, "event.days_late >= 2", "event.days_lat >= 4")
    page.wait_for_selector(".code-line.is-faulty")
    assert "did you mean days_late?" in page.inner_text("#faults")
    replace_in_editor(page, "event.days_lat >= 4", "event.days_late >= 4")
    page.wait_for_selector("#faults >> text=No faults.")
    page.click("text=Keep the draft")
    page.wait_for_selector("text=The draft is kept.")

    # The idea fails: a story expects something else. What is expected now is written into it.
    assert "1 not as told" in tried(page, base, "Tell its stories")
    page.goto(f"{base}/ops/playbooks/late-delivery/draft?file={STORIES}")
    replace_in_editor(page, CALL, "nothing")
    page.click("text=Keep the draft")
    assert "all as told" in tried(page, base, "Tell its stories")

    # One account, what if.
    page.goto(f"{base}/ops/playbooks/late-delivery/draft")
    page.click("text=One account")
    page.fill("#account", "a2")
    page.fill("#what_if", "delivery.delayed order_id=o-77 person_id=mara days_late=3")
    page.click("text=Let time go on")
    page.wait_for_selector("h2 >> text=a2")
    assert "late-delivery" in page.inner_text("main")

    # The stored history: what it would have done, and what would be different.
    assert "By playbook" in tried(page, base, "Backtest")
    with page.expect_popup() as report:
        page.click("text=The report with plots")
    report.value.wait_for_selector("svg")
    assert re.search(r"calls a week|no longer|never|starts", tried(page, base, "What would be different"))

    # Into the folder, with a reason; and for some of the accounts first.
    page.goto(f"{base}/ops/playbooks/late-delivery/draft")
    page.fill("#reason", "two days are too early for most")
    page.click("button:has-text('Save')")
    page.wait_for_selector("text=Saved 2 files as commit")
    rules = here.house.settings.root
    assert (
        git(rules, "log", "-1", "--format=%an: %s") == "Otto: late-delivery: two days are too early for most"
    )
    page.click("summary >> text=Change it")
    page.select_option("#new-state", "percent")
    page.fill("#percent", "100")
    page.fill("#why", "watching the first week")
    page.click("text=Change the state")
    page.wait_for_selector("text=late-delivery is now live for 100 %")

    # Customers feel it: three days are no call any more, five are.
    here.account("new", "Zum Goldenen Hirsch", person="nora")
    for order in ("n-0", "n-1", "n-2"):
        here.tell(
            "order.placed",
            "new",
            {"order_id": order, "amount": 100, "person_id": "nora"},
            ago=timedelta(days=9),
        )
    here.late("new", "nora", "n-1", 3)
    here.tick()
    assert "late-delivery" not in started(here, "new")
    here.late("new", "nora", "n-2", 5)
    here.tick()
    assert "late-delivery" in started(here, "new")

    # And back, with one click.
    page.goto(f"{base}/ops/playbooks/late-delivery#history")
    page.click("summary >> text=Back to what it was before")
    page.fill("#back-why", "the first week was bad")
    page.click("#history >> text=Take it back")
    page.wait_for_selector("text=Saved 2 files as commit")
    assert "days_late >= 2" in (rules / FILE).read_text()


def started(here: World, account: str) -> list[str]:
    with here.house.database.view() as unit:
        return [row[0] for row in unit.bulk.rows("select playbook from run where account = ?", account)]


class Terminal:
    """Commands as they are typed, in the folder of the rules."""

    def __init__(self, rules: Path, data: Path) -> None:
        self.rules = rules
        self.env = os.environ | {
            "OUTREACH_DATA_DIR": str(data),
            "OUTREACH_ROOT": str(rules),
            "LOGNAME": "otto",
        }

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "outreach", *words],
            cwd=self.rules,
            env=self.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def change(self, file: str, before: str, after: str) -> None:
        path = self.rules / file
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after, 1))


def test_with_a_terminal_alone(tmp_path: Path, root: Path) -> None:
    outreach = Terminal(rules_under_git(root, tmp_path / "rules"), tmp_path / "data")
    (tmp_path / "data").mkdir()
    upgrade(f"sqlite:///{tmp_path / 'data' / 'outreach.db'}")
    history = tmp_path / "history.jsonl"
    history.write_text("".join(json.dumps(line) + "\n" for line in _history(datetime.now(UTC))))
    outreach("import", str(history))

    # A slip of the pen, with its place and its remedy.
    outreach.change(FILE, "event.days_late >= 2", "event.days_lat >= 4")
    wrong = outreach("check", ".", code=1)
    assert f"{FILE}:8:" in wrong and "did you mean days_late?" in wrong
    outreach.change(FILE, "event.days_lat >= 4", "event.days_late >= 4")
    outreach("check", ".")

    # The idea fails, and the story is told anew.
    wrong = outreach("test", ".", "--playbook", "late-delivery", code=1)
    assert "- {call: anna" in wrong and "+ nothing" in wrong
    outreach.change(STORIES, CALL, "nothing")
    assert "0 not as told" in outreach("test", ".", "--playbook", "late-delivery")

    # One account, the history, and the difference.
    what_if = "delivery.delayed order_id=o-9 person_id=anna days_late=3"
    assert "a1" in outreach("simulate", "--what-if", what_if, "a1")
    report = tmp_path / "report.html"
    assert "late-delivery" in outreach("backtest", ".", "--html", str(report))
    assert "<svg" in report.read_text()
    told = outreach("diff", "HEAD", ".", "--accounts")
    assert "calls a week" in told and "a1" in told
    outreach("diff", "HEAD", ".", "--at-most", "10", code=1)

    # Published for some, told, and taken back.
    git(outreach.rules, "-c", "user.name=Otto", "-c", "user.email=o@house.example", "commit", "-qam", "later")
    outreach("publish", "late-delivery", "percent", "--percent", "10", "--reason", "one in ten first")
    assert "one in ten first" in outreach("publish", "late-delivery", "--history")
    outreach("publish", "late-delivery", "--back", "--reason", "it was fine as it was")
    assert "nothing to move" in outreach("runs", "move", "late-delivery")
    assert "late-delivery" in outreach("why", "a1")


def _history(now: datetime) -> Iterator[dict[str, Any]]:
    """Three accounts, of which two had something late within the last month: three days, and five."""

    def event(number: int, type_: str, subject: str, days_ago: float, **data: Any) -> dict[str, Any]:
        at = (now - timedelta(days=days_ago)).isoformat()
        return {
            "specversion": "1.0",
            "id": f"h{number}",
            "source": "shop",
            "type": type_,
            "subject": subject,
            "time": at,
            "data": data,
        }

    for number, name in enumerate(("anna", "bea", "cleo"), 1):
        account = f"a{number}"
        yield event(
            10 * number,
            "account.described",
            account,
            90,
            name=f"Grill {number}",
            owner="jonas",
            zone="Europe/Berlin",
            country="DE",
            kind="business",
        )
        yield event(10 * number + 1, "person.described", f"person:{name}", 90, name=name.title(), phone=f"+493012345{number}",
                    country="DE", zone="Europe/Berlin", accounts=[{"account": account, "roles": ["buyer"]}])  # fmt: skip
        yield event(10 * number + 2, "order.placed", account, 60, order_id=f"p{number}", amount=500)
        yield event(10 * number + 3, "order.placed", account, 30, order_id=f"o{number}", amount=500)
        if number < 3:
            yield event(
                10 * number + 4,
                "delivery.delayed",
                account,
                20,
                order_id=f"o{number}",
                days_late=1 + 2 * number,
                person_id=name,
            )
