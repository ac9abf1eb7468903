"""The statements to the database about signed values and meters' keys.

What is asked for every transaction that ends is one statement, prepared, that goes with others.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.signed_value_tables import MeterKeyRow, SignedTransactionRow, SignedValueRow
from csms.signed_values import Checked, Record, SignedTransaction, as_bytes
from foundation.events import Doubt
from foundation.statements import Asked, Tuples, ask

LOOKS_BACK: Final = timedelta(days=3)
"""How long before a transaction another one may have begun to be compared with it."""

TIME_DOUBTS: Final = (
    Doubt.CLOCK_WRONG,
    Doubt.MISSING_START,
    Doubt.INFERRED_END,
    Doubt.END_BEFORE_START,
)
"""With one of these, when a transaction was is not sure."""

_RAW = """
select r.transaction_id, r.raw from reports r
where r.transaction_id = any(%b::bigint[])
  and (strpos(r.raw, 'igned') > 0 or strpos(r.raw, 'OCMF') > 0)
order by r.transaction_id, r.id
"""


def messages(transaction_ids: Collection[int]) -> Asked[dict[int, list[str]]]:
    """Ask for the raw messages of transactions that may hold signed values, in their order."""

    def read(found: Tuples) -> dict[int, list[str]]:
        by_transaction: dict[int, list[str]] = {}
        for number, raw in found:
            by_transaction.setdefault(number, []).append(raw)
        return by_transaction

    return Asked(_RAW, [sorted(transaction_ids)], read)


class Overlap(Struct, frozen=True):
    """Another transaction on the same EVSE at the same time."""

    transaction_id: int
    started_at: datetime
    ended_at: datetime


class Stay(Struct, frozen=True):
    """A transaction's time on an EVSE; `is_sure` is False where a start, end or clock is not."""

    transaction_id: int
    station: str
    evse_id: int
    started_at: datetime
    ended_at: datetime
    is_sure: bool = True


_OVERLAPS = """
select k.id, o.id, o.started_at, o.ended_at
from unnest(%b::bigint[], %b::text[], %b::int[], %b::timestamptz[], %b::timestamptz[],
            %b::timestamptz[])
     as k (id, station, evse_id, since, started_at, ended_at)
cross join lateral (
    (select t.id, t.started_at, t.ended_at from transactions t
     where t.station = k.station and t.evse_id = k.evse_id and t.id <> k.id
       and t.started_at > k.since and t.started_at <= k.started_at and t.ended_at is not null
     order by t.started_at desc limit 1)
    union all
    (select t.id, t.started_at, t.ended_at from transactions t
     where t.station = k.station and t.evse_id = k.evse_id and t.id <> k.id
       and t.started_at > k.started_at and t.started_at < k.ended_at and t.ended_at is not null
     order by t.started_at limit 1)) o
where o.ended_at > k.started_at
"""


def overlaps(stays: Sequence[Stay]) -> Asked[dict[int, list[Overlap]]]:
    """Ask what else went on at the EVSEs of transactions: one before and one after at most."""

    def read(found: Tuples) -> dict[int, list[Overlap]]:
        by_transaction: dict[int, list[Overlap]] = {}
        for number, other, started_at, ended_at in found:
            by_transaction.setdefault(number, []).append(Overlap(other, started_at, ended_at))
        return by_transaction

    return Asked(
        _OVERLAPS,
        [
            [each.transaction_id for each in stays],
            [each.station for each in stays],
            [each.evse_id for each in stays],
            [each.started_at - LOOKS_BACK for each in stays],
            [each.started_at for each in stays],
            [each.ended_at for each in stays],
        ],
        read,
    )


# ------------------------------------------------------------------------------------- keys


class RegisteredKey(Struct, frozen=True):
    """A meter's key as it is kept; EVSE 0: of all of the station's meters."""

    id: int
    station: str
    evse_id: int
    public_key: str
    curve: str
    meter_serial: str | None
    valid_from: datetime
    valid_to: datetime | None


_KEYS = """
select id, station, evse_id, public_key, curve, meter_serial, valid_from, valid_to
from meter_keys where station = any(%b::text[]) order by station, evse_id desc, valid_from desc
"""


def keys(stations: Collection[str]) -> Asked[dict[str, list[RegisteredKey]]]:
    """Ask for the keys of stations: an EVSE's own before the station's, the newest first."""

    def read(found: Tuples) -> dict[str, list[RegisteredKey]]:
        by_station: dict[str, list[RegisteredKey]] = {}
        for row in found:
            by_station.setdefault(row[1], []).append(RegisteredKey(*row))
        return by_station

    return Asked(_KEYS, [sorted(stations)], read)


async def keys_of(db: AsyncSession, station: str) -> list[RegisteredKey]:
    """Return the keys of a station."""
    return (await ask(db, keys([station]))).get(station, [])


class OfferedKey(Struct, frozen=True):
    """A key that a station sent beside signed values or has as a setting, as it wrote it.

    `values` is how many signed values it came with; the moments are the starts of their
    transactions, of a setting when the station told it first and last.
    """

    evse_id: int
    text: str
    values: int
    first_at: datetime
    last_at: datetime


_OFFERED = """
select s.evse_id, v.offered_key, count(*), min(t.started_at), max(t.started_at)
from signed_transactions s
join signed_values v on v.transaction_id = s.transaction_id
join transactions t on t.id = s.transaction_id
where s.station = %b::text and v.offered_key is not null
group by s.evse_id, v.offered_key
union all
select coalesce(substring(variable from '[0-9]+')::int, 0), value, 0, changed_at, read_at
from station_variables
where station = %b::text and variable ~* '^MeterPublicKey([[][0-9]{1,4}[]])?$'
  and coalesce(value, '') <> ''
order by 1, 5 desc, 2
limit 100
"""
# MeterPublicKey[n] is how a 1.6 station names the key of its connector's meter: white paper
# "Signed Meter Values in OCPP" of the Open Charge Alliance.


