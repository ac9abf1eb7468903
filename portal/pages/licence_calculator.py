"""The licence calculator, and the simulator of an account: what some metering points would need."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import licensing
from accounts.account_letters import tier_name
from accounts.entitlements import AccountState
from accounts.licence_costs import (
    Calculation,
    PlannedPoints,
    PriceList,
    Simulation,
    calculate,
    planned,
)
from accounts.permissions import Permission
from accounts.tiers import Energy, PointKind
from foundation.errors import InvalidInput, Unavailable
from foundation.money import Money
from portal import account_words, accounts
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.account_refusals import form_errors
from portal.pages.surroundings import frame_of, page
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(prefix="/licence-calculator", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.ACCOUNTS_READ))]

_FIELDS: tuple[tuple[str, str, PointKind, Energy], ...] = (
    ("ocpp", marked("Charging connectors (OCPP)"), PointKind.OCPP_POINT, Energy.ELECTRICITY),
    (
        "direct",
        marked("Directly connected charging stations"),
        PointKind.DIRECT_STATION,
        Energy.ELECTRICITY,
    ),
    ("single", marked("Single-phase meters"), PointKind.SINGLE_PHASE_METER, Energy.ELECTRICITY),
    ("three", marked("Three-phase meters"), PointKind.THREE_PHASE_METER, Energy.ELECTRICITY),
    ("transformer", marked("Transformer meters"), PointKind.TRANSFORMER_METER, Energy.ELECTRICITY),
    ("heat", marked("Heat meters"), PointKind.MBUS_METER, Energy.HEAT),
    ("cold", marked("Cold meters"), PointKind.MBUS_METER, Energy.COLD),
    ("hot_water", marked("Hot-water meters"), PointKind.MBUS_METER, Energy.HOT_WATER),
    ("cold_water", marked("Cold-water meters"), PointKind.MBUS_METER, Energy.COLD_WATER),
    ("gas", marked("Gas meters"), PointKind.MBUS_METER, Energy.GAS),
    ("gateways", marked("M-Bus gateways"), PointKind.MBUS_GATEWAY, Energy.HEAT),
)
"""The form: name, label, and what is counted by it."""


@router.get("")
async def calculator(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    organisation: Annotated[str, Query(max_length=40)] = "",
    solar_plants: Annotated[str, Query(max_length=9)] = "",
    months: Annotated[str, Query(max_length=9)] = "12",
) -> Response:
    """Calculate what the query names; it changes nothing, so that it can be kept as a link."""
    given = {name: request.query_params.get(name, "")[:9] for name, *_ in _FIELDS}
    given |= {"solar_plants": solar_plants, "months": months, "organisation": organisation}
    frame = await frame_of(request, db, caller)
    said = frame.words
    prices = await accounts.price_list(db, caller, now=now)
    calculation: Calculation | None = None
    simulation: Simulation | None = None
    errors = FormErrors()
    try:
        if any(given[name] for name, *_ in _FIELDS):
            points = planned(
                [
                    PlannedPoints(kind, energy, _count(given[name], name))
                    for name, _, kind, energy in _FIELDS
                ],
                solar_plants=_count(solar_plants, "solar_plants"),
            )
            wanted = _count(months, "months")
            if not 1 <= wanted <= 120:
                raise InvalidInput("months must be 1 to 120.", field="months")
            if organisation:
                simulation = await accounts.simulation(
                    db, context_of(request), caller, organisation, points, months=wanted, now=now
                )
                calculation = simulation.calculation
            else:
                calculation = calculate(points, prices, months=wanted)
    except (InvalidInput, Unavailable) as error:
        errors = form_errors(error, said, otherwise="months")
    values = {
        "fields": [(name, said.gettext(label)) for name, label, *_ in _FIELDS],
        "given": given,
        "organisations": [("", said.gettext("None: only calculate")), *await _own(db, caller, now)],
        "calculation": None if calculation is None else _shown(calculation, said),
        "simulation": None
        if simulation is None
        else {
            "before": tier_name(simulation.before),
            "after": tier_name(simulation.after),
            "missing": simulation.missing,
            "stops": [said.gettext(each.label) for each in simulation.stopping],
        },
        "prices": _prices(prices, said),
        "errors": errors,
    }
    return page(frame, "licence_calculator.html", values, status=422 if errors else 200)


async def _own(db: AsyncSession, caller: Caller, now: Now) -> list[tuple[str, str]]:
    found = await licensing.accounts(db, caller.scope)
    return [
        (str(each.organisation), each.name)
        for each in found
        if each.state(now) is not AccountState.ARCHIVED
    ]


def _count(value: str, field: str) -> int:
    text = value.strip() or "0"
    if not text.isascii() or not text.isdecimal():
        raise InvalidInput("Give a whole number.", field=field)
    return int(text)


def _shown(found: Calculation, said: Words) -> dict[str, object]:
    return {
        "needed": found.needed,
        "offers": [
            {
                "narrow": each.narrow and said.gettext(account_words.LICENCE_MODELS[each.narrow]),
                "wide": each.wide and said.gettext(account_words.LICENCE_MODELS[each.wide]),
                "licences": each.licences,
                "cost": each.cost,
                "is_mixed": each.is_mixed,
            }
            for each in found.offers
        ],
    }


def _prices(prices: PriceList, said: Words) -> list[tuple[str, Money]]:
    return [
        (account_words.price_name(item, said), Money(prices.prices[item], prices.currency))
        for item in account_words.PRICE_ITEMS
        if item in prices.prices
    ]
