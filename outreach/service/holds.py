"""A hold is ended by hand, before its time."""

from __future__ import annotations

from dataclasses import replace

from outreach.domain.errors import NotFound, Refused, must_say
from outreach.domain.hold import Hold, ended
from outreach.domain.touch import Status
from outreach.service.ledger import Ledger
from outreach.service.ports import Outside, Unit

BY_HAND = "by_hand"


def end(outside: Outside, id_: str, by: str, reason: str) -> Hold:
    """From now on their generic mail goes out again, unless another hold is on them. It comes back when the customer
    says "it is not". Raises NotFound; Refused without a reason, and for one that has ended."""
    must_say(reason, "Say why it may end.")

    def work(unit: Unit) -> Hold:
        known = unit.hold(id_)
        if known is None:
            raise NotFound("There is no such hold.")
        ledger = Ledger(unit, outside, outside.clock.now())
        ledger.lock([known.account])
        hold = ledger.holds[known.account].get(id_, known)
        if hold.ended_at is not None:
            raise Refused("It has ended already; nothing of theirs is withheld by it.")
        ledger.put_hold(ended(hold, ledger.now, BY_HAND))
        _ask_again(ledger, known.account)
        ledger.flush()
        unit.audit(ledger.now, by, "hold.ended", f"hold/{id_}", reason.strip())
        return ledger.holds[known.account][id_]

    found: Hold = outside.database.retrying(work)
    return found


def _ask_again(ledger: Ledger, account: str) -> None:
    """What waits for its end is judged anew now."""
    for touch in list(ledger.touches[account].values()):
        if touch.status is Status.PLANNED and touch.because == "held":
            ledger.put_touch(replace(touch, due=ledger.now))
