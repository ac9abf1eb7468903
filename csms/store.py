"""Stations, connectors and connections: what handlers ask and write, set-based.

The statements take whole batches by unnest, on the unit of work's own connection, sorted by key:
two lanes that lock rows in opposite order would wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from csms.reports import BootReport, OcppVersion, StatusReport
from foundation.identifiers import StationId
from foundation.statements import NULL, copy_written, field, rows

# ------------------------------------------------------------------------------- connecting


@dataclass(frozen=True, slots=True)
class Access:
    """What decides whether a station may connect."""

    station: StationId
    admission: str
    password: bytes | None
    next_password: bytes | None
    security_profile: int
    time_zone: str
    vendor: str | None
    model: str | None
    firmware: str | None
    names: tuple[str, ...] = ()
    """By which it may call itself beside its identity: aliases, and what it was told."""


async def access_of(db: AsyncSession, stations: Sequence[str]) -> dict[str, Access]:
    """Return the access of each known station, found by identity, alias or what it was told."""
    found = await rows(
        db,
        """
        select k.asked, s.identity, s.admission, s.password, s.next_password,
               s.security_profile, s.time_zone, s.vendor, s.model, s.firmware,
               s.aliases, s.next_identity
        from unnest(%b::text[]) as k (asked)
        join stations s on s.identity = k.asked or s.aliases @> array[k.asked]
            or s.next_identity = k.asked
        order by k.asked, (s.identity = k.asked)
        """,
        [sorted(set(stations))],
    )
    return {
        row["asked"]: Access(
            StationId(row["identity"]),
            row["admission"],
            row["password"],
            row["next_password"],
            row["security_profile"],
            row["time_zone"],
            row["vendor"],
            row["model"],
            row["firmware"],
            tuple(each for each in (*row["aliases"], row["next_identity"]) if each),
        )
        for row in found
    }


@dataclass(frozen=True, slots=True)
class NewStation:
    """A station that announced itself."""

    identity: str
    admission: str
    password: bytes | None
    organisation: str
    created_at: datetime


async def add_stations(db: AsyncSession, stations: Sequence[NewStation]) -> None:
    """Create stations that announced themselves; one that exists already stays as it is."""
    ordered = sorted(stations, key=lambda each: each.identity)
    await rows(
        db,
        """
        with new as (
            insert into stations (identity, time_zone, admission, boot_policy, security_profile,
                                  password, aliases, items_per_message, free_vend, created_at)
            select n.identity, coalesce(o.time_zone, 'UTC'), n.admission, 'accept',
                   case when n.password is null then 0 else 1 end,
                   n.password, '{}', '{}'::jsonb, false, n.created_at
            from unnest(%b::text[], %b::text[], %b::bytea[], %b::text[], %b::timestamptz[])
                 as n (identity, admission, password, organisation, created_at)
            left join organisations o on o.key = n.organisation
            order by n.identity
            on conflict do nothing
            returning identity, created_at
        )
        insert into station_owners (station, organisation, valid_from)
        select new.identity, n.organisation, '1970-01-01 00:00+00'::timestamptz
        from new join unnest(%b::text[], %b::text[]) as n (identity, organisation) using (identity)
        """,
        [
            [each.identity for each in ordered],
            [each.admission for each in ordered],
            [each.password for each in ordered],
            [each.organisation for each in ordered],
            [each.created_at for each in ordered],
            [each.identity for each in ordered],
            [each.organisation for each in ordered],
        ],
    )


async def waiting_stations(db: AsyncSession) -> int:
    """Return how many stations wait for acceptance."""
    found = await rows(db, "select count(*) as n from stations where admission = 'waiting'", [])
    return int(found[0]["n"])


async def take_next_passwords(db: AsyncSession, stations: Sequence[str]) -> None:
    """Make the password that stations were told over the wire the only one."""
    await rows(
        db,
        """
        update stations set password = next_password, next_password = null,
            security_profile = greatest(security_profile, 1)
        where identity = any (%b::text[]) and next_password is not null
        """,
        [sorted(set(stations))],
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """A socket that was accepted."""

    station: StationId
    node: str
    version: OcppVersion
    remote: str
    at: datetime


async def open_connections(db: AsyncSession, opened: Sequence[Opened]) -> dict[str, int]:
    """Record accepted sockets, and return each station's new epoch.

    The newest socket wins: other nodes hear of it and close theirs.
    """
    ordered = sorted(opened, key=lambda each: each.station)
    found = await rows(
        db,
        """
        with entry as (
            select * from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[])
                as e (station, node, version, remote, at) order by station
        ), previous as (
            select c.station, c.node from station_connections c join entry e using (station)
        ), saved as (
            insert into station_connections
                (station, node, epoch, version, remote, connected_at, last_heard_at, silence)
            select station, node, 1, version, remote, at, at, 'online' from entry
            on conflict (station) do update set
                node = excluded.node, epoch = station_connections.epoch + 1,
                version = excluded.version, remote = excluded.remote,
                connected_at = excluded.connected_at, closed_at = null, close_reason = null,
                last_heard_at = excluded.last_heard_at
            returning station, node, epoch
        ), versions as (
            update stations s set ocpp_version = e.version from entry e
            where s.identity = e.station and s.ocpp_version is distinct from e.version
        )
        select saved.station, saved.epoch,
            case when previous.node <> saved.node
                then pg_notify('connections', saved.node || ' ' || saved.epoch || ' '
                               || saved.station)::text end as told
        from saved left join previous using (station)
        """,
        [
            [each.station for each in ordered],
            [each.node for each in ordered],
            [each.version for each in ordered],
            [each.remote for each in ordered],
            [each.at for each in ordered],
        ],
    )
    return {row["station"]: row["epoch"] for row in found}


@dataclass(frozen=True, slots=True)
class Closed:
    """A socket that ended."""

    station: StationId
    epoch: int
    reason: str
    at: datetime


async def close_connections(db: AsyncSession, closed: Sequence[Closed]) -> set[str]:
    """Record ended sockets; return the stations whose newest one it was.

    A late close of an old socket finds a higher epoch and removes nothing.
    """
    ordered = sorted(closed, key=lambda each: each.station)
    found = await rows(
        db,
        """
        update station_connections c set closed_at = e.at, close_reason = e.reason
        from unnest(%b::text[], %b::bigint[], %b::text[], %b::timestamptz[])
             as e (station, epoch, reason, at)
        where c.station = e.station and c.epoch = e.epoch
        returning c.station
        """,
        [
            [each.station for each in ordered],
            [each.epoch for each in ordered],
            [each.reason for each in ordered],
            [each.at for each in ordered],
        ],
    )
    return {row["station"] for row in found}


async def note_heard(db: AsyncSession, heard: Sequence[tuple[str, int, datetime]]) -> None:
    """Write when stations (with their epochs) were last heard."""
    ordered = sorted(heard)
    await rows(
        db,
        """
        update station_connections c set last_heard_at = e.at
        from unnest(%b::text[], %b::bigint[], %b::timestamptz[]) as e (station, epoch, at)
        where c.station = e.station and c.epoch = e.epoch and c.last_heard_at < e.at
        """,
        [[each[0] for each in ordered], [each[1] for each in ordered], [e[2] for e in ordered]],
    )


async def renew_lease(db: AsyncSession, node: str, now: datetime, lease_s: int) -> None:
    """Say that this node lives; leases go by the database's clock."""
    await rows(
        db,
        """
        insert into nodes (node, started_at, lease_until)
        values (%b, %b, clock_timestamp() + make_interval(secs => %b))
        on conflict (node) do update set lease_until = excluded.lease_until
        """,
        [node, now, lease_s],
    )


