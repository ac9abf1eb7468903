"""Alerts: what deserves attention now, what did, and what somebody did about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import Scope
from accounts.permissions import Permission
from alerts import alerting
from alerts.alerting import AlertLine, AlertSheet, Filter
from alerts.detections import Detection, Severity
from alerts.given_names import names_of
from alerts.life import (
    AlertOver,
    AlertState,
    AlreadyAcknowledged,
    AlreadyEscalated,
    Fault,
    StillThere,
)
from alerts.watch_rules import rule_of
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import StationId
from portal import alert_deeds, alert_words
from portal.guard import Caller, require
from portal.pages import alert_pictures, alert_recipients
from portal.pages.counts import forget_counts
from portal.pages.station_sheets import places_of
from portal.pages.support_parts import number_of_path
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.vocabulary import DETECTIONS
from portal.words import Words
from support import first_aid_store, ticket_rounds

router = APIRouter(route_class=PageRoute, prefix="/alerts")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Note = Annotated[str, Form(max_length=4000)]

PER_PAGE: Final = 50
_OVER: Final = (AlertState.RECOVERED, AlertState.CLOSED)
_FAULTS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert in a list."""

    number: int
    severity: Severity
    state: str
    what: str
    where: str
    owner: str
    raised_at: datetime
    over_at: datetime | None
    repeats: int
    monitored: bool


@dataclass(frozen=True, slots=True)
class ShownFault:
    """One thing that is or was wrong, as the page of an alert shows it."""

    station: str | None
    evse_id: int | None
    connector_id: int | None
    what: str
    is_present: bool
    is_over: bool
    first_seen_at: datetime
    last_seen_at: datetime
    over_at: datetime | None
    seen: int
    evidence: Sequence[tuple[str, str]]


def _wanted(state: str) -> Filter:
    """Return what a chip of the list stands for."""
    match state:
        case "mine":
            return Filter(states=(AlertState.OPEN,), acknowledged=False)
        case "watched":
            return Filter(states=(AlertState.OPEN,), monitored=True)
        case "over":
            return Filter(states=_OVER)
        case "all":
            return Filter()
        case _:
            return alerting.OPEN


