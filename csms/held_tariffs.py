"""Face: tariffs that stations hold, and what became of each that they were asked to hold.

A station is told to count costs first (TariffCostCtrlr), then the tariff. Where it does not take
one, because it is too long or has a condition that it does not know, costs are counted centrally
as ever: nothing is lost but the price on its display, and the reason is shown.

Source: OCPP 2.1 part 2, I07 to I12.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from csms import remote
from csms.payment_tables import StationTariffRow, TariffReadingRow
from csms.queue import Request
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey, StationId

ACTIONS: Final = frozenset(
    {"ChangeTransactionTariff", "ClearTariffs", "GetTariffs", "SetDefaultTariff", "SetVariables"}
)
"""After whose answers something about tariffs is known, or follows."""


class State(StrEnum):
    """How far a tariff is."""

    PREPARING = "preparing"
    """The station is told to count costs."""
    SENT = "sent"
    HELD = "held"
    CENTRAL = "central"
    """The station did not take it: costs are counted here."""
    REPLACED = "replaced"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class HeldTariff:
    """A tariff that a station was asked to hold; EVSE 0 is all of it."""

    evse_id: int
    transaction_ref: str | None
    tariff_id: str
    tariff: Mapping[str, Any]
    state: State
    outcome: str | None
    asked_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TariffReading:
    """What a station said that it holds; `assignments` are its own words."""

    evse_id: int
    assignments: Sequence[Mapping[str, Any]]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sends a tariff; he was allowed to."""

    id: str
    name: str
    organisation: OrganisationKey


async def offer(
    db: AsyncSession,
    station: StationId,
    tariff: Mapping[str, Any],
    *,
    by: Asker,
    now: datetime,
    evse_id: int = 0,
) -> remote.Command:
    """Have a station count costs by a tariff from now on; what becomes of it is seen here.

    Args:
        db: A unit of work.
        station: One that speaks 2.1.
        tariff: In OCPP's own words (TariffType).
        by: Who wants it.
        now: The moment.
        evse_id: For which EVSE; 0 for all.

    Raises:
        ExpectedError: As `remote.ask` says.
    """
    command = await remote.ask(db, _request(station, by, "SetVariables", _COUNTING), now=now)
    await _add(db, station, evse_id, None, tariff, State.PREPARING, command, by, now)
    return command


async def change(
    db: AsyncSession,
    station: StationId,
    transaction_ref: str,
    tariff: Mapping[str, Any],
    *,
    by: Asker,
    now: datetime,
) -> remote.Command:
    """Have one running transaction counted by another tariff.

    Raises:
        ExpectedError: As `remote.ask` says.
    """
    payload = {"transactionId": transaction_ref, "tariff": plain(tariff)}
    asked = _request(station, by, "ChangeTransactionTariff", payload)
    command = await remote.ask(db, asked, now=now)
    await _add(db, station, 0, transaction_ref, tariff, State.SENT, command, by, now)
    return command


async def clear(
    db: AsyncSession, station: StationId, *, by: Asker, now: datetime
) -> remote.Command:
    """Have a station forget its tariffs.

    Raises:
        ExpectedError: As `remote.ask` says.
    """
    return await remote.ask(db, _request(station, by, "ClearTariffs", {}), now=now)


async def read(
    db: AsyncSession, station: StationId, *, by: Asker, now: datetime, evse_id: int = 0
) -> remote.Command:
    """Ask a station which tariffs it holds.

    Raises:
        ExpectedError: As `remote.ask` says.
    """
    asked = _request(station, by, "GetTariffs", {"evseId": evse_id})
    return await remote.ask(db, asked, now=now)


def _variable(instance: str) -> dict[str, Any]:
    return {
        "component": {"name": "TariffCostCtrlr"},
        "variable": {"name": "Enabled", "instance": instance},
        "attributeValue": "true",
    }


_COUNTING: Final = {"setVariableData": [_variable("Tariff"), _variable("Cost")]}


def _request(station: StationId, by: Asker, action: str, payload: Mapping[str, Any]) -> Request:
    return Request(
        station=station,
        action=action,
        payload=payload,
        asked_by=by.id,
        asked_by_name=by.name,
        door="system",
        asker_organisation=by.organisation,
        reason="system",
        reference="tariff",
        expires_in_s=3600,
        when_offline="queue",
        is_authorised=True,
    )


def plain(said: Any) -> Any:
    """Return OCPP's own words as JSON has them; a number of at most 15 digits stays what it is."""
    if isinstance(said, Mapping):
        return {name: plain(value) for name, value in said.items()}
    if isinstance(said, list | tuple):
        return [plain(each) for each in said]
    if isinstance(said, Decimal):
        return int(said) if said == said.to_integral_value() else float(said)
    return said


async def _add(
    db: AsyncSession,
    station: StationId,
    evse_id: int,
    transaction_ref: str | None,
    tariff: Mapping[str, Any],
    state: State,
    command: remote.Command,
    by: Asker,
    now: datetime,
) -> None:
    db.add(
        StationTariffRow(
            station=station,
            evse_id=evse_id,
            transaction_ref=transaction_ref,
            tariff_id=str(tariff["tariffId"]),
            tariff=plain(tariff),
            state=state,
            command=int(command.id),
            asked_at=now,
            asked_by=by.id,
            changed_at=now,
        )
    )
    await db.flush()


