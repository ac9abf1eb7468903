"""Face, read: what a station is set to, how far it is with our requests, and what it reserves.

Every function takes a `Scope`: a station that is not in it is not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from accounts.directory import Scope
from csms.equipment_tables import (
    ReservationRow,
    StationProgressRow,
    StationProgressStepRow,
    StationVariableRow,
    StationVariableValueRow,
    VariableReportPartRow,
)
from csms.tables import CommandRow, StationOwnerRow, TransactionRow
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId, TransactionId

HISTORY_AT_MOST = 50
"""How many former values of a variable are returned."""


_WORDS_AT_MOST = 8


async def owner_seen(db: AsyncSession, scope: Scope, station: str) -> OrganisationKey:
    """Return whose station it is now.

    Raises:
        NotFound: If there is no such station in scope.
    """
    owner = await db.scalar(
        select(StationOwnerRow.organisation).where(
            StationOwnerRow.station == station, StationOwnerRow.valid_to.is_(None)
        )
    )
    if owner is None or not scope.covers_station(OrganisationKey(owner), station):
        raise NotFound("station", station)
    return OrganisationKey(owner)


# --------------------------------------------------------------------------------- variables


@dataclass(frozen=True, slots=True)
class FormerValue:
    """A value that was first told at a moment; `is_known` False: the station knew no such thing."""

    value: str | None
    is_known: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Variable:
    """An attribute of a variable, or a 1.6 configuration key (then `component` is empty).

    `history` has its values, the newest first, the present one included. Secrets are masked.
    """

    id: int
    component: str
    component_instance: str | None
    evse_id: int | None
    connector_id: int | None
    variable: str
    variable_instance: str | None
    attribute: str
    value: str | None
    is_known: bool
    mutability: str | None
    data_type: str | None
    unit: str | None
    min_limit: Decimal | None
    max_limit: Decimal | None
    values_list: tuple[str, ...]
    changed_at: datetime
    read_at: datetime
    history: tuple[FormerValue, ...] = ()

    @property
    def is_read_only(self) -> bool:
        """Whether the station says that nobody may write it."""
        return self.mutability == "ReadOnly"


async def configuration(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    *,
    key: str | None = None,
    words: str = "",
    after: int | None = None,
    limit: int = 50,
) -> list[Variable]:
    """Return the configuration keys that a 1.6 station has told, with their history.

    Args:
        db: The unit of work.
        scope: Whose stations are seen.
        station: Which one.
        key: Only this key, spelled in any case.
        words: Only keys whose name holds each of these words.
        after: Only those behind the one with this id: the next page.
        limit: How many at most.

    Raises:
        NotFound: If there is no such station in scope.
    """
    return await _variables(
        db,
        scope,
        station,
        is_key=True,
        component=None,
        name=key,
        words=words,
        after=after,
        limit=limit,
    )


async def variables(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    *,
    component: str | None = None,
    variable: str | None = None,
    words: str = "",
    after: int | None = None,
    limit: int = 50,
) -> list[Variable]:
    """Return the device model as a 2.x station has told it, with the values' history.

    Args:
        db: The unit of work.
        scope: Whose stations are seen.
        station: Which one.
        component: Only this component's, spelled in any case.
        variable: Only variables of this name, spelled in any case.
        words: Only those whose component, variable or instances hold each of these words, as in
            `ocppcomm heart`, or `Connector.AvailabilityState`.
        after: Only those behind the one with this id: the next page.
        limit: How many at most.

    Raises:
        NotFound: If there is no such station in scope.
    """
    return await _variables(
        db,
        scope,
        station,
        is_key=False,
        component=component,
        name=variable,
        words=words,
        after=after,
        limit=limit,
    )


async def _variables(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    *,
    is_key: bool,
    component: str | None,
    name: str | None,
    words: str,
    after: int | None,
    limit: int,
) -> list[Variable]:
    await owner_seen(db, scope, station)
    query = select(StationVariableRow).where(StationVariableRow.station == station)
    query = query.where(
        StationVariableRow.component == "" if is_key else StationVariableRow.component != ""
    )
    if component is not None:
        query = query.where(func.lower(StationVariableRow.component) == component.lower())
    if name is not None:
        query = query.where(func.lower(StationVariableRow.variable) == name.lower())
    for word in words.lower().split()[:_WORDS_AT_MOST]:
        query = query.where(_whole_name().contains(word, autoescape=True))
    if after is not None:
        query = query.where(StationVariableRow.id > after)
    found = (await db.scalars(query.order_by(StationVariableRow.id).limit(limit))).all()
    former = await _history(db, [row.id for row in found])
    return [
        Variable(
            id=row.id,
            component=row.component,
            component_instance=row.component_instance,
            evse_id=row.evse_id,
            connector_id=row.connector_id,
            variable=row.variable,
            variable_instance=row.variable_instance,
            attribute=row.attribute,
            value=row.value,
            is_known=row.is_known,
            mutability=row.mutability,
            data_type=row.data_type,
            unit=row.unit,
            min_limit=row.min_limit,
            max_limit=row.max_limit,
            values_list=tuple(row.values_list.split(",")) if row.values_list else (),
            changed_at=row.changed_at,
            read_at=row.read_at,
            history=tuple(former.get(row.id, ())),
        )
        for row in found
    ]


def _whole_name() -> ColumnElement[str]:
    row = StationVariableRow
    return func.lower(
        func.concat_ws(
            ".", row.component, row.component_instance, row.variable, row.variable_instance
        )
    )


async def _history(db: AsyncSession, ids: Sequence[int]) -> dict[int, list[FormerValue]]:
    newest = (
        func.row_number()
        .over(
            partition_by=StationVariableValueRow.variable_id,
            order_by=StationVariableValueRow.id.desc(),
        )
        .label("place")
    )
    ranked = (
        select(StationVariableValueRow, newest)
        .where(StationVariableValueRow.variable_id.in_(ids))
        .subquery()
    )
    found = await db.execute(
        select(ranked.c.variable_id, ranked.c.value, ranked.c.is_known, ranked.c.at)
        .where(ranked.c.place <= HISTORY_AT_MOST)
        .order_by(ranked.c.variable_id, ranked.c.place)
    )
    grouped: dict[int, list[FormerValue]] = {}
    for number, value, is_known, at in found:
        grouped.setdefault(number, []).append(FormerValue(value, is_known, at))
    return grouped


@dataclass(frozen=True, slots=True)
class VariableReport:
    """A report on variables that a station was asked for, as far as it has come."""

    request_id: int
    parts: int
    variables: int
    is_whole: bool
    received_at: datetime
    """When its newest part came."""


async def variable_reports(
    db: AsyncSession, scope: Scope, station: StationId, *, limit: int = 20
) -> list[VariableReport]:
    """Return the newest reports of a station on its variables, the newest first.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await owner_seen(db, scope, station)
    part = VariableReportPartRow
    newest = func.max(part.received_at)
    found = await db.execute(
        select(
            part.request_id,
            func.count(),
            func.sum(part.variables),
            and_(func.bool_or(part.is_last), func.count() == func.max(part.seq_no) + 1),
            newest,
        )
        .where(part.station == station)
        .group_by(part.request_id)
        .order_by(newest.desc(), part.request_id.desc())
        .limit(limit)
    )
    return [VariableReport(*row) for row in found]


