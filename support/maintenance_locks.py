"""What a maintenance window's lock does: EVSEs out of service, or test cards alone.

A window without test cards takes its EVSEs out of service by commands (`look_after`, every
minute), and puts them back at its end. One with test cards leaves them in service, or nobody could
try them, and lets in those cards alone (`Workshop`, around whoever else decides about cards).
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import structlog
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from csms import registry, remote
from csms.connectivity import SilenceLimits
from csms.queue import AVAILABILITY, LONGEST_EXPIRY, Request
from csms.registry import Station
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError
from foundation.identifiers import StationId
from foundation.statements import Asked, Tuples
from support import maintenance
from support.maintenance import Lock, Window, WindowState
from support.maintenance_store import value_of
from support.maintenance_tables import MaintenanceWindowRow as Row

log = structlog.get_logger(__name__)

CRON: Final = "* * * * *"
ASKER: Final = "maintenance"
_ASKER_NAME: Final = "Maintenance window"
_OUT_OF_SERVICE: Final = "Unavailable"

# -------------------------------------------------------------------------- out of service


def looking_after(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return `look_after` as periodic work."""

    async def run() -> None:
        await look_after(database, clock)

    return run


async def look_after(database: Database, clock: Clock) -> None:
    """Lock what has begun, unlock what is over; each window in a unit of work of its own."""
    now = clock.now()
    async with database.unit_of_work() as db:
        rows = await db.scalars(
            select(Row)
            .where(
                Row.locks,
                Row.withdrawn_at.is_(None),
                Row.unlocked_at.is_(None),
                or_(Row.starts_at <= now, Row.locked_evses.is_not(None)),
            )
            .order_by(Row.ends_at, Row.id)  # one ends before the next one begins
        )
        due = [value_of(each) for each in rows]
    for each in due:
        try:
            async with database.unit_of_work() as db:
                await _settle(db, each, now)
        except ExpectedError as error:  # tried again in a minute
            log.warning("maintenance.not_locked", window=each.id, why=str(error))


async def _settle(db: AsyncSession, window: Window, now: datetime) -> None:
    row = await db.scalar(
        select(Row)
        .where(Row.id == window.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    assert row is not None, "windows are never deleted"
    window = value_of(row)
    is_over = window.state(now) is not WindowState.RUNNING
    if window.unlocked_at is not None:
        return
    if is_over:
        for evse_id in window.locked_evses or ():
            await _ask(db, window, evse_id, "Operative", LONGEST_EXPIRY, now)
        row.unlocked_at = now
    elif window.locked_evses is None and not window.plan.test_tokens:
        station = await registry.station(db, WHOLE, window.station, now, limits=SilenceLimits())
        evses = to_lock(station, window)
        left = min(LONGEST_EXPIRY, window.plan.ends_at - now)
        for evse_id in evses:
            await _ask(db, window, evse_id, "Inoperative", left, now)
        row.locked_evses = list(evses)


def to_lock(station: Station, window: Window) -> tuple[int, ...]:
    """Return the EVSEs to take out of service: what is so already stays so at the end, too."""
    return tuple(
        each.evse_id
        for each in station.evses
        if each.evse_id > 0
        and (not window.plan.evses or each.evse_id in window.plan.evses)
        and not all(connector.status == _OUT_OF_SERVICE for connector in each.connectors)
    )


async def _ask(
    db: AsyncSession,
    window: Window,
    evse_id: int,
    wanted: str,
    lasts: timedelta,
    now: datetime,
) -> None:
    station = await registry.station(db, WHOLE, window.station, now, limits=SilenceLimits())
    await remote.ask(
        db,
        Request(
            station=window.station,
            action=AVAILABILITY,
            payload=availability(station.ocpp_version, evse_id, wanted),
            asked_by=ASKER,
            asked_by_name=_ASKER_NAME,
            door="system",
            asker_organisation=window.organisation,
            reason="system",
            reference=f"maintenance/{window.id}",
            when_offline="queue",
            expires_in_s=max(1, int(lasts.total_seconds())),
            idempotency_key=f"maintenance-{window.id}-{evse_id}-{wanted}",
        ),
        now=now,
    )


def availability(version: str | None, evse_id: int, wanted: str) -> dict[str, Any]:
    """Return the payload that takes an EVSE out of service, or puts it back."""
    if version == "1.6":
        return {"connectorId": evse_id, "type": wanted}
    return {"operationalStatus": wanted, "evse": {"id": evse_id}}


# ---------------------------------------------------------------------------- test cards alone


class _Presented(Protocol):
    """A card that somebody holds to a station (`csms.handlers.context.Presented`)."""

    @property
    def station(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def token_key(self) -> str: ...


class Door(Protocol):
    """Who else decides about cards (`csms.handlers.context.AccessControl`)."""

    def rules(self) -> Asked[Any]: ...

    async def refused(
        self, db: AsyncSession, rules: Any, presented: Sequence[Any]
    ) -> Sequence[bool]: ...


class _Rules(NamedTuple):
    locks: Mapping[str, Sequence[Lock]]
    inner: Any


_LOCKS: Final = """
select (select json_agg(json_build_array(m.station, m.starts_at, m.ends_at, m.test_tokens))::text
  from maintenance_windows as m
  join station_owners as o
    on o.station = m.station and o.valid_to is null and o.organisation = m.organisation
  where m.locks and m.withdrawn_at is null and m.unlocked_at is null
    and m.evses = '{}' and m.test_tokens <> '{}'), inner_rules.*
from (%s) as inner_rules
"""


class Workshop:
    """Lets test cards alone in where a window says so; else asks whoever decides about cards.

    Fulfils `csms.handlers.context.AccessControl`. A test card is let in outside of the operating
    hours, too: whoever works there tries the station when nobody charges.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def rules(self) -> Asked[_Rules | None]:
        """Ask for the locks and the door's own rules, in one statement; None if there are none."""
        inner = self._door.rules()
        assert not inner.values, "the door's statement is taken into ours as it is"

        def read(found: Tuples) -> _Rules | None:
            locks = {} if found[0][0] is None else _decoded(found[0][0])
            its = inner.read([row[1:] for row in found])
            return None if its is None and not locks else _Rules(locks, its)

        return Asked(_LOCKS % inner.query, [], read)

    async def refused(
        self, db: AsyncSession, rules: Any, presented: Sequence[_Presented]
    ) -> list[bool]:
        """Return which of the cards may not charge where they are held to a station."""
        assert isinstance(rules, _Rules)
        verdicts = [
            maintenance.verdict(rules.locks, each.station, each.token_key, each.at)
            for each in presented
        ]
        refused = [verdict is False for verdict in verdicts]
        others = [place for place, verdict in enumerate(verdicts) if verdict is None]
        if rules.inner is not None and others:
            its = await self._door.refused(db, rules.inner, [presented[each] for each in others])
            for place, is_refused in zip(others, its, strict=True):
                refused[place] = is_refused
        return refused


@lru_cache(maxsize=16)  # asked for with each batch of cards, and seldom changed
def _decoded(document: str) -> dict[str, list[Lock]]:
    found: dict[str, list[Lock]] = {}
    for station, starts_at, ends_at, tokens in msgspec.json.decode(
        document, type=list[tuple[StationId, datetime, datetime, list[str]]]
    ):
        found.setdefault(station, []).append(Lock(starts_at, ends_at, tuple(tokens)))
    return found
