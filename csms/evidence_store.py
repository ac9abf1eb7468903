"""What is known of the stations whose commands wait for evidence: rows to facts.

Only asked when a station has such commands; the messages that it sent are found in the OCPP log.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from csms.evidence import (
    Asked,
    BootFact,
    Came,
    ConnectorFact,
    Facts,
    Shown,
    TransactionFact,
    rule_of,
)
from csms.queue import STARTS, STOPS
from csms.reports import ConnectorStatus, OcppVersion
from csms.settlement import Open
from foundation import outbox
from foundation.events import ConnectorStatusChanged, StationBooted
from foundation.identifiers import TransactionId
from foundation.statements import rows

_read = msgspec.json.decode


async def facts(db: AsyncSession, waiting: Sequence[Open], actions: set[str]) -> dict[str, Facts]:
    """Return what is known of the stations of waiting commands, by station.

    Args:
        db: The unit of work.
        waiting: The commands that are judged.
        actions: The messages that are looked for in the OCPP log; none: it is not read.
    """
    since: dict[str, datetime] = {}
    for each in waiting:
        sent_at = each.asked.sent_at
        since[each.station] = min(since.get(each.station, sent_at), sent_at)
    stations = sorted(since)
    freed = await _freed(db, waiting)
    connectors: dict[str, list[ConnectorFact]] = {}
    for row in await rows(
        db,
        "select station, evse_id, connector_id, status, status_received_at from connectors"
        " where station = any (%b::text[])",
        [stations],
    ):
        connectors.setdefault(row["station"], []).append(
            ConnectorFact(
                evse_id=row["evse_id"],
                connector_id=row["connector_id"],
                status=row["status"],
                reported_at=row["status_received_at"],
                freed_at=freed.get((row["station"], row["evse_id"], row["connector_id"])),
            )
        )
    transactions, taken = await _transactions(db, waiting, since)
    came = await _came(db, since, actions) if actions else {}
    boots = await _boots(db, waiting)
    cancelled = await _cancelled(db, waiting)
    booted = await rows(
        db,
        "select identity, booted_at, firmware from stations where identity = any (%b::text[])",
        [stations],
    )
    return {
        row["identity"]: Facts(
            booted_at=row["booted_at"],
            boots=boots.get(row["identity"], []),
            firmware=row["firmware"],
            connectors=connectors.get(row["identity"], []),
            transactions=transactions.get(row["identity"], []),
            taken=taken,
            came=came.get(row["identity"], []),
            cancelled=cancelled.get(row["identity"], {}),
        )
        for row in booted
    }


async def _transactions(
    db: AsyncSession, waiting: Sequence[Open], since: dict[str, datetime]
) -> tuple[dict[str, list[TransactionFact]], frozenset[TransactionId]]:
    """Return the transactions that starts may have led to and stops may be about."""
    named = [
        each.asked.payload.get("transactionId") for each in waiting if each.asked.action in STOPS
    ]
    answered = [(each.asked.answer or {}).get("transactionId") for each in waiting]
    if not any(each.asked.action in STARTS | STOPS for each in waiting):
        return {}, frozenset()
    found = await rows(
        db,
        """
        select t.id, t.station, t.version, t.ref, t.station_number::bigint as number, t.evse_id,
            t.token_key, t.remote_start_id, t.started_at, t.start_received_at,
            t.ended_at is not null as is_over,
            exists (select 1 from commands c where c.transaction_id = t.id
                    and c.action = any (%b::text[])) as is_taken
        from unnest(%b::text[], %b::timestamptz[]) as s (station, since)
        join transactions t on t.station = s.station
          and (t.started_at >= s.since - interval '10 minutes' or t.state = 'active'
               or t.id = any (%b::bigint[]) or t.ref = any (%b::text[])
               or t.station_number = any (%b::bigint[]))
        order by t.id
        """,
        [
            sorted(STARTS),
            list(since),
            list(since.values()),
            [each for each in named if isinstance(each, int)],
            [f"2|{each}" for each in (*named, *answered) if isinstance(each, str)],
            [each for each in named if isinstance(each, int)],
        ],
    )
    by_station: dict[str, list[TransactionFact]] = {}
    for row in found:
        is_16 = row["version"] == OcppVersion.V16
        by_station.setdefault(row["station"], []).append(
            TransactionFact(
                id=TransactionId(row["id"]),
                ref=None if is_16 else row["ref"].partition("|")[2],
                number=row["number"],
                evse_id=row["evse_id"],
                token_key=row["token_key"],
                remote_start_id=row["remote_start_id"],
                started_at=row["started_at"],
                start_received_at=row["start_received_at"],
                is_over=row["is_over"],
            )
        )
    return by_station, frozenset(TransactionId(row["id"]) for row in found if row["is_taken"])


def _shown_by(waiting: Sequence[Open], shown: Shown) -> list[Open]:
    return [
        each for each in waiting if rule_of(each.asked.version, each.asked.action).shown is shown
    ]


def _evse_of(asked: Asked) -> Any:
    """Return the EVSE that an unlock is about; 1.6's connector n is EVSE n."""
    return asked.payload.get("connectorId" if asked.version is OcppVersion.V16 else "evseId")


