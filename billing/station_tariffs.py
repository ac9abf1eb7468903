"""A tariff of ours in OCPP 2.1's words, for a station that counts the cost itself.

What 2.1 cannot say exactly is refused with all its reasons, never rounded into something else:
the station would show another price than the bill has. OCPI and OCPP agree on the rest: of the
prices of a dimension the first one whose conditions hold counts; starts and minima are included,
ends and maxima are not.

Source: OCPP 2.1 part 2, I07 and TariffType; OCPI 2.2.1, 11 (Tariffs).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from billing.tariffs import (
    NO_ADDITIONS,
    Dimension,
    PriceComponent,
    PriceLimit,
    Restrictions,
    Tariff,
)

_MINUTES: Final = 60
_WH: Final = 1000
_PLACES: Final = Decimal("1e-12")
"""A price per minute has at most so many places: stations count with binary numbers of 64 bits."""

_LONGEST_ID: Final = 60


class Unsayable(StrEnum):
    """Why a tariff cannot be said in OCPP 2.1's words."""

    STEPS = "steps"
    """Energy or time are billed in steps."""
    PRICE_PER_MINUTE = "price_per_minute"
    """A price per hour is no exact price per minute."""
    MIXED_VAT = "mixed_vat"
    """Prices of one dimension have different rates of tax."""
    FIXED_WITH_CONDITIONS = "fixed_with_conditions"
    """A start fee that holds only sometimes: OCPI's may begin later, OCPP's holds at the start."""
    RESERVATION = "reservation"
    """Prices of reservations: OCPP does not tell expired ones apart."""
    FREE_MINUTES = "free_minutes"
    CAPS = "caps"
    BLOCKING_FEE = "blocking_fee"
    SESSION_LIMIT = "session_limit"
    SECONDS_OF_DAY = "seconds_of_day"
    """A time of day that is not a whole minute."""
    LONG_ID = "long_id"
    NOTHING = "nothing"
    """It has no price at all."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A tariff in OCPP's words (`tariff`), or why there is none (`reasons`, in their order)."""

    tariff: Mapping[str, Any] | None
    reasons: tuple[Unsayable, ...]


_PARTS: Final = {
    Dimension.ENERGY: ("energy", "priceKwh"),
    Dimension.TIME: ("chargingTime", "priceMinute"),
    Dimension.PARKING_TIME: ("idleTime", "priceMinute"),
    Dimension.FLAT: ("fixedFee", "priceFixed"),
}


def translated(tariff: Tariff, tariff_id: str) -> Translated:
    """Return a tariff in OCPP 2.1's words, or all reasons why that cannot be.

    Args:
        tariff: Ours, without tax like OCPP's.
        tariff_id: Its name at the station: another one for each version, since a station tells
            by it what it counted with.
    """
    reasons = set(_reasons(tariff, tariff_id))
    if reasons:
        return Translated(None, tuple(each for each in Unsayable if each in reasons))
    said: dict[str, Any] = {"tariffId": tariff_id, "currency": tariff.currency}
    for dimension, (part, price) in _PARTS.items():
        prices = [
            {price: _per_unit(component)} | _with_conditions(held)
            for component, held in _prices(tariff, dimension)
        ]
        if prices:
            said[part] = {"prices": prices} | _taxes(tariff, dimension)
    for name, limit in (("minCost", tariff.min_price), ("maxCost", tariff.max_price)):
        if limit is not None:
            said[name] = _limit(limit)
    if tariff.tariff_alt_text:
        said["description"] = [
            {"format": "UTF8", "language": each.language, "content": each.text[:1024]}
            for each in tariff.tariff_alt_text[:10]
        ]
    return Translated(said, ())


def elements(said: Mapping[str, Any]) -> int:
    """Return how many prices a tariff in OCPP's words has: stations take only so many."""
    return sum(len(said[part]["prices"]) for part, _ in _PARTS.values() if part in said)


