"""Doors of load balancing: what is shown of a location, and what holds there now."""

from datetime import timedelta

from csms.balancing import LimitReason
from foundation.clock import SetClock
from foundation.database import Database
from portal import balancing_doors
from portal.balancing_doors import SHOWN_FOR, clock_of

# ruff: noqa: F811
from tests.portal.pages.conftest import (  # noqa: F401
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.pages.world_of_load import PLACE, balancing


async def test_the_decisions_of_a_day_come_in_their_order(
    lively: None, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await balancing(db, clock.now())
        found = await balancing_doors.day(db, clock.now(), PLACE)
        assert [len(each.shares) for each in found] == [1, 2, 3]
        assert found == sorted(found, key=lambda each: each.decided_at)
        assert {each.reason for each in found} == {LimitReason.CONNECTION}
        later = clock.now() + SHOWN_FOR - timedelta(hours=2)
        assert [len(each.shares) for each in await balancing_doors.day(db, later, PLACE)] == [3]


def test_a_minute_of_the_day_is_written_as_people_do() -> None:
    assert [clock_of(each) for each in (0, 61, 24 * 60)] == ["00:00", "01:01", "24:00"]
