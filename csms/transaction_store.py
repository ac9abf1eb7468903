"""Transactions, readings and raw reports: what the hot way reads and writes, set-based.

Identity comes from natural keys with unique constraints, never from message ids: a repeated
start, end or reading changes nothing. Rows are sorted by key before they are locked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from csms.assembly import RegisterReading
from csms.reports import Reading
from csms.transactions import TransactionFacts
from foundation.statements import Asked, ask, rows, tuples

_COLUMNS = TransactionFacts.__struct_fields__
_WIDTH = len(_COLUMNS)
_ALL = ", ".join(f"t.{name}" for name in _COLUMNS)

_TYPES = {
    "id": "bigint",
    "generation": "int",
    "station_number": "numeric",
    "evse_id": "int",
    "connector_id": "int",
    "revision": "int",
    "free_vend": "bool",
    "station_waiting": "bool",
    "max_power_w": "numeric",
    "start_seen": "bool",
    "offline": "bool",
    "started_at": "timestamptz",
    "start_reported_at": "timestamptz",
    "start_received_at": "timestamptz",
    "reported_start_wh": "numeric",
    "meter_start_wh": "numeric",
    "remote_start_id": "bigint",
    "reservation_id": "bigint",
    "first_seq_no": "bigint",
    "clock_wrong": "bool",
    "available_since": "timestamptz",
    "queue_asked_at": "timestamptz",
    "ended_at": "timestamptz",
    "end_reported_at": "timestamptz",
    "end_received_at": "timestamptz",
    "end_seq_no": "bigint",
    "reported_stop_wh": "numeric",
    "meter_stop_wh": "numeric",
    "energy_wh": "numeric",
    "conflicting_ends": "int",
}
"""PostgreSQL's types of the columns that are not text."""


def _facts(found: Iterable[tuple[Any, ...]]) -> list[TransactionFacts]:
    """Return transactions from rows that begin with `_ALL`."""
    return [TransactionFacts(*row[:_WIDTH]) for row in found]


# --------------------------------------------------------------------------------- finding


def of_refs(keys: Sequence[tuple[str, str]]) -> Asked[dict[tuple[str, str], TransactionFacts]]:
    """Ask for the newest generation of each (station, ref) that exists; locks the rows."""
    ordered = sorted(set(keys))
    return Asked(
        _BY_REF,
        [[station for station, _ in ordered], [ref for _, ref in ordered]],
        lambda found: {(each.station, each.ref): each for each in _facts(found)},
    )


_BY_REF = f"""
select {_ALL} from unnest(%b::text[], %b::text[]) as k (station, ref)
join transactions t on t.station = k.station and t.ref = k.ref
order by t.station, t.ref, t.generation for update of t
"""  # noqa: S608 - column names only


async def by_ref(
    db: AsyncSession, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], TransactionFacts]:
    """Return the newest generation of each (station, ref) that exists; locks the rows."""
    return await ask(db, of_refs(keys))


async def by_id(db: AsyncSession, ids: Sequence[int]) -> dict[int, TransactionFacts]:
    """Return transactions by our number, locked."""
    found = await tuples(
        db,
        f"select {_ALL} from transactions t where t.id = any(%b::bigint[])"  # noqa: S608
        " order by t.id for update",
        [sorted(set(ids))],
    )
    return {each.id: each for each in _facts(found)}


async def of_station_by_number(
    db: AsyncSession, asked: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], TransactionFacts]:
    """Return the transactions that stations name by a number of ours; locked.

    Always scoped by the station: a number of another station's transaction finds nothing.
    """
    ordered = sorted({(station, number) for station, number in asked if 0 < number < 2**31})
    if not ordered:
        return {}
    found = await tuples(
        db,
        f"""
        select {_ALL}, k.number as asked
        from unnest(%b::text[], %b::bigint[]) as k (station, number)
        join transactions t on t.id = k.number and t.station = k.station
        order by t.id for update of t
        """,  # noqa: S608
        [[station for station, _ in ordered], [number for _, number in ordered]],
    )
    return {
        (facts.station, row[-1]): facts for row, facts in zip(found, _facts(found), strict=True)
    }