def _prices(
    tariff: Tariff, dimension: Dimension
) -> list[tuple[PriceComponent, Restrictions | None]]:
    """Return the prices of a dimension in their order, up to one that always holds."""
    found = []
    for _, element in tariff.of_charging.items:
        for component in element.price_components:
            if component.type is dimension:
                held = element.restrictions
                always = held is None or held == Restrictions()
                found.append((component, None if always else held))
                if always:
                    return found
                break
    return found


def _reasons(tariff: Tariff, tariff_id: str) -> Iterator[Unsayable]:
    """Yield what cannot be said, some of it more than once."""
    if len(tariff_id) > _LONGEST_ID:
        yield Unsayable.LONG_ID
    added = tariff.additions
    if added is not NO_ADDITIONS:
        if added.free_minutes is not None:
            yield Unsayable.FREE_MINUTES
        if added.caps:
            yield Unsayable.CAPS
        if added.blocking_fee is not None:
            yield Unsayable.BLOCKING_FEE
        if added.session_limit_minutes is not None or added.excess is not None:
            yield Unsayable.SESSION_LIMIT
    if len(tariff.of_charging.items) < len(tariff.elements):
        yield Unsayable.RESERVATION
    is_empty = True
    for dimension in Dimension:
        prices = _prices(tariff, dimension)
        is_empty = is_empty and not prices
        if len({component.vat for component, _ in prices}) > 1:
            yield Unsayable.MIXED_VAT
        for component, held in prices:
            yield from _of_price(component, held)
    if is_empty:
        yield Unsayable.NOTHING


def _of_price(component: PriceComponent, held: Restrictions | None) -> Iterator[Unsayable]:
    is_flat = component.type is Dimension.FLAT
    if component.step_size > 1 and not is_flat:
        yield Unsayable.STEPS
    if component.type in (Dimension.TIME, Dimension.PARKING_TIME):
        a_minute = component.price / _MINUTES
        if a_minute.quantize(_PLACES) * _MINUTES != component.price:
            yield Unsayable.PRICE_PER_MINUTE
    if held is None:
        return
    if is_flat:
        yield Unsayable.FIXED_WITH_CONDITIONS
    times = [at for at in (held.start_time, held.end_time) if at is not None]
    if any(at.second or at.microsecond for at in times):
        yield Unsayable.SECONDS_OF_DAY


def _per_unit(component: PriceComponent) -> Decimal:
    """Return the price per kWh, per minute or once."""
    if component.type in (Dimension.TIME, Dimension.PARKING_TIME):
        return (component.price / _MINUTES).quantize(_PLACES).normalize() + 0
    return component.price


def _with_conditions(held: Restrictions | None) -> dict[str, Any]:
    if held is None:
        return {}
    said: dict[str, Any] = {}
    if held.start_time is not None or held.end_time is not None:
        # Where only one is set, the day's border stands for the other.
        start, end = held.start_time, held.end_time
        said["startTimeOfDay"] = "00:00" if start is None else start.strftime("%H:%M")
        said["endTimeOfDay"] = "00:00" if end is None else end.strftime("%H:%M")
    if held.start_date is not None:
        said["validFromDate"] = held.start_date.isoformat()
    if held.end_date is not None:
        said["validToDate"] = held.end_date.isoformat()
    if held.day_of_week:
        said["dayOfWeek"] = [each.value.capitalize() for each in held.day_of_week]
    for name, kilo in (
        ("minEnergy", held.min_kwh),
        ("maxEnergy", held.max_kwh),
        ("minPower", held.min_power),
        ("maxPower", held.max_power),
    ):
        if kilo is not None:
            said[name] = kilo * _WH
    times = {"minTime": held.min_duration, "maxTime": held.max_duration}
    said |= {name: duration_s for name, duration_s in times.items() if duration_s is not None}
    return {"conditions": said}


def _taxes(tariff: Tariff, dimension: Dimension) -> dict[str, Any]:
    [vat] = {component.vat for component, _ in _prices(tariff, dimension)}
    return {} if vat is None else {"taxRates": [{"type": "VAT", "tax": vat}]}


def _limit(limit: PriceLimit) -> dict[str, Any]:
    said = {"exclTax": limit.excl_vat}
    if limit.incl_vat is not None:
        said["inclTax"] = limit.incl_vat
    return said
