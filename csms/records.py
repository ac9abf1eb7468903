"""Face: what stations hold beside their sessions, and what they told of it.

Display messages, variable monitors, DER controls and event streams are held until the station says
otherwise: by its answer to a command of ours, or by a report. Values of streams, DER events and
battery swaps happened once; the same words again are the same telling.

Source: OCPP 2.0.1 part 2, O01 to O06; OCPP 2.1 part 2, N11 to N14, R04, S01 to S04.
"""

import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from csms.charging_profiles import Purpose
from csms.record_tables import StationRecordRow, StationTellingRow
from foundation.clock import Clock
from foundation.database import Database
from foundation.identifiers import StationId

ACTIONS: Final = frozenset(
    {
        "AdjustPeriodicEventStream",
        "ClearChargingProfile",
        "ClearDERControl",
        "ClearDisplayMessage",
        "ClearVariableMonitoring",
        "GetChargingProfiles",
        "GetDisplayMessages",
        "GetMonitoringReport",
        "GetPeriodicEventStream",
        "SetChargingProfile",
        "SetDERControl",
        "SetDisplayMessage",
        "SetMonitoringBase",
        "SetVariableMonitoring",
    }
)
"""Commands whose answers say what a station holds."""


CUSTOM: Final = "CustomMonitor"
"""A monitor that was set by us, and not by the maker."""
_KEPT_AT_ONCE: Final = 5000
_FORGOTTEN_AT_ONCE: Final = 5000


class Held(StrEnum):
    """What a station holds."""

    DISPLAY_MESSAGE = "display_message"
    DER_CONTROL = "der_control"
    EVENT_STREAM = "event_stream"
    MONITOR = "monitor"
    """By its number; `state` says whose it is where that is known, in 2.1's words (`CUSTOM`)."""
    CHARGING_PROFILE = "charging_profile"
    """By its number; what it is for and where stands in it."""
    CHARGING_LIMIT = "charging_limit"
    """Set by others than us: by its source and EVSE."""
    DYNAMIC_SCHEDULE = "dynamic_schedule"
    """What shall hold of a dynamic profile now, by its number (`csms.dynamic_schedules`)."""
    COMPOSITE_SCHEDULE = "composite_schedule"
    """By its EVSE: what it answered, and ours (`csms.known_profiles`)."""
    CHARGING_NEEDS = "charging_needs"
    """What the vehicle at an EVSE said that it needs; `state` is what it was answered."""
    CHARGES_FIRST = "charges_first"
    """By a transaction's id: whether it does now, by the station's last word (2.1, K22)."""
    VEHICLE_SCHEDULE = "vehicle_schedule"
    """How the vehicle at an EVSE means to charge; `state` is what it was answered."""


class Told(StrEnum):
    """What a station tells once."""

    STREAM_VALUES = "stream_values"
    DER_ALARM = "der_alarm"
    DER_START_STOP = "der_start_stop"
    BATTERY_SWAP = "battery_swap"
    PRIORITY_CHARGING = "priority_charging"
    """A transaction charges first from now on, or no longer (2.1, K22): by its id."""


@dataclass(frozen=True, slots=True)
class Record:
    """Something a station holds; `content` in OCPP's own words."""

    kind: Held
    key: str
    content: Mapping[str, Any]
    state: str | None
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Telling:
    """Something a station told; `content` in OCPP's own words."""

    id: int
    kind: Told
    ref: str
    content: Mapping[str, Any]
    told_at: datetime


async def held(
    db: AsyncSession,
    station: StationId,
    kind: Held,
    *,
    after: str | None = None,
    most: int | None = None,
) -> list[Record]:
    """Return what a station holds of a kind, by its keys: those behind one, as many at most."""
    query = select(StationRecordRow).where(
        StationRecordRow.station == station, StationRecordRow.kind == kind
    )
    if after is not None:
        query = query.where(StationRecordRow.key > after)
    rows = await db.scalars(query.order_by(StationRecordRow.key).limit(most))
    return [Record(kind, each.key, each.content, each.state, each.told_at) for each in rows]


async def tellings(
    db: AsyncSession,
    station: StationId,
    kind: Told,
    *,
    behind: tuple[datetime, int] | None = None,
    most: int = 100,
) -> list[Telling]:
    """Return what a station told of a kind, the newest first: those behind a moment and id."""
    query = select(StationTellingRow).where(
        StationTellingRow.station == station, StationTellingRow.kind == kind
    )
    if behind is not None:
        query = query.where(tuple_(StationTellingRow.told_at, StationTellingRow.id) < behind)
    rows = await db.scalars(
        query.order_by(StationTellingRow.told_at.desc(), StationTellingRow.id.desc()).limit(most)
    )
    return [Telling(each.id, kind, each.ref, each.content, each.told_at) for each in rows]