class Known(Struct, frozen=True):
    """Which transaction it is, and where: all that a reading needs."""

    id: int
    evse_id: int


async def known_by_number(
    db: AsyncSession, asked: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], Known]:
    """Return the transactions of `of_station_by_number`, locked, but only what a reading needs."""
    ordered = sorted({(station, number) for station, number in asked if 0 < number < 2**31})
    if not ordered:
        return {}
    found = await tuples(
        db,
        """
        select t.station, t.id, t.evse_id
        from unnest(%b::text[], %b::bigint[]) as k (station, number)
        join transactions t on t.id = k.number and t.station = k.station
        order by t.id for update of t
        """,
        [[station for station, _ in ordered], [number for _, number in ordered]],
    )
    return {(station, number): Known(number, evse_id) for station, number, evse_id in found}


SaidEnd = tuple[str, int, datetime, Decimal | None]
"""Station, the number that it named, its moment and its stop register."""


async def repeated_ends(
    db: AsyncSession, ends: dict[tuple[str, str], SaidEnd]
) -> dict[tuple[str, str], TransactionFacts]:
    """Return the transactions that ended with just these words, by the keys given; locked."""
    if not ends:
        return {}
    keys = sorted(ends)
    said = [ends[key] for key in keys]
    found = await tuples(
        db,
        f"""
        select {_ALL}, k.place
        from unnest(%b::text[], %b::numeric[], %b::timestamptz[], %b::numeric[])
             with ordinality as k (station, number, at, stop_wh, place)
        join transactions t on t.station = k.station and t.station_number = k.number
             and t.end_reported_at = k.at and t.reported_stop_wh is not distinct from k.stop_wh
        order by t.id for update of t
        """,  # noqa: S608
        [
            [station for station, _, _, _ in said],
            [Decimal(number) for _, number, _, _ in said],
            [at for _, _, at, _ in said],
            [stop_wh for _, _, _, stop_wh in said],
        ],
    )
    return {keys[row[-1] - 1]: facts for row, facts in zip(found, _facts(found), strict=True)}


def open_at(stations: Sequence[str]) -> Asked[dict[str, list[TransactionFacts]]]:
    """Ask for the transactions of stations that have no reported end, oldest first; locked."""
    return Asked(_OPEN, [sorted(set(stations))], _by_station)


_OPEN = f"""
select {_ALL} from transactions t
where t.station = any(%b::text[]) and t.state <> 'ended'
order by t.id for update
"""  # noqa: S608


def _by_station(found: Iterable[tuple[Any, ...]]) -> dict[str, list[TransactionFacts]]:
    by_station: dict[str, list[TransactionFacts]] = {}
    for each in _facts(found):
        by_station.setdefault(each.station, []).append(each)
    return by_station


async def open_of(db: AsyncSession, stations: Sequence[str]) -> dict[str, list[TransactionFacts]]:
    """Return the transactions of stations that have no reported end, oldest first; locked."""
    return await ask(db, open_at(stations))


class Surroundings(Struct, frozen=True):
    """What is frozen on a transaction at its start, beside the token's part."""

    owner: str
    location: str | None
    time_zone: str
    free_vend: bool
    waiting: bool
    max_power_w: Decimal | None


def surroundings(asked: Sequence[tuple[str, int, int, datetime]]) -> Asked[list[Surroundings]]:
    """Ask for the surroundings of each (station, evse, connector, moment), in the order asked."""

    def read(found: Sequence[tuple[Any, ...]]) -> list[Surroundings]:
        assert len(found) == len(asked), "every station has an owner from the beginning of time"
        return [Surroundings(*row) for row in found]

    return Asked(
        _SURROUNDINGS,
        [
            [station for station, _, _, _ in asked],
            [evse for _, evse, _, _ in asked],
            [connector for _, _, connector, _ in asked],
            [at for _, _, _, at in asked],
        ],
        read,
    )


