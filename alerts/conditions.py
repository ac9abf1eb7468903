"""What is wrong as long as it holds: wrong clocks, certificates near their end, our own backlog.

Stations say nothing about these; a look every minute shows them. What is found is compared with
the faults that are open: only what is new, worse or over is reported, so that a condition that
lasts for weeks is one fault and no stream of repeats.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import structlog
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import raising
from alerts.alert_tables import FaultRow
from alerts.detections import Detection, Finding, Severity
from foundation import jobs, outbox
from foundation.clock import Clock
from foundation.database import Database, DatabaseAway, Joint
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Backlog

log = structlog.get_logger(__name__)

EVERY_S: Final = 60.0
DETECTIONS: Final = (Detection.CLOCK, Detection.CERTIFICATE, Detection.BACKLOG)
"""The watches that only this module reports for."""

CLOCK_WRONG: Final = "clock_wrong"
CERTIFICATE_ENDS: Final = "certificate_ends"
EVENTS_WAIT: Final = "events_wait"
EVENTS_PARKED: Final = "events_parked"
JOBS_WAIT: Final = "jobs_wait"

STATIONS_CERTIFICATE_ENDS: Final = "station_certificate_ends"
CERTIFICATE_TOLD: Final = timedelta(days=90)
CERTIFICATE_WARNED: Final = timedelta(days=30)
CERTIFICATE_URGENT: Final = timedelta(days=7)
MOST_LAG: Final = timedelta(minutes=15)
"""How long deliveries and jobs may wait."""

_CLOCKS: Final[Joint["Clocks"]] = Joint("alerts.clocks")
_CERTIFICATES: Final[Joint["StationCertificates"]] = Joint("alerts.certificates")


class WrongClock(Protocol):
    """A station whose clock is off."""

    @property
    def station(self) -> StationId:
        """Which."""

    @property
    def organisation(self) -> OrganisationKey:
        """Whose it is now."""

    @property
    def skew(self) -> timedelta:
        """Reported minus true time."""

    @property
    def seen_at(self) -> datetime:
        """When that was seen."""


class Clocks(Protocol):
    """Whose clock is off; fulfilled by csms."""

    async def wrong(self, db: AsyncSession) -> Sequence[WrongClock]:
        """Return the accepted stations whose clock is off."""
        ...


def join_clocks(database: Database, clocks: Clocks) -> None:
    """Say for a database who knows of stations' clocks."""
    _CLOCKS.join(database, clocks)


class EndingCertificate(Protocol):
    """A station's certificate that ends soon, or has ended."""

    @property
    def station(self) -> StationId:
        """Whose."""

    @property
    def organisation(self) -> OrganisationKey:
        """Whose station it is now."""

    @property
    def kind(self) -> str:
        """What for, in OCPP's words."""

    @property
    def subject(self) -> str:
        """Whom it names."""

    @property
    def ends_at(self) -> datetime:
        """Until when it is valid."""


class StationCertificates(Protocol):
    """Which certificates of stations end; fulfilled by csms."""

    async def ending(
        self, db: AsyncSession, now: datetime, within: timedelta
    ) -> Sequence[EndingCertificate]:
        """Return those that end within a span, or have ended."""
        ...


def join_certificates(database: Database, certificates: StationCertificates) -> None:
    """Say for a database who knows of stations' certificates."""
    _CERTIFICATES.join(database, certificates)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of ours, and until when it is valid."""

    name: str
    ends_at: datetime


def read_certificates(paths: Sequence[Path]) -> list[Certificate]:
    """Return the first certificate of each PEM file.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file holds none.
    """
    return [
        Certificate(
            path.name, x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        )
        for path in paths
    ]


# --------------------------------------------------------------------------------------- findings


def clock_findings(clocks: Sequence[WrongClock]) -> list[Finding]:
    """Return what wrong clocks show: the station charges, but its times must be corrected."""
    return [
        Finding(
            detection=Detection.CLOCK,
            cause=CLOCK_WRONG,
            organisation=each.organisation,
            station=each.station,
            severity=Severity.WARNING,
            seen_at=each.seen_at,
            evidence={"off_by": _signed(each.skew)},
        )
        for each in clocks
    ]


def _signed(span: timedelta) -> str:
    """Return a span of time with its sign, as in `-22:00:00` or `+3 d 00:15:00`."""
    seconds = int(abs(span).total_seconds())
    sign = "-" if span < timedelta(0) else "+"
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{sign}{days} d {clock}" if days else f"{sign}{clock}"


def certificate_findings(
    certificates: Sequence[Certificate], root: OrganisationKey, now: datetime
) -> list[Finding]:
    """Return what certificates show that end soon, or have ended: the worst of them."""
    ending = [each for each in certificates if each.ends_at - now <= CERTIFICATE_TOLD]
    if not ending:
        return []
    first = min(ending, key=lambda each: each.ends_at)
    severity = ending_severity(first.ends_at - now)
    return [
        _ours(
            Detection.CERTIFICATE,
            CERTIFICATE_ENDS,
            root,
            severity,
            now,
            {"certificate": first.name, "ends_at": first.ends_at.isoformat()},
        )
    ]


def ending_severity(left: timedelta) -> Severity:
    """Return how bad it is that a certificate ends after so long: worse at 30 and at 7 days."""
    if left <= timedelta(0):
        return Severity.CRITICAL
    if left <= CERTIFICATE_URGENT:
        return Severity.FAULT
    return Severity.WARNING if left <= CERTIFICATE_WARNED else Severity.INFO


def station_certificate_findings(
    certificates: Sequence[EndingCertificate], now: datetime
) -> list[Finding]:
    """Return what stations' certificates show: of each station the first one to end."""
    first: dict[str, EndingCertificate] = {}
    for each in sorted(certificates, key=lambda each: each.ends_at):
        if each.ends_at - now <= CERTIFICATE_TOLD:
            first.setdefault(each.station, each)
    return [
        Finding(
            detection=Detection.CERTIFICATE,
            cause=STATIONS_CERTIFICATE_ENDS,
            organisation=each.organisation,
            station=each.station,
            severity=ending_severity(each.ends_at - now),
            seen_at=now,
            evidence={
                "certificate": f"{each.kind}: {each.subject}",
                "ends_at": each.ends_at.isoformat(),
            },
        )
        for each in first.values()
    ]


