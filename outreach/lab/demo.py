"""A small company with a year behind it, made for the hour it is looked at, and ready to be used.

The year is played through the services on a virtual clock, with account managers who do their work; then
the real clock takes over. Everything lies in one folder and touches nothing outside it: ``var/demo``, or the folder
that OUTREACH_DATA_DIR of the environment names, if that is empty or a demo's. What a house works with is never touched.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import click
import orjson

from outreach.assemble import SystemClock, TimeOrderedIds, keyed_hash, make_outside
from outreach.channels.null import RecordingSender
from outreach.clockwork import Child, clock_command, stop_on_signals, supervise, web_command
from outreach.domain.errors import Refused
from outreach.domain.evaluate import Ruleset
from outreach.domain.facts import Channel
from outreach.lab.colleagues import Colleagues
from outreach.lab.company_maker import HOMES, YEAR, Arrival, make_year
from outreach.lab.company_scenes import Scenes
from outreach.lab.player import Player
from outreach.lab.scratch import Scratch, VirtualClock
from outreach.lab.terminal import say
from outreach.library.loader import load
from outreach.logs import set_up_logs
from outreach.service.ports import Unit
from outreach.service.ports_records import ApiToken, User
from outreach.settings import Settings, describe, load_settings
from outreach.store.engine import open_database
from outreach.store.schema import upgrade
from outreach.web.auth import SCOPES, hash_password, hash_token, new_token

FOLDER = Path("var") / "demo"
FIRST_PORT, PORTS_TRIED = 8000, 50
OLD = timedelta(hours=20)
"""After that "yesterday" is no longer true of the stories on the desk."""
_LOGINS = "logins.json"
_SIGN = "a-demo.txt"
"""Stands in every folder of a demo, from before there is anything else in it."""

STAFF = (
    ("jonas", "Jonas Lindner", "am", "Europe/Berlin"),
    ("miriam", "Miriam Falk", "am", "Europe/Berlin"),
    ("tarek", "Tarek Aydin", "am", "Europe/Berlin"),
    ("grace", "Grace Holloway", "am", "America/New_York"),
    ("luis", "Luis Ortega", "am", "America/New_York"),
    ("ruth", "Ruth Steiner", "manager", "Europe/Berlin"),
    ("dana", "Dana Whitfield", "manager", "America/New_York"),
    ("helen", "Helen Marsh", "manager", "Europe/Berlin"),
    ("olga", "Olga Petrova", "ops", "Europe/Berlin"),
)


@dataclass(frozen=True)
class Ready:
    """What is printed once the demo stands."""

    made_at: str
    passwords: Mapping[str, str]
    """E-mail → password."""
    token: str
    account: str
    """One with nothing open, for a first event."""


def run_demo(fresh: bool = False, port: int | None = None, prepare_only: bool = False) -> None:
    """The command. Makes the data unless there are some, then serves until stopped."""
    folder = _folder(os.environ.get("OUTREACH_DATA_DIR", "").strip())
    settings = _settings(folder, port or FIRST_PORT)
    set_up_logs(settings.log_format, settings.log_level)
    if fresh:
        shutil.rmtree(settings.data_dir, ignore_errors=True)
    ready = _found(settings.data_dir) or _make(settings)
    _say(ready, settings)
    if not prepare_only:
        _serve(settings)


def _folder(asked: str) -> Path:
    """Where the demo lies. Raises Refused for one in which anything else lies: ``--fresh`` would throw that away."""
    if not asked:
        return Path.cwd() / FOLDER
    folder = Path(asked).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise Refused(f"OUTREACH_DATA_DIR is {folder}, which is no folder.")
    ours = folder.resolve() == (Path.cwd() / FOLDER).resolve() or any(
        (folder / sign).exists() for sign in (_SIGN, _LOGINS)
    )
    if not ours and folder.is_dir() and any(folder.iterdir()):
        raise Refused(
            f"OUTREACH_DATA_DIR is {folder}, and what lies there is no demo: it is left alone. Name an empty folder,"
            f" or leave the setting out to have the demo in {FOLDER}."
        )
    return folder


def _settings(folder: Path, port: int) -> Settings:
    """Only what is ours counts: no database, key or provider of ``.env`` or the environment."""
    found = _free_port(port)
    if found != port:
        say(f"Port {port} is taken; {found} is free and used instead.")
    ours = {
        "OUTREACH_DATA_DIR": str(folder),
        "OUTREACH_PORT": str(found),
        "OUTREACH_ALERT_SERVICES": "none",  # nobody's phone rings about made-up customers
    }
    kept = ("OUTREACH_ROOT", "OUTREACH_HOST", "OUTREACH_LOG_FORMAT", "OUTREACH_LOG_LEVEL")
    for row in describe():
        if row.variable not in kept:
            os.environ[row.variable] = ours.get(row.variable, "")
    return load_settings()


def _free_port(port: int) -> int:
    for candidate in range(port, port + PORTS_TRIED):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return candidate
    raise Refused(f"No port from {port} to {port + PORTS_TRIED - 1} is free; name another with --port.")


# -- making it -----------------------------------------------------------------------------------------


def _found(folder: Path) -> Ready | None:
    """The demo that is there; None when there is none, or it was broken off while it was made."""
    try:
        ready = Ready(**orjson.loads((folder / _LOGINS).read_bytes()))
    except (FileNotFoundError, TypeError, ValueError):
        return None
    if not (folder / "outreach.db").exists():
        return None
    age = SystemClock().now() - datetime.fromisoformat(ready.made_at)
    if age > OLD:
        hours = age / timedelta(hours=1)
        say(f"This demo is {hours:.0f} hours old and its desk with it; --fresh makes a new one.")
    return ready


def _make(settings: Settings) -> Ready:
    started = time.monotonic()
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _SIGN).write_text("outreach demo --fresh throws this folder away and makes a new one.\n")
    told = _line_on_terminal()
    ready = prepare(settings, load(settings.root), SystemClock().now(), told=told)
    _write_private(folder / _LOGINS, orjson.dumps(ready.__dict__, option=orjson.OPT_INDENT_2))
    told("")
    say(f"A year of Hearth & Home was made in {time.monotonic() - started:.0f} s.")
    return ready


def _line_on_terminal() -> Callable[[str], None]:
    def show(text: str) -> None:
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()

    return show if sys.stderr.isatty() else lambda text: None


def _write_private(path: Path, content: bytes) -> None:
    """Readable by nobody else, from the first byte."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def prepare(
    settings: Settings,
    rules: Ruleset,
    now: datetime,
    *,
    seed: int = 7,
    homes: int = HOMES,
    told: Callable[[str], None] = lambda text: None,
) -> Ready:
    """Make the demo's database as of ``now``. It appears under its name only when it is whole."""
    target = settings.data_dir / "outreach.db"
    part = target.with_name("outreach.db.part")
    for old in (
        part,
        target,
        *(target.with_name(target.name + tail) for tail in ("-wal", "-shm", "-journal")),
    ):
        old.unlink(missing_ok=True)
    house = _stage(settings, f"sqlite:///{part}", rules, now - YEAR)
    try:
        with ThreadPoolExecutor(1) as beside:  # hashing takes a while and leaves the interpreter free
            users = beside.submit(_users)
            account = _play(house, now, seed, homes, told)
            passwords = _let_in(house, *users.result())
        token = _token(house)
    finally:
        house.database.close()
    part.replace(target)
    return Ready(now.isoformat(), passwords, token, account)


