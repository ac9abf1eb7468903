"""The embedded PostgreSQL: started, adopted, watched and stopped by us.

Used only when no database URL is set. Of the wheel we use nothing but the binaries. The server
listens on a Unix socket in a folder of mode 0700, asks for a password, and never on TCP.

Several programs may share one data folder (a server and a command beside it). Each keeps one
connection open for as long as it needs the server, so the last one to leave can tell that it is
the last, and stops it.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psutil
import psycopg
import structlog

from foundation.errors import Conflict, Unavailable
from foundation.postgres_place import (
    ELSEWHERE,
    MAJOR_VERSION,
    Place,
    can_enter,
    find_place,
    remove_place,
)

_NAME = "leitstand"
_LOCK = "postgres.lock"
_START_LOG = "postgres-start.log"
_PORT = 5432  # only names the socket's file
_SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS, without the closing zero
_POLL_S = 0.02
_TELL_EVERY_S = 2.0
_WATCH_EVERY_S = 0.5
_LONGEST_PAUSE_S = 30.0
_HEALTHY_AFTER_S = 60.0
_LEAVE_S = 0.5

_CONFIGURATION = f"""\
# Written at every start; your own settings belong at the end of postgresql.conf.
listen_addresses = ''
port = {_PORT}
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
wal_buffers = 16MB
min_wal_size = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
max_locks_per_transaction = 256
idle_in_transaction_session_timeout = 5min
authentication_timeout = 10s
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = '../log'
log_filename = 'server-%a.log'
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_checkpoints = off
log_startup_progress_interval = 2s
"""

_DURABLE = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"
_THROWAWAY = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"

_left_running: list[subprocess.Popen[bytes]] = []
"""Servers that we started and left to others; kept, lest Python complain that they run."""


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What a cluster's `postmaster.pid` says."""

    pid: int
    socket_dir: Path | None
    is_ready: bool


