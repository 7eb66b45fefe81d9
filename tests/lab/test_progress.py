"""How far it is, for a page that started it: lines of JSON on stderr, and nothing else there."""

from __future__ import annotations

import json

import pytest

from outreach.lab import progress as how_far
from outreach.lab.progress import progress


def test_the_first_and_the_last_are_always_told_and_the_rest_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(n * how_far.EVERY / 10 for n in range(1_000))
    monkeypatch.setattr(how_far.time, "monotonic", lambda: next(seconds))
    with progress("json", "before") as shown:
        for done in range(101):
            shown(done, 100)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == {"phase": "before", "done": 0, "of": 100}
    assert lines[-1] == {"phase": "before", "done": 100, "of": 100}
    assert 5 < len(lines) < 20


def test_without_a_terminal_nothing_is_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("auto", "none"):
        with progress(kind) as shown:
            shown(1, 2)
    assert capsys.readouterr() == ("", "")
