"""What a row of the audit is about: its page, for whoever may open it."""

from __future__ import annotations

from flask import url_for

from outreach.store.unit import StoreUnit
from outreach.web import auth
from outreach.web.reception import outside


def page_about(unit: StoreUnit, subject: str) -> str | None:
    """None where it has no page, or none that is theirs to open."""
    kind, _, id_ = subject.partition("/")
    if kind == "hold":
        hold = unit.hold(id_)
        kind, id_ = ("account", hold.account) if hold else ("", "")
    if kind == "account":
        desk = auth.me().may("desk")
        return url_for("accounts.page", account=id_) if desk else url_for("why.page", account=id_)
    if kind == "playbook" and id_ in outside().rules().playbooks:
        return url_for("playbooks.page", name=id_)
    return url_for("incidents.one", id_=id_) if kind == "incident" else None
