"""Face, read: what is and was charged: transactions, their readings and messages, as values.

Every listing takes a `Scope`: what is not in it is not found. Transactions are in scope by the
owner that was frozen on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms.rebuild import KeptMessage
from csms.reports import OcppVersion
from csms.tables import ReadingRow, ReportRow, TransactionRow
from foundation.errors import NotFound
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the central system holds it true, without any price.

    `state` is active, ended, ended_waiting_for_queue or inferred_end; `doubts` are hold reasons.
    """

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    connector_id: int
    ref: str
    ocpp_version: str
    state: str
    basis: str | None
    revision: int
    owner: OrganisationKey
    location: str | None
    time_zone: str
    id_token: str | None
    id_token_type: str | None
    token_organisation: str | None
    token_provider: str | None
    authorization_status: str | None
    started_at: datetime
    start_reported_at: datetime
    start_received_at: datetime
    ended_at: datetime | None
    end_reported_at: datetime | None
    end_received_at: datetime | None
    offline: bool
    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    energy_wh: Decimal | None
    energy_basis: str | None
    charging_state: str | None
    stop_reason: str | None
    doubts: tuple[str, ...]
    conflicting_ends: int
    billing_decision: str | None = None
    """Staff's: token, free, or until:MOMENT from which on nothing is charged."""


def transaction_of(row: TransactionRow) -> Transaction:
    """Return a stored transaction as a value."""
    return Transaction(
        transaction_id=TransactionId(row.id),
        station=StationId(row.station),
        evse_id=EvseId(row.evse_id),
        connector_id=row.connector_id,
        ref=row.ref.partition("|")[2],
        ocpp_version=row.version.removeprefix("ocpp"),
        state=row.state,
        basis=row.basis,
        revision=row.revision,
        owner=OrganisationKey(row.owner),
        location=row.location,
        time_zone=row.time_zone,
        id_token=row.id_token,
        id_token_type=row.id_token_type,
        token_organisation=row.token_organisation,
        token_provider=row.token_provider,
        authorization_status=row.authorization_status,
        started_at=row.started_at,
        start_reported_at=row.start_reported_at,
        start_received_at=row.start_received_at,
        ended_at=row.ended_at,
        end_reported_at=row.end_reported_at,
        end_received_at=row.end_received_at,
        offline=row.offline,
        meter_start_wh=row.meter_start_wh,
        meter_stop_wh=row.meter_stop_wh,
        energy_wh=row.energy_wh,
        energy_basis=row.energy_basis,
        charging_state=row.charging_state,
        stop_reason=row.stop_reason,
        doubts=tuple(row.doubts),
        conflicting_ends=row.conflicting_ends,
        billing_decision=row.billing_decision,
    )


def _in_scope(scope: Scope) -> Select[TransactionRow]:
    query = select(TransactionRow)
    if scope.organisations is not None:
        # Of a shared station, what began since it is shared; whose it was before is not told.
        shared = [
            and_(TransactionRow.station == station, TransactionRow.started_at >= since)
            for station, since in scope.shared_since.items()
        ]
        query = query.where(or_(TransactionRow.owner.in_(scope.organisations), *shared))
    return query


async def transactions(
    db: AsyncSession,
    scope: Scope,
    *,
    station: str | None = None,
    started_from: datetime | None = None,
    started_to: datetime | None = None,
    states: Sequence[str] = (),
    ids: Sequence[int] | None = None,
    q: str | None = None,
    by_token: bool = True,
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Transaction]:
    """Return transactions, the newest start first.

    Args:
        db: The unit of work.
        scope: Whose transactions.
        station: Only those of this station.
        started_from: Only those that started then or later.
        started_to: Only those that started before this.
        states: Only those in one of these states; none: any.
        ids: Only these numbers.
        q: A part of the station's identity or of the id token.
        by_token: Whether `q` looks at id tokens, which not everybody may learn.
        before: Only those behind this (start, number): the next page.
        limit: How many at most.
    """
    query = _in_scope(scope)
    if station is not None:
        query = query.where(TransactionRow.station == station)
    if started_from is not None:
        query = query.where(TransactionRow.started_at >= started_from)
    if started_to is not None:
        query = query.where(TransactionRow.started_at < started_to)
    if states:
        query = query.where(TransactionRow.state.in_(states))
    if ids is not None:
        query = query.where(TransactionRow.id.in_(ids))
    if q:
        like = f"%{q.replace('%', '').replace('_', '')}%"
        texts = [TransactionRow.station, TransactionRow.id_token][: 2 if by_token else 1]
        query = query.where(or_(*(text.ilike(like) for text in texts)))
    if before is not None:
        at, number = before
        query = query.where(
            or_(
                TransactionRow.started_at < at,
                and_(TransactionRow.started_at == at, TransactionRow.id < number),
            )
        )
    query = query.order_by(TransactionRow.started_at.desc(), TransactionRow.id.desc())
    return [transaction_of(row) for row in (await db.scalars(query.limit(limit))).all()]


