"""Face: if/then rules: read, set up, taken away; and the round that asks what they say now.

Rules exist from a tier on. Where an account drops below it they are suspended, not deleted: what
they had found is over, and they come back with the tier.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, licensing
from accounts.audit import Actor
from accounts.directory import WHOLE, Scope
from alerts import job_store, raising, watch_rules
from alerts import rule_store as store
from alerts.detecting import gone
from alerts.detections import Detection
from alerts.watch_rules import CONSECUTIVE_MAX, FRESH, Measured, Rule
from foundation.clock import Clock
from foundation.database import Database, Joint
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId

CRON: Final = "* * * * *"
"""Every minute."""
FUNCTION: Final = "if_then"
"""Of `accounts.tiers.FUNCTIONS`."""

_JOINED: Final[Joint["Meters"]] = Joint("alerts.measured")


class Readings(Protocol):
    """The newest readings of a charge point, the newest first."""

    @property
    def station(self) -> StationId: ...
    @property
    def evse_id(self) -> int: ...
    @property
    def organisation(self) -> OrganisationKey: ...
    @property
    def location(self) -> str | None: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def readings(self) -> Sequence[tuple[datetime, Sequence[Mapping[str, object]]]]: ...


class Meters(Protocol):
    """What charge points measured; fulfilled by csms, joined in `app/compose.py`."""

    async def newest(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        since: datetime,
        most: int,
    ) -> Sequence[Readings]:
        """Return, of charge points that measured something since a moment, the newest readings."""
        ...


def join(database: Database, meters: Meters) -> None:
    """Say for a database who knows what was measured."""
    _JOINED.join(database, meters)


async def rules(db: AsyncSession, scope: Scope) -> list[Rule]:
    """Return rules by number."""
    return await store.rules(db, scope)


async def rule(db: AsyncSession, scope: Scope, number: int) -> Rule:
    """Return a rule.

    Raises:
        NotFound: If there is none of this number in scope.
    """
    for each in await store.rules(db, scope):
        if each.id == number:
            return each
    raise NotFound("rule", str(number))


async def set_rule(db: AsyncSession, wanted: Rule, *, by: Actor, now: datetime) -> Rule:
    """Make a rule (number 0), or change it.

    Raises:
        TierTooLow: If the account's tier has no rules.
        InvalidInput: As `watch_rules.checked` says.
    """
    granted = await licensing.entitlement_of(db, wanted.organisation, now=now)
    refusal = None if granted is None else granted.refusal_of_function(FUNCTION)
    if refusal is not None:
        raise refusal
    made = watch_rules.checked(wanted)
    return replace(made, id=await store.save(db, made, by=by.id, now=now))


async def remove_rule(db: AsyncSession, number: int, *, by: Actor, now: datetime) -> None:
    """Take a rule away; what it found is over with the next round."""
    await store.remove(db, number, by=by.id, now=now)


async def look(db: AsyncSession, *, now: datetime) -> None:
    """Report what the rules say now, and what they said before and no longer do."""
    joined = _JOINED.of(db)
    active = [each for each in await store.rules(db, WHOLE) if each.is_active]
    found = []
    suspended: dict[OrganisationKey, bool] = {}
    for organisation in sorted({each.organisation for each in active}):
        granted = await licensing.entitlement_of(db, organisation, now=now)
        suspended[organisation] = (
            granted is not None and granted.refusal_of_function(FUNCTION) is not None
        )
    for organisation, is_suspended in suspended.items():
        if is_suspended or joined is None:
            continue
        side = await directory.below(db, organisation)
        newest = await joined.newest(db, side, since=now - FRESH * 2, most=CONSECUTIVE_MAX)
        points = [_measured(each) for each in newest]
        for each in active:
            if each.organisation == organisation:
                found += watch_rules.findings(each, points, now)
    keys = {each.key for each in found}
    over = [
        finding
        for fault in await job_store.open_faults(db, Detection.RULE)
        if (finding := gone(Detection.RULE, fault, now)).key not in keys
    ]
    await raising.report(db, [*found, *over], now=now)


def _measured(readings: Readings) -> Measured:
    return Measured(
        station=readings.station,
        evse_id=readings.evse_id,
        organisation=readings.organisation,
        location=readings.location,
        time_zone=readings.time_zone,
        measurements=[
            watch_rules.measurement(measured_at, samples)
            for measured_at, samples in readings.readings
        ],
    )


def rounds(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the round as periodic work."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            await look(db, now=clock.now())

    return run
