"""When yearly maintenances are due, and that they become tickets once."""

from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from billing import service_packages
from billing.packages import Maintenance
from foundation.clock import SetClock
from foundation.database import Database
from support import tickets, visits, yearly_maintenance
from support.visits import VisitKind
from support.yearly_maintenance import state_of
from tests.support.conftest import HELEN, N1, N2, NORTH, S1, SOUTH, fill
from tests.support.test_rules_of_visits import packaged

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("days", "last_on", "is_planned", "state"),
    [
        (-1, None, False, "overdue"),
        (0, None, False, "due"),
        (30, TODAY, False, "due"),
        (31, TODAY, False, "done"),
        (31, None, False, "later"),
        (-1, None, True, "planned"),
    ],
)
def test_a_maintenance_stands_where_its_day_says(
    days: int, last_on: date | None, is_planned: bool, state: str
) -> None:
    due_on = TODAY + timedelta(days=days)
    assert state_of(due_on, last_on, TODAY, is_planned=is_planned) == state


async def test_a_maintenance_that_is_due_soon_becomes_a_ticket_with_its_visit_once(
    database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
    rounds = yearly_maintenance.maintaining(database, clock)
    await rounds()  # no package says anything of it
    async with database.unit_of_work() as db:
        await packaged(db, clock.now(), Maintenance.CHARGEABLE)
    for days in (0, 334):
        clock.advance(timedelta(days=days))
        await rounds()
        async with database.unit_of_work() as db:
            assert await tickets.tickets(db, WHOLE) == []
    clock.advance(timedelta(days=1))
    await rounds()
    await rounds()
    async with database.unit_of_work() as db:
        found = await tickets.tickets(db, WHOLE)
        assert {each.station for each in found} == {N1, N2}  # of the owner who has the package
        assert found[-1].title.startswith("Jährliche Wartung von N-")
        [visit] = await visits.of_ticket(db, found[-1].id)
    assert visit.kind is VisitKind.MAINTENANCE


async def test_only_stations_in_scope_with_such_a_package_are_listed_each_with_its_own(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await packaged(world, now, Maintenance.FREE)
    whole = await yearly_maintenance.maintenances(world, WHOLE, now=now)
    assert [(each.station, each.is_free) for each in whole] == [(N1, True), (N2, True)]
    south = Scope(frozenset({SOUTH}))
    assert await yearly_maintenance.maintenances(world, south, now=now) == []
    await service_packages.assign(
        world,
        "station",
        S1,
        "comfort",
        organisation=SOUTH,
        valid_from=None,
        by=HELEN.id,
        now=now,
    )
    [own] = await yearly_maintenance.maintenances(world, south, now=now)
    assert (own.station, own.package_name) == (S1, "Comfort")
    # What a former owner of a station had is not the next one's.
    await service_packages.assign(
        world,
        "station",
        N1,
        "comfort",
        organisation=SOUTH,
        valid_from=None,
        by=HELEN.id,
        now=now,
    )
    packages = await service_packages.packages_of(world, {N1: NORTH, S1: SOUTH}, at=now)
    assert {station: found.key for station, found in packages.items()} == {
        N1: "comfort",
        S1: "comfort",
    }
