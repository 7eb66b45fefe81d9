"""A small company whose files the tests of the library break."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from outreach.domain.errors import Fault, Invalid
from outreach.domain.evaluate import Ruleset
from outreach.library.loader import assemble, load

VOCABULARY = """
order.placed:
  title: An order was placed
  order: true
  fields:
    order_id: {type: text, required: true}
    amount: {type: number, unit: currency}
    promised_for: {type: time}
  key: order_id
  amount: amount
delivery.delayed:
  title: A delivery will be late
  fields:
    order_id: {type: text, required: true}
    days_late: {type: number, unit: days}
    reason: {type: text}
  key: order_id
  amount: days_late
  failure: {kind: delivery, key: order_id, severity: medium}
delivery.overdue:
  title: Nothing has arrived
  internal: true
  fields:
    order_id: {type: text, required: true}
    days_late: {type: number}
  key: order_id
  failure: {kind: delivery, key: order_id, severity: medium}
  made_by_time:
    starts: {order.placed: promised_for}
    steps: [1d, 2d]
    until: [delivery.arrived]
    key: order_id
delivery.arrived:
  title: A delivery has arrived
  fields:
    order_id: {type: text, required: true}
  key: order_id
message.received:
  title: The customer wrote
  contact: reply
  fields:
    person_id: {type: text, required: true}
    text: {type: text, personal: true}
  key: person_id
delivery.lost:
  title: A delivery is lost
  fields:
    order_id: {type: text, required: true}
    carrier: {type: text, values: [road, rail, air]}
    pieces: {type: integer}
    days_late: {type: number}
    goods: {type: list}
    lost_at: {type: time}
  key: order_id
  failure: {kind: delivery, key: order_id, severity: high}
moon.full:
  title: The moon is full
  internal: true
  fields:
    order_id: {type: text}
person.erased: {title: A person was erased}
person.refused: {title: A person refused}
"""
COMPANY = """
company: Grills
zone: Europe/Berlin
country: DE
language: en
hours: {mon-fri: ["09:00-17:00"]}
holidays: {country: DE, region: BE}
named_person: helen
unreached_after: 4 business hours
look_again: 2 business days
caps: {per_person_per_day: 2}
teams:
  north: {members: [jonas], manager: ruth, capacity: 30}
"""
DEFAULTS = """
service_recovery:
  hold: {purposes: [marketing, reorder], scope: account, after_close: 5 business days, at_most: 30d}
  steps:
    call:
      ladder:
        no_answer: {again_in: 1 business day, at_most: 3, voicemail: once}
        busy: {again_in: 1 business hour, at_most: 3}
"""
TEMPLATES = {
    "late/call.md": "Order {{ event.order_id }} is {{ event.days_late | days }} late.\n",
    "late/sorry.md": "Subject: Your order\n\nHello {{ person.name }}, I am sorry. {{ am.name }}\n",
    "late/sorry.de.md": "Subject: Ihre Bestellung\n\nGuten Tag {{ person.name }}, es tut mir leid.\n",
}
LATE = """
playbook: late
title: A delivery is late
why: A call within hours keeps a customer.
purpose: service_recovery
severity: high
when: [delivery.delayed, delivery.overdue]
if: event.days_late >= 2 or account.tier == "gold"
once_per: event.order_id
still_open: not seen("delivery.arrived", order_id=event.order_id)
if_resolved: {brief: late/call.md}
may_offer: [refund_freight, {credit: 200, above: manager}]
steps:
  - call: hurt_person
    within: 4 business hours
    brief: late/call.md
  - email: [hurt_person, buyer]
    after: 1 business day
    if: not run.reached
    template: late/sorry.md
  - wait: 30d
    for: order.placed
success: {event: order.placed, within: 60d}
"""


def files(
    playbooks: Mapping[str, str] | None = None,
    templates: Mapping[str, str] | None = None,
    *,
    vocabulary: str = VOCABULARY,
    company: str = COMPANY,
    defaults: str = DEFAULTS,
) -> dict[str, bytes]:
    """The company's files, with these playbooks (name → text) and, besides its own, these templates."""
    texts = {f"templates/{name}": text for name, text in {**TEMPLATES, **(templates or {})}.items()}
    shared = {"vocabulary": vocabulary, "company": company, "defaults": defaults}
    named = {**shared, **({"late": LATE} if playbooks is None else playbooks)}
    texts |= {f"playbooks/{name}.yaml": text for name, text in named.items()}
    return {name: text.encode() for name, text in texts.items()}


@cache
def shipped() -> Ruleset:
    """The rules that we ship."""
    return load(Path(__file__).resolve().parents[2])


def rules(*args: Mapping[str, str], **kwargs: str) -> Ruleset:
    return assemble(files(*args, **kwargs))


def faults(*args: Mapping[str, str], **kwargs: str) -> list[Fault]:
    """Every fault, whether or not anything could be used, warnings that a template is unused left out."""
    try:
        found = rules(*args, **kwargs).faults
    except Invalid as invalid:
        found = invalid.faults
    return [fault for fault in found if fault.what != "no playbook uses this file"]


def said(*args: Mapping[str, str], **kwargs: str) -> str:
    return "\n".join(str(fault) for fault in faults(*args, **kwargs))
