"""An example for everything that may be written: keys as they stand in a file, expressions with their answers.

The reference page shows them, and the tests run each: a key is read by the library in the place where it belongs, an
expression is asked of what ``PAST``, ``EVENT`` and ``KNOWN`` say. A key without an example fails a test: add it here, under
the name of its group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

KEYS: Mapping[str, Mapping[str, str]] = {
    "a playbook": {
        "playbook": "example",
        "title": "A delivery missed its promised date",
        "why": "A call within hours keeps a customer.",
        "purpose": "service_recovery",
        "severity": "high",
        "priority": "10",
        "supersedes": "[damaged-goods]",
        "when": "[delivery.delayed, delivery.overdue]",
        "if": 'event.days_late >= 2 or account.tier == "gold"',
        "once_per": "event.order_id",
        "if_running": "restart",
        "horizon": "7d",
        "cooldown": "90d",
        "hold": "{purposes: [marketing, reorder], scope: account, after_close: 5 business days, at_most: 30d}",
        "still_open": 'not seen("delivery.arrived", order_id=event.order_id)',
        "if_resolved": "{brief: late-delivery/arrived-late.md}",
        "stop_when": "[person.erased, 'seen(\"order.cancelled\", order_id=event.order_id)']",
        "may_offer": "[redeliver_express, {credit: 200, above: manager}]",
        "holdout": "10",
        "steps": "[{call: hurt_person, within: 4 business hours, brief: late-delivery/call.md}]",
        "success": "{event: order.placed, within: 60d}",
    },
    "hold": {
        "purposes": "[marketing, reorder]",
        "scope": "person",
        "after_close": "5 business days",
        "at_most": "30d",
    },
    "if_resolved": {"brief": "late-delivery/arrived-late.md", "template": "late-delivery/sorry.md"},
    "success": {"event": "order.placed", "within": "60d", "where": "event.amount >= 50"},
    "a ladder's rung": {"again_in": "1 business day", "at_most": "3", "voicemail": "once"},
    "a call step": {
        "call": "[hurt_person, buyer]",
        "by": "manager",
        "within": "4 business hours",
        "after": "1 business day",
        "if": "not run.reached",
        "brief": "late-delivery/call.md",
        "ladder": "{no_answer: {again_in: 1 business day, at_most: 3, voicemail: once}}",
    },
    "an email step": {
        "email": "hurt_person",
        "by": "owner",
        "within": "2 business days",
        "after": "1 business day",
        "if": "not run.reached",
        "template": "late-delivery/sorry.md",
        "review": "owner",
    },
    "an sms step": {
        "sms": "hurt_person",
        "by": "owner",
        "within": "4 business hours",
        "after": "2 business hours",
        "if": "run.attempts >= 1",
        "template": "missed-or-lost-delivery/ring-me.md",
        "review": "owner",
    },
    "a task step": {
        "task": "Ask the carrier where it is",
        "for": "[owner, warehouse]",
        "within": "4 business hours",
        "after": "30m",
        "if": 'failure.severity >= "high"',
        "brief": "late-delivery/call.md",
    },
    "a wait step": {
        "wait": "30d",
        "for": "order.placed",
        "after": "1 business day",
        "if": "run.reached",
    },
    "an event type": {
        "title": "A return was begun and not finished",
        "doc": "The shop tells it an hour after the last click.",
        "fields": "{order_id: {type: text, required: true}, amount: {type: number}, promised_for: {type: time}, days_late: {type: number}}",
        "key": "order_id",
        "amount": "amount",
        "failure": "{kind: return, key: order_id, severity: low}",
        "made_by_time": "{starts: {order.placed: promised_for}, steps: [1d, 2d], until: [delivery.arrived], key: order_id}",
        "internal": "true",
        "contact": "two_way",
        "order": "true",
        "feed": "[order_id]",
    },
    "a field": {
        "type": "text",
        "required": "true",
        "personal": "true",
        "values": "[road, rail, air]",
        "unit": "days",
        "doc": "Who carries it.",
    },
    "failure": {"kind": "return", "key": "order_id", "severity": "medium"},
    "made_by_time": {
        "starts": "{order.placed: promised_for}",
        "steps": "[1d, 2d, 5d]",
        "until": "[delivery.arrived, order.cancelled]",
        "key": "order_id",
        "sets": "days_late",
    },
    "company.yaml": {
        "company": "Hearth & Home",
        "zone": "Europe/Berlin",
        "country": "DE",
        "region": "BE",
        "language": "en",
        "currency": "EUR",
        "postal_address": "Torstraße 100, 10119 Berlin, Germany",
        "phone": '"+49 30 23125 100"',
        "sender": "{name: Hearth & Home, email: hello@hearth-home.example}",
        "care_text": "A person reads everything you write here.",
        "missed_call": "Nobody can come to the phone right now. We ring you back by {time}.",
        "hours": '{mon-thu: ["09:00-12:30", "13:30-17:30"], fri: ["09:00-15:00"]}',
        "holidays": "{country: DE, region: BE}",
        "quiet_days": "[2026-12-24, 2026-12-31]",
        "keeps_consents": "true",
        "keep_messages": "365d",
        "named_person": "helen",
        "unreached_after": "4 business hours",
        "look_again": "2 business days",
        "caps": "{per_person_per_day: 1, per_person_per_week: 3}",
        "blast_radius": "{accounts: 100, within: 1h}",
        "costs": "{call_minutes: 7, call_minute: 0.9, email: 0.002, sms: 0.08}",
        "teams": "{berlin: {members: [jonas, miriam], manager: ruth, capacity: 30}}",
    },
    "holidays": {
        "country": "DE",
        "region": "BE",
        "extra": "[2026-12-24]",
        "except": "[2026-03-08]",
    },
    "caps": {
        "per_person_per_day": "1",
        "per_person_per_week": "3",
        "per_endpoint_per_day": "2",
        "per_endpoint_per_week": "5",
        "calls_per_person_per_day": "2",
    },
    "blast_radius": {"accounts": "100", "within": "2h"},
    "costs": {"call_minutes": "7", "call_minute": "0.9", "email": "0.002", "sms": "0.08"},
    "sender": {"name": "Hearth & Home", "email": "hello@hearth-home.example", "phone": '"+49 30 23125 100"'},
    "a team": {
        "title": "New York",
        "zone": "America/New_York",
        "hours": '{mon-fri: ["09:00-17:30"]}',
        "holidays": "{country: US, region: NY, extra: [2026-11-27]}",
        "members": "[grace, luis]",
        "manager": "dana",
        "capacity": "18",
    },
}
"""Group → key → what stands behind it."""

WHEN = "delivery.delayed"
AT = "2026-03-10T12:00:00+00:00"
EVENT: Mapping[str, Any] = {"type": WHEN, "order_id": "o-7", "days_late": 3, "carrier": "rail"}
"""The trigger; its other fields are missing."""
PAST: tuple[tuple[int, str, Mapping[str, Any]], ...] = (
    (200, "order.placed", {"order_id": "o-1", "amount": 100}),
    (40, "order.placed", {"order_id": "o-5", "amount": 250}),
    (10, "order.placed", {"order_id": "o-6", "amount": 400}),
    (9, "delivery.arrived", {"order_id": "o-6", "days_late": 0}),
)
"""(days ago, type, data)"""
KNOWN: Mapping[str, Any] = {
    "account.id": "a-17", "account.name": "Berlin Kitchens", "account.kind": "business", "account.tier": "gold",
    "account.owner": "jonas", "account.zone": "Europe/Berlin", "account.country": "DE", "account.region": "BE",
    "account.language": "de", "account.parent": None, "account.group": "g-2", "account.value": None, "account.orders": 3,
    "account.days_since_order": 10.0, "account.days_since_contact": 21.5, "account.open_failures": 1,
    "account.failures_90d": 2, "account.people": 2, "account.decision_makers": 0, "account.age_days": 420.0,
    "rhythm.known": True, "rhythm.median_days": 30.0, "rhythm.spread_days": 4.0, "rhythm.days_late": -20.0, "rhythm.orders": 3,
    "person.id": "anna", "person.role": "buyer", "person.language": "de", "person.country": "DE", "person.region": None,
    "person.has_phone": True, "person.has_email": False, "failure.kind": "delivery", "failure.key": "o-7",
    "failure.severity": "medium", "failure.nth_90d": 2, "failure.round": 1, "failure.age_days": 0.5,
    "failure.first_order": False, "failure.state": "open", "run.reached": False, "run.attempts": 1, "run.age_days": 0.5,
    "run.round": 1, "run.replied": False,
}  # fmt: skip
"""Fact → its value in the examples; None: missing."""


class Asked(NamedTuple):
    about: str
    """The function, the operator or the rule that it shows."""
    text: str
    answer: bool | None
    """None: cannot tell."""


ASKED: tuple[Asked, ...] = (
    Asked("count", 'count("order.placed", "90d") == 2', True),
    Asked("count", 'count("complaint.opened", "30d") == 0', True),
    Asked("total", 'total("order.placed", "amount", "365d") == 750', True),
    Asked("last", 'last("order.placed").amount > 300', True),
    Asked("last", 'last("complaint.opened").about == "the invoice"', None),
    Asked("days_since", 'days_since("delivery.arrived") < 10', True),
    Asked("days_since", 'days_since("complaint.opened") > 10', None),
    Asked("seen", 'seen("delivery.arrived", order_id="o-6")', True),
    Asked("seen", 'seen("delivery.arrived", order_id=event.order_id)', False),
    Asked("seen", 'seen("order.placed", order_id="o-5", within="30d")', False),
    Asked("known", "known(event.reason)", False),
    Asked("known", "known(account.tier)", True),
    Asked("==", 'account.tier == "gold"', True),
    Asked("!=", 'event.carrier != "rail"', False),
    Asked("<", "rhythm.days_late < 0", True),
    Asked("<=", "2 <= event.days_late <= 5", True),
    Asked(">", "event.days_late > 3", False),
    Asked(">=", 'failure.severity >= "medium"', True),
    Asked("in", 'event.carrier in ["rail", "air"]', True),
    Asked("not in", 'account.country not in ["DE", "AT"]', False),
    Asked("and", 'event.days_late >= 2 and account.tier == "gold"', True),
    Asked("or", "event.days_late >= 5 or run.attempts >= 1", True),
    Asked("not", "not run.reached", True),
    Asked("+", "event.days_late + 4 == 7", True),
    Asked("-", "account.days_since_order - rhythm.median_days < 0", True),
    Asked("*", "rhythm.median_days * 2 > account.days_since_order", True),
    Asked("/", 'total("order.placed", "amount", "365d") / account.orders == 250', True),
    Asked("( )", "(event.days_late + 1) * 2 == 8", True),
    Asked("true", "rhythm.known == true", True),
    Asked("false", "run.replied == false", True),
    Asked("event.type", 'event.type == "delivery.delayed"', True),
    Asked("cannot tell", "account.value > 10000", None),
    Asked("cannot tell", "account.value > 10000 or event.days_late >= 2", True),
    Asked("cannot tell", "account.value > 10000 and event.days_late < 2", False),
    Asked("cannot tell", "not account.value > 10000", None),
)
