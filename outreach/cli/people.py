"""Colleagues and machines that may come in."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from outreach.cli.common import answer, found_something, house, json_option, zone_of
from outreach.cli.group import Group
from outreach.lab.terminal import on_clocks_of, say, say_list
from outreach.service import keys, sign_ins
from outreach.service.named import meant
from outreach.service.ports import Unit
from outreach.service.ports_records import ApiToken, User

if TYPE_CHECKING:
    from outreach.assemble import House

ROLES = ("am", "manager", "ops", "admin", "service")


@click.group(cls=Group)
def user() -> None:
    """Add, list and disable the people who sign in."""


Said = Callable[..., None]


def who_it_is(command: Said) -> Said:
    """The options that say who a colleague is. What is left out stays as it was."""
    options = (
        click.argument("id_", metavar="ID"),
        click.option("--name", required=True, help="As customers read it."),
        click.option("--email", required=True),
        click.option("--role", type=click.Choice(ROLES), help="Default: am. Kept when left out."),
        click.option("--zone", help="IANA time zone. Kept when left out."),
        click.option("--phone", help="Their own number: where the house rings them. Kept when left out."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@user.command("add")
@who_it_is
@click.password_option(envvar="NEW_USER_PASSWORD")
def add(password: str, **said: Any) -> None:
    """Add a colleague, or give one a new password. ID is what account.owner says (jonas)."""
    from outreach.web.auth import hash_password

    if len(password) < 12:
        raise click.BadParameter("a password has at least 12 characters", param_hint="--password")
    with house() as here:
        new = replace(_as_said(here, **said), password_hash=hash_password(password))

        def work(unit: Unit) -> None:
            unit.save_user(new)
            keys.shut(unit, new.id)

        here.database.retrying(work)
    say(f"{new.name} {'may sign in' if new.active else 'is disabled'} as {new.email} ({new.role}).")


@user.command("invite")
@who_it_is
def invite(**said: Any) -> None:
    """Add a colleague who chooses the password, by an address that is good once and for three days; or let one choose
    a new password. Until then the old one stays good."""

    secret = secrets.token_urlsafe(32)
    with house() as here:
        new, now = _as_said(here, **said), here.outside.clock.now()

        def work(unit: Unit) -> None:
            unit.save_user(new)
            keys.give(unit, new.id, keys.WELCOME, secret, now)
            unit.audit(now, "terminal", "user.invited", f"user/{new.id}")

        here.database.retrying(work)
        public_url = here.settings.public_url
    say(f"{new.name} chooses a password at this address, once, within three days:\n")
    click.echo(f"  {public_url}/welcome/{secret}")  # whole, whatever the width: it is copied


def _as_said(
    here: House, id_: str, name: str, email: str, role: str | None, zone: str | None, phone: str | None
) -> User:
    from outreach.domain.endpoint import as_email

    if not name.strip():
        raise click.BadParameter("write the name that customers read", param_hint="--name")
    if zone:
        _must_be_zone(zone)
    address = as_email(email)
    with here.database.view() as unit:
        known, others = unit.user(id_), [each for each in unit.users() if each.email == address]
    if any(each.id != id_ for each in others):
        raise click.UsageError(f"{others[0].id} has the address {address} already")
    known = known or User(id_, name, address, "", "am")
    return replace(
        known, name=name, email=address, role=role or known.role, zone=zone or known.zone,
        phone=_number(here, phone) or known.phone,
    )  # fmt: skip


def _must_be_zone(zone: str) -> None:
    from outreach.domain.wallclock import zone_of

    try:
        zone_of(zone)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--zone") from None


def _number(here: House, phone: str | None) -> str | None:
    from outreach.domain.endpoint import as_phone

    return as_phone(phone, here.library.current().company.country) if phone else None


@user.command("phone")
@click.argument("id_", metavar="ID")
@click.argument("number")
def phone_(id_: str, number: str) -> None:
    """Where the house rings a colleague before it connects them with a customer."""
    with house() as here:
        known = _known(here, id_)
        new = replace(known, phone=_number(here, number))
        here.database.retrying(lambda unit: unit.save_user(new))
    say(f"{known.name} is rung at {new.phone}.")


@user.command("alerts")
@click.argument("id_", metavar="ID")
@click.argument("urls", metavar="[URL]…", nargs=-1)
@click.option("--read", is_flag=True, help="Read the addresses from standard input, one a line.")
@click.option("--none", "nowhere", is_flag=True, help="Nowhere from now on.")
@click.option("--test", is_flag=True, help="Send a test to where they are reached.")
def alerts_(id_: str, urls: tuple[str, ...], read: bool, nowhere: bool, test: bool) -> None:
    """Where a colleague is reached away from the desk, by Apprise's addresses: these and no others. Read from
    standard input they stay out of the shell's history. Without any it says where that is now."""
    from outreach.service import reach

    if bool(urls) + read + nowhere > 1:
        raise click.UsageError("give addresses, or --read, or --none")
    urls = tuple(sys.stdin.read().split()) if read else urls
    with house() as here:
        known = _known(here, id_)
        if urls or nowhere:
            reach.set_ways(here.outside, known.id, urls, "terminal")
        with here.database.view() as unit:
            shown = [way.shown for way in reach.of(unit, known.id).ways]
        said = f"by {', '.join(shown)}" if shown else "nowhere"
        say(f"{known.name} is reached {said}.")
        receipt = reach.send_test(here.outside, known.id) if test else None
    if receipt is not None:
        say(f"The test: {receipt.outcome}{f' ({receipt.reason})' if receipt.reason else ''}.")
        found_something(receipt.outcome != "sent" or bool(receipt.reason))


