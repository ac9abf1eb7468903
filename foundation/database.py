"""The database: the engine, the metadata, the unit of work, and how types are stored.

PostgreSQL only, through SQLAlchemy 2 on psycopg 3. A *unit of work* is one database transaction:
whoever opens it commits by leaving it; whatever receives `db` never commits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, MetaData, PoolProxiedConnection, make_url
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    AsyncSessionTransaction,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import Pool, QueuePool
from sqlalchemy.util import greenlet_spawn

from foundation.errors import Unavailable

_T = TypeVar("_T")

Moment = TIMESTAMP(timezone=True)
"""The column type of every moment; values are aware."""

_AFTER_COMMIT: Final = "after commit"
_GOING_BACK_S: Final = 5.0


class Base(DeclarativeBase):
    """The base of every room's mapped rows; one metadata for the installation."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment}  # noqa: RUF012 - SQLAlchemy's own declaration form


class DatabaseAway(Unavailable):
    """The database does not answer, or closed the connection; nothing of this work was kept."""

    code = "database_away"

    def __init__(self) -> None:
        super().__init__("The database is not reachable at the moment. Try again later.")


def engine_url(url: str) -> str:
    """Return a `postgresql://` URL as SQLAlchemy wants it for psycopg 3."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


class UnitOfWork(AsyncSession):
    """One database transaction on one connection, and a session over it when somebody asks.

    What `foundation.statements` runs goes straight to the driver: a batch of the hot way never
    has a session made, which would cost it more than its statements do.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        pool: Pool,
        pooled: PoolProxiedConnection,
        routes: Mapping[str, Any],
        joined: Mapping[str, Any],
    ) -> None:
        connection = pooled.driver_connection
        assert isinstance(connection, psycopg.AsyncConnection)
        self._engine = engine
        self._pool = pool
        self._pooled = pooled
        self._driver: psycopg.AsyncConnection[tuple[Any, ...]] = connection
        self._info: dict[Any, Any] = {
            "routes": routes,
            "joined": joined,
            "driver": connection,
        }

    def __getattr__(self, name: str) -> Any:
        """Make the session: its constructor sets what was not there."""
        if name not in ("sync_session", "_proxied", "_async_bind", "_async_binds"):
            raise AttributeError(name)
        below = Connection(self._engine.sync_engine, connection=self._pooled)
        super().__init__(AsyncConnection(self._engine, below), expire_on_commit=False)
        return self.__dict__[name]

    @property
    def info(self) -> dict[Any, Any]:
        """What is known of this unit of work."""
        return self._info

    @property
    def has_session(self) -> bool:
        """Whether somebody asked for a session: it must then commit itself."""
        return "sync_session" in self.__dict__

    @property
    def _is_idle(self) -> bool:
        return self._driver.pgconn.transaction_status == TransactionStatus.IDLE

    @property
    def _has_its_pool(self) -> bool:
        """Whether the pool was not closed meanwhile: nobody closes what goes back to such a one."""
        return self._engine.pool is self._pool

    async def commit(self) -> None:
        """Keep what was written."""
        if self.has_session:
            await super().commit()
        if not self._is_idle:  # the session knows of nothing, but the driver may
            await self._driver.commit()

    async def rollback(self) -> None:
        """Forget what was written."""
        if self.has_session:
            await super().rollback()
        if not self._is_idle:
            await self._driver.rollback()

    async def close(self) -> None:
        """Give the connection back; one that is not fit for the next is closed.

        A task that is ended twice while it waits for an answer has its connection closed by the
        driver: there is nothing to be taken back then, and saying so would hide that it was ended.
        """
        try:
            if self.has_session:
                await super().close()
            if not self._is_idle and not self._driver.closed:
                await self._driver.rollback()
        finally:
            if self._pooled.is_valid and not (self._is_idle and self._has_its_pool):
                await greenlet_spawn(self._pooled.invalidate)
            self._pooled.close()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be done but to give the connection back."""
        return self._is_idle and self._has_its_pool and not self.has_session


class Database:
    """The way to the database, shared by all of a process.

    Args:
        url: `postgresql://…`, as in the settings.
        routes: For each kind of event the names of its readers; `foundation.outbox.append`
            addresses events by it.
        pool_size: How many connections are kept open at most.
    """

    def __init__(
        self,
        url: str,
        *,
        routes: Mapping[str, tuple[str, ...]] | None = None,
        pool_size: int = 10,
        application_name: str = "leitstand",
    ) -> None:
        self.url = url
        self._routes = dict(routes or {})
        self.joined: dict[str, Any] = {}
        """What the program joined for functions of a room: reached by a `Joint`."""
        self.engine: AsyncEngine = create_async_engine(
            engine_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            # Who ends a unit of work leaves its connection idle.
            pool_reset_on_return=None,
            connect_args={
                "application_name": application_name,
                "options": "-c timezone=UTC",
                "connect_timeout": 10,
                # Prepared are the statements of `foundation.statements`, by themselves: the
                # driver would, after a rollback, deallocate theirs together with its own.
                "prepare_threshold": None,
            },
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
        self._idle: list[PoolProxiedConnection] = []
        self._closing: set[asyncio.Task[None]] = set()
        """Units of work whose task was ended while they give their connection back."""
        self._waiting = 0

    @property
    def in_use(self) -> int:
        """How many connections units of work have now."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout() - len(self._idle)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        """Open one database transaction; commit at the end, roll back on any exception.

        Raises:
            DatabaseAway: If there is no connection, or it is lost on the way.
        """
        try:
            pool = self.engine.pool
            pooled = await self._taken()
            db = UnitOfWork(self.engine, pool, pooled, self._routes, self.joined)
            try:
                yield db
                await db.commit()
            finally:
                if db.is_done:
                    self._give_back(pooled)
                else:
                    # Nobody who ends this task may keep the connection from going back.
                    closing = asyncio.get_running_loop().create_task(db.close())
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)
                    await asyncio.shield(closing)
            for each in db.info.get(_AFTER_COMMIT, ()):
                each()
        except (psycopg.OperationalError, psycopg.InterfaceError, DBAPIError) as error:
            if not _is_away(error):
                raise
            # The other pooled connections of a server that went away are dead too.
            await self.close()
            raise DatabaseAway from error

    async def _taken(self) -> PoolProxiedConnection:
        """Return a connection: the one used last, which knows its statements, or the pool's."""
        if self._idle:
            return self._idle.pop()
        self._waiting += 1
        try:
            return await self.engine.raw_connection()
        finally:
            self._waiting -= 1

    def _give_back(self, pooled: PoolProxiedConnection) -> None:
        """Keep an idle connection at hand, unless somebody waits for one at the pool."""
        if self._waiting:
            pooled.close()
        else:
            self._idle.append(pooled)

    async def close(self) -> None:
        """Close all connections that are not in use, those on their way back included.

        One in use is closed when its unit of work ends.
        """
        if self._closing:
            await asyncio.wait([*self._closing], timeout=_GOING_BACK_S)
        while self._idle:
            self._idle.pop().close()
        pool = self.engine.pool
        await self.engine.dispose(close=False)  # another pool first: what comes back now sees it
        await greenlet_spawn(pool.dispose)


