"""Stories that show everything a story may say. The reference page has them, and the tests tell each."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "an account and its people": """
story: who is known before it begins
given:
  accounts:
    - {id: hq, name: Linde Hotels, kind: business, owner: jonas, zone: Europe/Berlin}
    - id: a1
      name: Hotel Linde
      kind: business
      tier: gold
      owner: jonas
      team: berlin
      zone: Europe/Berlin
      country: DE
      region: BE
      language: de
      parent: hq
      group: hq
      value: 120000
      people:
        - id: anna
          name: Anna Berg
          role: [buyer, decision_maker]
          phone: "+4930123456"
          mobile: false
          email: anna@hotel-linde.example
          language: de
          zone: Europe/Berlin
          country: DE
          region: BE
          greeting: Frau Berg
  people:
    - {id: karl, phone: "+4930123457", accounts: [{account: a1, roles: [user]}, {account: hq, roles: [payer]}]}
script:
  - at: Mon 09:00
    event: {type: delivery.delayed, subject: a1, data: {order_id: o1, days_late: 3, person_id: anna}}
    expect:
      - {call: anna, because: late-delivery, by: "Mon 13:00", from: "Mon 09:00", brief: late-delivery/call.md, caller: jonas, hold: [marketing], says: late}
      - {no_call: karl, because: late-delivery}
      - {card: anna, lines: 1}
      - {failure: delivery/o1, account: a1, state: open, severity: high, round: 1, owed: false}
      - {run: late-delivery, account: a1, state: open}
      - {no_run: damaged-goods}
      - {hold: [marketing, reorder]}
  - at: Mon 10:00
    put: {account: {id: a1, tier: silver}, person: {id: anna, greeting: Anna}}
    expect: {may_send: {person: anna, account: a1, channel: email, purpose: marketing, answer: hold}}
""",
    "events, again and revised": """
story: an event that comes again, is corrected, or is wrong
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}
script:
  - at: Mon 09:00
    event:
      - {type: delivery.delayed, id: e1, source: carrier, sequence: 1, time: "Mon 09:00", data: {order_id: o1, days_late: 3}, answer: accepted}
      - {type: delivery.delayed, id: e1, source: carrier, sequence: 1, time: "Mon 09:00", data: {order_id: o1, days_late: 3}, answer: duplicate}
      - {type: delivery.delayed, id: e1, source: carrier, sequence: 2, time: "Mon 09:00", data: {order_id: o1, days_late: 1}, answer: revised}
      - {type: delivery.delayed, id: e2, subject: nobody-yet, data: {order_id: o2, days_late: 3}, answer: parked}
      - {type: delivery.delayed, id: e3, data: {order_id: o3, days_late: many}, answer: quarantined}
    expect:
      - {run: late-delivery, state: ended, reason: withdrawn}
      - {failure: delivery/o1, state: open}
""",
    "what is said of a call": """
story: nobody picks up, then they speak, a promise is made and kept
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}
script:
  - at: Mon 09:00
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}
  - at: Mon 10:00
    dial: {call: anna, by: jonas}
    outcome: {call: anna, because: late-delivery, disposition: no_answer, by: jonas, note: rang twice}
  - at: Tue 11:00
    outcome:
      call: anna
      reached: true
      promise: {id: p1, what: a new pallet, by: Fri 12:00, failure: delivery/o1}
      prefers: {hours: "10:00-15:00"}
    expect:
      - {failure: delivery/o1, state: reached}
      - {promise: p1, state: open}
  - at: Thu 10:00
    event: {type: promise.kept, data: {promise_id: p1}}
    expect: {promise: p1, state: kept}
  - at: Fri 13:00
    outcome: {call: anna, reached: true, put_right: {said_by: am, reason: it stands in her kitchen, failure: [delivery/o1]}}
    expect: {failure: delivery/o1, state: put_right}
""",
    "hours and who stands in": """
story: a colleague is away, it is too late to ring, and the call climbs
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}
script:
  - at: Mon 08:00
    away: {who: jonas, cover: miriam, until: +7d, note: Anna likes it short}
  - at: Mon 09:00
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}
    expect: {call: anna, on: miriam}
  - at: Mon 22:30
    dial: {call: anna, refused: hours}
    expect:
      - {call: anna, late: true}
      - {failure: delivery/o1, climbed: 2}
      - {unreached: [delivery/o1]}
  - at: Tue 09:00
    back: {who: jonas}
    expect: {call: anna, on: jonas}
