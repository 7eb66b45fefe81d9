"""As a person at a terminal has it: eighty columns, one clock, names that were mistyped, readers that have gone."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from outreach.cli.common import answer
from outreach.cli.main import COMMANDS, main, outreach
from outreach.lab import terminal
from outreach.service import intake
from tests.cli.test_seeing_to import let_down
from tests.cli.test_sending import Run, doubtful, run
from tests.lab.houses import NOW, ROOT, house_in, line

__all__ = ["run"]
WIDTH = 80
READ_BY_PEOPLE = [
    "why a1", "why a1 --tree", "simulate a1", "simulate a1 --tree", "holds list", "runs list", "owed --all",
    "unknowns", "quarantine list", "incidents", "publish", "publish late-delivery --history", "audit list",
    "user list", "token list", "doctor",
]  # fmt: skip
WITH_TIMES = ["why a1", "simulate a1", "holds list", "runs list", "owed --all", "unknowns", "quarantine list",
              "publish late-delivery --history", "audit list", "token list"]  # fmt: skip
ZONE = "Times are those of Europe/Berlin."
LONG = "Hotel- und Gasthofbetriebe zum Goldenen Ochsen an der alten Landstraße 株式会社"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house in which every list has something to say, and some of it is long."""
    folder = tmp_path_factory.mktemp("busy")
    assert command(folder, "migrate").exit_code == 0
    doubtful(folder)
    let_down(folder)
    here = house_in(folder)
    intake.take_in(here.outside, [
        line("account.described", "a9", NOW, "a9", name=LONG, owner="jonas", zone="Europe/Berlin", country="DE"),
        line("delivery.lost", "a9", NOW, "l9", order_id="o9", carrier="Nordfracht"),
    ], internal=True)  # fmt: skip
    here.close()
    reason = f"{LONG} asked for it, and we were glad to hear of it"
    for words in (
        ("user", "invite", "ada", "--name", LONG, "--email", "ada@house.example"),
        ("token", "add", "erp", "--days", "30"),
        ("publish", "late-delivery", "paused", "--reason", reason),
        ("stop-all", "--reason", reason),
    ):
        assert command(folder, *words).exit_code == 0, words
    return folder


def command(folder: Path, *words: str, **env: str) -> Result:
    given = {"OUTREACH_DATA_DIR": str(folder / "data"), "OUTREACH_ROOT": str(ROOT), "LOGNAME": "otto", **env}
    return CliRunner().invoke(outreach, words, env=given, catch_exceptions=False)