async def end_lease(db: AsyncSession, node: str, now: datetime) -> None:
    """Say that this node has left: its connections are closed and its row goes."""
    await rows(
        db,
        "update station_connections set closed_at = %b, close_reason = 'node stopped'"
        " where node = %b and closed_at is null",
        [now, node],
    )
    await rows(db, "delete from nodes where node = %b", [node])


async def close_abandoned(db: AsyncSession, now: datetime) -> int:
    """Close the connections of nodes whose lease ran out; return how many."""
    found = await rows(
        db,
        """
        update station_connections c set closed_at = %b, close_reason = 'node lost'
        where c.closed_at is null and not exists (
            select 1 from nodes n where n.node = c.node and n.lease_until > clock_timestamp())
        returning c.station
        """,
        [now],
    )
    await rows(
        db,
        "delete from nodes where lease_until < clock_timestamp() - interval '1 hour'",
        [],
    )
    return len(found)


# ------------------------------------------------------------------------------ what they say


async def save_boots(db: AsyncSession, reports: Sequence[BootReport]) -> dict[str, dict[str, Any]]:
    """Write what stations said at boot; return admission and boot policy of each."""
    ordered = sorted(reports, key=lambda each: each.origin.station)
    found = await rows(
        db,
        """
        update stations s set vendor = b.vendor, model = b.model,
            serial_number = coalesce(b.serial, s.serial_number),
            firmware = coalesce(b.firmware, s.firmware),
            iccid = coalesce(b.iccid, s.iccid), imsi = coalesce(b.imsi, s.imsi),
            booted_at = b.at
        from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                    %b::text[], %b::timestamptz[])
             as b (station, vendor, model, serial, firmware, iccid, imsi, at)
        where s.identity = b.station
        returning s.identity, s.admission, s.boot_policy
        """,
        [
            [each.origin.station for each in ordered],
            [each.vendor for each in ordered],
            [each.model for each in ordered],
            [each.serial_number for each in ordered],
            [each.firmware for each in ordered],
            [each.iccid for each in ordered],
            [each.imsi for each in ordered],
            [each.origin.received_at for each in ordered],
        ],
    )
    return {row["identity"]: row for row in found}


