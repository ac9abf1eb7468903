"""Packages and maintenances on the real database; the API's tests tell the rest."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, service_packages
from billing.service_packages import JobKnown, PackageKnown
from billing.services import Service
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money
from tests.billing.test_packages import GOLD
from tests.billing.test_service_months import LONG_AGO, NORTH, march, priced, world

STATION = StationId("CS-1")
ROOT = OrganisationKey("root")


async def test_the_nearest_assignment_counts_and_is_never_edited(db: AsyncSession) -> None:
    await world(db)
    silver = replace(GOLD, key="silver", name="Silver")
    for each in (GOLD, silver):
        await service_packages.define(db, each, by="x", now=LONG_AGO)
    with pytest.raises(PackageKnown):
        await service_packages.define(db, GOLD, by="x", now=LONG_AGO)
    with pytest.raises(InvalidInput):
        await service_packages.define(db, GOLD, by="x", now=march(1))

    async def held(day: int) -> str | None:
        found = await service_packages.package_of(db, STATION, NORTH, at=march(day))
        return None if found is None else found.key

    assert await held(1) is None
    await service_packages.assign(
        db,
        "organisation",
        ROOT,
        "silver",
        organisation=ROOT,
        valid_from=march(2),
        by="x",
        now=march(1),
    )
    for key, day in (("gold", 5), (None, 9)):
        await service_packages.assign(
            db,
            "station",
            STATION,
            key,
            organisation=NORTH,
            valid_from=march(day),
            by="x",
            now=march(1),
        )
    assert [await held(day) for day in (1, 2, 4, 5, 8, 9)] == [
        None,
        "silver",
        "silver",
        "gold",
        "gold",
        "silver",
    ]
    [span] = await service_packages.assignments(db, NORTH)
    assert (span.package, span.start, span.end) == ("gold", march(5), march(9))
    with pytest.raises(InvalidInput):
        await service_packages.assign(
            db,
            "station",
            STATION,
            "gold",
            organisation=NORTH,
            valid_from=march(1),
            by="x",
            now=march(2),
        )
    with pytest.raises(NotFound):
        await service_packages.package(db, "bronze", at=march(1))
    assert [each.key for each in await service_packages.packages(db, at=march(1))] == [
        "gold",
        "silver",
    ]


async def test_a_maintenance_is_charged_once_and_due_a_year_later(db: AsyncSession) -> None:
    await world(db)
    await priced(db, Service.MAINTENANCE, "149")

    async def done(day: date) -> date:
        made = await service_packages.record_maintenance(
            db, STATION, NORTH, done_on=day, note="", by="x", now=march(20)
        )
        return made.next_due_on

    assert await done(date(2026, 3, 19)) == date(2027, 3, 19)
    with pytest.raises(JobKnown):
        await done(date(2026, 3, 19))
    with pytest.raises(InvalidInput):
        await done(date(2026, 3, 21))
    [booked] = await charges.open_charges(db, debtor="organisation/north")
    assert booked.charge.key == "maintenance/CS-1/2026-03-19"
    assert booked.charge.net == Money(Decimal("149.00"), "EUR")
    due = await service_packages.due_on(db, [STATION, StationId("CS-2")])
    assert due == {STATION: date(2027, 3, 19)}
    [job] = await service_packages.maintenances(db, STATION)
    assert (job.cost, job.package) == (booked.charge.net, None)
    assert march(20) - timedelta(days=1) == march(19)
