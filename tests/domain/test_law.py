"""The law rooms: the packs in playbooks/law as a table per state, then what must hold at every place."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import Invalid
from outreach.domain.facts import Channel, Person, Purpose
from outreach.domain.law import (
    LawAnswer,
    LawPack,
    Packs,
    Place,
    allowed_times,
    attempts_per_day,
    attempts_rule,
    closes,
    consent_needed,
    is_allowed,
    next_allowed,
    packs_of,
    place_of,
    relationship_until,
    screenings,
    zones_of,
)
from outreach.domain.lawbook import STRICT, public_holidays
from outreach.domain.lawline import Basis, ConsentNeed, PurposeClass, Rule
from outreach.domain.place import kind_of
from outreach.library.law import read_law
from outreach.library.yaml_reader import read_table

LAW = Path(__file__).parents[2] / "playbooks" / "law"
TODAY = date(2026, 12, 1)
SELL, SERVE = Purpose.WINBACK, Purpose.SERVICE_RECOVERY
EASTERN, CENTRAL, PACIFIC = "America/New_York", "America/Chicago", "America/Los_Angeles"


@cache
def shipped() -> Packs:
    packs, faults = read_law(
        [read_table(file.name, file.read_bytes()) for file in sorted(LAW.glob("*.yaml"))]
    )
    assert not faults, "\n".join(map(str, faults))
    return packs_of(packs)


def state(code: str) -> Place:
    """Somebody in that state, in the first of its zones."""
    return Place(("US",), (code,), zones_of("US", code)[:1], True, "stated address")


def at(text: str, zone: str = EASTERN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def ask(
    place: Place,
    t: datetime,
    purpose: Purpose = SELL,
    channel: Channel = Channel.CALL,
    asked_for: bool = False,
    kind: str = "private",
    packs: Packs | None = None,
) -> LawAnswer:
    return is_allowed(packs or shipped(), place, channel, purpose, asked_for, kind, t)


def pack(country: str, *lines: dict[str, Any], regions: dict[str, str] | None = None) -> LawPack:
    proof = {"source": "a test", "effective": "2020-01-01", "basis": "official", "review_by": "2030-01-01"}
    tree = {
        "law": f"test-{country.lower()}",
        "title": f"Land of {country}",
        "country": country,
        "regions": regions or {},
        "lines": [proof | line for line in lines],
    }
    return LawPack.from_tree(tree, "test.yaml", lambda _: (1, 1))


# ---------------------------------------------------------------- hours, state by state


@pytest.mark.parametrize(
    ("code", "day", "first", "last"),
    [
        ("CA", "2026-12-06", "08:00", "20:59"),  # federal, a Sunday
        ("CT", "2026-12-02", "09:00", "19:59"),
        ("CT", "2026-12-06", "09:00", "19:59"),
        ("FL", "2026-12-02", "08:00", "19:59"),
        ("MD", "2026-12-02", "08:00", "19:59"),
        ("MA", "2026-12-02", "08:00", "19:59"),
        ("OK", "2026-12-02", "08:00", "19:59"),
        ("AL", "2026-12-02", "08:00", "19:59"),
        ("AL", "2026-12-06", None, None),  # no Sundays
        ("LA", "2026-12-06", None, None),
        ("MS", "2026-12-06", None, None),
        ("MS", "2026-12-05", "08:00", "19:59"),
        ("KY", "2026-12-02", "10:00", "20:59"),
        ("NV", "2026-12-02", "09:00", "19:59"),
        ("RI", "2026-12-02", "09:00", "17:59"),
        ("RI", "2026-12-05", None, None),  # weekdays only
        ("PA", "2026-12-02", "08:00", "20:59"),
        ("PA", "2026-12-25", None, None),  # no holidays
        ("PA", "2026-07-03", None, None),  # Independence Day is observed on the Friday
        ("CT", "2026-12-25", "09:00", "19:59"),
        ("TX", "2026-12-05", "09:00", "20:59"),
        ("TX", "2026-12-06", "12:00", "20:59"),
        ("MI", "2026-12-06", "09:00", "20:59"),
    ],
)
@pytest.mark.parametrize("channel", [Channel.CALL, Channel.SMS])
def test_selling_hours_are_the_states(
    code: str, day: str, first: str | None, last: str | None, channel: Channel
) -> None:
    place = state(code)
    midnight = at(f"{day} 00:00", place.zones[0])
    minutes = [midnight + timedelta(minutes=n) for n in range(24 * 60)]
    allowed = [
        t.astimezone(ZoneInfo(place.zones[0])).strftime("%H:%M")
        for t in minutes
        if ask(place, t, SELL, channel).allowed
    ]
    assert (allowed[0] if allowed else None, allowed[-1] if allowed else None) == (first, last)


@pytest.mark.parametrize(
    ("place", "when", "zone", "allowed"),
    [
        (state("CT"), "2026-12-02 08:00", EASTERN, True),  # service is earlier than selling there
        (state("CT"), "2026-12-02 07:59", EASTERN, False),
        (state("CT"), "2026-12-02 20:00", EASTERN, False),
        (state("CT"), "2026-12-06 12:00", EASTERN, False),  # manners: no Sundays
        (state("PA"), "2026-12-25 12:00", EASTERN, True),
        (Place(("DE",), ("BY",), ("Europe/Berlin",)), "2026-12-05 19:59", "Europe/Berlin", True),
        (Place(("DE",), ("BY",), ("Europe/Berlin",)), "2026-12-06 12:00", "Europe/Berlin", False),
        (Place(("DE",), ("BY",), ("Europe/Berlin",)), "2026-01-06 12:00", "Europe/Berlin", False),  # Epiphany
        (Place(("DE",), ("BE",), ("Europe/Berlin",)), "2026-01-06 12:00", "Europe/Berlin", True),
        (
            Place(("DE",), (), ("Europe/Berlin",)),
            "2026-01-06 12:00",
            "Europe/Berlin",
            False,
        ),  # perhaps Bavaria
        (Place(("FR",), (), ("Europe/Paris",)), "2026-12-05 12:00", "Europe/Paris", True),
        (Place((), (), ("Europe/Paris",)), "2026-12-05 20:00", "Europe/Paris", False),
    ],
)
def test_service_calls_have_manners_too(place: Place, when: str, zone: str, allowed: bool) -> None:
    assert ask(place, at(when, zone), SERVE).allowed is allowed


def test_a_callback_asked_for_at_that_time_has_no_hours() -> None:
    night = at("2026-12-06 23:00")
    assert not ask(state("AL"), night, Purpose.CALLBACK).allowed
    assert ask(state("AL"), night, Purpose.CALLBACK, asked_for=True).allowed
    assert ask(Place(), night, Purpose.CALLBACK, asked_for=True).allowed


def test_selling_is_never_excused_by_having_been_asked_for() -> None:
    assert not ask(state("AL"), at("2026-12-06 23:00"), SELL, asked_for=True).allowed


def test_mail_and_tasks_have_no_legal_hours_unless_a_pack_says_so() -> None:
    night = at("2026-12-06 23:00")
    assert ask(state("AL"), night, SELL, Channel.EMAIL).allowed
    assert ask(Place(), night, SELL, Channel.TASK).allowed
    packs = Packs([pack("FR", {"hours": {"mon-sat": "08:00-22:00"}, "by": "email"})])
    paris = Place(("FR",), (), ("Europe/Paris",))
    assert not ask(paris, at("2026-12-06 12:00", "Europe/Paris"), SELL, Channel.EMAIL, packs=packs).allowed


# ---------------------------------------------------------------- unknown places


def test_a_person_of_an_unknown_state_is_in_all_of_them() -> None:
    anywhere = Place(("US",), (), (EASTERN, PACIFIC))
    assert not ask(anywhere, at("2026-12-02 12:59")).allowed  # before ten in Kentucky, if that is Pacific
    assert ask(anywhere, at("2026-12-02 13:00")).allowed
    assert not ask(anywhere, at("2026-12-02 18:00")).allowed  # six in the evening in Rhode Island
    assert not ask(anywhere, at("2026-12-05 14:00")).allowed  # and no Saturdays there


def test_an_unknown_country_has_the_strict_default() -> None:
    nowhere = Place((), (), ("Europe/Berlin",))
    assert ask(nowhere, at("2026-12-02 09:00", "Europe/Berlin")).allowed
    assert not ask(nowhere, at("2026-12-02 18:00", "Europe/Berlin")).allowed
    assert not ask(nowhere, at("2026-12-05 12:00", "Europe/Berlin")).allowed


def test_a_country_without_a_pack_has_the_strict_default_and_says_so() -> None:
    answer = ask(Place(("CH",), (), ("Europe/Zurich",)), at("2026-12-02 19:00", "Europe/Zurich"))
    assert not answer.allowed
    assert answer.pack == "default-strict"
    assert "strict default because no law pack is written for CH" in answer.sentence


def test_where_nothing_at_all_is_known_nobody_is_called() -> None:
    answer = ask(Place(), at("2026-12-02 12:00"), SERVE)
    assert (answer.allowed, answer.until) == (False, None)
    assert "nobody knows where she is" in answer.sentence


def test_where_no_hour_suits_all_zones_the_answer_asks_for_the_place() -> None:
    answer = ask(Place((), (), ("Asia/Tokyo", EASTERN)), at("2026-12-02 12:00"))
    assert (answer.allowed, answer.until) == (False, None)
    assert "ask her where she is" in answer.sentence


# ---------------------------------------------------------------- the next times, and screening


def test_the_next_allowed_times_are_those_in_which_it_is_allowed() -> None:
    place = Place(("GB",), ("ENG",), ("Europe/London",), True)
    friday = at("2026-11-27 18:00", "Europe/London")
    times = allowed_times(shipped(), place, Channel.CALL, SELL, "private", friday)
    assert [
        (f"{start:%a %H:%M}", f"{end:%H:%M}") for start, end in times if end is not None
    ] == [("Fri 18:00", "19:00"), ("Sat 10:00", "16:00"), ("Mon 09:00", "19:00"), ("Tue 09:00", "19:00"), ("Wed 09:00", "19:00")]  # fmt: skip
    for start, end in times:
        assert end is not None
        assert ask(place, start, packs=shipped()).allowed and not ask(place, end, packs=shipped()).allowed
    mail = allowed_times(shipped(), place, Channel.EMAIL, SERVE, "private", friday)
    assert mail == [(friday, None)]
    assert allowed_times(shipped(), Place(), Channel.CALL, SERVE, "", friday) == []


@pytest.mark.parametrize(
    ("countries", "channel", "purpose", "kind", "lists"),
    [
        (("US",), Channel.CALL, SELL, "private", {"us-dnc"}),
        (("US",), Channel.SMS, SELL, "private", {"us-dnc"}),
        (("US",), Channel.CALL, SELL, "business", set()),
        (("US",), Channel.CALL, SELL, "", {"us-dnc"}),
        (("US",), Channel.CALL, SERVE, "private", set()),
        (("GB",), Channel.CALL, SELL, "business", {"tps", "ctps"}),
        (("GB",), Channel.CALL, SELL, "private", {"tps"}),
        (("GB",), Channel.EMAIL, SELL, "private", set()),
        (("GB", "US"), Channel.CALL, SELL, "private", {"tps", "us-dnc"}),
        (("DE",), Channel.CALL, SELL, "private", set()),
    ],
)
def test_registries(
    countries: tuple[str, ...], channel: Channel, purpose: Purpose, kind: str, lists: set[str]
) -> None:
    found = screenings(shipped(), Place(countries), channel, purpose, kind, TODAY)
    assert {each.registry.list for each in found} == lists
    assert all(each.sentence for each in found)


def test_the_company_s_own_quiet_days_hold_everywhere_but_for_mails() -> None:
    plain, london = shipped(), Place(("GB",), ("ENG",), ("Europe/London",), True)
    packs = Packs(plain.all, [date(2026, 12, 2), date(2026, 12, 3)])
    wednesday = at("2026-12-02 10:00", "Europe/London")
    assert ask(london, wednesday, packs=plain).allowed
    answer = ask(london, wednesday, packs=packs)
    assert not answer.allowed and "our own quiet days" in answer.sentence
    assert answer.until == at("2026-12-04 09:00", "Europe/London")
    assert ask(london, wednesday, SERVE, Channel.EMAIL, packs=packs).allowed
    assert ask(london, wednesday, Purpose.CALLBACK, asked_for=True, packs=packs).allowed


# ---------------------------------------------------------------- examples


def test_an_example_that_comes_out_otherwise_is_a_fault_with_its_place() -> None:
    text = (
        (LAW / "gb.yaml")
        .read_bytes()
        .replace(
            b"10:00, by: call, for: solicitation, may: true",
            b"10:00, by: call, for: solicitation, may: false",
        )
    )
    _, faults = read_law([read_table("gb.yaml", text)])
    (fault,) = faults
    assert fault.file == "gb.yaml" and fault.line > 70 and "the pack says allowed" in fault.what


def test_an_example_in_no_zone_is_a_fault() -> None:
    text = (LAW / "gb.yaml").read_bytes().replace(b"10:00, by: call", b"10:00, zone: Mars/Base, by: call")
    _, faults = read_law([read_table("gb.yaml", text)])
    assert ["no time zone 'Mars/Base'" in fault.what for fault in faults] == [True]


# ---------------------------------------------------------------- private or business


@pytest.mark.parametrize(
    ("person", "account", "kind"),
    [
        (Person("a", phone="+4930123456"), "business", "business"),
        (Person("a", phone="+491701234567"), "business", ""),  # a mobile is a consumer's
        (Person("a", phone="+491701234567", business_line=True), "business", "business"),
        (Person("a", phone="+491701234567", mobile=False), "business", "business"),
        (Person("a", phone="+12125551234"), "business", ""),  # the plan does not tell them apart
        (Person("a", phone="+4930123456", mobile=True), "business", ""),
        (Person("a", phone="nonsense"), "business", ""),
        (Person("a"), "business", "business"),
        (Person("a", phone="+491701234567"), "private", "private"),
        (None, "business", "business"),
        (Person("a", phone="+491701234567"), "", ""),
    ],
)
def test_a_mobile_is_a_consumer_s_unless_it_is_shown(person: Person | None, account: str, kind: str) -> None:
    assert kind_of(person, account) == kind


# ---------------------------------------------------------------- trust


HOURS = {"hours": {"mon-sun": "07:00-22:00"}, "by": ["call", "sms"]}
PARIS = Place(("FR",), (), ("Europe/Paris",))
EVENING = at("2026-12-02 21:00", "Europe/Paris")


@pytest.mark.parametrize(
    ("line", "allowed", "because"),
    [
        ({"basis": "official"}, True, ""),
        ({"basis": "secondary"}, True, ""),
        ({"basis": "house"}, True, ""),
        ({"basis": "memory"}, False, "written from memory"),
        ({"review_by": "2026-12-02"}, True, ""),
        ({"review_by": "2026-12-01"}, False, "was to be reviewed by 2026-12-01"),
        ({"effective": "2026-12-03"}, False, "says nothing of it"),
    ],
)
def test_a_line_from_memory_or_past_its_review_means_the_strict_default(
    line: dict[str, str], allowed: bool, because: str
) -> None:
    packs = Packs([pack("FR", HOURS | line)])
    answer = ask(PARIS, EVENING, packs=packs)
    assert answer.allowed is allowed
    assert because in answer.sentence
    assert ("strict default" in answer.sentence) is not allowed


def test_the_strict_default_never_widens_the_line_it_stands_beside() -> None:
    late = {"hours": {"mon-fri": "17:00-22:00"}, "by": "call", "basis": "memory"}
    packs = Packs([pack("FR", late)])
    assert not ask(PARIS, at("2026-12-02 10:00", "Europe/Paris"), packs=packs).allowed
    assert ask(PARIS, at("2026-12-02 17:00", "Europe/Paris"), packs=packs).allowed


def test_a_line_that_is_still_to_come_counts_already_but_lifts_nothing() -> None:
    packs = Packs(
        [pack("FR", HOURS, {"hours": {"mon-fri": "10:00-12:00"}, "by": "call", "effective": "2027-01-01"})]
    )
    assert not ask(PARIS, EVENING, packs=packs).allowed
    assert ask(PARIS, at("2026-12-02 11:00", "Europe/Paris"), packs=packs).allowed


def test_germanys_selling_hours_are_from_memory_so_the_strict_default_holds() -> None:
    munich = Place(("DE",), ("BY",), ("Europe/Berlin",))
    answer = ask(munich, at("2026-12-05 12:00", "Europe/Berlin"))
    assert not answer.allowed
    assert "the line for Germany was written from memory" in answer.sentence


def test_without_any_pack_the_built_in_default_holds() -> None:
    packs = Packs([])
    assert ask(PARIS, at("2026-12-02 12:00", "Europe/Paris"), packs=packs).allowed
    assert not ask(PARIS, EVENING, packs=packs).allowed
    assert consent_needed(packs, PARIS, Channel.CALL, SELL, "private", TODAY).need is ConsentNeed.EXPRESS
    assert STRICT.countries == ("any",)


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("place", "when", "sentence"),
    [
        (
            state("CT"),
            "2026-12-02 07:00",
            (
                "may be called from 09:00 her time (Connecticut: 9–20, "
                "source: dropcowboy.com/state-compliance, table of 1 November 2025)"
            ),
        ),
        (
            state("CT"),
            "2026-12-02 10:30",
            (
                "may be called now, 10:30 her time (Connecticut: 9–20, "
                "source: dropcowboy.com/state-compliance, table of 1 November 2025)"
            ),
        ),
        (
            state("AL"),
            "2026-12-05 22:00",
            (
                "may be called from 08:00 on Monday 7 December her time (Alabama: Mon–Sat 8–20, "
                "source: dropcowboy.com/state-compliance, table of 1 November 2025)"
            ),
        ),
        (
            state("PA"),
            "2026-12-25 12:00",
            (
                "may be called from 08:00 on Saturday 26 December her time (Pennsylvania: no public holidays, "
                "source: dropcowboy.com/state-compliance, table of 1 November 2025, and g2leadstosales.com)"
            ),
        ),
        (
            Place(("US",), (), (EASTERN, PACIFIC)),
            "2026-12-02 09:00",
            (
                "may be called from 10:00 her time, or 13:00, depending on where she is (Kentucky: 10–21, "
                "source: dropcowboy.com/state-compliance, table of 1 November 2025)"
            ),
        ),
    ],
)
def test_the_answer_is_a_sentence_with_the_line_that_decides(place: Place, when: str, sentence: str) -> None:
    assert ask(place, at(when)).sentence == sentence


def test_a_text_is_sent_and_a_call_is_called() -> None:
    assert ask(state("CT"), at("2026-12-02 07:00"), SELL, Channel.SMS).sentence.startswith(
        "may be sent a text from"
    )


def test_the_allowed_stretch_ends_where_the_strictest_zone_closes() -> None:
    place = Place(("US",), ("CT",), (EASTERN, CENTRAL))
    found = closes(shipped(), place, Channel.SMS, SELL, "private", at("2026-12-02 12:00"))
    assert found == at("2026-12-02 20:00")
    assert closes(shipped(), place, Channel.EMAIL, SELL, "private", at("2026-12-02 12:00")) is None


# ---------------------------------------------------------------- attempts, relationship, consent


@pytest.mark.parametrize(
    ("place", "purpose", "attempts", "where"),
    [
        (state("FL"), SELL, 3, "United States"),
        (state("CA"), SERVE, 3, "United States"),
        (Place(("DE",)), SELL, 1, "Germany"),
        (Place(("DE",)), SERVE, 3, "Germany"),
        (Place(), SELL, 1, "Anywhere"),
        (Place(("US", "DE")), SELL, 1, "Germany"),
    ],
)
def test_attempts_in_24_hours(place: Place, purpose: Purpose, attempts: int, where: str) -> None:
    assert attempts_per_day(shipped(), place, purpose, TODAY) == attempts
    line = attempts_rule(shipped(), place, purpose, TODAY)[1]
    assert line is not None and line.where == where


def test_florida_counts_three_attempts_by_itself() -> None:
    lines = shipped().applied(Rule.ATTEMPTS, state("FL"), Channel.CALL, PurposeClass.SOLICITATION, "", TODAY)
    assert any(applied.line.where == "Florida" and applied.line.value == 3 for applied in lines)


@pytest.mark.parametrize(
    ("code", "purchase", "inquiry"),
    [
        ("CA", "2027-11-30", "2026-08-30"),
        ("CT", "2027-05-30", "2026-08-30"),
        ("TX", "2027-05-30", "2026-08-30"),
        ("LA", "2026-11-30", "2026-08-30"),
        ("MO", "2026-11-30", "2026-08-30"),
        ("MI", "2027-05-30", None),
        ("NJ", "2027-11-30", None),
        ("WI", "2027-11-30", None),
        ("IN", None, None),
        ("", None, None),  # unknown state: perhaps Indiana
    ],
)
def test_relationship_windows(code: str, purchase: str | None, inquiry: str | None) -> None:
    place = state(code) if code else Place(("US",))
    since = at("2026-05-30 12:00")
    bought = relationship_until(shipped(), place, since, None, TODAY)
    asked = relationship_until(shipped(), place, None, since, TODAY)
    assert (bought and bought.date().isoformat(), asked and asked.date().isoformat()) == (purchase, inquiry)
    assert relationship_until(shipped(), place, since, since, TODAY) == (bought or asked)
    assert relationship_until(shipped(), place, None, None, TODAY) is None


def test_months_end_within_the_month() -> None:
    packs = Packs([pack("FR", {"relationship": {"purchase": 18}})])
    leap = relationship_until(packs, PARIS, datetime(2026, 8, 31, tzinfo=UTC), None, TODAY)
    assert leap == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "channel", "purpose", "kind", "need"),
    [
        (Place(("DE",)), Channel.CALL, SELL, "private", ConsentNeed.EXPRESS),
        (Place(("DE",)), Channel.CALL, SELL, "business", ConsentNeed.RELATIONSHIP),
        (Place(("DE",)), Channel.CALL, SELL, "", ConsentNeed.EXPRESS),  # may be either
        (Place(("DE",)), Channel.EMAIL, SELL, "business", ConsentNeed.EXPRESS),
        (Place(("DE",)), Channel.CALL, SERVE, "private", ConsentNeed.NONE),
        (Place(("US",)), Channel.CALL, SELL, "private", ConsentNeed.RELATIONSHIP),
        (Place(("US",)), Channel.CALL, SELL, "business", ConsentNeed.NONE),
        (Place(("US",)), Channel.SMS, SELL, "business", ConsentNeed.EXPRESS),
        (Place(("US",)), Channel.EMAIL, SELL, "private", ConsentNeed.NONE),
        (Place(("US", "CA")), Channel.EMAIL, SELL, "private", ConsentNeed.RELATIONSHIP),
        (Place(("CA",)), Channel.CALL, SELL, "private", ConsentNeed.EXPRESS),  # from memory
        (Place(("GB",)), Channel.CALL, SELL, "private", ConsentNeed.RELATIONSHIP),
        (Place(("GB",)), Channel.EMAIL, SELL, "business", ConsentNeed.EXPRESS),
        (Place(("FR",)), Channel.CALL, SELL, "business", ConsentNeed.EXPRESS),
        (Place(("CH",)), Channel.CALL, SELL, "business", ConsentNeed.EXPRESS),
        (Place(), Channel.EMAIL, SELL, "private", ConsentNeed.EXPRESS),
        (Place(), Channel.CALL, SERVE, "private", ConsentNeed.NONE),
        (Place(), Channel.CALL, Purpose.CALLBACK, "private", ConsentNeed.NONE),
        (Place(), Channel.TASK, SELL, "private", ConsentNeed.NONE),
    ],
)
def test_consent(place: Place, channel: Channel, purpose: Purpose, kind: str, need: ConsentNeed) -> None:
    rule = consent_needed(shipped(), place, channel, purpose, kind, TODAY)
    assert rule.need is need
    assert rule.sentence


def test_an_expired_consent_line_asks_for_express_consent() -> None:
    place = Place(("US",))
    late = date(2028, 1, 1)
    rule = consent_needed(shipped(), place, Channel.CALL, SELL, "business", late)
    assert rule.need is ConsentNeed.EXPRESS
    assert "was to be reviewed by" in rule.sentence
    assert relationship_until(shipped(), state("CA"), at("2027-12-01 12:00"), None, late) is None
    assert attempts_per_day(shipped(), place, SELL, late) == 1


# ---------------------------------------------------------------- the packs themselves


def test_every_shipped_line_says_where_it_is_from() -> None:
    files = {file.stem for file in LAW.glob("*.yaml")}
    packs, _ = read_law([read_table(file.name, file.read_bytes()) for file in LAW.glob("*.yaml")])
    assert {pack.name for pack in packs} == files >= {"default-strict", "us", "de", "gb", "ca", "eu"}
    assert all(one.examples for one in packs if one.name != "default-strict")
    for one in packs:
        for line in one.lines:
            assert line.source and line.words and line.review_by > line.effective
            assert line.basis is not Basis.MEMORY or one.name in ("de", "ca")


GOOD = {
    "law": "xx",
    "title": "Nowhere",
    "country": "XX",
    "regions": {"AA": "Aland"},
    "lines": [
        {
            "hours": {"mon-fri": ["09:00-12:00", "13:00-24:00"], "sat": "none"},
            "for": "solicitation",
            "by": ["call"],
            "to": "private",
            "in": ["AA"],
            "source": "x",
            "effective": date(2025, 1, 1),
            "basis": "secondary",
            "review_by": "2026-01-01",
        }
    ],
}


def changed(**keys: Any) -> dict[str, Any]:
    return GOOD | {"lines": [GOOD["lines"][0] | keys]}  # type: ignore[index]


def changed_to(**keys: Any) -> dict[str, Any]:
    """The same line about something else than hours."""
    kept = {name: value for name, value in GOOD["lines"][0].items() if name != "hours"}  # type: ignore[index]
    return GOOD | {"lines": [kept | keys]}


def test_a_good_pack_is_read() -> None:
    line = LawPack.from_tree(GOOD, "xx.yaml", lambda _: (1, 1)).lines[0]
    assert (line.where, line.words) == ("Aland", "Mon–Fri 9–12 and 13–24")


@pytest.mark.parametrize(
    ("tree", "path", "what"),
    [
        ([], (), "must be keys with values"),
        ({}, (), "'law' is missing"),
        (GOOD | {"law": "Big Law"}, ("law",), "is not a name"),
        (GOOD | {"country": "USA"}, ("country",), "is not a country code"),
        (GOOD | {"country": False}, ("country",), "is not a country code"),
        (GOOD | {"country": ["FR", "Italy"]}, ("country",), "'Italy' is not a country code"),
        (changed_to(registry={"list": "tps"}), ("lines", 0, "registry"), "'days' is missing"),
        (
            changed_to(registry={"list": "tps", "days": 0}),
            ("lines", 0, "registry", "days"),
            "is not a whole number",
        ),
        (
            GOOD | {"examples": [{"at": "soon", "by": "call", "for": "service", "may": True}]},
            ("examples", 0, "at"),
            "no wall time",
        ),
        (
            GOOD | {"examples": [{"at": "2026-03-02 09:00", "by": "call", "for": "service", "may": "no"}]},
            ("examples", 0, "may"),
            "is not true or false",
        ),
        (
            GOOD
            | {
                "examples": [
                    {"at": "2026-03-02 09:00", "by": "call", "for": "service", "may": True, "in": "ZZ"}
                ]
            },
            ("examples", 0, "in"),
            "'ZZ' is not known here",
        ),
        (GOOD | {"contry": "US"}, ("contry",), "did you mean 'country'?"),
        (GOOD | {"lines": []}, ("lines",), "at least one item"),
        (GOOD | {"lines": ["x"]}, ("lines", 0), "must be keys with values"),
        (GOOD | {"regions": ["AA"]}, ("regions",), "must map codes to names"),
        (changed(attempts=3), ("lines", 0), "this has 2"),
        (changed(hours="9-5"), ("lines", 0, "hours"), "must map days to times"),
        (changed(hours={"mo-fr": "09:00-17:00"}), ("lines", 0, "hours", "mo-fr"), "is not a day"),
        (changed(hours={"sat-mon": "09:00-17:00"}), ("lines", 0, "hours", "sat-mon"), "runs backwards"),
        (changed(hours={"mon": 540}), ("lines", 0, "hours", "mon"), "is not a stretch of time"),
        (changed(hours={"mon": "9-17"}), ("lines", 0, "hours", "mon"), "is not a stretch of time"),
        (changed(hours={"mon": "17:00-09:00"}), ("lines", 0, "hours"), "ends before it begins"),
        (
            changed(hours={"mon": "09:00-17:00", "mon-fri": "none"}),
            ("lines", 0, "hours", "mon-fri"),
            "already",
        ),
        (changed(basis="secondry"), ("lines", 0, "basis"), "did you mean 'secondary'?"),
        (changed(by="fax"), ("lines", 0, "by"), "known are call, sms, email"),
        (changed(**{"in": ["ZZ"]}), ("lines", 0, "in"), "'ZZ' is not known here"),
        (changed(to=[]), ("lines", 0, "to"), "concerns nobody"),
        (changed(review_by="soon"), ("lines", 0, "review_by"), "is not a date"),
        (changed(review_by="2024-01-01"), ("lines", 0, "review_by"), "before it takes effect"),
        (changed(source=" "), ("lines", 0, "source"), "is not a text"),
    ],
)
def test_a_wrong_pack_is_refused_with_place_and_remedy(
    tree: Any, path: tuple[str | int, ...], what: str
) -> None:
    seen: list[tuple[str | int, ...]] = []

    def position(asked: tuple[str | int, ...]) -> tuple[int, int]:
        seen.append(asked)
        return len(seen), len(asked) + 1

    with pytest.raises(Invalid, match=r"xx\.yaml") as caught:
        LawPack.from_tree(tree, "xx.yaml", position)
    told = [(asked, str(fault)) for asked, fault in zip(seen, caught.value.faults, strict=True)]
    assert any(asked == path and what in words for asked, words in told)


def test_all_faults_are_told_at_once() -> None:
    tree = GOOD | {
        "law": 7,
        "lines": [{"attempts": 0}, {"relationship": {"purchase": True}}, {"consent": None}],
    }
    with pytest.raises(Invalid) as caught:
        LawPack.from_tree(tree, "xx.yaml", lambda _: (1, 1))
    assert len(caught.value.faults) == 1 + 3 * 5


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["us", "US", "any", "none"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["law", "title", "country", "lines", "hours", "for", "source"]), inner
        )
    ),
)


@given(trees)
def test_any_tree_is_a_pack_or_invalid(tree: Any) -> None:
    with pytest.raises(Invalid):
        LawPack.from_tree(tree, "xx.yaml", lambda _: (1, 1))


# ---------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("person", "account", "countries", "regions", "zones", "sure"),
    [
        (Person("a", country="US", region="US-CT"), (), ("US",), ("CT",), (EASTERN,), True),
        (Person("a", country="us", region="fl"), (), ("US",), ("FL",), (EASTERN, CENTRAL), False),
        (Person("a", country="US", region="FL", zone=CENTRAL), (), ("US",), ("FL",), (CENTRAL,), True),
        (Person("a", country="DE"), (), ("DE",), (), ("Europe/Berlin",), True),
        (Person("a", country="UK"), (), ("GB",), (), ("Europe/London",), True),
        (Person("a", phone="+4930123456"), ("US", "CT", EASTERN), ("DE",), (), ("Europe/Berlin",), False),
        (Person("a", phone="+12125551234"), ("US", "CT", EASTERN), ("US",), (), (EASTERN,), False),
        (Person("a", phone="+18505551234"), (), ("US",), (), (CENTRAL, EASTERN), False),
        (Person("a", phone="+14165551234"), (), ("CA",), (), ("America/Toronto",), False),
        (Person("a", country="US", phone="+12125551234"), (), ("US",), (), (EASTERN,), False),
        (Person("a", country="FR", phone="+12125551234"), (), ("FR",), (), ("Europe/Paris",), True),
        (
            Person("a", phone="+18005551234"),
            ("DE", "BY", "Europe/Berlin"),
            ("DE",),
            ("BY",),
            ("Europe/Berlin",),
            False,
        ),
        (Person("a", country="US", region="Connecticut"), (), ("US",), ("CT",), (EASTERN,), True),
        (Person("a", country="US", region="us-ct"), (), ("US",), ("CT",), (EASTERN,), True),
        (Person("a", phone="junk"), ("US", "CT", None), ("US",), ("CT",), (EASTERN,), False),
        (Person("a"), (None, None, "Europe/Berlin"), (), (), ("Europe/Berlin",), False),
        (Person("a"), (None, None, None, "Asia/Tokyo"), (), (), ("Asia/Tokyo",), False),
        (Person("a", zone="Asia/Tokyo"), (), (), (), ("Asia/Tokyo",), False),
        (Person("a", zone="Mars/Base", country="??"), (), (), (), (), False),
        (Person("a"), (), (), (), (), False),
    ],
)
def test_where_somebody_may_be(
    person: Person,
    account: tuple[str | None, ...],
    countries: tuple[str, ...],
    regions: tuple[str, ...],
    zones: tuple[str, ...],
    sure: bool,
) -> None:
    place = place_of(person, *account)
    assert (place.countries, place.regions, place.zones, place.sure) == (countries, regions, zones, sure)


def test_a_region_that_nobody_can_read_is_any_of_them() -> None:
    assert place_of(Person("a", country="US", region="Conecticut")) == place_of(Person("a", country="US"))


def test_a_wide_country_is_everywhere_at_once() -> None:
    assert len(place_of(Person("a", country="US")).zones) == 8
    assert len(place_of(Person("a", phone="+61412345678")).zones) > 4


@given(st.text(max_size=20), st.text(max_size=5), st.text(max_size=5), st.text(max_size=12))
def test_no_address_and_no_number_makes_it_stumble(phone: str, country: str, region: str, zone: str) -> None:
    person = Person("a", phone=phone, country=country, region=region, zone=zone)
    place = place_of(person, country, region, zone)
    answer = ask(place, at("2026-12-02 12:00"), SERVE)
    assert answer.sentence


@given(st.sampled_from(["+1212", "+1850", "+49", "+44", "+7", "+55", "+977"]), st.integers(0, 10**8))
def test_a_number_gives_zones_that_exist(prefix: str, rest: int) -> None:
    place = place_of(Person("a", phone=f"{prefix}{rest}"))
    assert all(ZoneInfo(zone) for zone in place.zones)


def test_holidays_of_no_known_country_are_none() -> None:
    assert public_holidays("XX", "", 2026) == frozenset()
    assert date(2026, 12, 25) in public_holidays("US", "PA", 2026)


# ---------------------------------------------------------------- what holds at every place

STATES = ("", "CT", "AL", "PA", "RI", "KY", "TX", "IN", "CA")
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
purposes = st.sampled_from([SELL, SERVE, Purpose.CALLBACK])
zones = st.lists(
    st.sampled_from([EASTERN, CENTRAL, PACIFIC, "Pacific/Honolulu", "Europe/Berlin"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
places = st.one_of(
    st.builds(
        lambda code, zones: Place(("US",), (code,) if code else (), zones), st.sampled_from(STATES), zones
    ),
    st.builds(Place, st.sampled_from([("DE",), ("FR",), ("US", "DE"), ()]), st.just(()), zones),
)


@given(zones, purposes, instants)
def test_what_is_allowed_somewhere_unknown_is_allowed_wherever_it_may_be(
    where: tuple[str, ...], purpose: Purpose, t: datetime
) -> None:
    if ask(Place(("US",), (), where), t, purpose).allowed:
        for code in STATES:
            for zone in where:
                assert ask(Place(("US",), (code,) if code else (), (zone,)), t, purpose).allowed


@given(places, purposes, instants)
def test_two_plausible_countries_allow_what_each_allows(place: Place, purpose: Purpose, t: datetime) -> None:
    both = Place(("US", "DE", "FR"), (), place.zones)
    if ask(both, t, purpose).allowed:
        for country in both.countries:
            assert ask(Place((country,), (), place.zones), t, purpose).allowed


@given(places, purposes, st.sampled_from([Channel.CALL, Channel.SMS]), instants, st.integers(0, 3000))
def test_the_next_allowed_time_is_allowed_and_nothing_before_it_is(
    place: Place, purpose: Purpose, channel: Channel, t: datetime, later: int
) -> None:
    not_before = t + timedelta(minutes=later)
    found = next_allowed(shipped(), place, channel, purpose, False, "private", t, not_before)
    if found is not None:
        assert found >= not_before
        assert ask(place, found, purpose, channel).allowed
    probe, last = not_before, found or not_before + timedelta(days=4)
    while probe < last:
        assert not ask(place, probe, purpose, channel).allowed
        probe += timedelta(minutes=17)
    if found is not None and found > not_before:
        assert not ask(place, found - timedelta(minutes=1), purpose, channel).allowed


@given(places, purposes, instants)
def test_the_answer_knows_until_when(place: Place, purpose: Purpose, t: datetime) -> None:
    answer = ask(place, t, purpose)
    following = next_allowed(shipped(), place, Channel.CALL, purpose, False, "private", t)
    assert answer.until == (None if answer.allowed else following)
    assert (following == t) == answer.allowed
    assert answer.sentence.startswith("may")