""",
    "drafts and what customers write": """
story: a draft is released, nobody knows whether it left, and she writes back
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456", email: anna@hotel.example}]}
script:
  - at: Mon 09:00
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}
  - at: Mon 10:00
    outcome: {call: anna, disposition: no_answer}
  - at: Tue 10:00
    expect: {draft: anna, because: late-delivery, channel: email, template: late-delivery/sorry.md, says: sorry, hold: [marketing]}
  - at: Tue 10:10
    provider: {does: [unknown]}
    release: {draft: anna, because: late-delivery, by: jonas}
  - at: Tue 10:20
    expect: {message: anna, because: late-delivery, channel: email, state: unknown}
  - at: Tue 11:00
    crash: {why: the power failed}
    reply: {person: anna, channel: email, text: It has come., account: a1}
  - at: Tue 12:00
    opt_out: {person: anna, channel: email}
    expect:
      - {may_send: {email: anna@hotel.example, purpose: marketing, answer: deny}}
      - {may_send: {phone: "+4930123456", purpose: transactional, answer: allow}}
""",
    "mails and SMS that leave": """
story: what has left since the moment before
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4915123456789", mobile: true, email: anna@hotel.example}]}
script:
  - at: Mon 09:00
    event: {type: delivery.lost, data: {order_id: o1, person_id: anna}}
  - at: Mon 10:00
    outcome: {call: anna, disposition: no_answer}
  - at: Mon 14:00
    release: {draft: anna, because: missed-or-lost-delivery}
    expect: {sms: anna, because: missed-or-lost-delivery, says: reach me, hold: [marketing]}
  - at: Tue 14:00
    release: {draft: anna}
    expect: {email: anna, because: missed-or-lost-delivery, says: sorry, hold: [marketing]}
""",
    "a draft that is not wanted": """
story: a draft is thrown away, with a reason
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456", email: anna@hotel.example}]}
script:
  - at: Mon 09:00
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}
  - at: Mon 10:00
    outcome: {call: anna, disposition: no_answer}
  - at: Tue 10:10
    discard: {draft: anna, because: late-delivery, reason: I have written to her by hand, by: jonas}
    expect: {message: anna, state: withheld}
""",
    "failures by people's words": """
story: put right, not right after all, and let be
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}
script:
  - at: Mon 09:00
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}
  - at: Mon 10:00
    put_right: {failure: delivery/o1, account: a1, said_by: am, reason: it has come, by: jonas}
    expect: {failure: delivery/o1, state: put_right}
  - at: Tue 10:00
    not_right: {failure: delivery/o1, account: a1, reason: one box is missing, by: anna}
    expect: {failure: delivery/o1, state: open, round: 2}
  - at: Thu 10:00
    let_be: {failure: delivery/o1, account: a1, reason: they have moved away, by: ruth}
    expect: {failure: delivery/o1, state: let_be}
""",
    "tasks and questions": """
story: we know nobody who decides
given:
  account: {id: a1, kind: business, zone: Europe/Berlin, owner: miriam, value: 80000, people: [{id: hanna, role: buyer, phone: "+4930123458"}]}
script:
  - at: Mon 10:00
    event: {type: order.placed, data: {order_id: o1, amount: 30000, person_id: hanna}}
    expect: {task: miriam, because: nobody-decides}
  - at: Wed 10:00
    done: {task: a1, because: nobody-decides, by: miriam}
    expect: nothing
  - at: Thu 10:00
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3, person_id: hanna}}
  - at: Thu 11:00
    outcome: {call: hanna, reached: true, put_right: {said_by: customer}}
    expect: {question: winback, person: hanna, ruling: may_ask}
""",
    "what ops do": """
story: a playbook in the shadow, and the kill switch
given:
  account: {id: a1, zone: Europe/Berlin, owner: jonas, people: [{id: anna, role: buyer, phone: "+4930123456"}]}
script:
  - at: Mon 09:00
    publish: {playbook: late-delivery, state: percent, percent: 100, reason: everybody}
    stop_all: {reason: wrong words went out}
    event: {type: delivery.delayed, data: {order_id: o1, days_late: 3}}
    expect: {call: anna}
  - at: Mon 10:00
    dial: {call: anna, refused: kill_switch}
    expect: {no_hold: [transactional]}
  - at: Mon 11:00
    resume_all: {reason: mended}
    dial: {call: anna}
""",
}
"""What it shows → the story as it stands in a file."""
