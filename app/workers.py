"""Several processes for the stations' sockets: what `LEITSTAND_WORKERS=N` does.

The parent has the database, the portal, deliveries and jobs. Each of N children runs the central
system alone; all of them listen on one port, and share nothing but the database. A child that
dies is started again after a growing pause; meanwhile its stations connect to the others.

A child is told its settings on its standard input, which is then kept open: its end tells the
child that the parent stopped, or died, whatever it died of. (Settings hold passwords, which the
list of processes would show on a command line.)
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
import uvloop
from prometheus_client.multiprocess import mark_process_dead
from pydantic import SecretStr

from app.compose import (
    compose_central_system,
    open_database,
    start_central_system,
    stop_central_system,
)
from app.ports import SharedPort, refusal
from foundation import metrics
from foundation.clock import SystemClock
from foundation.errors import ExpectedError, Unavailable
from foundation.log import configure_log
from foundation.settings import Settings
from foundation.tasks import (
    FIRST_PAUSE_S,
    HEALTHY_AFTER_S,
    LONGEST_PAUSE_S,
    OnEnd,
    TaskEnd,
    Tasks,
)

log = structlog.get_logger(__name__)

_LISTENS = "listens"
_FAILED = "failed"
_START_TIMEOUT_S = 60.0
_SPARE_CONNECTIONS = 4
"""To the database, besides one for each lane: log, lease, what comes round, refused batches."""


class WorkerFailed(Unavailable):
    """A process for the stations' sockets did not come up; the sentence has its own reason."""

    code = "worker_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"A process for the stations' sockets did not start: {reason}")


class Workers:
    """The parent's side: starts the children, keeps them, stops them.

    Args:
        settings: Of the parent; children get the same.
        url: The database.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        self._ports: list[SharedPort] = []
        self._children: dict[int, Process] = {}
        self._listening: set[int] = set()
        self._changed = asyncio.Condition()
        self._failure: str | None = None
        self._stopping = asyncio.Event()
        self._figures = tempfile.TemporaryDirectory(prefix="leitstand-figures-")

    @property
    def port(self) -> int:
        """The plain listener's port, also where the settings said 0."""
        return self._ports[0].port

    @property
    def pids(self) -> list[int]:
        """The children that listen now."""
        return sorted(self._children[number].pid for number in self._listening)

    def is_listening(self) -> bool:
        """Tell whether a station can connect: one child that listens is enough."""
        return bool(self._listening)

    async def start(self, tasks: Tasks) -> None:
        """Start the children, and wait until all of them listen.

        Raises:
            PortBusy, CannotListen: If a port cannot be had.
            WorkerFailed: If a child ends, or does not listen in time.
        """
        self._hold_ports()
        metrics.read_also(Path(self._figures.name))
        for number in range(self._settings.workers):
            tasks.start(f"worker {number}", self._keeper(number), on_end=OnEnd.RESTART)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S), self._changed:
                await self._changed.wait_for(
                    lambda: self._failure or len(self._listening) == self._settings.workers
                )
        except TimeoutError:
            raise WorkerFailed(f"it did not listen within {_START_TIMEOUT_S:.0f} s.") from None
        if self._failure is not None:
            raise WorkerFailed(self._failure)

    async def stop(self) -> None:
        """Ask all children to stop, wait for them, and end those that take too long."""
        self._stopping.set()
        children = list(self._children.values())
        for child in children:
            _hang_up(child)
        try:
            async with asyncio.timeout(self._settings.shutdown_timeout_s):
                for child in children:
                    await child.wait()
        except TimeoutError:
            for child in children:
                if child.returncode is None:
                    log.error("worker.does_not_stop", pid=child.pid)
                    child.kill()
                    await child.wait()
        for port in self._ports:
            port.close()
        metrics.read_no_more(Path(self._figures.name))
        self._figures.cleanup()

    def _hold_ports(self) -> None:
        host = self._settings.ocpp_host
        wanted = [("The stations' listener", self._settings.ocpp_port, "LEITSTAND_OCPP_PORT")]
        if self._settings.ocpp_tls_port is not None:
            tls_port = self._settings.ocpp_tls_port
            wanted.append(("The stations' TLS listener", tls_port, "LEITSTAND_OCPP_TLS_PORT"))
        for what, port, setting in wanted:
            try:
                self._ports.append(SharedPort(host, port))
            except OSError as error:
                raise refusal(error, what, host, port, setting) from error

    def _keeper(self, number: int) -> Any:
        return lambda: self._keep(number)

    async def _keep(self, number: int) -> None:
        """Keep one child alive until it is time to stop."""
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = loop.time()
            try:
                await self._live(number)
            finally:
                await self._gone(number)
            if self._stopping.is_set():
                break
            if loop.time() - began >= HEALTHY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        await asyncio.Event().wait()  # until it is cancelled: an end would look like an accident

    async def _live(self, number: int) -> None:
        """Start a child and return when it ended."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.workers"),
            stdin=PIPE,
            stdout=PIPE,
            env=_environment(Path(self._figures.name)),
            start_new_session=True,  # Ctrl-C is for the parent, which stops its children
        )
        self._children[number] = child
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(ConnectionError):  # it died at once, as its status will tell
            child.stdin.write(_told(self._child_settings(), self._url))
            await child.stdin.drain()
        async for line in child.stdout:
            word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if word == _LISTENS:
                log.info("worker.listens", worker=number, pid=child.pid)
                await self._tell(listening=number)
            elif word == _FAILED:
                await self._tell(failure=rest)
        status = await child.wait()
        if not self._stopping.is_set():
            log.error("worker.died", worker=number, pid=child.pid, status=status)
            await self._tell(failure=f"it ended with status {status}; the log says more.")

    async def _gone(self, number: int) -> None:
        self._listening.discard(number)
        child = self._children.pop(number, None)
        if child is not None and child.returncode is not None:
            mark_process_dead(child.pid, self._figures.name)  # type: ignore[no-untyped-call]

    async def _tell(self, *, listening: int | None = None, failure: str | None = None) -> None:
        async with self._changed:
            if listening is not None:
                self._listening.add(listening)
            self._failure = self._failure or failure
            self._changed.notify_all()

    def _child_settings(self) -> Settings:
        """Return the settings of a child: the ports that we hold, few connections."""
        settings = self._settings
        most = min(settings.database_pool_size, settings.lanes + _SPARE_CONNECTIONS)
        changes: dict[str, Any] = {"ocpp_port": self.port, "database_pool_size": most}
        if settings.ocpp_tls_port is not None:
            changes["ocpp_tls_port"] = self._ports[1].port
        return settings.model_copy(update=changes)


def _environment(figures: Path) -> dict[str, str]:
    """Return the environment of a child, which finds this program wherever it was started."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PROMETHEUS_MULTIPROC_DIR": str(figures),
    }


