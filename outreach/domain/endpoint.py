"""Phone numbers and e-mail addresses as people type them, made into the one form we keep."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from outreach.domain.errors import Fault, Invalid

MOST = 254


def as_phone(text: str, country: str | None) -> str:
    """E.164. ``country`` is where a number without its own country code is taken to be. Raises Invalid."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text[:MOST], (country or "").upper() or None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number) or len(str(number.national_number)) < 4:
        raise _invalid("phone", "this is no phone number", "write it with country code: +49 30 123456")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def as_email(text: str) -> str:
    """Lower case, trimmed. Raises Invalid."""
    try:
        found = validate_email(text.strip()[: MOST + 1], check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise _invalid("email", "this is no e-mail address", "write it like anna@example.com") from None
    return found.normalized.lower()


def as_endpoint(text: str, country: str | None) -> tuple[str, str]:
    """(``email`` or ``phone``, its normal form) of whatever somebody typed. Raises Invalid."""
    return ("email", as_email(text)) if "@" in text else ("phone", as_phone(text, country))


def masked(phone: str) -> str:
    """Enough to recognise a number by, not to dial it: ``+49 30 ··· 56``."""
    import phonenumbers

    try:
        shown = phonenumbers.format_number(
            phonenumbers.parse(phone), phonenumbers.PhoneNumberFormat.INTERNATIONAL
        )
    except phonenumbers.NumberParseException:
        shown = phone
    return f"{shown[:6].strip()} ··· {shown[-2:]}" if len(shown) > 9 else "···"


def _invalid(field: str, what: str, remedy: str) -> Invalid:
    return Invalid([Fault(field, 0, 0, what, remedy)])
