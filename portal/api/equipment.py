"""What stations are set to, how far they are with requests, what they reserve, and their files."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit
from accounts.permissions import Permission
from csms import equipment, file_places, files
from csms.equipment import FormerValue, Progress, Reservation, Step, Variable, VariableReport
from csms.files import StationFile
from foundation.errors import NotPermitted
from foundation.identifiers import StationId
from portal import files as transfers
from portal import firmware_doors, logins, paging
from portal.api.models import Answer, Moment, Quantity
from portal.guard import Caller, is_by_browser, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now, StreamRoute

router = APIRouter(tags=["equipment"], route_class=ApiRoute)
streams = APIRouter(tags=["equipment"], route_class=StreamRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
LogReader = Annotated[Caller, Depends(require(Permission.FRAMES_READ))]
Sender = Annotated[Caller, Depends(require(Permission.COMMANDS_SEND))]

_LARGEST_ID = 2**63 - 1
FileId = Annotated[int, Field(ge=1, le=_LARGEST_ID)]


class ValueModel(Answer):
    """A value, and since when the station has told it."""

    value: str | None
    is_known: bool = Field(description="False: the station said that it has no such thing.")
    at: Moment


class KeyModel(Answer):
    """A configuration key of an OCPP 1.6 station."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "key": "HeartbeatInterval",
                "value": "300",
                "read_only": False,
                "is_known": True,
                "changed_at": "2026-10-15T12:00:00Z",
                "read_at": "2026-10-16T08:00:00Z",
                "history": [
                    {"value": "300", "is_known": True, "at": "2026-10-15T12:00:00Z"},
                    {"value": "900", "is_known": True, "at": "2026-09-01T07:30:00Z"},
                ],
            }
        },
    )

    key: str
    value: str | None = Field(description="Secrets are masked.")
    read_only: bool | None
    is_known: bool = Field(description="False: the station said that it has no such key.")
    changed_at: Moment = Field(description="When it was first told.")
    read_at: Moment = Field(description="When it was last told.")
    history: list[ValueModel] = Field(description="The newest first, the present one included.")


class VariableModel(Answer):
    """An attribute of a variable in the device model of an OCPP 2 station."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "component": "Connector",
                "component_instance": None,
                "evse_id": 1,
                "connector_id": 1,
                "variable": "MaxCurrent",
                "variable_instance": None,
                "attribute": "Actual",
                "value": "32",
                "is_known": True,
                "mutability": "ReadWrite",
                "data_type": "decimal",
                "unit": "A",
                "min_limit": 6,
                "max_limit": 32,
                "values": [],
                "changed_at": "2026-10-15T12:00:00Z",
                "read_at": "2026-10-16T08:00:00Z",
                "history": [{"value": "32", "is_known": True, "at": "2026-10-15T12:00:00Z"}],
            }
        },
    )

    component: str
    component_instance: str | None
    evse_id: int | None
    connector_id: int | None
    variable: str
    variable_instance: str | None
    attribute: str
    value: str | None = Field(description="Secrets are masked.")
    is_known: bool = Field(description="False: the station said that it has no such thing.")
    mutability: str | None
    data_type: str | None
    unit: str | None
    min_limit: Quantity | None
    max_limit: Quantity | None
    values: list[str] = Field(description="Those that it may have, where the station lists them.")
    changed_at: Moment
    read_at: Moment
    history: list[ValueModel]


class ReportModel(Answer):
    """A report on a station's variables, as far as it has come."""

    request_id: int
    parts: int
    variables: int
    is_whole: bool
    received_at: Moment


class StepModel(Answer):
    """A status that the station reported."""

    status: str
    note: str | None
    at: Moment


class ProgressModel(Answer):
    """How far a station is with a request; OCPP 2.0.1's words, or the station's own."""

    request_id: int | None = Field(description="Null: the station names no request.")
    status: str
    note: str | None
    changed_at: Moment
    steps: list[StepModel] = Field(description="The oldest first.")


class ReservationModel(Answer):
    """A place that a station keeps, or kept, for somebody."""

    reservation_id: int
    evse_id: int | None = Field(description="Null: any EVSE of the station.")
    connector_type: str | None
    id_token: str | None
    group_id: str | None
    made_at: Moment
    expires_at: Moment | None
    state: Literal["open", "used", "over"]
    ending: str | None = Field(description="Cancelled, Expired, Removed, or the station's word.")
    ended_at: Moment | None
    transaction_id: str | None = Field(description="The session that used it.")
    made_by: str | None = Field(description="Who asked for it; null: nobody here.")
    cancelled_by: str | None


