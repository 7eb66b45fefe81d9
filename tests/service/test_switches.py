"""Rehearsal, going live, and providers that stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outreach.domain.errors import Refused
from outreach.service import switches
from outreach.service.sweep import tick
from tests.service.world import give, give_person, house, provided


def test_going_live_needs_a_provider_a_reason_and_law_for_everybody() -> None:
    with house() as plain:
        give(plain)
        with pytest.raises(Refused, match="No provider"):
            switches.go_live(plain.outside, "ops", "now")
        home = provided(plain, live=False)
        with pytest.raises(Refused, match="why"):
            switches.go_live(home.outside, "ops", " ")
        assert switches.go_live(home.outside, "ops", "all is checked") == ["sendgrid", "twilio"]
        give_person(home, "luc", ["a1"], country="CH", phone="+41791234567")
        give_person(home, "nobody", ["a1"], phone="", email="n@x.example")
        switches.rehearse(home.outside, "ops", "once more")
        with pytest.raises(Refused, match=r"CH \(1\)"):
            switches.go_live(home.outside, "ops", "all is checked")
        switches.go_live(home.outside, "ops", "all is checked", accept_strict=True)


def test_a_provider_that_is_added_later_rehearses_first() -> None:
    with house() as plain:
        home = provided(plain, live=False)
        switches.go_live(home.outside, "ops", "mail is checked")
        with home.database.view() as unit:
            assert switches.is_live(unit, "sendgrid")
            assert not switches.may_contact(unit, home.outside, "anna@x.example", "smtp")


def test_the_first_reason_of_a_stop_stays_until_somebody_resumes() -> None:
    with house() as plain:
        home = provided(plain)
        for why in ("the key is refused", "and again"):
            home.database.retrying(
                lambda unit, why=why: switches.stop_provider(unit, "sendgrid", why, home.now)
            )
        with home.database.view() as unit:
            assert dict(switches.stopped_ways(unit, "sendgrid")) == {"sendgrid": "the key is refused"}
        switches.resume_provider(home.outside, "sendgrid", "ops", "a new key")
        with pytest.raises(Refused):
            switches.resume_provider(home.outside, "sendgrid", "ops", "a new key")
        with home.database.view() as unit:
            said = [
                row[0] for row in unit.bulk.rows("select what from audit where subject = 'provider/sendgrid'")
            ]
        assert said[-2:] == ["provider.stopped", "provider.resumed"]


def test_everybody_sees_which_way_rests_and_that_it_ends() -> None:
    with house() as plain:
        rests = {"twilio/sms": plain.now + timedelta(minutes=2)}
        home = provided(plain, rests=lambda: rests)
        tick(home.outside)
        with home.database.view() as unit:
            assert switches.resting(unit, home.now) == rests
            assert switches.resting(unit, home.now + timedelta(minutes=2)) == {}
