"""Reading and writing alerts, their faults, and what happened to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, exists, func, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from alerts.alert_tables import AlertChangeRow, AlertRow, FaultRow
from alerts.detections import Detection, Severity
from alerts.life import FLAPS_KEPT, STORM_WITHIN, Alert, AlertState, Change, Fault
from alerts.tables import MonitoringActivationRow
from foundation.identifiers import OrganisationKey, StationId

_ALERT_FIELDS: Final = tuple(each.name for each in fields(Alert))
_FAULT_FIELDS: Final = tuple(each.name for each in fields(Fault))


async def lock(db: AsyncSession, organisations: Iterable[OrganisationKey]) -> None:
    """Let nobody else touch the alerts of these organisations until the unit of work ends."""
    await db.execute(
        text(
            "select pg_advisory_xact_lock(hashtextextended('alerts/' || o, 0))"
            " from unnest(cast(:keys as text[])) with ordinality as u (o, place) order by place"
        ),
        {"keys": sorted(set(organisations))},
    )


# ---------------------------------------------------------------------------------- faults


async def open_faults(db: AsyncSession, keys: Collection[str]) -> dict[str, Fault]:
    """Return the faults of these keys that are not over."""
    if not keys:
        return {}
    rows = await db.scalars(
        select(FaultRow)
        .where(FaultRow.key.in_(keys), FaultRow.over_at.is_(None))
        .execution_options(populate_existing=True)
    )
    return {row.key: _fault(row) for row in rows}


async def flaps_of(db: AsyncSession, keys: Collection[str], now: datetime) -> dict[str, int]:
    """Return how often faults of these keys came back lately, those that were over since."""
    if not keys:
        return {}
    found = await db.execute(
        select(FaultRow.key, func.max(FaultRow.flaps))
        .where(FaultRow.key.in_(keys), FaultRow.over_at > now - FLAPS_KEPT)
        .group_by(FaultRow.key)
    )
    return {key: flaps for key, flaps in found}  # noqa: C416 - rows are no pairs to mypy


async def due_faults(db: AsyncSession, now: datetime) -> list[Fault]:
    """Return the faults that are calm for long enough, and those that were not raised yet."""
    rows = await db.scalars(
        select(FaultRow)
        .where(
            FaultRow.over_at.is_(None), or_(FaultRow.calm_until <= now, FaultRow.alert.is_(None))
        )
        .order_by(FaultRow.id)
        .execution_options(populate_existing=True)
    )
    return [_fault(row) for row in rows]


async def faults_of(db: AsyncSession, alerts: Collection[int]) -> dict[int, list[Fault]]:
    """Return the faults of alerts, the oldest first."""
    found: dict[int, list[Fault]] = {each: [] for each in alerts}
    if not found:
        return found
    rows = await db.scalars(
        select(FaultRow)
        .where(FaultRow.alert.in_(alerts))
        .order_by(FaultRow.id)
        .execution_options(populate_existing=True)
    )
    for row in rows:
        assert row.alert is not None
        found[row.alert].append(_fault(row))
    return found


async def open_faults_at(db: AsyncSession, station: str) -> list[Fault]:
    """Return the faults of a station that are not over, whoever it belonged to."""
    rows = await db.scalars(
        select(FaultRow)
        .where(FaultRow.station == station, FaultRow.over_at.is_(None))
        .order_by(FaultRow.id)
        .execution_options(populate_existing=True)
    )
    return [_fault(row) for row in rows]


async def faults_at(
    db: AsyncSession,
    station: str,
    *,
    organisations: Sequence[str] | None,
    is_open: bool | None = None,
    after: int | None = None,
    limit: int,
) -> list[Fault]:
    """Return the faults of a station, the newest first.

    Args:
        db: The unit of work.
        station: Which.
        organisations: Only those found while it was theirs; None: all.
        is_open: Only those that are not over, or that are.
        after: Only older ones than this.
        limit: How many at most.
    """
    query = (
        select(FaultRow)
        .where(FaultRow.station == station)
        .order_by(FaultRow.id.desc())
        .limit(limit)
    )
    if organisations is not None:
        query = query.where(FaultRow.organisation.in_(organisations))
    if is_open is not None:
        over = FaultRow.over_at.is_(None)
        query = query.where(over if is_open else ~over)
    if after is not None:
        query = query.where(FaultRow.id < after)
    return [_fault(row) for row in await db.scalars(query)]


async def open_by_station(
    db: AsyncSession, stations: Sequence[str], *, organisations: Sequence[str] | None
) -> dict[StationId, int]:
    """Return how many faults are open at each of the stations; those without are missing."""
    query = (
        select(FaultRow.station, func.count())
        .where(FaultRow.station.in_(stations), FaultRow.over_at.is_(None))
        .group_by(FaultRow.station)
    )
    if organisations is not None:
        query = query.where(FaultRow.organisation.in_(organisations))
    return {StationId(station or ""): number for station, number in await db.execute(query)}


async def save_faults(db: AsyncSession, faults: Sequence[Fault]) -> None:
    """Write new faults and what changed of known ones."""
    new = [_values(each, _FAULT_FIELDS) for each in faults if not each.id]
    known = [
        _values(each, _FAULT_FIELDS) | {"id": each.id}
        for each in sorted(faults, key=lambda each: each.id)
        if each.id
    ]
    if known:  # first: what is over makes room for a new one of its key
        await db.execute(update(FaultRow), known)
    if new:
        await db.execute(insert(FaultRow), new)


# ---------------------------------------------------------------------------------- alerts


async def open_alerts(
    db: AsyncSession, organisations: Collection[str], detections: Collection[str]
) -> list[Alert]:
    """Return the open alerts of organisations that these watches raised."""
    rows = await db.scalars(
        select(AlertRow)
        .where(
            AlertRow.organisation.in_(organisations),
            AlertRow.detection.in_(detections),
            AlertRow.state == AlertState.OPEN,
        )
        .order_by(AlertRow.id)
        .execution_options(populate_existing=True)
    )
    return [_alert(row) for row in rows]


async def raised_lately(
    db: AsyncSession, organisations: Collection[str], now: datetime
) -> dict[tuple[OrganisationKey, Detection], int]:
    """Return how many alerts each watch raised within the time that makes a storm."""
    found = await db.execute(
        select(AlertRow.organisation, AlertRow.detection, func.count())
        .where(AlertRow.organisation.in_(organisations), AlertRow.raised_at > now - STORM_WITHIN)
        .group_by(AlertRow.organisation, AlertRow.detection)
    )
    return {
        (OrganisationKey(organisation), Detection(detection)): count
        for organisation, detection, count in found
    }


async def add_alerts(db: AsyncSession, alerts: Sequence[Alert]) -> dict[int, int]:
    """Write new alerts; return their numbers by those they had in memory."""
    if not alerts:
        return {}
    found = await db.scalars(
        insert(AlertRow).returning(AlertRow.id, sort_by_parameter_order=True),
        [_values(each, _ALERT_FIELDS) for each in alerts],
    )
    return {alert.id: number for alert, number in zip(alerts, found, strict=True)}


async def save_alerts(db: AsyncSession, alerts: Sequence[Alert]) -> None:
    """Write what changed of known alerts."""
    if alerts:
        ordered = sorted(alerts, key=lambda each: each.id)
        await db.execute(
            update(AlertRow),
            [_values(each, _ALERT_FIELDS) | {"id": each.id} for each in ordered],
        )


async def alert(db: AsyncSession, number: int) -> Alert | None:
    """Return an alert; None: there is none of this number."""
    row = await db.get(AlertRow, number, populate_existing=True)
    return None if row is None else _alert(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts a list shows.

    Attributes:
        organisations: Only theirs; None: all.
        states: Only these.
        station: Only alerts about this station.
        monitored: Only alerts about a station that is monitored now (the support queue), or not.
        acknowledged: Only those that somebody took on, or nobody.
    """

    organisations: Sequence[str] | None
    states: Sequence[AlertState] = ()
    detections: Sequence[Detection] = ()
    severities: Sequence[Severity] = ()
    station: str | None = None
    location: str | None = None
    monitored: bool | None = None
    acknowledged: bool | None = None
    escalated: bool | None = None
    raised_from: datetime | None = None
    raised_before: datetime | None = None

    def conditions(self) -> list[Any]:
        """Return it in SQL."""
        row = AlertRow
        found: list[Any] = []
        if self.organisations is not None:
            found.append(row.organisation.in_(self.organisations))
        if self.states:
            found.append(row.state.in_(self.states))
        if self.detections:
            found.append(row.detection.in_(self.detections))
        if self.severities:
            found.append(row.severity.in_(self.severities))
        if self.station is not None:
            found.append(exists().where(FaultRow.alert == row.id, FaultRow.station == self.station))
        if self.location is not None:
            found.append(row.location == self.location)
        if self.monitored is not None:
            watched = _is_monitored()
            found.append(watched if self.monitored else ~watched)
        if self.acknowledged is not None:
            taken = row.acknowledged_at.is_not(None)
            found.append(taken if self.acknowledged else ~taken)
        if self.escalated is not None:
            raised = row.escalated_at.is_not(None)
            found.append(raised if self.escalated else ~raised)
        if self.raised_from is not None:
            found.append(row.raised_at >= self.raised_from)
        if self.raised_before is not None:
            found.append(row.raised_at < self.raised_before)
        return found


