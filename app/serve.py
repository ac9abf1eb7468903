"""The running program: database, stations' listener, portal, deliveries, jobs; until it is asked
to stop.

Stopping is by asking: stop accepting, finish the calls in hand, commit, close sockets with 1001,
stop delivering between batches, stop the database if it is ours.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from app import installation
from app.compose import (
    CentralSystem,
    compose_central_system,
    open_database,
    prepare,
    start_central_system,
    stop_central_system,
)
from app.house import House, compose_house, start_house
from app.ports import PortBusy, refusal
from app.station_files import join_files
from app.workers import Workers
from csms.partitions import keep_partitions
from foundation.clock import Clock, SystemClock
from foundation.database import Database
from foundation.postgres import EmbeddedPostgres
from foundation.settings import Settings
from foundation.tasks import OnEnd, TaskEnd, Tasks
from portal import tunnel_doors
from portal.tunnel import Tunnel

log = structlog.get_logger(__name__)

Say = Callable[[str], None]

_YOUNG = 50_000
"""How many objects may be made before Python looks for those in circles."""

_PORTAL_FINISHES_S = 3
"""How long requests in hand may take when the program stops."""


@dataclass(frozen=True, slots=True)
class Running:
    """A program that is up."""

    settings: Settings
    database: Database
    clock: Clock
    central: CentralSystem | None
    """None where other processes have the stations' sockets."""
    workers: Workers | None
    house: House
    ocpp_port: int
    http_port: int
    fresh_password: str | None
    """The first administrator's generated password, to be shown once."""

    @property
    def portal_url(self) -> str:
        return f"http://{self.settings.http_host}:{self.http_port}"

    @property
    def ocpp_url(self) -> str:
        return f"ws://{self.settings.ocpp_host}:{self.ocpp_port}"


@contextlib.asynccontextmanager
async def database_url(settings: Settings, tasks: Tasks, say: Say) -> AsyncIterator[str]:
    """Give the database's URL: the one that is set, or our own server's, kept running."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    async with EmbeddedPostgres(settings.data_dir, say=say) as server:
        tasks.start("PostgreSQL", server.supervise, on_end=OnEnd.RESTART)
        yield server.url


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock,
    *,
    say: Say,
    on_stop: Callable[[TaskEnd], None] | None = None,
) -> AsyncIterator[Running]:
    """Bring the whole program up in this process, and take it down again.

    Raises:
        PortBusy, CannotListen: If a port cannot be had.
        WorkerFailed: If one of several processes for the sockets does not start.
        Unavailable, Conflict: If the database cannot be used; the text says what to do.
    """
    supervisor = Tasks(on_stop=on_stop)
    async with supervisor, database_url(settings, supervisor, say) as url:
        await installation.upgrade(url)
        database = open_database(settings, url)
        tasks = Tasks(on_stop=on_stop)
        try:
            fresh_password = await prepare(database, settings, clock)
            await keep_partitions(database, settings, clock)
            async with _sockets(settings, database, clock, tasks, url) as sockets:
                house = compose_house(settings, database, clock, is_listening=sockets.is_listening)
                start_house(house, database, tasks)
                async with (
                    _tunnel(house, settings, tasks),
                    _listening(house.portal, settings, tasks) as http_port,
                ):
                    # Stations are told this port, whoever chose it.
                    join_files(settings.model_copy(update={"http_port": http_port}), database)
                    gc.collect()
                    gc.freeze()
                    # By default the young are looked through every 700 objects: often per batch.
                    gc.set_threshold(_YOUNG, 20, 50)
                    yield Running(
                        settings,
                        database,
                        clock,
                        sockets.central,
                        sockets.workers,
                        house,
                        sockets.port,
                        http_port,
                        fresh_password,
                    )
        finally:
            await tasks.stop(settings.shutdown_timeout_s)
            await database.close()


@dataclass(frozen=True, slots=True)
class _Sockets:
    """Who listens for stations: this process, or others that it started."""

    central: CentralSystem | None
    workers: Workers | None
    port: int
    is_listening: Callable[[], bool]


@contextlib.asynccontextmanager
async def _sockets(
    settings: Settings, database: Database, clock: Clock, tasks: Tasks, url: str
) -> AsyncIterator[_Sockets]:
    """Listen for stations, here or in other processes, and stop it in order."""
    if settings.workers > 1:
        assert isinstance(clock, SystemClock), "other processes go by the machine's clock"
        workers = Workers(settings, url)
        try:
            await workers.start(tasks)
            yield _Sockets(None, workers, workers.port, workers.is_listening)
        finally:
            await workers.stop()
        return
    central = await compose_central_system(settings, database, clock, tasks)
    start_central_system(central, database, tasks)
    try:
        await central.listener.start()
    except OSError as error:
        raise refusal(
            error,
            "The stations' listener",
            settings.ocpp_host,
            settings.ocpp_port,
            "LEITSTAND_OCPP_PORT",
        ) from error
    try:
        yield _Sockets(central, None, central.listener.port, lambda: True)
    finally:
        await stop_central_system(central, timeout_s=settings.close_timeout_s)


class _Portal(uvicorn.Server):
    """uvicorn in our loop: signals are ours, and it tells when it listens."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield

    async def listening(self) -> int:
        """Wait until it listens; return the port."""
        while not self.started:
            if self.should_exit:
                raise OSError("the portal did not start")
            await asyncio.sleep(0.02)
        return int(self.servers[0].sockets[0].getsockname()[1])


@contextlib.asynccontextmanager
async def _listening(app: FastAPI, settings: Settings, tasks: Tasks) -> AsyncIterator[int]:
    """Serve the portal on the port that is given; at the end, let it finish what is in hand."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="off",
        timeout_graceful_shutdown=_PORTAL_FINISHES_S,
    )
    server = _Portal(config)

    async def serve() -> None:
        try:
            await server.serve()
        except SystemExit:  # how uvicorn says that it could not bind
            server.should_exit = True

    task = tasks.start("portal", serve, on_end=OnEnd.FINISH)
    try:
        port = await server.listening()
    except OSError as error:
        # uvicorn told the log why; there is one usual reason.
        raise PortBusy(
            "The portal", settings.http_host, settings.http_port, "LEITSTAND_HTTP_PORT"
        ) from error
    try:
        yield port
    finally:
        server.should_exit = True
        # A cancelled one would leave its port open and its answers half written.
        await asyncio.wait([task], timeout=_PORTAL_FINISHES_S + 2)


@contextlib.asynccontextmanager
async def _tunnel(house: House, settings: Settings, tasks: Tasks) -> AsyncIterator[None]:
    """Listen for those who see stations' own pages, if there is a tunnel; cut them at the end."""
    if not tunnel_doors.is_set_up(settings):
        yield
        return
    tunnel = Tunnel(house.portal.state.context)
    try:
        await tunnel.start()
    except OSError as error:
        raise refusal(
            error,
            "The tunnel",
            settings.tunnel_host,
            settings.tunnel_port,
            "LEITSTAND_TUNNEL_PORT",
        ) from error
    tasks.start("tunnel", tunnel.watch, on_end=OnEnd.RESTART)
    try:
        yield
    finally:
        await tunnel.stop()


def stop_requested() -> asyncio.Event:
    """Return what is set when somebody asks the program to stop (Ctrl-C, SIGTERM)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":

        def handler(_signal: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop.set)

        signal.signal(signal.SIGINT, handler)
    else:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, stop.set)
    return stop