@router.get("")
async def alert_list(
    request: Request,
    db: Db,
    caller: Reader,
    state: Annotated[str, Query(max_length=10)] = "open",
    detection: Annotated[str, Query(max_length=20)] = "",
    station: Annotated[str, Query(max_length=48)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List alerts, the newest first; the open ones unless said otherwise."""
    frame = await frame_of(request, db, caller, live="alerts")
    said = frame.words
    chips = {
        "open": said.gettext("Open"),
        "mine": said.gettext("Nobody's yet"),
        "watched": said.gettext("Monitored"),
        "over": said.gettext("Over"),
        "all": said.gettext("All"),
    }
    chosen = state if state in chips else "open"
    watch = Detection(detection) if detection in set(Detection) else None
    base = _wanted(chosen)
    wanted = Filter(
        states=base.states,
        acknowledged=base.acknowledged,
        monitored=base.monitored,
        detections=() if watch is None else (watch,),
        station=station.strip() or None,
    )
    found = await alerting.alerts(db, caller.scope, wanted, after=before, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    query = {"state": chosen, "detection": watch or "", "station": wanted.station or ""}
    on = None
    if len(found) > PER_PAGE:
        last = kept[-1].alert.id
        on = link("/alerts", {**query, "before": last, "n": n + len(kept)})
    lines = await shown(db, caller.scope, kept, said)
    values = {
        "lines": lines,
        "open_now": await alerting.count(db, caller.scope),
        "newest": lines[0] if lines and not before else None,
        "charts": None if before else await alert_pictures.of_days(db, caller.scope, frame),
        "filters": [
            (title, link("/alerts", {**query, "state": key}), key == chosen)
            for key, title in chips.items()
        ],
        "state": chosen,
        "detection": watch or "",
        "detections": [("", said.gettext("All"))]
        + [(key, said.gettext(word)) for key, word in DETECTIONS.items()],
        "station": wanted.station or "",
        "filtered": bool(watch or wanted.station or chosen != "open"),
        "turn": Turn(n, n + len(kept) - 1, None, link("/alerts", query) if before else None, on),
    }
    return page(frame, "alerts.html", values)


async def shown(
    db: AsyncSession, scope: Scope, found: Sequence[AlertLine], said: Words
) -> list[ShownAlert]:
    """Return alerts as a list shows them."""
    if not found:
        return []
    places = await places_of(db, scope)
    owners = {each.key: each.name for each in await directory.organisations(db, scope)}
    names = await names_of(db, {each.alert.cause for each in found})
    return [
        ShownAlert(
            number=each.alert.id,
            severity=each.alert.severity,
            state=alert_words.shown_state(each.alert),
            what=alert_words.what(each.alert.detection, each.alert.cause, said, names),
            where=alert_words.where(each.alert, each.stations, places, said),
            owner=owners.get(each.alert.organisation, each.alert.organisation),
            raised_at=each.alert.raised_at,
            over_at=each.alert.over_at,
            repeats=each.alert.repeats,
            monitored=each.monitored,
        )
        for each in found
    ]


@router.get("/{number:segment}")
async def one_alert(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show an alert: what it is about, what happened to it, what can be done."""
    found = await alerting.alert(db, caller.scope, number_of_path("alert", number))
    return await _show(request, db, caller, found)


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: AlertSheet,
    errors: FormErrors | None = None,
    sent: str = "",
) -> Response:
    alert = found.alert
    frame = await frame_of(request, db, caller, live=f"alert/{alert.id}")
    said = frame.words
    places = await places_of(db, caller.scope)
    owner = await directory.organisation(db, alert.organisation)
    stations = found.stations
    makes = await _makes(db, caller, stations, frame.now)
    names = await names_of(db, [alert.cause])
    values = {
        "alert": alert,
        "what": alert_words.what(alert.detection, alert.cause, said, names),
        "where": alert_words.where(alert, stations, places, said),
        "advice": alert_words.advice(alert.cause, said),
        "state": alert_words.shown_state(alert),
        "is_open": alert.state is AlertState.OPEN,
        "is_present": found.is_present,
        "monitored": found.monitored,
        "owner": owner.name,
        "station": stations[0] if len(stations) == 1 else None,
        "faults": [
            _fault(each, frame.zone, said, makes.get(each.station))
            for each in sorted(found.faults, key=lambda each: each.over_at is not None)
        ][:_FAULTS_SHOWN],
        "left_out": max(0, len(found.faults) - _FAULTS_SHOWN),
        "history": [
            (each.at, each.change, caller.personal(each.by_name), each.note)
            for each in found.history
        ],
        "ticket": await ticket_rounds.open_ticket_of(db, alert.id)
        if caller.may(Permission.TICKETS_READ)
        else None,
        "rule": rule_of(alert.cause),
        "aid": await first_aid_store.runs_of(db, caller.scope, alerts=[alert.id]),
        "taken_by": caller.personal(alert.acknowledged_by_name),
        "may_act": caller.may(Permission.ALERTS_WRITE),
        "around": await alert_pictures.around(db, caller.scope, found, frame),
        "told": await alert_recipients.told(db, caller, alert.id, said),
        "errors": errors or FormErrors(),
        "sent": sent,
    }
    return page(frame, "alert.html", values, status=422 if errors else 200)


async def _makes(
    db: AsyncSession, caller: Caller, stations: Sequence[StationId], now: datetime
) -> dict[StationId | None, str | None]:
    """Return of which make stations are, as far as somebody sees them."""
    found = await registry.stations(
        db, caller.scope, now, limits=SilenceLimits(), identities=stations, limit=_FAULTS_SHOWN
    )
    return {each.identity: each.vendor for each in found}


def _fault(fault: Fault, zone: ZoneInfo, said: Words, vendor: str | None) -> ShownFault:
    return ShownFault(
        station=fault.station,
        evse_id=fault.evse_id,
        connector_id=fault.connector_id,
        what=alert_words.named(fault.cause, said),
        is_present=fault.is_present and fault.over_at is None,
        is_over=fault.over_at is not None,
        first_seen_at=fault.first_seen_at,
        last_seen_at=fault.last_seen_at,
        over_at=fault.over_at,
        seen=fault.seen,
        evidence=alert_words.evidence(fault.evidence, zone, said, vendor=vendor),
    )


# -------------------------------------------------------------------------------- what is done


@router.post("/{number:segment}/acknowledge")
async def acknowledge(
    request: Request, db: Db, now: Now, caller: Writer, number: str, note: Note = ""
) -> Response:
    """Take an alert on."""
    return await _do(request, db, now, caller, number, note, alert_deeds.acknowledge, "taken")


@router.post("/{number:segment}/escalate")
async def escalate(
    request: Request, db: Db, now: Now, caller: Writer, number: str, note: Note = ""
) -> Response:
    """Mark an alert as escalated."""
    deed = alert_deeds.mark_as_escalated
    return await _do(request, db, now, caller, number, note, deed, "escalated")


@router.post("/{number:segment}/close")
async def close(
    request: Request, db: Db, now: Now, caller: Writer, number: str, note: Note = ""
) -> Response:
    """Close an alert."""
    return await _do(request, db, now, caller, number, note, alert_deeds.close, "closed")


async def _do(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    number: str,
    note: str,
    deed: alert_deeds.Deed,
    done: str,
) -> Response:
    wanted = number_of_path("alert", number)
    found = await alerting.alert(db, caller.scope, wanted)
    try:
        async with await savepoint(db):
            await deed(db, caller, wanted, note, now)
    except (Conflict, InvalidInput) as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({"note": _refusal(error, said)})
        return await _show(request, db, caller, found, errors, note)
    forget_counts(request)
    return went(f"/alerts/{wanted}", done=f"alert-{done}")


def _refusal(error: Conflict | InvalidInput, said: Words) -> str:
    """Return why it was refused."""
    if isinstance(error, AlertOver):
        return said.gettext("This alert is over already.")
    if isinstance(error, AlreadyAcknowledged):
        return said.gettext("Somebody takes care of it already.")
    if isinstance(error, AlreadyEscalated):
        return said.gettext("It is marked as escalated already.")
    if isinstance(error, StillThere):
        return said.gettext("The fault is still there. Say why it is closed all the same.")
    return said.gettext("This is too long. Shorten it.")
