"""What people do to accounts, for API and pages alike: each deed is checked, done and audited.

Who sees what is decided here, by the organisation that the account is for; that nobody decides
about his own application, below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import approvals, directory, licence_prices, licensing, metering
from accounts.applications import Application, Wanted, as_json
from accounts.entitlements import AccountState
from accounts.licence_costs import PriceList, Simulation, simulate
from accounts.licensing import Account
from accounts.metering import Metered, PointLicence
from accounts.periods import today
from accounts.tiers import MeteringPoint
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal.context import PortalContext
from portal.guard import Caller
from portal.people import must_see_organisation


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """An account with all that its page and the API show of it."""

    account: Account
    state: AccountState
    metered: Metered
    licences: tuple[PointLicence, ...]
    prices: PriceList


async def seen_account(
    db: AsyncSession, context: PortalContext, caller: Caller, key: str, *, now: datetime
) -> SeenAccount:
    """Return an account of the caller's scope.

    Raises:
        NotFound: If there is none, or it is not his to see.
    """
    caller.must_see(OrganisationKey(key), "account", key)
    account = await licensing.account(db, OrganisationKey(key))
    on = today(now, account.zone)
    home = await directory.organisation(db, account.organisation)
    return SeenAccount(
        account,
        account.state(now),
        await metering.metered(db, context.metering, account.organisation, on=on),
        tuple(await metering.licences_of(db, account.organisation)),
        await licence_prices.price_list(db, home.currency, on),
    )


async def seen_application(db: AsyncSession, caller: Caller, number: int) -> Application:
    """Return an application of the caller's scope.

    Raises:
        NotFound: If there is none, or it is not his to see.
    """
    found = await licensing.application(db, number)
    caller.must_see(found.organisation, "application", number)
    return found


async def apply(
    db: AsyncSession,
    context: PortalContext,
    caller: Caller,
    key: str,
    wanted: Wanted,
    *,
    now: datetime,
) -> Application:
    """Apply for something, for an organisation of the caller's scope."""
    must_see_organisation(caller, key)
    try:
        home = await directory.organisation(db, OrganisationKey(key))
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {key!r}.", field="organisation") from error
    made = await licensing.apply(db, context.metering, home.key, wanted, by=caller.actor, now=now)
    await _note(db, caller, "account.apply", made, now)
    return made


async def approve(
    db: AsyncSession, context: PortalContext, caller: Caller, number: int, *, now: datetime
) -> Application:
    """Approve an application that somebody else made."""
    await seen_application(db, caller, number)
    made = await approvals.approve(db, context.metering, number, by=caller.actor, now=now)
    await _note(db, caller, "account.approve", made, now)
    return made


async def reject(
    db: AsyncSession, caller: Caller, number: int, reason: str, *, now: datetime
) -> Application:
    """Reject an application that somebody else made."""
    await seen_application(db, caller, number)
    made = await licensing.reject(db, number, reason, by=caller.actor, now=now)
    await _note(db, caller, "account.reject", made, now)
    return made


async def withdraw(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> Application:
    """Take an application back."""
    await seen_application(db, caller, number)
    made = await licensing.withdraw(db, number, by=caller.actor, now=now)
    await _note(db, caller, "account.withdraw", made, now)
    return made


async def archive(
    db: AsyncSession, context: PortalContext, caller: Caller, key: str, *, now: datetime
) -> Account:
    """Archive an account whose grace time is over."""
    caller.must_see(OrganisationKey(key), "account", key)
    made = await licensing.archive(
        db, OrganisationKey(key), grace_days=context.settings.account_grace_days, now=now
    )
    await caller.note(
        db,
        "account.archive",
        f"account/{key}",
        organisation=made.organisation,
        after={"ended_on": made.term.ends_on},
        now=now,
    )
    return made


async def end_licences(
    db: AsyncSession,
    context: PortalContext,
    caller: Caller,
    key: str,
    licence_id: int,
    *,
    agrees: bool,
    now: datetime,
) -> PointLicence:
    """End licences of the monthly subscription."""
    caller.must_see(OrganisationKey(key), "account", key)
    made = await metering.end_licences(
        db, context.metering, OrganisationKey(key), licence_id, agrees=agrees, now=now
    )
    await caller.note(
        db,
        "account.end_licences",
        f"account/{key}",
        organisation=OrganisationKey(key),
        after=made,
        now=now,
    )
    return made


async def simulation(
    db: AsyncSession,
    context: PortalContext,
    caller: Caller,
    key: str,
    added: Sequence[MeteringPoint],
    *,
    months: int,
    now: datetime,
) -> Simulation:
    """Tell what adding metering points to an account would do."""
    seen = await seen_account(db, context, caller, key, now=now)
    return simulate(seen.metered.points, seen.metered.licences, added, seen.prices, months=months)


async def price_list(
    db: AsyncSession, caller: Caller, *, now: datetime, currency: str | None = None
) -> PriceList:
    """Return the price list of today, in the currency of the caller's organisation."""
    home = await directory.organisation(db, caller.principal.organisation)
    return await licence_prices.price_list(
        db, currency or home.currency, today(now, home.time_zone)
    )


async def set_price(
    db: AsyncSession,
    caller: Caller,
    item: str,
    price: Decimal,
    currency: str,
    *,
    valid_from: date | None,
    now: datetime,
) -> PriceList:
    """Set a price of the list from a day on, today unless said otherwise."""
    root = await directory.root(db)
    on = today(now, root.time_zone)
    await licence_prices.set_price(
        db,
        item,
        price,
        currency,
        valid_from=valid_from or on,
        today=on,
        by=caller.principal.id,
        now=now,
    )
    await caller.note(
        db,
        "licence_price.set",
        f"licence_price/{item}",
        organisation=None,
        after={"price": price, "currency": currency, "valid_from": valid_from or on},
        now=now,
    )
    return await licence_prices.price_list(db, currency, valid_from or on)


async def points_changed(
    db: AsyncSession,
    context: PortalContext,
    organisation: OrganisationKey,
    *,
    agrees: bool,
    now: datetime,
) -> None:
    """Hold stations and connectors that were just added against their owner's account.

    Raises:
        DatapointsFull, TierWouldDrop: If it has no room for them, or functions would stop.
    """
    await metering.points_changed(db, context.metering, organisation, agrees=agrees, now=now)


async def _note(
    db: AsyncSession, caller: Caller, deed: str, made: Application, now: datetime
) -> None:
    await caller.note(
        db,
        deed,
        f"account_application/{made.id}",
        organisation=made.organisation,
        after={
            "kind": made.kind,
            "wanted": as_json(made.wanted),
            "applicant": made.applicant,
            "reason": made.reason,
        },
        now=now,
    )