_SURROUNDINGS = """
select o.organisation, s.location, coalesce(l.time_zone, s.time_zone), s.free_vend,
    s.admission <> 'accepted', p.max_power_w
from unnest(%b::text[], %b::int[], %b::int[], %b::timestamptz[])
     with ordinality as k (station, evse_id, connector_id, at, place)
join stations s on s.identity = k.station
left join locations l on l.key = s.location
join lateral (
    select organisation from station_owners o
    where o.station = k.station and o.valid_from <= k.at
      and (o.valid_to is null or o.valid_to > k.at)
    order by o.valid_from desc limit 1) o on true
left join lateral (
    select max(c.max_power_w) as max_power_w from connectors c
    where c.station = k.station and c.evse_id = k.evse_id
      and (k.connector_id = 0 or c.connector_id = k.connector_id)) p on true
order by k.place
"""


# --------------------------------------------------------------------------------- writing


def _arrays(transactions: Sequence[TransactionFacts], names: Sequence[str]) -> list[list[Any]]:
    return [
        [
            "\x1f".join(each.doubts) if name == "doubts" else getattr(each, name)
            for each in transactions
        ]
        for name in names
    ]


def _selected(name: str) -> str:
    if name == "doubts":
        # Arrays of arrays must be rectangular; so the doubts travel as one text.
        return "case when n.doubts = '' then '{}' else string_to_array(n.doubts, chr(31)) end"
    return f"n.{name}"


def _unnest(names: Sequence[str]) -> str:
    types = ", ".join(f"%b::{_TYPES.get(name, 'text')}[]" for name in names)
    return f"unnest({types}) as n ({', '.join(names)})"


_INSERTED = tuple(name for name in _COLUMNS if name != "id")
_INSERT = f"""
insert into transactions (id, {", ".join(_INSERTED)})
select nextval('transaction_number'), {", ".join(_selected(name) for name in _INSERTED)}
from {_unnest(_INSERTED)} order by n.station, n.ref
on conflict (station, ref, generation) do nothing
returning id, station, ref, generation
"""  # noqa: S608 - column names only


async def add(db: AsyncSession, new: Sequence[TransactionFacts]) -> list[TransactionFacts]:
    """Insert transactions; return those that are new, with their numbers.

    One that somebody else inserted at the same moment is left out: read it by its key.
    """
    found = await rows(db, _INSERT, _arrays(new, _INSERTED))
    numbers = {(row["station"], row["ref"], row["generation"]): row["id"] for row in found}
    added = []
    for each in new:
        number = numbers.get((each.station, each.ref, each.generation))
        if number is not None:
            each.id = number
            added.append(each)
    return added


_CHANGED = tuple(
    name for name in _COLUMNS if name not in ("id", "station", "ref", "generation", "version")
)
_UPDATE = f"""
update transactions t set {", ".join(f"{name} = {_selected(name)}" for name in _CHANGED)}
from {_unnest(("id", *_CHANGED))} where t.id = n.id
"""  # noqa: S608


def changing(changed: Sequence[TransactionFacts]) -> Asked[Any]:
    """Ask that transactions be written back whole; whoever read the rows locked them."""
    ordered = sorted(changed, key=lambda each: each.id)
    return Asked(_UPDATE, _arrays(ordered, ("id", *_CHANGED)), len)


async def change(db: AsyncSession, changed: Sequence[TransactionFacts]) -> None:
    """Write transactions back whole; the rows were locked by whoever read them."""
    if changed:
        await ask(db, changing(changed))


