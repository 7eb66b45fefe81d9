"""A small company whose playbooks use every way out: calls, drafts, mails and SMS that no human reads
first, waits, promises, callbacks and selling. The vocabulary and the law are the ones that we ship."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from outreach.domain.evaluate import Ruleset
from outreach.library.loader import assemble, snapshot

ROOT = Path(__file__).resolve().parents[2]

COMPANY = """
company: Grills
zone: Europe/Berlin
country: DE
language: en
currency: EUR
phone: "+49 30 23125 100"
postal_address: Grills GmbH, Berlin
sender: {name: Grills, email: hello@grills.example}
hours: {mon-fri: ["09:00-17:00"]}
holidays: {country: DE, region: BE}
named_person: helen
unreached_after: 4 business hours
look_again: 2 business days
blast_radius: {accounts: 100000, within: 1h}
caps: {per_person_per_day: 3, per_person_per_week: 9, calls_per_person_per_day: 2}
teams:
  berlin: {members: [jonas, miriam], manager: ruth, capacity: 30}
"""
PLAYBOOKS = {
    "late": """
playbook: late
title: A delivery is late
why: A call within hours keeps a customer.
purpose: service_recovery
severity: high
when: [delivery.delayed, delivery.overdue]
if: event.days_late >= 2
once_per: event.order_id
still_open: not seen("delivery.arrived", order_id=event.order_id)
if_resolved: {brief: late/arrived.md}
steps:
  - call: hurt_person
    within: 4 business hours
    brief: late/call.md
  - email: hurt_person
    after: 1 business day
    if: not run.reached
    template: late/sorry.md
  - wait: 30d
    for: order.placed
success: {event: order.placed, within: 60d}
""",
    "notice": """
playbook: notice
title: Something ordered is out of stock
why: Whoever hears it from us does not have to wonder.
purpose: service_recovery
severity: low
when: backorder.opened
once_per: event.order_id
hold: {scope: person}
still_open: not seen("backorder.cleared", order_id=event.order_id)
steps:
  - email: hurt_person
    review: none
    template: notice/mail.md
  - sms: hurt_person
    after: 1d
    review: none
    template: notice/sms.md
""",
    "broken": """
playbook: broken
title: We did not do what we promised
why: Nobody believes a third time.
purpose: service_recovery
severity: high
when: promise.overdue
once_per: event.promise_id
still_open: not seen("promise.kept", promise_id=event.promise_id)
if_resolved: {brief: broken/kept.md}
steps:
  - call: hurt_person
    within: 2 business hours
    brief: broken/call.md
""",
    "ring-back": """
playbook: ring-back
title: The customer asks to be called
why: They asked for a voice and were given an hour.
purpose: callback
severity: high
when: callback.asked
once_per: event.callback_id
steps:
  - call: hurt_person
    within: 30m
    brief: ring-back/call.md
  - sms: hurt_person
    after: 2 business hours
    within: 1 business day
    if: run.attempts >= 1 and not run.reached
    review: none
    template: ring-back/sms.md
""",
    "invite": """
playbook: invite
title: A quote was turned down
why: Ask once, by a person, where they agreed to be asked.
purpose: reorder
severity: low
when: quote.lost
once_per: event.quote_id
if_running: parallel
steps:
  - email: hurt_person
    within: 5 business days
    template: invite/mail.md
  - wait: 2d
    for: order.placed
  - email: hurt_person
    template: invite/again.md
""",
}
TEMPLATES = {
    "late/call.md": "Order {{ event.order_id }} is {{ event.days_late | days }} late.\n",
    "late/arrived.md": "Order {{ event.order_id }} came late. Ask how it went.\n",
    "late/sorry.md": "Subject: late {{ event.order_id }}\n\nDear {{ person.name }}, I am sorry. {{ am.name }}\n",
    "notice/mail.md": "Subject: notice {{ event.order_id }}\n\nDear {{ person.name }}, it is out of stock.\n",
    "notice/sms.md": "sms {{ event.order_id }}: still out of stock, {{ am.name }}\n",
    "broken/call.md": "We promised {{ event.what }}.\n",
    "broken/kept.md": "We promised {{ event.what }} and were late.\n",
    "ring-back/call.md": "They asked to be called.\n",
    "ring-back/sms.md": "sms {{ event.callback_id }}: we rang, {{ am.name }}\n",
    "invite/mail.md": "Subject: quote {{ event.quote_id }}\n\nDear {{ person.name }}, shall we try again?\n",
    "invite/again.md": "Subject: quote again {{ event.quote_id }}\n\nDear {{ person.name }}, still here.\n",
}


@cache
def rules(company: str = COMPANY, *, caps: str = "", undeclared: str = "") -> Ruleset:
    """``caps``: what follows ``caps:`` instead of the usual. ``undeclared``: an event type taken out of the
    vocabulary."""
    if caps:
        company = "\n".join(f"caps: {caps}" if line[:5] == "caps:" else line for line in company.splitlines())
    shipped = snapshot(ROOT)
    kept = ("playbooks/vocabulary.yaml", "playbooks/defaults.yaml", "playbooks/law/")
    files = {name: text for name, text in shipped.items() if name.startswith(kept)}
    files["playbooks/company.yaml"] = company.encode()
    if undeclared:
        declared = files["playbooks/vocabulary.yaml"].decode()
        left = re.sub(rf"(?ms)^{re.escape(undeclared)}:\n(?:[ #\n].*?)?(?=^\w)", "", declared)
        assert left != declared
        files["playbooks/vocabulary.yaml"] = left.encode()
    files |= {f"playbooks/{name}.yaml": text.encode() for name, text in PLAYBOOKS.items()}
    files |= {f"templates/{name}": text.encode() for name, text in TEMPLATES.items()}
    found = assemble(files)
    assert len(found.playbooks) == len(PLAYBOOKS), "\n".join(map(str, found.faults))
    return found
