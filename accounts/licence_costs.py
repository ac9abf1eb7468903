"""What accounts and licences cost: the price list, the calculator and the simulator.

Prices are for a month: of an edition, of a datapoint in it, of a licence for a metering point.
What is charged is rounded once per line, half up.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import product
from typing import Final

from accounts.applications import DEFAULT_YEARS_MONTHS
from accounts.licences import Licence
from accounts.tiers import (
    Energy,
    Function,
    LicenceKind,
    LicenceModel,
    Licences,
    MeteringPoint,
    PointKind,
    Tier,
    account_tier,
    assign,
    needed,
    stopping,
    virtual_meters_for,
)
from foundation.errors import InvalidInput, Unavailable
from foundation.money import Money


def edition_item(licence: Licence) -> str:
    """Return how the price of an edition is named in the price list."""
    return f"edition/{licence.value}"


def datapoint_item(licence: Licence) -> str:
    """Return how the price of a datapoint is named in the price list."""
    return f"datapoint/{licence.value}"


def point_item(kind: LicenceKind, model: LicenceModel) -> str:
    """Return how the price of a licence for a metering point is named in the price list."""
    return f"point/{kind.value}/{model.value}"


_MONTHLY = point_item(LicenceKind.ALL, LicenceModel.MONTHLY)
_YEARS = point_item(LicenceKind.ALL, LicenceModel.MULTI_YEAR)
_NARROW_YEARS = point_item(LicenceKind.HEAT_WATER_GAS, LicenceModel.MULTI_YEAR)

MOST_PLANNED: Final = 10_000
"""How many metering points the calculator takes: who asks waits for it, and so do others."""

SHIPPED_CURRENCY: Final = "EUR"
SHIPPED_PRICES: Final[Mapping[str, Decimal]] = {
    edition_item(Licence.MONITORING): Decimal(29),
    edition_item(Licence.BUSINESS): Decimal(79),
    edition_item(Licence.BUSINESS_PREMIUM): Decimal(149),
    datapoint_item(Licence.MONITORING): Decimal("0.20"),
    datapoint_item(Licence.BUSINESS): Decimal("0.35"),
    datapoint_item(Licence.BUSINESS_PREMIUM): Decimal("0.50"),
    _MONTHLY: Decimal("4.00"),
    _YEARS: Decimal("3.00"),
    _NARROW_YEARS: Decimal("1.50"),
}
"""What holds until the operator writes a price list of his own: an example, nobody's prices."""


class NoLicencePrice(Unavailable):
    """The price list has no price for this in the account's currency."""

    code = "no_licence_price"

    def __init__(self, item: str, currency: str) -> None:
        super().__init__(f"The price list has no price for {item!r} in {currency}. Add it first.")


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of a month, without tax."""

    currency: str
    prices: Mapping[str, Decimal]

    def price(self, item: str) -> Decimal:
        """Return what something costs a month.

        Raises:
            NoLicencePrice: If the list does not have it.
        """
        found = self.prices.get(item)
        if found is None:
            raise NoLicencePrice(item, self.currency)
        return found


def check_item(item: str) -> str:
    """Return the name of a price.

    Raises:
        InvalidInput: If there is nothing of that name.
    """
    if item not in SHIPPED_PRICES:
        raise InvalidInput(f"item must be one of {', '.join(SHIPPED_PRICES)}.", field="item")
    return item


# ---------------------------------------------------------------------------- charges


class LineItem(StrEnum):
    """What a line of an approval is for."""

    ACCOUNT = "account"
    DATAPOINTS = "datapoints"
    METERING_POINTS = "metering_points"


@dataclass(frozen=True, kw_only=True, slots=True)
class LicenceLine:
    """An amount for a period: `count` things for so many months, at a price for each month."""

    item: LineItem
    count: int
    months: int
    unit_price: Decimal
    net: Money
    first_day: date
    last_day: date
    about: str


def licence_line(
    item: LineItem,
    *,
    count: int,
    months: int,
    unit_price: Decimal,
    currency: str,
    first_day: date,
    last_day: date,
    about: str,
) -> LicenceLine:
    """Return a line, rounded once."""
    return LicenceLine(
        item=item,
        count=count,
        months=months,
        unit_price=unit_price,
        net=Money(unit_price * count * months, currency).rounded(),
        first_day=first_day,
        last_day=last_day,
        about=about,
    )


# ---------------------------------------------------------------------------- calculator


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to buy licences: what it costs over the months that were asked for.

    `narrow` and `wide` say how those are paid that measure no electricity, and the others.
    """

    licences: Licences
    narrow: LicenceModel | None
    wide: LicenceModel | None
    cost: Money

    @property
    def is_mixed(self) -> bool:
        """Tell whether both models are in it."""
        return None not in (self.narrow, self.wide) and self.narrow is not self.wide


