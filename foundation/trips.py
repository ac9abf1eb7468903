"""Trips to the database that several pieces of work share.

Handlers of one unit of work know nothing of each other, yet each of their statements would be a
trip of its own. Here they run side by side: each until it asks for something, then what all of
them ask is sent in one pipeline, and each goes on with its own rows. That makes as many trips as
the longest of them needs, instead of the sum of all. The commit goes with the last.

They share one database transaction: if one fails, all have failed.
"""

from collections.abc import Coroutine, Generator, Sequence
from functools import partial
from types import coroutine
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from foundation import statements as sql
from foundation.database import UnitOfWork, driver
from foundation.statements import Found, SharedTrip, Statement

Work = Coroutine[Any, Any, Any]


class _Request(Struct):
    """Statements that a piece of work waits for; it yields itself to whoever drives it."""

    statements: list[Statement]

    def __await__(self) -> Generator["_Request", list[Found], list[Found]]:
        return (yield self)


class _Ended(Struct):
    """What a piece of work returned."""

    value: Any


async def _request(statements: list[Statement]) -> list[Found]:
    return await _Request(statements)


@coroutine
def _advance(work: Work, found: list[Found] | None) -> Generator[Any, Any, _Request | _Ended]:
    """Run a piece of work until it asks for statements or ends.

    Whatever else it waits for (a session of SQLAlchemy's, say), it waits for alone.
    """
    try:
        yielded = work.send(found)
        while not isinstance(yielded, _Request):
            try:
                answer = yield yielded
            # As `yield from` does, which cannot be stopped at a request.
            except BaseException as error:  # noqa: BLE001
                yielded = work.throw(error)
            else:
                yielded = work.send(answer)
    except StopIteration as end:
        return _Ended(end.value)
    return yielded


async def shared(db: AsyncSession, works: Sequence[Work]) -> list[Any]:
    """Run pieces of work side by side, commit, and return what each returned.

    They begin in the order given, and within a trip their statements keep that order. Where one
    of them used a session, the commit is left to the unit of work.

    Raises:
        BaseException: The first that one of them raised; the others are ended.
    """
    written: list[Statement] = []
    db.info["shared_trip"] = _request
    db.info["written"] = written

    async def run(statements: list[Statement]) -> list[Found]:
        begin = len(written)
        found = await sql.trip(await driver(db), [*written, *statements])
        written.clear()
        return found[begin:]

    try:
        results = await _driven(works, run)
        may_commit = isinstance(db, UnitOfWork) and not db.has_session
        if written or may_commit:
            await sql.trip(await driver(db), written, and_commit=may_commit)
        return results
    finally:
        del db.info["shared_trip"], db.info["written"]


async def side_by_side(db: AsyncSession, *works: Work) -> list[Any]:
    """Run pieces of work as `shared` does, but as a part of a unit of work: without a commit.

    Raises:
        BaseException: The first that one of them raised; the others are ended.
    """
    outer: SharedTrip | None = db.info.get("shared_trip")
    if outer is not None:
        return await _driven(works, outer)
    db.info["shared_trip"] = _request
    try:
        connection = await driver(db)
        return await _driven(works, partial(sql.trip, connection))
    finally:
        del db.info["shared_trip"]


async def _driven(works: Sequence[Work], run: SharedTrip) -> list[Any]:
    """Run pieces of work, each until it asks; what all of them ask, `run` sends."""
    results: list[Any] = [None] * len(works)
    going: list[tuple[int, list[Found] | None]] = [(place, None) for place in range(len(works))]
    try:
        while going:
            asking: list[tuple[int, int]] = []
            statements: list[Statement] = []
            for place, found in going:
                reached = await _advance(works[place], found)
                if isinstance(reached, _Ended):
                    results[place] = reached.value
                else:
                    statements += reached.statements
                    asking.append((place, len(statements)))
            going = []
            if asking:
                rows = await run(statements)
                begin = 0
                for place, end in asking:
                    going.append((place, rows[begin:end]))
                    begin = end
        return results
    finally:
        for work in works:
            work.close()