async def save_statuses(
    db: AsyncSession, reports: Sequence[StatusReport], at: Sequence[datetime]
) -> list[dict[str, Any]]:
    """Write connector statuses and their history; return the live ones before and after.

    A status whose moment (`at`, corrected) is older than the live one's goes into the history
    only. EVSEs and connectors are created as stations name them.
    """
    paired = sorted(
        zip(reports, at, strict=True),
        key=lambda each: (each[0].origin.station, each[0].evse_id, each[0].connector_id),
    )
    ordered = [report for report, _ in paired]
    stations = [each.origin.station for each in ordered]
    evses = [each.evse_id for each in ordered]
    connectors = [each.connector_id for each in ordered]
    await rows(
        db,
        """
        insert into status_history (station, evse_id, connector_id, original_status, error_code,
            vendor_error_code, info, reported_at, received_at)
        select * from unnest(%b::text[], %b::int[], %b::int[], %b::text[], %b::text[], %b::text[],
            %b::text[], %b::timestamptz[], %b::timestamptz[])
        """,
        [
            stations,
            evses,
            connectors,
            [each.original_status for each in ordered],
            [each.error_code for each in ordered],
            [each.vendor_error_code for each in ordered],
            [each.info for each in ordered],
            [each.reported_at for each in ordered],
            [each.origin.received_at for each in ordered],
        ],
    )
    await ensure_connectors(db, list(zip(stations, evses, connectors, strict=True)))
    changed: list[dict[str, Any]] = await rows(
        db,
        """
        with entry as (
            select * from unnest(%b::text[], %b::int[], %b::int[], %b::text[], %b::text[],
                %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
                %b::timestamptz[])
                as e (station, evse_id, connector_id, status, charging_state, original_status,
                      error_code, vendor_error_code, info, at, received_at)
        ), before as (
            select c.station, c.evse_id, c.connector_id, c.status, c.charging_state, c.error_code
            from connectors c join entry e using (station, evse_id, connector_id)
        )
        update connectors c set status = e.status, charging_state = e.charging_state,
            original_status = e.original_status, error_code = e.error_code,
            vendor_error_code = e.vendor_error_code, info = e.info,
            status_at = e.at, status_received_at = e.received_at
        from entry e join before b using (station, evse_id, connector_id)
        where c.station = e.station and c.evse_id = e.evse_id and c.connector_id = e.connector_id
          and (c.status_at is null or c.status_at <= e.at)
        returning c.station, c.evse_id, c.connector_id, e.at, c.status, c.charging_state,
            c.error_code, c.vendor_error_code, c.info, b.status as old_status,
            b.charging_state as old_charging_state, b.error_code as old_error_code
        """,
        [
            stations,
            evses,
            connectors,
            [each.status for each in ordered],
            [each.charging_state for each in ordered],
            [each.original_status for each in ordered],
            [each.error_code for each in ordered],
            [each.vendor_error_code for each in ordered],
            [each.info for each in ordered],
            [moment for _, moment in paired],
            [each.origin.received_at for each in ordered],
        ],
    )
    return changed