async def note_charging_states(db: AsyncSession, states: Sequence[tuple[int, str]]) -> None:
    """Write charging states that changed; a sign of life ends the suspicion of a lost end."""
    ordered = sorted(states)
    await rows(
        db,
        """
        update transactions t set charging_state = n.charging_state, available_since = null
        from unnest(%b::bigint[], %b::text[]) as n (id, charging_state)
        where t.id = n.id and (t.charging_state is distinct from n.charging_state
                               or t.available_since is not null)
        """,
        [[number for number, _ in ordered], [state for _, state in ordered]],
    )


# ---------------------------------------------------------------------------- readings, reports


class NewReading(Struct, frozen=True):
    """A reading on its way into the table; `measured_at` is corrected.

    `number` and `transaction_id` name the transaction if it is known; else it is found by EVSE
    and time, now or when the transaction appears.
    """

    station: str
    evse_id: int
    transaction_id: int | None
    measured_at: datetime
    reading: Reading
    received_at: datetime


def _as_json(reading: Reading) -> str:
    # jsonb takes no NUL, which signed data may have; its bytes stay whole in the raw report.
    return msgspec.json.encode(reading.samples).decode().replace("\\u0000", "")


async def add_readings(
    db: AsyncSession, readings: Sequence[NewReading]
) -> list[tuple[int, RegisterReading]]:
    """Insert readings; return those with a register that are new in *ended* transactions.

    A repeated reading changes nothing. One without a transaction is linked to the transaction
    that its EVSE had at that time; EVSE 0 is the whole station's meter and is never linked.
    """
    if not readings:
        return []
    ordered = sorted(
        readings,
        key=lambda each: (
            each.station,
            each.evse_id,
            each.transaction_id or 0,
            each.measured_at,
            each.reading.context,
        ),
    )
    found = await rows(
        db,
        """
        with entry as (
            select r.station, r.evse_id, coalesce(r.transaction_id, t.id) as transaction_id,
                r.measured_at, r.context, r.register, r.samples, r.received_at
            from unnest(%b::text[], %b::int[], %b::bigint[], %b::timestamptz[], %b::text[],
                        %b::numeric[], %b::text[], %b::timestamptz[])
                 as r (station, evse_id, transaction_id, measured_at, context, register,
                       samples, received_at)
            left join lateral (
                select x.id from transactions x
                where r.transaction_id is null and r.evse_id > 0
                  and x.station = r.station and x.evse_id = r.evse_id
                  and x.started_at <= r.measured_at
                  and (x.ended_at is null or x.ended_at >= r.measured_at)
                order by x.started_at desc limit 1) t on true
        ), added as (
            insert into readings (station, evse_id, transaction_id, measured_at, context,
                                  energy_register_wh, values, received_at)
            select station, evse_id, transaction_id, measured_at, context, register,
                   samples::jsonb, received_at from entry
            on conflict do nothing
            returning transaction_id, measured_at, context, energy_register_wh
        )
        select a.transaction_id, a.measured_at, a.context, a.energy_register_wh
        from added a join transactions t on t.id = a.transaction_id
        where t.state in ('ended', 'inferred_end') and a.energy_register_wh is not null
        """,
        [
            [each.station for each in ordered],
            [each.evse_id for each in ordered],
            [each.transaction_id for each in ordered],
            [each.measured_at for each in ordered],
            [each.reading.context for each in ordered],
            [each.reading.energy_register_wh for each in ordered],
            [_as_json(each.reading) for each in ordered],
            [each.received_at for each in ordered],
        ],
    )
    return [
        (
            row["transaction_id"],
            RegisterReading(row["measured_at"], row["context"], row["energy_register_wh"]),
        )
        for row in found
    ]


def linking(transactions: Sequence[TransactionFacts]) -> Asked[Any]:
    """Ask that readings which came before their transaction be given to it, by EVSE and time."""
    ordered = sorted(transactions, key=lambda each: each.id)
    return Asked(
        _LINK,
        [
            [each.id for each in ordered],
            [each.station for each in ordered],
            [each.evse_id for each in ordered],
            [each.started_at for each in ordered],
            [each.ended_at for each in ordered],
        ],
        len,
    )


