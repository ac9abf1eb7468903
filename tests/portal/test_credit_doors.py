"""What people do with credits: the rules that no page and no call gets around."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Principal, Scope
from accounts.entitlements import AccountExpired, Entitlement
from accounts.licences import Licence
from accounts.permissions import SHIPPED, Permission, Reach, Role
from accounts.tiers import Tier
from billing import credit_prices, credit_store
from billing.credits import CreditService
from csms import administration
from csms.administration import StationSettings
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal import credit_doors
from portal.context import PortalContext
from portal.guard import Caller, PermissionMissing
from tests.portal.conftest import Keys

NORTH = OrganisationKey("north")


def owner_of(organisation: str) -> Caller:
    key = OrganisationKey(organisation)
    principal = Principal(
        id="person/7",
        name="Nora",
        group="owner",
        rights=SHIPPED[Role.OWNER],
        reach=Reach.OWN_AND_BELOW,
        organisation=key,
        language="en",
        person_id=7,
    )
    return Caller(principal, Scope(frozenset({key})), door="portal")


@pytest.fixture
async def nora(context: PortalContext, keys: Keys, clock: SetClock) -> Caller:
    """An owner with a station and a month of remote access to it."""
    assert keys
    caller = owner_of("north")
    async with context.database.unit_of_work() as db:
        await administration.create_station(
            db,
            "N-1",
            NORTH,
            StationSettings(),
            password=None,
            time_zone="Europe/Berlin",
            now=clock.now(),
        )
        await credit_store.add(db, NORTH, 50, reference="gift", by="p", now=clock.now())
        await credit_doors.buy(db, caller, "N-1", 1, renews=False, now=clock.now())
    return caller


def always(caller: Caller | None) -> Callable[[AsyncSession, datetime], Awaitable[Caller | None]]:
    async def who(_db: AsyncSession, _now: datetime) -> Caller | None:
        return caller

    return who


async def events_of(stream: AsyncIterator[str], number: int) -> list[str]:
    return [await anext(stream) for _ in range(number)]


async def test_an_open_connection_is_cut_when_the_access_expires(
    nora: Caller, context: PortalContext, clock: SetClock
) -> None:
    stream = credit_doors.console(context, always(nora), "N-1", poll_s=0.0, life_s=60.0)
    assert await events_of(stream, 2) == ["retry: 3000\n\n", ":\n\n"]
    clock.advance(timedelta(days=31, hours=1))
    assert await events_of(stream, 1) == ["event: changed\ndata:\n\n"]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_it_is_cut_when_somebody_switches_it_off_or_the_station_goes_away(
    nora: Caller, context: PortalContext, clock: SetClock
) -> None:
    stream = credit_doors.console(context, always(nora), "N-1", poll_s=0.0, life_s=60.0)
    stranger = replace(nora, scope=Scope(frozenset()))
    other = credit_doors.console(context, always(stranger), "N-1", poll_s=0.0, life_s=60.0)
    await events_of(stream, 2)
    async with context.database.unit_of_work() as db:
        await credit_doors.switch(db, nora, "N-1", is_on=False, renews=None, now=clock.now())
    for each in (stream, other):
        assert "event: changed\ndata:\n\n" in [line async for line in each]


@pytest.mark.parametrize("lost", ["the right", "the login"])
async def test_it_is_cut_when_who_looks_loses_a_right_or_signs_out(
    nora: Caller, context: PortalContext, lost: str
) -> None:
    rights = nora.principal.rights - {Permission.CREDITS_READ}
    without = replace(nora, principal=replace(nora.principal, rights=rights))
    seen: list[Caller | None] = [nora, without if lost == "the right" else None]

    async def who(_db: AsyncSession, _now: datetime) -> Caller | None:
        return seen.pop(0)

    stream = credit_doors.console(context, who, "N-1", poll_s=0.0, life_s=60.0)
    assert await events_of(stream, 2) == ["retry: 3000\n\n", ":\n\n"]
    assert await events_of(stream, 1) == ["event: changed\ndata:\n\n"]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_the_console_takes_the_rights_to_see_stations_and_credits_at_every_door(
    nora: Caller, context: PortalContext, clock: SetClock
) -> None:
    async with context.database.unit_of_work() as db:
        await credit_doors.use(db, nora, context, "N-1", now=clock.now())
        for right in (Permission.STATIONS_READ, Permission.CREDITS_READ):
            rights = nora.principal.rights - {right}
            without = replace(nora, principal=replace(nora.principal, rights=rights))
            with pytest.raises(PermissionMissing):
                await credit_doors.use(db, without, context, "N-1", now=clock.now())


async def test_what_an_expired_account_may_do_with_remote_access_is_end_it(
    nora: Caller, context: PortalContext, clock: SetClock
) -> None:
    now = clock.now()
    over = Entitlement(NORTH, Licence.BUSINESS, Tier.BASIC, now.date(), now, False, now)
    expired = replace(nora, granted=over)
    async with context.database.unit_of_work() as db:
        for is_on, renews in ((True, None), (None, True), (False, True)):
            with pytest.raises(AccountExpired):
                await credit_doors.switch(db, expired, "N-1", is_on=is_on, renews=renews, now=now)
        ended = await credit_doors.switch(db, expired, "N-1", is_on=False, renews=False, now=now)
        assert (ended.is_on, ended.renews) == (False, False)
        order = await credit_doors.place(db, nora, NORTH, 100, now=now)
        with pytest.raises(AccountExpired):
            await credit_doors.place(db, expired, NORTH, 100, now=now)
        done = await credit_doors.decide(db, expired, context, order.number, "cancel", now=now)
        assert done.state.value == "cancelled"


async def test_who_lacks_the_right_neither_orders_nor_books(
    nora: Caller, context: PortalContext, clock: SetClock
) -> None:
    reads = replace(nora, principal=replace(nora.principal, rights=frozenset()))
    async with context.database.unit_of_work() as db:
        with pytest.raises(PermissionMissing):
            await credit_doors.place(db, reads, NORTH, 100, now=clock.now())
        order = await credit_doors.place(db, nora, NORTH, 100, now=clock.now())
        with pytest.raises(PermissionMissing):
            await credit_doors.decide(
                db, nora, context, order.number, "pay", payment="x", now=clock.now()
            )
        with pytest.raises(NotFound):
            await credit_doors.place(db, nora, OrganisationKey("south"), 100, now=clock.now())
        with pytest.raises(NotFound):
            await credit_doors.order_seen(db, owner_of("south"), order.number)


async def test_without_credits_for_the_portal_somebody_reads_and_orders_credits_only(
    nora: Caller, context: PortalContext, clock: SetClock, database: Database
) -> None:
    charging = replace(
        context, settings=context.settings.model_copy(update={"charge_portal_use": True})
    )

    async def now_may(
        given: PortalContext, caller: Caller, *, ends_costs: bool = False
    ) -> frozenset[Permission]:
        async with database.unit_of_work() as db:
            found = await credit_doors.as_paid(db, caller, given, now=clock.now())
        return frozenset(each for each in Permission if found.may(each, ends_costs=ends_costs))

    assert await now_may(charging, nora) == SHIPPED[Role.OWNER]  # it is free
    async with database.unit_of_work() as db:
        await credit_prices.set_price(
            db, CreditService.PORTAL_USE, 5, valid_from=clock.now(), now=clock.now()
        )
        assert (await directory.organisation(db, NORTH)).parent is not None
    assert await now_may(context, nora) == SHIPPED[Role.OWNER]  # off by default
    narrowed = await now_may(charging, nora)
    assert Permission.STATIONS_READ in narrowed
    assert Permission.CREDITS_ORDER in narrowed
    assert Permission.STATIONS_SHARE not in narrowed
    assert await now_may(charging, nora, ends_costs=True) == SHIPPED[Role.OWNER]
    program = replace(nora, principal=replace(nora.principal, person_id=None))
    assert await now_may(charging, program) == SHIPPED[Role.OWNER]