def _is_monitored() -> Any:
    watch = MonitoringActivationRow
    return exists().where(
        FaultRow.alert == AlertRow.id,
        watch.station == FaultRow.station,
        watch.organisation == AlertRow.organisation,
        watch.active_to.is_(None),
    )


async def alerts(db: AsyncSession, wanted: Wanted, *, after: int | None, limit: int) -> list[Alert]:
    """Return alerts, the newest first; `after`: only older ones than this."""
    query = select(AlertRow).where(*wanted.conditions()).order_by(AlertRow.id.desc()).limit(limit)
    if after is not None:
        query = query.where(AlertRow.id < after)
    rows = await db.scalars(query.execution_options(populate_existing=True))
    return [_alert(row) for row in rows]


async def counted(db: AsyncSession, wanted: Wanted) -> int:
    """Return how many alerts there are."""
    found = await db.scalar(select(func.count()).select_from(AlertRow).where(*wanted.conditions()))
    return found or 0


async def monitored(db: AsyncSession, alerts: Collection[int]) -> set[int]:
    """Return which of the alerts are about a station that is monitored now."""
    if not alerts:
        return set()
    found = await db.scalars(select(AlertRow.id).where(AlertRow.id.in_(alerts), _is_monitored()))
    return set(found)


async def watched(
    db: AsyncSession, stations: Collection[tuple[StationId, OrganisationKey]]
) -> set[StationId]:
    """Return which of the stations are monitored now for those organisations."""
    if not stations:
        return set()
    row = MonitoringActivationRow
    found = await db.scalars(
        select(row.station).where(
            and_(tuple_(row.station, row.organisation).in_(list(stations)), row.active_to.is_(None))
        )
    )
    return {StationId(each) for each in found}