class EmbeddedPostgres:
    """One data folder's PostgreSQL, for `with`, `async with`, or `start` and `stop`.

    Args:
        data_dir: The data folder; made if missing. The cluster lies in its folder `postgres`,
            or where `foundation.postgres_place` says.
        say: Told, in sentences, what a person should know (waiting, recovery, places).
        durable: False only for throwaway clusters of tests: a crash of the machine may lose it.
        elsewhere: Where the files go that the service user could not reach at home.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        say: Callable[[str], None] | None = None,
        durable: bool = True,
        elsewhere: Path = ELSEWHERE,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.application_name = f"{_NAME}-{os.getpid()}"
        self._say = say or structlog.get_logger("foundation.postgres").info
        self._durable = durable
        self._elsewhere = elsewhere.resolve()
        self._place: Place | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._socket_dir: Path | None = None
        self._presence: psycopg.Connection[Any] | None = None
        self._interrupted = threading.Event()

    # ------------------------------------------------------------------------ from outside

    @property
    def url(self) -> str:
        """Where to connect, password included: never to be logged."""
        return self.url_of(_NAME)

    def url_of(self, database: str) -> str:
        """Return the URL of another database of this server."""
        assert self._socket_dir is not None, "the server has not been started"
        return (
            f"postgresql://{_NAME}:{self._password()}@/{quote(database)}"
            f"?host={quote(str(self._socket_dir), safe='/')}&port={_PORT}"
            f"&application_name={self.application_name}"
        )

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None if it is not known to run."""
        return self._pid

    def start(self) -> str:
        """Start the server, or adopt the one that runs, and return its URL.

        Blocks; on a loop use `async with`. There is no limit on the time: recovery after a crash
        takes as long as it takes, and `say` tells how it goes.

        Raises:
            Conflict: If the data folder belongs to another major version or to another user.
            Unavailable: If the server does not start; the message has its last words.
        """
        self._interrupted.clear()
        with self._locked():
            self._start_locked()
        return self.url

    def stop(self) -> None:
        """Leave the server; stop it unless somebody else is connected. Blocks."""
        self._interrupted.set()
        with self._locked():
            self._stop_locked()

    def discard(self) -> None:
        """Stop the server whoever is connected, and delete its database for good.

        The data folder goes too, if nothing else is in it.
        """
        self._interrupted.set()
        with self._locked():
            self._stop_locked(even_if_used=True)
            if self._place is not None:
                remove_place(self.data_dir, elsewhere=self._elsewhere)
        for name in (_START_LOG, _LOCK):
            (self.data_dir / name).unlink(missing_ok=True)
        if not any(self.data_dir.iterdir()):
            self.data_dir.rmdir()

    async def supervise(self) -> None:
        """Watch the server for ever, and start it again, with growing pauses, when it died."""
        pause_s, healthy_since = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            if self._is_running() and self._is_present():
                continue
            if time.monotonic() - healthy_since > _HEALTHY_AFTER_S:
                pause_s = 0.0
            await asyncio.sleep(pause_s)
            pause_s = min(max(2 * pause_s, 0.5), _LONGEST_PAUSE_S)
            try:
                await self._in_thread(self._resume)
            except (Unavailable, psycopg.Error) as error:
                self._say(f"PostgreSQL could not be started again: {error}")
            healthy_since = time.monotonic()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await self._in_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    async def _in_thread(self, call: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(call)
        except asyncio.CancelledError:
            self._interrupted.set()  # the thread gives up at its next look
            raise

    # ------------------------------------------------------------------- start, with the lock

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Exclude other programs that start or stop this data folder's server.

        The lock dies with its process. Several threads exclude each other, too.
        """
        try:
            with contextlib.suppress(FileExistsError):  # of another that starts just now, too
                self.data_dir.mkdir(mode=0o711, parents=True)
                self.data_dir.chmod(0o711)  # the service user must pass through it, by any umask
            file = (self.data_dir / _LOCK).open("w")
        except PermissionError as error:
            raise Conflict(
                f"{error.filename} cannot be written: the data folder belongs to somebody else. "
                "Run as that user or as root, or use another LEITSTAND_DATA_DIR."
            ) from None
        with file:
            waiting = _Patience(self._say, "Another program is starting this database")
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waiting.wait()
            yield

    def _start_locked(self) -> None:
        self._place = find_place(self.data_dir, say=self._say, elsewhere=self._elsewhere)
        self._check_version(self._place)
        if not self._place.cluster.exists():
            self._create_cluster(self._place)
        self._adopt_or_launch(self._place)
        self._ensure_database()
        self._be_present()

    def _resume(self) -> None:
        with self._locked():
            if self._interrupted.is_set():
                return
            assert self._place is not None
            if not self._is_running():
                self._say("PostgreSQL died; it is being started again.")
            self._adopt_or_launch(self._place)
            self._be_present()

    def _check_version(self, place: Place) -> None:
        file = place.cluster / "PG_VERSION"
        if not file.exists():
            return
        found = file.read_text().strip()
        if found != str(MAJOR_VERSION):
            raise Conflict(
                f"The database in {place.cluster} was made by PostgreSQL {found}; this Leitstand "
                f"brings PostgreSQL {MAJOR_VERSION}, which cannot read it. Start the Leitstand "
                "that made it, dump the database with pg_dump, move the folder away, start this "
                "one and restore the dump; or run a server of the old version yourself and set "
                "LEITSTAND_DATABASE_URL. Nothing was changed."
            )

    def _password(self) -> str:
        assert self._place is not None
        try:
            return (self._place.base / "password").read_text().strip()
        except FileNotFoundError:
            raise Unavailable(
                f"{self._place.base / 'password'} is missing: without it nobody can connect to "
                "the database beside it. Restore it from a backup."
            ) from None

    def _create_cluster(self, place: Place) -> None:
        """Run initdb aside and rename the result, so that a half-made cluster is never used."""
        self._say(f"A new database is being made in {place.cluster}.")
        unfinished = place.base / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        _write(place, place.base / "password", secrets.token_urlsafe(24) + "\n")
        done = subprocess.run(
            [
                str(place.binaries / "initdb"),
                *("--pgdata", str(unfinished)),
                *("--username", _NAME),
                *("--pwfile", str(place.base / "password")),
                *("--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *("--auth", "scram-sha-256"),
                *([] if self._durable else ["--no-sync"]),
            ],
            capture_output=True,
            text=True,
            check=False,
            **place.popen(),
        )
        if done.returncode != 0:
            raise Unavailable(f"initdb failed: {done.stderr.strip()[-1000:]}")
        with (unfinished / "postgresql.conf").open("a") as file:
            file.write(
                "\ninclude = 'leitstand.conf'\n# Your own settings belong below this line.\n"
            )
        unfinished.rename(place.cluster)

    def _adopt_or_launch(self, place: Place) -> None:
        """Lead to a server that answers: the one that runs, or a new one."""
        waiting = _Patience(self._say, "PostgreSQL is starting", self._last_words)
        while not self._answers(place):
            if self._interrupted.is_set():
                raise Unavailable("The start of PostgreSQL was interrupted.")
            if self._process is not None and self._process.poll() is not None:
                self._process = None
                raise Unavailable(f"PostgreSQL did not start: {self._last_words()}")
            found = _read_postmaster(place.cluster)
            if self._process is None and (found is None or not _is_postmaster(found.pid, place)):
                _end_orphans(place)
                self._launch(place)
            waiting.wait()

    def _answers(self, place: Place) -> bool:
        """Return whether the server is ready, having noted where it is."""
        found = _read_postmaster(place.cluster)
        if found is None or not found.is_ready or not _is_postmaster(found.pid, place):
            return False
        if self._process is not None and self._process.pid != found.pid:
            return False
        self._pid, self._socket_dir = found.pid, found.socket_dir
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Unavailable(
                    f"The password in {place.base / 'password'} is not the database's. "
                    "Restore it from a backup."
                ) from None
            return False  # it was just going down
        return True

    def _launch(self, place: Place) -> None:
        if self._socket_dir is None or not self._socket_dir.exists():
            self._socket_dir = _socket_dir(place)
        for left in self._socket_dir.glob(".s.PGSQL.*"):
            left.unlink()  # of a killed one, whose number may be another process's by now
        _write(
            place,
            place.cluster / "leitstand.conf",
            _CONFIGURATION + (_DURABLE if self._durable else _THROWAWAY),
        )
        with (self.data_dir / _START_LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(str(place.binaries / "postgres"), "-D", str(place.cluster)),
                    *("-k", str(self._socket_dir), "-c", "listen_addresses="),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; the server is stopped last
                **place.popen(),
            )
        self._pid = self._process.pid

    def _last_words(self) -> str:
        """Return the end of what the server logged."""
        assert self._place is not None
        logs = sorted((self._place.base / "log").glob("*.log"), key=_written_at)
        lines: list[str] = []
        for log in (*logs[-1:], self.data_dir / _START_LOG):
            with contextlib.suppress(FileNotFoundError):
                lines += log.read_text(errors="replace").splitlines()[-3:]
        return " / ".join(line.strip() for line in lines) or "it said nothing"

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url_of(database), autocommit=True, connect_timeout=10)

    def _ensure_database(self) -> None:
        with self._connect("postgres") as connection:
            known = connection.execute(
                "select 1 from pg_database where datname = %s", [_NAME]
            ).fetchone()
            if known is None:
                connection.execute(f"create database {_NAME}")

    # ---------------------------------------------------------------------- watch and leave

    def _be_present(self) -> None:
        if self._presence is not None:
            self._presence.close()
        self._presence = self._connect("postgres")

    def _is_present(self) -> bool:
        """Return whether our connection still stands; its socket is readable once it broke."""
        if self._presence is None or self._presence.closed:
            return False
        readable, _, _ = select.select([self._presence.fileno()], [], [], 0)
        return not readable

    def _is_running(self) -> bool:
        if self._process is not None:
            if self._process.poll() is None:
                return True
            self._process = None
            return False
        assert self._place is not None
        return self._pid is not None and _is_postmaster(self._pid, self._place)

    def _stop_locked(self, *, even_if_used: bool = False) -> None:
        if self._presence is not None:
            self._presence.close()
            self._presence = None
        if self._place is None or not self._is_running():
            self._pid = None
            return
        others = 0 if even_if_used else self._others()
        if others:
            self._say(f"PostgreSQL goes on running: it has {others} other connections.")
            if self._process is not None:
                _left_running.append(self._process)
        else:
            assert self._pid is not None
            os.kill(self._pid, signal.SIGINT)  # "fast": ends connections, writes everything
            waiting = _Patience(self._say, "PostgreSQL is stopping", self._last_words)
            while self._is_running():
                waiting.wait()
            if self._socket_dir is not None and self._socket_dir.parent != self._place.base:
                shutil.rmtree(self._socket_dir, ignore_errors=True)
        self._process = self._pid = self._socket_dir = None

    def _others(self) -> int:
        """Return how many connections there are that are not this process's."""
        deadline = time.monotonic() + _LEAVE_S
        try:
            with self._connect("postgres") as connection:
                while True:
                    row = connection.execute(
                        "select count(*) from pg_stat_activity"
                        " where backend_type = 'client backend' and application_name <> %s",
                        [self.application_name],
                    ).fetchone()
                    assert row is not None
                    if row[0] == 0 or time.monotonic() > deadline:
                        return int(row[0])
                    time.sleep(_POLL_S)  # somebody may just be leaving
        except psycopg.OperationalError:
            return 0  # it is going down or recovering; nobody has a use for it


class _Patience:
    """Waits in small steps, and tells every two seconds what for."""

    def __init__(
        self, say: Callable[[str], None], what: str, detail: Callable[[], str] | None = None
    ) -> None:
        self._say = say
        self._what = what
        self._detail = detail
        self._began = self._told = time.monotonic()

    def wait(self) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY_S:
            self._told = now
            detail = f": {self._detail()}" if self._detail else ""
            self._say(f"{self._what} ({now - self._began:.0f} s){detail}")
        time.sleep(_POLL_S)


def _read_postmaster(cluster: Path) -> _Postmaster | None:
    """Return what the running (or dead) server wrote about itself; None if there is nothing."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].lstrip("-").isdigit():
        return None
    socket_dir = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    is_ready = len(lines) > 7 and lines[7].strip() == "ready"
    return _Postmaster(abs(int(lines[0])), socket_dir, is_ready and socket_dir is not None)


def _is_postmaster(pid: int, place: Place) -> bool:
    """Return whether the process works in this cluster; another may have got its number."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == place.cluster
    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
        return False


def _end_orphans(place: Place) -> None:
    """End what a killed postmaster left, and its file if no process of it remains.

    Its number may by now be another process's, for which PostgreSQL would refuse to start.
    """
    pid_file = place.cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    orphans = [process for process in psutil.process_iter() if _is_postmaster(process.pid, place)]
    for orphan in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.terminate()
    _, alive = psutil.wait_procs(orphans, timeout=10)
    for orphan in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.send_signal(signal.SIGQUIT)
    _, alive = psutil.wait_procs(alive, timeout=10)
    if alive:
        pids = ", ".join(str(process.pid) for process in alive)
        raise Unavailable(f"Processes of a killed PostgreSQL do not end; end them: {pids}.")
    pid_file.unlink(missing_ok=True)


def _socket_dir(place: Place) -> Path:
    """Return a folder of mode 0700 for the socket, short enough for the kernel."""
    near = place.base / "run"
    if _fits(near):
        near.mkdir(exist_ok=True)
        near.chmod(0o700)
        place.give(near)
        return near
    for root in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - a new folder of our own in it
        folder = Path(tempfile.mkdtemp(prefix="leitstand-", dir=root))
        place.give(folder)
        if _fits(folder) and (place.user is None or can_enter(place.user, folder)):
            return folder
        folder.rmdir()
    raise Conflict(f"The path {near} is too long for a socket. Set LEITSTAND_DATA_DIR.")


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_BYTES


def _written_at(path: Path) -> float:
    return path.stat().st_mtime


def _write(place: Place, path: Path, text: str) -> None:
    """Write a file of mode 0600 for the server, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    place.give(Path(name))
    Path(name).replace(path)
