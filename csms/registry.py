"""Face, read: stations, transactions, readings, frames, tokens and locations, as values.

Every listing takes a `Scope`: what is not in it is not found. Stations are in scope by their
present owner, transactions by the owner that was frozen on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from accounts.directory import Scope
from csms.connectivity import SilenceLimits, StationState, station_state
from csms.rebuild import KeptMessage
from csms.reports import OcppVersion
from csms.tables import (
    ConnectionRow,
    ConnectorRow,
    EvseRow,
    FrameRow,
    IdTokenHolderRow,
    IdTokenRow,
    LocationRow,
    ReadingRow,
    ReportRow,
    StationOwnerRow,
    StationRow,
    TransactionRow,
)
from foundation.errors import NotFound
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId


@dataclass(frozen=True, slots=True)
class Connector:
    """A plug with its live status (OCPP 2.0.1's words) and the station's own word for it."""

    connector_id: int
    type: str | None
    max_power_w: Decimal | None
    status: str | None
    charging_state: str | None
    original_status: str | None
    error_code: str | None
    vendor_error_code: str | None
    info: str | None
    status_at: datetime | None


@dataclass(frozen=True, slots=True)
class Evse:
    """A place for one vehicle; `evse_id` 0 is the station itself."""

    evse_id: int
    emi3_id: str | None
    connectors: tuple[Connector, ...]


@dataclass(frozen=True, slots=True)
class Station:
    """A charging station as it is now."""

    identity: StationId
    name: str | None
    vendor: str | None
    model: str | None
    serial_number: str | None
    firmware: str | None
    iccid: str | None
    imsi: str | None
    ocpp_version: str | None
    state: StationState
    connected: bool
    connected_at: datetime | None
    last_heard_at: datetime | None
    booted_at: datetime | None
    admission: str
    organisation: OrganisationKey
    location: str | None
    time_zone: str
    security_profile: int
    has_password: bool
    boot_policy: str
    aliases: tuple[str, ...]
    items_per_message: dict[str, Any]
    free_vend: bool
    created_at: datetime
    evses: tuple[Evse, ...]

    @property
    def is_faulted(self) -> bool:
        """Whether any of its connectors reports a fault."""
        return any(
            connector.status == "Faulted" and connector.error_code is not None
            for evse in self.evses
            for connector in evse.connectors
        )


def _stations(scope: Scope) -> Select[StationRow, ConnectionRow, str, LocationRow]:
    owner = aliased(StationOwnerRow)
    query = (
        select(StationRow, ConnectionRow, owner.organisation, LocationRow)
        .join(owner, and_(owner.station == StationRow.identity, owner.valid_to.is_(None)))
        .outerjoin(ConnectionRow, ConnectionRow.station == StationRow.identity)
        .outerjoin(LocationRow, LocationRow.key == StationRow.location)
    )
    if scope.organisations is not None:
        query = query.where(
            or_(
                owner.organisation.in_(scope.organisations),
                StationRow.identity.in_(scope.shared),
            )
        )
    return query


async def stations(
    db: AsyncSession,
    scope: Scope,
    now: datetime,
    *,
    limits: SilenceLimits,
    state: StationState | None = None,
    admission: str | None = None,
    faulted: bool | None = None,
    q: str | None = None,
    identities: Sequence[str] | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Station]:
    """Return stations in the order of their identity.

    Args:
        db: The unit of work.
        scope: Whose stations.
        now: What silence is counted back from.
        limits: When silence counts as pending or offline.
        state: Only those in this state.
        admission: Only `accepted`, `waiting` or `refused` ones.
        faulted: Only those with (without) a connector in fault.
        q: A part of identity, name, vendor, model, serial number, location or EVSE ID.
        identities: Only these.
        after: Only identities behind this one: the next page.
        limit: How many at most.
    """
    query = _stations(scope)
    if state is not None:
        query = query.where(_in_state(state, now, limits))
    if admission is not None:
        query = query.where(StationRow.admission == admission)
    if faulted is not None:
        in_fault = select(ConnectorRow.station).where(
            ConnectorRow.status == "Faulted", ConnectorRow.error_code.is_not(None)
        )
        query = query.where(
            StationRow.identity.in_(in_fault) if faulted else StationRow.identity.not_in(in_fault)
        )
    if q:
        like = f"%{q.replace('%', '').replace('_', '')}%"
        query = query.where(
            or_(
                StationRow.identity.ilike(like),
                StationRow.name.ilike(like),
                StationRow.vendor.ilike(like),
                StationRow.model.ilike(like),
                StationRow.serial_number.ilike(like),
                LocationRow.name.ilike(like),
                LocationRow.city.ilike(like),
                StationRow.identity.in_(select(EvseRow.station).where(EvseRow.emi3_id.ilike(like))),
            )
        )
    if identities is not None:
        query = query.where(StationRow.identity.in_(identities))
    if after is not None:
        query = query.where(StationRow.identity > after)
    found = (await db.execute(query.order_by(StationRow.identity).limit(limit))).all()
    evses = await _evses(db, [row[0].identity for row in found])
    return [_station(row, evses, now, limits) for row in found]


async def station(
    db: AsyncSession, scope: Scope, identity: str, now: datetime, *, limits: SilenceLimits
) -> Station:
    """Return one station.

    Raises:
        NotFound: If there is none with this identity in scope.
    """
    found = (await db.execute(_stations(scope).where(StationRow.identity == identity))).first()
    if found is None:
        raise NotFound("station", identity)
    return _station(found, await _evses(db, [identity]), now, limits)


async def stations_without_password(db: AsyncSession, scope: Scope) -> list[StationId]:
    """Return the accepted stations with security profile 0, whom anybody can pretend to be."""
    accepted = _stations(scope).where(StationRow.admission == "accepted")
    query = accepted.where(StationRow.security_profile == 0).with_only_columns(StationRow.identity)
    found = await db.scalars(query.order_by(StationRow.identity))
    return [StationId(each) for each in found]


@dataclass(frozen=True, slots=True)
class StationCounts:
    """How many stations are in each state, how many have a fault, how many wait."""

    by_state: dict[StationState, int]
    faulted: int
    waiting: int
    connected: int


async def station_counts(
    db: AsyncSession, scope: Scope, now: datetime, *, limits: SilenceLimits
) -> StationCounts:
    """Count the stations in scope; those that wait for acceptance are counted apart."""
    accepted = _stations(scope).where(StationRow.admission == "accepted").subquery()
    faulted = select(ConnectorRow.station).where(
        ConnectorRow.status == "Faulted", ConnectorRow.error_code.is_not(None)
    )
    heard, identity = accepted.c.last_heard_at, accepted.c.identity
    counted = (
        await db.execute(
            select(
                func.count().filter(heard.is_(None)),
                func.count().filter(heard >= now - limits.pending_after),
                func.count().filter(
                    heard < now - limits.pending_after, heard >= now - limits.offline_after
                ),
                func.count().filter(heard < now - limits.offline_after),
                func.count().filter(identity.in_(faulted)),
                func.count().filter(heard.is_not(None), accepted.c.closed_at.is_(None)),
            ).select_from(accepted)
        )
    ).one()
    waiting = _stations(scope).where(StationRow.admission == "waiting").subquery()
    number = await db.execute(select(func.count()).select_from(waiting))
    never, online, pending, offline, in_fault, connected = counted
    return StationCounts(
        {
            StationState.ONLINE: online,
            StationState.PENDING: pending,
            StationState.OFFLINE: offline,
            StationState.NEVER_CONNECTED: never,
        },
        in_fault,
        number.scalar_one(),
        connected,
    )


def _in_state(state: StationState, now: datetime, limits: SilenceLimits) -> Any:
    heard = ConnectionRow.last_heard_at
    match state:
        case StationState.NEVER_CONNECTED:
            return heard.is_(None)
        case StationState.ONLINE:
            return heard >= now - limits.pending_after
        case StationState.PENDING:
            return and_(heard < now - limits.pending_after, heard >= now - limits.offline_after)
        case StationState.OFFLINE:
            return heard < now - limits.offline_after


async def _evses(db: AsyncSession, identities: Sequence[str]) -> dict[str, list[Evse]]:
    rows = await db.execute(
        select(EvseRow, ConnectorRow)
        .outerjoin(
            ConnectorRow,
            and_(ConnectorRow.station == EvseRow.station, ConnectorRow.evse_id == EvseRow.evse_id),
        )
        .where(EvseRow.station.in_(identities))
        .order_by(EvseRow.station, EvseRow.evse_id, ConnectorRow.connector_id)
    )
    grouped: dict[tuple[str, int], tuple[EvseRow, list[Connector]]] = {}
    for evse, connector in rows:
        place = grouped.setdefault((evse.station, evse.evse_id), (evse, []))
        if connector is not None:
            place[1].append(
                Connector(
                    connector.connector_id,
                    connector.type,
                    connector.max_power_w,
                    connector.status,
                    connector.charging_state,
                    connector.original_status,
                    connector.error_code,
                    connector.vendor_error_code,
                    connector.info,
                    connector.status_at,
                )
            )
    found: dict[str, list[Evse]] = {}
    for (station_id, evse_id), (evse, connectors) in grouped.items():
        found.setdefault(station_id, []).append(Evse(evse_id, evse.emi3_id, tuple(connectors)))
    return found


def _station(
    row: Any, evses: dict[str, list[Evse]], now: datetime, limits: SilenceLimits
) -> Station:
    facts, connection, organisation, location = row
    heard_at = connection.last_heard_at if connection else None
    return Station(
        identity=StationId(facts.identity),
        name=facts.name,
        vendor=facts.vendor,
        model=facts.model,
        serial_number=facts.serial_number,
        firmware=facts.firmware,
        iccid=facts.iccid,
        imsi=facts.imsi,
        ocpp_version=facts.ocpp_version.removeprefix("ocpp") if facts.ocpp_version else None,
        state=station_state(
            heard_at, now, pending_after=limits.pending_after, offline_after=limits.offline_after
        ),
        connected=connection is not None and connection.closed_at is None,
        connected_at=connection.connected_at if connection else None,
        last_heard_at=heard_at,
        booted_at=facts.booted_at,
        admission=facts.admission,
        organisation=OrganisationKey(organisation),
        location=facts.location,
        time_zone=location.time_zone if location else facts.time_zone,
        security_profile=facts.security_profile,
        has_password=facts.password is not None,
        boot_policy=facts.boot_policy,
        aliases=tuple(facts.aliases),
        items_per_message=facts.items_per_message,
        free_vend=facts.free_vend,
        created_at=facts.created_at,
        evses=tuple(evses.get(facts.identity, [])),
    )


# ------------------------------------------------------------------------------ transactions


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


def _transaction(row: TransactionRow) -> Transaction:
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
    return [_transaction(row) for row in (await db.scalars(query.limit(limit))).all()]


async def transaction(db: AsyncSession, scope: Scope, number: int) -> Transaction:
    """Return one transaction.

    Raises:
        NotFound: If there is none with this number in scope.
    """
    row = await db.scalar(_in_scope(scope).where(TransactionRow.id == number))
    if row is None:
        raise NotFound("transaction", str(number))
    return _transaction(row)


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
    db: AsyncSession, scope: Scope, start: datetime, end: datetime, time_zone: str
) -> list[DayOfEnergy]:
    """Return the energy of ended transactions by the day of their end in a time zone.

    Days without any are left out; `start` is included, `end` is not.
    """
    day = func.date(func.timezone(time_zone, TransactionRow.ended_at))
    query = (
        select(day, func.sum(TransactionRow.energy_wh), func.count())
        .where(TransactionRow.state == "ended")
        .where(TransactionRow.ended_at >= start, TransactionRow.ended_at < end)
        .group_by(day)
        .order_by(day)
    )
    if scope.organisations is not None:
        query = query.where(TransactionRow.owner.in_(scope.organisations))
    return [
        DayOfEnergy(found, energy or Decimal(0), number)
        for found, energy, number in await db.execute(query)
    ]


# ------------------------------------------------------------------------------------- frames


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One line of the OCPP log."""

    at: datetime
    direction: str
    epoch: int
    raw: str
    note: str | None


async def frames(
    db: AsyncSession,
    station: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    q: str | None = None,
    limit: int = 200,
    newest_first: bool = True,
) -> list[StoredFrame]:
    """Return lines of a station's OCPP log; the caller checked the scope.

    `start` is included, `end` is not; `q` is a part of the text.
    """
    query = select(FrameRow).where(FrameRow.station == station)
    if start is not None:
        query = query.where(FrameRow.at >= start)
    if end is not None:
        query = query.where(FrameRow.at < end)
    if q:
        query = query.where(FrameRow.raw.contains(q, autoescape=True))
    # Several lines may share a moment; where they lie keeps the order of a page's end certain.
    ctid: ColumnElement[str] = literal_column("frames.ctid")
    order = (FrameRow.at.desc(), ctid.desc()) if newest_first else (FrameRow.at.asc(), ctid.asc())
    rows = await db.execute(
        query.with_only_columns(
            FrameRow.at, FrameRow.direction, FrameRow.epoch, FrameRow.raw, FrameRow.note
        )
        .order_by(*order)
        .limit(limit)
    )
    return [StoredFrame(*row) for row in rows]


# -------------------------------------------------------------------------- tokens, locations


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An id token with whoever holds it now."""

    id_token: str
    type: str
    status: str
    group_id: str | None
    valid_until: datetime | None
    organisation: str | None
    provider: str | None
    changed_at: datetime
    key: str


async def id_tokens(
    db: AsyncSession,
    scope: Scope,
    *,
    q: str | None = None,
    key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[StoredToken]:
    """Return tokens by their normalised value; a provider's only for the whole installation."""
    holder = aliased(IdTokenHolderRow)
    query = select(IdTokenRow, holder).join(
        holder, and_(holder.token == IdTokenRow.key, holder.valid_to.is_(None))
    )
    if scope.organisations is not None:
        query = query.where(holder.organisation.in_(scope.organisations))
    if q:
        like = f"%{q.replace('%', '').replace('_', '')}%"
        query = query.where(or_(IdTokenRow.value.ilike(like), IdTokenRow.key.ilike(like)))
    if key is not None:
        query = query.where(IdTokenRow.key == key)
    if after is not None:
        query = query.where(IdTokenRow.key > after)
    rows = await db.execute(query.order_by(IdTokenRow.key).limit(limit))
    return [
        StoredToken(
            token.value,
            token.type,
            token.status,
            token.group_id,
            token.valid_until,
            held.organisation,
            held.provider,
            token.changed_at,
            token.key,
        )
        for token, held in rows
    ]


@dataclass(frozen=True, slots=True)
class Location:
    """Where stations stand together; its time zone is that of their tariffs."""

    key: str
    organisation: OrganisationKey
    name: str
    address: str | None
    postal_code: str | None
    city: str | None
    country: str | None
    time_zone: str
    latitude: Decimal | None
    longitude: Decimal | None


async def locations(
    db: AsyncSession,
    scope: Scope,
    *,
    key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Location]:
    """Return locations in the order of their keys."""
    query = select(LocationRow)
    if scope.organisations is not None:
        query = query.where(LocationRow.organisation.in_(scope.organisations))
    if key is not None:
        query = query.where(LocationRow.key == key)
    if after is not None:
        query = query.where(LocationRow.key > after)
    return [
        Location(
            row.key,
            OrganisationKey(row.organisation),
            row.name,
            row.address,
            row.postal_code,
            row.city,
            row.country,
            row.time_zone,
            row.latitude,
            row.longitude,
        )
        for row in await db.scalars(query.order_by(LocationRow.key).limit(limit))
    ]
