"""Credits: balance and bookings, ordering with the price as one types, and orders to book."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import credit_orders, credit_prices, credit_store, remote_access
from billing.credit_orders import (
    Order,
    OrderAlreadyBooked,
    OrderNotOpen,
    OrderPaidTwice,
    OrderState,
)
from billing.credits import (
    LARGEST_ORDER,
    SHIPPED_PRICES,
    CreditService,
    NotEnoughCredits,
    Offer,
    offer,
)
from billing.remote_access import RemoteAccessRuns
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import credit_doors, formats
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.refusals import in_words
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50

Reader = Annotated[Caller, Depends(require(Permission.CREDITS_READ))]
Orderer = Annotated[Caller, Depends(require(Permission.CREDITS_ORDER))]
Booker = Annotated[Caller, Depends(require(Permission.CREDITS_BOOK))]
Whose = Annotated[str, Query(max_length=40)]

SERVICES = {
    CreditService.PURCHASE: marked("Purchase"),
    CreditService.SMS: marked("SMS"),
    CreditService.REMOTE_1: marked("Remote access, 1 month"),
    CreditService.REMOTE_12: marked("Remote access, 12 months"),
    CreditService.PORTAL_USE: marked("Portal use, a month"),
}
_SUGGESTED = 500


def said_of(error: ExpectedError, said: Words) -> str:
    """Return a refusal of the wallet in the reader's language."""
    if isinstance(error, NotEnoughCredits):
        return said.gettext("This takes %(needed)s credits; %(available)s are available.") % {
            "needed": formats.number(error.needed, said.locale),
            "available": formats.number(error.available, said.locale),
        }
    if isinstance(error, OrderPaidTwice):
        return said.gettext("The order %(number)s was paid before. Nothing was booked.") % {
            "number": error.number
        }
    if isinstance(error, OrderAlreadyBooked):
        return said.gettext("The credits of the order %(number)s were booked before.") % {
            "number": error.number
        }
    if isinstance(error, OrderNotOpen):
        return said.gettext("The order is no longer open. Nothing was changed.")
    if isinstance(error, InvalidInput) and error.field == "organisation":
        return said.gettext("Say whose the order is.")
    if isinstance(error, RemoteAccessRuns):
        return said.gettext("There is paid time left already. Switch it on, or have it renewed.")
    return in_words(error, said)


# -------------------------------------------------------------------------------------- wallet


