"""What tiers may do, what licences cost, the calculator, and the values of metering points."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.licence_costs import MOST_PLANNED, Calculation, PlannedPoints, calculate, planned
from accounts.permissions import Permission
from accounts.tiers import (
    FUNCTIONS,
    INTERVALS,
    NOT_OFFERED,
    Energy,
    LicenceModel,
    PointKind,
    Tier,
    has,
)
from csms import metering_points
from csms.registry import station
from foundation.errors import NotFound
from portal import accounts
from portal.api.accounts import LicencesModel
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.api.stations import limits
from portal.api.users import number_in_path
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["licences"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.ACCOUNTS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.ACCOUNTS_DECIDE))]
PointReader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]


# ---------------------------------------------------------------------------- tiers and prices


class FunctionModel(Answer):
    """A function and the tiers that have it."""

    key: str
    label: str
    tiers: list[Tier]


class TiersModel(Answer):
    """What each tier may do here, and what it is known for that is not offered yet."""

    functions: list[FunctionModel]
    seconds_between_values: dict[Tier, int]
    not_offered_yet: list[str]


@router.get("/account-tiers", summary="List what each tier may do")
async def list_tiers(caller: Reader) -> TiersModel:
    """The same for every account; the lowest tier of its metering points is the account's."""
    return TiersModel(
        functions=[
            FunctionModel(
                key=each.key, label=each.label, tiers=[tier for tier in Tier if has(tier, each)]
            )
            for each in FUNCTIONS
        ],
        seconds_between_values={
            tier: int(each.total_seconds()) for tier, each in INTERVALS.items()
        },
        not_offered_yet=[each.label for each in NOT_OFFERED],
    )


class PriceListModel(Answer):
    """What things cost a month, without tax."""

    currency: str
    prices: dict[str, str]


class NewPrice(Body):
    """A price of the list, from a day on: today at the earliest."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "item": "point/all/monthly",
                "price": "4.20",
                "currency": "EUR",
                "valid_from": "2026-11-01",
            }
        }
    )

    item: Annotated[str, Field(max_length=60)]
    price: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=6)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    valid_from: date | None = Field(default=None, description="Today, if left out.")


@router.get("/licence-prices", summary="Get the price list of licences")
async def get_licence_prices(
    db: Db,
    now: Now,
    caller: Reader,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
) -> PriceListModel:
    """As it holds today."""
    found = await accounts.price_list(db, caller, now=now, currency=currency)
    return PriceListModel(
        currency=found.currency,
        prices={item: format(price, "f") for item, price in sorted(found.prices.items())},
    )


@router.post("/licence-prices", status_code=201, summary="Set a price of licences")
async def set_licence_price(db: Db, now: Now, caller: Decider, body: NewPrice) -> PriceListModel:
    """Nothing that was charged changes; multi-year licences keep their price for the term."""
    found = await accounts.set_price(
        db,
        caller,
        body.item,
        body.price,
        body.currency,
        valid_from=body.valid_from,
        now=now,
    )
    return PriceListModel(
        currency=found.currency,
        prices={item: format(price, "f") for item, price in sorted(found.prices.items())},
    )


# ---------------------------------------------------------------------------- calculator


class PointsBody(Body):
    """Some metering points of a kind."""

    kind: PointKind
    energy: Energy = Energy.ELECTRICITY
    count: Annotated[int, Field(ge=0, le=MOST_PLANNED)]


class CalculatorBody(Body):
    """What is to be metered, and for how long; with an organisation, beside what it has."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "points": [
                    {"kind": "three_phase_meter", "count": 3},
                    {"kind": "transformer_meter", "count": 2},
                    {"kind": "mbus_meter", "energy": "heat", "count": 3},
                    {"kind": "mbus_gateway", "count": 1},
                ],
                "solar_plants": 1,
                "months": 12,
            }
        }
    )

    points: Annotated[list[PointsBody], Field(max_length=100)]
    solar_plants: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="A shared supply needs a virtual meter with one, two with more."
    )
    months: Annotated[int, Field(ge=1, le=120)] = 12
    organisation: Annotated[str, Field(max_length=40)] | None = None


class OfferModel(Answer):
    """A way to buy the licences; how those that measure no electricity are paid, and the rest."""

    licences: LicencesModel
    heat_water_gas_model: LicenceModel | None
    other_model: LicenceModel | None
    cost: MoneyModel


class CalculationModel(Answer):
    """The licences by which everything is Professional, cheapest offer first.

    With an organisation: the tier before and after, the licences it lacks, and what would stop.
    """

    needed: LicencesModel
    total: int
    offers: list[OfferModel]
    tier_before: Tier | None = None
    tier_after: Tier | None = None
    stops: list[str] = Field(default=[])


@router.post("/licence-calculator", summary="Calculate licences")
async def calculate_licences(
    db: Db, now: Now, context: Context, caller: Reader, body: CalculatorBody
) -> CalculationModel:
    """Changes nothing: how many licences, what they cost, and what adding the points would do."""
    added = planned(
        [PlannedPoints(each.kind, each.energy, each.count) for each in body.points],
        solar_plants=body.solar_plants,
    )
    if body.organisation is None:
        prices = await accounts.price_list(db, caller, now=now)
        return _calculation(calculate(added, prices, months=body.months))
    found = await accounts.simulation(
        db, context, caller, body.organisation, added, months=body.months, now=now
    )
    return _calculation(found.calculation).model_copy(
        update={
            "tier_before": found.before,
            "tier_after": found.after,
            "stops": [each.key for each in found.stopping],
        }
    )


def _calculation(found: Calculation) -> CalculationModel:
    return CalculationModel(
        needed=LicencesModel.of(found.needed),
        total=found.needed.total,
        offers=[
            OfferModel(
                licences=LicencesModel.of(each.licences),
                heat_water_gas_model=each.narrow,
                other_model=each.wide,
                cost=MoneyModel.of(each.cost),
            )
            for each in found.offers
        ],
    )


# ---------------------------------------------------------------------------- metering points


class ValueModel(Answer):
    """A measured value, in the base unit of its measurand."""

    measurand: str
    value: str
    unit: str | None
    phase: str | None
    measured_at: Moment


@router.get(
    "/stations/{identity:segment}/evses/{evse_id}/values",
    summary="Read the newest values of a metering point",
)
async def get_point_values(
    db: Db, now: Now, context: Context, caller: PointReader, identity: str, evse_id: str
) -> Page[ValueModel]:
    """As often as the account's tier allows: every 15 minutes, every minute, or every second.

    Sooner it is 429 with `Retry-After` and the tier. What a session measured is never limited: read
    it with the session.
    """
    found = await station(db, caller.scope, identity, now, limits=limits(context))
    caller.must_see(found.organisation, "station", identity)
    number = number_in_path(evse_id, "EVSE")
    if number not in {each.evse_id for each in found.evses}:
        raise NotFound("EVSE", evse_id)
    context.point_reads.take(f"{identity}/{number}", caller.granted, now=now)
    return Page(
        items=[
            ValueModel(
                measurand=each.measurand,
                value=each.value,
                unit=each.unit,
                phase=each.phase,
                measured_at=each.measured_at,
            )
            for each in await metering_points.newest_values(db, identity, number)
        ]
    )
