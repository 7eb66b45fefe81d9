"""Colleagues and machines that may come in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

import click

from outreach.cli.common import answer, house, json_option
from outreach.service.ports import ApiToken, User

ROLES = ("am", "manager", "ops", "admin")


@click.group()
def user() -> None:
    """Add, list and disable the people who sign in."""


@user.command("add")
@click.argument("id_", metavar="ID")
@click.option("--name", required=True, help="As customers read it.")
@click.option("--email", required=True)
@click.option("--role", type=click.Choice(ROLES), default="am", show_default=True)
@click.option("--zone", default=None, help="IANA time zone.")
@click.option(
    "--phone", default=None, help="Their own number: where the house rings them. Kept when left out."
)
@click.password_option(envvar="NEW_USER_PASSWORD")
def add(
    id_: str, name: str, email: str, role: str, zone: str | None, phone: str | None, password: str
) -> None:
    """Add a colleague, or give one a new password. ID is what account.owner says (jonas)."""
    from outreach.domain.endpoint import as_phone
    from outreach.web.auth import hash_password

    if len(password) < 12:
        raise click.BadParameter("a password has at least 12 characters", param_hint="--password")
    with house() as here:
        with here.database.view() as unit:
            known = unit.user(id_)
        number = as_phone(phone, here.library.current().company.country) if phone else None
        number = number or (known.phone if known else None)
        new = User(id_, name, email.strip().lower(), hash_password(password), role, None, zone, phone=number)
        here.database.retrying(lambda unit: unit.save_user(new))
    click.echo(f"{name} may sign in as {new.email} ({role}).")


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
        for each in rows:
            click.echo(f"{each.id:16} {where[each.id]}")
        return
    if as_json:
        answer([{"id": u.id, "name": u.name, "role": u.role, "active": u.active} for u in rows])
        return
    for each in rows:
        click.echo(f"{each.id:16} {each.role:8} {each.name}" + ("" if each.active else "  (disabled)"))


@user.command("disable")
@click.argument("id_", metavar="ID")
def disable(id_: str) -> None:
    """They are signed out with their next request."""
    with house() as here:
        with here.database.view() as unit:
            found = unit.user(id_)
        if found is None:
            raise click.UsageError(f"There is no user {id_}.")
        gone = replace(found, active=False)
        here.database.retrying(lambda unit: unit.save_user(gone))
    click.echo(f"{id_} is disabled.")


@click.group()
def token() -> None:
    """Tokens for systems that send events or ask what may be sent."""


SCOPES = ("events:write", "accounts:write", "people:write", "people:read", "may-send:read", "holds:read")


@token.command("add")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Default: all of them.")
@click.option("--days", type=int, default=None, help="Days until it expires; default: never.")
def add_token(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a token. It is shown once and stored only as a hash."""
    secret = "or_" + secrets.token_urlsafe(32)
    with house() as here:
        now = here.outside.clock.now()
        expires = now + timedelta(days=days) if days else None
        made = ApiToken(hash_of(secret), name, tuple(scopes or SCOPES), now, expires)
        here.database.retrying(lambda unit: unit.save_token(made))
    click.echo(secret)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@token.command("list")
def list_tokens() -> None:
    """Names, scopes and ends; never the tokens."""
    with house() as here, here.database.view() as unit:
        for each in unit.tokens():
            state = "revoked" if each.revoked else "ok"
            click.echo(f"{each.name:20} {state:8} {' '.join(each.scopes)}")


@token.command("revoke")
@click.argument("name")
def revoke(name: str) -> None:
    """It stops working with the next request."""
    with house() as here, here.database.unit() as unit:
        mine = [each for each in unit.tokens() if each.name == name and not each.revoked]
        for each in mine:
            unit.save_token(replace(each, revoked=True))
    click.echo(f"{len(mine)} revoked.")