# -------------------------------------------------------------------------------- a station says


async def keep(
    db: AsyncSession,
    station: str,
    kind: Held,
    key: str,
    content: Mapping[str, Any],
    *,
    state: str | None,
    at: datetime,
) -> None:
    """Keep what a station holds; what it held by the same key is gone."""
    await keep_all(db, station, kind, {key: (content, state)}, at=at)


async def keep_all(
    db: AsyncSession,
    station: str,
    kind: Held,
    found: Mapping[str, tuple[Mapping[str, Any], str | None]],
    *,
    at: datetime,
) -> None:
    """Keep what a station holds of a kind, by one statement: by key its content and its state."""
    if len(found) > _KEPT_AT_ONCE:  # a statement has so many parameters at most
        keys = sorted(found)
        for place in range(0, len(keys), _KEPT_AT_ONCE):
            some = {key: found[key] for key in keys[place : place + _KEPT_AT_ONCE]}
            await keep_all(db, station, kind, some, at=at)
        return
    if not found:
        return
    written = insert(StationRecordRow).values(
        [
            {
                "station": station,
                "kind": kind.value,
                "key": key,
                "content": dict(content),
                "state": state,
                "told_at": at,
            }
            for key, (content, state) in sorted(found.items())
        ]
    )
    told = written.excluded
    await db.execute(
        written.on_conflict_do_update(
            index_elements=["station", "kind", "key"],
            set_={"content": told.content, "state": told.state, "told_at": told.told_at},
        )
    )


async def forget(db: AsyncSession, station: str, kind: Held, keys: Sequence[str]) -> None:
    """A station holds these no longer."""
    await db.execute(
        delete(StationRecordRow)
        .where(StationRecordRow.station == station, StationRecordRow.kind == kind.value)
        .where(StationRecordRow.key.in_(keys))
    )


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 by which the same words are known again, in hexadecimal."""
    said = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


async def tell(
    db: AsyncSession,
    station: str,
    kind: Told,
    ref: str,
    content: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    """Keep what a station told, once."""
    await db.execute(
        insert(StationTellingRow)
        .values(
            station=station,
            kind=kind.value,
            ref=ref,
            digest=digest_of(content),
            content=dict(content),
            told_at=at,
        )
        .on_conflict_do_nothing()
    )


async def forget_tellings(db: AsyncSession, before: datetime) -> int:
    """Forget some of what was told before a moment; return how much, 0 once there is no more."""
    gone = await db.execute(
        text("""
            delete from station_tellings where id in (
                select id from station_tellings where told_at < :before
                order by id limit :most for update skip locked)
        """),
        {"before": before, "most": _FORGOTTEN_AT_ONCE},
    )
    return int(getattr(gone, "rowcount", 0))


def forgetting(
    database: Database, clock: Clock, kept: timedelta
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return, as periodic work, to forget what was told longer ago than it is kept."""

    async def run() -> None:
        before = clock.now() - kept
        while True:
            async with database.unit_of_work() as db:
                if not await forget_tellings(db, before):
                    return

    return run


async def mark(
    db: AsyncSession, station: str, kind: Held, keys: Sequence[str], state: str, at: datetime
) -> None:
    """A station does something else with what it holds."""
    await db.execute(
        update(StationRecordRow)
        .where(StationRecordRow.station == station, StationRecordRow.kind == kind.value)
        .where(StationRecordRow.key.in_(keys))
        .values(state=state, told_at=at)
    )


_WHOLE: Final[Mapping[Held, tuple[str, str]]] = {
    Held.DISPLAY_MESSAGE: (
        "GetDisplayMessages",
        "not c.payload ?| array['id', 'priority', 'state']",
    ),
    Held.CHARGING_PROFILE: (
        "GetChargingProfiles",
        "not c.payload ? 'evseId' and c.payload -> 'chargingProfile' = '{}'",
    ),
    Held.MONITOR: (
        "GetMonitoringReport",
        "not c.payload ?| array['monitoringCriteria', 'componentVariable']",
    ),
}
"""By what a report is asked for, and when it is one of all that there is."""


async def all_told(db: AsyncSession, station: str, kind: Held, request_id: int) -> None:
    """The last part of a report came: of a report without a filter, what it left out is gone.

    What others limit (`CHARGING_LIMIT`) is no profile, and stays.
    """
    action, is_whole = _WHOLE[kind]
    await db.execute(
        text(f"""
            delete from station_records r using commands c
            where r.station = :station and r.kind = :kind
            and c.id = (
                select max(id) from commands where station = :station and action = :action
                and payload ->> 'requestId' = cast(:request as text))
            and {is_whole} and r.told_at < c.sent_at
        """),  # noqa: S608 - a condition of ours
        {"station": station, "kind": kind, "action": action, "request": str(request_id)},
    )


