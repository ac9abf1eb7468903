"""What a station's answers to commands tell of it: its settings, its list's version, reservations.

`keep_answer` is called with every answer that is taken, by whoever asked, in his unit of work. The
answer is as `csms.ocpp.outgoing.decode_answer` gives it: of the right shape, but the values are
the station's.

Sources: OCPP 1.6 edition 2, sections 5.8, 5.10 and 5.13; OCPP 2.0.1, part 2, B06, D02, H01, H02.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import equipment_store, local_list_store
from csms.equipment_store import Ending, NewReservation, Told
from csms.ocpp.equipment import shown
from csms.reports import ReportedVariable
from foundation import outbox
from foundation.events import ReservationEnded
from foundation.identifiers import StationId

LOCAL_LIST: Final = ("LocalAuthListCtrlr", "Version")
"""Component and variable under which a local list's version is kept; the standard names none."""

_UNKNOWN = frozenset({"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"})
_LARGEST_32 = 2**31 - 1
_LARGEST_64 = 2**63 - 1


async def keep_answer(
    db: AsyncSession,
    station: StationId,
    action: str,
    answer: Mapping[str, Any],
    at: datetime,
    *,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Keep what an answer tells of its station; most answers tell nothing that lasts.

    Args:
        db: The asker's unit of work.
        station: Who answered.
        action: What was asked, by its OCPP name.
        answer: The answer's payload.
        at: When it came.
        payload: What was asked in full; without it reservations are not followed.
    """
    told = variables_in(action, answer)
    if told:
        await equipment_store.save_variables(db, [Told(station, at, each) for each in told])
    await _keep_list(db, station, action, answer, at, payload)
    if payload is None or answer.get("status") != "Accepted":
        return
    if action == "ReserveNow":
        new = _reservation(station, payload, at)
        if new is not None:
            await equipment_store.save_reservation(db, new)
    elif action == "CancelReservation":
        number = _integer(payload.get("reservationId"))
        if number is not None:
            await _cancelled(db, station, number, at)


async def _keep_list(
    db: AsyncSession,
    station: StationId,
    action: str,
    answer: Mapping[str, Any],
    at: datetime,
    payload: Mapping[str, Any] | None,
) -> None:
    """Keep what an answer tells of the station's local list."""
    if action == "SendLocalList" and payload is not None and "error_code" not in answer:
        await local_list_store.keep_sent(db, station, payload, str(answer.get("status")), at)
    elif action == "GetLocalListVersion":
        version = _integer(answer.get("listVersion", answer.get("versionNumber")))
        if version is not None:
            await local_list_store.keep_version(db, station, version, at)


async def keep_read_back(
    db: AsyncSession, station: StationId, answer: Mapping[str, Any], at: datetime
) -> None:
    """Keep what a station said when it was asked what it has now; its fields tell the action."""
    for action, fields in _READ_BACKS.items():
        if not fields.isdisjoint(answer):
            await keep_answer(db, station, action, answer, at)
            return


_READ_BACKS = {
    "GetConfiguration": frozenset({"configurationKey", "unknownKey"}),
    "GetVariables": frozenset({"getVariableResult"}),
    "GetLocalListVersion": frozenset({"listVersion", "versionNumber"}),
}


async def _cancelled(db: AsyncSession, station: StationId, number: int, at: datetime) -> None:
    ended = await equipment_store.end_reservations(db, [Ending(station, number, "Cancelled", at)])
    told = [
        ReservationEnded(happened_at=at, station=station, reservation_id=number, ending=each.ending)
        for each in ended
    ]
    await outbox.append(db, told, recorded_at=at)


# -------------------------------------------------------------------------------- variables


def variables_in(action: str, answer: Mapping[str, Any]) -> list[ReportedVariable]:
    """Return the variables that an answer tells; what has no readable name is left out."""
    match action:
        case "GetConfiguration":
            return [*_known_keys(answer), *_unknown_keys(answer)]
        case "GetVariables":
            return list(_results(answer))
        case "GetLocalListVersion":
            version = _integer(answer.get("listVersion", answer.get("versionNumber")))
            if version is None:
                return []
            component, variable = LOCAL_LIST
            return [
                ReportedVariable(
                    component,
                    variable,
                    str(version),
                    mutability="ReadOnly",
                    data_type="integer",
                )
            ]
    return []


def _known_keys(answer: Mapping[str, Any]) -> Iterator[ReportedVariable]:
    for entry in _objects(answer.get("configurationKey")):
        key = _text(entry.get("key"))
        if key:
            value = entry.get("value")
            yield ReportedVariable(
                "",
                key,
                shown(key, _text(value) if isinstance(value, str) else None),
                mutability="ReadOnly" if entry.get("readonly") is True else "ReadWrite",
            )


def _unknown_keys(answer: Mapping[str, Any]) -> Iterator[ReportedVariable]:
    keys = answer.get("unknownKey")
    for each in keys if isinstance(keys, list) else ():
        key = _text(each)
        if key:
            yield ReportedVariable("", key, None, is_known=False)


def _results(answer: Mapping[str, Any]) -> Iterator[ReportedVariable]:
    for entry in _objects(answer.get("getVariableResult")):
        status = entry.get("attributeStatus")
        component, variable = entry.get("component"), entry.get("variable")
        if not isinstance(component, Mapping) or not isinstance(variable, Mapping):
            continue
        if status != "Accepted" and status not in _UNKNOWN:
            continue  # refused: nothing is known of the value
        name = _text(variable.get("name"))
        if not name:
            continue
        evse = component.get("evse")
        place = evse if isinstance(evse, Mapping) else {}
        value = entry.get("attributeValue")
        is_known = status == "Accepted"
        yield ReportedVariable(
            _text(component.get("name")) or "",
            name,
            shown(name, _text(value)) if is_known and isinstance(value, str) else None,
            component_instance=_text(component.get("instance")) or None,
            evse_id=_small(place.get("id")),
            connector_id=_small(place.get("connectorId")),
            variable_instance=_text(variable.get("instance")) or None,
            attribute=_text(entry.get("attributeType")) or "Actual",
            is_known=is_known,
        )


# ------------------------------------------------------------------------------ reservations


def _reservation(
    station: StationId, payload: Mapping[str, Any], at: datetime
) -> NewReservation | None:
    number = _integer(payload.get("reservationId", payload.get("id")))
    if number is None:
        return None
    token, group = payload.get("idToken"), payload.get("groupIdToken")
    if isinstance(token, Mapping):
        token = token.get("idToken")
    if isinstance(group, Mapping):
        group = group.get("idToken")
    evse_id = _small(payload.get("evseId", payload.get("connectorId")))
    return NewReservation(
        station=station,
        reservation_id=number,
        evse_id=evse_id or None,  # 1.6's connector 0 is any of them
        connector_type=_text(payload.get("connectorType")) or None,
        id_token=_text(payload.get("idTag", token)) or None,
        group_id=_text(payload.get("parentIdTag", group)) or None,
        made_at=at,
        expires_at=_moment(payload.get("expiryDate", payload.get("expiryDateTime"))),
    )


# ------------------------------------------------------------------------------------ values


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Mapping):
            yield each


def _text(value: Any) -> str | None:
    return value.replace("\0", "") if isinstance(value, str) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_64:
        return None
    return value


def _small(value: Any) -> int | None:
    number = _integer(value)
    return number if number is not None and 0 <= number <= _LARGEST_32 else None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
