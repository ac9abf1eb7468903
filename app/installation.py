"""The database of an installation: reachable, with the tables that this program knows."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from foundation import migrate
from foundation.errors import Conflict, Unavailable

T = TypeVar("T")


class DatabaseUnreachable(Unavailable):
    """There is no way to the database that is set; the sentence has the driver's reason."""

    code = "database_unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database cannot be reached: {reason}. Look at LEITSTAND_DATABASE_URL, and whether"
            " its server runs."
        )


class DatabaseBehind(Conflict):
    """The tables are of an older version; whoever runs the installation decides when to change."""

    code = "database_behind"

    def __init__(self) -> None:
        super().__init__(
            "The database is of an older version of Leitstand. Bring it up to date with"
            " `leitstand migrate`."
        )


class DatabaseNewer(Conflict):
    """The tables are of a version that this program does not know; it must not touch them."""

    code = "database_newer"

    def __init__(self) -> None:
        super().__init__(
            "The database is of a newer version of Leitstand than this program. Install that one."
        )


async def revision(url: str) -> str | None:
    """Return the revision of the tables; None if there are none.

    Raises:
        DatabaseUnreachable: If there is no connection.
    """
    return await _in_thread(lambda: migrate.revision(url))


async def upgrade(url: str) -> bool:
    """Bring the tables up to date, or make them; tell whether there was anything to do.

    Raises:
        DatabaseUnreachable: If there is no connection.
        DatabaseNewer: If they are of a newer version.
    """
    found = await revision(url)
    if found == migrate.head():
        return False
    if found is not None and not migrate.is_known(found):
        raise DatabaseNewer
    await _in_thread(lambda: migrate.upgrade(url))
    return True


async def ensure_current(url: str) -> None:
    """Make the tables of an empty database; leave those that are there as they are.

    Raises:
        DatabaseUnreachable: If there is no connection.
        DatabaseBehind, DatabaseNewer: If they are not of this program's version.
    """
    found = await revision(url)
    if found is None:
        await _in_thread(lambda: migrate.upgrade(url))
    elif found != migrate.head():
        raise DatabaseBehind if migrate.is_known(found) else DatabaseNewer


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0].rstrip(".")
        raise DatabaseUnreachable(reason) from None
