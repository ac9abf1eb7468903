"""What a transaction costs: usage and a tariff in, priced lines with their explanation out.

`rate` is the one pricing function: the running cost on a station's display, the total cost, the
CDR and the price shown in the portal all come from it. `billing.usage` says what was used under
which price component; here it becomes money:

- A dimension without a matching component costs nothing.
- `step_size` counts once for ENERGY, and once for TIME and PARKING_TIME together: the *total* of
  the dimension that was priced last is rounded up to whole steps of the component that priced it
  last, at that component's price. Reserved time is a total of its own.
- A cap, a minimum and a maximum price become lines of their own; the last two are for the whole,
  whatever was capped before.
- What is free or blocked by the tariff's additions is told by `billing.additions`.

Source: OCPI 2.2.1, 10.2 (CDR object, step_size) and 11 (Tariffs), bug-fix edition.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Final

import msgspec

from billing.additions import billed, blocked, is_aborted
from billing.tariffs import (
    NO_ADDITIONS,
    BlockingFee,
    Dimension,
    PriceComponent,
    PriceLimit,
    Restrictions,
    Tariff,
)
from billing.usage import MICROSECOND, Amount, Usage, Used, used_by, used_by_reservation
from foundation.money import Money, rounded
from foundation.quantities import SECONDS_PER_HOUR, WH_PER_KWH

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_HUNDRED: Final = Decimal(100)
_MICROS_PER_SECOND: Final = 1_000_000


class LineKind(StrEnum):
    """What a line is for, in the order in which lines stand."""

    RESERVATION_FLAT = "reservation_flat"
    RESERVATION_TIME = "reservation_time"
    FLAT = "flat"
    ENERGY = "energy"
    TIME = "time"
    PARKING_TIME = "parking_time"
    BLOCKING = "blocking"
    """Standing there after the charging was over."""
    FREE_MINUTES = "free_minutes"
    """Nothing, for the first minutes: of time, or of a session that was over by then."""
    ENERGY_CAP = "energy_cap"
    TIME_CAP = "time_cap"
    PARKING_TIME_CAP = "parking_time_cap"
    BLOCKING_CAP = "blocking_cap"
    EXCESS = "excess"
    """Nothing, for what was used after the session was to be stopped."""
    MIN_PRICE = "min_price"
    MAX_PRICE = "max_price"
    BY_STAFF = "by_staff"
    """Nothing, because staff started it free of charge."""
    GHOST = "ghost"
    """No energy was taken for long, so that nothing is charged."""
    NOT_BILLED = "not_billed"
    """Nothing, for what was used after staff stopped the billing."""


class Unit(StrEnum):
    """What the quantity of a line counts."""

    ONCE = "1"
    KWH = "kWh"
    HOUR = "h"


class Explanation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a line is what it is, as values that can be told in any language.

    Attributes:
        measured: What was measured, in the line's unit, before rounding up to steps.
        element: Index of the tariff element that gave the price; None for a minimum or maximum.
        restrictions: Under which the element held; None if it has none.
        limit: The minimum or maximum price that the line brings the sum to, excluding VAT.
    """

    kind: LineKind
    measured: Decimal
    element: int | None
    restrictions: Restrictions | None
    limit: Money | None = None


class PricedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a CDR.

    Attributes:
        quantity: What is billed, in `unit` (kWh, h or 1), whole steps included.
        unit_price: Excluding VAT, exact.
        step_size: In Wh or s if the total was rounded up to it on this line, else None.
        exact: quantity × unit_price, excluding VAT.
        net: `exact`, rounded once.
        vat_rate: Percentage; None where no VAT applies or several rates are mixed.
        vat: VAT on `net`, rounded.
    """

    kind: LineKind
    quantity: Decimal
    unit: Unit
    unit_price: Money
    step_size: int | None
    exact: Money
    net: Money
    vat_rate: Decimal | None
    vat: Money
    from_at: datetime
    to_at: datetime
    explanation: Explanation


class Rating(msgspec.Struct, frozen=True, gc=False):
    """What a usage costs; the sums are those of the rounded lines."""

    lines: tuple[PricedLine, ...]
    net: Money
    vat: Money
    gross: Money


def rate(
    usage: Usage, tariff: Tariff, time_zone: str, *, stop_at: datetime | None = None
) -> Rating:
    """Return what the usage costs by the tariff.

    The validity of the tariff itself (`start_date_time`) is not looked at: whoever assigned it to
    the transaction's start has done so.

    Args:
        usage: So far (the running cost) or whole (the final one).
        tariff: The tariff that held when the transaction started.
        time_zone: The station's, of the IANA database, for restrictions by clock and calendar.
        stop_at: When the session was to be stopped by its tariff or the place's hours.

    Raises:
        UnratableUsage: If energy or time run backwards, or the time zone is none.
    """
    currency = tariff.currency
    whole, usage = usage, billed(usage, tariff, stop_at)
    used = used_by(usage, tariff, time_zone)
    aborted = is_aborted(usage, tariff.additions)
    lines = [] if aborted else _lines(used, currency, reserved=False)
    if usage.reservation is not None:
        before = used_by_reservation(usage, tariff, time_zone)
        lines = _lines(before, currency, reserved=True) + lines
    if tariff.additions is not NO_ADDITIONS:
        lines += _added(lines, tariff, usage, time_zone, aborted=aborted)
        if whole is not usage:
            lines.append(
                _nothing(LineKind.EXCESS, usage.points[-1].at, whole.points[-1].at, tariff)
            )
    if not aborted and (tariff.min_price is not None or tariff.max_price is not None):
        lines += _limits(lines, tariff, usage)
    net, vat = _sums(lines, currency)
    return Rating(tuple(lines), net, vat, net + vat)


_ORDER: Final = {dimension: index for index, dimension in enumerate(Dimension)}

_KINDS: Final = {
    (Dimension.FLAT, False): LineKind.FLAT,
    (Dimension.ENERGY, False): LineKind.ENERGY,
    (Dimension.TIME, False): LineKind.TIME,
    (Dimension.PARKING_TIME, False): LineKind.PARKING_TIME,
    (Dimension.FLAT, True): LineKind.RESERVATION_FLAT,
    (Dimension.TIME, True): LineKind.RESERVATION_TIME,
}

_UNITS: Final = {
    Dimension.FLAT: (Unit.ONCE, _ONE),
    Dimension.ENERGY: (Unit.KWH, WH_PER_KWH),
    Dimension.TIME: (Unit.HOUR, SECONDS_PER_HOUR * _MICROS_PER_SECOND),
    Dimension.PARKING_TIME: (Unit.HOUR, SECONDS_PER_HOUR * _MICROS_PER_SECOND),
}
"""The unit of each dimension, and how many of the amount's units (Wh, microseconds) it has."""


def _lines(used: Used, currency: str, *, reserved: bool) -> list[PricedLine]:
    """Price all amounts, those that close a total with what is missing to whole steps."""
    amounts = sorted(used.amounts.values(), key=_place)
    extra: dict[int, Decimal] = {}
    for last, units_per_step in ((used.last_energy, 1), (used.last_time, _MICROS_PER_SECOND)):
        if last is not None and last.component.step_size:
            dimension = last.component.type
            whole = _ZERO
            for each in amounts:
                if each.component.type is dimension:
                    whole += each.measured
            step = last.component.step_size * units_per_step
            steps = (whole / step).to_integral_value(ROUND_CEILING)
            extra[id(last)] = steps * step - whole
    return [
        _line(amount, extra.get(id(amount)), _KINDS[amount.component.type, reserved], currency)
        for amount in amounts
    ]


def _place(amount: Amount) -> tuple[int, datetime, int]:
    """Return where an amount stands among the others."""
    return _ORDER[amount.component.type], amount.from_at, amount.element or 0


