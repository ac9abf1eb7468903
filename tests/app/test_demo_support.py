"""The demo's watch: two owners are monitored, and what they report is seen to."""

from datetime import UTC, datetime, timedelta

from accounts import directory
from accounts.directory import WHOLE
from alerts import monitoring, raising
from alerts.alerting import OPEN, alerts
from alerts.detections import Detection
from app import demo_support, demo_world
from app.compose import open_database
from billing import charges
from csms import registry
from csms.connectivity import SilenceLimits
from foundation import outbox
from foundation.clock import SetClock
from foundation.settings import Settings
from support import ticket_rounds, tickets
from support.visit_papers import photos_of
from tests.alerts.watch import finding

BEGIN = datetime(2026, 9, 28, tzinfo=UTC)


async def test_a_fault_of_the_month_becomes_a_visit_that_is_charged(
    database_url: str, clock: SetClock
) -> None:
    database = open_database(Settings(), database_url)
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="root",
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="de",
            now=BEGIN,
        )
        await demo_world.build(db, number_of_stations=9, seed=1, begin=BEGIN)
        await demo_support.prepare(db, "root", BEGIN)
        known = await registry.stations(db, WHOLE, BEGIN, limits=SilenceLimits())
        active = await monitoring.active(db, [each.identity for each in known])
    assert {each.organisation for each in known if each.identity in active} == set(
        demo_support.MONITORED
    )
    broken = sorted(active)[:2]
    at = clock.now() - timedelta(days=2)
    async with database.unit_of_work() as db:
        owners = {each.identity: each.organisation for each in known}
        found = [
            finding(
                each,
                detection=Detection.FAULT,
                cause="GroundFailure",
                at=at,
                organisation=owners[each],
            )
            for each in broken
        ]
        for each in found:
            await raising.report(db, [each], now=at)
    await outbox.deliver(database, ticket_rounds.subscription(clock), clock)
    async with database.unit_of_work() as db:
        done = await demo_support.see_to(db, clock.now())
        assert done == len(await tickets.tickets(db, WHOLE)) > 0
        booked = await charges.open_charges(db, debtor=charges.organisation(owners[broken[0]]))
        assert [str(each.charge.net.amount) for each in booked] == ["129.00", "240.50"]
        assert len(await photos_of(db, 1)) == 2
        assert all(each.alert.acknowledged_at for each in (await alerts(db, WHOLE, OPEN))[-1:])
    await database.close()