def _stage(settings: Settings, url: str, rules: Ruleset, start: datetime) -> Scratch:
    """A house on a virtual clock over the demo's own database and keys."""
    upgrade(url)
    hashed = keyed_hash(settings.endpoint_key)
    database = open_database(url, endpoint_hash=hashed, durable=False, journal_mode="delete")
    clock, sender = VirtualClock(start), RecordingSender()
    senders = {Channel.EMAIL: sender, Channel.SMS: sender}
    outside = make_outside(database, lambda: rules, clock, TimeOrderedIds(), senders, hashed)
    return Scratch(outside, clock, database, sender)


def _play(house: Scratch, now: datetime, seed: int, homes: int, told: Callable[[str], None]) -> str:
    """The year up to now; gives an account with nothing open."""
    _hire(house)
    year = make_year(now, seed, homes)
    scenes = Scenes(now, year.casting).all()
    player = Player(house, lambda at, events: told(f"making a year: {at:%B %Y}, {events:,} events"))
    for at, act in scenes.doings:
        player.plan(at, partial(act, house))
    Colleagues(house, player, Random(seed), now, scenes.accounts).come_to_work()
    arrivals: list[Arrival] = sorted(year.arrivals + scenes.arrivals, key=lambda arrival: arrival.at)
    player.play(arrivals, now)
    return scenes.ready