# ------------------------------------------------------------------------------- what follows


async def answered(
    db: AsyncSession,
    station: StationId,
    command: int,
    action: str,
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
    *,
    is_yes: bool,
    note: str | None,
    at: datetime,
) -> None:
    """Take what a station answered to a command about tariffs, or to one that prepares it.

    Args:
        db: A unit of work.
        station: Who answered.
        command: Its number.
        action: What was asked.
        payload: The command's.
        answer: The station's, or a call error.
        is_yes: Whether it took it.
        note: Its own word where it did not.
        at: When it answered.
    """
    is_error = "error_code" in answer
    if action == "GetTariffs" and not is_error:
        await _read(db, station, int(payload.get("evseId") or 0), answer, at)
        return
    if action == "ClearTariffs" and not is_error:
        await _cleared(db, station, payload, answer, at)
        return
    row = await db.scalar(
        select(StationTariffRow).where(StationTariffRow.command == command).with_for_update()
    )
    if row is None:
        return
    row.changed_at = at
    if not is_yes:
        status = answer.get("error_code") if is_error else answer.get("status")
        row.state, row.outcome = State.CENTRAL, str(note or status or "Rejected")
        return
    if row.state == State.PREPARING:
        await _send(db, row, at)
    else:
        row.state = State.HELD
        await _replace(db, row, at)


async def _send(db: AsyncSession, row: StationTariffRow, at: datetime) -> None:
    """Send the tariff itself: the station counts costs now."""
    owner = await _owner(db, row.station)
    by = Asker(row.asked_by, row.asked_by, owner)
    payload = {"evseId": row.evse_id, "tariff": row.tariff}
    asked = _request(StationId(row.station), by, "SetDefaultTariff", payload)
    try:
        command = await remote.ask(db, asked, now=at)
    except ExpectedError as error:
        row.state, row.outcome = State.CENTRAL, str(error)[:500]
        return
    row.state, row.command = State.SENT, int(command.id)


async def _owner(db: AsyncSession, station: str) -> OrganisationKey:
    return (await remote.addressee(db, WHOLE, station)).organisation


async def _replace(db: AsyncSession, row: StationTariffRow, at: datetime) -> None:
    """A default tariff takes the place of the one before it; a transaction's own of none."""
    if row.transaction_ref is not None:
        return
    await db.execute(
        update(StationTariffRow)
        .where(
            StationTariffRow.station == row.station,
            StationTariffRow.evse_id == row.evse_id,
            StationTariffRow.transaction_ref.is_(None),
            StationTariffRow.state == State.HELD,
            StationTariffRow.id != row.id,
        )
        .values(state=State.REPLACED, changed_at=at)
    )


async def _read(
    db: AsyncSession, station: StationId, evse_id: int, answer: Mapping[str, Any], at: datetime
) -> None:
    if answer.get("status") == "Rejected":
        return
    values = {"assignments": list(answer.get("tariffAssignments") or ()), "read_at": at}
    await db.execute(
        insert(TariffReadingRow)
        .values(station=station, evse_id=evse_id, **values)
        .on_conflict_do_update(index_elements=["station", "evse_id"], set_=values)
    )


async def _cleared(
    db: AsyncSession,
    station: StationId,
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
    at: datetime,
) -> None:
    """Tariffs that the station cleared, or does not know, are gone."""
    results = answer.get("clearTariffsResult") or ()
    gone = [each for each in results if each.get("status") in ("Accepted", "NoTariff")]
    if not gone:
        return
    names = {str(each["tariffId"]) for each in gone if each.get("tariffId")}
    names |= {str(each) for each in payload.get("tariffIds") or ()} if not names else set()
    wanted = [
        StationTariffRow.station == station,
        StationTariffRow.transaction_ref.is_(None),
        StationTariffRow.state == State.HELD,
    ]
    if names:
        wanted.append(StationTariffRow.tariff_id.in_(names))
    if payload.get("evseId"):
        wanted.append(StationTariffRow.evse_id == int(payload["evseId"]))
    await db.execute(
        update(StationTariffRow).where(*wanted).values(state=State.CLEARED, changed_at=at)
    )


# ------------------------------------------------------------------------------------- reading


async def held(db: AsyncSession, station: str, *, limit: int = 20) -> list[HeldTariff]:
    """Return the tariffs that a station was asked to hold, newest first; scope is the caller's."""
    rows = await db.scalars(
        select(StationTariffRow)
        .where(StationTariffRow.station == station)
        .order_by(StationTariffRow.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [
        HeldTariff(
            row.evse_id,
            row.transaction_ref,
            row.tariff_id,
            row.tariff,
            State(row.state),
            row.outcome,
            row.asked_at,
            row.changed_at,
        )
        for row in rows
    ]


async def readings(db: AsyncSession, station: str) -> list[TariffReading]:
    """Return what a station said that it holds, by EVSE; the caller checked the scope."""
    rows = await db.scalars(
        select(TariffReadingRow)
        .where(TariffReadingRow.station == station)
        .order_by(TariffReadingRow.evse_id)
        .execution_options(populate_existing=True)
    )
    return [TariffReading(row.evse_id, row.assignments, row.read_at) for row in rows]
