"""Face: how locations are balanced, what is said from outside, and what was decided.

Whoever calls has checked that the asker may see the location, and may change it. Switching a
balancer on is the order that what it sends rests on; who did so stands here and in the audit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import balancing
from csms.balancing import ROTATIONS, LimitReason, Settings, Why
from csms.balancing_tables import (
    LoadBalancerRow,
    LoadDecisionRow,
    LoadPointRow,
    LoadSignalRow,
)
from csms.load_rounds import settings_of
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import StationId

LONGEST_SIGNAL: Final = timedelta(days=31)
"""How long a signal may hold; what is for good belongs into the settings."""

_LARGEST_A: Final = Decimal(10_000)
_LARGEST_W: Final = Decimal(10_000_000)
_SOURCE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Balancer:
    """How a location is balanced, and by whose word."""

    location: str
    is_on: bool
    settings: Settings
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class OutsideSignal:
    """What somebody outside says for a time; of the three values one is there."""

    id: int
    source: str
    limit_a: Decimal | None
    limit_w: Decimal | None
    used_a: Decimal | None
    starts_at: datetime
    ends_at: datetime
    told_at: datetime
    told_by: str


@dataclass(frozen=True, slots=True)
class Point:
    """A charge point of a location; `most_a` is None where nobody knows what it carries."""

    station: StationId
    evse_id: int
    most_a: int | None
    most_a_set: int | None
    priority: int
    rotation: str


@dataclass(frozen=True, slots=True)
class PointShare:
    """What a charge point might draw at a decision, and why."""

    station: StationId
    evse_id: int
    limit_a: int
    why: Why
    phases: tuple[int, ...]
    measured_a: Decimal | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided at a moment; amperes of the phase that carries most."""

    id: int
    decided_at: datetime
    limit_a: Decimal
    limit_w: Decimal | None
    reason: LimitReason
    allowed_a: Decimal
    taken_a: Decimal | None
    shares: tuple[PointShare, ...]


# ---------------------------------------------------------------------------------- settings


async def balancer(db: AsyncSession, location: str) -> Balancer | None:
    """Return how a location is balanced; None where nobody ever said."""
    row = await db.get(LoadBalancerRow, location)
    if row is None:
        return None
    return Balancer(row.location, row.is_on, settings_of(row), row.set_at, row.set_by)


async def set_balancer(
    db: AsyncSession, location: str, settings: Settings, *, is_on: bool, by: str, now: datetime
) -> Balancer:
    """Set how a location is balanced, and whether it is.

    Raises:
        InvalidInput: If the settings cannot hold, or there is no charge point to balance.
    """
    count = len(await points(db, location))
    if is_on and not count:
        raise InvalidInput("No station with a charge point stands there.", field="is_on")
    balancing.check(settings, points=count or 1)
    row = await db.get(LoadBalancerRow, location, with_for_update=True)
    if row is None:
        row = LoadBalancerRow(location=location)
        db.add(row)
    row.is_on, row.strategy = is_on, settings.strategy
    row.limit_a, row.minimum_a = settings.limit_a, settings.minimum_a
    row.fallback_a = settings.fallback_a
    row.change_every_s = int(settings.change_every.total_seconds())
    row.windows = [
        {
            "days": sorted(each.days),
            "from_minute": each.from_minute,
            "to_minute": each.to_minute,
            "limit_a": each.limit_a,
        }
        for each in settings.windows
    ]
    row.set_at, row.set_by = now, by
    await db.flush()
    return Balancer(location, is_on, settings, now, by)


async def balancers(db: AsyncSession, locations: Sequence[str]) -> dict[str, Balancer]:
    """Return how locations are balanced, of those that were set up."""
    rows = await db.scalars(
        select(LoadBalancerRow).where(LoadBalancerRow.location.in_(sorted(locations)))
    )
    return {
        row.location: Balancer(row.location, row.is_on, settings_of(row), row.set_at, row.set_by)
        for row in rows
    }


# ----------------------------------------------------------------------------------- signals


async def signals(db: AsyncSession, location: str, now: datetime) -> Sequence[OutsideSignal]:
    """Return what is said from outside now, and what is to come, the next to begin first."""
    rows = await db.scalars(
        select(LoadSignalRow)
        .where(LoadSignalRow.location == location, LoadSignalRow.ends_at > now)
        .order_by(LoadSignalRow.starts_at, LoadSignalRow.id)
    )
    return [_signal(row) for row in rows]


async def add_signal(
    db: AsyncSession,
    location: str,
    *,
    source: str,
    limit_a: Decimal | None,
    limit_w: Decimal | None,
    used_a: Decimal | None,
    starts_at: datetime,
    ends_at: datetime,
    by: str,
    now: datetime,
) -> OutsideSignal:
    """Take in what somebody outside says; what the same source said for that time it takes back.

    Raises:
        InvalidInput: With the field that is wrong.
    """
    source = source.strip()
    if not 1 <= len(source) <= _SOURCE_MAX:
        raise InvalidInput(f"The source has 1 to {_SOURCE_MAX} characters.", field="source")
    said = {"limit_a": limit_a, "limit_w": limit_w, "used_a": used_a}
    given = {name: value for name, value in said.items() if value is not None}
    if len(given) != 1:
        raise InvalidInput("Give one of limit_a, limit_w and used_a.", field="limit_a")
    [(name, value)] = given.items()
    most = _LARGEST_W if name == "limit_w" else _LARGEST_A
    if not 0 <= value <= most:
        raise InvalidInput(f"{name} is 0 to {most}.", field=name)
    if ends_at <= max(starts_at, now):
        raise InvalidInput("It ends before it begins, or is over.", field="ends_at")
    if ends_at - starts_at > LONGEST_SIGNAL:
        raise InvalidInput("A signal holds for 31 days at most.", field="ends_at")
    await db.execute(
        text("""
            update load_signals set ends_at = :starts_at
            where location = :location and source = :source
                and num_nonnulls(cast(:limit_a as numeric)) = num_nonnulls(limit_a)
                and num_nonnulls(cast(:limit_w as numeric)) = num_nonnulls(limit_w)
                and starts_at < :starts_at and ends_at > :starts_at
        """),
        {**said, "location": location, "source": source, "starts_at": starts_at},
    )
    row = LoadSignalRow(
        location=location,
        source=source,
        starts_at=starts_at,
        ends_at=ends_at,
        told_at=now,
        told_by=by,
        **said,
    )
    db.add(row)
    await db.flush()
    return _signal(row)