def offered_keys(station: str) -> Asked[list[OfferedKey]]:
    """Ask which keys a station sent, by EVSE (0: all), the newest first."""

    def read(found: Tuples) -> list[OfferedKey]:
        return [OfferedKey(*row) for row in found]

    return Asked(_OFFERED, [station] * 2, read)


async def key_row(db: AsyncSession, key_id: int) -> MeterKeyRow | None:
    """Return a key's row, locked."""
    return await db.get(MeterKeyRow, key_id, with_for_update=True)


# ------------------------------------------------------------------------- values that were checked


class CheckedValue(Struct, frozen=True):
    """A value of a transaction that was checked, and with which registered key."""

    transaction_id: int
    position: int
    checked: Checked
    key_id: int | None


_PUT_VALUES = """
insert into signed_values (transaction_id, position, context, digest, original, format,
  offered_key, status, reason, key_id, document, checked_at)
select v.transaction_id, v.position, v.context, v.digest, v.original, v.format,
  v.offered_key, v.status, v.reason, v.key_id, v.document::jsonb, v.checked_at
from unnest(%b::bigint[], %b::int[], %b::text[], %b::bytea[], %b::bytea[], %b::text[],
  %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[])
as v (transaction_id, position, context, digest, original, format, offered_key, status, reason,
  key_id, document, checked_at)
order by v.transaction_id, v.position
on conflict (transaction_id, digest) do update set (position, status, reason, key_id, document,
  checked_at) = (excluded.position, excluded.status, excluded.reason, excluded.key_id,
  excluded.document, excluded.checked_at)
"""


def putting_values(values: Sequence[CheckedValue], *, now: datetime) -> Asked[Any]:
    """Ask that checked values be kept; the original of one that is known stays as it is."""
    rows = [
        (
            each.transaction_id,
            each.position,
            claimed.context.replace("\0", ""),
            claimed.digest,
            as_bytes(claimed.original),
            claimed.format.replace("\0", ""),
            None if claimed.offered_key is None else claimed.offered_key.replace("\0", ""),
            each.checked.status.value,
            None if each.checked.trouble is None else each.checked.trouble.value,
            each.key_id,
            None if each.checked.record is None else _document(each.checked.record),
            now,
        )
        for each in values
        for claimed in (each.checked.claimed,)
    ]
    return Asked(_PUT_VALUES, list(zip(*rows, strict=True)), len)


def _document(record: Record) -> str:
    """Return what a record says as JSON; its text is in the original."""
    plain = msgspec.to_builtins(record)
    for name in ("signed", "signature"):
        del plain[name]
    return msgspec.json.encode(plain).decode().replace("\\u0000", "")


_PUT_TRANSACTIONS = """
insert into signed_transactions (transaction_id, station, evse_id, status, reason, begin_wh,
  end_wh, checked_at)
select * from unnest(%b::bigint[], %b::text[], %b::int[], %b::text[], %b::text[], %b::numeric[],
  %b::numeric[], %b::timestamptz[])
on conflict (transaction_id) do update set (status, reason, begin_wh, end_wh, checked_at) =
  (excluded.status, excluded.reason, excluded.begin_wh, excluded.end_wh, excluded.checked_at)
"""


def putting_transactions(
    wholes: Sequence[tuple[Stay, SignedTransaction]], *, now: datetime
) -> Asked[Any]:
    """Ask that what transactions' values come to be kept."""
    rows = sorted(
        (
            stay.transaction_id,
            stay.station,
            stay.evse_id,
            whole.status.value,
            None if whole.trouble is None else whole.trouble.value,
            whole.begin_wh,
            whole.end_wh,
            now,
        )
        for stay, whole in wholes
    )
    return Asked(_PUT_TRANSACTIONS, list(zip(*rows, strict=True)), len)


async def pending(db: AsyncSession, station: str) -> list[int]:
    """Return the transactions of a station whose values are not verified, by number."""
    rows = await db.scalars(
        select(SignedTransactionRow.transaction_id)
        .where(SignedTransactionRow.station == station)
        .where(SignedTransactionRow.status != "verified")
        .order_by(SignedTransactionRow.transaction_id)
    )
    return list(rows)


async def values_of(db: AsyncSession, number: int) -> list[SignedValueRow]:
    """Return the signed values of a transaction, in the order in which they were sent."""
    rows = await db.scalars(
        select(SignedValueRow)
        .where(SignedValueRow.transaction_id == number)
        .order_by(SignedValueRow.position)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def transaction_row(db: AsyncSession, number: int) -> SignedTransactionRow | None:
    """Return what a transaction's values come to; None if it has none."""
    return await db.get(SignedTransactionRow, number, populate_existing=True)


async def energies(db: AsyncSession, numbers: Sequence[int]) -> dict[int, tuple[Stay, Decimal]]:
    """Return where and when transactions were, and their energy; those that run are missing."""
    return await ask(db, Asked(_ENERGIES, [list(TIME_DOUBTS), numbers], _stays))


_ENERGIES = """
select id, station, evse_id, started_at, ended_at, not doubts && %b::text[], energy_wh
from transactions
where id = any(%b::bigint[]) and ended_at is not null and energy_wh is not null
"""


def _stays(found: Tuples) -> dict[int, tuple[Stay, Decimal]]:
    return {row[0]: (Stay(*row[:6]), row[6]) for row in found}
