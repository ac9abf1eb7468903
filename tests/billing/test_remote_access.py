"""Remote access: bought, switched, renewed, each at most once and by one at a time."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import remote_access
from billing.credits import NotEnoughCredits
from billing.remote_access import NoRemoteAccess, RemoteAccess, RemoteAccessRuns, path_of
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.billing.purses import NORTH, balance, customers, fill, mails_of


async def buy(
    database: Database, now: datetime, months: int = 1, *, station: str = "N-1", renews: bool = True
) -> RemoteAccess:
    async with database.unit_of_work() as db:
        return await remote_access.buy(
            db, NORTH, station, months, renews=renews, by="p", person_id=None, now=now
        )


async def test_of_two_who_buy_at_once_one_pays(database: Database, clock: SetClock) -> None:
    await customers(database, clock)
    await fill(database, 100, clock.now())

    async def one(after: int) -> bool:
        try:
            await buy(database, clock.now() + timedelta(microseconds=after))
        except RemoteAccessRuns:
            return False
        return True

    assert sorted(await asyncio.gather(one(0), one(1))) == [False, True]
    assert await balance(database) == 50


async def test_what_is_not_affordable_books_nothing(database: Database, clock: SetClock) -> None:
    await customers(database, clock)
    await fill(database, 239, clock.now())
    with pytest.raises(NotEnoughCredits):
        await buy(database, clock.now(), 12)
    async with database.unit_of_work() as db:
        assert await remote_access.access_to(db, NORTH, "N-1") is None
        with pytest.raises(NoRemoteAccess):
            await remote_access.switch(db, NORTH, "N-1", is_on=True, by="p", now=clock.now())
    assert await balance(database) == 239


async def test_a_term_that_ends_is_renewed_by_the_first_use_behind_it(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 100, clock.now())
    bought = await buy(database, clock.now())
    clock.advance(bought.until - clock.now())
    async with database.unit_of_work() as db:
        until = await remote_access.use(db, NORTH, "N-1", letters=made.letters, now=clock.now())
    assert until > bought.until
    assert await remote_access.renew_due(database, clock, made.letters) == 0
    assert await balance(database) == 0


async def test_two_that_renew_at_once_book_once(database: Database, clock: SetClock) -> None:
    made = await customers(database, clock)
    await fill(database, 150, clock.now())
    bought = await buy(database, clock.now())
    clock.advance(bought.until - clock.now())
    await asyncio.gather(
        *(remote_access.renew_due(database, clock, made.letters) for _ in range(3))
    )
    assert await balance(database) == 50


async def test_nobody_pays_for_a_station_that_went_to_somebody_else(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 100, clock.now())
    bought = await buy(database, clock.now())
    clock.advance(bought.until - clock.now())

    async def gone(_db: AsyncSession, _account: OrganisationKey, _station: str) -> bool:
        return False

    await remote_access.renew_due(database, clock, made.letters, still_theirs=gone)
    assert await balance(database) == 50
    [mail] = await mails_of(database)
    assert "nicht mehr" in mail.body


async def test_an_access_that_ended_is_bought_again_in_a_chain_of_its_own(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    await fill(database, 100, clock.now())
    bought = await buy(database, clock.now(), renews=False)
    clock.advance(bought.until - clock.now() + timedelta(days=3))
    again = await buy(database, clock.now(), renews=False)
    async with database.unit_of_work() as db:
        first, second = await remote_access.terms(db, NORTH, "N-1")
        assert await remote_access.accesses(db, {NORTH}) == [again]
        assert await remote_access.accesses(db) == [again]
    assert (second.valid_from, second.origin_at) == (clock.now(), clock.now())
    assert first.valid_to == bought.until


async def test_warnings_count_an_accounts_renewals_together(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 150, clock.now())
    await buy(database, clock.now(), station="N-1")
    second = await buy(database, clock.now(), station="N-2")
    clock.advance(second.until - clock.now() - timedelta(days=2))
    # 50 credits do for one of the two.
    assert await remote_access.warn_due(database, clock, made.letters) == 1
    [mail] = await mails_of(database)
    assert "N-2" in mail.subject


def test_a_stations_page_is_found_by_its_escaped_identity() -> None:
    assert path_of("DE/1 a") == "/stations/DE%2F1%20a/remote"
