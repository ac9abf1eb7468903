"""What billing keeps of monitoring's switches."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing import service_store
from billing.switch_reader import KINDS, READER, subscription
from foundation.clock import SetClock
from foundation.events import MonitoringActivated, MonitoringDeactivated
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Delivery


async def test_switches_are_kept_once_in_whatever_order_they_come(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    on = MonitoringActivated(
        happened_at=now,
        station=StationId("CS-1"),
        organisation=OrganisationKey("north"),
        by="x",
        by_name="x",
        per_month=None,
    )
    off = MonitoringDeactivated(
        happened_at=now + timedelta(hours=1),
        station=StationId("CS-1"),
        organisation=OrganisationKey("north"),
        by="x",
        by_name="x",
        because="asked",
    )
    reader = subscription()
    assert (reader.reader, reader.kinds) == (READER, KINDS)
    for batch in ([(2, off)], [(1, on), (2, off)]):
        await reader.handle(db, [Delivery(number, event, now) for number, event in batch])
    found = await service_store.switches(db, OrganisationKey("north"), now, now + timedelta(days=1))
    assert sorted((each.number, each.is_on) for each in found) == [(1, True), (2, False)]