def _line(amount: Amount, extra: Decimal | None, kind: LineKind, currency: str) -> PricedLine:
    """Price an amount. This is where money is rounded, once per line and half up.

    Args:
        amount: What was used of one component.
        extra: What is billed on top, to whole steps; None if the step size does not count here.
    """
    component = amount.component
    unit, units_per = _UNITS[component.type]
    billed = amount.measured if extra is None else amount.measured + extra
    exact = billed * component.price / units_per
    net = rounded(exact, currency)
    return PricedLine(
        kind=kind,
        quantity=billed / units_per,
        unit=unit,
        unit_price=Money(component.price, currency),
        step_size=None if extra is None else component.step_size,
        exact=Money(exact, currency),
        net=net,
        vat_rate=component.vat,
        vat=rounded(_vat(net, component.vat), currency),
        from_at=amount.from_at,
        to_at=amount.to_at,
        explanation=Explanation(
            kind=kind,
            measured=amount.measured / units_per,
            element=amount.element,
            restrictions=amount.restrictions,
        ),
    )


def _vat(net: Money, rate_percent: Decimal | None) -> Decimal:
    """Return the exact VAT on the rounded amount, so that a reader can check it on the paper."""
    return net.amount * (_ZERO if rate_percent is None else rate_percent / _HUNDRED)


def _sums(lines: Sequence[PricedLine], currency: str) -> tuple[Money, Money]:
    net = vat = Money.zero(currency).amount
    for line in lines:
        assert line.net.currency == currency == line.vat.currency
        net += line.net.amount
        vat += line.vat.amount
    return Money(net, currency), Money(vat, currency)


_CAPS: Final = {
    Dimension.ENERGY: (LineKind.ENERGY, LineKind.ENERGY_CAP),
    Dimension.TIME: (LineKind.TIME, LineKind.TIME_CAP),
    Dimension.PARKING_TIME: (LineKind.PARKING_TIME, LineKind.PARKING_TIME_CAP),
}
"""The lines that each cap is for, and that of the cap."""


def _added(
    lines: Sequence[PricedLine], tariff: Tariff, usage: Usage, time_zone: str, *, aborted: bool
) -> list[PricedLine]:
    """Return the lines of what the tariff has beyond OCPI."""
    additions, result = tariff.additions, []
    if not usage.points:
        return []
    start, end = usage.points[0].at, usage.points[-1].at
    if aborted:
        return [_nothing(LineKind.FREE_MINUTES, start, end, tariff)]
    if additions.free_minutes is not None and any(line.unit is Unit.HOUR for line in lines):
        until = start + timedelta(minutes=additions.free_minutes)
        result.append(_nothing(LineKind.FREE_MINUTES, start, until, tariff))
    for cap in additions.caps:
        kind, cap_kind = _CAPS[cap.type]
        capped = [line for line in lines if line.kind is kind]
        limit = PriceLimit(cap.amount, None)
        line = _limit_line(cap_kind, limit, capped, tariff, start, end) if capped else None
        if line is not None:
            result.append(line)
    if additions.blocking_fee is not None:
        result += _blocking(additions.blocking_fee, tariff, usage, time_zone)
    return result


def _blocking(fee: BlockingFee, tariff: Tariff, usage: Usage, time_zone: str) -> list[PricedLine]:
    """Return the line of the blocked time, and that of its cap; rounded as any other time."""
    found = blocked(usage, fee, time_zone)
    if found is None:
        return []
    component = PriceComponent(
        type=Dimension.PARKING_TIME, price=fee.price, vat=fee.vat, step_size=fee.step_size
    )
    held = Restrictions(
        start_time=fee.exempt_to,
        end_time=fee.exempt_from,
        min_duration=None if not fee.grace_minutes else fee.grace_minutes * 60,
    )
    when = None if held == Restrictions() else held
    amount = Amount(None, when, component, found.from_at, found.to_at, found.micros)
    extra = None
    if fee.step_size:
        step = Decimal(fee.step_size * _MICROS_PER_SECOND)
        extra = (found.micros / step).to_integral_value(ROUND_CEILING) * step - found.micros
    line = _line(amount, extra, LineKind.BLOCKING, tariff.currency)
    if fee.max_price is None:
        return [line]
    limit = PriceLimit(fee.max_price, None)
    cap = _limit_line(LineKind.BLOCKING_CAP, limit, [line], tariff, found.from_at, found.to_at)
    return [line] if cap is None else [line, cap]