_LINK = """
update readings r set transaction_id = t.id
from unnest(%b::bigint[], %b::text[], %b::int[], %b::timestamptz[], %b::timestamptz[])
     as t (id, station, evse_id, started_at, ended_at)
where r.transaction_id is null and r.station = t.station and r.evse_id = t.evse_id
  and r.measured_at >= t.started_at
  and (t.ended_at is null or r.measured_at <= t.ended_at)
  and not exists (
    select 1 from readings o where o.station = r.station and o.evse_id = r.evse_id
      and o.transaction_id = t.id and o.measured_at = r.measured_at
      and o.context = r.context)
"""


def registers(ids: Sequence[int]) -> Asked[dict[int, list[RegisterReading]]]:
    """Ask for the register readings of transactions, oldest first."""
    return Asked(_REGISTERS, [sorted(set(ids))], _by_transaction)


_REGISTERS = """
select transaction_id, measured_at, context, energy_register_wh from readings
where transaction_id = any(%b::bigint[]) and energy_register_wh is not null
order by transaction_id, measured_at, context
"""


def _by_transaction(found: Iterable[tuple[Any, ...]]) -> dict[int, list[RegisterReading]]:
    readings: dict[int, list[RegisterReading]] = {}
    for number, *reading in found:
        readings.setdefault(number, []).append(RegisterReading(*reading))
    return readings


async def registers_of(db: AsyncSession, ids: Sequence[int]) -> dict[int, list[RegisterReading]]:
    """Return the register readings of transactions, oldest first."""
    return await ask(db, registers(ids))


class NewReport(Struct, frozen=True):
    """A raw message on its way into `reports`."""

    station: str
    transaction_id: int | None
    evse_id: int | None
    kind: str
    seq_no: int | None
    version: str
    epoch: int
    reported_at: datetime | None
    received_at: datetime
    skew_s: int
    digest: bytes
    raw: str
    repairs: tuple[str, ...]


def reporting(reports: Sequence[NewReport]) -> Asked[list[bool]]:
    """Ask that raw messages be kept, and which, in the order given, were not said before."""
    ordered = sorted(reports, key=lambda each: (each.station, each.digest))

    def read(found: Iterable[tuple[Any, ...]]) -> list[bool]:
        new = {(station, bytes(digest), number) for station, digest, number in found}
        are_new = []
        for each in reports:
            key = (each.station, each.digest, each.transaction_id)
            are_new.append(key in new)
            new.discard(key)  # the same message twice in one batch is new once
        return are_new

    return Asked(
        _REPORT,
        [
            [each.station for each in ordered],
            [each.transaction_id for each in ordered],
            [each.evse_id for each in ordered],
            [each.kind for each in ordered],
            [each.seq_no for each in ordered],
            [each.version for each in ordered],
            [each.epoch for each in ordered],
            [each.reported_at for each in ordered],
            [each.received_at for each in ordered],
            [each.skew_s for each in ordered],
            [each.digest for each in ordered],
            [each.raw for each in ordered],
            [" ".join(each.repairs) for each in ordered],
        ],
        read,
    )


_REPORT = """
insert into reports (station, transaction_id, evse_id, kind, seq_no, version, epoch,
    reported_at, received_at, skew_s, digest, raw, repairs)
select station, transaction_id, evse_id, kind, seq_no, version, epoch, reported_at,
    received_at, skew_s, digest, raw,
    case when repairs = '' then '{}' else string_to_array(repairs, ' ') end
from unnest(%b::text[], %b::bigint[], %b::int[], %b::text[], %b::bigint[], %b::text[],
            %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::int[], %b::bytea[],
            %b::text[], %b::text[])
     as n (station, transaction_id, evse_id, kind, seq_no, version, epoch, reported_at,
           received_at, skew_s, digest, raw, repairs)
on conflict do nothing returning station, digest, transaction_id
"""


