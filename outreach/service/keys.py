"""Addresses that open one thing for one colleague: an invitation, a calendar. Of each kind they have one; only its hash
is kept, and it can be shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from outreach.service.ports import Outside, Unit
from outreach.service.ports_records import ApiToken, User

WELCOME, DIARY = "welcome", "diary"
SCOPES = {WELCOME: "welcome", DIARY: "diary:read"}
WELCOME_LASTS = timedelta(days=3)


def hash_token(token: str) -> str:
    """Tokens are long and random, so a plain hash is enough."""
    return sha256(token.encode()).hexdigest()


def give(unit: Unit, user: str, kind: str, token: str, now: datetime) -> None:
    """The one before leads nowhere any more."""
    shut(unit, user, kind)
    ends = now + WELCOME_LASTS if kind == WELCOME else None
    unit.save_token(ApiToken(hash_token(token), f"{kind}/{user}", (SCOPES[kind],), now, ends))


def shut(unit: Unit, user: str, *kinds: str) -> int:
    """Those of these kinds, or all of theirs, lead nowhere any more. Gives how many did."""
    names = {f"{kind}/{user}" for kind in kinds or SCOPES}
    mine = [token for token in unit.tokens() if token.name in names and not token.revoked]
    for token in mine:
        unit.save_token(replace(token, revoked=True))
    return len(mine)


def holder(unit: Unit, token: str, kind: str, now: datetime) -> User | None:
    """Whose it is; None for one that is none, was shut, has ended, or is of somebody who has left."""
    known = unit.token(hash_token(token)) if len(token) <= 200 else None
    if known is None or known.revoked or SCOPES[kind] not in known.scopes:
        return None
    if not known.name.startswith(f"{kind}/") or (known.expires is not None and known.expires <= now):
        return None
    user = unit.user(known.name.removeprefix(f"{kind}/"))
    return user if user is not None and user.active else None


# -- use cases ------------------------------------------------------------------------------------------------


def new_diary(outside: Outside, user: str, by: str) -> str:
    """A token for their calendar, to be shown once."""
    token, now = outside.ids.token(), outside.clock.now()

    def work(unit: Unit) -> None:
        give(unit, user, DIARY, token, now)
        unit.audit(now, by, "diary.made", f"user/{user}")

    outside.database.retrying(work)
    return token


def shut_diary(outside: Outside, user: str, by: str) -> int:
    """Gives how many addresses there were."""

    def work(unit: Unit) -> int:
        unit.audit(outside.clock.now(), by, "diary.shut", f"user/{user}")
        return shut(unit, user, DIARY)

    count: int = outside.database.retrying(work)
    return count


def choose_password(outside: Outside, token: str, hashed: str) -> User | None:
    """The invitation is used up, and all other addresses of theirs are shut. None for an invitation that is none."""

    def work(unit: Unit) -> User | None:
        now = outside.clock.now()
        user = holder(unit, token, WELCOME, now)
        if user is None:
            return None
        new = replace(user, password_hash=hashed)
        unit.save_user(new)
        shut(unit, new.id)
        unit.audit(now, new.manager or new.id, "user.welcomed", f"user/{new.id}")
        return new

    found: User | None = outside.database.retrying(work)
    return found
