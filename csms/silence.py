"""The watch over silent stations: looks round every minute and tells who is offline, who is back.

`csms.connectivity` decides; here is what it decides about, and what follows. Nothing is asked of
the way of messages: when a station was last heard is written in batches anyway. What a probe found
and what is told of it are committed together; a watch that is killed goes on with the next round.

Every socket is pinged in turn, and closed where its pong is overdue (`csms.websocket`): so a probe
tries the socket by waiting until its turn has come, and then asks through the command queue.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import remote
from csms.connectivity import (
    Probe,
    ProbeOutcome,
    SilenceLimits,
    Step,
    Watched,
    listening_since,
    next_step,
)
from csms.queue import FINAL, CommandState, HarmfulCommand, Request
from csms.reports import OcppVersion
from csms.silence_tables import StationProbeRow
from csms.tables import StationOwnerRow
from foundation import outbox
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError
from foundation.events import Event, StationCameBack, StationWentOffline
from foundation.identifiers import OrganisationKey, StationId

log = structlog.get_logger(__name__)

CRON: Final = "* * * * *"
"""The watch looks round every minute."""

ASKED_BY: Final = "silence watch"
_FAILED: Final = {
    Step.OFFLINE_CLOSED: ProbeOutcome.CLOSED,
    Step.OFFLINE_NO_ANSWER: ProbeOutcome.NO_ANSWER,
}
"""How a probe ended after which a station is told offline."""
_EXPIRES_IN_S: Final = 60
_PRIORITY: Final = 50


@dataclass(frozen=True, slots=True)
class _Found:
    """A station that something may have to be done about."""

    station: StationId
    owner: OrganisationKey
    version: OcppVersion
    facts: Watched
    probe_id: int | None


_CANDIDATES = text("""
select c.station, o.organisation, c.version, c.last_heard_at, c.connected_at,
    c.closed_at is null as is_connected, c.silence = 'offline' as is_offline, c.back_since,
    coalesce(l.pending_after_s, :pending_s) as pending_s,
    coalesce(l.offline_after_s, :offline_s) as offline_s,
    p.id as probe_id, p.silent_since, p.began_at, p.read_at,
    m.answered_at is not null as is_answered, m.state as command_state
from station_connections c
join stations s on s.identity = c.station and s.admission = 'accepted'
join station_owners o on o.station = c.station and o.valid_to is null
left join station_limits l on l.station = c.station
left join station_probes p on p.station = c.station and p.ended_at is null
left join commands m on m.id = p.command
where c.silence = 'offline' or p.id is not null
    or c.last_heard_at < cast(:now as timestamptz)
        - coalesce(l.offline_after_s, :offline_s) * interval '1 second'
order by c.station
""")

_ROUND = text("""
insert into silence_rounds (id, ran_at, listening_since) values (1, :now, :since)
on conflict (id) do update set ran_at = excluded.ran_at,
    listening_since = excluded.listening_since