# -------------------------------------------------------------------------- a station answered


async def answered(
    db: AsyncSession,
    station: str,
    action: str,
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
    at: datetime,
) -> None:
    """Take from an answer to one of `ACTIONS` what the station holds now; refusals say nothing."""
    status = answer.get("status")
    is_yes = status == "Accepted"
    match action:
        case "SetDisplayMessage" if is_yes:
            message = payload["message"]
            await keep(
                db,
                station,
                Held.DISPLAY_MESSAGE,
                str(message["id"]),
                message,
                state=message.get("state"),
                at=at,
            )
        case "ClearDisplayMessage" if status in ("Accepted", "Unknown"):
            await forget(db, station, Held.DISPLAY_MESSAGE, [str(payload["id"])])
        case "SetChargingProfile" if is_yes:
            number, content = profile_in(payload)
            await keep(db, station, Held.CHARGING_PROFILE, number, content, state=None, at=at)
            await forget(db, station, Held.DYNAMIC_SCHEDULE, [number])
        case "GetDisplayMessages" if status == "Unknown":
            await _none_found(db, station, Held.DISPLAY_MESSAGE, payload, _is_message_of, at)
        case "GetMonitoringReport" if status == "EmptyResultSet":
            await _none_found(db, station, Held.MONITOR, payload, _is_monitor_of, at)
        case "GetChargingProfiles" if status == "NoProfiles":
            await all_told(db, station, Held.CHARGING_PROFILE, payload["requestId"])
        case "ClearChargingProfile" if is_yes or status == "Unknown":
            await _clear_profiles(db, station, payload)
        case "SetDERControl" if is_yes:
            key = str(payload["controlId"])
            await keep(db, station, Held.DER_CONTROL, key, payload, state=None, at=at)
            superseded = [str(each) for each in answer.get("supersededIds") or ()]
            await mark(db, station, Held.DER_CONTROL, superseded, "Superseded", at)
        case "ClearDERControl" if is_yes:
            await _clear_controls(db, station, payload)
        case "SetVariableMonitoring":
            for asked, each in zip(
                payload["setMonitoringData"], answer.get("setMonitoringResult") or (), strict=False
            ):
                if each.get("status") == "Accepted" and "id" in each:
                    content = {**asked, "id": each["id"]}
                    key = str(each["id"])
                    await keep(db, station, Held.MONITOR, key, content, state=CUSTOM, at=at)
        case "SetMonitoringBase" if is_yes and payload["monitoringBase"] != "All":
            # It goes back to what its maker set, or to what is wired (2.0.1, N03).
            known = await held(db, StationId(station), Held.MONITOR)
            ours = [each.key for each in known if each.state == CUSTOM]
            await forget(db, station, Held.MONITOR, ours)
        case "ClearVariableMonitoring":
            results = answer.get("clearMonitoringResult") or ()
            gone = [str(each["id"]) for each in results if each["status"] != "Rejected"]
            await forget(db, station, Held.MONITOR, gone)
        case "AdjustPeriodicEventStream" if is_yes:
            key = str(payload["id"])
            for each in await held(db, StationId(station), Held.EVENT_STREAM):
                if each.key == key:
                    content = {**each.content, "params": payload["params"]}
                    await keep(
                        db, station, Held.EVENT_STREAM, key, content, state=each.state, at=at
                    )
        case "GetPeriodicEventStream" if "error_code" not in answer:
            streams = answer.get("constantStreamData") or ()
            known = await held(db, StationId(station), Held.EVENT_STREAM)
            there = {str(each["id"]) for each in streams}
            gone = [each.key for each in known if each.key not in there]
            await mark(db, station, Held.EVENT_STREAM, gone, "Closed", at)
            for each in streams:
                await keep(
                    db, station, Held.EVENT_STREAM, str(each["id"]), each, state="Open", at=at
                )


async def _none_found(
    db: AsyncSession,
    station: str,
    kind: Held,
    asked: Mapping[str, Any],
    is_meant: Callable[[Record, Mapping[str, Any]], bool],
    at: datetime,
) -> None:
    """A station holds nothing of what it was asked for; what it took since stays."""
    gone = [
        each.key
        for each in await held(db, StationId(station), kind)
        if each.told_at < at and is_meant(each, asked)
    ]
    await forget(db, station, kind, gone)


