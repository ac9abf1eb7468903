"""What if/then rules have done at stations: one step, once each time that a rule fires.

Like first aid it ends nobody's session, leaves stations alone that are being worked at, and a
station gets only so many steps a day. What could not be done stays on file with its reason: it is
not done later, for the moment was the rule's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from alerts import alerting, ruling
from alerts.detections import Detection
from alerts.life import Fault
from alerts.watch_rules import Rule, rule_of
from csms import charging, registry
from csms.connectivity import SilenceLimits
from csms.registry import Station
from foundation.clock import Clock
from foundation.database import savepoint
from foundation.errors import ExpectedError, NotFound
from foundation.events import AlertChanged
from foundation.identifiers import StationId
from foundation.outbox import Delivery, Subscription
from support import first_aid_store, maintenance_store
from support.asking import ask_step
from support.first_aid import HARMLESS_TO_SESSIONS, Step
from support.rule_tables import WatchRuleDeedRow

log = structlog.get_logger(__name__)

READER: Final = "rule deeds"
KINDS: Final = (AlertChanged.kind,)
ASKER: Final = "rule"
_BEGINS_WITH: Final = frozenset({"raised", "grown"})


class Refusal(StrEnum):
    """Why a rule's step was not tried."""

    SESSION = "session"
    WINDOW = "window"
    BUDGET = "budget"
    CONNECTION = "connection"
    OTHER = "other"
    """First aid is at work there."""
    NOT_POSSIBLE = "not_possible"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class RuleDeed:
    """A step that a rule had tried, or why it was not."""

    rule: int
    alert: int
    fault: int
    station: StationId
    step: Step
    done_at: datetime
    command_id: str | None
    refused: Refusal | None


@dataclass(frozen=True, slots=True)
class RuleDeeds:
    """Has done what rules say."""

    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Take what happened to alerts of rules."""
        for each in deliveries:
            event = each.event
            assert isinstance(event, AlertChanged)
            if event.detection == Detection.RULE and event.change in _BEGINS_WITH:
                await act(db, event.alert_id, now=self.clock.now())


def subscription(clock: Clock) -> Subscription:
    """Return the reader for the program."""
    return Subscription(READER, KINDS, RuleDeeds(clock))


async def wants_ticket(db: AsyncSession, event: AlertChanged) -> bool:
    """Tell whether a rule that fired asks for a ticket."""
    if event.detection != Detection.RULE or event.change not in _BEGINS_WITH:
        return False
    sheet = await alerting.alert(db, WHOLE, event.alert_id)
    found = [await _rule(db, each) for each in sheet.faults]
    return any(each is not None and each.opens_ticket for each in found)


async def act(db: AsyncSession, alert: int, *, now: datetime) -> None:
    """Do for each place of an alert what its rule says, if that was not done."""
    sheet = await alerting.alert(db, WHOLE, alert)
    done = {each.fault for each in await deeds_of(db, [each.id for each in sheet.faults])}
    for fault in sheet.faults:
        rule = await _rule(db, fault)
        if rule is None or rule.step is None or fault.id in done or fault.station is None:
            continue
        reference, refused = await _try(db, rule, rule.step, fault, fault.station, alert, now)
        log.info("rule.step", rule=rule.id, station=fault.station, refused=refused)
        db.add(
            WatchRuleDeedRow(
                rule=rule.id,
                alert=alert,
                fault=fault.id,
                organisation=fault.organisation,
                station=fault.station,
                deed=rule.step,
                done_at=now,
                reference=reference,
                refused=refused,
            )
        )
        await db.flush()


async def _rule(db: AsyncSession, fault: Fault) -> Rule | None:
    number = rule_of(fault.cause)
    if number is None:
        return None
    try:
        return await ruling.rule(db, WHOLE, number)
    except NotFound:
        return None


async def _try(
    db: AsyncSession,
    rule: Rule,
    step: Step,
    fault: Fault,
    identity: StationId,
    alert: int,
    now: datetime,
) -> tuple[str | None, Refusal | None]:
    """Return the number of the command, or why there is none."""
    try:
        station = await registry.station(db, WHOLE, identity, now, limits=SilenceLimits())
    except NotFound:
        return None, Refusal.NOT_POSSIBLE
    refused = await _refusal(db, rule, step, station, now)
    if refused is not None:
        return None, refused
    try:
        async with await savepoint(db):
            command = await ask_step(
                db,
                step,
                station,
                evse_id=fault.evse_id,
                connector_id=fault.connector_id,
                hours=rule.step_hours,
                asker=ASKER,
                asker_name=rule.name,
                organisation=rule.organisation,
                reference=f"rule {rule.id}/alert {alert}",
                key=f"rule-{rule.id}-{fault.id}",
                now=now,
            )
    except ExpectedError:
        return None, Refusal.NOT_SENT
    return (None, Refusal.NOT_POSSIBLE) if command is None else (command.id, None)


async def _refusal(
    db: AsyncSession, rule: Rule, step: Step, station: Station, now: datetime
) -> Refusal | None:
    """Return why a step is not tried at a station now."""
    zone = ZoneInfo(station.time_zone)
    today = datetime.combine(now.astimezone(zone).date(), time(0), zone)
    if await used_since(db, station.identity, today) >= rule.steps_per_day:
        return Refusal.BUDGET
    if await maintenance_store.running_at(db, [station.identity], now):
        return Refusal.WINDOW
    if step not in HARMLESS_TO_SESSIONS and await charging.transactions(
        db, WHOLE, station=station.identity, states=["active"], limit=1
    ):
        return Refusal.SESSION
    if await first_aid_store.is_busy(db, station.identity, but=0):
        return Refusal.OTHER
    return None if station.connected else Refusal.CONNECTION


async def used_since(db: AsyncSession, station: StationId, since: datetime) -> int:
    """Return how many steps rules had tried at a station since then."""
    found = await db.scalar(
        select(func.count()).where(
            WatchRuleDeedRow.station == station,
            WatchRuleDeedRow.done_at >= since,
            WatchRuleDeedRow.reference.is_not(None),
        )
    )
    return found or 0


async def deeds_of(db: AsyncSession, faults: Collection[int]) -> list[RuleDeed]:
    """Return what rules had done about faults, the caller's to see."""
    if not faults:
        return []
    rows = await db.scalars(
        select(WatchRuleDeedRow)
        .where(WatchRuleDeedRow.fault.in_(sorted(faults)))
        .order_by(WatchRuleDeedRow.id)
    )
    return [
        RuleDeed(
            row.rule,
            row.alert,
            row.fault,
            StationId(row.station),
            Step(row.deed),
            row.done_at,
            row.reference,
            None if row.refused is None else Refusal(row.refused),
        )
        for row in rows
    ]
