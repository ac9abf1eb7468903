"""Accounts in the database: whom one is for, and who decided what."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, directory, licensing
from accounts.applications import AlreadyApplied, OtherLicence, Renewal
from accounts.directory import Scope
from accounts.licences import Licence, LicenceFull
from accounts.licensing import AccountExists, AccountOver, OperatorsOwn
from accounts.tiers import MeteringPoint, PointKind
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from tests.accounts.licensed import (
    APPLICANT,
    NORTH,
    Points,
    connectors,
    granted,
    made_north,
    new_account,
)

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
CITY = OrganisationKey("north-city")


@pytest.fixture
async def north(db: AsyncSession, clock: SetClock) -> AsyncSession:
    await made_north(db, clock.now())
    await directory.create_organisation(
        db, "north-city", {"name": "C", "parent": "north"}, now=NOON
    )
    return db


async def test_an_account_is_for_those_below_that_have_none_of_their_own(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(licence=Licence.BUSINESS), NOON)
    above = await licensing.entitlement_of(north, CITY, now=NOON)
    await granted(north, new_account(licence=Licence.MONITORING), NOON, organisation=CITY)
    own = await licensing.entitlement_of(north, CITY, now=NOON)
    of_north = await licensing.entitlement_of(north, NORTH, now=NOON)
    assert above is not None
    assert own is not None
    assert of_north is not None

    assert (above.account, above.licence) == (NORTH, Licence.BUSINESS)
    assert (own.account, own.licence) == (CITY, Licence.MONITORING)
    assert of_north.account == NORTH
    assert (await directory.organisation(north, CITY)).licence is Licence.MONITORING
    found = await licensing.accounts(north, Scope(frozenset({CITY})))
    assert [each.organisation for each in found] == [CITY]


async def test_who_has_an_account_applies_for_no_second_one(north: AsyncSession) -> None:
    await granted(north, new_account(), NOON)
    with pytest.raises(AccountExists):
        await licensing.apply(north, Points(), NORTH, new_account(), by=APPLICANT, now=NOON)
    later = datetime(2027, 12, 1, tzinfo=UTC)
    with pytest.raises(AccountOver):
        await licensing.apply(
            north, Points(), NORTH, OtherLicence(Licence.MONITORING), by=APPLICANT, now=later
        )
    await licensing.apply(north, Points(), NORTH, Renewal(), by=APPLICANT, now=later)
    with pytest.raises(AlreadyApplied):
        await licensing.apply(north, Points(), NORTH, Renewal(), by=APPLICANT, now=later)


async def test_the_operators_own_organisation_has_no_account(north: AsyncSession) -> None:
    with pytest.raises(OperatorsOwn):
        await licensing.apply(
            north, Points(), OrganisationKey("root"), new_account(), by=APPLICANT, now=NOON
        )
    with pytest.raises(NotFound):
        await licensing.account(north, OrganisationKey("root"))


async def test_the_monitoring_licence_is_for_few_stations_of_a_business(
    north: AsyncSession,
) -> None:
    monitoring = new_account(licence=Licence.MONITORING, datapoints=100)
    with pytest.raises(LicenceFull):
        await licensing.apply(north, connectors(21), NORTH, monitoring, by=APPLICANT, now=NOON)
    await directory.change_organisation(north, NORTH, {"tax_status": "private"})
    with pytest.raises(InvalidInput):
        await licensing.apply(north, connectors(20), NORTH, monitoring, by=APPLICANT, now=NOON)
    await directory.change_organisation(north, NORTH, {"tax_status": "standard"})
    many = Points([MeteringPoint(f"CS-1/{each}/1", PointKind.OCPP_POINT) for each in range(1, 41)])
    await licensing.apply(north, many, NORTH, monitoring, by=APPLICANT, now=NOON)


async def test_a_key_speaks_for_whoever_made_it(north: AsyncSession) -> None:
    first, _ = await api_keys.create_api_key(
        north, name="a", role="owner", created_by="person/1", now=NOON
    )
    second, _ = await api_keys.create_api_key(
        north, name="b", role="owner", created_by=f"api_key/{first.id}", now=NOON
    )

    assert await licensing.names_behind(north, f"api_key/{second.id}") == {
        f"api_key/{second.id}",
        f"api_key/{first.id}",
        "person/1",
    }
    assert await licensing.names_behind(north, "person/1") == {"person/1"}
    assert await licensing.names_behind(north, "cli/erika") == {"cli/erika"}
