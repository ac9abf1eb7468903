"""Monitoring on the real database: dated rows, one at a time, told once."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import WHOLE, OrganisationFacts, Scope
from alerts import monitoring
from alerts.activation import Ending
from alerts.monitoring import Technician
from foundation.clock import SetClock
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
STATION = StationId("CS-1")
LEA = Actor("person/1", "Lea", "portal", None)


@pytest.fixture
async def world(db: AsyncSession, clock: SetClock) -> None:
    """Two organisations, and a station that each may have."""
    await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=clock.now(),
    )
    for key in (NORTH, SOUTH):
        facts: OrganisationFacts = {"name": key, "parent": "root"}
        await directory.create_organisation(db, key, facts, now=clock.now())
    await db.execute(
        text(
            "insert into stations (identity, time_zone, admission, boot_policy, security_profile,"
            " aliases, items_per_message, free_vend, created_at)"
            " values ('CS-1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at)"
        ),
        {"at": clock.now()},
    )


async def told(db: AsyncSession) -> list[str]:
    found = await db.scalars(text("select kind from journal order by id"))
    return list(found)


@pytest.mark.usefixtures("world")
async def test_a_second_click_changes_nothing_and_is_not_told(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    made = await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=now)
    assert made is not None
    assert made.active_from == now
    later = now + timedelta(hours=1)
    assert await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=later) is None
    assert (await monitoring.active(db, [STATION]))[STATION] == made
    ended = await monitoring.switch_off(db, STATION, by=LEA, now=later)
    assert ended is not None
    assert (ended.active_to, ended.ended_because) == (later, Ending.ASKED)
    assert await monitoring.switch_off(db, STATION, by=LEA, now=later) is None
    assert await told(db) == ["monitoring_activated", "monitoring_deactivated"]
    again = await monitoring.switch_on(db, STATION, SOUTH, by=LEA, per_month=None, now=later)
    assert again is not None
    known = await monitoring.activations(db, STATION)
    assert [(each.organisation, each.active_to) for each in known] == [
        (NORTH, later),
        (SOUTH, None),
    ]
    assert await monitoring.active(db, []) == {}


@pytest.mark.usefixtures("world")
async def test_a_technician_is_the_owners_and_asked_for_until_he_is_stored(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=now)
    assert [each.station for each in await monitoring.without_technician(db, WHOLE, limit=9)] == [
        STATION
    ]
    other = Scope(frozenset({SOUTH}))
    assert await monitoring.without_technician(db, other, limit=9) == []
    for wrong in (
        Technician(" ", "1", None),
        Technician("Frey", None, None),
        Technician("Frey", None, "nobody"),
        Technician("Frey", "1" * 300, None),
    ):
        with pytest.raises(InvalidInput):
            await monitoring.set_technician(db, STATION, NORTH, wrong, by=LEA, now=now)
    frey = Technician("Frey", "+49 7131 100", None)
    await monitoring.set_technician(db, STATION, NORTH, frey, by=LEA, now=now)
    assert await monitoring.technician(db, STATION, NORTH) == frey
    assert await monitoring.technician(db, STATION, SOUTH) is None
    assert await monitoring.without_technician(db, WHOLE, limit=9) == []
