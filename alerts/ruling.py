"""Face: if/then rules: read, set up, tried out, taken away; and the round that asks what they say.

Rules exist from a tier on. Where an account drops below it they are suspended, not deleted: what
they had found is over, and they come back with the tier.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, licensing
from accounts.audit import Actor
from accounts.directory import WHOLE, Scope
from alerts import job_store, raising, watch_rules
from alerts import rule_store as store
from alerts.detecting import gone
from alerts.detection_jobs import Group
from alerts.detections import Detection
from alerts.rule_rehearsal import KEPT, OVER, Fired, rehearsed
from alerts.rule_store import Firing as Firing
from alerts.watch_rules import CONSECUTIVE_MAX, Measured, Rule
from foundation.clock import Clock
from foundation.database import Database, Joint
from foundation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from foundation.identifiers import OrganisationKey, StationId
from foundation.mail import InvalidAddress, check_address
from foundation.message_signing import OLD_SECRET_LASTS, new_secret, shown_secret
from foundation.networks import Network
from foundation.outgoing_http import checked_url
from foundation.sealing import Sealer

CRON: Final = "* * * * *"
"""Every minute."""
FUNCTION: Final = "if_then"
"""Of `accounts.tiers.FUNCTIONS`."""
PURPOSE: Final = "watch rule"
"""What its webhook's URL is sealed for."""
SIGNING: Final = "watch rule's secret"
"""What the secret of its calls is sealed for."""
POINTS_MAX: Final = 50
"""How many charge points a rehearsal looks at."""
READINGS_MAX: Final = 2000
"""How many readings of each."""

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

    async def over(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        location: str | None,
        points: Sequence[tuple[StationId, int]] | None,
        since: datetime,
        until: datetime,
        most_points: int,
        most: int,
    ) -> tuple[int, Sequence[Readings]]:
        """Return how many charge points there are, and what some measured, the newest first."""
        ...


def join(database: Database, meters: Meters) -> None:
    """Say for a database who knows what was measured."""
    _JOINED.join(database, meters)


# ------------------------------------------------------------------------------------- reading


async def rules(db: AsyncSession, scope: Scope) -> list[Rule]:
    """Return rules by number."""
    return await store.rules(db, scope)


async def rule(db: AsyncSession, scope: Scope, number: int) -> Rule:
    """Return a rule.

    Raises:
        NotFound: If there is none of this number in scope.
    """
    for each in await store.rules(db, scope, number=number):
        return each
    raise NotFound("rule", str(number))


async def suspension(
    db: AsyncSession, organisation: OrganisationKey, *, now: datetime
) -> NotPermitted | None:
    """Return why an organisation's rules rest, as its account's tier says; None: they do not."""
    granted = await licensing.entitlement_of(db, organisation, now=now)
    return None if granted is None else granted.refusal_of_function(FUNCTION)


async def firings(
    db: AsyncSession, scope: Scope, found: Rule, *, before: int | None = None, limit: int = 50
) -> list[Firing]:
    """Return when a rule fired and where, at stations in scope, the newest first."""
    return await store.firings(db, scope, found.cause, before=before, limit=limit)


async def fired(
    db: AsyncSession, found: Collection[Rule], *, since: datetime
) -> Mapping[int, tuple[int, datetime]]:
    """Return how often rules fired since a moment, and when last; one that did not is missing."""
    counts = await store.fired(db, {each.cause for each in found}, since)
    return {each.id: counts[each.cause] for each in found if each.cause in counts}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rule would have done: how many charge points it has, and were looked at."""

    fired: Sequence[Fired]
    points: int
    looked_at: int
    over: timedelta = OVER


async def rehearse(db: AsyncSession, scope: Scope, wanted: Rule, *, now: datetime) -> Rehearsal:
    """Return when a rule would have fired in the last seven days at stations in scope.

    Nothing is stored.

    Raises:
        InvalidInput: As `watch_rules.checked` says.
        NoSuchGroup: If its group is none of the organisation's.
    """
    made = watch_rules.checked(wanted)
    group = await _group(db, made)
    joined = _JOINED.of(db)
    if joined is None:
        return Rehearsal((), 0, 0)
    side = await directory.below(db, made.organisation)
    total, found = await joined.over(
        db,
        [each for each in side if scope.covers(each)],
        location=made.location,
        points=None if group is None else [(each.station, each.evse_id) for each in group.points],
        since=now - OVER - KEPT,
        until=now,
        most_points=POINTS_MAX,
        most=READINGS_MAX,
    )
    members = None if group is None else group.points
    results = rehearsed(made, [_measured(each) for each in found], now - OVER, now, members)
    return Rehearsal(results, total, len(found))


# ------------------------------------------------------------------------------------ changing


class NoSuchGroup(InvalidInput):
    """The group of a rule is none of its organisation's."""

    code = "no_such_group"

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no group {number}.", field="group")


@dataclass(frozen=True, slots=True)
class Ways:
    """What a webhook needs: its URL is sealed, and leads only where it may.

    Attributes:
        sealer: Seals URLs, which may hold secrets.
        allowed: Networks that are not public and may be called all the same.
    """

    sealer: Sealer
    allowed: tuple[Network, ...]


