"""Credits: the prepaid wallet, its prices and orders, and remote access bought with it."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field, StringConstraints

from accounts import directory
from accounts.permissions import Permission
from billing import credit_orders, credit_prices, credit_store, remote_access
from billing.credit_orders import Order, OrderState, ShopOrder
from billing.credit_store import Booking
from billing.credits import (
    LARGEST_ORDER,
    SHIPPED_PRICES,
    CreditService,
    Offer,
    Tier,
    euros,
    offer,
)
from billing.remote_access import RemoteAccess
from foundation.database import savepoint
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import credit_doors, masking, paging
from portal.api.models import Answer, Body, Moment, MoneyModel, Since, moment_of
from portal.api.stations import FrameModel
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/credits", tags=["credits"], route_class=ApiRoute)
remote = APIRouter(
    prefix="/stations/{identity:segment}/remote-access", tags=["credits"], route_class=ApiRoute
)

Reader = Annotated[Caller, Depends(require(Permission.CREDITS_READ))]
Orderer = Annotated[Caller, Depends(require(Permission.CREDITS_ORDER))]
Ender = Annotated[Caller, Depends(require(Permission.CREDITS_ORDER, ends_costs=True))]
"""Of what may end costs; the door asks again for what does not."""
Booker = Annotated[Caller, Depends(require(Permission.CREDITS_BOOK))]

Whose = Annotated[
    str | None, Query(max_length=40, description="The organisation; your own if left out.")
]
Quantity = Annotated[int, Field(ge=1, le=LARGEST_ORDER)]
Price = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=6)]

_CONSOLE_LINES = 200


# -------------------------------------------------------------------------------------- models


class WalletModel(Answer):
    """What an account has; credits never expire."""

    organisation: str
    balance: int
    reserved: int = Field(description="Set aside for what is being sent now.")
    available: int


class BookingModel(Answer):
    """Credits that came (positive) or went (negative), with the balance after them."""

    id: int
    booked_at: Moment
    service: CreditService
    about: str | None = Field(description="The plant or station, as in `station/CS-1`.")
    quantity: int
    balance_after: int
    reference: str
    by: str


class CheaperModel(Answer):
    """A larger order that costs less in total."""

    quantity: int
    net: MoneyModel


class OfferModel(Answer):
    """What an order of so many credits costs now, without tax."""

    quantity: int
    unit_price: MoneyModel
    list_price: MoneyModel
    discount: float = Field(description="Less than the list price, as a share of it.")
    net: MoneyModel = Field(description="The whole, rounded once.")
    cheaper: CheaperModel | None = Field(
        description="A larger order that costs less in total, if there is one."
    )

    @classmethod
    def of(cls, value: Offer) -> "OfferModel":
        """Return what an order costs."""
        return cls(
            quantity=value.quantity,
            unit_price=MoneyModel.of_exact(value.unit_price),
            list_price=MoneyModel.of_exact(euros(value.list_price_micro)),
            discount=float(value.discount),
            net=MoneyModel.of(value.net),
            cheaper=None
            if value.cheaper is None
            else CheaperModel(
                quantity=value.cheaper.quantity, net=MoneyModel.of(value.cheaper.net)
            ),
        )


class PricesModel(Answer):
    """What credits cost by the quantity of an order, and services in credits."""

    tiers: list[OfferModel] = Field(description="From so many credits in one order on.")
    services: dict[CreditService, int]


class TierBody(Body):
    """From so many credits in one order on each costs so much, in euros, without tax."""

    quantity: Quantity
    unit_price: Price


class PricesBody(Body):
    """What shall hold from a moment on; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "tiers": [
                    {"quantity": 1, "unit_price": "0.119"},
                    {"quantity": 1000, "unit_price": "0.099"},
                ],
                "services": {"sms": 1, "remote_1": 50, "remote_12": 240},
                "valid_from": "2027-01-01",
            }
        }
    )

    tiers: Annotated[list[TierBody], Field(min_length=1, max_length=50)] | None = None
    services: dict[CreditService, Annotated[int, Field(ge=0, le=LARGEST_ORDER)]] = Field(default={})
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")


class OrderBody(Body):
    """An order of credits."""

    model_config = ConfigDict(json_schema_extra={"example": {"quantity": 500}})

    quantity: Quantity
    organisation: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="Who pays; your own organisation if left out."
    )


