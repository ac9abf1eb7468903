"""Stations: the list, one station, setting it up, taking it in, its password, its OCPP log."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from accounts import shares
from accounts.permissions import Permission
from alerts import monitoring
from alerts.activation import Activation, Ending
from csms import administration, registry
from csms.administration import ConnectorSettings, EvseSettings, StationSettings
from csms.connectivity import SilenceLimits, StationState
from csms.registry import Station, StoredFrame
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from portal import accounts, asking, masking, paging
from portal import monitoring as switching
from portal.api.locations import seen_location, seen_organisation
from portal.api.models import Answer, Body, Moment, Quantity, Since, iso, moment_of
from portal.api.organisations import facts_from
from portal.context import PortalContext
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
LogReader = Annotated[Caller, Depends(require(Permission.FRAMES_READ))]
Agreement = Annotated[
    bool, Query(description="Although functions of the owner's account stop, as a refusal lists.")
]

_CLEARABLE: tuple[Literal["name", "location"], ...] = ("name", "location")

Admission = Literal["accepted", "waiting", "refused"]
BootPolicy = Literal["accept", "pending", "reject"]


class ConnectorModel(Answer):
    """A plug and what the station last said of it; status in OCPP 2.0.1's words."""

    connector_id: int
    type: str | None
    max_power_w: Quantity | None
    status: str | None
    charging_state: str | None
    error_code: str | None
    vendor_error_code: str | None
    info: str | None
    status_at: Moment | None


class EvseModel(Answer):
    """A place for one vehicle at a time."""

    evse_id: int
    emi3_id: str | None = Field(description="The EVSE ID on the sticker.")
    connectors: list[ConnectorModel]


class MonitoringState(Answer):
    """Since when the station is monitored, and for whom."""

    since: Moment
    organisation: OrganisationKey


class StationModel(Answer):
    """A charging station as it is now."""

    identity: str
    name: str | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    ocpp_version: str | None
    state: StationState = Field(
        description="How long ago it was heard; a closed socket shows in `connected` at once."
    )
    connected: bool
    connected_at: Moment | None
    last_heard_at: Moment | None
    booted_at: Moment | None
    admission: Admission
    organisation: OrganisationKey
    location: str | None
    time_zone: str
    security_profile: int
    has_password: bool
    boot_policy: BootPolicy
    aliases: list[str]
    items_per_message: dict[str, Any]
    free_vend: bool
    created_at: Moment
    evses: list[EvseModel]
    monitoring: MonitoringState | None = Field(description="Null: not monitored.")


class ConnectorBody(Body):
    """A plug."""

    connector_id: Annotated[int, Field(ge=1, le=1000)]
    type: Annotated[str, Field(max_length=50)] | None = Field(
        default=None, description="OCPP's word, as in `cType2`."
    )
    max_power_w: Annotated[Bounded, Field(gt=0, lt=10_000_000)] | None = None


class EvseBody(Body):
    """An EVSE; what is not named stays as it is."""

    evse_id: Annotated[int, Field(ge=1, le=1000)]
    emi3_id: Annotated[str, Field(min_length=1, max_length=48)] | None = None
    connectors: Annotated[list[ConnectorBody], Field(max_length=100)] = Field(default=[])


class StationChange(Body):
    """What of a station may change; a new owner or location counts from now on."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    organisation: str | None = None
    location: str | None = None
    time_zone: str | None = None
    security_profile: Annotated[int, Field(ge=0, le=3)] | None = None
    boot_policy: BootPolicy | None = None
    aliases: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]
        | None
    ) = None
    evses: Annotated[list[EvseBody], Field(max_length=1000)] | None = None
    items_per_message: dict[str, Annotated[int, Field(ge=1, le=10_000)]] | None = None
    free_vend: bool | None = Field(default=None, description="Charging costs nothing here.")


class NewStation(StationChange):
    """A station that is accepted from the start."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "identity": "DE-HN-014",
                "password": "a-long-password",
                "organisation": "stadtwerke-nord",
                "location": "heilbronn-zob",
                "evses": [
                    {
                        "evse_id": 1,
                        "emi3_id": "DE*ABC*E1001",
                        "connectors": [{"connector_id": 1, "type": "cType2", "max_power_w": 22000}],
                    }
                ],
            }
        }
    )

    identity: str
    password: Annotated[str, Field(min_length=8, max_length=64)] | None = Field(
        default=None, description="For HTTP Basic. Without one: security profile 0, knowingly."
    )