def backlog_findings(
    backlogs: Sequence[Backlog], jobs_lag_s: float, root: OrganisationKey, now: datetime
) -> list[Finding]:
    """Return what our own deliveries and jobs show that lag, or that wait for a person."""
    found = []
    late = [
        each for each in backlogs if each.oldest_at is not None and now - each.oldest_at > MOST_LAG
    ]
    if late:
        oldest = min(each.oldest_at for each in late if each.oldest_at is not None)
        evidence = {
            "readers": ", ".join(sorted(each.reader for each in late)),
            "oldest_at": oldest.isoformat(),
        }
        found.append(_ours(Detection.BACKLOG, EVENTS_WAIT, root, Severity.FAULT, now, evidence))
    parked = [each for each in backlogs if each.parked]
    if parked:
        readers = ", ".join(sorted(f"{each.reader} {each.parked}" for each in parked))
        found.append(
            _ours(Detection.BACKLOG, EVENTS_PARKED, root, Severity.FAULT, now, {"readers": readers})
        )
    if jobs_lag_s > MOST_LAG.total_seconds():
        evidence = {"minutes": str(int(jobs_lag_s // 60))}
        found.append(_ours(Detection.BACKLOG, JOBS_WAIT, root, Severity.FAULT, now, evidence))
    return found


def _ours(
    detection: Detection,
    cause: str,
    root: OrganisationKey,
    severity: Severity,
    now: datetime,
    evidence: dict[str, str],
) -> Finding:
    return Finding(
        detection=detection,
        cause=cause,
        organisation=root,
        station=None,
        severity=severity,
        seen_at=now,
        evidence=evidence,
    )


def changes(found: Sequence[Finding], known: Sequence[Finding], now: datetime) -> list[Finding]:
    """Return what of the found is to be reported: what is new or worse, and what is over.

    Args:
        found: What holds now.
        known: The faults that are open and present, as they were last reported.
        now: When what is known and no longer found was over.
    """
    before = {each.key: each for each in known}
    present = {each.key for each in found}
    told = [
        each
        for each in found
        if each.key not in before or each.severity.rank > before[each.key].severity.rank
    ]
    over = [
        Finding(
            detection=each.detection,
            cause=each.cause,
            organisation=each.organisation,
            station=each.station,
            severity=each.severity,
            seen_at=now,
            is_present=False,
        )
        for each in known
        if each.key not in present
    ]
    return told + over


# ------------------------------------------------------------------------------------------ shell


async def look(
    db: AsyncSession, *, now: datetime, certificates: Sequence[Certificate] = ()
) -> None:
    """Find what holds now, and report what changed."""
    root = (await directory.root(db)).key
    joined = _CLOCKS.of(db)
    held = _CERTIFICATES.of(db)
    found = [
        *clock_findings(() if joined is None else await joined.wrong(db)),
        *certificate_findings(certificates, root, now),
        *station_certificate_findings(
            () if held is None else await held.ending(db, now, CERTIFICATE_TOLD), now
        ),
        *backlog_findings(await outbox.backlogs(db), await jobs.lag_s(db), root, now),
    ]
    known = await _known(db)
    await raising.report(db, changes(found, known, now), now=now)


async def _known(db: AsyncSession) -> list[Finding]:
    """Return the open faults of these watches that are not on their way out."""
    rows = await db.scalars(
        select(FaultRow).where(
            FaultRow.detection.in_(DETECTIONS),
            FaultRow.over_at.is_(None),
            FaultRow.calm_since.is_(None),
        )
    )
    return [
        Finding(
            detection=Detection(row.detection),
            cause=row.cause,
            organisation=OrganisationKey(row.organisation),
            station=None if row.station is None else StationId(row.station),
            severity=Severity(row.severity),
            seen_at=row.last_seen_at,
        )
        for row in rows
    ]


async def keep_looking(database: Database, clock: Clock, certificates: Sequence[Path]) -> None:
    """Look again and again; runs for ever, and not as a job, since it looks after the jobs too."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            ours = read_certificates(certificates)
            async with database.unit_of_work() as db:
                await look(db, now=clock.now(), certificates=ours)
        except DatabaseAway as error:
            log.warning("conditions.database_away", reason=str(error))
        except (OSError, ValueError) as error:
            log.warning("conditions.certificate_unreadable", reason=str(error))
