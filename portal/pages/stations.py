"""Stations: the list, one with its connectors, sessions and log, and those that wait."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.metering import TierWouldDrop
from accounts.permissions import Permission
from alerts.activation import Ending
from csms import administration, charging, registry, vendors
from csms.administration import StationSettings
from csms.connectivity import StationState
from csms.registry import Station, StationCounts
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import accounts, masking, monitoring
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages import account_refusals
from portal.pages.commands import desk_of
from portal.pages.counts import forget_counts, silence_limits
from portal.pages.logs import LONGEST_TEXT, frame_of_log
from portal.pages.sessions import PER_PAGE, place_before, session_lines, session_turn
from portal.pages.states import connector_states, shown_station_state
from portal.pages.station_sheets import found_station, places_of, runs_of, sheet_of, tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.pages.views import (
    StateCount,
    StationLine,
    WaitingStation,
)
from portal.rendering import FormErrors, Turn, link, segment
from portal.routes import Db, Now, PageRoute
from portal.vocabulary import MAKE_NOTES

router = APIRouter(route_class=PageRoute)

FRAMES_PER_PAGE = 40

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
LogReader = Annotated[Caller, Depends(require(Permission.FRAMES_READ))]

_FILTERS = ("online", "pending", "offline", "faulted", "never_connected")


def state_counts(
    counted: StationCounts, *, chosen: str = "", q: str = ""
) -> tuple[StateCount, ...]:
    """The filters by state, with how many stations each would show."""
    numbers = {state.value: number for state, number in counted.by_state.items()}
    numbers["faulted"] = counted.faulted
    return tuple(
        StateCount(
            key, numbers.get(key, 0), link("/stations", {"state": key, "q": q}), key == chosen
        )
        for key in _FILTERS
    )


@router.get("/stations")
async def stations(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=30)] = "",
    after: Annotated[str, Query(max_length=48)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List stations by identity, in a state or matching a search."""
    limits = silence_limits(context_of(request).settings)
    wanted = q.strip()
    found = await registry.stations(
        db,
        caller.scope,
        now,
        limits=limits,
        state=StationState(state) if state in {each.value for each in StationState} else None,
        # A search finds also what waits or was refused; the plain list has what is at work.
        admission=None if wanted else "accepted",
        faulted=True if state == "faulted" else None,
        q=wanted or None,
        after=after or None,
        limit=PER_PAGE + 1,
    )
    counted = await registry.station_counts(db, caller.scope, now, limits=limits)
    kept = found[:PER_PAGE]
    owners = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    places = await places_of(db, caller.scope)
    counts = state_counts(counted, chosen=state, q=wanted)
    total = sum(counted.by_state.values())
    in_list = next((each.count for each in counts if each.chosen), total)
    query = {"q": wanted, "state": state}
    on = (
        link("/stations", {**query, "after": kept[-1].identity, "n": n + len(kept)})
        if len(found) > PER_PAGE
        else None
    )
    turn = Turn(
        n,
        n + len(kept) - 1,
        None if wanted else in_list,
        link("/stations", query) if after else None,
        on,
    )
    frame = await frame_of(request, db, caller, live="stations")
    values = {
        "lines": tuple(_line(each, owners, places) for each in kept),
        "counts": counts,
        "total": total,
        "waiting": counted.waiting if caller.may(Permission.STATIONS_WRITE) else 0,
        "turn": turn,
        "q": wanted,
        "state": state,
        "show_owner": len(owners) > 1,
    }
    return page(frame, "stations.html", values)


def _line(
    station: Station, owners: dict[OrganisationKey, str], places: dict[str, str]
) -> StationLine:
    model = " ".join(each for each in (station.vendor, station.model) if each)
    return StationLine(
        identity=station.identity,
        name=station.name or "",
        state=shown_station_state(station),
        place=places.get(station.location or "", station.location or ""),
        owner=owners.get(station.organisation, station.organisation),
        last_heard_at=station.last_heard_at,
        connectors=connector_states(station),
        version=station.ocpp_version or "",
        model=model,
    )


# --------------------------------------------------------------------------------------- one


