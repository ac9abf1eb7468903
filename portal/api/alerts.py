"""Alerts: what deserves attention, and the errors of a station behind them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from alerts import alerting
from alerts.alerting import AlertLine, AlertSheet, Filter, Happening
from alerts.detections import Detection, Severity
from alerts.life import NOTE_MAX, Alert, AlertState, Change, Fault
from csms import registry
from foundation.identifiers import OrganisationKey, StationId
from portal import alert_deeds, paging
from portal.api.models import Answer, Body, Moment, Number
from portal.api.stations import limits
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["alerts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]


class AlertModel(Answer):
    """Something that deserves attention."""

    id: int
    organisation: OrganisationKey
    detection: Detection
    cause: str = Field(description="What was found; `storm`: too much at once, held together.")
    severity: Severity = Field(description="The worst that it was.")
    state: AlertState
    location: str | None
    stations: list[StationId] = Field(
        description="What it is about; empty where it is about no station."
    )
    monitored: bool = Field(description="Whether the provider's watch is on for one of them.")
    raised_at: Moment
    grown_at: Moment = Field(description="When something joined it last.")
    repeats: int = Field(description="How often any of it was found again.")
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    escalated_at: Moment | None = Field(description="It is not escalated again, and not solved.")
    escalated_by: str | None
    over_at: Moment | None
    closed_by: str | None


class FaultModel(Answer):
    """One thing that is or was wrong at one place."""

    id: int
    alert: int | None = Field(description="Null: silenced by a maintenance window, or too short.")
    detection: Detection
    cause: str
    severity: Severity
    station: StationId | None
    location: str | None
    evse_id: int | None
    connector_id: int | None
    evidence: dict[str, str]
    first_seen_at: Moment
    last_seen_at: Moment
    seen: int
    present: bool = Field(description="False: it is gone, and is over once it stays away.")
    over_at: Moment | None


class HappeningModel(Answer):
    """One thing that happened to an alert."""

    at: Moment
    change: Change
    by: str | None
    note: str | None


class AlertSheetModel(AlertModel):
    """An alert with what it is about and what happened to it."""

    faults: list[FaultModel]
    history: list[HappeningModel]


class AlertNote(Body):
    """What somebody has to say about it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"note": "The router is being replaced."}}
    )

    note: Annotated[str, Field(max_length=NOTE_MAX)] | None = None


@router.get("/alerts", summary="List alerts")
async def list_alerts(
    db: Db,
    caller: Reader,
    state: AlertState | None = None,
    detection: Detection | None = None,
    severity: Severity | None = None,
    station: Annotated[str | None, Query(max_length=48)] = None,
    location: Annotated[str | None, Query(max_length=100)] = None,
    monitored: bool | None = None,
    acknowledged: bool | None = None,
    escalated: bool | None = None,
    raised_from: Annotated[Moment | None, Query(description="Included.")] = None,
    raised_before: Annotated[Moment | None, Query(description="Not included.")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[AlertModel]:
    """The newest first."""
    behind = paging.decoded(cursor, int)
    wanted = Filter(
        states=() if state is None else (state,),
        detections=() if detection is None else (detection,),
        severities=() if severity is None else (severity,),
        station=station,
        location=location,
        monitored=monitored,
        acknowledged=acknowledged,
        escalated=escalated,
        raised_from=raised_from,
        raised_before=raised_before,
    )
    found = await alerting.alerts(
        db,
        caller.scope,
        wanted,
        after=None if behind is None else behind[0],
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _line(caller, each), key=lambda each: (each.alert.id,)
    )


@router.get("/alerts/{number}", summary="Get an alert")
async def get_alert(db: Db, caller: Reader, number: Number) -> AlertSheetModel:
    """With what it is about and what happened to it."""
    return _sheet(caller, await alerting.alert(db, caller.scope, number))


@router.post("/alerts/{number}/acknowledge", summary="Take an alert on")
async def acknowledge_alert(
    db: Db, now: Now, caller: Writer, number: Number, body: AlertNote
) -> AlertSheetModel:
    """From then on somebody takes care of it; it recovers by itself."""
    return _sheet(caller, await alert_deeds.acknowledge(db, caller, number, body.note, now))


@router.post("/alerts/{number}/escalate", summary="Mark an alert as escalated")
async def escalate_alert(
    db: Db, now: Now, caller: Writer, number: Number, body: AlertNote
) -> AlertSheetModel:
    """It is not escalated again, however often it repeats; that does not solve it."""
    return _sheet(caller, await alert_deeds.mark_as_escalated(db, caller, number, body.note, now))


@router.post("/alerts/{number}/close", summary="Close an alert")
async def close_alert(
    db: Db, now: Now, caller: Writer, number: Number, body: AlertNote
) -> AlertSheetModel:
    """While a fault is still there, the note must say why. What is found again is a new alert."""
    return _sheet(caller, await alert_deeds.close(db, caller, number, body.note, now))


@router.get("/stations/{identity:segment}/errors", summary="List a station's errors")
async def list_station_errors(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    identity: str,
    state: Annotated[Literal["open", "solved"] | None, Query(description="Null: both.")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[FaultModel]:
    """Received from the station or derived by us; the newest first."""
    station = await registry.station(db, caller.scope, identity, now, limits=limits(context))
    caller.must_see(station.organisation, "station", identity)
    behind = paging.decoded(cursor, int)
    found = await alerting.faults_at(
        db,
        caller.scope,
        station.identity,
        is_open=None if state is None else state == "open",
        after=None if behind is None else behind[0],
        limit=limit + 1,
    )
    return paging.page(found, limit, shown=_fault, key=lambda each: (each.id,))


def _line(caller: Caller, line: AlertLine) -> AlertModel:
    return AlertModel(**_facts(caller, line.alert, list(line.stations), monitored=line.monitored))


def _sheet(caller: Caller, found: AlertSheet) -> AlertSheetModel:
    return AlertSheetModel(
        **_facts(caller, found.alert, found.stations, monitored=found.monitored),
        faults=[_fault(each) for each in found.faults],
        history=[_happening(caller, each) for each in found.history],
    )


def _facts(
    caller: Caller, alert: Alert, stations: list[StationId], *, monitored: bool
) -> dict[str, Any]:
    return {
        "id": alert.id,
        "organisation": alert.organisation,
        "detection": alert.detection,
        "cause": alert.cause,
        "severity": alert.severity,
        "state": alert.state,
        "location": alert.location,
        "stations": stations,
        "monitored": monitored,
        "raised_at": alert.raised_at,
        "grown_at": alert.grown_at,
        "repeats": alert.repeats,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": caller.personal(alert.acknowledged_by_name),
        "escalated_at": alert.escalated_at,
        "escalated_by": caller.personal(alert.escalated_by_name),
        "over_at": alert.over_at,
        "closed_by": caller.personal(alert.closed_by_name),
    }


def _fault(fault: Fault) -> FaultModel:
    return FaultModel(
        id=fault.id,
        alert=fault.alert,
        detection=fault.detection,
        cause=fault.cause,
        severity=fault.severity,
        station=fault.station,
        location=fault.location,
        evse_id=fault.evse_id,
        connector_id=fault.connector_id,
        evidence=dict(fault.evidence),
        first_seen_at=fault.first_seen_at,
        last_seen_at=fault.last_seen_at,
        seen=fault.seen,
        present=fault.is_present and fault.over_at is None,
        over_at=fault.over_at,
    )


def _happening(caller: Caller, each: Happening) -> HappeningModel:
    return HappeningModel(
        at=each.at, change=each.change, by=caller.personal(each.by_name), note=each.note
    )
