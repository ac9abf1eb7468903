"""Doors of stations' local lists that the API and the pages share."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from csms import list_updates, remote
from csms.list_updates import Asker, LocalList
from csms.local_lists import Entry
from csms.queue import Command, CommandState
from csms.registry import Station
from csms.remote import Addressee
from portal import asking
from portal.certificate_doors import version_of
from portal.guard import Caller


class Place(StrEnum):
    """How a token on a station's list, or on the one it should have, stands there."""

    RIGHT = "right"
    MISSING = "missing"
    """It should be on the list."""
    DIFFERS = "differs"
    """The list says otherwise of it: another group, another end."""
    TOO_MUCH = "too_much"
    """It should not be on the list."""
    UNKNOWN = "unknown"
    """It should be on the list; nobody knows what is."""


@dataclass(frozen=True, slots=True)
class Line:
    """A token of a list; `entry` is as it should be, or as it is where it should not be there."""

    entry: Entry
    place: Place


_CHANGES: Final = (Place.MISSING, Place.DIFFERS, Place.TOO_MUCH)


async def shown(db: AsyncSession, now: datetime, station: Station) -> LocalList:
    """Return what a station holds and should hold.

    Raises:
        StationUnreachable: It never said which version it speaks.
    """
    version = version_of(station)
    return await list_updates.local_list(db, station.identity, station.organisation, version, now)


def lines(found: LocalList) -> list[Line]:
    """Return all tokens that are on a list or should be, what differs first, each by its key."""
    should = found.wanted.entries
    if found.differs is None:
        return [Line(should[key], Place.UNKNOWN) for key in sorted(should)]
    differs = {
        **dict.fromkeys(found.differs.added, Place.MISSING),
        **dict.fromkeys(found.differs.changed, Place.DIFFERS),
        **dict.fromkeys(found.differs.removed, Place.TOO_MUCH),
    }
    both = {**found.held.entries, **should}
    told = [Line(both[key], differs.get(key, Place.RIGHT)) for key in sorted(both)]
    return sorted(told, key=lambda each: each.place not in _CHANGES)


async def bring_up_to_date(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    *,
    change_order: str | None = None,
    once: str | None = None,
    is_page: bool = False,
) -> Command:
    """Have a station's list brought up to date; return the question for its version.

    What is sent follows from the station's answers, in the asker's name.

    Raises:
        NotPermitted: He may not configure stations.
        OrderNeeded: It is somebody else's station, and no standing order covers this.
        UpdateUnderWay: One is under way.
        ExpectedError: As `asking.ask` says.
    """
    caller.must_have(Permission.COMMANDS_CONFIGURE)
    await remote.must_be_covered(
        db,
        Addressee(station.identity, station.organisation),
        list_updates.SENDS,
        change_order,
        acts_for_own=asking.acts_for_own(caller, station),
        now=now,
    )
    await list_updates.must_be_free(db, station.identity, now)
    before = await shown(db, now, station)
    command = await asking.ask(
        db,
        caller,
        station,
        list_updates.ASKS,
        {},
        now=now,
        reason="page" if is_page else "api",
        reference="local-list",
        once=once,
    )
    if command.state is not CommandState.QUEUED:
        return command  # pressed once more: what it began is over
    by = Asker(
        id=caller.principal.id,
        name=caller.principal.name,
        organisation=caller.principal.organisation,
        door=caller.door,
        is_authorised=asking.is_authorised(caller),
        change_order=change_order,
    )
    await list_updates.begin(db, station.identity, command, by=by, now=now)
    differs = before.differs
    await caller.note(
        db,
        "local_list.update",
        f"station/{station.identity}",
        organisation=station.organisation,
        before={"version": before.held.version, "entries": len(before.held.entries)},
        after={
            "command": command.id,
            "entries": len(before.wanted.entries),
            "added": None if differs is None else len(differs.added),
            "changed": None if differs is None else len(differs.changed),
            "removed": None if differs is None else len(differs.removed),
        },
        now=now,
    )
    return command