class Savepoint:
    """A part of a unit of work that can be taken back alone; left by an exception, it is."""

    def __init__(self, part: AsyncSessionTransaction) -> None:
        self._part = part

    async def rollback(self) -> None:
        """Take back what was written since."""
        await self._part.rollback()

    async def __aenter__(self) -> "Savepoint":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._part.commit()
        else:
            await self._part.rollback()


class Joint(Generic[_T]):
    """Where a room finds what it asks of one that it may not import.

    The room declares a Protocol and a joint for it, the program joins whoever fulfils it, and
    functions of the room ask the unit of work that they are given. So it commits with them.

    Args:
        name: Unlike that of any other joint.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def join(self, database: Database, fulfilling: _T) -> None:
        """Say for a database who fulfils it."""
        database.joined[self._name] = fulfilling

    def of(self, db: AsyncSession) -> _T | None:
        """Return who fulfils it; None where the program joined nobody."""
        found: _T | None = db.info.get("joined", {}).get(self._name)
        return found


async def savepoint(db: AsyncSession) -> Savepoint:
    """Begin a part of a unit of work that can be taken back alone.

    SQLAlchemy marks the place only when the session asks for its connection: what went straight to
    the driver before that would lie in front of it. And it begins one more where its own
    transaction, once begun, is entered as a context manager: hence one of ours.
    """
    part = await db.begin_nested()
    await db.connection()
    return Savepoint(part)


def after_commit(db: AsyncSession, do: Callable[[], None]) -> None:
    """Have something done in this process as soon as the unit of work is committed.

    If it is not, or the process dies between, it is not done: nothing may rest on it alone.
    """
    db.info.setdefault(_AFTER_COMMIT, []).append(do)


DATA_ERRORS: Final[tuple[type[Exception], ...]] = (psycopg.DataError, DataError)
"""Under which the driver and SQLAlchemy tell that a value cannot be stored."""


def is_out_of_range(error: Exception) -> bool:
    """Tell whether a number was sent that no column can hold."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.errors.NumericValueOutOfRange)


def _is_away(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        if not isinstance(error, OperationalError | InterfaceError):
            return False
        error = error.orig if isinstance(error.orig, Exception) else error
    if isinstance(error, psycopg.InterfaceError):
        return True
    state = getattr(error, "sqlstate", None)
    # No state: the client noticed. 08: connection, 57P: shutdown or crash, 53300: too many,
    # 53100: a full disk, on which nothing can be kept.
    return state is None or state[:2] == "08" or state[:3] == "57P" or state in ("53300", "53100")


async def driver(db: AsyncSession) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """Return the psycopg connection beneath a unit of work.

    For set-based statements with binary parameters and for COPY on the hot way; it takes part in
    the same database transaction and must not be committed.
    """
    known = db.info.get("driver")
    if known is None:
        connection = await db.connection()
        assert connection.sync_connection is not None
        known = db.info["driver"] = connection.sync_connection.connection.driver_connection
    assert isinstance(known, psycopg.AsyncConnection)
    return known