def _hire(house: Scratch) -> None:
    """Names first: mails leave in them. The passwords follow."""
    for id_, name, role, zone in STAFF:
        user = User(id_, name, f"{id_}@hearth-home.example", "", role, None, zone)
        house.database.retrying(partial(_save_user, user=user))


def _users() -> tuple[list[User], dict[str, str]]:
    """Everybody with a password of their own, hashed; and the passwords by e-mail."""
    users, passwords = [], {}
    for id_, name, role, zone in STAFF:
        password, email = secrets.token_urlsafe(9), f"{id_}@hearth-home.example"
        passwords[email] = password
        users.append(User(id_, name, email, hash_password(password), role, None, zone))
    return users, passwords


def _let_in(house: Scratch, users: Iterable[User], passwords: dict[str, str]) -> dict[str, str]:
    for user in users:
        house.database.retrying(partial(_save_user, user=user))
    return passwords


def _save_user(unit: Unit, user: User) -> None:
    unit.save_user(user)


def _token(house: Scratch) -> str:
    token = new_token(house.outside)
    kept = ApiToken(hash_token(token), "demo", tuple(SCOPES), house.now)
    house.database.retrying(lambda unit: unit.save_token(kept))
    return token


# -- telling and serving -----------------------------------------------------------------------------------


def _say(ready: Ready, settings: Settings) -> None:
    address = f"http://{settings.host}:{settings.port}"
    click.echo(f"\n  {address}\n\nSign in as")
    for id_, name, role, _ in STAFF:
        email = f"{id_}@hearth-home.example"
        click.echo(f"  {email:28} {ready.passwords[email]:18} {name}, {_ROLES[role]}")
    click.echo(
        f"\nToken for other systems\n  {ready.token}\n\nLet a customer down, and see the card appear:\n"
    )
    click.echo(first_event(ready, address))
    say(f"\n(All of it is kept in {settings.data_dir / _LOGINS}.)")
    click.echo("\nTo ask the demo in another terminal\n")
    click.echo(f"  export OUTREACH_DATA_DIR={shlex.quote(str(settings.data_dir))}\n")


_ROLES = {"am": "account manager", "manager": "manager", "ops": "ops"}


def first_event(ready: Ready, address: str) -> str:
    """A shell line that can be pasted again and again: each time another order is late."""
    return (
        f"curl -sS {address}/v1/events -H 'Authorization: Bearer {ready.token}' \\\n"
        '  -H \'Content-Type: application/cloudevents+json\' -d \'{"specversion": "1.0", "source": "erp", '
        '"type": "delivery.delayed",\n'
        f'  "id": "try-\'$(date +%s)\'", "subject": "{ready.account}", '
        '"data": {"order_id": "try-\'$(date +%s)\'", "days_late": 3}}\''
    )


def _serve(settings: Settings) -> None:
    stop = threading.Event()
    stop_on_signals(stop)
    say("Serving; Ctrl-C stops it.")
    web = Child("web", web_command(settings.host, settings.port, settings.threads))
    supervise([web, Child("clock", clock_command())], stop)
