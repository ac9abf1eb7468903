"""Doors of load balancing that the API and the pages share: each change is noted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from csms import balancing, load_balancers, registry
from csms.balancing import Limit, Settings
from csms.load_balancers import Balancer, Decision, OutsideSignal, Point
from csms.registry import Location
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal.guard import Caller

SHOWN_FOR: Final = timedelta(hours=24)
"""Of how long the decisions are plotted."""

_PLOTTED = 2000


@dataclass(frozen=True, slots=True)
class Balanced:
    """A location with all that is to be shown of its balancing.

    `limit` is what holds now; None where it was never set up.
    """

    location: Location
    balancer: Balancer | None
    limit: Limit | None
    signals: Sequence[OutsideSignal]
    points: Sequence[Point]
    last: Decision | None


async def seen(db: AsyncSession, caller: Caller, key: str) -> Location:
    """Return a location of the caller's.

    Raises:
        NotFound: There is none with this key in his scope.
    """
    found = await registry.locations(db, caller.scope, key=key, limit=1)
    if not found:
        raise NotFound("location", key)
    return found[0]


async def balanced(db: AsyncSession, now: datetime, caller: Caller, key: str) -> Balanced:
    """Return how a location that the caller sees is balanced.

    Raises:
        NotFound: There is none with this key in his scope.
    """
    location = await seen(db, caller, key)
    found = await load_balancers.balancer(db, key)
    signals = await load_balancers.signals(db, key, now)
    limit = None
    if found is not None:
        holding = [
            balancing.Signal(
                starts_at=each.starts_at,
                ends_at=each.ends_at,
                limit_a=each.limit_a,
                limit_w=each.limit_w,
                used_a=each.used_a,
            )
            for each in signals
        ]
        limit = balancing.limit_at(found.settings, holding, now, ZoneInfo(location.time_zone))
    decisions = await load_balancers.decisions(db, key, limit=1)
    return Balanced(
        location,
        found,
        limit,
        signals,
        await load_balancers.points(db, key),
        decisions[0] if decisions else None,
    )


async def day(db: AsyncSession, now: datetime, key: str) -> Sequence[Decision]:
    """Return the decisions of the last day, the oldest first."""
    since = now - SHOWN_FOR
    found = await load_balancers.decisions(db, key, since=since, limit=_PLOTTED)
    return list(reversed(found))


async def set_up(
    db: AsyncSession, now: datetime, caller: Caller, key: str, settings: Settings, *, is_on: bool
) -> None:
    """Set how a location is balanced, and whether it is: the order that what is sent rests on.

    Raises:
        NotFound: There is no such location in the caller's scope.
        NotPermitted: He may not configure stations.
        InvalidInput: The settings cannot hold.
    """
    location = await seen(db, caller, key)
    caller.must_have(Permission.COMMANDS_CONFIGURE)
    before = await load_balancers.balancer(db, key)
    made = await load_balancers.set_balancer(
        db, key, settings, is_on=is_on, by=caller.principal.name, now=now
    )
    await caller.note(
        db,
        "load_balancing.set",
        f"location/{key}",
        organisation=OrganisationKey(location.organisation),
        before=None if before is None else _told(before),
        after=_told(made),
        now=now,
    )


async def signal(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    key: str,
    *,
    source: str,
    limit_a: Decimal | None,
    limit_w: Decimal | None,
    used_a: Decimal | None,
    starts_at: datetime | None,
    ends_at: datetime,
) -> OutsideSignal:
    """Take in what somebody outside says; without a beginning from now on.

    Raises:
        NotFound: There is no such location in the caller's scope.
        InvalidInput: With the field that is wrong.
    """
    location = await seen(db, caller, key)
    made = await load_balancers.add_signal(
        db,
        key,
        source=source,
        limit_a=limit_a,
        limit_w=limit_w,
        used_a=used_a,
        starts_at=starts_at or now,
        ends_at=ends_at,
        by=caller.principal.name,
        now=now,
    )
    await caller.note(
        db,
        "load_balancing.signal",
        f"location/{key}",
        organisation=OrganisationKey(location.organisation),
        after={
            "source": made.source,
            "limit_a": made.limit_a,
            "limit_w": made.limit_w,
            "used_a": made.used_a,
            "starts_at": made.starts_at,
            "ends_at": made.ends_at,
        },
        now=now,
    )
    return made


async def end_signal(
    db: AsyncSession, now: datetime, caller: Caller, key: str, number: int
) -> None:
    """End a signal now.

    Raises:
        NotFound: There is no such signal that still holds or is to come.
    """
    location = await seen(db, caller, key)
    await load_balancers.end_signal(db, key, number, now)
    await caller.note(
        db,
        "load_balancing.signal_end",
        f"location/{key}",
        organisation=OrganisationKey(location.organisation),
        after={"signal": number},
        now=now,
    )


async def set_point(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    key: str,
    station: str,
    evse_id: int,
    *,
    most_a: int | None,
    priority: int,
    rotation: str,
) -> Point:
    """Set what is particular to a charge point.

    Raises:
        NotFound: There is no such location or charge point.
        NotPermitted: He may not configure stations.
        InvalidInput: With the field that is wrong.
    """
    location = await seen(db, caller, key)
    caller.must_have(Permission.COMMANDS_CONFIGURE)
    made = await load_balancers.set_point(
        db, key, station, evse_id, most_a=most_a, priority=priority, rotation=rotation
    )
    await caller.note(
        db,
        "load_balancing.point",
        f"station/{station}",
        organisation=OrganisationKey(location.organisation),
        after={
            "evse_id": evse_id,
            "most_a": most_a,
            "priority": priority,
            "rotation": rotation,
        },
        now=now,
    )
    return made


def _told(made: Balancer) -> dict[str, Any]:
    settings = made.settings
    return {
        "is_on": made.is_on,
        "limit_a": settings.limit_a,
        "strategy": settings.strategy,
        "minimum_a": settings.minimum_a,
        "fallback_a": settings.fallback_a,
        "change_every_s": int(settings.change_every.total_seconds()),
        "windows": [
            {
                "days": sorted(each.days),
                "from": clock_of(each.from_minute),
                "to": clock_of(each.to_minute),
                "limit_a": each.limit_a,
            }
            for each in settings.windows
        ],
    }


def clock_of(minute: int) -> str:
    """Return a minute of the day as people write it: 00:00 to 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"