# ---------------------------------------------------------------------------------- progress

ProgressKind = Literal["firmware", "log", "publication"]


@dataclass(frozen=True, slots=True)
class Step:
    """A status that a station reported, in OCPP 2.0.1's words or its own."""

    status: str
    note: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a station is with a request; `request_id` None: it names no request.

    `steps` are the newest, the oldest of them first; the last is where it stands.
    """

    request_id: int | None
    status: str
    note: str | None
    changed_at: datetime
    steps: tuple[Step, ...]


async def progress(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    kind: ProgressKind,
    *,
    limit: int = 10,
    steps_at_most: int = 50,
) -> list[Progress]:
    """Return how far a station is with firmware, logs or publications, the newest first.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await owner_seen(db, scope, station)
    found = (
        await db.scalars(
            select(StationProgressRow)
            .where(StationProgressRow.station == station, StationProgressRow.kind == kind)
            .order_by(StationProgressRow.changed_at.desc(), StationProgressRow.id.desc())
            .limit(limit)
        )
    ).all()
    made = []
    for row in found:
        step = StationProgressStepRow
        newest = await db.execute(
            select(step.status, step.note, step.at)
            .where(step.progress_id == row.id)
            .order_by(step.id.desc())
            .limit(steps_at_most)
        )
        steps = tuple(Step(*each) for each in reversed(newest.all()))
        made.append(Progress(row.request_id, row.status, row.note, row.changed_at, steps))
    return made


