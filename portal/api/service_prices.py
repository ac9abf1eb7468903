"""Price lists of services: what they cost, from when, and who pays by which."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from billing import charges, corrections, service_prices
from billing.service_prices import PriceList
from billing.services import Per, Policy, ServicePrice
from foundation.errors import InvalidInput
from foundation.identifiers import PartyId
from foundation.money import Money
from portal.api.locations import seen_organisation
from portal.api.models import Answer, Body, Moment, MoneyModel, Since, moment_of
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from roaming import administration

router = APIRouter(tags=["services"], route_class=ApiRoute)

Writer = Annotated[Caller, Depends(require(Permission.SERVICES_WRITE))]
Amount = Annotated[Decimal, Field(ge=0, lt=1_000_000_000, max_digits=18, decimal_places=6)]


class ServicePriceModel(Answer):
    """A price from `valid_from` on, until the next one of its kind."""

    kind: str
    per: Per
    price: MoneyModel = Field(description="Net.")
    policy: Policy
    valid_from: Moment


class DebtorModel(Answer):
    """Who pays by the list from a moment on."""

    debtor: str
    valid_from: Moment


class PriceListModel(Answer):
    """A price list with all prices it ever had."""

    key: str
    name: str
    currency: str
    prices: list[ServicePriceModel]
    debtors: list[DebtorModel]


class NewPriceList(Body):
    """An empty price list."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"key": "standard", "name": "Standard", "currency": "EUR"}}
    )

    key: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    currency: Annotated[str, Field(min_length=3, max_length=3)]


class NewServicePrice(Body):
    """What a service costs from a moment on; a month that has begun keeps its price."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kind": "monitoring",
                "price": "9.90",
                "per": "station",
                "policy": "literal",
                "valid_from": "2027-01-01",
            }
        }
    )

    kind: Annotated[str, Field(max_length=60)] = Field(
        description="`monitoring`, `automated_invoicing`, `credit_notes`, `roaming_base`,"
        " `roaming_cdrs`, `maintenance`, `intervention`, or `service_package/` and a key."
    )
    price: Amount
    per: Per | None = Field(default=None, description="The usual unit, if it is left out.")
    policy: Policy = Policy.LITERAL
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")


class PriceListAssignment(Body):
    """Who pays by the list: an organisation with those below it, or a provider (EMP)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"organisation": "stadtwerke-nord", "valid_from": "2027-01-01"}
        }
    )

    organisation: Annotated[str, Field(max_length=100)] | None = None
    provider: Annotated[str, Field(max_length=100)] | None = None
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")


class CreditBody(Body):
    """What is given back of a charge; it comes with the next invoice."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "charge": "monitoring/DE-HN-014/2026-10",
                "amount": "9.90",
                "currency": "EUR",
                "reason": "Hotline was not reachable",
            }
        }
    )

    charge: Annotated[str, Field(min_length=1, max_length=300)]
    amount: Amount
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class CreditModel(Answer):
    """A credit as it was booked."""

    key: str
    charge: str
    net: MoneyModel
    debtor: str


@router.get("/service-price-lists", summary="List price lists of services")
async def list_price_lists(db: Db, _caller: Writer) -> Page[PriceListModel]:
    """By key, each with its prices and who pays by it."""
    return Page(items=[_shown(each) for each in await service_prices.price_lists(db)])


@router.post("/service-price-lists", status_code=201, summary="Create a price list of services")
async def create_price_list(db: Db, now: Now, caller: Writer, body: NewPriceList) -> PriceListModel:
    """It has no prices yet: what has no price costs nothing."""
    made = await service_prices.create(
        db, body.key, body.name, body.currency, by=caller.actor.id, now=now
    )
    await _note(db, now, caller, "service_price_list.create", made.key, body)
    return _shown(made)


@router.get("/service-price-lists/{price_list:segment}", summary="Get a price list of services")
async def get_price_list(db: Db, _caller: Writer, price_list: str) -> PriceListModel:
    """With all prices it ever had."""
    return _shown(await service_prices.price_list(db, price_list))


@router.post(
    "/service-price-lists/{price_list:segment}/prices",
    status_code=201,
    summary="Set the price of a service",
)
async def add_price(
    db: Db, now: Now, caller: Writer, price_list: str, body: NewServicePrice
) -> PriceListModel:
    """From a moment on; nothing that was is changed."""
    zone = (await directory.root(db)).time_zone
    await service_prices.add_price(
        db,
        price_list,
        body.kind,
        body.price,
        per=body.per,
        policy=body.policy,
        valid_from=None if body.valid_from is None else moment_of(body.valid_from, zone),
        by=caller.actor.id,
        now=now,
    )
    await _note(db, now, caller, "service_price.add", price_list, body)
    return _shown(await service_prices.price_list(db, price_list))


@router.post(
    "/service-price-lists/{price_list:segment}/assignments",
    status_code=201,
    summary="Say who pays by a price list",
)
async def assign_price_list(
    db: Db, now: Now, caller: Writer, price_list: str, body: PriceListAssignment
) -> PriceListModel:
    """An organisation without a list of its own pays by that of the nearest one above it."""
    if (body.organisation is None) == (body.provider is None):
        raise InvalidInput("Name an organisation or a provider.", field="organisation")
    zone = (await directory.root(db)).time_zone
    if body.organisation is not None:
        owner = await seen_organisation(db, caller, body.organisation)
        debtor, zone = charges.organisation(owner.key), owner.time_zone
    else:
        party = await administration.provider(db, PartyId(str(body.provider)))
        debtor = charges.provider(party.party_id)
    await service_prices.assign(
        db,
        debtor,
        price_list,
        valid_from=None if body.valid_from is None else moment_of(body.valid_from, zone),
        by=caller.actor.id,
        now=now,
    )
    await _note(db, now, caller, "service_price_list.assign", price_list, body)
    return _shown(await service_prices.price_list(db, price_list))


@router.post("/service-credits", status_code=201, summary="Credit a charge of a service")
async def credit_charge(db: Db, now: Now, caller: Writer, body: CreditBody) -> CreditModel:
    """A line of the debtor's next invoice; what was invoiced is never changed."""
    booked = await corrections.credit(
        db,
        body.charge,
        Money(body.amount, body.currency),
        reason=body.reason,
        by=caller.actor.id,
        now=now,
    )
    await caller.note(
        db,
        "charge.credit",
        f"charge/{body.charge}",
        organisation=caller.principal.organisation,
        after=body.model_dump(mode="json"),
        now=now,
    )
    return CreditModel(
        key=booked.charge.key,
        charge=body.charge,
        net=MoneyModel.of(booked.charge.net),
        debtor=booked.charge.debtor,
    )


async def _note(db: Db, now: Now, caller: Caller, deed: str, key: str, body: Body) -> None:
    await caller.note(
        db,
        deed,
        f"service_price_list/{key}",
        organisation=caller.principal.organisation,
        after=body.model_dump(mode="json"),
        now=now,
    )


def shown_price(price: ServicePrice) -> ServicePriceModel:
    """Return a price as the API shows it."""
    return ServicePriceModel(
        kind=price.kind,
        per=price.per,
        price=MoneyModel.of_exact(price.price),
        policy=price.policy,
        valid_from=price.valid_from,
    )


def _shown(price_list: PriceList) -> PriceListModel:
    return PriceListModel(
        key=price_list.key,
        name=price_list.name,
        currency=price_list.currency,
        prices=[shown_price(each) for each in price_list.prices],
        debtors=[
            DebtorModel(debtor=debtor, valid_from=valid_from)
            for debtor, valid_from in price_list.debtors
        ],
    )
