"""Work that one process of all does: whoever holds a lock of the database.

The lock belongs to a connection of its own, so it goes when the process dies or loses the
database; another takes the work up then. For a moment both may think that they hold it, so the
work must bear that.
"""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg

from foundation.database import Database, DatabaseAway
from foundation.errors import ExpectedError, errors_in

_LOOK_AGAIN_S = 5.0
"""How often those who do not hold it ask for it, and whoever holds it makes sure."""


class _LockLost(Exception):
    """The server does not answer on the connection that has the lock."""


async def alone(
    database: Database,
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    look_again_s: float = _LOOK_AGAIN_S,
) -> None:
    """Wait until nobody else does this work, then do it; it is cancelled when the lock is lost.

    Args:
        database: Who keeps the lock.
        name: What the lock is for; one of a kind in the installation.
        work: Returns when it is done.
        look_again_s: How often to ask for the lock, and to make sure of it.

    Raises:
        DatabaseAway: If the connection that has the lock is lost.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            database.url, autocommit=True, application_name=f"leitstand {name}", connect_timeout=10
        ) as connection:
            while not await _take(connection, name):  # noqa: ASYNC110 - another process has it
                await asyncio.sleep(look_again_s)
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_watch(connection, look_again_s), name=f"lock {name}")
                await work()
                watching.cancel()
    except* (psycopg.OperationalError, _LockLost) as errors:
        raise DatabaseAway from errors_in(errors)[0]
    except* ExpectedError as errors:  # told by the work itself: as it would be without the group
        raise errors_in(errors)[0] from None


async def _take(connection: psycopg.AsyncConnection[tuple[bool]], name: str) -> bool:
    cursor = await connection.execute(
        "select pg_try_advisory_lock(hashtext('alone'), hashtext(%s::text))", [name]
    )
    row = await cursor.fetchone()
    return row is not None and row[0]


async def _watch(connection: psycopg.AsyncConnection[tuple[bool]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            async with asyncio.timeout(every_s * 2):
                await connection.execute("select 1")
        except TimeoutError:
            raise _LockLost from None
