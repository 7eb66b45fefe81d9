"""In the terminal: what nobody knows is found and settled, providers go live and back, colleagues get numbers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outreach.channels.null import FaultySender
from outreach.cli.main import outreach
from outreach.domain.errors import Invalid, Refused
from outreach.domain.facts import Channel
from outreach.domain.touch import Status
from outreach.service import intake, sweep, switches
from tests.lab.houses import NOW, ROOT, house_in, line

Run = Callable[..., Result]
SMTP = {
    "OUTREACH_SMTP_HOST": "127.0.0.1",
    "OUTREACH_SMTP_SECURITY": "none",
    "OUTREACH_MAIL_FROM": "hello@house.example",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the house in the folder. Raises what broke."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "otto")

    def command(*words: str, input: str | None = None, **env: str) -> Result:
        given = {"OUTREACH_DATA_DIR": str(tmp_path / "data"), "OUTREACH_ROOT": str(ROOT), **SMTP, **env}
        done = CliRunner().invoke(outreach, words, env=given, input=input)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    assert command("migrate").exit_code == 0
    return command


def doubtful(folder: Path) -> str:
    """A touch of which nobody knows, in the house of the folder."""
    with_data = house_in(folder)
    sender = FaultySender(["unknown"])
    outside = replace(
        with_data.outside,
        senders={Channel.EMAIL: sender, Channel.SMS: sender},
        providers={Channel.EMAIL: "smtp", Channel.SMS: "smtp"},
    )
    with_data.database.retrying(lambda unit: unit.set_setting("live:smtp", "the test"))
    intake.take_in(outside, [
        line("account.described", "a1", NOW, "a1", name="Berlin Kitchens", owner="jonas", zone="Europe/Berlin", country="DE"),
        line("person.described", "person:anna", NOW, "p1", name="Anna Weber", email="anna@berlin-kitchens.example", phone="+4930555123",
             accounts=[{"account": "a1", "roles": ["buyer"]}]),
        line("callback.promised", "a1", NOW, "c1", callback_id="c1", person_id="anna", until="2026-03-04T12:00:00+01:00"),
    ], internal=True)  # fmt: skip
    sweep.tick(outside)
    with with_data.database.view() as unit:
        (found,) = unit.bulk.rows("select id, status, because from touch")
    assert found[1] == Status.UNKNOWN, found
    with_data.close()
    return str(found[0])


def test_nothing_in_doubt_is_exit_code_0(run: Run) -> None:
    assert (run("unknowns").exit_code, run("unknowns", "--look").exit_code) == (0, 0)
    assert json.loads(run("unknowns", "--json").stdout) == []


def test_what_nobody_knows_is_listed_shown_and_settled(run: Run, tmp_path: Path) -> None:
    touch = doubtful(tmp_path)
    listed = run("unknowns")
    assert listed.exit_code == 1 and touch in listed.stdout and "Berlin Kitchens" in listed.stdout
    (row,) = json.loads(run("unknowns", "--json").stdout)
    assert (row["touch"], row["account"]) == (touch, "a1")
    shown = run("unknowns", touch).stdout
    assert "+4930555123" in shown and "cannot be read from here" in shown
    evidence = json.loads(run("unknowns", touch, "--json").stdout)
    assert evidence["ours"]["provider"] == "smtp" and evidence["readable"] is False
    bare = run("unknowns", touch, "--was", "sent")
    assert bare.exit_code == 2 and "--reason" in bare.output
    assert (
        "Written down: sent."
        in run("unknowns", touch, "--was", "sent", "--reason", "it is in their log").stdout
    )
    assert run("unknowns").exit_code == 0


def test_what_is_not_in_doubt_has_no_evidence(run: Run) -> None:
    with pytest.raises(Exception, match="no such message"):
        run("unknowns", "nothing")


def test_going_live_and_back(run: Run, tmp_path: Path) -> None:
    assert run("go-live").exit_code == 2, "a reason is asked for"
    assert "Live, by smtp" in run("go-live", "--reason", "tried it", "--accept-strict").stdout
    assert is_live(tmp_path)
    assert "Rehearsing" in run("go-live", "--back", "--reason", "new templates").stdout
    assert not is_live(tmp_path)


def is_live(folder: Path) -> bool:
    here = house_in(folder)
    with here.database.view() as unit:
        found = switches.is_live(unit, "smtp")
    here.close()
    return found


def test_a_stopped_provider_is_used_again(run: Run, tmp_path: Path) -> None:
    here = house_in(tmp_path)
    here.database.retrying(lambda unit: switches.stop_provider(unit, "smtp", "the password is wrong", NOW))
    here.close()
    assert "smtp is stopped: the password is wrong" in run("doctor").stdout
    assert "used again" in run("resume", "smtp", "--reason", "new password").stdout
    assert "is stopped" not in run("doctor").stdout


def test_colleagues_get_a_number_and_keep_it(run: Run, tmp_path: Path) -> None:
    def add(*more: str) -> Any:
        return run("user", "add", "jonas", "--name", "Jonas Weber", "--email", "jonas@house.example", *more,
                   NEW_USER_PASSWORD="a long password")  # fmt: skip

    assert add("--phone", "030 555 00 01").exit_code == 0
    assert add().exit_code == 0
    here = house_in(tmp_path)
    with here.database.view() as unit:
        jonas = unit.user("jonas")
    here.close()
    assert jonas is not None and jonas.phone == "+49305550001"


def user_of(folder: Path, id_: str) -> Any:
    here = house_in(folder)
    with here.database.view() as unit:
        found = unit.user(id_)
    here.close()
    return found


def test_a_new_password_takes_nothing_else_away(run: Run, tmp_path: Path) -> None:
    def add(id_: str, email: str, *more: str) -> Result:
        return run(
            "user", "add", id_, "--name", id_, "--email", email, *more, NEW_USER_PASSWORD="a long password"
        )

    add("ruth", "ruth@house.example", "--role", "manager", "--zone", "Europe/Paris")
    run("user", "disable", "ruth")
    assert "is disabled" in add("ruth", "ruth@house.example").stdout
    ruth = user_of(tmp_path, "ruth")
    assert (ruth.role, ruth.zone, ruth.active) == ("manager", "Europe/Paris", False)
    taken = add("tarek", "Ruth@house.example")
    assert taken.exit_code == 2 and "ruth has the address" in taken.output
    with pytest.raises(Invalid, match="no e-mail address"):
        add("tarek", "bad")


def test_a_number_is_given_by_itself(run: Run, tmp_path: Path) -> None:
    run(
        "user",
        "add",
        "ruth",
        "--name",
        "Ruth",
        "--email",
        "r@house.example",
        NEW_USER_PASSWORD="a long password",
    )
    assert "+49305550001" in run("user", "phone", "ruth", "030 555 00 01").stdout
    assert user_of(tmp_path, "ruth").phone == "+49305550001"
    assert "did you mean ruth?" in run("user", "phone", "rut", "030 555 00 01").output


def test_words_without_an_object_are_told_so(run: Run) -> None:
    for words, told in (
        (("token", "revoke", "nosuch"), "no token nosuch"),
        (("unknowns", "--was", "sent", "--reason", "x"), "name the TOUCH"),
        (("publish", "late-delivery", "percent", "--reason", "x"), "--percent"),
        (("publish", "late-delivery", "live", "--percent", "5", "--reason", "x"), "--percent"),
    ):
        done = run(*words)
        assert done.exit_code == 2 and told in done.output, words
    with pytest.raises(Refused, match="There is no way smpt"):
        run("resume", "smpt", "--reason", "x")
    with pytest.raises(Refused, match="No provider is set up"):
        run("go-live", "--back", "--reason", "x", OUTREACH_SMTP_HOST="")


def test_looking_says_what_it_saw(run: Run, tmp_path: Path) -> None:
    doubtful(tmp_path)
    assert "0 found, 0 not found, 0 not reached, 1 without a listing" in run("unknowns", "--look").stdout


@pytest.mark.parametrize(("words", "code"), [(("doctor",), 1), (("token", "list"), 0), (("nosuch",), 2)])
def test_the_process_ends_with_the_code(run: Run, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    """The runner above reads it elsewhere than a shell does."""
    env = os.environ | {"OUTREACH_DATA_DIR": str(tmp_path / "data"), "OUTREACH_ROOT": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "outreach", *words], env=env, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr


def test_addresses_for_copies_need_a_domain_that_takes_mail_in(run: Run) -> None:
    run("user", "add", "jonas", "--name", "Jonas Weber", "--email", "jonas@house.example",
        NEW_USER_PASSWORD="a long password")  # fmt: skip
    assert "OUTREACH_REPLY_DOMAIN" in run("user", "list", "--addresses").output
    *_, row = run("user", "list", "--addresses", OUTREACH_REPLY_DOMAIN="in.house.example").stdout.splitlines()
    assert row.startswith("jonas ") and row.endswith("@in.house.example")


def test_an_invitation_is_an_address_that_is_good_once(run: Run, tmp_path: Path) -> None:
    said = run("user", "invite", "ada", "--name", "Ada", "--email", "ada@house.example", "--role", "admin")
    assert said.exit_code == 0 and re.search(r"http://127\.0\.0\.1:8000/welcome/[\w-]{43}\n", said.stdout)
    ada = user_of(tmp_path, "ada")
    assert (ada.role, ada.active, ada.password_hash) == ("admin", True, "")
    taken = run("user", "invite", "eve", "--name", "Eve", "--email", "ada@house.example")
    assert taken.exit_code == 2 and "ada has the address" in taken.output


def test_a_binding_is_loosened_for_one_or_for_all(run: Run, tmp_path: Path) -> None:
    for id_ in ("ada", "ruth", "tarek"):
        run("user", "invite", id_, "--name", id_.title(), "--email", f"{id_}@house.example")
    here = house_in(tmp_path)
    with here.database.unit() as unit:
        assert all(unit.bind_user(id_, "https://id.example", id_) for id_ in ("ada", "ruth"))
    here.close()
    run("user", "invite", "ada", "--name", "Ada B.", "--email", "ada.b@house.example")
    assert user_of(tmp_path, "ada").subject == "ada", "an invitation changes no binding"
    assert [row["bound"] for row in json.loads(run("user", "list", "--json").stdout)] == [True, True, False]
    assert run("user", "list").stdout.count("(bound)") == 2
    said = run("user", "unbind", "ada", "tarek").stdout
    assert "ada is bound to nobody any more." in said and "tarek was not bound." in said
    assert user_of(tmp_path, "ada").subject is None
    assert "user.unbound" in run("audit", "list", "--subject", "user/ada").stdout
    assert run("user", "unbind", "--all").stdout == "ruth is bound to nobody any more.\n"
    assert run("user", "unbind").exit_code == run("user", "unbind", "ada", "--all").exit_code == 2
    assert "did you mean ruth?" in run("user", "unbind", "rut").output
