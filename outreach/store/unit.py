"""One open transaction, whole: what ``ports.Unit`` promises."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from outreach.store.alerts import Alerts
from outreach.store.audit import Audit
from outreach.store.base import EndpointHash
from outreach.store.bulk import Bulk
from outreach.store.desk import Desk
from outreach.store.events import Events
from outreach.store.feed import Feed
from outreach.store.people import People
from outreach.store.phone import Phone
from outreach.store.publishing import Publishing
from outreach.store.records import Records
from outreach.store.runs import Runs
from outreach.store.traffic import Traffic


class StoreUnit(Feed, Traffic, Events, People, Runs, Desk, Phone, Records, Publishing, Alerts, Audit):
    """What was read is kept until the end, so that only differences are written. Never commits by itself."""

    def __init__(self, core: Connection, bulk: Bulk, endpoint_hash: EndpointHash, *, writes: bool) -> None:
        super().__init__(core, bulk, endpoint_hash, writes=writes)
        self._loaded = {}
        self._new_rows = defaultdict(set)
        self._runs = {}
        self._changed_holds = {}
        self._audit = []
        self._passed = {}
        self.changed = []