async def transaction(db: AsyncSession, scope: Scope, number: int) -> Transaction:
    """Return one transaction.

    Raises:
        NotFound: If there is none with this number in scope.
    """
    row = await db.scalar(_in_scope(scope).where(TransactionRow.id == number))
    if row is None:
        raise NotFound("transaction", str(number))
    return transaction_of(row)


@dataclass(frozen=True, slots=True)
class StoredReading:
    """The values of one moment; `values` are samples in base units."""

    measured_at: datetime
    context: str
    energy_register_wh: Decimal | None
    values: list[dict[str, Any]]
    received_at: datetime

    @property
    def power_w(self) -> Decimal | None:
        """The total import power, if it was measured."""
        for value in self.values:
            if (
                value.get("measurand") == "Power.Active.Import"
                and value.get("phase") is None
                and value.get("value") is not None
            ):
                return Decimal(value["value"])
        return None


async def readings(db: AsyncSession, number: int) -> list[StoredReading]:
    """Return a transaction's readings, oldest first; the caller checked the scope."""
    rows = await db.scalars(
        select(ReadingRow)
        .where(ReadingRow.transaction_id == number)
        .order_by(ReadingRow.measured_at, ReadingRow.context)
    )
    return [
        StoredReading(
            row.measured_at, row.context, row.energy_register_wh, row.values, row.received_at
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A raw message that made or changed a transaction."""

    report_id: int
    kind: str
    seq_no: int | None
    reported_at: datetime | None
    received_at: datetime
    skew_s: int
    raw: str
    repairs: tuple[str, ...]
    version: str
    epoch: int


async def reports(db: AsyncSession, number: int) -> list[StoredReport]:
    """Return the raw messages of a transaction in the order in which they were stored."""
    rows = await db.scalars(
        select(ReportRow).where(ReportRow.transaction_id == number).order_by(ReportRow.id)
    )
    return [
        StoredReport(
            row.id,
            row.kind,
            row.seq_no,
            row.reported_at,
            row.received_at,
            row.skew_s,
            row.raw,
            tuple(row.repairs),
            row.version,
            row.epoch,
        )
        for row in rows
    ]


async def messages_for_rebuild(db: AsyncSession, number: int) -> list[KeptMessage]:
    """Return what `csms.rebuild` makes a transaction of, in the order in which it was stored.

    Its own messages, and those readings of its EVSE that named no transaction.
    """
    facts = await db.get_one(TransactionRow, number)
    unlinked = and_(
        ReportRow.transaction_id.is_(None),
        ReportRow.station == facts.station,
        ReportRow.evse_id == facts.evse_id,
        ReportRow.received_at >= facts.started_at,
    )
    rows = await db.scalars(
        select(ReportRow)
        .where(or_(ReportRow.transaction_id == number, unlinked))
        .order_by(ReportRow.id)
    )
    return [
        KeptMessage(
            StationId(row.station),
            OcppVersion(row.version),
            row.received_at,
            row.skew_s,
            row.raw,
            row.transaction_id is not None,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class DayOfEnergy:
    """What was charged by transactions that ended on a day."""

    day: date
    energy_wh: Decimal
    transactions: int


async def energy_by_day(
    db: AsyncSession,
    scope: Scope,
    start: datetime,
    end: datetime,
    time_zone: str,
    *,
    station: str | None = None,
) -> list[DayOfEnergy]:
    """Return the energy of ended transactions by the day of their end in a time zone.

    Days without any are left out; `start` is included, `end` is not; of one station, if it is
    named.
    """
    day = func.date(func.timezone(time_zone, TransactionRow.ended_at))
    query = (
        select(day, func.sum(TransactionRow.energy_wh), func.count())
        .where(TransactionRow.state == "ended")
        .where(TransactionRow.ended_at >= start, TransactionRow.ended_at < end)
        .group_by(day)
        .order_by(day)
    )
    if station is not None:
        query = query.where(TransactionRow.station == station)
    if scope.organisations is not None:
        query = query.where(TransactionRow.owner.in_(scope.organisations))
    return [
        DayOfEnergy(found, energy or Decimal(0), number)
        for found, energy, number in await db.execute(query)
    ]
