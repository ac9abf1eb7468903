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
    House,
    compose_central_system,
    compose_house,
    open_database,
    prepare,
    start_central_system,
    start_house,
    stop_central_system,
)
from csms.partitions import keep_partitions
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Unavailable
from foundation.postgres import EmbeddedPostgres
from foundation.settings import Settings
from foundation.tasks import OnEnd, TaskEnd, Tasks

log = structlog.get_logger(__name__)

Say = Callable[[str], None]


class PortBusy(Unavailable):
    """Something else listens at an address that we need."""

    code = "port_busy"

    def __init__(self, what: str, host: str, port: int, setting: str) -> None:
        super().__init__(
            f"{what} cannot listen on {host}:{port}: something else does. Stop that, or set"
            f" {setting} to another port."
        )


@dataclass(frozen=True, slots=True)
class Running:
    """A program that is up."""

    settings: Settings
    database: Database
    clock: Clock
    central: CentralSystem | None
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
        PortBusy: If a port is taken.
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
            house = compose_house(settings, database, clock)
            central = await compose_central_system(settings, database, clock, tasks)
            start_central_system(central, database, tasks)
            start_house(house, database, tasks)
            try:
                await central.listener.start()
            except OSError as error:
                raise PortBusy(
                    "The stations' listener",
                    settings.ocpp_host,
                    settings.ocpp_port,
                    "LEITSTAND_OCPP_PORT",
                ) from error
            portal, http_port = await _start_portal(house.portal, settings, tasks)
            gc.collect()
            gc.freeze()
            try:
                yield Running(
                    settings,
                    database,
                    clock,
                    central,
                    house,
                    central.listener.port,
                    http_port,
                    fresh_password,
                )
            finally:
                await stop_central_system(central, timeout_s=settings.close_timeout_s)
                portal.should_exit = True
        finally:
            await tasks.stop(settings.shutdown_timeout_s)
            await database.close()


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


async def _start_portal(app: FastAPI, settings: Settings, tasks: Tasks) -> tuple[_Portal, int]:
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="off",
        timeout_graceful_shutdown=3,
    )
    server = _Portal(config)

    async def serve() -> None:
        try:
            await server.serve()
        except SystemExit:  # how uvicorn says that it could not bind
            server.should_exit = True

    tasks.start("portal", serve, on_end=OnEnd.FINISH)
    try:
        return server, await server.listening()
    except OSError as error:
        raise PortBusy(
            "The portal", settings.http_host, settings.http_port, "LEITSTAND_HTTP_PORT"
        ) from error


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