async def ensure_connectors(db: AsyncSession, keys: Sequence[tuple[str, int, int]]) -> None:
    """Create the EVSEs and connectors that are not there yet."""
    ordered = sorted(set(keys))
    values = [[key[0] for key in ordered], [key[1] for key in ordered], [k[2] for k in ordered]]
    missing = await rows(
        db,
        """
        select k.station, k.evse_id, k.connector_id
        from unnest(%b::text[], %b::int[], %b::int[]) as k (station, evse_id, connector_id)
        left join connectors c using (station, evse_id, connector_id)
        where c.station is null order by 1, 2, 3
        """,
        values,
    )
    if not missing:
        return
    columns = [
        [row["station"] for row in missing],
        [row["evse_id"] for row in missing],
        [row["connector_id"] for row in missing],
    ]
    await rows(
        db,
        "insert into evses (station, evse_id) select distinct * from"
        " unnest(%b::text[], %b::int[]) order by 1, 2 on conflict do nothing",
        columns[:2],
    )
    await rows(
        db,
        "insert into connectors (station, evse_id, connector_id) select * from"
        " unnest(%b::text[], %b::int[], %b::int[]) on conflict do nothing",
        columns,
    )


@dataclass(frozen=True, slots=True)
class StationEvent:
    """One element of a NotifyEvent, or a security event."""

    station: str
    kind: str
    at: datetime
    received_at: datetime
    digest: bytes
    details: dict[str, Any]


async def save_station_events(
    db: AsyncSession, events: Sequence[StationEvent]
) -> set[tuple[str, bytes]]:
    """Write what stations notified; return which were new (station, digest)."""
    ordered = sorted(events, key=lambda each: (each.station, each.digest))
    found = await rows(
        db,
        """
        insert into station_events (station, kind, at, received_at, digest, details)
        select s, k, a, r, d, j::jsonb from unnest(%b::text[], %b::text[], %b::timestamptz[],
            %b::timestamptz[], %b::bytea[], %b::text[]) as e (s, k, a, r, d, j)
        on conflict do nothing returning station, digest
        """,
        [
            [each.station for each in ordered],
            [each.kind for each in ordered],
            [each.at for each in ordered],
            [each.received_at for each in ordered],
            [each.digest for each in ordered],
            [msgspec.json.encode(each.details).decode() for each in ordered],
        ],
    )
    return {(row["station"], bytes(row["digest"])) for row in found}


# --------------------------------------------------------------------------------- the log


async def copy_frames(
    db: AsyncSession, lines: Sequence[tuple[str, datetime, str, int, str, str | None]]
) -> None:
    """Write lines of the OCPP log: station, at, direction, epoch, raw, note."""
    parts: list[bytes] = []
    last, moment = None, b""
    for station, at, direction, epoch, raw, note in lines:
        if at is not last:  # many lines have the same moment
            last, moment = at, field("timestamptz", at)
        data = raw.encode()
        parts += (
            _of_connection(station, direction, epoch),
            moment,
            NULL if note is None else field("text", note),
            len(data).to_bytes(4, "big"),
            data,
        )
    await copy_written(db, "frames", _FRAME, parts)


_FRAME = ("station", "direction", "epoch", "at", "note", "raw")


@lru_cache(maxsize=50_000)  # what a connection says begins alike
def _of_connection(station: str, direction: str, epoch: int) -> bytes:
    """Return how lines of one connection and direction begin."""
    count = len(_FRAME).to_bytes(2, "big")
    return count + field("text", station) + field("text", direction) + field("bigint", epoch)


async def quarantine(
    db: AsyncSession,
    *,
    station: str,
    received_at: datetime,
    action: str,
    raw: str,
    error: str,
    numbered: bool,
) -> int | None:
    """Keep a message that a defect of ours kept from being handled; return a fresh number."""
    found = await rows(
        db,
        """
        insert into quarantine (station, received_at, action, transaction_number, raw, error)
        values (%b, %b, %b, case when %b then nextval('transaction_number') end, %b, %b)
        returning transaction_number
        """,
        [station, received_at, action, numbered, raw, error],
    )
    number = found[0]["transaction_number"]
    return int(number) if number is not None else None
