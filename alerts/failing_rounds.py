"""What looks for charge points that fail although they look well, and for odd sessions."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from alerts import failing, raising
from alerts import job_store as store
from alerts.detecting import SETTLING, gone
from alerts.detections import Detection, Finding
from alerts.failing import GAPS, NO_ENERGY_WH, STARTS, Health, RunningSession
from foundation.clock import Clock
from foundation.database import Database, Joint
from foundation.identifiers import OrganisationKey, StationId

CRON: Final = "*/15 * * * *"
"""Every quarter of an hour."""

_JOINED: Final[Joint["ChargingHealth"]] = Joint("alerts.charging_health")


class PointHealth(Protocol):
    """What people got from a charge point: `failing.Health` has the words."""

    @property
    def station(self) -> StationId: ...
    @property
    def evse_id(self) -> int: ...
    @property
    def organisation(self) -> OrganisationKey: ...
    @property
    def is_ready(self) -> bool: ...
    @property
    def starts(self) -> int: ...
    @property
    def empty(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def last_started_at(self) -> datetime | None: ...
    @property
    def gaps(self) -> int: ...
    @property
    def longest_gap(self) -> timedelta | None: ...
    @property
    def last_stop_reason(self) -> str | None: ...
    @property
    def last_ended_at(self) -> datetime | None: ...


class Running(Protocol):
    """A session that has not ended: `failing.RunningSession` has the words."""

    @property
    def transaction_id(self) -> int: ...
    @property
    def station(self) -> StationId: ...
    @property
    def evse_id(self) -> int: ...
    @property
    def organisation(self) -> OrganisationKey: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def charging_state(self) -> str | None: ...
    @property
    def risen_wh(self) -> Decimal | None: ...
    @property
    def read_at(self) -> datetime | None: ...


class ChargingHealth(Protocol):
    """What charging was like lately; fulfilled by csms, joined in `app/compose.py`."""

    async def points(
        self, db: AsyncSession, *, starts: int, gaps: int, no_energy_wh: Decimal
    ) -> Sequence[PointHealth]:
        """Return every charge point of accepted stations that ever charged."""
        ...

    async def running(self, db: AsyncSession, *, begun_before: datetime) -> Sequence[Running]:
        """Return the sessions that began before a moment and have not ended."""
        ...


def join(database: Database, health: ChargingHealth) -> None:
    """Say for a database who knows what charging was like."""
    _JOINED.join(database, health)


async def look(db: AsyncSession, *, now: datetime) -> None:
    """Report what is found, and what was found before and is over."""
    joined = _JOINED.of(db)
    if joined is None:
        return
    points = [
        Health(
            station=each.station,
            evse_id=each.evse_id,
            organisation=each.organisation,
            is_ready=each.is_ready,
            starts=each.starts,
            empty=each.empty,
            tokens=each.tokens,
            last_started_at=each.last_started_at,
            gaps=each.gaps,
            longest_gap=each.longest_gap,
            last_stop_reason=each.last_stop_reason,
            last_ended_at=each.last_ended_at,
        )
        for each in await joined.points(db, starts=STARTS, gaps=GAPS, no_energy_wh=NO_ENERGY_WH)
    ]
    running = [
        RunningSession(
            transaction_id=each.transaction_id,
            station=each.station,
            evse_id=each.evse_id,
            organisation=each.organisation,
            started_at=each.started_at,
            charging_state=each.charging_state,
            risen_wh=each.risen_wh,
            read_at=each.read_at,
        )
        for each in await joined.running(db, begun_before=now - failing.WITHOUT_ENERGY)
    ]
    found = failing.failing(points, now) + failing.odd_sessions(points, running, now)
    await raising.report(db, [*found, *await _over(db, found, now)], now=now)


async def _over(db: AsyncSession, found: Sequence[Finding], now: datetime) -> list[Finding]:
    keys = {each.key for each in found}
    over = []
    for detection in (Detection.FAILING, Detection.SESSION):
        for fault in await store.open_faults(db, detection):
            finding = gone(detection, fault, now)
            if finding.key not in keys:
                over.append(finding)
    return over


def rounds(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the round as periodic work: it begins when stations had the time to come back."""
    since = clock.now()

    async def run() -> None:
        now = clock.now()
        if now < since + SETTLING:
            return
        async with database.unit_of_work() as db:
            await look(db, now=now)

    return run