def _told(settings: Settings, url: str) -> bytes:
    """Return what a child is told: one line of JSON with every setting and the database."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in values.items()
    }
    return json.dumps({"url": url, "settings": plain}, default=str).encode() + b"\n"


def _hang_up(child: Process) -> None:
    assert child.stdin is not None
    child.stdin.close()


# ------------------------------------------------------------------------------------- the child


def main(arguments: Sequence[str] = ()) -> int:
    """Run one child: read the settings, serve stations, end when the input does."""
    assert not arguments, "a child is told everything on its standard input"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the parent died before it could say anything
    told = json.loads(line)
    try:
        settings = Settings.read(**told["settings"])
        configure_log(settings.log_level)
        return uvloop.run(_work(settings, told["url"]))
    except ExpectedError as error:
        print(_FAILED, str(error).replace("\n", " "), flush=True)
        return 1


async def _work(settings: Settings, url: str) -> int:
    """Serve stations until the parent hangs up, SIGTERM, or a part fails."""
    stop = asyncio.Event()
    failed: list[TaskEnd] = []

    def must_stop(end: TaskEnd) -> None:
        failed.append(end)
        stop.set()

    clock = SystemClock()
    database = open_database(settings, url)
    tasks = Tasks(on_stop=must_stop)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        central = await compose_central_system(settings, database, clock, tasks)
        start_central_system(central, database, tasks)
        try:
            await central.listener.start(share_port=True)
        except OSError as error:
            raise refusal(
                error,
                "The stations' listener",
                settings.ocpp_host,
                settings.ocpp_port,
                "LEITSTAND_OCPP_PORT",
            ) from error
        tasks.start("parent", lambda: _until_hung_up(stop), on_end=OnEnd.FINISH)
        gc.collect()
        gc.freeze()
        with contextlib.suppress(BrokenPipeError):  # the parent is gone; its end will be noticed
            print(_LISTENS, flush=True)
        await stop.wait()
        await stop_central_system(central, timeout_s=settings.close_timeout_s)
    finally:
        await tasks.stop(settings.shutdown_timeout_s)
        await database.close()
    return 1 if failed else 0


async def _until_hung_up(stop: asyncio.Event) -> None:
    """Wait for the end of standard input; nothing more is said there."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    stop.set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
