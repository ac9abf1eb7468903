"""What people do with credits, for API and pages alike.

Each function asks whether the caller may do this to just this thing, does it, and writes it into
the audit. Whoever pays is an organisation; remote access is for the people of the one that bought
it, and asked for on every use.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing import credit_orders, credit_prices, portal_use, remote_access
from billing.credit_mails import Letters
from billing.credit_orders import Order, ShopOrder
from billing.credits import CreditService, Tier
from billing.remote_access import NoRemoteAccess, RemoteAccess
from csms import equipment, registry
from csms.registry import StoredFrame
from foundation.errors import InvalidInput, NotFound, NotPermitted, Unavailable
from foundation.identifiers import OrganisationKey
from portal.context import PortalContext
from portal.guard import Caller

Decision = Literal["pay", "release", "cancel"]


def letters_of(context: PortalContext) -> Letters | None:
    """Return who writes the mails about credits; None where the program writes none."""
    return None if context.mails is None else Letters(context.mails, context.public_url)


# ------------------------------------------------------------------------------------- orders


def account_seen(caller: Caller, organisation: str | None) -> OrganisationKey:
    """Return the account that is meant: the caller's own unless he names one that he sees.

    Raises:
        NotFound: If he does not see it.
    """
    key = OrganisationKey(organisation or caller.principal.organisation)
    caller.must_see(key, "organisation", key)
    return key


async def order_seen(db: AsyncSession, caller: Caller, number: str) -> Order:
    """Return an order of the caller's scope; one that nobody was matched to is staff's alone.

    Raises:
        NotFound: If there is none, or he does not see it.
    """
    found = await credit_orders.order(db, number)
    caller.must_see(found.account, "order", number)
    return found


async def place(
    db: AsyncSession,
    caller: Caller,
    account: OrganisationKey,
    quantity: int,
    *,
    now: datetime,
) -> Order:
    """Order credits for an account that the caller sees.

    Raises:
        InvalidInput: If nobody can order so many.
    """
    caller.must_have(Permission.CREDITS_ORDER)
    caller.must_see(account, "organisation", account)
    is_own = account == caller.principal.organisation
    made = await credit_orders.place(
        db,
        account,
        quantity,
        by=caller.principal.id,
        # Who orders for another organisation is not the one to be told of its credits.
        person_id=caller.principal.person_id if is_own else None,
        source=caller.door,
        now=now,
    )
    await _note(db, caller, "credits.order", made, None, now)
    return made


async def decide(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    number: str,
    decision: Decision,
    *,
    payment: str = "",
    now: datetime,
) -> Order:
    """Note that an order is paid, release its credits before, or cancel it.

    Raises:
        NotFound: If the caller does not see such an order.
        Conflict: If its state does not allow it; nothing changes.
    """
    if decision == "cancel":
        caller.must_have(Permission.CREDITS_ORDER, ends_costs=True)
    else:
        caller.must_have(Permission.CREDITS_BOOK)
    before = await order_seen(db, caller, number)
    by, letters = caller.principal.id, letters_of(context)
    if decision == "pay":
        made = await credit_orders.pay(db, number, payment, by=by, letters=letters, now=now)
    elif decision == "release":
        made = await credit_orders.release(db, number, by=by, letters=letters, now=now)
    else:
        made = await credit_orders.cancel(db, number, now=now)
    await _note(db, caller, f"credits.{decision}", made, before, now)
    return made


async def match(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    number: str,
    organisation: str,
    *,
    now: datetime,
) -> Order:
    """Say whose an order of the queue is.

    Raises:
        InvalidInput: If nobody is named: an order of a shop is nobody's by default.
        NotFound: If there is no such order or organisation.
        OrderNotOpen: If it is not in the queue.
    """
    caller.must_have(Permission.CREDITS_BOOK)
    if not organisation.strip():
        raise InvalidInput("Say whose the order is.", field="organisation")
    before = await order_seen(db, caller, number)
    made = await credit_orders.match(
        db,
        number,
        account_seen(caller, organisation.strip()),
        by=caller.principal.id,
        letters=letters_of(context),
        now=now,
    )
    await _note(db, caller, "credits.match", made, before, now)
    return made


async def take_in(
    db: AsyncSession, caller: Caller, context: PortalContext, given: ShopOrder, *, now: datetime
) -> Order:
    """Take in an order of a shop.

    Raises:
        InvalidInput: If it is malformed.
        OrderDiffers: If another order has its number.
    """
    caller.must_have(Permission.CREDITS_BOOK)
    made = await credit_orders.take_in(
        db, given, by=caller.principal.id, letters=letters_of(context), now=now
    )
    await _note(db, caller, "credits.take_in", made, None, now)
    return made


async def set_prices(
    db: AsyncSession,
    caller: Caller,
    *,
    tiers: list[Tier] | None,
    costs: dict[CreditService, int],
    valid_from: datetime,
    now: datetime,
) -> None:
    """Have other prices hold from a moment on.

    Raises:
        InvalidInput: If one of them is none.
        PriceListExists: If there is another one from that moment on.
    """
    caller.must_have(Permission.CREDITS_BOOK)
    if tiers is not None:
        await credit_prices.set_tiers(db, tiers, valid_from=valid_from, now=now)
    for service, cost in costs.items():
        await credit_prices.set_price(db, service, cost, valid_from=valid_from, now=now)
    await caller.note(
        db,
        "credits.prices",
        "credits/prices",
        organisation=caller.principal.organisation,
        after={
            "valid_from": valid_from.isoformat(),
            "tiers": None
            if tiers is None
            else {str(each.quantity): each.unit_price_micro for each in tiers},
            "services": {service.value: cost for service, cost in costs.items()},
        },
        now=now,
    )


async def _note(
    db: AsyncSession, caller: Caller, deed: str, made: Order, before: Order | None, now: datetime
) -> None:
    await caller.note(
        db,
        deed,
        f"order/{made.number}",
        organisation=made.account or caller.principal.organisation,
        before=None if before is None else _facts(before),
        after=_facts(made),
        now=now,
    )


def _facts(order: Order) -> dict[str, Any]:
    return {
        "account": order.account,
        "quantity": order.quantity,
        "net": order.net.text,
        "state": order.state.value,
        "payment": order.payment,
    }


# --------------------------------------------------------------------------------- portal use


async def as_paid(
    db: AsyncSession, caller: Caller, context: PortalContext, *, now: datetime
) -> Caller:
    """Return somebody with the rights that his portal use of this month is paid for.

    All of his, unless the installation charges for portal use and his organisation has too few
    credits: then he reads, orders credits, and ends what costs. Programs with an API key are no
    portal use.
    """
    person_id = caller.principal.person_id
    if not context.settings.charge_portal_use or person_id is None:
        return caller
    if await portal_use.is_paid(
        db, caller.principal.organisation, person_id, letters=letters_of(context), now=now
    ):
        return caller
    left = frozenset(
        each
        for each in Permission
        if each.value.endswith(".read") or each is Permission.CREDITS_ORDER
    )
    return replace(caller, left=left)


# ------------------------------------------------------------------------------ remote access


async def station_seen(db: AsyncSession, caller: Caller, identity: str) -> OrganisationKey:
    """Return whose a station is; one that is only shared has no remote access.

    Raises:
        NotFound: If the caller is not on its owner's side.
    """
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
    return owner


async def buy(
    db: AsyncSession, caller: Caller, identity: str, months: int, *, renews: bool, now: datetime
) -> RemoteAccess:
    """Book remote access for the caller's own organisation.

    Raises:
        NotFound: If he does not see the station.
        NotEnoughCredits: If it has too few.
        RemoteAccessRuns: If paid time is left.
    """
    caller.must_have(Permission.CREDITS_ORDER)
    owner = await station_seen(db, caller, identity)
    made = await remote_access.buy(
        db,
        caller.principal.organisation,
        identity,
        months,
        renews=renews,
        by=caller.principal.id,
        person_id=caller.principal.person_id,
        now=now,
    )
    await _note_access(db, caller, "remote_access.buy", owner, made, now)
    return made


async def switch(
    db: AsyncSession,
    caller: Caller,
    identity: str,
    *,
    is_on: bool | None,
    renews: bool | None,
    now: datetime,
) -> RemoteAccess:
    """Switch the access of the caller's organisation, or say whether it is renewed.

    Raises:
        NotFound: If he does not see the station.
        NoRemoteAccess: If no paid time is left.
    """
    caller.must_have(Permission.CREDITS_ORDER, ends_costs=not (is_on or renews))
    owner = await station_seen(db, caller, identity)
    made = await remote_access.switch(
        db,
        caller.principal.organisation,
        identity,
        is_on=is_on,
        renews=renews,
        by=caller.principal.id,
        now=now,
    )
    await _note_access(db, caller, "remote_access.switch", owner, made, now)
    return made


async def _note_access(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    owner: OrganisationKey,
    made: RemoteAccess,
    now: datetime,
) -> None:
    await caller.note(
        db,
        deed,
        f"station/{made.station}",
        organisation=owner,
        after={
            "account": made.account,
            "months": made.months,
            "is_on": made.is_on,
            "renews": made.renews,
            "until": made.until.isoformat(),
        },
        now=now,
    )


async def use(
    db: AsyncSession, caller: Caller, context: PortalContext, identity: str, *, now: datetime
) -> datetime:
    """Let the caller use his organisation's access, and return until when he may.

    Raises:
        PermissionMissing: If he may see no stations, or no credits.
        NotFound: If he does not see the station (any more).
        NoRemoteAccess: If there is none now.
    """
    caller.must_have(Permission.STATIONS_READ)
    caller.must_have(Permission.CREDITS_READ)
    await station_seen(db, caller, identity)
    return await remote_access.use(
        db, caller.principal.organisation, identity, letters=letters_of(context), now=now
    )


async def console_lines(
    db: AsyncSession, account: OrganisationKey, identity: str, *, limit: int
) -> list[StoredFrame]:
    """Return what a station and we said to each other since the access was first bought."""
    paid = await remote_access.terms(db, account, identity)
    begun = paid[-1].origin_at if paid else None
    return await registry.frames(db, identity, start=begun, limit=limit)


async def console(
    context: PortalContext,
    who: Callable[[AsyncSession, datetime], Awaitable[Caller | None]],
    identity: str,
    *,
    poll_s: float,
    life_s: float,
) -> AsyncIterator[str]:
    """Yield server-sent events whenever something was said, until the access ends.

    At every look it is asked who that is, and for his access, so the stream is cut when it expires,
    is switched off, the station goes to somebody else, or he loses a right or signs out.

    Args:
        context: The portal's.
        who: Finds out anew who asks; None: nobody who is signed in.
        identity: The station's.
        poll_s: How often it is looked.
        life_s: When the stream ends; the browser comes back by itself.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    yield "retry: 3000\n\n"
    newest: datetime | None = None
    try:
        while loop.time() - begun < life_s:
            async with context.database.unit_of_work() as db:
                now = context.clock.now()
                caller = await who(db, now)
                if caller is None:
                    raise NoRemoteAccess
                until = await use(db, caller, context, identity, now=now)
                lines = await registry.frames(db, identity, limit=1)
            last = lines[0].at if lines else None
            yield ":\n\n" if last == newest else "event: changed\ndata:\n\n"
            newest = last
            left = max(until - now, timedelta())
            await asyncio.sleep(min(poll_s, left.total_seconds() + 0.01))
    except (NotPermitted, NotFound):
        yield "event: changed\ndata:\n\n"  # the page looks again, and sees that it is over
    except Unavailable:
        return
