"""What tests of alerts share: organisations, findings, places and silences, and what was told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import OrganisationFacts
from alerts import raising
from alerts.detections import Detection, Finding, Severity
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import event_from

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
T0 = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def finding(
    station: str | None = "CS-1",
    *,
    detection: Detection = Detection.OFFLINE,
    cause: str = "silence",
    at: datetime = T0,
    is_present: bool = True,
    **other: Any,
) -> Finding:
    """A finding, by default of a silent station."""
    facts: dict[str, Any] = {
        "organisation": NORTH,
        "severity": Severity.FAULT,
        "station": None if station is None else StationId(station),
    }
    return Finding(
        detection=detection,
        cause=cause,
        seen_at=at,
        is_present=is_present,
        **(facts | other),
    )


@dataclass(frozen=True)
class Somewhere:
    """Where a station is."""

    station: StationId
    location: str | None
    organisation: OrganisationKey = NORTH
    place: str | None = None
    time_zone: str = "Europe/Berlin"
    emi3_ids: Mapping[int, str] = field(default_factory=dict)
    is_accepted: bool = True


@dataclass
class Places:
    """Where stations are: `yard` for those of it, nowhere for all others."""

    yard: frozenset[str] = frozenset()
    moved: dict[str, OrganisationKey | None] = field(default_factory=dict)
    """To whom; None: refused."""

    async def of(
        self, db: AsyncSession, stations: Collection[StationId]
    ) -> Mapping[StationId, Somewhere]:
        """Return what is known of each."""
        return {
            each: Somewhere(
                each,
                "yard" if each in self.yard else None,
                organisation=self.moved.get(each) or NORTH,
                is_accepted=self.moved.get(each, NORTH) is not None,
            )
            for each in stations
        }


@dataclass
class Windows:
    """What is being worked at, and until when."""

    until: dict[tuple[StationId, int | None], datetime] = field(default_factory=dict)

    async def silenced(
        self, db: AsyncSession, stations: Collection[StationId], now: datetime
    ) -> Mapping[tuple[StationId, int | None], datetime]:
        """Return the windows that are open now."""
        return {
            place: end for place, end in self.until.items() if place[0] in stations and now < end
        }


@dataclass
class Watch:
    """The database of a test with what it was told."""

    database: Database
    places: Places
    windows: Windows
    read: int = 0

    async def report(self, *findings: Finding, now: datetime | None = None) -> None:
        """Report findings in a unit of work of their own, by default when the last was seen."""
        async with self.database.unit_of_work() as db:
            await raising.report(db, findings, now=now or findings[-1].seen_at)

    async def settle(self, now: datetime) -> None:
        """Look after open faults."""
        async with self.database.unit_of_work() as db:
            await raising.settle(db, now=now)

    async def told(self) -> list[AlertChanged]:
        """Return what was told since the last question."""
        async with self.database.unit_of_work() as db:
            rows = await db.execute(
                text(
                    "select id, payload from journal"
                    " where kind = 'alert_changed' and id > :read order by id"
                ),
                {"read": self.read},
            )
            found = []
            for number, payload in rows:
                self.read = number
                event = event_from(AlertChanged.kind, payload)
                assert isinstance(event, AlertChanged)
                found.append(event)
            return found

    async def changes(self) -> list[str]:
        """Return the words of what was told since the last question."""
        return [each.change for each in await self.told()]


@pytest.fixture
async def watch(database: Database, clock: SetClock) -> Watch:
    """Two organisations; the stations Y-… of the north stand in its yard."""
    places = Places(frozenset(f"Y-{number}" for number in range(30)))
    windows = Windows()
    raising.join_sites(database, places)
    raising.join_silences(database, windows)
    async with database.unit_of_work() as db:
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
    return Watch(database, places, windows)
