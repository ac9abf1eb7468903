"""First aid at work: begins when an alert is raised, and looks after what it began every minute."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from accounts.lineage import lineage
from alerts import alerting, monitoring
from alerts.alerting import AlertSheet
from alerts.life import AlertState, Fault
from billing import service_packages
from csms import charging, outcomes, registry
from csms.connectivity import SilenceLimits
from csms.queue import Command
from csms.registry import Station
from foundation.clock import Clock
from foundation.database import Database, savepoint
from foundation.errors import ExpectedError, NotFound
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Delivery, Subscription
from foundation.statements import ask
from support import first_aid, first_aid_store, maintenance_store
from support.asking import ask_step
from support.first_aid import End, Facts, Playbook, Result, Run, Tried, Try, Wait

log = structlog.get_logger(__name__)

READER: Final = "first aid"
KINDS: Final = (AlertChanged.kind,)
CRON: Final = "* * * * *"
ASKER: Final = "first aid"
_ASKER_NAME: Final = "First aid"
_BEGINS_WITH: Final = frozenset({"raised", "grown"})


# ----------------------------------------------------------------------------------- beginning


@dataclass(frozen=True, slots=True)
class FirstAid:
    """Begins first aid for what alerts tell."""

    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Begin a run for each fault that a playbook is about."""
        for each in deliveries:
            event = each.event
            if isinstance(event, AlertChanged) and event.change in _BEGINS_WITH:
                await begin(db, event.alert_id, now=self.clock.now())


def subscription(clock: Clock) -> Subscription:
    """Return first aid's reader for the program."""
    return Subscription(READER, KINDS, FirstAid(clock))


async def begin(db: AsyncSession, alert: int, *, now: datetime) -> None:
    """Begin first aid for the faults of an alert that a playbook is about."""
    known = [each for each in await first_aid_store.playbooks(db, WHOLE) if each.is_on]
    if not known:
        return
    sheet = await alerting.alert(db, WHOLE, alert)
    if sheet.alert.state is not AlertState.OPEN or sheet.alert.acknowledged_at is not None:
        return
    runs: list[Run] = []
    for fault in sheet.faults:
        if fault.station is None or fault.over_at is not None or not fault.is_present:
            continue
        playbook = await _playbook_for(db, fault, fault.station, known, now)
        if playbook is not None:
            runs.append(_run(alert, fault, fault.station, playbook, now))
    await first_aid_store.begin(db, runs)


async def _playbook_for(
    db: AsyncSession,
    fault: Fault,
    identity: StationId,
    known: Sequence[Playbook],
    now: datetime,
) -> Playbook | None:
    try:
        station = await _station(db, identity, now)
    except NotFound:
        return None
    found = first_aid.chosen(
        known,
        organisations=await upwards(db, station.organisation),
        detection=fault.detection,
        cause=fault.cause,
        vendor=station.vendor,
        model=station.model,
    )
    if found is None or not await is_looked_after(db, station, now):
        return None
    return found


def _run(alert: int, fault: Fault, station: StationId, playbook: Playbook, now: datetime) -> Run:
    return Run(
        id=0,
        alert=alert,
        organisation=fault.organisation,
        station=station,
        evse_id=fault.evse_id,
        connector_id=fault.connector_id,
        playbook=playbook.id,
        steps=playbook.steps,
        per_day=playbook.per_day,
        settles_min=playbook.settles_min,
        out_hours=playbook.out_hours,
        began_at=now,
        due_at=now,
    )


# -------------------------------------------------------------------------------- looking after


