"""What a station is given: by its monitoring of now, and the package of now."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing import service_packages
from billing.packages import Maintenance, Package
from foundation.clock import SetClock
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours
from support.hotline import Service
from support.services_given import service_of
from tests.support.conftest import HELEN, N1, NORTH
from tests.support.visiting import watched


async def test_it_follows_the_monitoring_and_the_package_from_the_moment_they_hold(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    assert await service_of(world, N1, NORTH, now=now) == Service(is_monitored=False, package=None)
    await watched(world, now)
    assert await service_of(world, N1, NORTH, now=now) == Service(is_monitored=True, package=None)
    basic = Package(
        key="basic",
        name="Basic",
        first_aid=True,
        hotline=False,
        dispatch=False,
        maintenance=Maintenance.NONE,
        level=SHIPPED_LEVEL,
        hours=BusinessHours("Europe/Berlin"),
        valid_from=now,
    )
    await service_packages.define(world, basic, by=HELEN.id, now=now)
    later = now + timedelta(days=1)
    await service_packages.assign(
        world, "station", N1, "basic", organisation=NORTH, valid_from=later, by=HELEN.id, now=now
    )
    assert (await service_of(world, N1, NORTH, now=now)).package is None
    given = await service_of(world, N1, NORTH, now=later)
    assert given == Service(is_monitored=True, package="Basic", hotline=False, dispatch=False)
