"""How many charge points stations have."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.charge_points import ChargePoints
from foundation.clock import SetClock
from foundation.identifiers import StationId


async def test_evses_count_but_not_the_station_itself(db: AsyncSession, clock: SetClock) -> None:
    await db.execute(
        text(
            "insert into stations (identity, time_zone, admission, boot_policy, security_profile,"
            " aliases, items_per_message, free_vend, created_at) select 'CS-' || number, 'UTC',"
            " 'accepted', 'accept', 0, '{}', '{}', false, :at from generate_series(1, 3) number"
        ),
        {"at": clock.now()},
    )
    await db.execute(text("insert into evses values ('CS-1', 0), ('CS-1', 1), ('CS-1', 2)"))
    await db.execute(text("insert into evses values ('CS-2', 1), ('CS-3', 0)"))
    wanted = [StationId(f"CS-{number}") for number in (1, 3, 9)]
    assert await ChargePoints().charge_points(db, wanted) == {"CS-1": 2}