class FileModel(Answer):
    """A file that a station sent, or that is kept for stations to fetch."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "id": 7,
                "kind": "firmware",
                "station": None,
                "organisation": "root",
                "file_name": "box-2.4.1.bin",
                "media_type": "application/octet-stream",
                "size_bytes": 1048576,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "stored_at": "2026-10-15T12:00:00Z",
                "reference": "leitstand:file/7",
            }
        },
    )

    id: int
    kind: str = Field(description="log or firmware.")
    station: str | None
    organisation: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    stored_at: Moment
    reference: str | None = Field(
        description="Of firmware: what a command names as its location. The station is then given"
        " an address of its own."
    )


class PlaceModel(Answer):
    """Where a station may send one file."""

    url: str
    expires_at: Moment


# --------------------------------------------------------------------------------- variables


@router.get("/stations/{identity:segment}/configuration", summary="List configuration keys")
async def list_configuration(
    db: Db,
    caller: Reader,
    identity: str,
    key: Annotated[str | None, Query(max_length=50, description="Only this one.")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[KeyModel]:
    """What an OCPP 1.6 station has told, each key with its history; asks the station nothing."""
    found = await equipment.configuration(
        db, caller.scope, StationId(identity), key=key, after=_after(cursor), limit=limit + 1
    )
    return paging.page(found, limit, shown=_key, key=lambda each: (each.id,))


@router.get("/stations/{identity:segment}/variables", summary="List the device model")
async def list_variables(
    db: Db,
    caller: Reader,
    identity: str,
    component: Annotated[str | None, Query(max_length=50)] = None,
    variable: Annotated[str | None, Query(max_length=50)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[VariableModel]:
    """What an OCPP 2 station has told, each value with its history; asks the station nothing."""
    found = await equipment.variables(
        db,
        caller.scope,
        StationId(identity),
        component=component,
        variable=variable,
        after=_after(cursor),
        limit=limit + 1,
    )
    return paging.page(found, limit, shown=_variable, key=lambda each: (each.id,))


@router.get("/stations/{identity:segment}/variable-reports", summary="List reports on variables")
async def list_variable_reports(
    db: Db, caller: Reader, identity: str, limit: paging.Limit = 20
) -> Page[ReportModel]:
    """The newest first; a report comes in parts, and is whole when none is missing."""
    found = await equipment.variable_reports(db, caller.scope, StationId(identity), limit=limit)
    return Page(items=[_report(each) for each in found])


# ------------------------------------------------------------------- progress, reservations


@router.get("/stations/{identity:segment}/progress", summary="How far a station is")
async def list_progress(
    db: Db,
    caller: Reader,
    identity: str,
    kind: Literal["firmware", "log", "publication"] = "firmware",
    limit: paging.Limit = 10,
) -> Page[ProgressModel]:
    """With updates of its firmware, sending logs or publishing firmware; the newest first."""
    found = await equipment.progress(db, caller.scope, StationId(identity), kind, limit=limit)
    return Page(items=[_progress(each) for each in found])


@router.get("/stations/{identity:segment}/reservations", summary="List reservations")
async def list_reservations(
    db: Db, now: Now, caller: Reader, identity: str, limit: paging.Limit = paging.DEFAULT_LIMIT
) -> Page[ReservationModel]:
    """The newest first."""
    found = await equipment.reservations(db, caller.scope, StationId(identity), now, limit=limit)
    return Page(items=[_reservation(each, caller) for each in found])


# ------------------------------------------------------------------------------------- files


@router.get("/stations/{identity:segment}/files", summary="List the files that a station sent")
async def list_station_files(
    db: Db,
    caller: LogReader,
    identity: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[FileModel]:
    """Logs and diagnostics, the newest first."""
    found = await files.files_of(
        db, caller.scope, StationId(identity), after=_after(cursor), limit=limit + 1
    )
    return paging.page(found, limit, shown=shown_file, key=lambda each: (each.id,))


@router.post(
    "/stations/{identity:segment}/files",
    status_code=201,
    summary="Make a place for a file of a station",
)
async def open_place(db: Db, now: Now, caller: Sender, identity: str) -> PlaceModel:
    """For a command of your own making; GetDiagnostics and GetLog get one by themselves where
    their payload names none. Whoever knows the address may send one file to it."""
    owner = await equipment.owner_seen(db, caller.scope, identity)
    if not caller.scope.may_command(owner, identity):
        raise NotPermitted("This station is shared with you for reading only.")
    place = await file_places.upload_place(
        db, StationId(identity), made_by=caller.principal.id, now=now
    )
    await audit.record(
        db,
        caller.actor,
        "station_file.open_place",
        f"station/{identity}",
        organisation=owner,
        after={"expires_at": place.expires_at},
        now=now,
    )
    return PlaceModel(url=place.url, expires_at=place.expires_at)


@router.get("/files", summary="List firmware files")
async def list_files(
    db: Db,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[FileModel]:
    """What is kept for stations to fetch, the newest first."""
    found = await files.firmware_files(db, caller.scope, after=_after(cursor), limit=limit + 1)
    return paging.page(found, limit, shown=shown_file, key=lambda each: (each.id,))


@router.get("/files/{file_id}", summary="Show one file")
async def show_file(db: Db, caller: Reader, file_id: FileId) -> FileModel:
    """What is known of it; a station's file needs the permission frames.read."""
    return shown_file(await _seen(db, caller, file_id))


