"""What is to be stopped is taken once; the rules' tests tell of limits and hours."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing import pricing
from billing.stops import DueStop, take_due
from tests.billing.story import LONG_AGO, NOW, happen, settle_in, started, tariff


async def test_each_stop_is_taken_once_when_its_moment_has_come(db: AsyncSession) -> None:
    await settle_in(db)
    assert await take_due(db, now=NOW) == []
    limited = tariff(per_kwh=1) | {"leitstand": {"session_limit_minutes": 60}}
    await pricing.change_tariff(db, "T1", limited, valid_from=LONG_AGO, now=LONG_AGO)
    await happen(db, started(1), started(2, NOW + timedelta(hours=1)))

    first = await take_due(db, now=NOW + timedelta(hours=1))
    second = await take_due(db, now=NOW + timedelta(hours=9))

    at = NOW + timedelta(hours=1)
    assert first == [DueStop(started(1).transaction_id, at)]
    assert second == [DueStop(started(2).transaction_id, at + timedelta(hours=1))]
