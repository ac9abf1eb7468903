"""Face: maintenance windows: made, changed, ended, read; what they silence.

Who may do it, and the audit, are the door's. `Windows` tells alerts what is being worked at
(fulfils `alerts.raising.Silences`); what a lock does is in `support.maintenance_locks`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from csms import stickers
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId, normalised_token
from support import maintenance
from support.maintenance import Plan, Window, WindowState
from support.maintenance_tables import MaintenanceWindowRow as Row


async def plan_window(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    plan: Plan,
    *,
    evses: Collection[int],
    by: Actor,
    now: datetime,
) -> Window:
    """Make a maintenance window.

    Args:
        db: A unit of work.
        station: Where.
        organisation: Whose station it is.
        plan: When, for which EVSEs, and what may go on meanwhile.
        evses: The EVSEs that the station has.
        by: Who plans it.
        now: The moment.

    Raises:
        InvalidInput: If the plan is none.
        WindowsContradict: If another window is about the same time and EVSE.
    """
    await _lock(db, station)
    wanted = maintenance.checked(_with_keys(plan), evses=evses, now=now)
    window = Window(
        id=0,
        station=station,
        organisation=organisation,
        plan=wanted,
        created_at=now,
        created_by=by.id,
        created_by_name=by.name,
    )
    maintenance.must_not_contradict(window, await _from_now(db, station, now))
    row = Row(station=station, organisation=organisation)
    _write(row, window)
    row.created_at, row.created_by, row.created_by_name = now, by.id, by.name
    db.add(row)
    await db.flush()
    return replace(window, id=row.id)


async def change_window(
    db: AsyncSession,
    scope: Scope,
    number: int,
    plan: Plan,
    *,
    evses: Collection[int],
    now: datetime,
) -> Window:
    """Give a window another plan.

    Raises:
        NotFound: If there is none in scope.
        WindowIsPast: If it is over or was taken back.
        InvalidInput: If the plan is none, or changes what has begun.
        WindowsContradict: If another window is about the same time and EVSE.
    """
    row, window = await _locked(db, scope, number)
    after = maintenance.changed(window, _with_keys(plan), evses=evses, now=now)
    maintenance.must_not_contradict(after, await _from_now(db, window.station, now))
    _write(row, after)
    await db.flush()
    return after


async def end_window(db: AsyncSession, scope: Scope, number: int, *, now: datetime) -> Window:
    """End a window now; one that has not begun is taken back.

    Raises:
        NotFound: If there is none in scope.
        WindowIsPast: If it is over or was taken back.
    """
    row, window = await _locked(db, scope, number)
    after = maintenance.ended(window, now)
    _write(row, after)
    await db.flush()
    return after


async def window(db: AsyncSession, scope: Scope, number: int) -> Window:
    """Return a window.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await db.scalar(
        select(Row).where(Row.id == number).execution_options(populate_existing=True)
    )
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("maintenance window", str(number))
    return value_of(row)


async def windows(
    db: AsyncSession,
    scope: Scope,
    *,
    station: StationId | None = None,
    states: Collection[WindowState] = (),
    now: datetime,
    after: int | None = None,
    limit: int = 50,
) -> list[Window]:
    """Return windows, the newest first.

    Args:
        db: A unit of work.
        scope: Whose; those of a former owner of a station are not the next one's.
        station: Only this one's.
        states: Only those that are in one of these now; none: all.
        now: The moment.
        after: Only those made before this one.
        limit: How many at most.
    """
    query = select(Row).order_by(Row.id.desc()).limit(limit)
    if scope.organisations is not None:
        query = query.where(Row.organisation.in_(sorted(scope.organisations)))
    if station is not None:
        query = query.where(Row.station == station)
    if after is not None:
        query = query.where(Row.id < after)
    if states:
        is_withdrawn = Row.withdrawn_at.is_not(None)
        wanted = {
            WindowState.WITHDRAWN: is_withdrawn,
            WindowState.PAST: ~is_withdrawn & (Row.ends_at <= now),
            WindowState.RUNNING: ~is_withdrawn & (Row.starts_at <= now) & (Row.ends_at > now),
            WindowState.COMING: ~is_withdrawn & (Row.starts_at > now),
        }
        query = query.where(or_(*(wanted[each] for each in sorted(states))))
    rows = await db.scalars(query.execution_options(populate_existing=True))
    return [value_of(each) for each in rows]


async def running_at(
    db: AsyncSession, stations: Collection[StationId], now: datetime
) -> list[Window]:
    """Return the windows that run now at stations, as far as they are their owners' still."""
    rows = await db.scalars(
        select(Row)
        .where(
            Row.station == func.any(sorted(stations)),
            Row.starts_at <= now,
            Row.ends_at > now,
            Row.withdrawn_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    found = [value_of(each) for each in rows]
    if not found:
        return []
    owners = await stickers.owners(db, {each.station for each in found})
    return [each for each in found if owners.get(each.station) == each.organisation]


class Windows:
    """Fulfils `alerts.raising.Silences`."""

    async def silenced(
        self, db: AsyncSession, stations: Collection[StationId], now: datetime
    ) -> Mapping[tuple[StationId, int | None], datetime]:
        """Return until when which of the stations (None), or EVSEs, are silenced now."""
        return maintenance.silenced(await running_at(db, stations, now), now)


def value_of(row: Row) -> Window:
    """Return a stored window."""
    return Window(
        id=row.id,
        station=StationId(row.station),
        organisation=OrganisationKey(row.organisation),
        plan=Plan(
            evses=tuple(row.evses),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            locks=row.locks,
            test_tokens=tuple(row.test_tokens),
            comment=row.comment,
        ),
        created_at=row.created_at,
        created_by=row.created_by,
        created_by_name=row.created_by_name,
        withdrawn_at=row.withdrawn_at,
        locked_evses=None if row.locked_evses is None else tuple(row.locked_evses),
        unlocked_at=row.unlocked_at,
    )


def _with_keys(plan: Plan) -> Plan:
    """Return a plan whose test cards are named as cards are compared."""
    return replace(plan, test_tokens=tuple(normalised_token(each) for each in plan.test_tokens))


def _write(row: Row, window: Window) -> None:
    plan = window.plan
    row.evses = list(plan.evses)
    row.starts_at, row.ends_at = plan.starts_at, plan.ends_at
    row.locks, row.test_tokens = plan.locks, list(plan.test_tokens)
    row.comment, row.withdrawn_at = plan.comment, window.withdrawn_at


async def _lock(db: AsyncSession, station: StationId) -> None:
    """Let nobody else plan for the station until the unit of work ends."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended('maintenance/' || :station, 0))"),
        {"station": station},
    )


async def _locked(db: AsyncSession, scope: Scope, number: int) -> tuple[Row, Window]:
    await _lock(db, (await window(db, scope, number)).station)
    found = await window(db, scope, number)
    row = await db.get_one(Row, number)
    return row, found


async def _from_now(db: AsyncSession, station: StationId, now: datetime) -> Sequence[Window]:
    rows = await db.scalars(
        select(Row)
        .where(Row.station == station, Row.ends_at > now, Row.withdrawn_at.is_(None))
        .execution_options(populate_existing=True)
    )
    return [value_of(each) for each in rows]