@dataclass(frozen=True, slots=True)
class Calculation:
    """How many licences some metering points need, and the ways to buy them, cheapest first."""

    needed: Licences
    offers: tuple[Offer, ...]

    @property
    def cheapest(self) -> Offer:
        """The one that costs least."""
        return self.offers[0]


def calculate(
    points: Iterable[MeteringPoint],
    prices: PriceList,
    *,
    months: int = 12,
    term: int = DEFAULT_YEARS_MONTHS,
) -> Calculation:
    """Return the licences that make every point Professional, and what they cost.

    Args:
        points: Virtual meters included; gateways and deactivated ones are ignored.
        prices: The price list of the month.
        months: For how long they are wanted.
        term: For how many months multi-year licences are bought at a time.
    """
    return _calculated(needed(points), prices, months, term)


def _calculated(missing: Licences, prices: PriceList, months: int, term: int) -> Calculation:
    offers = []
    for narrow, wide in product(LicenceModel, LicenceModel):
        if (not missing.heat_water_gas and narrow is not LicenceModel.MONTHLY) or (
            not missing.all and wide is not LicenceModel.MONTHLY
        ):
            continue  # the same as without it
        monthly = narrow is LicenceModel.MONTHLY
        bought = Licences(
            0 if monthly else missing.heat_water_gas,
            missing.all + (missing.heat_water_gas if monthly else 0),
        )
        cost = missing.heat_water_gas * _cost(
            prices, _MONTHLY if monthly else _NARROW_YEARS, narrow, months, term
        ) + missing.all * _cost(
            prices, _MONTHLY if wide is LicenceModel.MONTHLY else _YEARS, wide, months, term
        )
        offers.append(
            Offer(
                bought,
                narrow if missing.heat_water_gas else None,
                wide if missing.all else None,
                Money(cost, prices.currency).rounded(),
            )
        )
    return Calculation(missing, tuple(sorted(offers, key=lambda each: each.cost.amount)))


def _cost(prices: PriceList, item: str, model: LicenceModel, months: int, term: int) -> Decimal:
    """Return what one licence costs over some months; whole terms of the multi-year ones."""
    paid = months if model is LicenceModel.MONTHLY else math.ceil(months / term) * term
    return prices.price(item) * paid


@dataclass(frozen=True, slots=True)
class PlannedPoints:
    """Some metering points of a kind that are planned."""

    kind: PointKind
    energy: Energy
    count: int


def planned(points: Sequence[PlannedPoints], *, solar_plants: int = 0) -> list[MeteringPoint]:
    """Return metering points that do not exist yet, with the virtual meters of a shared supply.

    Raises:
        InvalidInput: If there are too many of them, or fewer than none.
    """
    total = sum(each.count for each in points)
    if total > MOST_PLANNED or solar_plants < 0 or any(each.count < 0 for each in points):
        raise InvalidInput(f"Give 0 to {MOST_PLANNED} metering points.", field="points")
    found = [
        MeteringPoint(f"{number}/{each.kind}/{place}", each.kind, each.energy)
        for number, each in enumerate(points)
        for place in range(each.count)
    ]
    return found + [
        MeteringPoint(f"virtual/{place}", PointKind.VIRTUAL_METER)
        for place in range(virtual_meters_for(solar_plants))
    ]


# ---------------------------------------------------------------------------- simulator


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would come of adding metering points to an account.

    `missing` are the licences by which it would be Professional, `calculation` what those cost.
    """

    before: Tier
    after: Tier
    missing: Licences
    stopping: tuple[Function, ...]
    calculation: Calculation


def simulate(
    points: Sequence[MeteringPoint],
    licences: Licences,
    added: Sequence[MeteringPoint],
    prices: PriceList,
    *,
    months: int = 12,
    term: int = DEFAULT_YEARS_MONTHS,
) -> Simulation:
    """Tell what adding points does: the tier, the missing licences, what stops, the cheapest mix.

    Args:
        points: Those that the account has.
        licences: Those that it has.
        added: Those that are to come.
        prices: The price list of the month.
        months: For how long the missing licences are wanted.
        term: For how many months multi-year licences are bought at a time.
    """
    together = [*points, *added]
    before, after = account_tier(points, licences), account_tier(together, licences)
    missing = needed(assign(together, licences).unlicensed)
    return Simulation(
        before,
        after,
        missing,
        stopping(before, after),
        _calculated(missing, prices, months, term),
    )
