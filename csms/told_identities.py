"""Identities that stations are told: under which name a station may come back.

A 2.1 network profile may name the identity that a station shall use with it, as its SecurityCtrlr
and the variables of a profile may. From the asking on the station is known by it beside its old
one, since an answer may be lost and the station restart all the same; once it said yes, for good,
as an alias, since it may fall back on a profile of before. What it refused is no name of its. A
name that is another station's is refused: nobody is let in as somebody else.

Source: OCPP 2.1 part 2, B09 (NetworkConnectionProfileType.identity), SecurityCtrlr.Identity and
NetworkConfiguration.Identity; part 4, section 3.1.1.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from csms.admission import identity_of
from csms.certificate_store import is_anothers_name
from csms.tables import StationRow
from foundation.errors import InvalidInput

_COMPONENTS: Final = frozenset({"securityctrlr", "networkconfiguration"})


def identity_told(action: str, payload: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the identity that a command tells a station and its place; None if it tells none."""
    if action == "SetNetworkProfile":
        connection = payload.get("connectionData")
        told = connection.get("identity") if isinstance(connection, Mapping) else None
        return (told, "$.connectionData.identity") if isinstance(told, str) else None
    if action != "SetVariables":
        return None
    entries = payload.get("setVariableData")
    for place, each in enumerate(entries if isinstance(entries, list | tuple) else ()):
        if isinstance(each, Mapping) and _is_identity(each):
            value = str(each.get("attributeValue", ""))
            return value, f"$.setVariableData[{place}].attributeValue"
    return None


def _is_identity(entry: Mapping[str, Any]) -> bool:
    component, variable = entry.get("component"), entry.get("variable")
    if not isinstance(component, Mapping) or not isinstance(variable, Mapping):
        return False
    name = str(component.get("name")).lower()
    return name in _COMPONENTS and str(variable.get("name")).lower() == "identity"


async def expect(
    db: AsyncSession, station: str, action: str, payload: Mapping[str, Any], *, raw: bool = False
) -> None:
    """Know a station by the identity that it is told, beside those that it has.

    Raises:
        InvalidInput: It cannot be one, or is another station's; unless an expert sends it `raw`,
            then the station is not known by it.
    """
    told = identity_told(action, payload)
    if told is None:
        return
    identity, field = told
    problem = await _problem(db, station, identity)
    if problem is not None and raw:
        return
    if problem is not None:
        raise InvalidInput(problem, field=field)
    which = StationRow.identity == station
    await db.execute(update(StationRow).where(which).values(next_identity=identity))


async def _problem(db: AsyncSession, station: str, identity: str) -> str | None:
    if identity_of("/" + quote(identity, safe="")) != identity:
        return "An identity has 1 to 48 characters, and none that cannot be seen."
    if await is_anothers_name(db, station, identity):
        return "This identity is not free; choose another one."
    return None


def was_taken(action: str, answer: Mapping[str, Any]) -> bool:
    """Tell whether a station said that it took an identity; of several variables, that one."""
    if action != "SetVariables":
        return answer.get("status") == "Accepted"
    return any(
        isinstance(each, Mapping)
        and _is_identity(each)
        and each.get("attributeStatus") in ("Accepted", "RebootRequired")
        for each in answer.get("setVariableResult") or ()
    )


async def answered(
    db: AsyncSession,
    station: str,
    action: str,
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
) -> None:
    """Keep what a station accepted as a name of its; forget what it refused."""
    told = identity_told(action, payload)
    if told is None:
        return
    identity, _ = told
    if was_taken(action, answer) and not await is_anothers_name(db, station, identity):
        await db.execute(
            text("""
                update stations set aliases = aliases || cast(:identity as text)
                where identity = :station and identity <> :identity
                and not aliases @> array[cast(:identity as text)]
            """),
            {"station": station, "identity": identity},
        )
    await db.execute(
        update(StationRow)
        .where(StationRow.identity == station, StationRow.next_identity == identity)
        .values(next_identity=None)
    )