@router.get("/stations/{identity:segment}")
async def station(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show a station: its connectors and what is known of it."""
    found = await found_station(request, db, caller.scope, identity, now)
    frame = await frame_of(request, db, caller, live=f"station/{found.identity}")
    owners = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    places = await places_of(db, caller.scope)
    runs = await runs_of(db, caller, found, now)
    values = {
        "view": sheet_of(found, runs, owners, places, frame.words),
        "tabs": tabs_of(found, caller, frame.words),
        "tab": "information",
        "make_notes": [
            frame.words.gettext(MAKE_NOTES[each])
            for each in vendors.notes_of(found.vendor, found.model, found.firmware)
        ],
        "harmful": vendors.harmful_at(found.vendor, found.model, found.firmware),
        "desk": await desk_of(db, caller, found, frame.words, now, shown=command),
    }
    return page(frame, "station.html", values)


@router.get("/stations/{identity:segment}/sessions")
async def station_sessions(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))],
    identity: str,
    before: Annotated[str, Query(max_length=500)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Show a station's sessions, the newest first."""
    found = await found_station(request, db, caller.scope, identity, now)
    frame = await frame_of(request, db, caller, live=f"station/{found.identity}")
    transactions = await charging.transactions(
        db,
        caller.scope,
        station=found.identity,
        before=place_before(before),
        limit=PER_PAGE + 1,
    )
    kept, turn = session_turn(
        f"/stations/{segment(found.identity)}/sessions", {}, transactions, first=n
    )
    values = {
        "view": sheet_of(found, {}, {}, {}, frame.words),
        "tabs": tabs_of(found, caller, frame.words),
        "tab": "sessions",
        "lines": await session_lines(db, kept, now, caller),
        "turn": turn,
        "show_station": False,
        "filtered": False,
    }
    return page(frame, "station.html", values)


REPAIRS_OF: Final = timedelta(days=1)
"""Of how long the rules are counted that repaired messages."""


@router.get("/stations/{identity:segment}/log")
async def station_log(
    request: Request,
    db: Db,
    now: Now,
    caller: LogReader,
    identity: str,
    until: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Show a station's OCPP log, the newest message first."""
    found = await found_station(request, db, caller.scope, identity, now)
    # What was said before a station was shared, and to whom else, is its owner's.
    caller.must_see(found.organisation, "station", identity)
    frame = await frame_of(request, db, caller)
    lines = await registry.frames(
        db, found.identity, end=_moment(until), q=q.strip() or None, limit=FRAMES_PER_PAGE + 1
    )
    kept = lines[:FRAMES_PER_PAGE]
    path = f"/stations/{segment(found.identity)}/log"
    on = None
    if len(lines) > FRAMES_PER_PAGE:
        # The next page begins with the moment of the first line that found no room here; lines
        # of that very moment that did are shown once more rather than lost.
        on = link(path, {"q": q, "until": lines[FRAMES_PER_PAGE - 1].at.isoformat(), "n": n + 40})
    values = {
        "view": sheet_of(found, {}, {}, {}, frame.words),
        "tabs": tabs_of(found, caller, frame.words),
        "tab": "log",
        "repairs": await registry.repairs(db, found.identity, now - REPAIRS_OF),
        "frames": tuple(
            replace(each, text=masking.frame(caller, each.text))
            for each in (
                frame_of_log(line, longest=LONGEST_TEXT)
                for line in kept
                if masking.frame_is_meant(caller, line.raw, q.strip())
            )
        ),
        "zone": ZoneInfo(found.time_zone),
        "q": q,
        "turn": Turn(n, n + len(kept) - 1, None, link(path, {"q": q}) if until else None, on),
    }
    return page(frame, "station.html", values)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else None


# ------------------------------------------------------------------------------ new stations


@router.get("/new-stations")
async def new_stations(request: Request, db: Db, now: Now, caller: Writer) -> Response:
    """Show the stations that connected and were not taken in yet, and those refused."""
    return await _new_stations(request, db, now, caller)


async def _new_stations(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    errors: FormErrors | None = None,
    status: int = 200,
    *,
    to_agree: str = "",
) -> Response:
    limits = silence_limits(context_of(request).settings)
    found: list[Station] = []
    for admission in ("waiting", "refused"):
        found += await registry.stations(
            db, caller.scope, now, limits=limits, admission=admission, limit=60
        )
    frame = await frame_of(request, db, caller, live="stations")
    values = {
        "stations": tuple(_waiting(each) for each in found[:60]),
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "locations": sorted((await places_of(db, caller.scope)).items(), key=lambda each: each[1]),
        "errors": errors or FormErrors(),
        "to_agree": to_agree,
    }
    return page(frame, "waiting.html", values, status=status)


def _waiting(station: Station) -> WaitingStation:
    return WaitingStation(
        identity=station.identity,
        vendor=station.vendor or "",
        model=station.model or "",
        version=station.ocpp_version or "",
        first_seen_at=station.created_at,
        last_heard_at=station.last_heard_at,
        offered_password=station.has_password,
        admission=station.admission,
        organisation=station.organisation,
        location=station.location or "",
    )


@router.post("/new-stations")
async def decide(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: Annotated[str, Form(max_length=200)] = "",
    decision: Annotated[str, Form(max_length=10)] = "",
    organisation: Annotated[str, Form(max_length=100)] = "",
    location: Annotated[str, Form(max_length=100)] = "",
    agree: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Take a station in, with its owner and location, or refuse it."""
    found = await found_station(request, db, caller.scope, identity, now)
    caller.must_see(found.organisation, "station", identity)
    if decision == "refuse":
        await administration.refuse_station(db, found.identity)
        await monitoring.left(db, found.identity, Ending.DECOMMISSIONED, by=caller.actor, now=now)
        await caller.note(
            db,
            "station.refuse",
            f"station/{found.identity}",
            organisation=found.organisation,
            before={"admission": found.admission},
            after={"admission": "refused"},
            now=now,
        )
        forget_counts(request)
        return went("/new-stations", done="refused")
    if decision != "accept":
        raise InvalidInput("Either accept or refuse the station.", field="decision")
    owner = OrganisationKey(organisation) if organisation else None
    if owner is not None:
        caller.must_see(owner, "organisation", owner)
    try:
        async with await savepoint(db):
            await administration.change_station(
                db,
                found.identity,
                StationSettings(organisation=owner, location=location or None),
                now=now,
            )
            await administration.accept_station(db, found.identity)
            if owner is not None and owner != found.organisation:
                await monitoring.left(db, found.identity, Ending.MOVED, by=caller.actor, now=now)
            await accounts.points_changed(
                db,
                context_of(request),
                owner or found.organisation,
                agrees=agree == "yes",
                now=now,
            )
            await caller.note(
                db,
                "station.accept",
                f"station/{found.identity}",
                organisation=owner or found.organisation,
                before={"admission": found.admission, "organisation": found.organisation},
                after={"admission": "accepted", "organisation": owner or found.organisation},
                now=now,
            )
    except TierWouldDrop as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({found.identity: account_refusals.in_words(error, said)})
        return await _new_stations(request, db, now, caller, errors, 409, to_agree=found.identity)
    except (InvalidInput, Conflict, NotFound) as error:
        errors = FormErrors({"identity": str(error)})
        return await _new_stations(request, db, now, caller, errors, 422)
    forget_counts(request)
    return went("/new-stations", done="accepted")
