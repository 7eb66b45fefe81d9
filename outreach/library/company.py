"""Reads ``company.yaml``: place, hours, holidays, teams, caps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from functools import lru_cache
from itertools import pairwise
from typing import Any

from outreach.domain.blast import USUAL, Radius
from outreach.domain.company import Caps, Company, Costs, Team
from outreach.domain.errors import Fault
from outreach.domain.hours import Calendar
from outreach.library.groups import Group, Key, Many, Named
from outreach.library.kinds import Flag, Length, Number, Reading, Schema, Text, did_you_mean, text_of
from outreach.library.tree import Listing, Node, Scalar, Table

HOLIDAY_YEARS = range(2015, 2036)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIOD = re.compile(r"(\d{1,2}):(\d{2})\s*[-\N{EN DASH}]\s*(\d{1,2}):(\d{2})")

Week = dict[int, tuple[tuple[time, time], ...]]


class Hours:
    """Opening hours: a line per weekday, or per span of weekdays (``mon-fri``), with its periods."""

    words = 'per weekday (mon … sun, or mon-fri): a list of periods such as "09:00-17:00"'

    def read(self, node: Node, reading: Reading) -> Week | None:
        if not isinstance(node, Table):
            reading.note(node, "hours must be a mapping of weekdays", 'write `mon: ["09:00-17:00"]`')
            return None
        week: Week = {}
        for name, key, value in node:
            periods = tuple(sorted(_periods(value, reading)))
            for day in _days(name, key, reading):
                week[day] = periods
            if any(a[1] > b[0] for a, b in pairwise(periods)):
                reading.note(value, "these periods overlap")
        return week

    def schema(self) -> Schema:
        period = {"type": "string", "pattern": f"^{_PERIOD.pattern}$", "examples": ["09:00-17:00"]}
        ends = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
        shut = {"enum": ["closed", "none", "", None]}
        several = {"type": "array", "items": {"anyOf": [period, ends]}}
        return {"type": "object", "additionalProperties": {"anyOf": [period, shut, several]}}


class CalendarDay:
    words = "a date such as 2026-12-24"

    def read(self, node: Node, reading: Reading) -> date | None:
        scalar = text_of(node, reading, self.words)
        if scalar is None:
            return None
        try:
            return date.fromisoformat(scalar.text)
        except ValueError:
            reading.note(node, f"`{scalar.text[:40]}` is not {self.words}")
            return None

    def schema(self) -> Schema:
        return {"type": "string", "format": "date"}


USER = Text("a user name", r"[A-Za-z0-9][A-Za-z0-9._@-]*")
HOLIDAYS = Group(
    "holidays",
    (
        Key("country", Text("a country code such as DE", "[A-Z]{2}"), "public holidays of this country", "the company's"),
        Key("region", Text("a region's code such as BE", "[A-Z0-9-]{1,6}"), "and of this state or province", "the company's"),
        Key("extra", Many(CalendarDay(), empty=True), "closed on these days, too"),
        Key("except", Many(CalendarDay(), empty=True), "open on these days although they are holidays"),
    ),
)  # fmt: skip
CAPS = Group(
    "caps",
    tuple(
        Key(name, Number(1, 1000, whole=True), "at most so many", "no cap")
        for name in Caps.__dataclass_fields__
    ),
)
BLAST_RADIUS = Group(
    "blast_radius",
    (
        Key("accounts", Number(1, 100_000, whole=True), "so many accounts", "200"),
        Key("within", Length(business=False), "within so long", "1h"),
    ),
)
COSTS = Group(
    "costs",
    (
        Key("call_minutes", Number(0.1, 600), "minutes that one call takes, with what is read before and written after", "a working day, shared by the team's capacity"),
        Key("call_minute", Number(0, 1000), "what a minute of a call costs"),
        Key("email", Number(0, 1000), "what an e-mail costs"),
        Key("sms", Number(0, 1000), "what an SMS costs"),
    ),
)  # fmt: skip
SENDER = Group(
    "sender",
    (
        Key("name", Text(), "who signs", "the company"),
        Key("email", Text(), "the address mail comes from", "the settings'"),
        Key("phone", Text(), "the number an answer can ring", "the company's"),
    ),
)
TEAM = Group(
    "a team",
    (
        Key("title", Text(), "what people call it"),
        Key("zone", Text(), "its time zone", "the company's"),
        Key("hours", Hours(), "when it works", "the company's"),
        Key("holidays", HOLIDAYS, "when it does not", "the company's"),
        Key("members", Many(USER, empty=True), "user names"),
        Key("manager", USER, "where overdue calls climb to"),
        Key("capacity", Number(0, 100_000, whole=True), "calls it can make in a working day"),
    ),
)
COMPANY = Group(
    "company.yaml",
    (
        Key("company", Text(), "the company's name", required=True),
        Key("zone", Text(), "IANA time zone", required=True),
        Key("country", Text("a country code such as DE", "[A-Z]{2}"), "ISO 3166 code", required=True),
        Key("region", Text(), "state or province"),
        Key("language", Text("a language code such as de", "[a-z]{2,3}(-[A-Za-z0-9]{2,8})*"), "the language of last resort", required=True),
        Key("currency", Text("a currency code such as EUR", "[A-Z]{3}"), "the currency of limits and values", "EUR"),
        Key("postal_address", Text(), "shown in every mail, as the law asks"),
        Key("phone", Text(), "where customers can ring"),
        Key("sender", SENDER, "in whose name mail leaves when no account manager is known"),
        Key("care_text", Text(), "the first words on the customer's own page"),
        Key("missed_call", Text(), "what a caller hears when nobody can come; {time} is the hour by which you ring", "a sentence in the company's language"),
        Key("hours", Hours(), "when the company works", required=True),
        Key("holidays", HOLIDAYS, "when it does not"),
        Key("quiet_days", Many(CalendarDay(), empty=True), "nobody is rung or texted on these days, wherever they live"),
        Key("keeps_consents", Flag(), "whether who has no consent here has none, for other senders who ask, too; no: only what we were told of a person's consents counts for them", "no"),
        Key("keep_messages", Length(business=False), "how long the texts of messages are kept, ours and theirs", "730d"),
        Key("named_person", USER, "the last rung of every ladder", required=True),
        Key("unreached_after", Length(), "N: overdue calls and unreached failures climb at N, 2N and 4N", "4 business hours"),
        Key("look_again", Length(), "a reached failure that is not put right comes back after it", "2 business days"),
        Key("caps", CAPS, "the most contact one person or endpoint gets"),
        Key("blast_radius", BLAST_RADIUS, "the most accounts that one playbook reaches before a second person is asked"),
        Key("costs", COSTS, "what contacts cost, in the currency above; a backtest counts it, nothing is judged by it"),
        Key("teams", Named(TEAM, what="team"), "who works together"),
    ),
)  # fmt: skip


def read_company(tree: Table) -> tuple[Company | None, list[Fault]]:
    """The company and its faults; None where too much is wrong to make one."""
    reading = Reading()
    values = COMPANY.read(tree, reading)
    if reading.faults or values is None:
        return None, reading.faults
    company = _company(tree, values, reading)
    return (None if reading.faults else company), reading.faults


def _company(tree: Table, values: Mapping[str, Any], reading: Reading) -> Company | None:
    off = _days_off(tree, values["holidays"] or {}, values, reading)
    calendar = _calendar(tree, values, values, off, reading)
    if calendar is None:
        return None
    teams = _teams(tree, values, off, reading)
    texts, sender = (
        ("region", "currency", "postal_address", "phone", "care_text", "missed_call"),
        values["sender"] or {},
    )
    given = {name: values[name] for name in texts if values[name]}
    return Company(
        name=values["company"],
        zone=values["zone"],
        country=values["country"],
        language=values["language"],
        calendar=calendar,
        named_person=values["named_person"],
        unreached_after=values["unreached_after"] or _length("4 business hours"),
        keeps_consents=bool(values["keeps_consents"]),
        keep_messages=(values["keep_messages"] or _length("730d")).plain,
        quiet_days=frozenset(values["quiet_days"] or ()),
        look_again=values["look_again"] or _length("2 business days"),
        sender_name=sender.get("name") or values["company"],
        sender_email=sender.get("email") or "",
        sender_phone=sender.get("phone") or values["phone"] or "",
        caps=Caps(**(values["caps"] or {})),
        blast_radius=_radius(values["blast_radius"] or {}),
        costs=Costs(**(values["costs"] or {})),
        teams=teams,
        **given,
    )


def _radius(given: Mapping[str, Any]) -> Radius:
    within = given.get("within")
    return Radius(given.get("accounts") or USUAL.accounts, within.plain if within else USUAL.within)


def _length(text: str) -> Any:
    return Length().read(Scalar("company.yaml", 0, 0, text, text), Reading())


def _teams(tree: Table, values: Mapping[str, Any], off: frozenset[date], reading: Reading) -> dict[str, Team]:
    nodes, teams = tree.get("teams"), {}
    for name, given in (values["teams"] or {}).items():
        node = (nodes.get(name) if isinstance(nodes, Table) else None) or tree
        own_off = _days_off(node, given["holidays"], values, reading) if given["holidays"] else off
        calendar = _calendar(node, given, values, own_off, reading)
        if calendar is not None:
            members, manager = given["members"] or (), given["manager"] or ""
            teams[name] = Team(name, calendar, members, manager, given["capacity"], given["title"] or name)
    return teams


def _days_off(
    node: Node, days: Mapping[str, Any], company: Mapping[str, Any], reading: Reading
) -> frozenset[date]:
    """Public holidays and extra days, without the exceptions. No ``holidays`` at all: none."""
    region = days.get("region") or (None if days.get("country") else company["region"])
    try:
        public = public_holidays(days.get("country") or company["country"], region) if days else frozenset()
    except ValueError as error:
        what, _, remedy = str(error).partition("; ")
        reading.note(_value(node, "holidays"), what, remedy)
        return frozenset()
    return (public | frozenset(days.get("extra") or ())) - frozenset(days.get("except") or ())


def _calendar(
    node: Node, own: Mapping[str, Any], company: Mapping[str, Any], off: frozenset[date], reading: Reading
) -> Calendar | None:
    """With the team's own zone and hours, else the company's."""
    try:
        calendar = Calendar(own["zone"] or company["zone"], own["hours"] or company["hours"] or {}, off)
    except ValueError as error:
        what, _, remedy = str(error).partition("; ")
        reading.note(_value(node, "zone"), what, remedy)
        return None
    if not any(calendar.week.values()):
        reading.note(_value(node, "hours"), "these hours are never open", 'write `mon-fri: ["09:00-17:00"]`')
    return calendar


def _value(node: Node, key: str) -> Node:
    return (node.get(key) if isinstance(node, Table) else None) or node


@lru_cache(maxsize=64)
def public_holidays(country: str, region: str | None) -> frozenset[date]:
    """The public holidays of 2015 to 2035. Raises ValueError for an unknown country or region."""
    import holidays  # 0.4 s, and only needed when rules are read

    known = holidays.list_supported_countries()
    if country not in known:
        raise ValueError(f"no holidays are known for the country `{country}`")
    if region is not None and region not in known[country]:
        remedy = did_you_mean(region, known[country])
        raise ValueError(f"no region `{region}` of {country} is known; {remedy}")
    return frozenset(holidays.country_holidays(country, subdiv=region, years=HOLIDAY_YEARS))


def _days(name: str, key: Node, reading: Reading) -> range:
    first, _, last = (part.strip().lower() for part in name.replace("\N{EN DASH}", "-").partition("-"))
    begin, end = _day(first), _day(last or first)
    if begin is None or end is None or end < begin:
        wrong = first if begin is None else last or first
        reading.note(key, f"`{name}` is no weekday or span of weekdays", did_you_mean(wrong, DAYS))
        return range(0)
    return range(begin, end + 1)


def _day(word: str) -> int | None:
    for names in (DAYS, _LONG):
        if word in names:
            return names.index(word)
    return None


def _periods(node: Node, reading: Reading) -> list[tuple[time, time]]:
    nodes = node.items if isinstance(node, Listing) else (node,)
    if isinstance(node, Scalar) and node.text in ("closed", "none", ""):
        return []
    return [period for item in nodes if (period := _period(item, reading))]


def _period(node: Node, reading: Reading) -> tuple[time, time] | None:
    if (
        isinstance(node, Listing)
        and len(node.items) == 2
        and all(isinstance(end, Scalar) for end in node.items)
    ):
        text = "-".join(end.text for end in node.items if isinstance(end, Scalar))
    else:
        text = node.text if isinstance(node, Scalar) else ""
    found = _PERIOD.fullmatch(text)
    try:
        h1, m1, h2, m2 = map(int, found.groups()) if found else (99, 0, 0, 0)
        start, end = time(h1, m1), time(h2 % 24 if (h2, m2) == (24, 0) else h2, m2)
    except ValueError:
        reading.note(node, f"`{text[:40]}` is no period of the day", 'write it like "09:00-17:00"')
        return None
    if end <= start and end != time(0):
        reading.note(node, f"`{text}` ends before it begins", "split it at midnight")
        return None
    return start, end
