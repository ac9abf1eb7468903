"""Whether somebody acts by phone, and may: asked of every door to a station."""

from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from foundation.identifiers import OrganisationKey, StationId
from portal.guard import Caller
from support import calls, services_given
from support.hotline import Bar, Service, bar_to_act, refusal


class Place(Protocol):
    """What must be known of a station; `Station` and others have it."""

    @property
    def identity(self) -> StationId: ...

    @property
    def organisation(self) -> OrganisationKey: ...


def is_own(caller: Caller, station: Place) -> bool:
    """Tell whether a station is of the caller's own organisation."""
    return caller.principal.organisation == station.organisation


async def must_be_able_to_act(
    db: AsyncSession, caller: Caller, station: Place, *, is_call: bool = False, now: datetime
) -> None:
    """Refuse what the hotline may not do for a station.

    Whoever has a call about the station running acts by phone, whatever door he comes through.

    Args:
        db: The unit of work of the deed.
        caller: Who acts.
        station: Where.
        is_call: Whether it is done from the console, as part of a call.
        now: The moment.

    Raises:
        Barred: The station is not monitored, or its package has no hotline.
    """
    if is_own(caller, station):
        return
    if not is_call:
        if not caller.may(Permission.CALLS_WRITE):
            return
        running = await calls.calls(
            db, caller.scope, station=station.identity, open_by=caller.principal.id, limit=1
        )
        if not running:
            return
    service = await services_given.service_of(db, station.identity, station.organisation, now=now)
    bar = bar_to_act(service, by_phone=True, is_own=False)
    if bar is not None:
        raise refusal(bar, station.identity, service)


def bar_by_phone(caller: Caller, station: Place, service: Service) -> Bar | None:
    """Return why the caller's hotline may not act, for a page that says so before the click."""
    return bar_to_act(service, by_phone=True, is_own=is_own(caller, station))
