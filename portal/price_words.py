"""Prices as sentences: what was counted, at which price, and why that price held."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal

from billing.rating import LineKind, PricedLine, Unit
from billing.tariffs import DayOfWeek, Restrictions
from foundation.money import Money
from portal import formats
from portal.words import Words, marked


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A line of a price as a sentence, why it holds, and the amount that billing computed."""

    sentence: str
    why: str
    net: Money


_DAYS: dict[DayOfWeek, str] = {
    DayOfWeek.MONDAY: marked("Mon"),
    DayOfWeek.TUESDAY: marked("Tue"),
    DayOfWeek.WEDNESDAY: marked("Wed"),
    DayOfWeek.THURSDAY: marked("Thu"),
    DayOfWeek.FRIDAY: marked("Fri"),
    DayOfWeek.SATURDAY: marked("Sat"),
    DayOfWeek.SUNDAY: marked("Sun"),
}

_KINDS: dict[LineKind, str] = {
    LineKind.RESERVATION_FLAT: marked("Reservation fee"),
    LineKind.RESERVATION_TIME: marked("Reservation"),
    LineKind.FLAT: marked("Start fee"),
    LineKind.ENERGY: marked("Energy"),
    LineKind.TIME: marked("Charging time"),
    LineKind.PARKING_TIME: marked("Parking without charging"),
    LineKind.BLOCKING: marked("Blocking fee after charging"),
    LineKind.FREE_MINUTES: marked("First minutes, free of charge"),
    LineKind.ENERGY_CAP: marked("Down to the cap of the energy"),
    LineKind.TIME_CAP: marked("Down to the cap of the charging time"),
    LineKind.PARKING_TIME_CAP: marked("Down to the cap of the parking time"),
    LineKind.BLOCKING_CAP: marked("Down to the cap of the blocking fee"),
    LineKind.EXCESS: marked("After the end of the session's time, free of charge"),
    LineKind.MIN_PRICE: marked("Up to the minimum price"),
    LineKind.MAX_PRICE: marked("Down to the maximum price"),
    LineKind.BY_STAFF: marked("Started by staff, free of charge"),
    LineKind.GHOST: marked("No energy was taken, so that nothing is charged"),
    LineKind.NOT_BILLED: marked("Billing stopped by staff, free from then on"),
}


def kind_name(kind: LineKind, words: Words) -> str:
    """Tell what a line or a price is for."""
    return words.gettext(_KINDS[kind])


def price_line(line: PricedLine, words: Words) -> PriceLine:
    """Tell a priced line as a sentence, with the reasons for its price."""
    return PriceLine(_sentence(line, words), _why(line, words), line.net)


def _sentence(line: PricedLine, words: Words) -> str:
    locale = words.locale
    name = words.gettext(_KINDS[line.kind])
    if line.explanation.limit is not None:
        return f"{name} ({formats.money(line.explanation.limit, locale)})"
    if line.kind in (LineKind.FREE_MINUTES, LineKind.EXCESS):
        span = timedelta(seconds=int((line.quantity * 3600).to_integral_value()))
        return f"{name}: {formats.duration(span, locale)}"
    if line.kind in (LineKind.BY_STAFF, LineKind.GHOST, LineKind.NOT_BILLED):
        return name
    price = formats.unit_price(line.unit_price, locale)
    if line.unit == Unit.KWH:
        amount = formats.number(line.quantity, locale, _digits(line.quantity, 1))
        return f"{amount} kWh × {price}/kWh"
    if line.unit == Unit.HOUR:
        span = timedelta(seconds=int((line.quantity * 3600).to_integral_value()))
        return f"{name}: {formats.duration(span, locale)} × {price}/h"
    if line.quantity != 1:
        return f"{formats.number(line.quantity, locale)} × {name}, {price}"
    return f"{name}: {price}"


def _why(line: PricedLine, words: Words) -> str:
    reasons = []
    if line.explanation.restrictions is not None:
        reasons.extend(restrictions_in_words(line.explanation.restrictions, words))
    measured = line.explanation.measured
    if line.step_size is not None and measured != line.quantity:
        locale = words.locale
        if line.unit == Unit.KWH:
            reasons.append(
                words.gettext("%(measured)s kWh, billed in steps of %(step)s Wh")
                % {
                    "measured": formats.number(measured, locale, _digits(measured, 1)),
                    "step": formats.number(line.step_size, locale),
                }
            )
        else:
            span = timedelta(seconds=int((measured * 3600).to_integral_value()))
            reasons.append(
                words.gettext("%(measured)s, billed in steps of %(step)s s")
                % {
                    "measured": formats.duration(span, locale),
                    "step": formats.number(line.step_size, locale),
                }
            )
    text = ", ".join(reasons)
    return text[:1].upper() + text[1:]


def restrictions_in_words(held: Restrictions, words: Words) -> list[str]:
    """Tell under which conditions a price holds; nothing if it always does."""
    locale = words.locale
    told: list[str] = []

    def between(low: str | None, high: str | None, both: str, above: str, below: str) -> None:
        if low is not None and high is not None:
            told.append(words.gettext(both) % {"low": low, "high": high})
        elif low is not None:
            told.append(words.gettext(above) % {"low": low})
        elif high is not None:
            told.append(words.gettext(below) % {"high": high})

    between(
        _clock(held.start_time),
        _clock(held.end_time),
        marked("%(low)s to %(high)s"),
        marked("from %(low)s"),
        marked("until %(high)s"),
    )
    if held.day_of_week:
        told.append(", ".join(words.gettext(_DAYS[each]) for each in held.day_of_week))
    between(
        _date(held.start_date, words),
        _date(held.end_date, words),
        marked("from %(low)s until before %(high)s"),
        marked("from %(low)s"),
        marked("until before %(high)s"),
    )

    def unit(value: Decimal | None, sign: str) -> str | None:
        if value is None:
            return None
        return f"{formats.number(value, locale, _digits(value, 0))}{formats.NO_BREAK}{sign}"

    between(
        unit(held.min_kwh, "kWh"),
        unit(held.max_kwh, "kWh"),
        marked("between %(low)s and %(high)s"),
        marked("above %(low)s"),
        marked("below %(high)s"),
    )
    between(
        unit(held.min_power, "kW"),
        unit(held.max_power, "kW"),
        marked("between %(low)s and %(high)s"),
        marked("above %(low)s"),
        marked("below %(high)s"),
    )
    between(
        _span(held.min_duration, words),
        _span(held.max_duration, words),
        marked("between %(low)s and %(high)s"),
        marked("after %(low)s"),
        marked("in the first %(high)s"),
    )
    return told


def _clock(at: time | None) -> str | None:
    return None if at is None else at.strftime("%H:%M")


def _date(on: date | None, words: Words) -> str | None:
    return None if on is None else formats.day(on, words.locale)


def _span(seconds: int | None, words: Words) -> str | None:
    return None if seconds is None else formats.duration(timedelta(seconds=seconds), words.locale)


def _digits(value: Decimal, least: int) -> int:
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(least, -exponent)
