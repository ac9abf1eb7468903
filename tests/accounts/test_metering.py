"""Metering points of accounts: whom they are counted for."""

from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, metering
from accounts.applications import PointLicences
from accounts.tiers import LicenceKind, LicenceModel, Licences, Tier
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey
from tests.accounts.licensed import NORTH, connectors, granted, made_north, new_account

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
CITY = OrganisationKey("north-city")


async def test_an_account_covers_those_below_without_one(db: AsyncSession, clock: SetClock) -> None:
    await made_north(db, clock.now())
    await directory.create_organisation(
        db, "north-city", {"name": "C", "parent": "north"}, now=NOON
    )
    await granted(db, new_account(), NOON)
    assert await metering.covered(db, NORTH) == {NORTH, CITY}
    assert await metering.account_above(db, CITY) == NORTH
    assert await metering.account_above(db, "root") is None

    await granted(db, new_account(), NOON, organisation=CITY)
    assert await metering.covered(db, NORTH) == {NORTH}
    assert await metering.account_above(db, CITY) == CITY


async def test_licences_count_from_their_first_day_until_their_last(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    await granted(db, new_account(), NOON)
    wanted = PointLicences(LicenceKind.ALL, LicenceModel.MULTI_YEAR, 2, 1)
    await granted(db, wanted, NOON)
    held = [
        (await metering.metered(db, connectors(2), NORTH, on=day)).licences
        for day in (date(2026, 10, 14), date(2026, 10, 15), date(2026, 11, 14), date(2026, 11, 15))
    ]

    assert held == [Licences(), Licences(all=2), Licences(all=2), Licences()]
    now = await metering.metered(db, connectors(2), NORTH, on=date(2026, 10, 20))
    assert (now.tier, now.datapoints) == (Tier.PROFESSIONAL, 2)
