"""Paths in what we say: a link for whoever may open the page, and for everybody else who can."""

from __future__ import annotations

import re

from flask import current_app
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from outreach.web import auth
from outreach.web.words import human

_PATH = re.compile(r"`[^`]*`|(?<![\w/])/(?:desk|ops)(?:/[a-z]+)*")


def remedy(text: str) -> Markup:
    """What stands between backquotes is to be typed, and paths are to be opened."""
    said, end = Markup(""), 0
    for found in _PATH.finditer(text):
        part = found.group()
        said += escape(text[end : found.start()]) + (_code(part) if part[0] == "`" else _opened(part))
        end = found.end()
    return said + escape(text[end:])


def _code(quoted: str) -> Markup:
    return Markup("<code>%s</code>") % quoted.strip("`")


def _opened(path: str) -> Markup:
    asks_for = _asks_for(path)
    if asks_for is None or auth.me().may(asks_for):
        return Markup('<a href="%s">%s</a>') % (path, path)
    roles = [f"{'an' if human(role)[0] in 'ao' else 'a'} {human(role)}" for role in _who_may(asks_for)]
    return escape(f"{path} ({' or '.join(roles)} can open it)")


def _who_may(what: str) -> list[str]:
    """The roles that it is meant for; an admin may do everything."""
    return sorted((role for role in auth.MAY[what] if role != "admin"), reverse=True)


def _asks_for(path: str) -> str | None:
    """What somebody has to be allowed who opens it; None where nobody is asked, or no such page is there."""
    try:
        endpoint, _ = current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return None
    return getattr(current_app.view_functions[endpoint], "asks_for", None)
