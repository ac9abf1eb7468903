"""Switching as every door does it; the rights of the doors are tried in tests/portal/api."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import cost_releases, directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from csms import administration, registry
from csms.administration import StationSettings
from csms.connectivity import SilenceLimits
from csms.registry import Station
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import monitoring

LEA, KAI = Actor("person/1", "Lea", "portal", None), Actor("person/2", "Kai", "portal", None)
LIMITS = SilenceLimits(timedelta(minutes=30), timedelta(hours=1))
ROOT = OrganisationKey("root")


async def station(db: AsyncSession, clock: SetClock) -> Station:
    now = clock.now()
    await directory.ensure_root(
        db,
        key=ROOT,
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=now,
    )
    await administration.create_station(
        db, "CS-1", ROOT, StationSettings(), password=None, time_zone="UTC", now=now
    )
    return await registry.station(db, WHOLE, "CS-1", now, limits=LIMITS)


async def test_the_second_persons_click_switches_it_on(db: AsyncSession, clock: SetClock) -> None:
    now, found = clock.now(), await station(db, clock)
    # In another currency than the cost's: it cannot be compared, so two are needed.
    limit = Money(Decimal(100), "CHF")
    await cost_releases.set_limit(db, ROOT, limit, by=LEA, now=now)
    first = await monitoring.switch_on(db, found, by=LEA, now=now)
    assert (first.waits, first.changed, first.activation) == (True, False, None)
    assert (await monitoring.switch_on(db, found, by=LEA, now=now)).waits
    second = await monitoring.switch_on(db, found, by=KAI, now=now)
    assert (second.waits, second.changed) == (False, True)
    assert second.release is not None
    assert (second.release.released_by, second.release.confirmed_by) == (LEA.id, KAI.id)
    assert not (await monitoring.switch_on(db, found, by=KAI, now=now)).changed
    off = await monitoring.switch_off(db, found, by=LEA, now=now + timedelta(hours=1))
    assert (off.changed, off.activation) == (True, None)