def gaps(transactions: Sequence[TransactionFacts]) -> Asked[set[int]]:
    """Ask which 2.x transactions have gaps in their event numbers up to their end."""
    ended = sorted(
        (each for each in transactions if each.end_seq_no is not None), key=lambda each: each.id
    )
    return Asked(
        _GAPS,
        [
            [each.id for each in ended],
            [each.first_seq_no or 0 for each in ended],
            [each.end_seq_no for each in ended],
        ],
        lambda found: {number for (number,) in found},
    )


_GAPS = """
select t.id from unnest(%b::bigint[], %b::bigint[], %b::bigint[]) as t (id, first, last)
join reports r on r.transaction_id = t.id
where r.seq_no is not null
group by t.id, t.first, t.last
having count(distinct r.seq_no) filter (where r.seq_no between t.first and t.last)
       < t.last - t.first + 1
"""


async def suspect_ends(
    db: AsyncSession,
    freed: Sequence[tuple[str, int, datetime]],
    taken: Sequence[tuple[str, int]],
) -> None:
    """Note since when EVSEs are free although their transaction has no end, or clear it."""
    if freed:
        ordered = sorted(freed)
        await rows(
            db,
            """
            update transactions t set available_since = n.at
            from unnest(%b::text[], %b::int[], %b::timestamptz[]) as n (station, evse_id, at)
            where t.station = n.station and t.evse_id = n.evse_id and t.state = 'active'
              and t.available_since is null and t.started_at <= n.at
            """,
            [[each[0] for each in ordered], [each[1] for each in ordered], [e[2] for e in ordered]],
        )
    if taken:
        places = sorted(taken)
        await rows(
            db,
            """
            update transactions t set available_since = null
            from unnest(%b::text[], %b::int[]) as n (station, evse_id)
            where t.station = n.station and t.evse_id = n.evse_id and t.state = 'active'
              and t.available_since is not null
            """,
            [[each[0] for each in places], [each[1] for each in places]],
        )


async def suspected(db: AsyncSession, before: datetime) -> list[TransactionFacts]:
    """Return active transactions whose EVSE has been free since before a moment; locked.

    Only at stations that are connected: another one's end may still wait in its queue. Nor where
    the register went on rising: some stations say Available in mid-charge.
    """
    found = await tuples(
        db,
        f"""
        select {_ALL} from transactions t
        join station_connections c on c.station = t.station and c.closed_at is null
        where t.state = 'active' and t.available_since < %b::timestamptz and not exists (
            select 1 from readings r
            where r.transaction_id = t.id and r.measured_at > t.available_since
              and r.energy_register_wh > coalesce(
                (select max(e.energy_register_wh) from readings e
                 where e.transaction_id = t.id and e.measured_at <= t.available_since),
                t.meter_start_wh, 0))
        order by t.id for update of t
        """,  # noqa: S608
        [before],
    )
    return _facts(found)


async def waiting_for_queue(
    db: AsyncSession, node: str, asked_before: datetime
) -> list[TransactionFacts]:
    """Return ended transactions with missing events at stations connected to a node."""
    found = await tuples(
        db,
        f"""
        select {_ALL} from transactions t
        join station_connections c on c.station = t.station and c.closed_at is null
        where t.state = 'ended_waiting_for_queue' and c.node = %b::text
          and (t.queue_asked_at is null or t.queue_asked_at < %b::timestamptz)
        order by t.id
        """,  # noqa: S608
        [node, asked_before],
    )
    return _facts(found)


async def note_queue_asked(db: AsyncSession, number: int, at: datetime) -> None:
    """Note when a station was last asked for the missing events of a transaction."""
    await rows(db, "update transactions set queue_asked_at = %b where id = %b", [at, number])