@streams.get(
    "/files/{file_id}/content",
    summary="Download a file",
    response_class=Response,
    responses={
        200: {
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            }
        }
    },
)
async def download_file(
    request: Request, context: Context, caller: Reader, file_id: FileId
) -> Response:
    """The bytes as they came; with `Range` a part of them."""
    async with context.database.unit_of_work() as db:
        file = await _seen(db, caller, file_id)
        await audit.record(
            db,
            caller.actor,
            "station_file.download",
            f"file/{file.id}",
            organisation=file.organisation,
            after=transfers.told(file) | {"station": file.station},
            now=context.clock.now(),
        )
    return transfers.sent(context, file, request.headers.get("range", ""))


@streams.post(
    "/files",
    status_code=201,
    summary="Put firmware here for stations to fetch",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def add_file(
    request: Request,
    context: Context,
    caller: Writer,
    name: Annotated[str, Query(min_length=1, max_length=120, description="The file's name.")],
) -> FileModel:
    """The body is the file. A command names it by its `reference`, as in
    `{"location": "leitstand:file/7"}`."""
    if is_by_browser(request):
        logins.require_own_form(request, request.headers.get(logins.CSRF_HEADER))
    return shown_file(await firmware_doors.take(context, caller, name, request.stream()))


async def _seen(db: Db, caller: Caller, file_id: int) -> StationFile:
    """Return a file; one that a station sent only to whoever may read its log."""
    file = await files.stored_file(db, caller.scope, file_id)
    if file.station is not None:
        caller.must_have(Permission.FRAMES_READ)
    return file


# ------------------------------------------------------------------------------------- shown


def _after(cursor: str | None) -> int | None:
    place = paging.decoded(cursor, int)
    return None if place is None else place[0]


def _values(history: tuple[FormerValue, ...]) -> list[ValueModel]:
    return [ValueModel(value=each.value, is_known=each.is_known, at=each.at) for each in history]


def _key(variable: Variable) -> KeyModel:
    return KeyModel(
        key=variable.variable,
        value=variable.value,
        read_only=None if variable.mutability is None else variable.is_read_only,
        is_known=variable.is_known,
        changed_at=variable.changed_at,
        read_at=variable.read_at,
        history=_values(variable.history),
    )


def _variable(variable: Variable) -> VariableModel:
    return VariableModel(
        component=variable.component,
        component_instance=variable.component_instance,
        evse_id=variable.evse_id,
        connector_id=variable.connector_id,
        variable=variable.variable,
        variable_instance=variable.variable_instance,
        attribute=variable.attribute,
        value=variable.value,
        is_known=variable.is_known,
        mutability=variable.mutability,
        data_type=variable.data_type,
        unit=variable.unit,
        min_limit=variable.min_limit,
        max_limit=variable.max_limit,
        values=list(variable.values_list),
        changed_at=variable.changed_at,
        read_at=variable.read_at,
        history=_values(variable.history),
    )


def _report(report: VariableReport) -> ReportModel:
    return ReportModel(
        request_id=report.request_id,
        parts=report.parts,
        variables=report.variables,
        is_whole=report.is_whole,
        received_at=report.received_at,
    )


def _progress(progress: Progress) -> ProgressModel:
    return ProgressModel(
        request_id=progress.request_id,
        status=progress.status,
        note=progress.note,
        changed_at=progress.changed_at,
        steps=[_step(each) for each in progress.steps],
    )


def _step(step: Step) -> StepModel:
    return StepModel(status=step.status, note=step.note, at=step.at)


def _reservation(found: Reservation, caller: Caller) -> ReservationModel:
    number = found.transaction_id
    return ReservationModel(
        reservation_id=found.reservation_id,
        evse_id=found.evse_id,
        connector_type=found.connector_type,
        id_token=caller.personal(found.id_token),
        group_id=found.group_id,
        made_at=found.made_at,
        expires_at=found.expires_at,
        state=found.state,
        ending=found.ending,
        ended_at=found.ended_at,
        transaction_id=None if number is None else str(number),
        made_by=caller.personal(found.made_by),
        cancelled_by=caller.personal(found.cancelled_by),
    )


def shown_file(file: StationFile) -> FileModel:
    """Return a file as the API shows it."""
    is_firmware = file.kind == "firmware"
    return FileModel(
        id=file.id,
        kind=file.kind,
        station=file.station,
        organisation=file.organisation,
        file_name=file.file_name,
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        stored_at=file.stored_at,
        reference=file_places.reference(file.id) if is_firmware else None,
    )
