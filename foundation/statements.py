"""Statements of the hot way: prepared, binary, set-based, several in one trip.

A statement names each value by `%b` with its type (`%b::text[]`, `%b::timestamptz`): so its values
are encoded by their declared types, without asking each element what it is, and the statement is
prepared once per connection. `together` sends independent statements in one trip to the server.
They run on the unit of work's own connection and take part in its database transaction.

`rows` leaves statements without such types to psycopg's own cursor.

Source: PostgreSQL 18, frontend/backend protocol, sections on the extended query and on pipelining;
the binary forms are those of the types' receive functions.
"""

import itertools
import re
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final, Generic, TypeVar, overload
from weakref import WeakKeyDictionary

import psycopg
from psycopg import adapt, pq
from psycopg.abc import PQGen, Transformer
from psycopg.errors import error_from_result
from psycopg.rows import dict_row
from psycopg.waiting import Ready, Wait
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.database import driver

Value = TypeVar("Value")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
Rows = list[dict[str, Any]]
Tuples = list[tuple[Any, ...]]

# ------------------------------------------------------------------------------ binary forms

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
NULL: Final = b"\xff\xff\xff\xff"
_INT4: Final = struct.Struct(">ii").pack
_INT8: Final = struct.Struct(">iq").pack
_int4: Final = partial(_INT4, 4)
_int8: Final = partial(_INT8, 8)
_BOOL: Final = struct.Struct(">i?").pack
_HEAD: Final = struct.Struct(">iiIii").pack
_EMPTY: Final = struct.Struct(">iiI").pack

_Encode = Callable[[Any], bytes]
"""Returns a value's length and bytes, as they stand in an array."""


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(4, "big") + data