async def end_signal(
    db: AsyncSession, location: str, number: int, now: datetime
) -> OutsideSignal | None:
    """End a signal now, or take it back where it has not begun; None is then left of it.

    Raises:
        NotFound: There is no such signal that still holds or is to come.
    """
    row = await db.scalar(
        select(LoadSignalRow)
        .where(LoadSignalRow.id == number, LoadSignalRow.location == location)
        .with_for_update()
    )
    if row is None or row.ends_at <= now:
        raise NotFound("signal", str(number))
    if row.starts_at >= now:
        await db.delete(row)
        await db.flush()
        return None
    row.ends_at = now
    await db.flush()
    return _signal(row)


def _signal(row: LoadSignalRow) -> OutsideSignal:
    return OutsideSignal(
        row.id,
        row.source,
        row.limit_a,
        row.limit_w,
        row.used_a,
        row.starts_at,
        row.ends_at,
        row.told_at,
        row.told_by,
    )


# ------------------------------------------------------------------------------------ points


async def points(db: AsyncSession, location: str) -> Sequence[Point]:
    """Return the charge points of a location, by station and EVSE."""
    rows = await db.execute(
        text("""
            select e.station, e.evse_id, p.most_a, coalesce(p.priority, 0) as priority,
                coalesce(p.rotation, 'RST') as rotation,
                (select max(k.max_power_w) from connectors k
                    where k.station = e.station and k.evse_id = e.evse_id) as max_power_w
            from stations s
            join evses e on e.station = s.identity and e.evse_id > 0
            left join load_points p on p.station = e.station and p.evse_id = e.evse_id
            where s.location = :location and s.admission = 'accepted'
            order by e.station, e.evse_id
        """),
        {"location": location},
    )
    return [_point(row) for row in rows]


async def set_point(
    db: AsyncSession,
    location: str,
    station: str,
    evse_id: int,
    *,
    most_a: int | None,
    priority: int,
    rotation: str,
) -> Point:
    """Set what is particular to a charge point.

    Raises:
        NotFound: There is no such charge point at the location.
        InvalidInput: With the field that is wrong.
    """
    present = {(each.station, each.evse_id) for each in await points(db, location)}
    if (station, evse_id) not in present:
        raise NotFound("charge point", f"{station}/{evse_id}")
    if most_a is not None and not balancing.LEAST_A <= most_a <= 1000:
        raise InvalidInput("A charge point carries 6 to 1000 amperes.", field="most_a")
    if not 0 <= priority <= 9:
        raise InvalidInput("A priority is 0 to 9; the higher comes first.", field="priority")
    if rotation not in ROTATIONS:
        raise InvalidInput(f"rotation is one of {', '.join(ROTATIONS)}.", field="rotation")
    row = await db.get(LoadPointRow, (station, evse_id))
    if row is None:
        row = LoadPointRow(station=station, evse_id=evse_id)
        db.add(row)
    row.most_a, row.priority, row.rotation = most_a, priority, rotation
    await db.flush()
    [found] = [
        each
        for each in await points(db, location)
        if (each.station, each.evse_id) == (station, evse_id)
    ]
    return found


def _point(row: Any) -> Point:
    known = None if row.max_power_w is None else balancing.amperes_of(row.max_power_w)
    return Point(
        StationId(row.station),
        row.evse_id,
        known if row.most_a is None else row.most_a,
        row.most_a,
        row.priority,
        row.rotation,
    )


# --------------------------------------------------------------------------------- decisions


async def decisions(
    db: AsyncSession,
    location: str,
    *,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[Decision]:
    """Return what was decided, the newest first.

    Args:
        db: The unit of work.
        location: Where.
        since: Not before this moment.
        before: Only decisions with a smaller number.
        limit: How many at most.
    """
    wanted = select(LoadDecisionRow).where(LoadDecisionRow.location == location)
    if since is not None:
        wanted = wanted.where(LoadDecisionRow.decided_at >= since)
    if before is not None:
        wanted = wanted.where(LoadDecisionRow.id < before)
    rows = await db.scalars(wanted.order_by(LoadDecisionRow.id.desc()).limit(limit))
    return [_decision(row) for row in rows]


def _decision(row: LoadDecisionRow) -> Decision:
    return Decision(
        row.id,
        row.decided_at,
        row.limit_a,
        row.limit_w,
        LimitReason(row.reason),
        row.allowed_a,
        row.taken_a,
        tuple(
            PointShare(
                StationId(each["station"]),
                each["evse_id"],
                each["limit_a"],
                Why(each["why"]),
                tuple(each["phases"]),
                None if each["measured_a"] is None else Decimal(each["measured_a"]),
            )
            for each in row.shares
        ),
    )
