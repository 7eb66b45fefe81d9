"""Where somebody may be: the countries, regions and time zones that are plausible.

Law and manners go by the called party's place. A stated address is believed; a telephone number
proves its country and a set of zones, never a region (people keep numbers when they move); the
account's address is a guess about its people. What is not known stays plausible: all of it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from outreach.domain.facts import Person
from outreach.domain.wallclock import zone_of

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


@dataclass(frozen=True, slots=True)
class Place:
    """Everywhere somebody may be. Empty ``countries`` or ``regions``: unknown, so any.

    ``countries`` are ISO 3166-1 codes, ``regions`` the subdivisions' own codes (CT, BY) and only given
    for a single country, ``zones`` IANA names. ``sure`` when country and zone were stated.
    """

    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    sure: bool = False
    known_by: str = "nothing"
    """stated address · phone number · account · nothing; for the sentence that people read."""


# Regions of the United States by the zones their people live in; border counties make some appear twice.
_US_ZONES = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC TN VA VT WV",
    "America/Chicago": "AL AR FL IA IL IN KS KY LA MI MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "AZ CO ID KS MT ND NE NM NV OR SD TX UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA ID NV OR WA",
    "America/Anchorage": "AK",
    "America/Adak": "AK",
    "Pacific/Honolulu": "HI",
}
# The zones of a country that shares its calling code with others; all others are read off their numbers.
_SHARED_CODE_ZONES = {
    "US": tuple(_US_ZONES),
    "CA": (
        "America/St_Johns",
        "America/Halifax",
        "America/Toronto",
        "America/Winnipeg",
        "America/Regina",
        "America/Edmonton",
        "America/Vancouver",
        "America/Whitehorse",
    ),
    "GB": ("Europe/London",),
    "IT": ("Europe/Rome",),
    "NO": ("Europe/Oslo",),
    "FI": ("Europe/Helsinki",),
    "KZ": ("Asia/Almaty",),
}


def place_of(
    person: Person,
    account_country: str | None = None,
    account_region: str | None = None,
    account_zone: str | None = None,
    company_zone: str | None = None,
) -> Place:
    """Where the person may be: by the stated address, else the number, else the account's address, else
    nowhere known (then in the company's zone). Never raises; what cannot be read counts as unknown."""
    return _place(
        _code(person.country),
        _region(person.region, person.country),
        _zone(person.zone),
        person.phone or "",
        _code(account_country),
        _region(account_region, account_country),
        _zone(account_zone),
        _zone(company_zone),
    )


@lru_cache(maxsize=65536)
def _place(
    country: str, region: str, zone: str, phone: str, account_country: str, account_region: str,
    account_zone: str, company_zone: str,
) -> Place:  # fmt: skip
    number = number_place(phone)
    account = Place((account_country,), _known(account_region), _known(account_zone), known_by="account")
    if country:
        place = _stated(country, region, number, account)
    elif number is not None:
        place = number
    elif account_country:
        place = replace(account, zones=account.zones or zones_of(account_country, account_region))
    else:
        place = Place(zones=_known(account_zone or company_zone))
    if not zone:
        return place
    known_by = "stated address" if place.known_by == "nothing" else place.known_by
    return replace(place, zones=(zone,), sure=bool(country), known_by=known_by)


def _stated(country: str, region: str, number: Place | None, account: Place) -> Place:
    """A stated country without a zone: the region's zones, or what number or account say of that country."""
    own = zones_of(country, region)
    sure = len(own) == 1
    if not sure and not region:
        if number is not None and number.countries == (country,):
            own = number.zones
        elif account.countries == (country,) and account.zones:
            own = account.zones
    return Place((country,), _known(region), own, sure, known_by="stated address")


def _known(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _code(country: str | None) -> str:
    code = (country or "").strip().upper()
    code = {"UK": "GB", "EL": "GR"}.get(code, code)
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


@lru_cache(maxsize=4096)
def _region(region: str | None, country: str | None) -> str:
    """``CT`` of ``CT``, ``ct``, ``US-CT`` and ``Connecticut``; nothing without a country, and nothing for what is no
    region of it: a region that nobody can read is unknown, so the lines of all of them hold."""
    code = _code(country)
    if not region or not code:
        return ""
    said = region.strip().removeprefix(f"{code}-").removeprefix(f"{code.lower()}-").upper()
    return _regions_of(code).get(said, "")


@lru_cache(maxsize=512)
def _regions_of(country: str) -> Mapping[str, str]:
    """Code and names in capitals → code, as the calendar of public holidays knows them."""
    import holidays

    try:
        known = holidays.country_holidays(country, years=())
    except NotImplementedError:
        return {}
    named = {name.upper(): code for name, code in known.subdivisions_aliases.items()}
    return named | {code.upper(): code for code in known.subdivisions}


def _zone(name: str | None) -> str:
    try:
        return zone_of(name).key if name else ""
    except ValueError:
        return ""


def kind_of(person: Person | None, account_kind: str) -> str:
    """``private``, ``business``, or empty for *either*, which is judged by the stricter: a business
    customer's mobile is a consumer's until somebody has shown that the line is the company's."""
    if account_kind != "business" or person is None or person.business_line or not person.phone:
        return account_kind
    mobile = may_be_mobile(person.phone) if person.mobile is None else person.mobile
    return "" if mobile else account_kind


@lru_cache(maxsize=65536)
def may_be_mobile(phone: str) -> bool:
    """Where the numbering plan does not tell mobiles from fixed lines, each may be one."""
    from phonenumbers import NumberParseException, PhoneNumberType, number_type, parse

    try:
        kind = number_type(parse(phone))
    except NumberParseException:
        return True
    return kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.UNKNOWN)


# ---------------------------------------------------------------- zones of countries and numbers


@lru_cache(maxsize=4096)
def zones_of(country: str, region: str = "") -> tuple[str, ...]:
    """Every time zone of the country, or of its region where that is known; empty when it has none."""
    if country == "US" and region:
        in_region = tuple(zone for zone, states in _US_ZONES.items() if region in states.split())
        return in_region or tuple(_US_ZONES)
    if country in _SHARED_CODE_ZONES:
        return _SHARED_CODE_ZONES[country]
    import phonenumbers

    code = phonenumbers.country_code_for_region(country)
    return _zones_of_prefix(str(code)) if code else ()


@lru_cache(maxsize=65536)
def number_place(phone: str) -> Place | None:
    """The place a number proves: its country and all zones of its area. None for what is no number, and
    for numbers that are nowhere (toll-free, premium, satellite)."""
    number = _parsed(phone)
    if number is None:
        return None
    import phonenumbers

    region = phonenumbers.region_code_for_number(number)
    codes = (region,) if region else phonenumbers.region_codes_for_country_code(number.country_code or 0)
    countries = tuple(code for code in codes if code and code != "001")
    zones = _number_zones(number) or (zones_of(countries[0]) if len(countries) == 1 else ())
    return Place(countries, (), zones, known_by="phone number") if countries and zones else None


def _parsed(phone: str) -> PhoneNumber | None:
    import phonenumbers
    from phonenumbers import PhoneNumberType

    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    nowhere = (PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)
    placeless = phonenumbers.number_type(number) in (*nowhere, PhoneNumberType.UAN, PhoneNumberType.VOICEMAIL)
    return number if phonenumbers.is_possible_number(number) and not placeless else None


def _number_zones(number: PhoneNumber) -> tuple[str, ...]:
    """A North American number may have moved within its area code; elsewhere the number's own zones."""
    if number.country_code == 1:
        return _zones_of_prefix(f"1{number.national_number:010d}"[:4])
    from phonenumbers import timezone

    return _readable(timezone.time_zones_for_number(number))


@lru_cache(maxsize=2048)
def _zones_of_prefix(prefix: str) -> tuple[str, ...]:
    """The zones of every number that begins so."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    found = {zone for start, zones in TIMEZONE_DATA.items() if start.startswith(prefix) for zone in zones}
    return _readable(sorted(found))


def _readable(zones: object) -> tuple[str, ...]:
    names = zones if isinstance(zones, (tuple, list)) else ()
    return tuple(name for name in names if name != "Etc/Unknown" and _zone(name))
