"""What /metrics says of playbooks: their publish state, and what waits for a person."""

from __future__ import annotations

from outreach.domain.blast import Answer, Blast
from outreach.service import publishing
from outreach.service.ports_publishing import Missed
from tests.web.world import World


def test_states_questions_and_what_was_missed(here: World) -> None:
    client = here.app.test_client()
    assert "outreach_playbook_state{" not in client.get("/metrics").text
    publishing.publish(here.house.outside, "late-delivery", "paused", "olga", "wrong words")
    asks = Blast("first-order", 1, Answer.ASKING, here.clock.time, 201)
    here.house.database.retrying(lambda unit: unit.add_blasts([asks]))
    missed = [Missed("late-delivery", "a1", f"erp|{n}", here.clock.time) for n in range(2)]
    here.house.database.retrying(lambda unit: unit.keep_missed(missed))
    gauges = client.get("/metrics").text
    for line in (
        'outreach_playbook_state{playbook="late-delivery",state="paused"} 1.0',
        'outreach_playbook_asks{playbook="first-order"} 1.0',
        'outreach_playbook_missed{playbook="late-delivery"} 2.0',
    ):
        assert line in gauges