def _known(here: House, id_: str) -> User:
    with here.database.view() as unit:
        found, all_ = unit.user(id_), [each.id for each in unit.users()]
    if found is None:
        raise click.UsageError(f"there is no user {id_}{meant(id_, all_)}")
    return found


@user.command("list")
@click.option("--addresses", is_flag=True, help="Where each sends a copy of their own mails to customers.")
@json_option
def list_(addresses: bool, as_json: bool) -> None:
    """Everybody who may sign in."""
    from outreach.service.posting import copy_address

    with house() as here:
        with here.database.view() as unit:
            rows = unit.users()
        if addresses and not here.settings.reply_domain:
            raise click.UsageError("no answers are taken in: set OUTREACH_REPLY_DOMAIN (docs/providers)")
        where = {each.id: copy_address(here.outside, each.id) for each in rows} if addresses else {}
    if addresses:
        if as_json:
            answer([{"id": each.id, "address": where[each.id]} for each in rows])
        else:
            say_list(("id", "address"), [(each.id, where[each.id]) for each in rows])
        return
    if as_json:
        answer([
            {"id": u.id, "name": u.name, "role": u.role, "active": u.active, "bound": bool(u.subject)} for u in rows
        ])  # fmt: skip
        return
    say_list(("id", "role", "phone", "name"), [
        (each.id, each.role, each.phone or "(no phone)",
         each.name + (" (bound)" if each.subject else "") + ("" if each.active else " (disabled)"))
        for each in rows
    ])  # fmt: skip
    if not rows:
        say("Nobody may sign in yet: outreach user invite adds the first.")


@user.command("disable")
@click.argument("id_", metavar="ID")
def disable(id_: str) -> None:
    """They are signed out with their next request."""
    with house() as here:
        gone = replace(_known(here, id_), active=False)
        here.database.retrying(lambda unit: unit.save_user(gone))
    say(f"{id_} is disabled.")


@user.command("unbind")
@click.argument("ids", metavar="ID…", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Everybody: the company has another provider now.")
def unbind(ids: tuple[str, ...], everybody: bool) -> None:
    """Forget who they are at the company's OpenID provider: they are signed out, and their next sign-in there binds them
    anew, by their mail address."""
    if everybody is bool(ids):
        raise click.UsageError("name who it is, or say --all")
    with house() as here:
        wanted = _everybody(here) if everybody else [_known(here, id_).id for id_ in ids]
        bound = sign_ins.loosen(here.outside, wanted, "terminal")
    for id_ in bound if everybody else wanted:
        say(f"{id_} is bound to nobody any more." if id_ in bound else f"{id_} was not bound.")


def _everybody(here: House) -> list[str]:
    with here.database.view() as unit:
        return [each.id for each in unit.users()]


@click.group(cls=Group)
def token() -> None:
    """Tokens for systems that send events, ask what may be sent, or read what was done."""


SCOPES = (
    "events:write", "accounts:write", "people:write", "people:read", "may-send:read", "holds:read", "feed:read",
)  # fmt: skip


@token.command("add")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Default: all of them.")
@click.option(
    "--days", type=click.IntRange(1, 36_500), default=None, help="Days until it expires; default: never."
)
def add_token(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a token. It is shown once and stored only as a hash."""
    if not name.strip():
        raise click.BadParameter("name the system that will use it", param_hint="NAME")
    secret = "or_" + secrets.token_urlsafe(32)
    with house() as here:
        now = here.outside.clock.now()
        expires = now + timedelta(days=days) if days else None
        made = ApiToken(keys.hash_token(secret), name, tuple(scopes or SCOPES), now, expires)
        here.database.retrying(lambda unit: unit.save_token(made))
    click.echo(secret)  # alone, for $(…)


@token.command("list")
@json_option
def list_tokens(as_json: bool) -> None:
    """Names, scopes and ends; never the tokens."""
    with house() as here, here.database.view() as unit:
        rows, now = unit.tokens(), here.outside.clock.now()
    if as_json:
        answer([
            {"name": each.name, "state": _state(each, now), "made": each.created, "expires": each.expires,
             "scopes": each.scopes} for each in rows
        ])  # fmt: skip
        return
    with on_clocks_of(zone_of(here)) as told:
        say_list(("name", "state", "until", "scopes"), [
            (each.name, _state(each, now), told(each.expires), " ".join(each.scopes)) for each in rows
        ])  # fmt: skip
        if not rows:
            say("There is no token yet: outreach token add NAME makes one.")


def _state(token: ApiToken, now: datetime) -> str:
    expired = token.expires is not None and token.expires <= now
    return "revoked" if token.revoked else "expired" if expired else "ok"


@token.command("revoke")
@click.argument("name")
def revoke(name: str) -> None:
    """It stops working with the next request."""
    with house() as here, here.database.unit() as unit:
        used = [each for each in unit.tokens() if not each.revoked]
        mine = [each for each in used if each.name == name]
        for each in mine:
            unit.save_token(replace(each, revoked=True))
    if not mine:
        near = meant(name, [each.name for each in used]) or ": outreach token list names them"
        raise click.UsageError(f"no token {name} is in use{near}")
    say(f"{len(mine):,} revoked.")