@router.get("/credits")
async def wallet(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    organisation: Whose = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Show an account's balance and each booking, the newest first."""
    account = credit_doors.account_seen(caller, organisation)
    frame = await frame_of(request, db, caller)
    found = await credit_store.bookings(db, account, before=before, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    query = {"organisation": organisation}
    on = None
    if len(found) > PER_PAGE:
        on = link("/credits", {**query, "before": kept[-1].id, "n": n + PER_PAGE})
    costs = await credit_prices.prices(db, now)
    values = {
        "wallet": await credit_store.wallet(db, account),
        "account": account,
        "may_cancel": caller.may(Permission.CREDITS_ORDER, ends_costs=True),
        "organisations": await _accounts(db, caller),
        "lines": [
            {
                "booked_at": each.booked_at,
                "what": frame.words.gettext(SERVICES[each.service]),
                "station": _station(each.about),
                "reference": each.reference,
                "quantity": each.quantity,
                "balance_after": each.balance_after,
            }
            for each in kept
        ],
        "turn": Turn(n, n + len(kept) - 1, None, link("/credits", query) if before else None, on),
        "orders": await credit_orders.orders(db, {account}, states=[OrderState.OPEN], limit=20),
        "services": [(frame.words.gettext(SERVICES[each]), costs[each]) for each in SHIPPED_PRICES],
        "accesses": [
            {
                "station": each.station,
                "until": each.until,
                "state": "open" if each.is_open(now) else "off" if each.runs(now) else "over",
                "renews": each.renews,
            }
            for each in await remote_access.accesses(db, {account})
        ],
        "path": remote_access.path_of,
    }
    return page(frame, "credits.html", values)


def _station(about: str | None) -> str:
    thing, _, key = (about or "").partition("/")
    return key if thing == "station" else ""


async def _accounts(db: AsyncSession, caller: Caller) -> list[tuple[str, str]]:
    found = await directory.organisations(db, caller.scope)
    return [(each.key, each.name) for each in found]


# ------------------------------------------------------------------------------------ ordering


@router.get("/credits/order")
async def order_form(
    request: Request,
    db: Db,
    now: Now,
    caller: Orderer,
    quantity: Annotated[str, Query(max_length=12)] = "",
    organisation: Whose = "",
) -> Response:
    """Show what an order would cost, before it is placed."""
    return await _order_form(request, db, now, caller, quantity, organisation)


@router.post("/credits/order")
async def order(
    request: Request,
    db: Db,
    now: Now,
    caller: Orderer,
    quantity: Annotated[str, Form(max_length=12)] = "",
    organisation: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Order credits."""
    account = credit_doors.account_seen(caller, organisation)
    try:
        await credit_doors.place(db, caller, account, _number(quantity), now=now)
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({"quantity": _said_of_quantity(error, said)})
        return await _order_form(
            request, db, now, caller, quantity, organisation, errors=errors, status=422
        )
    return went("/credits", organisation=organisation, done="credits-ordered")


async def _order_form(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    quantity: str,
    organisation: str,
    *,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    account = credit_doors.account_seen(caller, organisation)
    frame = await frame_of(request, db, caller)
    listed = await credit_prices.tiers(db, now)
    wanted: Offer | None = None
    try:
        wanted = offer(_number(quantity or str(_SUGGESTED)), listed)
    except InvalidInput as error:
        errors = errors or FormErrors({"quantity": _said_of_quantity(error, frame.words)})
    values = {
        "given": {"quantity": quantity or _SUGGESTED, "organisation": account},
        "organisations": await _accounts(db, caller),
        "offer": None if wanted is None else _shown(wanted),
        "tiers": [_shown(offer(each.quantity, listed)) for each in listed],
        "wallet": await credit_store.wallet(db, account),
        "largest": LARGEST_ORDER,
        "errors": errors or FormErrors(),
    }
    return page(frame, "credit_order.html", values, status=status)


def _number(written: str) -> int:
    """Read a number of credits.

    Raises:
        InvalidInput: If it is none.
    """
    text = written.strip()
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput("A number of credits is a whole number.", field="quantity")
    return int(text)


def _said_of_quantity(error: InvalidInput, said: Words) -> str:
    if "whole number" in str(error):
        return said.gettext("A number of credits is a whole number.")
    return said.gettext("An order has 1 to %(most)s credits.") % {
        "most": formats.number(LARGEST_ORDER, said.locale)
    }


def _shown(made: Offer) -> Mapping[str, object]:
    return {
        "quantity": made.quantity,
        "unit_price": made.unit_price,
        "discount": int((made.discount * Decimal(1000)).to_integral_value()) * 10,
        "net": made.net,
        "cheaper": None if made.cheaper is None else _shown(made.cheaper),
    }


# ----------------------------------------------------------------------------- orders to book


@router.get("/credits/orders")
async def orders(
    request: Request,
    db: Db,
    caller: Booker,
    q: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Show the orders that wait for a payment, for a person, or were booked lately."""
    return await _orders(request, db, caller, q=q, before=before)


@router.post("/credits/orders/{order_number:segment}")
async def decide(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    order_number: str,
    decision: Annotated[str, Form(max_length=10)] = "",
    payment: Annotated[str, Form(max_length=200)] = "",
    organisation: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Note a payment, release, cancel, or say whose an order is."""
    context = context_of(request)
    try:
        async with db.begin_nested():
            if decision == "match":
                await credit_doors.match(db, caller, context, order_number, organisation, now=now)
            elif decision in ("pay", "release", "cancel"):
                await credit_doors.decide(
                    db,
                    caller,
                    context,
                    order_number,
                    "pay"
                    if decision == "pay"
                    else "release"
                    if decision == "release"
                    else "cancel",
                    payment=payment,
                    now=now,
                )
            else:
                raise InvalidInput("Say what to do with the order.", field="decision")
    except (InvalidInput, Conflict) as error:
        if not caller.may(Permission.CREDITS_BOOK):
            raise
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({f"payment-{order_number}": said_of(error, said)})
        status = 422 if isinstance(error, InvalidInput) else 409
        return await _orders(request, db, caller, errors=errors, status=status)
    if decision == "cancel" and not caller.may(Permission.CREDITS_BOOK):
        return went("/credits", done="credits-cancelled")
    return went("/credits/orders", done=f"credits-{decision}")


async def _orders(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    *,
    q: str = "",
    before: int | None = None,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    names = dict(await _accounts(db, caller))
    waiting = await credit_orders.orders(
        db, states=[OrderState.OPEN, OrderState.UNMATCHED], limit=200
    )
    unpaid = await credit_orders.orders(db, states=[OrderState.BOOKED], is_unpaid=True, limit=200)
    if q.strip():
        found = await _by_number(db, q.strip())
        lately = [] if found is None else [found]
        on = None
    else:
        lately = await credit_orders.orders(db, before=before, limit=PER_PAGE + 1)
        on = None
        if len(lately) > PER_PAGE:
            lately = lately[:PER_PAGE]
            on = link("/credits/orders", {"before": lately[-1].id})
    values = {
        "to_do": [_line(each, names, caller) for each in [*waiting, *unpaid]],
        "orders": [_line(each, names, caller) for each in lately],
        "organisations": sorted(names.items(), key=lambda each: each[1]),
        "q": q,
        "turn": Turn(1, len(lately), None, "/credits/orders" if before else None, on),
        "errors": errors or FormErrors(),
    }
    return page(frame, "credit_orders.html", values, status=status)


async def _by_number(db: AsyncSession, number: str) -> Order | None:
    try:
        return await credit_orders.order(db, number)
    except NotFound:
        return None


def _line(each: Order, names: Mapping[str, str], caller: Caller) -> Mapping[str, object]:
    account: OrganisationKey | None = each.account
    return {
        "number": each.number,
        "name": "" if account is None else names.get(account, account),
        "user_name": caller.personal(each.user_name) or "",
        "quantity": each.quantity,
        "net": each.net,
        "state": each.state.value,
        "ordered_at": each.ordered_at,
        "paid_at": each.paid_at,
        "payment": each.payment or "",
    }