def looking_after(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return `look_after` as periodic work."""

    async def run() -> None:
        await look_after(database, clock)

    return run


async def look_after(database: Database, clock: Clock) -> None:
    """See to every run that is due, each in a unit of work of its own."""
    now = clock.now()
    async with database.unit_of_work() as db:
        due = await first_aid_store.due(db, now)
    for number in due:
        async with database.unit_of_work() as db:
            found = await first_aid_store.locked(db, number)
            if found is not None:
                await first_aid_store.save(db, await _seen_to(db, found, now))


async def _seen_to(db: AsyncSession, run: Run, now: datetime) -> Run:
    """Return a run after what is to be done for it now."""
    run = await _with_result(db, run, now)
    try:
        station = await _station(db, run.station, now)
    except NotFound:
        return _ended(run, End(first_aid.Outcome.SWITCHED_OFF), now)
    deed = first_aid.next_deed(run, await _facts(db, run, station, now), now)
    if isinstance(deed, End):
        return _ended(run, deed, now)
    if isinstance(deed, Wait):
        return replace(run, due_at=deed.until, waits_for=deed.why)
    tried = await _try(db, run, station, deed, now)
    return replace(
        run, tried=(*run.tried, tried), due_at=now + first_aid.LOOKS_EVERY, waits_for=None
    )


def _ended(run: Run, end: End, now: datetime) -> Run:
    log.info("first_aid.over", run=run.id, station=run.station, outcome=end.outcome)
    return replace(run, outcome=end.outcome, over_at=now, waits_for=None)


async def _with_result(db: AsyncSession, run: Run, now: datetime) -> Run:
    """Return a run with what became of the command that was under way, if that is known."""
    if not run.tried or run.tried[-1].result is not None:
        return run
    last = run.tried[-1]
    assert last.command_id is not None, "what was not asked has its result at once"
    command = await outcomes.command(db, last.command_id, WHOLE)
    result = first_aid.result_of(command.state)
    if result is None:
        return run
    ended = replace(last, result=result, ended_at=now, note=_note(command))
    return replace(run, tried=(*run.tried[:-1], ended))


def _note(command: Command) -> str | None:
    return None if command.failure is None else command.failure.value


async def _try(db: AsyncSession, run: Run, station: Station, deed: Try, now: datetime) -> Tried:
    try:
        async with await savepoint(db):
            command = await ask_step(
                db,
                deed.step,
                station,
                evse_id=run.evse_id,
                connector_id=run.connector_id,
                hours=run.out_hours,
                asker=ASKER,
                asker_name=_ASKER_NAME,
                organisation=run.organisation,
                reference=f"first aid/alert {run.alert}",
                key=f"first-aid-{run.id}-{len(run.tried)}",
                now=now,
            )
    except ExpectedError as error:
        return Tried(deed.step, now, Result.NOT_SENT, now, note=str(error))
    if command is None:
        return Tried(deed.step, now, Result.NOT_POSSIBLE, now)
    return Tried(deed.step, now, command_id=command.id)


async def _facts(db: AsyncSession, run: Run, station: Station, now: datetime) -> Facts:
    sheet = await alerting.alert(db, WHOLE, run.alert)
    try:
        playbook = await first_aid_store.playbook(db, WHOLE, run.playbook)
        is_on = playbook.is_on
    except NotFound:
        is_on = False
    return replace(
        await facts_of(db, station, now, but=run.id),
        is_present=_is_present(sheet, run),
        is_taken=sheet.alert.acknowledged_at is not None,
        is_allowed=is_on
        and station.organisation == run.organisation
        and await is_looked_after(db, station, now),
    )


async def facts_of(db: AsyncSession, station: Station, now: datetime, *, but: int = 0) -> Facts:
    """Return how a station stands, as if it had a fault that first aid may see to.

    Args:
        db: The unit of work.
        station: Which.
        now: The moment.
        but: A run whose own steps do not make the station busy.
    """
    sessions = await charging.transactions(
        db, WHOLE, station=station.identity, states=["active"], limit=1
    )
    windows = await maintenance_store.running_at(db, [station.identity], now)
    zone = ZoneInfo(station.time_zone)
    today = datetime.combine(now.astimezone(zone).date(), time(0), zone)
    return Facts(
        is_present=True,
        is_taken=False,
        is_allowed=True,
        is_charging=bool(sessions),
        is_worked_at=bool(windows),
        is_connected=station.connected,
        is_busy=await first_aid_store.is_busy(db, station.identity, but=but),
        used_today=await first_aid_store.used_since(db, station.identity, today),
    )


def _is_present(sheet: AlertSheet, run: Run) -> bool:
    return sheet.alert.state is AlertState.OPEN and any(
        each.is_present
        and each.over_at is None
        and (each.station, each.evse_id) == (run.station, run.evse_id)
        for each in sheet.faults
    )


async def _station(db: AsyncSession, identity: StationId, now: datetime) -> Station:
    return await registry.station(db, WHOLE, identity, now, limits=SilenceLimits())


async def is_looked_after(db: AsyncSession, station: Station, now: datetime) -> bool:
    """Tell whether a station gets first aid: while it is monitored, in a package that gives it."""
    if not await monitoring.active(db, [station.identity]):
        return False
    found = await service_packages.package_of(db, station.identity, station.organisation, at=now)
    return found is not None and found.first_aid


async def upwards(db: AsyncSession, organisation: OrganisationKey) -> list[OrganisationKey]:
    """Return an organisation and those above it, the nearest first."""
    above = await ask(db, lineage([organisation]))
    found: list[OrganisationKey] = []
    place: OrganisationKey | None = organisation
    while place is not None and place in above:
        found.append(place)
        place = above[place].parent
    return found
