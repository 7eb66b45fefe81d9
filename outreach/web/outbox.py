"""What left through the outbox, or would have left: the messages as people would read them."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request, url_for

from outreach.channels.outbox import OutboxFolder, OutboxItem
from outreach.domain.errors import NotFound
from outreach.domain.message import sms_parts
from outreach.domain.touch import Touch
from outreach.store import views_accounts
from outreach.web import auth
from outreach.web.reception import reception

outbox = Blueprint("outbox", __name__, url_prefix="/outbox")
PAGE = 30
LONGEST_LOOK = 40
"""Pages of all messages that are looked through for one page of somebody's own."""
MESSAGE_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
"""A message is somebody's text: it runs nothing, fetches nothing and belongs to no origin."""


def _folder() -> OutboxFolder:
    return OutboxFolder(reception().house.settings.outbox_dir)


@outbox.get("")
@auth.may("outbox")
def messages() -> str:
    after = request.args.get("after")
    found = _seen_ones(after)
    more = found[PAGE - 1].name if len(found) > PAGE else None
    return render_template("outbox.html", items=found[:PAGE], more=more, after=after)


def _seen_ones(after: str | None) -> list[OutboxItem]:
    """One page of those that are theirs to see, and one more; a name is the key of its mail, so no other's is told."""
    found: list[OutboxItem] = []
    for _ in range(LONGEST_LOOK):
        batch = _folder().list(PAGE + 1, after)
        found += [item for item in batch if _is_seen(item.name)]
        if len(found) > PAGE or len(batch) <= PAGE:
            break
        after = batch[-1].name
    return found


def _is_seen(name: str) -> bool:
    """Whoever sees every account sees every message; account managers those to theirs. A code is for nobody else."""
    if auth.me().may("every_account"):
        return True
    touch, account = _whose(name)
    if touch is None or account is None:
        return False
    with reception().house.database.view() as unit:
        return auth.my_sight(unit).sees(account.owner, account.team)


def _read(name: str) -> OutboxItem:
    if not _is_seen(name):
        raise NotFound("There is no such message.")
    return _folder().read(name)


@outbox.get("/<name>")
@auth.may("outbox")
def message(name: str) -> str:
    item = _read(name)
    touch, account = _whose(name)
    frame = url_for("outbox.html", name=name) if item.html else None
    return render_template(
        "message.html", item=item, touch=touch, account=account, frame=frame, parts=sms_parts(item.text)
    )


@outbox.get("/<name>/html")
@auth.may("outbox")
def html(name: str) -> Response:
    """For the frame on the message's page only."""
    response = Response(_read(name).html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = MESSAGE_CSP
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _whose(name: str) -> tuple[Touch | None, views_accounts.AccountRow | None]:
    with reception().house.database.view() as unit:
        touch = unit.touch_by_token(name.rpartition(".")[0])
        if touch is None:
            return None, None
        return touch, views_accounts.accounts_named(unit, [touch.account]).get(touch.account)