class OrderModel(Answer):
    """An order of credits, at the price of its day."""

    number: str
    organisation: str | None = Field(description="Null while nobody knows whose it is.")
    user_name: str | None
    source: str
    quantity: int
    unit_price: MoneyModel
    discount: float
    net: MoneyModel
    state: OrderState
    ordered_at: Moment
    booked_at: Moment | None
    paid_at: Moment | None
    payment: str | None


class PaymentBody(Body):
    """A payment that arrived."""

    model_config = ConfigDict(json_schema_extra={"example": {"payment": "bank 2026-11-22/17"}})

    payment: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class MatchBody(Body):
    """Whose an order of the queue is."""

    model_config = ConfigDict(json_schema_extra={"example": {"organisation": "stadtwerke-nord"}})

    organisation: Annotated[str, Field(max_length=40)]


class ShopOrderBody(Body):
    """An order as a shop has it; `user_name` is what the buyer wrote into the comment field."""

    number: Annotated[str, Field(max_length=40)]
    user_name: Annotated[str, Field(max_length=200)]
    quantity: Quantity
    net: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
    ordered_at: Moment
    payment: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The payment's reference; null while it is not paid."
    )
    is_invoiced: bool = Field(description="Whether the shop wrote the invoice itself.")


class ShopOrdersBody(Body):
    """Orders of a shop; the same one twice is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "orders": [
                    {
                        "number": "2026-4711",
                        "user_name": "anna",
                        "quantity": 250,
                        "net": "28.50",
                        "ordered_at": "2026-11-20T09:15:00Z",
                        "payment": "card 8812",
                        "is_invoiced": True,
                    }
                ]
            }
        }
    )

    orders: Annotated[list[ShopOrderBody], Field(min_length=1, max_length=500)]


class TakenIn(Answer):
    """What became of a shop's order."""

    number: str
    state: OrderState | None = Field(description="Null if it was refused.")
    code: str | None = Field(description="Why it was refused, as in problem documents.")
    detail: str | None


class TakenInAll(Answer):
    """What became of each order, in the order of the call."""

    orders: list[TakenIn]


# -------------------------------------------------------------------------------------- wallet


@router.get("", summary="Get the balance")
async def get_credits(db: Db, caller: Reader, organisation: Whose = None) -> WalletModel:
    """What an account has, and how much of it is free."""
    account = credit_doors.account_seen(caller, organisation)
    held = await credit_store.wallet(db, account)
    return WalletModel(
        organisation=account,
        balance=held.balance,
        reserved=held.reserved,
        available=held.available,
    )