async def _freed(db: AsyncSession, waiting: Sequence[Open]) -> dict[tuple[str, int, int], datetime]:
    """Return when connectors became available that unlocks wait for, as we were told."""
    unlocks = _shown_by(waiting, Shown.UNLOCKED)
    if not unlocks:
        return {}
    places = {(each.station, _evse_of(each.asked)) for each in unlocks}
    told = await outbox.told_of(
        db,
        sorted(f"evse/{station}/{evse_id}" for station, evse_id in places),
        kinds=[ConnectorStatusChanged.kind],
        since=min(each.asked.sent_at for each in unlocks),
    )
    return {
        (said["station"], said["evse_id"], said["connector_id"]): entry.recorded_at
        for entry in told
        for said in [entry.payload]
        if said["status"] == ConnectorStatus.AVAILABLE
    }


async def _cancelled(db: AsyncSession, waiting: Sequence[Open]) -> dict[str, dict[str, datetime]]:
    """Return by station and action when what took the place of earlier requests was sent."""
    replaced = [*_shown_by(waiting, Shown.FIRMWARE), *_shown_by(waiting, Shown.UPLOAD)]
    if not replaced:
        return {}
    found = await rows(
        db,
        """
        select c.station, c.action, max(c.sent_at) as sent_at
        from unnest(%b::text[], %b::text[]) as s (station, action)
        join commands c on c.station = s.station and c.action = s.action
          and c.sent_at >= %b::timestamptz and c.answer ->> 'status' = 'AcceptedCanceled'
        group by c.station, c.action
        """,
        [
            [each.station for each in replaced],
            [each.asked.action for each in replaced],
            min(each.asked.sent_at for each in replaced),
        ],
    )
    cancelled: dict[str, dict[str, datetime]] = {}
    for row in found:
        cancelled.setdefault(row["station"], {})[row["action"]] = row["sent_at"]
    return cancelled


async def _boots(db: AsyncSession, waiting: Sequence[Open]) -> dict[str, list[BootFact]]:
    """Return the boots since, with their reasons, of the stations that resets wait for."""
    resets = _shown_by(waiting, Shown.BOOT)
    if not resets:
        return {}
    told = await outbox.told_of(
        db,
        sorted({f"station/{each.station}" for each in resets}),
        kinds=[StationBooted.kind],
        since=min(each.asked.sent_at for each in resets),
    )
    boots: dict[str, list[BootFact]] = {}
    for entry in told:
        fact = BootFact(at=entry.happened_at, reason=entry.payload["reason"])
        boots.setdefault(entry.payload["station"], []).append(fact)
    return boots


async def _came(
    db: AsyncSession, since: dict[str, datetime], actions: set[str]
) -> dict[str, list[Came]]:
    """Return what stations said since, of these actions, from the OCPP log."""
    found = await rows(
        db,
        """
        select f.station, f.at, f.raw
        from unnest(%b::text[], %b::timestamptz[]) as s (station, since)
        join frames f on f.station = s.station and f.at >= s.since and f.direction = 'in'
          and f.raw ~ %b::text
        order by f.at
        """,
        [
            list(since),
            list(since.values()),
            rf'^\s*\[\s*2\s*,[^,]*,\s*"({"|".join(sorted(actions))})"',
        ],
    )
    came: dict[str, list[Came]] = {}
    for row in found:
        try:
            frame = _read(row["raw"])
        except msgspec.DecodeError:
            continue  # a text that had to be mended: what it says came in as a report
        payload = frame[3] if len(frame) > 3 and isinstance(frame[3], dict) else {}
        said = Came(action=frame[2], at=row["at"], payload=payload)
        came.setdefault(row["station"], []).append(said)
    return came
