"""The doctor: says in words what is well and what is not, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from outreach.assemble import House
from outreach.domain.blast import Answer, Blast
from outreach.lab.doctor import Finding, examine
from outreach.lab.scratch import VirtualClock
from outreach.library.loader import Library
from outreach.service import checkup, intake, sweep, workbench
from outreach.service.ports_publishing import Missed
from outreach.store.engine import open_database
from outreach.store.schema import upgrade
from outreach.store.views_checkup import standing
from tests.lab.houses import NOW, ROOT, house_in, line, settings_in
from tests.support.openid import liar

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    upgrade(settings.database_url)
    found = house_in(tmp_path)
    yield found
    found.close()


def _said(house: House, words: str) -> Finding:
    found = [finding for finding in examine(house) if words in finding.what]
    assert len(found) == 1, [finding.what for finding in examine(house)]
    assert found[0].ok or found[0].remedy
    return found[0]


def _account(id_: str) -> dict[str, object]:
    return line(
        "account.described", id_, NOW - 90 * DAY, id_, tier="silver", zone="Europe/Berlin", country="DE"
    )


def _clock(house: House) -> VirtualClock:
    assert isinstance(house.outside.clock, VirtualClock)
    return house.outside.clock


def test_a_house_at_work_is_well(house: House) -> None:
    sweep.tick(house.outside)
    assert [finding for finding in examine(house) if not finding.ok] == []


def test_the_ops_page_says_what_the_doctor_says(house: House) -> None:
    """All that the database knows, the gravest first."""
    late = line("delivery.delayed", "a", NOW, "d", order_id="o", days_late=3)
    moved = line("backorder.moved", "a", NOW, "r", order_id="r")
    intake.take_in(house.outside, [_account("a"), late, moved], internal=True)
    intake.take_in(house.outside, [line("delivery.late", "a", NOW, "w")])
    workbench.stop_all(house.outside, "olga", "wrong prices")
    _clock(house).set(NOW + 3 * DAY)
    with house.database.view() as unit:
        told = checkup.look_over(unit, house.outside, standing(unit, NOW + 3 * DAY))
    assert set(told) <= set(examine(house)) and len(told) >= 5
    gravities = [finding.gravity for finding in told]
    assert gravities == sorted(gravities, reverse=True) and all(finding.remedy for finding in told)


def test_a_clock_that_never_ran_or_stopped(house: House) -> None:
    assert not _said(house, "the clock has never run").ok
    sweep.tick(house.outside)
    assert _said(house, "the clock beat now").ok
    _clock(house).set(NOW + HOUR)
    assert not _said(house, "the clock stopped an hour ago").ok


def test_what_has_been_due_for_long(house: House) -> None:
    order = line("order.placed", "a", NOW - DAY, "o", order_id="o", promised_for=NOW.isoformat())
    intake.take_in(house.outside, [_account("a"), order], internal=True)
    sweep.tick(house.outside)
    _clock(house).set(NOW + DAY + HOUR)
    assert not _said(house, "something was due an hour ago").ok
    sweep.tick(house.outside)
    assert not [finding for finding in examine(house) if "something was due" in finding.what]


def test_no_tables_and_an_old_schema(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    database = open_database(settings.database_url)
    bare = replace(house_in(tmp_path / "other"), settings=settings, database=database)
    assert _said(bare, "no tables yet").remedy == "outreach migrate"
    assert _said(bare, "playbooks, none faulty").ok, "and the rest is looked at all the same"
    database.close()


def test_events_that_wait_for_somebody(house: House) -> None:
    wrong = line("delivery.late", "a", NOW, "w")
    early = line("order.placed", "unknown", NOW, "o", order_id="o")
    intake.take_in(house.outside, [wrong, early])
    assert not _said(house, "1 event in quarantine").ok
    _clock(house).set(NOW + 8 * DAY)
    assert not _said(house, "an event came 8 days ago for an account that nobody has described").ok


def test_sending_stopped_by_hand(house: House) -> None:
    workbench.stop_all(house.outside, "olga", "wrong prices in the mails")
    assert "olga: wrong prices" in _said(house, "all sending is stopped").what


def test_a_playbook_that_waits_for_a_second_person_and_one_that_is_paused(house: House) -> None:
    assert _said(house, "no playbook waits for a second person").ok
    asks = Blast("late-delivery", 1, Answer.ASKING, NOW, 201)
    missed = Missed("first-order", "a", "erp|1", NOW)
    house.database.retrying(lambda unit: unit.add_blasts([asks]))
    house.database.retrying(lambda unit: unit.keep_missed([missed]))
    house.database.retrying(
        lambda unit: unit.set_publish_state("first-order", "paused", 100, "olga", "x", NOW)
    )
    found = _said(house, "late-delivery stopped now, after 200 accounts")
    assert not found.ok and "--let-go" in (found.remedy or "")
    assert _said(house, "first-order is paused; 1 trigger will be judged").ok


def test_calls_past_their_hour_and_failures_without_a_playbook(house: House) -> None:
    late = line("delivery.delayed", "a", NOW, "d", order_id="o", days_late=3)
    moved = line("backorder.moved", "a", NOW, "r", order_id="r")
    old = line("delivery.short", "a", NOW - 60 * DAY, "s", order_id="p")
    intake.take_in(house.outside, [_account("a"), old, late, moved], internal=True)
    _clock(house).set(NOW + DAY)
    assert not _said(house, "1 call past the promised hour").ok
    assert not _said(house, "1 failure that no playbook sees to").ok
    assert _said(house, "1 failure learnt of too late").remedy.startswith("`outreach owed`")
    assert _said(house, "every open run waits for something").ok


def test_a_run_that_waits_for_nothing(house: House) -> None:
    late = line("delivery.delayed", "a", NOW, "d", order_id="o", days_late=3)
    intake.take_in(house.outside, [_account("a"), late], internal=True)
    with house.database.unit() as unit:
        unit.bulk.run("update run set wake_at = null, step_due = null")
        unit.bulk.run("update touch set status = 'withheld'")
    finding = _said(house, "waits for nothing, at step 2")
    assert not finding.ok
    assert finding.remedy == "`outreach why a`"


def test_a_run_through_all_its_steps_waits_for_its_failure(house: House) -> None:
    late = line("delivery.delayed", "a", NOW, "d", order_id="o", days_late=3)
    intake.take_in(house.outside, [_account("a"), late], internal=True)
    with house.database.unit() as unit:
        unit.bulk.run("update run set wake_at = null, step_due = null, step = 3")
        unit.bulk.run("update touch set status = 'withheld'")
    assert _said(house, "every open run waits for something").ok


def test_the_company_s_own_provider(house: House) -> None:
    assert _said(house, "people sign in with a password").ok
    with liar() as provider:
        given = {name.removeprefix("OUTREACH_").lower(): value for name, value in provider.settings().items()}
        here = replace(house, settings=replace(house.settings, **given, oidc_name="Hausausweis"))
        assert "/login/oidc/back" in _said(here, "Hausausweis answers").what
        provider.described = {"issuer": "https://another.example"}
        told = _said(here, "says what we do not trust (another issuer)")
        assert not told.ok and provider.issuer in told.remedy
        provider.answers = {"/.well-known/openid-configuration": Response(status=503)}
        assert not _said(here, "does not answer (HTTP 503)").ok
    assert not _said(here, "does not answer (ConnectionError)").ok
    assert provider.secret not in "".join(finding.what + finding.remedy for finding in examine(here))


def test_keys_that_others_can_read(house: House) -> None:
    assert _said(house, "endpoint.key: none yet").ok
    assert house.settings.endpoint_key
    assert _said(house, "endpoint.key: there").ok
    (house.settings.data_dir / "endpoint.key").chmod(0o644)
    finding = _said(house, "endpoint.key can be read by others")
    assert finding.remedy.startswith("chmod 600 ")


def test_a_faulty_playbook(house: House, tmp_path: Path) -> None:
    import shutil

    for folder in ("playbooks", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "playbooks" / "late-delivery.yaml").write_text(
        "playbook: late-delivery\nwhen: nothing.known\n"
    )
    found = examine(replace(house, library=Library(tmp_path)))
    faults = [finding for finding in found if "faulty: " in finding.what]
    assert faults
    assert not any(finding.ok for finding in faults)
    (tmp_path / "playbooks" / "vocabulary.yaml").write_text("nothing: {}\n")
    found = examine(replace(house, library=Library(tmp_path)))
    assert any("playbooks cannot be used" in finding.what for finding in found)


@pytest.mark.postgres
def test_postgresql_that_forgets(postgres_url: str, house: House) -> None:
    """The tests' own server is set up to be quick, not to remember."""
    database = open_database(postgres_url, create=True, durable=False)
    found = [
        finding for finding in examine(replace(house, database=database)) if "PostgreSQL" in finding.what
    ]
    database.close()
    assert found
    assert not any(finding.ok for finding in found)
    assert "set synchronous_commit = on in postgresql.conf" in {finding.remedy for finding in found}
