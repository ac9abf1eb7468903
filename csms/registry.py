"""Face, read: stations, their frames, tokens and locations, as values.

Every listing takes a `Scope`: what is not in it is not found. Stations are in scope by their
present owner. What they charge is read at `csms.charging`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from accounts.directory import Scope
from csms.connectivity import SilenceLimits, StationState, station_state
from csms.silence_tables import StationLimitsRow
from csms.tables import (
    ConnectionRow,
    ConnectorRow,
    EvseRow,
    FrameRow,
    IdTokenHolderRow,
    IdTokenRow,
    LocationRow,
    StationOwnerRow,
    StationRow,
)
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId


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


def _stations(
    scope: Scope,
) -> Select[StationRow, ConnectionRow, str, LocationRow, StationLimitsRow]:
    owner = aliased(StationOwnerRow)
    query = (
        select(StationRow, ConnectionRow, owner.organisation, LocationRow, StationLimitsRow)
        .join(owner, and_(owner.station == StationRow.identity, owner.valid_to.is_(None)))
        .outerjoin(ConnectionRow, ConnectionRow.station == StationRow.identity)
        .outerjoin(LocationRow, LocationRow.key == StationRow.location)
        .outerjoin(StationLimitsRow, StationLimitsRow.station == StationRow.identity)
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
        limits: When silence counts as pending or offline, where a station has none of its own.
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
    pending_at, offline_at = _borders(accepted.c, now, limits)
    counted = (
        await db.execute(
            select(
                func.count().filter(heard.is_(None)),
                func.count().filter(heard >= pending_at),
                func.count().filter(heard < pending_at, heard >= offline_at),
                func.count().filter(heard < offline_at),
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


def _borders(columns: Any, now: datetime, limits: SilenceLimits) -> tuple[Any, Any]:
    """Return since when a station must have been heard not to be pending, and not to be offline."""
    return (
        now
        - func.coalesce(
            func.make_interval(0, 0, 0, 0, 0, 0, columns.pending_after_s), limits.pending_after
        ),
        now
        - func.coalesce(
            func.make_interval(0, 0, 0, 0, 0, 0, columns.offline_after_s), limits.offline_after
        ),
    )


def _in_state(state: StationState, now: datetime, limits: SilenceLimits) -> Any:
    heard = ConnectionRow.last_heard_at
    pending_at, offline_at = _borders(StationLimitsRow, now, limits)
    match state:
        case StationState.NEVER_CONNECTED:
            return heard.is_(None)
        case StationState.ONLINE:
            return heard >= pending_at
        case StationState.PENDING:
            return and_(heard < pending_at, heard >= offline_at)
        case StationState.OFFLINE:
            return heard < offline_at


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
    facts, connection, organisation, location, own = row
    heard_at = connection.last_heard_at if connection else None
    if own is not None:
        limits = SilenceLimits(
            timedelta(seconds=own.pending_after_s), timedelta(seconds=own.offline_after_s)
        )
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


# ------------------------------------------------------------------------------------- frames


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One line of the OCPP log."""

    at: datetime
    direction: str
    epoch: int
    raw: str
    note: str | None


async def repairs(db: AsyncSession, station: str, since: datetime) -> list[tuple[str, int]]:
    """Return which rules repaired a station's messages since a moment, and how often.

    Those that did most come first; the caller checked the scope.
    """
    rows = await db.execute(
        text("""
            select rule, count(*) from frames f
            cross join lateral regexp_split_to_table(split_part(f.note, ': ', 2), ' +') as rule
            where f.station = :station and f.at >= :since
                and (f.note like 'repaired: %' or f.note like 'mended: %')
            group by rule order by count(*) desc, rule limit 50
        """),
        {"station": station, "since": since},
    )
    return [(rule, count) for rule, count in rows]


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
    language1: str | None = None
    language2: str | None = None


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
            token.language1,
            token.language2,
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