# --------------------------------------------------------------------------------- history


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to an alert."""

    at: datetime
    change: Change
    by: str | None
    by_name: str | None
    note: str | None


async def add_changes(db: AsyncSession, changes: Sequence[Mapping[str, Any]]) -> None:
    """Write what happened to alerts: rows of `AlertChangeRow`."""
    if changes:
        await db.execute(insert(AlertChangeRow), list(changes))


async def history(db: AsyncSession, number: int) -> list[Happening]:
    """Return what happened to an alert, the oldest first."""
    rows = await db.scalars(
        select(AlertChangeRow).where(AlertChangeRow.alert == number).order_by(AlertChangeRow.id)
    )
    return [Happening(row.at, Change(row.change), row.by, row.by_name, row.note) for row in rows]


# -------------------------------------------------------------------------------- of values


def _values(value: Alert | Fault, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names if name != "id"}


def _fault(row: FaultRow) -> Fault:
    found = {name: getattr(row, name) for name in _FAULT_FIELDS}
    found["detection"] = Detection(row.detection)
    found["severity"] = Severity(row.severity)
    return Fault(**found)


def _alert(row: AlertRow) -> Alert:
    found = {name: getattr(row, name) for name in _ALERT_FIELDS}
    found["detection"] = Detection(row.detection)
    found["severity"] = Severity(row.severity)
    found["state"] = AlertState(row.state)
    return Alert(**found)
