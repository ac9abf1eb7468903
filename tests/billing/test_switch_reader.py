"""What billing keeps of monitoring's switches."""

from datetime import UTC, datetime, timedelta

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


async def test_7_1_the_instant_is_the_servers_acceptance_of_the_click_and_not_its_delivery(
    db: AsyncSession, clock: SetClock
) -> None:
    """A second before the month ends; its mail and its reader come after midnight."""
    click = datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC)
    off = MonitoringDeactivated(
        happened_at=click,
        station=StationId("CS-1"),
        organisation=OrganisationKey("north"),
        by="x",
        by_name="x",
        because="asked",
    )
    later = click + timedelta(minutes=10)
    clock.advance(later - clock.now())
    await subscription().handle(db, [Delivery(1, off, later)])
    [kept] = await service_store.switches(db, OrganisationKey("north"), click, later)
    assert kept.at == click
