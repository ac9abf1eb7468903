"""What the facts about organisations and people must look like; each check names its field.

Every function takes what somebody wrote and returns it in the form we keep, or raises
`InvalidInput`. Nothing here asks whether a mailbox, a bank account or a VAT number exists.

Source: ISO 13616 (IBAN), ISO 3166-1 alpha-2, ISO 4217, IANA time zones.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from accounts.licences import Licence, is_for
from foundation.errors import InvalidInput

LANGUAGES = ("en", "de")
"""The languages the portal and the papers speak."""

TAX_STATUSES = ("standard", "small_business", "reverse_charge", "private")

MAX_TEXT = 200
"""The longest name or mail address we keep, in characters."""

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,180})\.[a-z0-9-]{2,}")
_VAT_ID = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,13}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


def text(value: str, field: str, *, longest: int = MAX_TEXT) -> str:
    """Return a text without surrounding space; it may not be empty."""
    value = value.strip()
    if not value:
        raise InvalidInput(f"{field} must not be empty.", field=field)
    if len(value) > longest:
        raise InvalidInput(f"{field} is longer than {longest} characters.", field=field)
    return value


def organisation_key(value: str) -> str:
    """Return a slug: lower-case letters, digits and hyphens, 1 to 40 characters."""
    if not _KEY.fullmatch(value):
        raise InvalidInput(
            "key must be 1 to 40 lower-case letters, digits or hyphens,"
            " and begin and end with a letter or digit.",
            field="key",
        )
    return value


def user_name(value: str) -> str:
    """Return a user name in lower case; it holds no @, so it is never a mail address."""
    value = value.strip().lower()
    if not _USER_NAME.fullmatch(value):
        raise InvalidInput(
            "user_name must be 1 to 60 letters, digits, dots, hyphens or underscores,"
            " and begin with a letter or digit.",
            field="user_name",
        )
    return value


def email(value: str, field: str = "email") -> str:
    """Return a mail address in lower case."""
    value = value.strip().lower()
    if len(value) > MAX_TEXT or not _EMAIL.fullmatch(value):
        raise InvalidInput(f"{field} is not a mail address.", field=field)
    return value


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone(value: str) -> str:
    """Return the name of an IANA time zone."""
    if value not in _time_zones():
        raise InvalidInput(
            f"{value!r} is no IANA time zone, such as Europe/Berlin.", field="time_zone"
        )
    return value


def currency(value: str) -> str:
    """Return three capital letters; whether money can be kept in it, `foundation.money` knows."""
    if not re.fullmatch("[A-Z]{3}", value):
        raise InvalidInput("currency must be an ISO 4217 code, such as EUR.", field="currency")
    return value


def country(value: str) -> str:
    """Return two capital letters."""
    if not re.fullmatch("[A-Z]{2}", value):
        raise InvalidInput("country must be an ISO 3166 code, such as DE.", field="country")
    return value


def language(value: str) -> str:
    """Return a language the portal speaks."""
    if value not in LANGUAGES:
        raise InvalidInput(f"language must be one of {', '.join(LANGUAGES)}.", field="language")
    return value


def tax_status(value: str) -> str:
    """Return how VAT is computed on what the organisation is paid."""
    if value not in TAX_STATUSES:
        raise InvalidInput(
            f"tax_status must be one of {', '.join(TAX_STATUSES)}.", field="tax_status"
        )
    return value


def vat_id(value: str) -> str:
    """Return a VAT number without spaces; only its form is checked."""
    value = re.sub(r"[\s.-]", "", value).upper()
    if not _VAT_ID.fullmatch(value):
        raise InvalidInput("vat_id must begin with a country, as in DE123456789.", field="vat_id")
    return value


def iban(value: str) -> str:
    """Return an IBAN without spaces, whose check digits are right (ISO 7064, mod 97-10)."""
    value = re.sub(r"\s", "", value).upper()
    if not _IBAN.fullmatch(value):
        raise InvalidInput("iban does not have the form of an IBAN.", field="iban")
    digits = "".join(str(int(character, 36)) for character in value[4:] + value[:4])
    if int(digits) % 97 != 1:
        raise InvalidInput("iban has wrong check digits; look for a typing error.", field="iban")
    return value


def licence(value: str) -> str:
    """Return a licence's key."""
    if value not in set(Licence):
        raise InvalidInput(f"licence must be one of {', '.join(Licence)}.", field="licence")
    return str(value)


def licence_fits(value: str, tax_status: str) -> None:
    """Refuse a licence that somebody of this tax status cannot have."""
    if not is_for(Licence(value), tax_status):
        raise InvalidInput(
            f"The licence {value!r} is for businesses only, not for private persons.",
            field="licence",
        )


_ORGANISATION: Mapping[str, Callable[[Any], object]] = {
    "name": lambda value: text(value, "name"),
    "time_zone": time_zone,
    "currency": currency,
    "country": country,
    "tax_status": tax_status,
    "language": language,
    "vat_id": lambda value: None if value is None else vat_id(value),
    "email": lambda value: None if value is None else email(value),
    "iban": lambda value: None if value is None else iban(value),
    "address": lambda value: None if value is None else text(value, "address", longest=1000),
    "licence": licence,
    "demands_second_factor": bool,
}
"""How each fact about an organisation is checked."""


def organisation_facts(facts: Mapping[str, Any]) -> dict[str, object]:
    """Return what is said of an organisation in the form we keep, without the parent."""
    return {name: check(facts[name]) for name, check in _ORGANISATION.items() if name in facts}