def _is_message_of(message: Record, asked: Mapping[str, Any]) -> bool:
    """Tell whether GetDisplayMessages asks for it: each criterion that is named has to hold."""
    return (
        (not asked.get("id") or message.key in {str(each) for each in asked["id"]})
        and asked.get("priority") in (None, message.content.get("priority"))
        and asked.get("state") in (None, message.content.get("state"))
    )


_CRITERIA: Final[Mapping[str, str]] = {
    "UpperThreshold": "ThresholdMonitoring",
    "LowerThreshold": "ThresholdMonitoring",
    "Delta": "DeltaMonitoring",
    "TargetDelta": "DeltaMonitoring",
    "TargetDeltaRelative": "DeltaMonitoring",
    "Periodic": "PeriodicMonitoring",
    "PeriodicClockAligned": "PeriodicMonitoring",
}
"""By the type of a monitor: which criterion of GetMonitoringReport means it (N02)."""


def _is_monitor_of(monitor: Record, asked: Mapping[str, Any]) -> bool:
    """Tell whether GetMonitoringReport asks for it: a variable that is not named means all."""
    criteria, places = asked.get("monitoringCriteria"), asked.get("componentVariable")
    content = monitor.content
    return (not criteria or _CRITERIA.get(content.get("type", "")) in criteria) and (
        not places
        or any(
            _names(each["component"], content["component"])
            and _names(each.get("variable") or {}, content["variable"])
            for each in places
        )
    )


def _names(asked: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Tell whether a component or variable is meant: what is not said of it may be anything."""
    return all(_is_alike(value, there.get(name)) for name, value in asked.items())


def _is_alike(asked: Any, there: Any) -> bool:
    if isinstance(asked, Mapping) and isinstance(there, Mapping):
        return _names(asked, there)
    if isinstance(asked, str) and isinstance(there, str):
        return asked.casefold() == there.casefold()
    return bool(asked == there)


def profile_in(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a profile's number, and it with its EVSE in 2.x's words, whatever the version.

    Args:
        payload: Of SetChargingProfile, or of a start that has a profile with it.
    """
    evse_id = payload.get("evseId", payload.get("connectorId")) or 0
    profile = payload.get("csChargingProfiles", payload.get("chargingProfile"))
    assert profile is not None
    if "chargingProfileId" in profile:  # 1.6
        told = {name: value for name, value in profile.items() if name != "chargingProfileId"}
        schedules = [profile["chargingSchedule"]]
        profile = told | {"id": profile["chargingProfileId"], "chargingSchedule": schedules}
    return str(profile["id"]), {"evseId": evse_id, "chargingProfile": profile}


_OF_OTHERS: Final = frozenset({Purpose.EXTERNAL, Purpose.LOCAL_GENERATION})


async def _clear_profiles(db: AsyncSession, station: str, payload: Mapping[str, Any]) -> None:
    """One profile by its number; or those of an EVSE, a purpose and a stack level, as named.

    What others set goes by no criteria: stations leave that as it is (K10.FR.04, FR.08).
    """
    named = payload.get("id", payload.get("chargingProfileId"))
    criteria = payload.get("chargingProfileCriteria") or payload
    evse = criteria.get("connectorId", criteria.get("evseId"))
    purpose, level = criteria.get("chargingProfilePurpose"), criteria.get("stackLevel")
    gone = []
    for each in await held(db, StationId(station), Held.CHARGING_PROFILE):
        profile = each.content["chargingProfile"]
        is_meant = (
            profile.get("chargingProfilePurpose") not in _OF_OTHERS
            and (evse is None or each.content.get("evseId") == evse)
            and (purpose is None or profile.get("chargingProfilePurpose") == purpose)
            and (level is None or profile.get("stackLevel") == level)
        )
        if each.key == str(named) if named is not None else is_meant:
            gone.append(each.key)
    await forget(db, station, Held.CHARGING_PROFILE, gone)
    await forget(db, station, Held.DYNAMIC_SCHEDULE, gone)


async def _clear_controls(db: AsyncSession, station: str, payload: Mapping[str, Any]) -> None:
    """One control by its id; or all of a type, or all, that are defaults or are not."""
    known = await held(db, StationId(station), Held.DER_CONTROL)
    named, kind = payload.get("controlId"), payload.get("controlType")
    is_default = bool(payload["isDefault"])
    gone = [
        each.key
        for each in known
        if (each.key == named if named is not None else each.content.get("isDefault") == is_default)
        and (kind is None or each.content.get("controlType") == kind)
    ]
    await forget(db, station, Held.DER_CONTROL, gone)
