"""Transactions: what the hot way reads and writes, set-based.

Identity comes from natural keys with unique constraints, never from message ids: a repeated
start or end changes nothing. Rows are sorted by key before they are locked. What was said of
transactions is in `csms.reading_store`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy.ext.asyncio import AsyncSession

from csms.transactions import TransactionFacts
from foundation.statements import Asked, ask, rows, tuples, write

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


def of_numbers(ids: Sequence[int]) -> Asked[dict[int, TransactionFacts]]:
    """Ask for transactions by our number; locks the rows."""
    return Asked(
        f"select {_ALL} from transactions t where t.id = any(%b::bigint[])"  # noqa: S608
        " order by t.id for update",
        [sorted(set(ids))],
        lambda found: {each.id: each for each in _facts(found)},
    )


async def by_id(db: AsyncSession, ids: Sequence[int]) -> dict[int, TransactionFacts]:
    """Return transactions by our number, locked."""
    return await ask(db, of_numbers(ids))


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


class Progress(Struct, frozen=True):
    """A transaction as far as going on concerns it: a seventh of the columns."""

    station: str
    ref: str
    id: int
    evse_id: int
    state: str
    start_seen: bool
    charging_state: str | None
    available_since: datetime | None


def progress_of(keys: Sequence[tuple[str, str]]) -> Asked[dict[tuple[str, str], Progress]]:
    """Ask for the transactions of 2.x stations by (station, ref); locks the rows.

    Such a station's ref names one transaction for ever, so that there is only one generation.
    """
    ordered = sorted(set(keys))
    return Asked(
        _PROGRESS,
        [[station for station, _ in ordered], [ref for _, ref in ordered]],
        lambda found: {(row[0], row[1]): Progress(*row) for row in found},
    )


_PROGRESS = """
select t.station, t.ref, t.id, t.evse_id, t.state, t.start_seen, t.charging_state,
    t.available_since
from unnest(%b::text[], %b::text[]) as k (station, ref)
join transactions t on t.station = k.station and t.ref = k.ref
order by t.id for update of t
"""


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


def charging_there(asked: Sequence[tuple[str, str, str | None]]) -> Asked[list[bool]]:
    """Ask, for each (station, token key, group), whether such a token has begun what runs there."""
    return Asked(
        _CHARGING_THERE,
        [
            [station for station, _, _ in asked],
            [key for _, key, _ in asked],
            [group for _, _, group in asked],
        ],
        lambda found: [is_charging for (is_charging,) in found],
    )


_CHARGING_THERE = """
select exists (
    select from transactions t
    where t.station = k.station and t.state = 'active'
      and (t.token_key = k.key or t.token_group = k.token_group))
from unnest(%b::text[], %b::text[], %b::text[])
     with ordinality as k (station, key, token_group, place)
order by k.place
"""


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


def _arrays(transactions: Sequence[TransactionFacts], names: Sequence[str]) -> list[Sequence[Any]]:
    """Return the columns of these names, of at least one transaction."""
    columns = dict(zip(_COLUMNS, zip(*map(astuple, transactions), strict=True), strict=True))
    columns["doubts"] = tuple("\x1f".join(each.doubts) for each in transactions)
    return [columns[name] for name in names]


def _selected(name: str) -> str:
    if name == "doubts":
        # Arrays of arrays must be rectangular; so the doubts travel as one text.
        return "case when n.doubts = '' then '{}' else string_to_array(n.doubts, chr(31)) end"
    return f"n.{name}"


def _unnest(names: Sequence[str]) -> str:
    types = ", ".join(f"%b::{_TYPES.get(name, 'text')}[]" for name in names)
    return f"unnest({types}) as n ({', '.join(names)})"


def numbers(count: int) -> Asked[list[int]]:
    """Ask for so many fresh numbers of transactions."""
    return Asked(
        "select nextval('transaction_number') from generate_series(1, %b::int)",
        [count],
        lambda found: [number for (number,) in found],
    )


_INSERT = f"""
insert into transactions ({", ".join(_COLUMNS)})
select {", ".join(_selected(name) for name in _COLUMNS)}
from {_unnest(_COLUMNS)} order by n.station, n.ref
"""  # noqa: S608 - column names only


def adding(new: Sequence[TransactionFacts]) -> Asked[Any]:
    """Ask that transactions be inserted, each with its fresh number.

    Where somebody else inserted one at this very moment, `KEY` is violated: then everything is to
    be done again, and finds it.
    """
    return Asked(_INSERT, _arrays(new, _COLUMNS), len)


KEY = "uq_transactions_station_ref_generation"
"""The constraint that makes a natural key unique."""


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
        await write(db, changing(changed))


def noting_charging_states(states: Sequence[tuple[int, str]]) -> Asked[Any]:
    """Ask that charging states be written; a sign of life ends the suspicion of a lost end."""
    ordered = sorted(states)
    return Asked(
        _CHARGING_STATES,
        [[number for number, _ in ordered], [state for _, state in ordered]],
        len,
    )


_CHARGING_STATES = """
update transactions t set charging_state = n.charging_state, available_since = null
from unnest(%b::bigint[], %b::text[]) as n (id, charging_state)
where t.id = n.id and (t.charging_state is distinct from n.charging_state
                       or t.available_since is not null)
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
