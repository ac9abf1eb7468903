"""Face: playbooks, and what was done by them.

Who may do it, and the audit, are the door's. What is done at stations is in `support.first_aiding`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from alerts.detections import Detection
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId
from support import first_aid
from support.first_aid import Outcome, Playbook, Result, Run, Step, Tried, WaitsFor
from support.first_aid_tables import FirstAidRunRow, FirstAidStepRow, PlaybookRow

# ---------------------------------------------------------------------------------- playbooks


async def playbooks(db: AsyncSession, scope: Scope) -> list[Playbook]:
    """Return the playbooks of the organisations in scope, in the order they were made."""
    query = select(PlaybookRow).where(PlaybookRow.retired_at.is_(None)).order_by(PlaybookRow.id)
    if scope.organisations is not None:
        query = query.where(PlaybookRow.organisation.in_(sorted(scope.organisations)))
    rows = await db.scalars(query.execution_options(populate_existing=True))
    return [_playbook(each) for each in rows]


async def playbook(db: AsyncSession, scope: Scope, number: int) -> Playbook:
    """Return a playbook.

    Raises:
        NotFound: If there is none in scope.
    """
    return _playbook(await _row(db, scope, number))


async def put(db: AsyncSession, wanted: Playbook, *, by: Actor, now: datetime) -> Playbook:
    """Write a playbook: a new one (number 0), or another one in place of itself.

    What is under way goes on with the steps that it began with.

    Raises:
        InvalidInput: If it is none.
        WouldLoop: If it would go round and round.
        TakesTurns: If another one that is on is about the same thing.
    """
    made = first_aid.checked(wanted)
    await _lock(db)
    rows = await db.scalars(
        select(PlaybookRow).where(
            PlaybookRow.organisation == made.organisation, PlaybookRow.retired_at.is_(None)
        )
    )
    first_aid.must_not_take_turns(made, [_playbook(each) for each in rows])
    if made.id:
        row = await db.get_one(PlaybookRow, made.id)
    else:
        row = PlaybookRow(organisation=made.organisation, created_at=now, created_by=by.id)
        db.add(row)
    row.name, row.detection, row.causes = made.name, made.detection, list(made.causes)
    row.vendor, row.model, row.steps = made.vendor, made.model, list(made.steps)
    row.per_day, row.is_on = made.per_day, made.is_on
    row.settles_min, row.out_hours = made.settles_min, made.out_hours
    row.changed_at, row.changed_by = now, by.id
    await db.flush()
    return replace(made, id=row.id)


async def retire(
    db: AsyncSession, scope: Scope, number: int, *, by: Actor, now: datetime
) -> Playbook:
    """Take a playbook away; what was done by it stays on file.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await _row(db, scope, number)
    row.is_on, row.retired_at, row.changed_at, row.changed_by = False, now, now, by.id
    await db.flush()
    return _playbook(row)


async def _row(db: AsyncSession, scope: Scope, number: int) -> PlaybookRow:
    row = await db.scalar(
        select(PlaybookRow)
        .where(PlaybookRow.id == number, PlaybookRow.retired_at.is_(None))
        .execution_options(populate_existing=True)
    )
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("playbook", str(number))
    return row


async def _lock(db: AsyncSession) -> None:
    await db.execute(text("select pg_advisory_xact_lock(hashtextextended('playbooks', 0))"))


def _playbook(row: PlaybookRow) -> Playbook:
    return Playbook(
        id=row.id,
        organisation=OrganisationKey(row.organisation),
        name=row.name,
        detection=Detection(row.detection),
        causes=tuple(row.causes),
        vendor=row.vendor,
        model=row.model,
        steps=tuple(Step(each) for each in row.steps),
        per_day=row.per_day,
        settles_min=row.settles_min,
        out_hours=row.out_hours,
        is_on=row.is_on,
    )


# --------------------------------------------------------------------------------------- runs


async def begin(db: AsyncSession, runs: Sequence[Run]) -> None:
    """Write runs that begin; of one alert each place has one, however often it is told."""
    if not runs:
        return
    values = [
        {
            "alert": each.alert,
            "organisation": each.organisation,
            "station": each.station,
            "evse_id": each.evse_id,
            "connector_id": each.connector_id,
            "playbook": each.playbook,
            "steps": list(each.steps),
            "per_day": each.per_day,
            "settles_min": each.settles_min,
            "out_hours": each.out_hours,
            "began_at": each.began_at,
            "due_at": each.due_at,
        }
        for each in runs
    ]
    await db.execute(insert(FirstAidRunRow).values(values).on_conflict_do_nothing())