""")

_OFFLINE = text("""
with due as (
    select c.station from station_connections c
    join unnest(cast(:stations as text[]), cast(:heard as timestamptz[])) as e (station, heard_at)
        on e.station = c.station and e.heard_at = c.last_heard_at
    order by c.station for update of c
)
update station_connections c set silence = 'offline', back_since = null
from due where due.station = c.station returning c.station
""")

_BACK = text("""
with due as (
    select station from station_connections where station = any(:stations)
    order by station for update
)
update station_connections c
set silence = :told, back_since = cast(:since as timestamptz)
from due where due.station = c.station
""")


async def look_round(
    db: AsyncSession, limits: SilenceLimits, *, now: datetime, ping_for: timedelta
) -> None:
    """Do what is to be done about every station now.

    Args:
        db: The unit of work of this round.
        limits: Of stations that have none of their own.
        now: By the Clock.
        ping_for: Within what time every socket has been pinged and has answered, or is closed.
    """
    since = await _listening_since(db, now)
    steps: dict[Step, list[_Found]] = {each: [] for each in Step}
    for found in await _candidates(db, limits, now):
        step = next_step(found.facts, now, listening_since=since, ping_for=ping_for)
        steps[step].append(found)

    events: list[Event] = []
    lost = [found for step in _FAILED for found in steps[step]]
    told = await _tell_offline(db, lost)
    events += [
        StationWentOffline(
            happened_at=now, station=each.station, last_heard_at=each.facts.last_heard_at
        )
        for each in sorted(lost, key=lambda each: each.station)
        if each.station in told
    ]
    events += [StationCameBack(happened_at=now, station=each.station) for each in steps[Step.BACK]]
    await _note_back(db, steps[Step.RETURNING], "offline", now)
    await _note_back(db, steps[Step.LOST_AGAIN], "offline", None)
    await _note_back(db, steps[Step.BACK], "online", None)
    await _end(db, steps[Step.SAVED], ProbeOutcome.HEARD, now)
    for step, outcome in _FAILED.items():
        await _end(db, [each for each in steps[step] if each.station in told], outcome, now)
    for each in steps[Step.PING]:
        db.add(
            StationProbeRow(
                station=each.station, silent_since=each.facts.last_heard_at, began_at=now
            )
        )
    await db.flush()
    for each in steps[Step.READ]:
        await _read(db, each, now)
    await outbox.append(db, events, recorded_at=now)


def watching(
    database: Database, clock: Clock, limits: SilenceLimits, *, ping_for: timedelta
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return `look_round` as periodic work."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            await look_round(db, limits, now=clock.now(), ping_for=ping_for)

    return run


async def _listening_since(db: AsyncSession, now: datetime) -> datetime:
    """Return since when stations could be heard, and note that the watch looks round."""
    row = (
        await db.execute(text("select ran_at, listening_since from silence_rounds for update"))
    ).first()
    nodes_since = await db.scalar(
        text("select min(started_at) from nodes where lease_until > clock_timestamp()")
    )
    before = None if row is None else (row.ran_at, row.listening_since)
    since = listening_since(before, now, nodes_since=nodes_since)
    await db.execute(_ROUND, {"now": now, "since": since})
    return since


async def _candidates(db: AsyncSession, limits: SilenceLimits, now: datetime) -> Sequence[_Found]:
    values = {
        "now": now,
        "pending_s": int(limits.pending_after.total_seconds()),
        "offline_s": int(limits.offline_after.total_seconds()),
    }
    return [_found(row) for row in await db.execute(_CANDIDATES, values)]


def _found(row: Any) -> _Found:
    probe = None
    if row.probe_id is not None:
        probe = Probe(
            silent_since=row.silent_since,
            began_at=row.began_at,
            read_at=row.read_at,
            is_answered=row.is_answered,
            is_over=row.command_state is not None and CommandState(row.command_state) in FINAL,
        )
    return _Found(
        StationId(row.station),
        OrganisationKey(row.organisation),
        OcppVersion(row.version),
        Watched(
            last_heard_at=row.last_heard_at,
            connected_at=row.connected_at,
            is_connected=row.is_connected,
            is_offline=row.is_offline,
            back_since=row.back_since,
            limits=SilenceLimits(
                timedelta(seconds=row.pending_s), timedelta(seconds=row.offline_s)
            ),
            probe=probe,
        ),
        row.probe_id,
    )


async def _tell_offline(db: AsyncSession, lost: Sequence[_Found]) -> set[str]:
    """Note who is offline; who was heard since this round began is not."""
    if not lost:
        return set()
    rows = await db.scalars(
        _OFFLINE,
        {
            "stations": [each.station for each in lost],
            "heard": [each.facts.last_heard_at for each in lost],
        },
    )
    return set(rows)


async def _note_back(
    db: AsyncSession, found: Sequence[_Found], told: str, since: datetime | None
) -> None:
    if found:
        values = {"stations": [each.station for each in found], "told": told, "since": since}
        await db.execute(_BACK, values)


async def _end(
    db: AsyncSession, found: Sequence[_Found], outcome: ProbeOutcome, now: datetime
) -> None:
    """End the probes of some stations; of those that had none there is none to end."""
    probes = sorted(each.probe_id for each in found if each.probe_id is not None)
    if not probes:
        return
    await db.execute(
        text("""
            update station_probes set ended_at = :now, outcome = :outcome
            where id = any(:probes) and ended_at is null
        """),
        {"now": now, "outcome": outcome, "probes": probes},
    )
    log.info("silence.probed", outcome=str(outcome), stations=len(probes))


async def _read(db: AsyncSession, found: _Found, now: datetime) -> None:
    """Ask a station for something harmless; one that cannot be asked has not answered."""
    command: int | None = None
    harmless = question(found.station, found.owner, found.version)
    try:
        try:
            command = int((await remote.ask(db, harmless, now=now)).id)
        except HarmfulCommand:
            other = replace(
                harmless, action="TriggerMessage", payload={"requestedMessage": "Heartbeat"}
            )
            command = int((await remote.ask(db, other, now=now)).id)
    except ExpectedError as error:
        log.info("silence.not_asked", station_id=found.station, reason=str(error))
    await db.execute(
        text("update station_probes set read_at = :now, command = :command where id = :probe"),
        {"now": now, "command": command, "probe": found.probe_id},
    )


def question(station: StationId, owner: OrganisationKey, version: OcppVersion) -> Request:
    """Return what a silent station is asked: its heartbeat interval, which changes nothing."""
    payload: dict[str, Any]
    if version is OcppVersion.V16:
        action, payload = "GetConfiguration", {"key": ["HeartbeatInterval"]}
    else:
        variable = {
            "component": {"name": "OCPPCommCtrlr"},
            "variable": {"name": "HeartbeatInterval"},
        }
        action, payload = "GetVariables", {"getVariableData": [variable]}
    return Request(
        station=station,
        action=action,
        payload=payload,
        asked_by=ASKED_BY,
        asked_by_name="Silence watch",
        door="system",
        asker_organisation=owner,
        reason="system",
        reference="probe",
        priority=_PRIORITY,
        expires_in_s=_EXPIRES_IN_S,
    )


# ---------------------------------------------------------------------------------------- the face


@dataclass(frozen=True, slots=True)
class ProbeCounts:
    """How probes ended in a span of time: those that saved an alarm, and those that did not."""

    saved: int
    closed: int
    no_answer: int


async def probe_counts(
    db: AsyncSession,
    scope: Scope,
    *,
    start: datetime,
    end: datetime,
    station: StationId | None = None,
) -> ProbeCounts:
    """Count the probes that ended in [start, end) at the stations in scope, or at one of them."""
    query = (
        select(StationProbeRow.outcome, func.count())
        .join(
            StationOwnerRow,
            (StationOwnerRow.station == StationProbeRow.station)
            & StationOwnerRow.valid_to.is_(None),
        )
        .where(StationProbeRow.ended_at >= start, StationProbeRow.ended_at < end)
        .group_by(StationProbeRow.outcome)
    )
    if scope.organisations is not None:
        query = query.where(
            StationOwnerRow.organisation.in_(scope.organisations)
            | StationProbeRow.station.in_(scope.shared)
        )
    if station is not None:
        query = query.where(StationProbeRow.station == station)
    counted = {row[0]: row[1] for row in await db.execute(query)}
    return ProbeCounts(
        counted.get(ProbeOutcome.HEARD, 0),
        counted.get(ProbeOutcome.CLOSED, 0),
        counted.get(ProbeOutcome.NO_ANSWER, 0),
    )