@pytest.fixture
def busy(made: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Only looks: the house is everybody's."""
    monkeypatch.chdir(made)
    return partial(command, made)


@pytest.mark.parametrize("words", READ_BY_PEOPLE)
def test_no_line_is_wider_than_the_terminal(busy: Run, words: str) -> None:
    said = busy(*words.split(), COLUMNS=str(WIDTH)).output
    assert said.strip()
    assert [each for each in said.splitlines() if cell_len(each) > WIDTH] == []
    assert [each for each in said.splitlines() if each != each.rstrip()] == [], "nothing is padded"


@pytest.mark.parametrize("words", WITH_TIMES)
def test_people_read_the_companys_clock_and_it_is_named_once(busy: Run, words: str) -> None:
    said = busy(*words.split()).output
    assert said.count(ZONE) == 1 and re.search(r"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d", said)
    assert not re.search(r"UTC|\d\d:\d\dZ|\d{4}-\d\d-\d\d \d\d:\d\d", said)


@pytest.mark.parametrize("words", [each for each in WITH_TIMES if "owed" not in each])
def test_programs_get_utc(busy: Run, words: str) -> None:
    said = busy(*words.split(), "--json").stdout
    times = [each for each in strings(json.loads(said)) if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", each)]
    assert times and ZONE not in said
    assert {datetime.fromisoformat(each).utcoffset() for each in times} == {UTC.utcoffset(None)}


def strings(tree: object) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for each in tree.values():
            yield from strings(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from strings(each)


def test_the_clock_is_not_named_where_no_time_is_told(run: Run) -> None:
    for words in (
        "holds list",
        "runs list",
        "audit list",
        "unknowns",
        "owed",
        "incidents",
        "publish --asked",
    ):
        assert "Times are" not in run(*words.split()).output


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("holds list --account Q", "There is no account Q."),
        ("holds list --account a1 --account A2", "There is no account A2; did you mean a2?"),
        ("holds list --playbook late-delivry", "There is no playbook late-delivry; did you mean late-delivery?"),
        ("runs list --account A3", "There is no account A3; did you mean a3?"),
        ("runs list --playbook late", "There is no playbook late; did you mean late-delivery?"),
        ("runs move late", "There is no playbook late; did you mean late-delivery?"),
        ("runs move late-delivery --account A1", "There is no account A1; did you mean a1?"),
        ("publish late --history", "There is no playbook late; did you mean late-delivery?"),
        ("why A1", "There is no account A1; did you mean a1?"),
        ("why a1 --playbook late", "There is no playbook late; did you mean late-delivery?"),
        ("simulate A1", "There is no account A1; did you mean a1?"),
        ("audit list --who adda", "There is no colleague adda; did you mean ada?"),
        ("user disable adda", "there is no user adda; did you mean ada?"),
        ("token revoke erpp", "no token erpp is in use; did you mean erp?"),
        ("export annna", "There is no person annna; did you mean anna?"),
        ("erase annna --reason x --yes", "There is no person annna; did you mean anna?"),
        (f"test {ROOT} --playbook late", "did you mean late-delivery?"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_is_told(busy: Run, typed: Typed, words: str, told: str) -> None:
    code, out, err = typed(words)
    assert (code, out) == (2, "") and told in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("holds list --account a1 --purpose winback", "Nothing is held back."),
        ("holds list --playbook win-back", "Nothing is held back."),
        ("runs list --playbook win-back", "No run is under way."),
        ("runs move win-back", "there is nothing to move."),
        ("publish win-back --history", "Nobody has changed win-back"),
        ("audit list --who ada", "Nothing of that."),
        ("audit list --subject nosuch", "Nothing of that."),
    ],
)
def test_a_known_name_with_nothing_is_no_mistake(busy: Run, words: str, told: str) -> None:
    done = busy(*words.split())
    assert done.exit_code == 0 and told in done.output


def test_whoever_has_done_something_need_not_be_a_colleague(busy: Run) -> None:
    """The shell's user is none of those who sign in."""
    assert "playbook/late-delivery" in busy("audit", "list", "--who", "otto").output


# -- how it ends -----------------------------------------------------------------------------------------

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """A line as a shell has it: exit code, what was said, and what was complained of."""

    def line_(words: str, **env: str) -> tuple[int, str, str]:
        given = {"OUTREACH_DATA_DIR": str(made / "data"), "OUTREACH_ROOT": str(ROOT), **env}
        capsys.readouterr()
        with monkeypatch.context() as for_now:
            for name, value in given.items():
                for_now.setenv(name, value)
            for_now.setattr(sys, "argv", ["outreach", *words.split()])
            with pytest.raises(SystemExit) as end:
                main()
        return int(str(end.value.code)), *capsys.readouterr()

    return line_


def test_what_cannot_be_opened_is_named_without_a_traceback(typed: Typed, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "outreach.db").write_bytes(b"this is no database, it is a text that somebody put there" * 40)
    for words, env, told in (
        ("why a1", {"OUTREACH_DATA_DIR": str(odd)}, "the database cannot be read: file is not a database"),
        (f"owed --store {odd / 'outreach.db'}", {}, "the database cannot be read: file is not a database"),
        ("why a1", {"OUTREACH_DATA_DIR": str(odd / "outreach.db" / "x")}, "Not a directory"),
        (
            "why a1",
            {"OUTREACH_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"},
            "the database did not do it",
        ),
        ("user invite x --name X --email x@x.example --zone Mars/Base", {}, "is not a time zone"),
        ("user invite x --name= --email x@x.example", {}, "write the name"),
        ("export a1 --to a1.txt", {}, "ends in .html or .json"),
        ("export a1 --to nosuch/a1.html", {}, "there is no folder nosuch"),
    ):
        code, _, err = typed(words, COLUMNS=str(WIDTH), **env)
        assert code == 2 and told in " ".join(err.split()), (words, err)
        assert all(len(each) <= WIDTH for each in err.splitlines())


def test_the_end_of_what_was_to_be_answered_is_no_yes(
    busy: Run, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = typed("erase anna --reason x")
    assert code == 130 and err.endswith("Stopped.\n")
    assert "Anna Weber" in busy("export", "anna").output


def process(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    env = os.environ | {"OUTREACH_DATA_DIR": str(folder / "data"), "OUTREACH_ROOT": str(ROOT)}
    whole = [sys.executable, "-m", "outreach", *words]
    return subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=ROOT)


@pytest.mark.parametrize("words", ["publish", "schema", "audit list --json"])
def test_a_reader_that_has_gone_ends_it_quietly(made: Path, words: str) -> None:
    """``outreach … | head``: neither "found something" nor a traceback."""
    with process(made, *words.split()) as it:
        assert it.stdout is not None and it.stderr is not None
        it.stdout.close()
        assert (it.stderr.read(), it.wait()) == (b"", 141)


def test_ctrl_c_ends_it_quietly(made: Path, tmp_path: Path) -> None:
    """In the middle of its work: it has begun to read, and what it reads does not come."""
    history = tmp_path / "history.jsonl"
    os.mkfifo(history)
    with process(made, "import", str(history)) as it:
        assert it.stdout is not None and it.stderr is not None
        with history.open("wb"):  # waits until it is opened at the other end
            it.send_signal(signal.SIGINT)
            assert (it.stderr.read(), it.wait()) == (b"\nStopped.\n", 130)


@pytest.mark.parametrize("group", ["", "user", "token", "audit", "runs", "holds", "quarantine"])
def test_help_says_whole_sentences(run: Run, group: str) -> None:
    listed = run(*group.split(), "--help").output.partition("Commands:")[2]
    assert listed and "..." not in listed


def test_help_names_every_command(run: Run) -> None:
    said = run("--help").output
    assert set(COMMANDS) <= set(re.findall(r"^  ([a-z-]+)", said, re.MULTILINE))


# -- the parts -------------------------------------------------------------------------------------------


def test_a_tree_keeps_its_indent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal.say_lines(
        [
            "✓ it holds",
            "  ✗ but this does not, and it is long enough",
            "2 Mar 2026 09:00   · a call that is rather long",
        ]
    )
    assert capsys.readouterr().out.splitlines() == [
        "✓ it holds",
        "  ✗ but this does not, and it is long",
        "    enough",
        "2 Mar 2026 09:00   · a call that is",
        "                     rather long",
    ]


def test_a_file_gets_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(terminal, "get_terminal_size", lambda fallback: os.terminal_size(fallback))
    terminal.say("word " * 40)
    assert {len(each) for each in capsys.readouterr().out.splitlines()[:-1]} == {79}


def test_of_a_list_the_last_column_is_wrapped_and_nothing_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal.say_list(("id", "why"), [("01m8k1xhmj3tvy9a3", "they asked [for] it on the phone")])
    assert capsys.readouterr().out.splitlines()[2:] == [
        "01m8k1xhmj3tvy9a3  they asked [for] it",
        "                   on the phone",
    ]
    terminal.say_list(("id", "why"), [("x" * 60, "y" * 60)])
    told = capsys.readouterr().out
    assert (told.count("x"), told.count("y") - "why".count("y")) == (60, 60)


def test_for_programs_every_time_is_turned_to_utc(capsys: pytest.CaptureFixture[str]) -> None:
    answer({"at": datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Europe/Berlin"))})
    assert json.loads(capsys.readouterr().out) == {"at": "2026-03-02T08:00:00+00:00"}
    with pytest.raises(TypeError):
        answer({"at": datetime(2026, 3, 2, 9)})  # noqa: DTZ001
