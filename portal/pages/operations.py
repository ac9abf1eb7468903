"""Operational management: the tab of a station by which its monitoring is switched.

Only those who have the tab's right see it; only those who may release costs can switch on. What it
costs, and who will be told, stands there before the click.
"""

from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import cost_releases, directory
from accounts.cost_releases import WAITS_FOR, CostRelease, ReleaseState
from accounts.directory import Scope
from accounts.permissions import Permission
from alerts import monitoring, monitoring_tasks
from alerts.activation import EvseIdsMissing, Hint, StationNotAccepted, without_evse_id
from alerts.monitoring import Technician
from alerts.monitoring_tasks import TaskKind
from csms.registry import Station
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import StationId
from portal import monitoring as switching
from portal import stickers
from portal.context import context_of
from portal.formats import LOCALES
from portal.guard import Caller, require
from portal.monitoring import ACTIVATE, charge_points
from portal.pages.counts import forget_counts
from portal.pages.refusals import form_errors
from portal.pages.states import shown_station_state
from portal.pages.station_sheets import found_station, tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.support_deeds import ticket_changed
from portal.words import Words, marked, words
from support import services_given, tickets
from support.tickets import TicketState

router = APIRouter(route_class=PageRoute)

Switcher = Annotated[Caller, Depends(require(Permission.MONITORING))]

TASKS: Final = {
    TaskKind.SEND_STICKERS: marked("Send the sticker sheet"),
    TaskKind.REMOVE_STICKERS: marked("Remove the stickers"),
    TaskKind.CHANGE_STICKERS: marked("Change the stickers: an EVSE ID is another one now"),
}
_RELEASES_READ = 200


@router.get("/stations/{identity:segment}/operations")
async def operations(
    request: Request, db: Db, now: Now, caller: Switcher, identity: str
) -> Response:
    """Show whether a station is monitored, what it costs, and what is to be seen to."""
    station = await _own(request, db, now, caller, identity)
    return await _show(request, db, now, caller, station)


@router.post("/stations/{identity:segment}/operations/activate")
async def activate(request: Request, db: Db, now: Now, caller: Switcher, identity: str) -> Response:
    """Switch monitoring on, which costs what the page said."""
    station = await _own(request, db, now, caller, identity)
    switching.must_be_able_to_switch_on(caller)
    try:
        done = await switching.switch_on(db, station, by=caller.actor, now=now)
    except (EvseIdsMissing, StationNotAccepted) as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({"activate": refusal_in_words(error, said)})
        return await _show(request, db, now, caller, station, errors, status=409)
    forget_counts(request)
    return _back(station, "asked-second" if done.waits else "monitoring-on")


@router.post("/stations/{identity:segment}/operations/deactivate")
async def deactivate(
    request: Request, db: Db, now: Now, caller: Switcher, identity: str
) -> Response:
    """End monitoring at once."""
    station = await _own(request, db, now, caller, identity)
    await switching.switch_off(db, station, by=caller.actor, now=now)
    forget_counts(request)
    return _back(station, "monitoring-off")


