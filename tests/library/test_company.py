"""company.yaml and defaults.yaml."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from outreach.domain.blast import Radius
from outreach.domain.company import Company
from outreach.domain.hours import Duration
from tests.library.world import COMPANY, rules, said


def company(text: str = COMPANY) -> Company:
    return rules(company=text).company


def test_the_company_is_what_its_file_says() -> None:
    ours = company()
    assert (ours.name, ours.zone, ours.named_person) == ("Grills", "Europe/Berlin", "helen")
    assert ours.unreached_after == Duration.parse("4 business hours")
    assert ours.caps.per_person_per_day == 2
    assert ours.caps.per_endpoint_per_day is None
    assert ours.teams["north"].members == ("jonas",)
    assert ours.team_of("ruth") is ours.teams["north"]
    assert ours.team_of("nobody") is None


@pytest.mark.parametrize(
    ("given", "radius"),
    [
        ("", Radius(200, timedelta(hours=1))),
        ("blast_radius: {accounts: 50}\n", Radius(50, timedelta(hours=1))),
        ("blast_radius: {accounts: 1000, within: 1d}\n", Radius(1000, timedelta(days=1))),
    ],
)
def test_the_blast_radius_is_there_without_being_named(given: str, radius: Radius) -> None:
    assert company(given + COMPANY).blast_radius == radius


def test_what_contacts_cost_is_unknown_unless_somebody_says() -> None:
    assert not company().costs.priced and company().costs.call_minutes is None
    said_so = company(COMPANY + "costs: {call_minutes: 7, sms: 0.08}\n").costs
    assert (said_so.call_minutes, said_so.call_minute, said_so.sms) == (7, None, 0.08) and said_so.priced


def test_a_span_of_weekdays_is_every_day_in_it() -> None:
    week = company().calendar.week
    assert week == {day: ((time(9), time(17)),) for day in range(5)}


def test_holidays_are_those_of_the_region_and_the_extra_ones() -> None:
    text = COMPANY.replace("region: BE}", "region: BE, extra: [2026-12-24], except: [2026-03-08]}")
    holidays = company(text).calendar.holidays
    assert {date(2026, 12, 25), date(2027, 3, 8), date(2026, 12, 24)} <= holidays
    assert date(2026, 3, 8) not in holidays


def test_a_team_has_the_companys_hours_unless_it_has_its_own() -> None:
    text = (
        COMPANY
        + '  east: {zone: Asia/Tokyo, hours: {mon-thu: ["08:00-12:00", "13:00-16:00"]}, holidays: {country: JP}}\n'
    )
    teams = company(text).teams
    assert teams["north"].calendar == company(text).calendar
    assert teams["east"].calendar.week[0] == ((time(8), time(12)), (time(13), time(16)))
    assert date(2026, 1, 1) in teams["east"].calendar.holidays
    assert date(2026, 10, 3) not in teams["east"].calendar.holidays
    assert teams["east"].calendar.is_open(datetime(2026, 3, 2, 0, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("company: Grills", "blast_radius: {accounts: 0}\ncompany: Grills", "playbooks/company.yaml:2:26: `0` is not a whole number from 1 to 100,000"),
        ("company: Grills", "blast_radius: {within: 2 business hours}\ncompany: Grills",
         "playbooks/company.yaml:2:24: `2 business hours`: business time means nothing here; write it in h, d or w"),
        ("Europe/Berlin", "Europe/Berln", "playbooks/company.yaml:3:7: 'Europe/Berln' is not a time zone; write an IANA name like Europe/Berlin"),
        ('mon-fri: ["09:00-17:00"]', "mon-fry: []", "playbooks/company.yaml:6:9: `mon-fry` is no weekday or span of weekdays; did you mean fri?"),
        ('"09:00-17:00"', '"9-17"', 'playbooks/company.yaml:6:19: `9-17` is no period of the day; write it like "09:00-17:00"'),
        ('"09:00-17:00"', '"17:00-09:00"', "playbooks/company.yaml:6:19: `17:00-09:00` ends before it begins; split it at midnight"),
        ('"09:00-17:00"', '"09:00-17:00", "16:00-18:00"', "playbooks/company.yaml:6:18: these periods overlap"),
        ("country: DE, region", "country: XX, region", "playbooks/company.yaml:7:11: no holidays are known for the country `XX`"),
        ("region: BE", "region: ZZ", "playbooks/company.yaml:7:11: no region `ZZ` of DE is known; known: Augsburg, BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP …"),
        ("named_person: helen\n", "", "playbooks/company.yaml:2:1: company.yaml needs `named_person`; add `named_person:` (a user name)"),
        ("capacity: 30", "capacity: many", "playbooks/company.yaml:13:54: `many` is not a whole number from 0 to 100,000"),
        ("per_person_per_day: 2", "per_person_a_day: 2", "playbooks/company.yaml:11:8: unknown key `per_person_a_day`; did you mean per_person_per_day?"),
    ],
)  # fmt: skip
def test_a_fault_says_where_it_is_and_what_to_do(old: str, new: str, message: str) -> None:
    assert old in COMPANY
    assert said(company=COMPANY.replace(old, new)) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("service_recovry: {}", "playbooks/defaults.yaml:1:1: `service_recovry` is no purpose; did you mean service_recovery?"),
        ("all: {cooldwn: 3d}", "playbooks/defaults.yaml:1:7: the defaults of all cannot have `cooldwn`; did you mean cooldown?"),
        ("all: {steps: {cal: {}}}", "playbooks/defaults.yaml:1:15: `steps` cannot have `cal`; did you mean call?"),
        ("all: {steps: {call: {revew: owner}}}", ("playbooks/defaults.yaml:1:22: a call step cannot have `revew`; "
         "known: after, brief, by, if, ladder, within")),
        ("all: {steps: [call]}", ("playbooks/defaults.yaml:1:14: the defaults of steps are a mapping; "
         "write `steps: {call: {ladder: …}}`")),
    ],
)  # fmt: skip
def test_defaults_have_known_layers_and_keys(text: str, message: str) -> None:
    assert said(defaults=text) == message


def test_a_wrong_value_in_the_defaults_is_told_where_it_stands() -> None:
    assert said(defaults="all: {cooldown: soon}") == (
        "playbooks/defaults.yaml:1:17: 'soon' is not a duration; "
        "write it like 30m, 4h, 2d, 3w, 4 business hours or 1 business day"
    )