class PasswordBody(Body):
    """A station's password; null makes a fresh one."""

    password: Annotated[str, Field(min_length=8, max_length=64)] | None = None
    over_the_wire: bool = False
    change_order: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Over the wire to another organisation's station."
    )


class PasswordModel(Answer):
    """What was set; a password that was made for the station is shown this once."""

    identity: str
    password: str | None
    command: str | None = Field(description="The command by which the station is told of it.")


class FrameModel(Answer):
    """One line of the OCPP log, as it was on the wire."""

    at: Moment
    direction: Literal["in", "out"]
    epoch: int = Field(description="The connection's number; it rises with every reconnect.")
    raw: str
    note: str | None = Field(description="Repairs that were needed, or why it was refused.")


@router.get("", summary="List stations")
async def list_stations(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    state: StationState | None = None,
    admission: Admission | None = None,
    faulted: bool | None = None,
    q: Annotated[
        str | None,
        Query(max_length=100, description="A part of identity, name, location, EVSE ID …"),
    ] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[StationModel]:
    """In the order of their identity: those of the caller's organisations, and shared ones."""
    after = paging.decoded(cursor, str)
    found = await registry.stations(
        db,
        caller.scope,
        now,
        limits=limits(context),
        state=state,
        admission=admission,
        faulted=faulted,
        q=q,
        after=after[0] if after else None,
        limit=limit + 1,
    )
    monitored = await monitoring.active(db, [each.identity for each in found])
    return paging.page(
        found,
        limit,
        shown=lambda each: shown_station(each, monitored.get(each.identity)),
        key=lambda each: (each.identity,),
    )


@router.post("", status_code=201, summary="Create a station")
async def create_station(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    body: NewStation,
    agree: Agreement = False,
) -> StationModel:
    """The owner is the caller's own organisation unless the body names one."""
    facts = facts_from(body, clearable=frozenset({"password"}))
    identity, password = facts.pop("identity"), facts.pop("password", None)
    owner = await seen_organisation(
        db, caller, facts.pop("organisation", caller.principal.organisation)
    )
    await administration.create_station(
        db,
        identity,
        owner.key,
        await _settings(db, caller, facts),
        password=password,
        time_zone=owner.time_zone,
        now=now,
    )
    await accounts.points_changed(db, context, owner.key, agrees=agree, now=now)
    made = await _read(db, now, context, caller, identity)
    await caller.note(
        db,
        "station.create",
        f"station/{identity}",
        organisation=owner.key,
        after=_set(made),
        now=now,
    )
    return made


@router.get("/{identity:segment}", summary="Get a station")
async def get_station(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> StationModel:
    """With its EVSEs and their connectors as they are now."""
    return await _read(db, now, context, caller, identity)


@router.patch("/{identity:segment}", summary="Change a station")
async def change_station(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    identity: str,
    body: StationChange,
    agree: Agreement = False,
) -> StationModel:
    """Only what is sent changes; null clears the name and the location."""
    before = await _own(db, now, context, caller, identity)
    facts = facts_from(body, clearable=frozenset({"name", "location"}))
    cleared = [each for each in _CLEARABLE if each in facts and facts[each] is None]
    facts = {name: value for name, value in facts.items() if name not in cleared}
    if "organisation" in facts:
        facts["organisation"] = (await seen_organisation(db, caller, facts["organisation"])).key
    settings = await _settings(db, caller, facts)
    await administration.change_station(db, identity, settings, now=now, cleared=cleared)
    if facts.get("organisation", before.organisation) != before.organisation:
        await shares.end_all(db, StationId(identity), now=now)
        await switching.left(db, StationId(identity), Ending.MOVED, by=caller.actor, now=now)
    if "organisation" in facts or "evses" in facts:
        owner = OrganisationKey(facts.get("organisation", before.organisation))
        await accounts.points_changed(db, context, owner, agrees=agree, now=now)
    db.expire_all()
    changed = await _read(db, now, context, caller, identity)
    if "evses" in facts:
        ids = [{each.evse_id: each.emi3_id for each in one.evses} for one in (before, changed)]
        await monitoring.evse_ids_changed(db, StationId(identity), ids[0], ids[1], now=now)
    await caller.note(
        db,
        "station.change",
        f"station/{identity}",
        organisation=before.organisation,
        before=_set(before),
        after=_set(changed),
        now=now,
    )
    return changed


@router.post("/{identity:segment}/accept", summary="Take in a waiting station")
async def accept_station(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    identity: str,
    agree: Agreement = False,
) -> StationModel:
    """Its next boot is answered Accepted, and we ask for that boot at once."""
    before = await _own(db, now, context, caller, identity)
    await administration.accept_station(db, identity)
    await accounts.points_changed(db, context, before.organisation, agrees=agree, now=now)
    return await _admitted(db, now, context, caller, before, "station.accept")


@router.post("/{identity:segment}/refuse", summary="Refuse a waiting station")
async def refuse_station(
    db: Db, now: Now, context: Context, caller: Writer, identity: str
) -> StationModel:
    """Its boots are rejected, and its next connection is refused."""
    before = await _own(db, now, context, caller, identity)
    await administration.refuse_station(db, identity)
    await switching.left(db, StationId(identity), Ending.DECOMMISSIONED, by=caller.actor, now=now)
    return await _admitted(db, now, context, caller, before, "station.refuse")


async def _admitted(
    db: Db,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    before: StationModel,
    deed: str,
) -> StationModel:
    changed = await _read(db, now, context, caller, before.identity)
    await caller.note(
        db,
        deed,
        f"station/{before.identity}",
        organisation=before.organisation,
        before={"admission": before.admission},
        after={"admission": changed.admission},
        now=now,
    )
    return changed


_SET = frozenset(
    {
        "organisation",
        "location",
        "time_zone",
        "name",
        "security_profile",
        "boot_policy",
        "aliases",
        "evses",
        "items_per_message",
        "admission",
    }
)
"""What of a station people set; the rest it tells itself."""


def _set(station: StationModel) -> dict[str, Any]:
    return station.model_dump(mode="json", include=set(_SET))


@router.put("/{identity:segment}/password", summary="Set a station's password")
async def set_station_password(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: PasswordBody
) -> PasswordModel:
    """Sets the password of HTTP Basic; enter the same one at the station.

    Over the wire the station is told by its own protocol: both passwords are valid until it
    connects with the new one.
    """
    before = await _own(db, now, context, caller, identity)
    await caller.note(
        db,
        "station.password",
        f"station/{identity}",
        organisation=before.organisation,
        after={"over_the_wire": body.over_the_wire},
        now=now,
    )
    command_id = None
    if body.over_the_wire:
        station = await registry.station(db, caller.scope, identity, now, limits=limits(context))
        caller.must_have(Permission.COMMANDS_CONFIGURE)
        is_16 = station.ocpp_version in (None, "1.6")
        chosen, action, payload = await administration.offer_station_password(
            db, identity, body.password, is_16=is_16
        )
        command = await asking.ask(
            db,
            caller,
            station,
            action,
            payload,
            now=now,
            reason="api",
            change_order=body.change_order,
        )
        command_id = command.id
    else:
        chosen = await administration.set_station_password(db, identity, body.password)
    fresh = chosen if body.password is None else None
    return PasswordModel(identity=identity, password=fresh, command=command_id)


@router.get(
    "/{identity:segment}/frames",
    summary="Read a station's OCPP log",
    response_model=Page[FrameModel],
    responses={200: {"content": {"text/plain": {"example": "2026-10-15T12:00:00Z in 3 [2,…]"}}}},
)
async def list_frames(
    db: Db,
    now: Now,
    context: Context,
    caller: LogReader,
    request: Request,
    identity: str,
    first: Annotated[Since | None, Query(alias="from", description="Included.")] = None,
    last: Annotated[Since | None, Query(alias="to", description="Not included.")] = None,
    q: Annotated[str | None, Query(max_length=100, description="A part of the text.")] = None,
    limit: paging.Limit = paging.LARGEST_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """The oldest first. With `Accept: text/plain` one line each: moment, direction, connection,
    frame; the cursor of the next page is then in `X-Next`."""
    station = await _read(db, now, context, caller, identity)
    # What was said before a station was shared, and to whom else, is its owner's.
    caller.must_see(station.organisation, "station", identity)
    zone = station.time_zone
    start = None if first is None else moment_of(first, zone)
    end = None if last is None else moment_of(last, zone)
    place = paging.decoded(cursor, str, int)
    skipped = 0
    if place is not None:
        start, skipped = moment_in_cursor(place[0]), place[1]
        if not 0 <= skipped <= 10_000:
            raise paging.WrongCursor
    found = await registry.frames(
        db, identity, start=start, end=end, q=q, limit=limit + 1 + skipped, newest_first=False
    )
    kept = found[skipped : skipped + limit]
    following = None
    if len(found) > skipped + limit:
        at = kept[-1].at
        same = sum(each.at == at for each in found[: skipped + limit])
        following = paging.encoded(at.isoformat(), same)
    kept = [
        replace(each, raw=masking.frame(caller, each.raw))
        for each in kept
        if masking.frame_is_meant(caller, each.raw, q)
    ]
    if request.headers.get("accept", "").startswith("text/plain"):
        caller.must_be_able_to_export()
        text = "".join(_line(each) for each in kept)
        return PlainTextResponse(text, headers={} if following is None else {"x-next": following})
    items = [_frame(each).model_dump(mode="json") for each in kept]
    return JSONResponse({"items": items, "next": following})


def limits(context: PortalContext) -> SilenceLimits:
    """Return when silence counts as pending or offline, by the settings."""
    return SilenceLimits(
        timedelta(seconds=context.settings.pending_after_s),
        timedelta(seconds=context.settings.offline_after_s),
    )


def moment_in_cursor(written: str) -> datetime:
    """Return the moment in a cursor.

    Raises:
        WrongCursor: If it is none.
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise paging.WrongCursor from None
    if moment.tzinfo is None:
        raise paging.WrongCursor
    return moment


async def _read(
    db: Db, now: datetime, context: PortalContext, caller: Caller, identity: str
) -> StationModel:
    found = await registry.station(db, caller.scope, identity, now, limits=limits(context))
    return shown_station(found, (await monitoring.active(db, [identity])).get(found.identity))


async def _own(
    db: Db, now: datetime, context: PortalContext, caller: Caller, identity: str
) -> StationModel:
    """Return a station to change: to whom it is only shared, it is not his to change.

    Raises:
        NotFound: If it is not of the caller's organisations.
    """
    station = await _read(db, now, context, caller, identity)
    caller.must_see(station.organisation, "station", identity)
    return station


async def _settings(db: Db, caller: Caller, facts: dict[str, Any]) -> StationSettings:
    """Return the settings that a body names; its location must be one of the caller's."""
    if "location" in facts:
        try:
            await seen_location(db, caller, facts["location"])
        except NotFound as error:
            raise InvalidInput(
                f"There is no location {facts['location']!r}.", field="location"
            ) from error
    if "evses" in facts:
        facts["evses"] = [
            EvseSettings(
                evse_id=evse.evse_id,
                emi3_id=evse.emi3_id,
                connectors=[
                    ConnectorSettings(
                        connector_id=each.connector_id,
                        type=each.type,
                        max_power_w=each.max_power_w,
                    )
                    for each in evse.connectors
                ],
            )
            for evse in facts["evses"]
        ]
    return StationSettings(**facts)


def shown_station(station: Station, monitored: Activation | None) -> StationModel:
    """Return a station as the API shows it; `monitored` is its monitoring, if it is active."""
    return StationModel.model_validate(
        {
            "identity": station.identity,
            "name": station.name,
            "vendor": station.vendor,
            "model": station.model,
            "serial_number": station.serial_number,
            "firmware": station.firmware,
            "ocpp_version": station.ocpp_version,
            "state": station.state,
            "connected": station.connected,
            "connected_at": station.connected_at,
            "last_heard_at": station.last_heard_at,
            "booted_at": station.booted_at,
            "admission": station.admission,
            "organisation": station.organisation,
            "location": station.location,
            "time_zone": station.time_zone,
            "security_profile": station.security_profile,
            "has_password": station.has_password,
            "boot_policy": station.boot_policy,
            "aliases": list(station.aliases),
            "items_per_message": station.items_per_message,
            "free_vend": station.free_vend,
            "created_at": station.created_at,
            "monitoring": None
            if monitored is None
            else {"since": monitored.active_from, "organisation": monitored.organisation},
            "evses": [
                {
                    "evse_id": evse.evse_id,
                    "emi3_id": evse.emi3_id,
                    "connectors": [
                        {
                            "connector_id": each.connector_id,
                            "type": each.type,
                            "max_power_w": each.max_power_w,
                            "status": each.status,
                            "charging_state": each.charging_state,
                            "error_code": each.error_code,
                            "vendor_error_code": each.vendor_error_code,
                            "info": each.info,
                            "status_at": each.status_at,
                        }
                        for each in evse.connectors
                    ],
                }
                for evse in station.evses
            ],
        }
    )


def _frame(frame: StoredFrame) -> FrameModel:
    return FrameModel.model_validate(
        {
            "at": frame.at,
            "direction": frame.direction,
            "epoch": frame.epoch,
            "raw": frame.raw,
            "note": frame.note,
        }
    )


def _line(frame: StoredFrame) -> str:
    note = "" if frame.note is None else f" # {frame.note}"
    raw = frame.raw.replace("\r", "\\r").replace("\n", "\\n")
    return f"{iso(frame.at)} {frame.direction} {frame.epoch} {raw}{note}\n"
