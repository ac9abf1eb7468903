"""Meters' public keys, and the ghost guard: what a station has so that its bills can be trusted."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms import ghosts, meters
from csms.meters import NewKey, RegisteredKey, ReportedKey
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.meter_doors import end, own, register, seen, set_guard, take_over
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]


class MeterKeyModel(Answer):
    """A meter's public key."""

    key_id: int
    evse_id: int = Field(description="0: of all of the station's meters.")
    public_key: str = Field(description="SubjectPublicKeyInfo in DER, as hexadecimal digits.")
    curve: str
    meter_serial: str | None
    valid_from: Moment
    valid_to: Moment | None


class MeterKeyBody(Body):
    """A key to be registered, from the meter's type plate or its type approval."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "evse_id": 1,
                "public_key": "3059301306072A8648CE3D020106082A8648CE3D03010703420004…",
                "meter_serial": "1EBZ0300034628",
                "valid_from": "2026-10-01T00:00:00Z",
            }
        }
    )

    evse_id: Annotated[int, Field(ge=0)] = 0
    public_key: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="PEM, DER as hexadecimal digits or Base64, or a bare point with its curve."
    )
    curve: str | None = Field(default=None, description="Needed for a bare point only.")
    meter_serial: Annotated[str, Field(max_length=100)] | None = None
    valid_from: Moment | None = Field(default=None, description="Now, if it is left out.")


class MeterKeyEndBody(Body):
    """When a key ends: the meter was taken out, or at its beginning if it was wrong."""

    model_config = ConfigDict(json_schema_extra={"example": {"at": "2026-10-15T12:00:00Z"}})

    at: Moment | None = Field(default=None, description="Now, if it is left out.")


class ReportedKeyModel(Answer):
    """A key that the station sent beside signed values; nothing is verified with it."""

    evse_id: int
    public_key: str = Field(description="SubjectPublicKeyInfo in DER, as hexadecimal digits.")
    curve: str
    fingerprint: str = Field(description="SHA-256 of the key, as 64 hexadecimal digits.")
    values: int = Field(description="How many signed values it came with.")
    first_at: Moment = Field(description="The start of the first session that it came with.")
    last_at: Moment
    is_registered: bool


class TakeOverBody(Body):
    """A key that was reported, and what stands on the meter's type plate."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "evse_id": 1,
                "fingerprint": "9f2b…64 digits",
                "typed": "9f2b 41c0 … from the type plate",
            }
        }
    )

    evse_id: Annotated[int, Field(ge=0, le=2**31 - 1)]
    fingerprint: Annotated[str, Field(max_length=64)] = Field(
        description="Which of the reported keys, by its fingerprint as it is listed."
    )
    typed: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="The fingerprint or the whole key, as a person read it from the type plate"
        " or the manufacturer's paper: never a copy of what the station sent."
    )


class GhostGuardModel(Answer):
    """After how many minutes without energy a transaction is stopped."""

    minutes: int | None = Field(description="null: never.")


class GhostGuardBody(Body):
    """Set or switch off the guard."""

    model_config = ConfigDict(json_schema_extra={"example": {"minutes": 15}})

    minutes: int | None = Field(description="2 to 1440; null: never.")


@router.get("/{identity:segment}/meter-keys", summary="List a station's meter keys")
async def list_keys(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Page[MeterKeyModel]:
    """An EVSE's own before the station's, the newest first; ended ones are among them."""
    station = await seen(db, now, context, caller, identity)
    return Page(items=[_shown(each) for each in await meters.keys(db, station.identity)], next=None)


@router.post("/{identity:segment}/meter-keys", status_code=201, summary="Register a meter's key")
async def register_key(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: MeterKeyBody
) -> MeterKeyModel:
    """What waited for it is checked again, and billed if nothing else holds it."""
    station = await own(db, now, context, caller, identity)
    new = NewKey(
        evse_id=body.evse_id,
        public_key=body.public_key,
        curve=body.curve,
        meter_serial=body.meter_serial,
        valid_from=body.valid_from or now,
    )
    return _shown(await register(db, now, context, caller, station, new))


@router.get("/{identity:segment}/meter-keys/reported", summary="List the keys a station reported")
async def list_reported(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Page[ReportedKeyModel]:
    """By EVSE, the newest first; each is to be compared before it can be taken over."""
    station = await seen(db, now, context, caller, identity)
    found = await meters.reported_keys(db, station.identity)
    return Page(items=[_reported(each) for each in found], next=None)


@router.post(
    "/{identity:segment}/meter-keys/take-over",
    status_code=201,
    summary="Take over a reported key that was compared",
)
async def take_over_key(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: TakeOverBody
) -> MeterKeyModel:
    """Only if what was typed is the reported key; what waited for it is then checked again."""
    station = await own(db, now, context, caller, identity)
    key = await take_over(
        db,
        now,
        context,
        caller,
        station,
        evse_id=body.evse_id,
        reported=body.fingerprint,
        typed=body.typed,
    )
    return _shown(key)


@router.post("/{identity:segment}/meter-keys/{key_id}/end", summary="End a meter's key")
async def end_key(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    identity: str,
    key_id: Number,
    body: MeterKeyEndBody,
) -> MeterKeyModel:
    """Values of transactions that begin then or later are checked with the next one."""
    station = await own(db, now, context, caller, identity)
    return _shown(await end(db, now, context, caller, station, key_id, at=body.at))


@router.get("/{identity:segment}/ghost-guard", summary="Get a station's ghost guard")
async def get_guard(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> GhostGuardModel:
    """Whether transactions that take no energy are stopped."""
    station = await seen(db, now, context, caller, identity)
    return GhostGuardModel(minutes=await ghosts.guard_of(db, station.identity))


@router.put("/{identity:segment}/ghost-guard", summary="Set a station's ghost guard")
async def put_guard(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: GhostGuardBody
) -> GhostGuardModel:
    """Only where it is on does anything end a session by itself: by a remote stop."""
    station = await own(db, now, context, caller, identity)
    await set_guard(db, now, context, caller, station, body.minutes)
    return GhostGuardModel(minutes=await ghosts.guard_of(db, station.identity))


def _shown(key: RegisteredKey) -> MeterKeyModel:
    return MeterKeyModel(
        key_id=key.id,
        evse_id=key.evse_id,
        public_key=key.public_key,
        curve=key.curve,
        meter_serial=key.meter_serial,
        valid_from=key.valid_from,
        valid_to=key.valid_to,
    )


def _reported(key: ReportedKey) -> ReportedKeyModel:
    return ReportedKeyModel(
        evse_id=key.evse_id,
        public_key=key.key.text,
        curve=key.key.curve,
        fingerprint=key.fingerprint,
        values=key.values,
        first_at=key.first_at,
        last_at=key.last_at,
        is_registered=key.is_registered,
    )