def _nothing(kind: LineKind, from_at: datetime, to_at: datetime, tariff: Tariff) -> PricedLine:
    """Return a line of price 0 for a time, in hours."""
    zero = Money.zero(tariff.currency)
    hours = Decimal((to_at - from_at) // MICROSECOND) / (SECONDS_PER_HOUR * _MICROS_PER_SECOND)
    return PricedLine(
        kind=kind,
        quantity=hours,
        unit=Unit.HOUR,
        unit_price=zero,
        step_size=None,
        exact=zero,
        net=zero,
        vat_rate=None,
        vat=zero,
        from_at=from_at,
        to_at=to_at,
        explanation=Explanation(kind=kind, measured=hours, element=None, restrictions=None),
    )


def _limits(lines: Sequence[PricedLine], tariff: Tariff, usage: Usage) -> list[PricedLine]:
    """Return the lines that bring the sums to the minimum or maximum price.

    The limits with and without VAT are two rules, and both hold for what is billed, that is, for
    the sums of rounded lines. A limit without VAT alone changes the VAT in proportion. A minimum
    is for a charging session; an expired reservation is none.
    """
    if usage.points:
        from_at, to_at = usage.points[0].at, usage.points[-1].at
    elif usage.reservation is not None:
        from_at, to_at = usage.reservation.reserved_at, usage.reservation.ended_at
    else:
        return []
    result: list[PricedLine] = []
    for kind, limit in (
        (LineKind.MIN_PRICE, tariff.min_price if usage.points else None),
        (LineKind.MAX_PRICE, tariff.max_price),
    ):
        if limit is not None:
            line = _limit_line(kind, limit, [*lines, *result], tariff, from_at, to_at)
            if line is not None:
                result.append(line)
    return result


def _limit_line(
    kind: LineKind,
    limit: PriceLimit,
    lines: Sequence[PricedLine],
    tariff: Tariff,
    from_at: datetime,
    to_at: datetime,
) -> PricedLine | None:
    bound = max if kind is LineKind.MIN_PRICE else min
    net, vat = _sums(lines, tariff.currency)
    excl_vat = Money(limit.excl_vat, tariff.currency).rounded()
    new_net = bound(net, excl_vat)
    if limit.incl_vat is not None:
        new_vat = bound(net + vat, Money(limit.incl_vat, tariff.currency).rounded()) - new_net
    elif new_net == net:
        new_vat = vat
    else:
        new_vat = (new_net * _mean_vat(lines, tariff)).rounded()
    if (new_net, new_vat) == (net, vat):
        return None
    rates = {line.vat_rate for line in lines}
    return PricedLine(
        kind=kind,
        quantity=_ONE,
        unit=Unit.ONCE,
        unit_price=new_net - net,
        step_size=None,
        exact=new_net - net,
        net=new_net - net,
        vat_rate=rates.pop() if len(rates) == 1 else None,
        vat=new_vat - vat,
        from_at=from_at,
        to_at=to_at,
        explanation=Explanation(
            kind=kind, measured=_ONE, element=None, restrictions=None, limit=excl_vat
        ),
    )


def _mean_vat(lines: Sequence[PricedLine], tariff: Tariff) -> Decimal:
    """Return the share of VAT in what was used; the tariff's first rate if that is nothing."""
    net = sum((line.exact.amount for line in lines), _ZERO)
    if net > 0:
        vat = sum((_vat(line.exact, line.vat_rate) for line in lines), _ZERO)
        return vat / net
    rates = (component.vat for element in tariff.elements for component in element.price_components)
    return next((rate / _HUNDRED for rate in rates if rate is not None), _ZERO)