@router.post("/stations/{identity:segment}/operations/technician")
async def technician(
    request: Request,
    db: Db,
    now: Now,
    caller: Switcher,
    identity: str,
    name: Annotated[str, Form(max_length=300)] = "",
    phone: Annotated[str, Form(max_length=300)] = "",
    email: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Store who is sent to the station."""
    station = await _own(request, db, now, caller, identity)
    wanted = Technician(name.strip(), phone.strip() or None, email.strip() or None)
    try:
        await monitoring.set_technician(
            db, station.identity, station.organisation, wanted, by=caller.actor, now=now
        )
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="name")
        given = {"name": name, "phone": phone, "email": email}
        return await _show(request, db, now, caller, station, errors, given, status=422)
    await caller.note(
        db,
        "technician.set",
        f"station/{station.identity}",
        organisation=station.organisation,
        after={"name": wanted.name},
        now=now,
    )
    return _back(station, "saved")


@router.post("/stations/{identity:segment}/operations/evse-ids")
async def ask_for_evse_ids(
    request: Request, db: Db, now: Now, caller: Switcher, identity: str
) -> Response:
    """Ask support for the EVSE IDs that are missing, by a ticket; once while it is open."""
    station = await _own(request, db, now, caller, identity)
    missing = without_evse_id(charge_points(station))
    if missing and await _evse_id_ticket(db, caller, station.identity) is None:
        said = (await frame_of(request, db, caller)).words
        made = await tickets.open_ticket(
            db,
            caller.scope,
            title=said.gettext(_EVSE_IDS_WANTED),
            text=said.gettext("These charge points have no EVSE ID: %(numbers)s.")
            % {"numbers": ", ".join(str(each) for each in missing)},
            station=station.identity,
            organisation=station.organisation,
            evse_id=int(missing[0]) if len(missing) == 1 else None,
            by=caller.actor,
            now=now,
        )
        await ticket_changed(db, caller, "ticket.open", made, now)
        forget_counts(request)
    return _back(station, "ticket-opened")


@router.post("/stations/{identity:segment}/operations/tasks/{kind:segment}")
async def task_done(
    request: Request, db: Db, now: Now, caller: Switcher, identity: str, kind: str
) -> Response:
    """Note that a task is done."""
    station = await _own(request, db, now, caller, identity)
    if kind not in set(TaskKind):
        raise NotFound("task", kind)
    wanted = TaskKind(kind)
    owner = await monitoring_tasks.done(
        db, caller.scope, station.identity, wanted, by=caller.actor, now=now
    )
    await caller.note(
        db,
        "monitoring.task_done",
        f"station/{station.identity}",
        organisation=owner,
        after={"task": wanted},
        now=now,
    )
    return _back(station, "saved")


@router.get("/stations/{identity:segment}/operations/stickers")
async def sticker_sheet(
    request: Request, db: Db, now: Now, caller: Switcher, identity: str
) -> Response:
    """Give the sticker sheet, in the page's language."""
    station = await _own(request, db, now, caller, identity)
    said = (await frame_of(request, db, caller)).words
    made = await stickers.sticker_sheet(
        db, context_of(request).settings, station, language=said.language
    )
    return Response(
        made,
        media_type="application/pdf",
        headers={"content-disposition": 'inline; filename="stickers.pdf"'},
    )


# ------------------------------------------------------------------------------ showing


_EVSE_IDS_WANTED: Final = marked("EVSE ID wanted")


def refusal_in_words(error: EvseIdsMissing | StationNotAccepted, said: Words) -> str:
    """Return why monitoring cannot be switched on, in the reader's language."""
    if isinstance(error, EvseIdsMissing):
        return said.gettext(
            "These charge points have no EVSE ID: %(numbers)s. Enter them first, or ask support for"
            " an EVSE ID."
        ) % {"numbers": ", ".join(str(each) for each in error.missing)}
    return said.gettext("The station is not accepted. Accept it first.")


async def _own(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, identity: str
) -> Station:
    station = await found_station(request, db, caller.scope, identity, now)
    caller.must_see(station.organisation, "station", identity)
    return station


def _back(station: Station, done: str) -> Response:
    return went(f"/stations/{segment(station.identity)}/operations", done=done)


async def _evse_id_ticket(db: AsyncSession, caller: Caller, station: StationId) -> int | None:
    found = await tickets.tickets(db, caller.scope, state=TicketState.OPEN, station=station)
    titles = {words(each).gettext(_EVSE_IDS_WANTED) for each in LOCALES}
    return next((each.id for each in found if each.title in titles), None)


async def _waiting(db: AsyncSession, station: Station, now: datetime) -> CostRelease | None:
    """Return the first of two clicks, if one waits for the second."""
    found = await cost_releases.releases(
        db, Scope(frozenset({station.organisation})), limit=_RELEASES_READ
    )
    subject = f"station/{station.identity}"
    return next(
        (
            each
            for each in found
            if each.state is ReleaseState.WAITING
            and (each.deed, each.subject) == (ACTIVATE, subject)
            and now - each.at <= WAITS_FOR
        ),
        None,
    )


def _given(caller: Caller, stored: Technician | None) -> dict[str, str]:
    """What the form holds: never **** , which would be stored as the name."""
    if stored is None or not caller.may(Permission.CRM_READ):
        return {"name": "", "phone": "", "email": ""}
    return {"name": stored.name, "phone": stored.phone or "", "email": stored.email or ""}


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    owner = await directory.organisation(db, station.organisation)
    read = await switching.read(db, station, now=now)
    sent = await monitoring.technician(db, station.identity, station.organisation)
    tasks = await monitoring_tasks.open_tasks(db, caller.scope, stations=[station.identity])
    missing = without_evse_id(charge_points(station))
    waiting = None if read.activation else await _waiting(db, station, now)
    settings = context_of(request).settings
    values = {
        "service": await services_given.service_of(
            db, station.identity, station.organisation, now=now
        ),
        "station": station,
        "state": shown_station_state(station),
        "zone": ZoneInfo(station.time_zone),
        "tabs": tabs_of(station, caller, said),
        "tab": "operations",
        "active": read.activation,
        "starter": ""
        if read.activation is None
        else caller.personal(read.activation.started_by_name),
        "cost": read.cost,
        "has_no_points": Hint.NO_CHARGE_POINTS in read.hints,
        "points": sorted(charge_points(station).items()),
        "missing": ", ".join(str(each) for each in missing),
        "asked": await _evse_id_ticket(db, caller, station.identity) if missing else None,
        "is_accepted": station.admission == "accepted",
        "may_release": caller.may(Permission.COST_RELEASE),
        "waiting": waiting,
        "waits_for": "" if waiting is None else caller.personal(waiting.released_by_name),
        "is_second": waiting is not None and waiting.released_by != caller.actor.id,
        "owner": owner,
        "told": caller.personal(owner.email) if owner.email else None,
        "technician": sent,
        "given": given or _given(caller, sent),
        "masked": sent is not None and not caller.may(Permission.CRM_READ),
        "tasks": [
            {"kind": each.kind.value, "title": said.gettext(TASKS[each.kind]), "at": each.opened_at}
            for each in tasks
        ],
        "hotline": settings.hotline_number,
        "hours": settings.hotline_hours,
        "former": [
            each
            for each in reversed(await monitoring.activations(db, station.identity))
            if each.active_to is not None and caller.scope.covers(each.organisation)
        ][:12],
        "errors": errors or FormErrors(),
    }
    return page(frame, "operations.html", values, status=status)