async def set_rule(
    db: AsyncSession,
    wanted: Rule,
    *,
    url: str | None = None,
    ways: Ways | None = None,
    by: Actor,
    now: datetime,
) -> Rule:
    """Make a rule (number 0), or change it.

    Args:
        db: The unit of work.
        wanted: As it shall be; its webhook is kept, or none.
        url: Of another webhook.
        ways: Needed where there is one.
        by: Who.
        now: When.

    Raises:
        TierTooLow: If the account's tier has no rules.
        InvalidInput: As `watch_rules.checked` says, or if an address or the URL is none.
        NoSuchGroup: If its group is none of the organisation's.
    """
    refusal = await suspension(db, wanted.organisation, now=now)
    if refusal is not None:
        raise refusal
    made = watch_rules.checked(replace(wanted, name=wanted.name.strip()))
    made = replace(made, mails=tuple(dict.fromkeys(made.mails)))
    for each in made.mails:
        try:
            check_address(each)
        except InvalidAddress as error:
            error.field = "mails"
            raise
    await _group(db, made)
    sealed = None
    if url is not None:
        assert ways is not None, "a webhook needs a sealer"
        try:
            target = checked_url(url.strip(), ways.allowed)
        except InvalidInput as error:
            error.field = "webhook"
            raise
        parts = urlsplit(target)
        made = replace(made, webhook=f"{parts.scheme}://{parts.netloc}/…")
        sealed = ways.sealer.seal(target.encode(), PURPOSE)
    return replace(made, id=await store.save(db, made, sealed=sealed, by=by.id, now=now))


async def _group(db: AsyncSession, wanted: Rule) -> Group | None:
    if wanted.group is None:
        return None
    own = Scope(frozenset({wanted.organisation}))
    for each in await job_store.groups(db, own, [wanted.group]):
        return each
    raise NoSuchGroup(wanted.group)


async def switch(db: AsyncSession, found: Rule, *, is_on: bool, by: Actor, now: datetime) -> Rule:
    """Switch a rule on or off; switched off, what it found is over with the next round.

    Raises:
        TierTooLow: If it is to be on, and the account's tier has no rules.
    """
    refusal = await suspension(db, found.organisation, now=now)
    if is_on and refusal is not None:
        raise refusal
    made = replace(found, is_active=is_on)
    await store.save(db, made, by=by.id, now=now)
    return made


class NoProgram(Conflict):
    """A rule tells no program: there is nothing to sign."""

    code = "no_program"

    def __init__(self, number: int) -> None:
        super().__init__(f"Rule {number} tells no program.")


async def rotate_secret(db: AsyncSession, number: int, *, sealer: Sealer, now: datetime) -> str:
    """Make a fresh secret for the calls of a rule, and return it; it is never shown again.

    For a day calls are signed with the one before it too.

    Raises:
        NoProgram: If the rule tells none.
    """
    program = await store.program(db, number)
    if program is None:
        raise NoProgram(number)
    secret = new_secret()
    await store.set_secret(
        db,
        number,
        sealer.seal(secret, SIGNING),
        old=program.secret,
        old_until=None if program.secret is None else now + OLD_SECRET_LASTS,
    )
    return shown_secret(secret)


async def keys_of(
    db: AsyncSession, number: int, program: store.Program, *, sealer: Sealer, now: datetime
) -> tuple[bytes, ...]:
    """Return what a call of a rule is signed with now; its first secret is made here."""
    if program.secret is None:
        secret = new_secret()
        await store.set_secret(db, number, sealer.seal(secret, SIGNING))
        return (secret,)
    sealed = [program.secret]
    if program.old_secret is not None and program.old_secret_until is not None:
        sealed += [program.old_secret] if now < program.old_secret_until else []
    return tuple(sealer.unseal(each, SIGNING) for each in sealed)


async def remove_rule(db: AsyncSession, number: int, *, by: Actor, now: datetime) -> None:
    """Take a rule away; what it found is over with the next round."""
    await store.remove(db, number, by=by.id, now=now)


# ------------------------------------------------------------------------------------- running


async def look(db: AsyncSession, *, now: datetime) -> None:
    """Report what the rules say now, and what they said before and no longer do."""
    joined = _JOINED.of(db)
    active = [each for each in await store.rules(db, WHOLE) if each.is_active]
    numbers = {each.group for each in active if each.group is not None}
    groups = {each.id: each.points for each in await job_store.groups(db, WHOLE, numbers)}
    found = []
    for organisation in sorted({each.organisation for each in active}):
        if joined is None or await suspension(db, organisation, now=now) is not None:
            continue
        side = await directory.below(db, organisation)
        newest = await joined.newest(db, side, since=now - KEPT, most=CONSECUTIVE_MAX)
        points = [_measured(each) for each in newest]
        for each in active:
            if each.organisation == organisation:
                members = None if each.group is None else groups.get(each.group, ())
                found += watch_rules.findings(each, points, now, members)
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
