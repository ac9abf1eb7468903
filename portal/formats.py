"""Numbers, money, energy and moments as a person reads them, by locale.

Every function is pure: it takes the value, the reader's locale and, for moments, `now` and the
reader's zone. Nothing here computes money; amounts arrive exact and are only written down.
The number symbols and date patterns are Unicode CLDR's, by Babel.
"""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    format_timedelta,
    get_timezone_name,
)
from babel.numbers import format_currency, format_decimal

LOCALES: dict[str, Locale] = {"en": Locale("en", "GB"), "de": Locale("de")}
"""The languages of the portal, each with the locale whose marks and patterns it uses."""

NO_BREAK = "\u00a0"


class MoneyLike(Protocol):
    """What is written as money: an exact amount and its ISO 4217 currency."""

    @property
    def amount(self) -> Decimal: ...

    @property
    def currency(self) -> str: ...


def number(value: Decimal | int | float, locale: Locale, digits: int = 0) -> str:
    """Write `value` with exactly `digits` decimals, rounded half up."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    text: str = format_decimal(rounded, format=pattern, locale=locale)
    return text


def kwh(energy_wh: Decimal | int, locale: Locale, digits: int = 1) -> str:
    """Write watt-hours as kilowatt-hours without the unit: one decimal on pages, three on paper."""
    return number(Decimal(energy_wh) / 1000, locale, digits)


def kw(power_w: Decimal | int, locale: Locale, digits: int = 1) -> str:
    """Write watts as kilowatts without the unit."""
    return number(Decimal(power_w) / 1000, locale, digits)


def money(value: MoneyLike, locale: Locale) -> str:
    """Write an amount with its currency and the currency's own number of decimals."""
    text: str = format_currency(value.amount, value.currency, locale=locale)
    return text


def unit_price(value: MoneyLike, locale: Locale) -> str:
    """Write a price per unit exactly, with at least the currency's decimals: `€0.4537`."""
    text: str = format_currency(
        value.amount,
        value.currency,
        locale=locale,
        currency_digits=False,
        decimal_quantization=False,
    )
    return text


def share(basis_points: int, locale: Locale) -> str:
    """Write basis points as per cent, with decimals only where they say something: `90 %`."""
    percent = (Decimal(basis_points) / 100).normalize()
    exponent = percent.as_tuple().exponent
    assert isinstance(exponent, int)
    gap = "" if locale.language == "en" else NO_BREAK
    return f"{number(percent, locale, max(0, -exponent))}{gap}%"


def change(now: Decimal | int, before: Decimal | int, locale: Locale) -> str | None:
    """Write how much `now` differs from `before`, as `+12%`; None where before is zero."""
    if not before:
        return None
    percent = number(abs((Decimal(now) - Decimal(before)) / Decimal(before) * 100), locale)
    gap = "" if locale.language == "en" else NO_BREAK
    sign = "+" if now > before else "−" if now < before else "±"
    return f"{sign}{percent}{gap}%"


def signed(written: str) -> str:
    """Return a written difference with a plus where it is a rise; nothing and less stay."""
    if written.startswith(("-", "−")) or not any(each in "123456789" for each in written):
        return written
    return f"+{written}"


def ago(at: datetime, now: datetime, locale: Locale) -> str:
    """Write how long ago (or in how long) a moment is, in one unit: `12 min ago`."""
    text: str = format_timedelta(
        at - now or -timedelta(seconds=1),  # nothing is "in 0 sec"
        granularity="second",
        threshold=1,
        add_direction=True,
        format="short",
        locale=locale,
    )
    return text


def duration(span: timedelta, locale: Locale) -> str:
    """Write a span in hours and minutes, or in minutes and seconds under an hour: `1 h 04 min`."""
    seconds = int(span.total_seconds())
    sign = "−" if seconds < 0 else ""
    minutes, seconds = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        days, hours = divmod(hours, 24)
        day = {"de": "T"}.get(locale.language, "d")
        return f"{sign}{days}{NO_BREAK}{day} {hours}{NO_BREAK}h"
    if hours:
        return f"{sign}{hours}{NO_BREAK}h {minutes:02}{NO_BREAK}min"
    if minutes:
        return f"{sign}{minutes}{NO_BREAK}min" + (
            f" {seconds:02}{NO_BREAK}s" if minutes < 10 else ""
        )
    return f"{sign}{seconds}{NO_BREAK}s"


def moment(at: datetime, zone: ZoneInfo, locale: Locale, seconds: bool = False) -> str:
    """Write date and time in the zone, without naming it: `15 Oct 2026, 14:02`."""
    local = at.astimezone(zone)
    day = format_date(local.date(), "medium", locale=locale)
    return f"{day}, {clock_time(at, zone, locale, seconds)}"


def exact_moment(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Write date, time to the second and the zone: what stands behind every shortened moment."""
    return f"{moment(at, zone, locale, seconds=True)} {zone_name(at, zone, locale)}"


def zone_name(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """The zone's short name at that moment, as in `CET`, or its offset."""
    name: str = get_timezone_name(at.astimezone(zone), width="short", locale=locale)
    return name


def clock_time(at: datetime, zone: ZoneInfo, locale: Locale, seconds: bool = False) -> str:
    """Write the time of day in the zone, on 24 hours."""
    text: str = format_time(
        at.astimezone(zone).time(), "HH:mm:ss" if seconds else "HH:mm", locale=locale
    )
    return text


def day(on: date, locale: Locale) -> str:
    """Write a date: `15 Oct 2026`."""
    text: str = format_date(on, "medium", locale=locale)
    return text


def short_day(on: date, locale: Locale) -> str:
    """Write a date without its year, for axes: `15 Oct`."""
    text: str = format_skeleton("MMMd", datetime(on.year, on.month, on.day), locale=locale)  # noqa: DTZ001
    return text


def weekday(on: date, locale: Locale) -> str:
    """Write the day of the week in full."""
    text: str = format_date(on, "EEEE", locale=locale)
    return text


def month(key: str, locale: Locale) -> str:
    """Write a month given as `YYYY-MM`: `October 2026`."""
    first = date.fromisoformat(f"{key}-01")
    text: str = format_date(first, "LLLL y", locale=locale)
    return text


def same_clock(at: datetime, one: ZoneInfo, other: ZoneInfo) -> bool:
    """Whether two zones show the same time at that moment; then naming one of them is enough."""
    return at.astimezone(one).utcoffset() == at.astimezone(other).utcoffset()


def iso(at: datetime) -> str:
    """The moment for machines, in UTC."""
    return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