async def due(db: AsyncSession, now: datetime) -> list[int]:
    """Return the runs that are to be looked after, the one that waits longest first."""
    found = await db.scalars(
        select(FirstAidRunRow.id)
        .where(FirstAidRunRow.over_at.is_(None), FirstAidRunRow.due_at <= now)
        .order_by(FirstAidRunRow.due_at, FirstAidRunRow.id)
    )
    return list(found)


async def locked(db: AsyncSession, number: int) -> Run | None:
    """Return a run that nobody else looks after until the unit of work ends; None if over."""
    row = await db.scalar(
        select(FirstAidRunRow)
        .where(FirstAidRunRow.id == number, FirstAidRunRow.over_at.is_(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return None if row is None else (await _with_steps(db, [row]))[0]


async def save(db: AsyncSession, run: Run) -> None:
    """Write how a run stands, with its steps."""
    row = await db.get_one(FirstAidRunRow, run.id)
    row.due_at, row.waits_for = run.due_at, run.waits_for
    row.outcome, row.over_at = run.outcome, run.over_at
    await db.flush()
    for place, each in enumerate(run.tried):
        facts = {
            "command_id": each.command_id,
            "result": each.result,
            "note": each.note,
            "ended_at": each.ended_at,
        }
        written = insert(FirstAidStepRow).values(
            run=run.id,
            place=place,
            station=run.station,
            step=each.step,
            asked_at=each.asked_at,
            **facts,
        )
        await db.execute(written.on_conflict_do_update(index_elements=["run", "place"], set_=facts))


async def used_since(db: AsyncSession, station: StationId, since: datetime) -> int:
    """Return how many steps were asked of a station since then."""
    found = await db.scalar(
        select(func.count()).where(
            FirstAidStepRow.station == station,
            FirstAidStepRow.asked_at >= since,
            FirstAidStepRow.command_id.is_not(None),
        )
    )
    return found or 0


async def is_busy(db: AsyncSession, station: StationId, *, but: int) -> bool:
    """Tell whether a step of another run is under way at a station."""
    found = await db.scalar(
        select(func.count()).where(
            FirstAidStepRow.station == station,
            FirstAidStepRow.run != but,
            FirstAidStepRow.result.is_(None),
        )
    )
    return bool(found)


async def runs_of(
    db: AsyncSession,
    scope: Scope,
    *,
    alerts: Collection[int] = (),
    station: StationId | None = None,
    limit: int = 50,
) -> list[Run]:
    """Return what was done for alerts, or at a station, the newest first: the trail."""
    query = select(FirstAidRunRow).order_by(FirstAidRunRow.id.desc()).limit(limit)
    if scope.organisations is not None:
        query = query.where(FirstAidRunRow.organisation.in_(sorted(scope.organisations)))
    if alerts:
        query = query.where(FirstAidRunRow.alert.in_(alerts))
    if station is not None:
        query = query.where(FirstAidRunRow.station == station)
    rows = await db.scalars(query.execution_options(populate_existing=True))
    return await _with_steps(db, rows)


async def _with_steps(db: AsyncSession, rows: Iterable[FirstAidRunRow]) -> list[Run]:
    found = list(rows)
    steps: dict[int, list[Tried]] = {each.id: [] for each in found}
    for each in await db.scalars(
        select(FirstAidStepRow)
        .where(FirstAidStepRow.run.in_(steps))
        .order_by(FirstAidStepRow.run, FirstAidStepRow.place)
        .execution_options(populate_existing=True)
    ):
        steps[each.run].append(
            Tried(
                Step(each.step),
                each.asked_at,
                None if each.result is None else Result(each.result),
                each.ended_at,
                each.command_id,
                each.note,
            )
        )
    return [
        Run(
            id=row.id,
            alert=row.alert,
            organisation=OrganisationKey(row.organisation),
            station=StationId(row.station),
            evse_id=row.evse_id,
            connector_id=row.connector_id,
            playbook=row.playbook,
            steps=tuple(Step(each) for each in row.steps),
            per_day=row.per_day,
            settles_min=row.settles_min,
            out_hours=row.out_hours,
            began_at=row.began_at,
            due_at=row.due_at,
            waits_for=None if row.waits_for is None else WaitsFor(row.waits_for),
            outcome=None if row.outcome is None else Outcome(row.outcome),
            over_at=row.over_at,
            tried=tuple(steps[row.id]),
        )
        for row in found
    ]