def _bytes(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _json(value: bytes) -> bytes:
    return (len(value) + 1).to_bytes(4, "big") + b"\1" + value  # the form's first version


def _bool(value: bool) -> bytes:
    return _BOOL(1, value)


def _moment(value: datetime) -> bytes:
    since = value - _EPOCH
    return _INT8(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _number(value: Any) -> bytes:
    return _text(str(value))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of values: its number, its array's, and how one value is written.

    Decimals travel as text and are cast by the statement: their binary form costs more to make.
    JSON is given as the bytes that it was encoded to.
    """

    oid: int
    array_oid: int
    encode: _Encode


_KINDS: Final = {
    "text": _Kind(25, 1009, _text),
    "int": _Kind(23, 1007, _int4),
    "bigint": _Kind(20, 1016, _int8),
    "bool": _Kind(16, 1000, _bool),
    "timestamptz": _Kind(1184, 1185, _moment),
    "bytea": _Kind(17, 1001, _bytes),
    "numeric": _Kind(25, 1009, _number),
    "jsonb": _Kind(3802, 3807, _json),
}


def _array(kind: _Kind, values: Sequence[Any]) -> bytes:
    count = len(values)
    if not count:
        return _EMPTY(0, 0, kind.oid)
    encode = kind.encode
    first = values[0]
    # Many columns say the same of a whole batch.
    if values[-1] == first and values.count(first) == count:
        data = (NULL if first is None else encode(first)) * count
        return _HEAD(1, first is None, kind.oid, count, 1) + data
    if None in values:
        parts = [NULL if value is None else encode(value) for value in values]
        return _HEAD(1, 1, kind.oid, count, 1) + b"".join(parts)
    if encode is _text and len(distinct := set(values)) * 2 <= count:
        known = {value: _text(value) for value in distinct}
        encode = known.__getitem__
    return _HEAD(1, 0, kind.oid, count, 1) + b"".join(map(encode, values))


_COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END: Final = b"\xff\xff"


async def copy_in(
    db: AsyncSession, table: str, columns: Mapping[str, str], lines: Iterable[Sequence[Any]]
) -> None:
    """Write lines to a table by COPY, all as one buffer.

    Args:
        db: A unit of work.
        table: The table's name.
        columns: The columns' names with their types; of `numeric` there can be none.
        lines: Each with a value for each column.
    """
    encoders = [_KINDS[kind].encode for kind in columns.values()]
    count = len(encoders).to_bytes(2, "big")
    parts = []
    for line in lines:
        parts.append(count)
        parts += [
            NULL if value is None else encode(value)
            for encode, value in zip(encoders, line, strict=True)
        ]
    await copy_written(db, table, list(columns), parts)


def field(kind: str, value: Any) -> bytes:
    """Return a value as it stands in a line of `copy_written`; None is `NULL`."""
    return NULL if value is None else _KINDS[kind].encode(value)


async def copy_written(
    db: AsyncSession, table: str, columns: Sequence[str], parts: Sequence[bytes]
) -> None:
    """Write lines to a table by COPY that are in its binary form already.

    Args:
        db: A unit of work.
        table: The table's name.
        columns: The columns' names.
        parts: The lines, each the number of its fields in two bytes and then each `field`; in
            pieces of any size.
    """
    connection = await driver(db)
    names = ", ".join(columns)
    query = f"copy {table} ({names}) from stdin (format binary)"  # column and table names only
    async with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        await copy.write(b"".join((_COPY_HEAD, *parts, _COPY_END)))


# ------------------------------------------------------------------------------- statements

_numbers = itertools.count(1)
_PLACE = re.compile(r"%b(?:::([a-z0-9]+)(\[\])?)?")


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A statement as the server takes it, with its name on every connection."""

    name: bytes
    text: bytes
    oids: list[int]
    kinds: list[tuple[_Kind, bool]]
    formats: list[pq.Format]

    def encode(self, values: Sequence[Any]) -> list[bytes | None]:
        """Return the values' bytes."""
        assert len(values) == len(self.kinds), "a value for each place"
        return [
            _array(kind, value) if is_array else None if value is None else kind.encode(value)[4:]
            for (kind, is_array), value in zip(self.kinds, values, strict=True)
        ]


@lru_cache(maxsize=1000)
def _prepared(query: str) -> _Prepared | None:
    """Return a statement ready to be sent; None if not every value names a type we write."""
    kinds: list[tuple[_Kind, bool]] = []
    places = list(_PLACE.finditer(query))
    for place in places:
        kind = _KINDS.get(place[1] or "")
        if kind is None:
            return None
        kinds.append((kind, place[2] is not None))
    pieces: list[str] = []
    end = 0
    for number, place in enumerate(places, start=1):
        pieces += (query[end : place.start()], f"${number}", place.group()[2:])
        end = place.end()
    text = "".join((*pieces, query[end:]))
    assert "%" not in text, "a per cent sign must not stand in such a statement"
    return _Prepared(
        name=b"leitstand_%d" % next(_numbers),
        text=" ".join(text.split()).encode(),
        oids=[kind.array_oid if is_array else kind.oid for kind, is_array in kinds],
        kinds=kinds,
        formats=[pq.Format.BINARY] * len(kinds),
    )


@dataclass(slots=True)
class _Known:
    """What one connection knows: prepared statements, and how their rows are read."""

    prepared: set[bytes]
    readers: dict[bytes, tuple[Transformer, list[str]]]


_connections: WeakKeyDictionary[psycopg.AsyncConnection[Any], _Known] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Asked(Generic[Value]):
    """A statement with its values, and what is made of its rows."""

    query: str
    values: Sequence[Any]
    read: Callable[[Tuples], Value]


def _whole(found: Tuples) -> Tuples:
    return found


async def rows(db: AsyncSession, query: str, values: Sequence[Any]) -> Rows:
    """Run one statement and return its rows as dicts."""
    statement = _prepared(query)
    if statement is None:
        return await _by_cursor(await driver(db), query, values)
    [(found, names)] = await _run(db, [(statement, statement.encode(values))])
    return [dict(zip(names, row, strict=True)) for row in found]


async def tuples(db: AsyncSession, query: str, values: Sequence[Any]) -> Tuples:
    """Run one statement and return its rows as tuples: half the price of `rows` for wide ones."""
    return await ask(db, Asked(query, values, _whole))


async def ask(db: AsyncSession, asked: Asked[Value]) -> Value:
    """Run one statement and return what it means."""
    return (await all_of(db, [asked]))[0]  # type: ignore[no-any-return]


async def ask_last(db: AsyncSession, asked: Asked[Value]) -> Value:
    """Run one statement as the last of a unit of work: the commit goes with it."""
    assert not {"shared_trip", "written"} & db.info.keys(), "others' trips end later"
    [(found, _)] = await trip(await driver(db), [_ready(asked)], and_commit=True)
    return asked.read(found)


@overload
async def together(db: AsyncSession, a: Asked[A], b: Asked[B], /) -> tuple[A, B]: ...
@overload
async def together(
    db: AsyncSession, a: Asked[A], b: Asked[B], c: Asked[C], /
) -> tuple[A, B, C]: ...
@overload
async def together(
    db: AsyncSession, a: Asked[A], b: Asked[B], c: Asked[C], d: Asked[D], /
) -> tuple[A, B, C, D]: ...
@overload
async def together(
    db: AsyncSession, a: Asked[A], b: Asked[B], c: Asked[C], d: Asked[D], e: Asked[E], /
) -> tuple[A, B, C, D, E]: ...
@overload
async def together(
    db: AsyncSession,
    a: Asked[A],
    b: Asked[B],
    c: Asked[C],
    d: Asked[D],
    e: Asked[E],
    f: Asked[F],
    /,
) -> tuple[A, B, C, D, E, F]: ...
async def together(db: AsyncSession, *asked: Asked[Any]) -> tuple[Any, ...]:
    """Run statements in this order but in one trip; return what each means.

    None of them can use what another one found; each sees what those before it wrote.
    """
    return tuple(await all_of(db, asked))


async def all_of(db: AsyncSession, asked: Sequence[Asked[Any]]) -> list[Any]:
    """Run any number of statements as `together` does."""
    if not asked:
        return []
    found = await _run(db, [_ready(each) for each in asked])
    return [each.read(its) for each, (its, _) in zip(asked, found, strict=True)]


Statement = tuple[_Prepared, list[bytes | None]]
"""A prepared statement with its values' bytes."""

Found = tuple[Tuples, Sequence[str]]
"""Rows, and the names of their columns."""

SharedTrip = Callable[[list[Statement]], Awaitable[list[Found]]]
"""Runs statements together with those of others; see `foundation.trips`."""


def _ready(asked: Asked[Any]) -> Statement:
    statement = _prepared(asked.query)
    assert statement is not None, "each value of such a statement has its type beside it"
    return statement, statement.encode(asked.values)


async def write(db: AsyncSession, *asked: Asked[Any]) -> None:
    """Have statements run whose rows nobody needs.

    Where trips are shared they go with the next one, or with the commit: what is asked later sees
    what they wrote, and what fails makes all fail.
    """
    written: list[Statement] | None = db.info.get("written")
    if written is None:
        await all_of(db, asked)
    else:
        written += map(_ready, asked)


async def _run(db: AsyncSession, statements: list[Statement]) -> list[Found]:
    """Run the statements in one trip; return the rows of each with the names of its columns."""
    shared: SharedTrip | None = db.info.get("shared_trip")
    if shared is not None:
        return await shared(statements)
    return await trip(await driver(db), statements)


async def trip(
    connection: psycopg.AsyncConnection[Any],
    statements: Sequence[Statement],
    *,
    and_commit: bool = False,
) -> list[Found]:
    """Run statements in one trip, and end the database transaction with it where asked to.

    Raises:
        psycopg.Error: For the first that failed; then there was no commit.
    """
    known = _connections.get(connection)
    if known is None:
        known = _connections[connection] = _Known(set(), {})
    async with connection.lock:
        results = await connection.wait(
            _exchange(connection, known, statements, and_commit=and_commit)
        )
    return [
        _read(known, statement.name, result)
        for (statement, _), result in zip(statements, results, strict=True)
    ]


async def _by_cursor(
    connection: psycopg.AsyncConnection[Any], query: str, values: Sequence[Any]
) -> Rows:
    async with connection.cursor(row_factory=dict_row, binary=True) as cursor:
        await cursor.execute(query.encode(), values)
        if cursor.description is None:
            return []
        return await cursor.fetchall()


def _exchange(
    connection: psycopg.AsyncConnection[Any],
    known: _Known,
    statements: Sequence[Statement],
    *,
    and_commit: bool,
) -> PQGen[list[pq.abc.PGresult]]:
    """Send the statements in a pipeline and take their results, each one's own.

    Raises:
        psycopg.Error: For the first that failed; those behind it were not run.
    """
    server = connection.pgconn
    expected: list[bytes | None] = []
    server.enter_pipeline_mode()
    try:
        if server.transaction_status == pq.TransactionStatus.IDLE and not connection.autocommit:
            server.send_query_params(b"begin", None)
            expected.append(b"")
        for statement, values in statements:
            if statement.name not in known.prepared and statement.name not in expected:
                server.send_prepare(statement.name, statement.text, statement.oids)
                expected.append(statement.name)
            server.send_query_prepared(statement.name, values, statement.formats, pq.Format.BINARY)
            expected.append(None)
        if and_commit:  # the server leaves it out if anything before it failed
            server.send_query_params(b"commit", None)
            expected.append(b"")
        server.pipeline_sync()
        while server.flush():
            if (yield Wait.RW) & Ready.R:
                server.consume_input()
        results: list[pq.abc.PGresult] = []
        while True:
            while server.is_busy():
                if (yield Wait.R):
                    server.consume_input()
            result = server.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                break
            results.append(result)
    finally:
        _leave_pipeline(server)
    found = []
    for what, result in zip(expected, results, strict=True):
        if result.status not in _FINE:
            raise error_from_result(result, encoding="utf-8")
        if what is None:
            found.append(result)
        elif what:
            known.prepared.add(what)
    return found


_FINE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


def _leave_pipeline(server: pq.abc.PGconn) -> None:
    """End the pipeline; a connection that is left in the middle of one is of no more use."""
    try:
        server.exit_pipeline_mode()
    except psycopg.Error:
        server.finish()


def _read(known: _Known, name: bytes, result: pq.abc.PGresult) -> tuple[Tuples, Sequence[str]]:
    count = result.ntuples
    if not count:
        return [], ()
    reader = known.readers.get(name)
    if reader is None:
        names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
        reader = known.readers[name] = adapt.Transformer(), names
    transformer, names = reader
    transformer.set_pgresult(result)
    try:
        return transformer.load_rows(0, count, tuple), names
    finally:
        transformer.set_pgresult(None)
