"""How many things wait for somebody: the numbers in the side bar."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from accounts.directory import Scope
from accounts.permissions import Permission
from alerts import alerting
from billing import books
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.settings import Settings
from portal.context import context_of
from portal.guard import Caller
from support import tickets

KEPT_FOR = timedelta(seconds=5)
"""Numbers beside every page may be so old; counting thousands of stations is not free."""
_KEPT_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Counts:
    """Stations with a fault or that wait for acceptance, sessions held, tickets and alerts open."""

    faulted: int = 0
    waiting: int = 0
    held: int = 0
    tickets: int = 0
    alerts: int = 0


def silence_limits(settings: Settings) -> SilenceLimits:
    """When silence counts as pending or offline in this installation."""
    return SilenceLimits(
        timedelta(seconds=settings.pending_after_s), timedelta(seconds=settings.offline_after_s)
    )


async def counts_for(request: Request, db: AsyncSession, caller: Caller, now: datetime) -> Counts:
    """Return what waits for this person; things outside the caller's scope do not count."""
    kept = _kept(request)
    key = _key(caller.scope)
    known = kept.get(key)
    if known is not None and timedelta(0) <= now - known[0] < KEPT_FOR:
        return known[1]
    limits = silence_limits(context_of(request).settings)
    stations = await registry.station_counts(db, caller.scope, now, limits=limits)
    held = (
        len(await books.held(db, caller.scope)) if caller.may(Permission.TRANSACTIONS_READ) else 0
    )
    opened = (
        await tickets.open_tickets(db, caller.scope) if caller.may(Permission.TICKETS_READ) else 0
    )
    raised = await alerting.count(db, caller.scope) if caller.may(Permission.STATIONS_READ) else 0
    counted = Counts(stations.faulted, stations.waiting, held, opened, raised)
    if len(kept) >= _KEPT_AT_MOST:
        kept.clear()
    kept[key] = (now, counted)
    return counted


def forget_counts(request: Request) -> None:
    """Count again at the next page: something was just decided."""
    _kept(request).clear()


def _key(scope: Scope) -> Hashable:
    """What makes two people see the same: their organisations and the stations shared with them."""
    return scope.organisations, frozenset(scope.shared.items())


def _kept(request: Request) -> dict[Hashable, tuple[datetime, Counts]]:
    state = request.app.state
    if not hasattr(state, "page_counts"):
        state.page_counts = {}
    found: dict[Hashable, tuple[datetime, Counts]] = state.page_counts
    return found