@router.get("/bookings", summary="List bookings")
async def list_credit_bookings(
    db: Db,
    caller: Reader,
    organisation: Whose = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[BookingModel]:
    """Each use on its own line, the newest first."""
    account = credit_doors.account_seen(caller, organisation)
    behind = paging.decoded(cursor, int)
    found = await credit_store.bookings(
        db, account, before=behind[0] if behind else None, limit=limit + 1
    )
    return paging.page(found, limit, shown=_booking, key=lambda each: (each.id,))


@router.get("/prices", summary="Get the prices")
async def get_credit_prices(db: Db, now: Now, _caller: Reader) -> PricesModel:
    """What credits cost, and services in credits, now."""
    return await _prices(db, now)


@router.put("/prices", summary="Set prices")
async def set_credit_prices(db: Db, now: Now, caller: Booker, body: PricesBody) -> PricesModel:
    """From a moment on; what was ordered and bought before keeps its price."""
    zone = (await directory.organisation(db, caller.principal.organisation)).time_zone
    begins = now if body.valid_from is None else moment_of(body.valid_from, zone)
    tiers = None
    if body.tiers is not None:
        tiers = [Tier(each.quantity, int(each.unit_price.scaleb(6))) for each in body.tiers]
    await credit_doors.set_prices(
        db, caller, tiers=tiers, costs=body.services, valid_from=begins, now=now
    )
    return await _prices(db, begins)


@router.get("/offer", summary="Price an order")
async def get_credit_offer(
    db: Db, now: Now, _caller: Reader, quantity: Annotated[int, Query(ge=1, le=LARGEST_ORDER)]
) -> OfferModel:
    """With the discount, and a larger order that costs less in total."""
    return OfferModel.of(await credit_orders.offered(db, quantity, now=now))


# -------------------------------------------------------------------------------------- orders


@router.get("/orders", summary="List orders")
async def list_credit_orders(
    db: Db,
    caller: Reader,
    organisation: Whose = None,
    state: Annotated[OrderState | None, Query(description="Only those in this state.")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[OrderModel]:
    """The newest first: of one organisation, or of all that you see."""
    accounts = caller.scope.organisations
    if organisation is not None:
        accounts = frozenset({credit_doors.account_seen(caller, organisation)})
    behind = paging.decoded(cursor, int)
    found = await credit_orders.orders(
        db,
        accounts,
        states=() if state is None else (state,),
        before=behind[0] if behind else None,
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _order(each, caller), key=lambda each: (each.id,)
    )


@router.post("/orders", status_code=201, summary="Order credits")
async def order_credits(db: Db, now: Now, caller: Orderer, body: OrderBody) -> OrderModel:
    """At the price of now. An invoice follows; the credits are booked when it is paid."""
    account = credit_doors.account_seen(caller, body.organisation)
    return _order(await credit_doors.place(db, caller, account, body.quantity, now=now), caller)


@router.post("/orders/import", summary="Take in orders of a shop")
async def import_credit_orders(
    db: Db, now: Now, context: Context, caller: Booker, body: ShopOrdersBody
) -> TakenInAll:
    """User names are matched exactly; one that nobody has waits in the queue (`unmatched`)."""
    found = []
    for each in body.orders:
        given = ShopOrder(
            number=each.number,
            user_name=each.user_name,
            quantity=each.quantity,
            net=Money(each.net, "EUR"),
            ordered_at=each.ordered_at,
            payment=each.payment,
            is_invoiced=each.is_invoiced,
        )
        try:
            async with await savepoint(db):
                made = await credit_doors.take_in(db, caller, context, given, now=now)
        except ExpectedError as error:
            refused = TakenIn(number=each.number, state=None, code=error.code, detail=str(error))
            found.append(refused)
        else:
            found.append(TakenIn(number=made.number, state=made.state, code=None, detail=None))
    return TakenInAll(orders=found)


@router.get("/orders/{order_number:segment}", summary="Get an order")
async def get_credit_order(db: Db, caller: Reader, order_number: str) -> OrderModel:
    """With the price of its day, and where it stands."""
    return _order(await credit_doors.order_seen(db, caller, order_number), caller)


@router.post("/orders/{order_number:segment}/pay", summary="Note a payment")
async def pay_credit_order(
    db: Db, now: Now, context: Context, caller: Booker, order_number: str, body: PaymentBody
) -> OrderModel:
    """Books the credits, once. An order that was paid before is refused, and nothing changes."""
    made = await credit_doors.decide(
        db, caller, context, order_number, "pay", payment=body.payment, now=now
    )
    return _order(made, caller)


@router.post("/orders/{order_number:segment}/release", summary="Book an order before it is paid")
async def release_credit_order(
    db: Db, now: Now, context: Context, caller: Booker, order_number: str
) -> OrderModel:
    """Its payment is noted when it comes, and books nothing then."""
    made = await credit_doors.decide(db, caller, context, order_number, "release", now=now)
    return _order(made, caller)


@router.post("/orders/{order_number:segment}/cancel", summary="Cancel an order")
async def cancel_credit_order(
    db: Db, now: Now, context: Context, caller: Ender, order_number: str
) -> OrderModel:
    """As long as it is neither booked nor paid."""
    made = await credit_doors.decide(db, caller, context, order_number, "cancel", now=now)
    return _order(made, caller)


@router.post("/orders/{order_number:segment}/match", summary="Say whose an order is")
async def match_credit_order(
    db: Db, now: Now, context: Context, caller: Booker, order_number: str, body: MatchBody
) -> OrderModel:
    """For an order of the queue; one that is paid is booked at once."""
    made = await credit_doors.match(db, caller, context, order_number, body.organisation, now=now)
    return _order(made, caller)


# ------------------------------------------------------------------------------- remote access


class TermModel(Answer):
    """A term that was paid, valid in [valid_from, valid_to)."""

    valid_from: Moment
    valid_to: Moment
    months: Literal[1, 12]


class RemoteAccessModel(Answer):
    """Your organisation's remote access to a station."""

    is_open: bool = Field(description="Whether it may be used now.")
    is_on: bool
    renews: bool = Field(description="Whether its end books the same runtime again.")
    months: Literal[1, 12] | None
    until: Moment | None = Field(description="The end of the newest term, not included.")
    terms: list[TermModel]
    cost: dict[Literal["1", "12"], int] = Field(description="In credits, by runtime, now.")


class NewRemoteAccess(Body):
    """Remote access for 1 or 12 months from now on."""

    model_config = ConfigDict(json_schema_extra={"example": {"months": 12, "renews": True}})

    months: Literal[1, 12]
    renews: bool = Field(default=False, description="Whether its end books the same again.")


class RemoteAccessChange(Body):
    """Nothing is booked by it, and nothing is given back."""

    model_config = ConfigDict(json_schema_extra={"example": {"renews": False}})

    is_on: bool | None = None
    renews: bool | None = None


class Console(Answer):
    """What a station and we said to each other, the newest first."""

    until: Moment = Field(description="When the access ends.")
    frames: list[FrameModel]


@remote.get("", summary="Get remote access")
async def get_remote_access(db: Db, now: Now, caller: Reader, identity: str) -> RemoteAccessModel:
    """Whether your organisation may use it now, and what it paid for."""
    await credit_doors.station_seen(db, caller, identity)
    found = await remote_access.access_to(db, caller.principal.organisation, identity)
    return await _access(db, now, caller.principal.organisation, identity, found)


@remote.post("", status_code=201, summary="Buy remote access")
async def buy_remote_access(
    db: Db, now: Now, caller: Orderer, identity: str, body: NewRemoteAccess
) -> RemoteAccessModel:
    """Paid with your organisation's credits; for its people, to this one station."""
    made = await credit_doors.buy(db, caller, identity, body.months, renews=body.renews, now=now)
    return await _access(db, now, made.account, identity, made)


@remote.patch("", summary="Switch remote access")
async def switch_remote_access(
    db: Db, now: Now, caller: Ender, identity: str, body: RemoteAccessChange
) -> RemoteAccessModel:
    """Off keeps the paid time: on again costs nothing until that ends."""
    if body.is_on is None and body.renews is None:
        raise InvalidInput("Say is_on, renews, or both.", field="is_on")
    made = await credit_doors.switch(
        db, caller, identity, is_on=body.is_on, renews=body.renews, now=now
    )
    return await _access(db, now, made.account, identity, made)


@remote.get("/console", summary="Use remote access")
async def use_remote_access(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Console:
    """The newest messages. Access is asked for on every call."""
    until = await credit_doors.use(db, caller, context, identity, now=now)
    lines = await credit_doors.console_lines(
        db, caller.principal.organisation, identity, limit=_CONSOLE_LINES
    )
    return Console(
        until=until,
        frames=[
            FrameModel(
                at=each.at,
                direction="in" if each.direction == "in" else "out",
                epoch=each.epoch,
                raw=masking.frame(caller, each.raw),
                note=each.note,
            )
            for each in lines
        ],
    )


# -------------------------------------------------------------------------------------- within


async def _prices(db: Db, at: Moment) -> PricesModel:
    listed = await credit_prices.tiers(db, at)
    costs = await credit_prices.prices(db, at)
    return PricesModel(
        tiers=[OfferModel.of(offer(each.quantity, listed)) for each in listed],
        services={service: costs[service] for service in SHIPPED_PRICES},
    )


def _booking(each: Booking) -> BookingModel:
    return BookingModel(
        id=each.id,
        booked_at=each.booked_at,
        service=each.service,
        about=each.about,
        quantity=each.quantity,
        balance_after=each.balance_after,
        reference=each.reference,
        by=each.by,
    )


def _order(each: Order, caller: Caller) -> OrderModel:
    return OrderModel(
        number=each.number,
        organisation=each.account,
        user_name=caller.personal(each.user_name),
        source=each.source,
        quantity=each.quantity,
        unit_price=MoneyModel.of_exact(each.offer.unit_price),
        discount=float(each.offer.discount),
        net=MoneyModel.of(each.net),
        state=each.state,
        ordered_at=each.ordered_at,
        booked_at=each.booked_at,
        paid_at=each.paid_at,
        payment=each.payment,
    )


async def _access(
    db: Db,
    now: Moment,
    account: OrganisationKey,
    identity: str,
    found: RemoteAccess | None,
) -> RemoteAccessModel:
    costs = await credit_prices.prices(db, now)
    return RemoteAccessModel.model_validate(
        {
            "is_open": found is not None and found.is_open(now),
            "is_on": found is not None and found.is_on,
            "renews": found is not None and found.renews,
            "months": None if found is None else found.months,
            "until": None if found is None else found.until,
            "terms": [
                {
                    "valid_from": each.valid_from,
                    "valid_to": each.valid_to,
                    "months": each.months,
                }
                for each in await remote_access.terms(db, account, identity)
            ],
            "cost": {
                "1": costs[CreditService.REMOTE_1],
                "12": costs[CreditService.REMOTE_12],
            },
        }
    )
