"""Settings: defaults that run, all faults at once, no secret shown."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from outreach.domain.errors import Fault, Invalid
from outreach.settings import PREFIX, as_markdown, describe, kept_key, load_settings

ROOT = Path(__file__).resolve().parent.parent
KEY = "k3y-" + "abcdefghijklmnopqrstuvwxyz0123456789"


def load(cwd: Path, **given: str):  # type: ignore[no-untyped-def]
    return load_settings({PREFIX + name.upper(): text for name, text in given.items()}, cwd)


def faults_of(cwd: Path, **given: str) -> list[Fault]:
    with pytest.raises(Invalid) as caught:
        load(cwd, **given)
    return list(caught.value.faults)


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.data_dir == tmp_path / "var"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/outreach.db"
    assert settings.outbox_dir == tmp_path / "var" / "outbox"
    assert settings.root == ROOT
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (settings.threads, settings.tick_seconds, settings.batch_limit) == (16, 2.0, 1000)
    assert (settings.max_body, settings.max_batch_body) == (1 << 20, 8 << 20)
    assert (settings.log_format, settings.log_level) == ("text", "info")
    assert settings.rate_limits and not settings.cookie_secure
    assert (settings.rehearsal_to, settings.proxies) == ((), 0)
    assert not list(tmp_path.iterdir()), "loading settings writes nothing"


def test_a_folder_with_playbooks_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    assert load(tmp_path).root == tmp_path


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "1", 1), ("port", " 65535 ", 65535), ("threads", "64", 64), ("tick_seconds", "0.5", 0.5),
        ("max_body", "2048", 2048), ("max_body", "512 KiB", 512 * 1024), ("max_batch_body", "16mib", 16 << 20),
        ("log_format", "JSON", "json"), ("log_level", "Warning", "warning"), ("host", "0.0.0.0", "0.0.0.0"),
        ("host", "::1", "::1"), ("rate_limits", "off", False), ("cookie_secure", "yes", True), ("port", "", 8000),
        ("public_url", "https://o.example.com/", "https://o.example.com"),
        ("public_url", "https://example.com/outreach", "https://example.com/outreach"),
        ("database_url", "postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("database_url", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("database_url", "postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("database_url", "sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ("oidc_name", " Müller ID ", "Müller ID"), ("passwords", "on", True),
        ("rehearsal_to", "Me@Example.com, +4930123456", ("me@example.com", "+4930123456")),
    ],
)  # fmt: skip
def test_a_value_is_read(tmp_path: Path, name: str, text: str, value: object) -> None:
    assert getattr(load(tmp_path, **{name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "0"), ("port", "65536"), ("port", "80a"), ("port", "-1"), ("port", "²"), ("threads", "65"),
        ("threads", "0"), ("tick_seconds", "0"), ("tick_seconds", "nan"), ("max_body", "1 GB"), ("max_body", "12"),
        ("log_format", "xml"), ("log_level", "loud"), ("cookie_secure", "maybe"), ("host", "a b"),
        ("public_url", "outreach.example.com"), ("public_url", "ftp://x"), ("public_url", "https://"),
        ("public_url", "https://x/?a=b"), ("public_url", "https://u:p@x"), ("public_url", "http://[::1"),
        ("public_url", "http://x:99999"), ("database_url", "mysql://x"), ("database_url", "outreach.db"),
        ("secret_key", "short"), ("secret_key", "a" * 64), ("endpoint_key", "changeme"),
        ("oidc_issuer", "http://id.example.com"), ("oidc_issuer", "id.example.com"), ("oidc_issuer", "http://127.0.0.1.evil.example"),
        ("oidc_issuer", "https://id.example.com/?a=b"), ("oidc_issuer", "http://localhost.example"), ("passwords", "perhaps"),
        ("rehearsal_to", "me"), ("proxies", "9"), ("batch_limit", "100000"), ("root", "nowhere/at/all"),
        ("data_dir", "a\0b"),
    ],
)  # fmt: skip
def test_a_value_that_will_not_do_is_named_with_its_remedy(tmp_path: Path, name: str, text: str) -> None:
    (fault,) = faults_of(tmp_path, **{name: text})
    assert fault.file == "environment"
    assert PREFIX + name.upper() in fault.what
    assert fault.remedy


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OUTREACH_THREADS=many\n")
    faults = faults_of(tmp_path, port="x", log_level="loud", colour="red")
    assert len(faults) == 4


def test_a_misspelt_name_is_a_fault_with_a_suggestion(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, databse_url="sqlite:///x")
    assert "OUTREACH_DATABSE_URL" in fault.what
    assert "did you mean OUTREACH_DATABASE_URL" in fault.remedy


def test_other_names_and_those_of_the_test_suite_are_nobodys_business(tmp_path: Path) -> None:
    load_settings(
        {"PATH": "x", "OUTREACH_TEST_PROFILE": "ci", "OUTREACHX": "1", "outreach_port": "x"}, tmp_path
    )


# --- the company's own provider ---------------------------------------------------------------------

PROVIDER = {"oidc_issuer": "https://id.example.com/", "oidc_client_id": "outreach", "oidc_client_secret": "s"}


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example.com/realms/a",
        "http://127.0.0.1:9400",
        "http://localhost:9400",
        "http://[::1]:9400",
    ],
)
def test_a_provider_is_asked_by_https_or_on_this_machine(tmp_path: Path, issuer: str) -> None:
    settings = load(tmp_path, **{**PROVIDER, "oidc_issuer": issuer + "/"}, passwords="off")
    assert (settings.oidc_issuer, settings.oidc_name) == (issuer, "Company account")
    assert settings.passwords is False and "oidc_client_secret" not in repr(settings)


@pytest.mark.parametrize("left_out", PROVIDER)
def test_half_a_provider_is_a_fault_at_the_start(tmp_path: Path, left_out: str) -> None:
    faults = faults_of(tmp_path, **{**PROVIDER, left_out: " "})
    assert faults and all(f"{PREFIX}{left_out.upper()} is not" in fault.what for fault in faults)


def test_nobody_shuts_both_doors(tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, passwords="off", oidc_issuer="")
    assert "OUTREACH_OIDC_ISSUER" in fault.remedy


# --- .env -------------------------------------------------------------------------------------------


def test_the_env_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# ours\n\nOUTREACH_PORT=9000\nexport OUTREACH_HOST='0.0.0.0'\nOTHER=1\n"
        f'OUTREACH_SECRET_KEY="{KEY}$HOME"\nOUTREACH_THREADS=8\n'
    )
    settings = load(tmp_path, threads="4")
    assert (settings.port, settings.host, settings.threads) == (9000, "0.0.0.0", 4)
    assert settings.secret_key == f"{KEY}$HOME"


def test_a_fault_in_the_env_file_has_its_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\n\nOUTREACH_PORT=9000\n\n\nOUTREACH_THREADS=many\nOUTREACH_PROT=1\n"
    )
    assert sorted((fault.file, fault.line) for fault in faults_of(tmp_path)) == [
        (str(tmp_path / ".env"), 6),
        (str(tmp_path / ".env"), 7),
    ]


def test_lines_and_files_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OUTREACH_PORT='9000\n")
    assert [fault.line for fault in faults_of(tmp_path)] == [1]
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    assert faults_of(tmp_path)
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert faults_of(tmp_path)


# --- secrets ----------------------------------------------------------------------------------------


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = load(
        tmp_path, secret_key=KEY, endpoint_key=KEY + "2", database_url="postgresql://u:pa55w0rd@h/d",
        rehearsal_to="me@example.com",
    )  # fmt: skip
    assert (settings.secret_key, settings.endpoint_key) == (KEY, (KEY + "2").encode())
    shown = repr(settings) + str(settings)
    for secret in (KEY, "pa55w0rd", "me@example.com"):
        assert secret not in shown


@pytest.mark.parametrize(
    "name", [row.variable.removeprefix(PREFIX).lower() for row in describe() if row.secret]
)
def test_no_secret_is_in_a_fault(tmp_path: Path, name: str) -> None:
    (fault,) = faults_of(tmp_path, **{name: "hunter2:not-what-it-should-be"[:29]})
    assert "hunter2" not in str(fault)


def test_settings_are_frozen(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load(tmp_path).port = 1


# --- keys -------------------------------------------------------------------------------------------


def test_keys_are_made_once_and_kept_for_their_owner_only(tmp_path: Path) -> None:
    first, second = load(tmp_path), load(tmp_path)
    assert first.secret_key == second.secret_key
    assert first.endpoint_key == second.endpoint_key
    assert first.secret_key.encode() != first.endpoint_key
    for name in ("secret.key", "endpoint.key"):
        path = tmp_path / "var" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().strip()) >= 64
    assert sorted(os.listdir(tmp_path / "var")) == ["endpoint.key", "secret.key"]


def test_processes_that_start_together_agree_on_a_key(tmp_path: Path) -> None:
    start, keys = threading.Barrier(8), []

    def work() -> None:
        start.wait()
        keys.append(kept_key(tmp_path / "deep" / "secret.key"))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_truncated_key_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("abc\n")
    with pytest.raises(Invalid, match="backup"):
        kept_key(tmp_path / "secret.key")


# --- docs -------------------------------------------------------------------------------------------


def test_the_reference_is_what_the_program_reads() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "run: python -m outreach.settings > docs/settings.md"


def test_every_setting_is_described(tmp_path: Path) -> None:
    fields = {field.name.removeprefix("given_") for field in dataclasses.fields(load(tmp_path))}
    assert {row.variable for row in describe()} == {PREFIX + name.upper() for name in fields}


def test_the_reference_can_be_written() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "outreach.settings"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == as_markdown()


def test_without_arguments_this_processs_own_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTREACH_PORT", "8123")
    assert load_settings().port == 8123