# ------------------------------------------------------------------------------ reservations

ReservationState = Literal["open", "used", "over"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place that a station keeps, or kept, for somebody.

    It is `used` once a transaction of the station named it, and `over` when it was cancelled, ran
    out, or the station gave it up; `ending` says which (Cancelled, Expired, Removed, ...).
    """

    reservation_id: int
    evse_id: int | None
    connector_type: str | None
    id_token: str | None
    group_id: str | None
    made_at: datetime
    expires_at: datetime | None
    state: ReservationState
    ending: str | None
    ended_at: datetime | None
    transaction_id: TransactionId | None
    made_by: str | None = None
    """Who asked for it, by name; None: nobody here did."""
    cancelled_by: str | None = None


async def reservations(
    db: AsyncSession, scope: Scope, station: StationId, now: datetime, *, limit: int = 50
) -> list[Reservation]:
    """Return the reservations of a station, the newest first.

    1.6 stations do not tell that one ran out, so `now` decides.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await owner_seen(db, scope, station)
    row = ReservationRow
    # A number may be used again: a transaction uses the newest reservation made before it.
    user = (
        select(TransactionRow.id)
        .where(
            TransactionRow.station == row.station,
            TransactionRow.reservation_id == row.reservation_id,
            TransactionRow.start_received_at >= row.made_at,
            or_(row.ended_at.is_(None), TransactionRow.start_received_at <= row.ended_at),
        )
        .order_by(TransactionRow.id)
        .limit(1)
        .correlate(row)
        .scalar_subquery()
    )
    maker = _asked_for("ReserveNow", row.made_at)
    canceller = _asked_for("CancelReservation", row.ended_at)
    found = await db.execute(
        select(row, user, maker, canceller)
        .where(row.station == station)
        .order_by(row.id.desc())
        .limit(limit)
    )
    return [
        _reservation(each, number, now, made_by, cancelled_by)
        for each, number, made_by, cancelled_by in found
    ]


def _asked_for(action: str, by: InstrumentedAttribute[Any]) -> ScalarSelect[str]:
    """Return who asked for this of a reservation last before a moment."""
    row, command = ReservationRow, CommandRow
    number = func.coalesce(command.payload["reservationId"], command.payload["id"])
    return (
        select(command.asked_by_name)
        .where(
            command.station == row.station,
            command.action == action,
            number == func.to_jsonb(row.reservation_id),
            command.asked_at <= by,
        )
        .order_by(command.id.desc())
        .limit(1)
        .correlate(row)
        .scalar_subquery()
    )


def _reservation(
    row: ReservationRow,
    transaction: int | None,
    now: datetime,
    made_by: str | None,
    cancelled_by: str | None,
) -> Reservation:
    ending, ended_at = row.ending, row.ended_at
    state: ReservationState = "open" if ending is None else "over"
    if ending is None and row.expires_at is not None and row.expires_at <= now:
        state, ending, ended_at = "over", "Expired", row.expires_at
    if transaction is not None:
        state = "used"
    return Reservation(
        reservation_id=row.reservation_id,
        evse_id=row.evse_id,
        connector_type=row.connector_type,
        id_token=row.id_token,
        group_id=row.group_id,
        made_at=row.made_at,
        expires_at=row.expires_at,
        state=state,
        ending=ending,
        ended_at=ended_at,
        transaction_id=None if transaction is None else TransactionId(transaction),
        made_by=made_by,
        cancelled_by=cancelled_by if ending == "Cancelled" else None,
    )
