"""The embedded server, with real servers: started, adopted, killed, left to others."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from foundation.database import engine_url
from foundation.errors import Conflict, Unavailable
from foundation.postgres import EmbeddedPostgres
from foundation.postgres_place import MAJOR_VERSION
from foundation.tasks import Tasks

ROOT = Path(__file__).parents[2]
STARTER = """
import sys
from pathlib import Path
from foundation.postgres import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1]), durable=True, say=lambda _: None) as server:
    print(server.url, server.pid, flush=True)
    sys.stdin.readline()
"""


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def module_dir() -> Iterator[Path]:
    """A data folder that any user can reach, shared by tests that leave its cluster stopped."""
    yield from data_folder()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder that any user can reach."""
    yield from data_folder()


def data_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="leitstand-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "data"
        server = made(Path(folder) / "data")
        with contextlib.suppress(Unavailable, Conflict):
            server.start()
        server.discard()


def made(
    data_dir: Path, said: list[str] | None = None, *, durable: bool = False
) -> EmbeddedPostgres:
    told = [] if said is None else said
    return EmbeddedPostgres(data_dir, durable=durable, say=told.append)


@contextlib.asynccontextmanager
async def supervised(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setattr("foundation.postgres._WATCH_EVERY_S", 0.01)
    async with server, Tasks() as tasks:
        tasks.start("postgres", server.supervise)
        yield


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.01)


def note(url: str, word: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table if not exists notes (word text)")
        connection.execute("insert into notes values (%s)", [word])


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [word for (word,) in connection.execute("select word from notes order by 1")]


def answer(url: str, query: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type, unused-ignore]
        assert row is not None
        return str(row[0])


def starter(data_dir: Path) -> subprocess.Popen[str]:
    """Another program that starts the server, says its URL, and waits for a line."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> tuple[str, int]:
    assert process.stdout is not None
    url, pid = process.stdout.readline().split()
    return url, int(pid)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_first_start_makes_a_database_and_the_next_finds_it_again(data_dir: Path) -> None:
    said: list[str] = []
    first = made(data_dir, said)
    note(first.start(), "kept")
    pid = first.pid
    first.stop()
    assert any("new database" in sentence for sentence in said)
    assert pid is not None
    assert not is_running(pid)

    said.clear()
    with made(data_dir, said) as second:
        assert notes(second.url) == ["kept"]
        assert answer(second.url, "show server_version_num")[:2] == str(MAJOR_VERSION)
    assert said == []


def test_it_is_what_we_promise(module_dir: Path) -> None:
    with made(module_dir, durable=True) as server:
        promised = {
            "listen_addresses": "",
            "server_encoding": "UTF8",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "max_connections": "100",
            "timezone": "UTC",
        }
        assert {name: answer(server.url, f"show {name}") for name in promised} == promised
        assert (
            answer(
                server.url,
                "select datlocprovider::text || datlocale from pg_database"
                " where datname = current_database()",
            )
            == "bC.UTF-8"
        )
        assert server._socket_dir is not None
        assert server._socket_dir.stat().st_mode & 0o777 == 0o700
        engine = create_engine(engine_url(server.url))
        with engine.connect() as connection:
            assert connection.execute(text("select 1")).scalar() == 1
        engine.dispose()


def test_without_the_password_nobody_gets_in(module_dir: Path) -> None:
    with made(module_dir) as server:
        wrong = server.url.replace(server._password(), "guessed")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        psycopg.connect(server.url).close()


def test_a_server_left_running_by_a_killed_program_is_adopted(module_dir: Path) -> None:
    other = starter(module_dir)
    url, pid = told(other)
    note(url, "of the killed")
    other.kill()
    other.communicate()
    assert is_running(pid)

    server = made(module_dir)
    assert "of the killed" in notes(server.start())
    assert server.pid == pid
    server.stop()
    assert not is_running(pid)  # nobody else is left to stop it


def test_a_server_goes_on_while_somebody_else_is_connected(module_dir: Path) -> None:
    said: list[str] = []
    first, other = made(module_dir, said), starter(module_dir)
    url, pid = told(other)
    first.start()
    assert first.pid == pid
    first.stop()
    assert any("goes on running" in sentence for sentence in said)
    note(url, "still here")
    other.communicate("done\n")
    assert other.returncode == 0
    assert not is_running(pid)  # the last one stopped it


def test_the_one_who_started_it_may_leave_first(module_dir: Path) -> None:
    first = made(module_dir)
    first.start()
    pid = first.pid
    assert pid is not None
    other = starter(module_dir)
    url, same = told(other)
    assert same == pid
    first.stop()
    note(url, "left to me")
    other.communicate("done\n")
    assert not is_running(pid)


def test_two_programs_that_start_at_once_get_the_same_server(data_dir: Path) -> None:
    servers = [made(data_dir), made(data_dir)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert servers[0].pid == servers[1].pid is not None
    for server in servers:
        note(server.url, "hello")
    for server in servers:
        server.stop()


def test_a_data_folder_that_two_make_at_once_is_nobodys_error(tmp_path: Path) -> None:
    entered: list[Path] = []

    def enter(server: EmbeddedPostgres, gate: threading.Barrier) -> None:
        gate.wait()
        with server._locked():
            entered.append(server.data_dir)

    for attempt in range(200):
        gate = threading.Barrier(2)
        folder = tmp_path / f"{attempt}" / "data"
        threads = [threading.Thread(target=enter, args=(made(folder), gate)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(entered) == 400


async def test_a_killed_postmaster_is_started_again_and_nothing_is_lost(
    module_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    server = made(module_dir, said, durable=True)
    async with supervised(server, monkeypatch):
        url, pid = server.url, server.pid
        await asyncio.to_thread(note, url, "before the kill")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: server.pid not in (None, pid) and server._is_present())
        assert server.url == url
        assert "before the kill" in await asyncio.to_thread(notes, url)
    assert any("started again" in sentence for sentence in said)


async def test_a_killed_backend_is_survived(
    module_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = made(module_dir, durable=True)
    async with supervised(server, monkeypatch):
        pid, presence = server.pid, server._presence
        assert presence is not None
        os.kill(presence.info.backend_pid, signal.SIGKILL)
        await until(lambda: server._presence is not presence and server._is_present())
        assert server.pid == pid
        assert await asyncio.to_thread(answer, server.url, "select 1") == "1"


def test_after_a_crash_it_recovers_by_itself(module_dir: Path) -> None:
    other = starter(module_dir)
    url, pid = told(other)
    note(url, "before the crash")
    os.kill(pid, signal.SIGKILL)
    other.kill()
    other.communicate()
    with made(module_dir) as server:
        assert "before the crash" in notes(server.url)


def test_a_stale_pid_that_is_now_somebody_elses_harms_nothing(module_dir: Path) -> None:
    server = made(module_dir)
    server.start()
    assert server._place is not None
    file = server._place.cluster / "postmaster.pid"
    lines = file.read_text().splitlines()
    server.stop()
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # we are no postmaster
    with server:
        assert answer(server.url, "select 1") == "1"


def test_a_folder_of_another_major_version_is_left_alone_and_explained(data_dir: Path) -> None:
    server = made(data_dir)
    server.start()
    server.stop()
    assert server._place is not None
    version = server._place.cluster / "PG_VERSION"
    version.write_text("15\n")
    with pytest.raises(Conflict, match=r"made by PostgreSQL 15.*brings PostgreSQL 18.*pg_dump"):
        server.start()
    version.write_text(f"{MAJOR_VERSION}\n")
    with server:
        assert answer(server.url, "select 1") == "1"


def test_a_lost_password_is_explained(data_dir: Path) -> None:
    server = made(data_dir)
    server.start()
    server.stop()
    assert server._place is not None
    file = server._place.base / "password"
    word = file.read_text()
    file.unlink()
    with pytest.raises(Unavailable, match="password is missing"):
        server.start()
    file.write_text("another\n")
    with pytest.raises(Unavailable, match="is not the database's"):
        server.start()
    file.write_text(word)
    with server:
        assert answer(server.url, "select 1") == "1"


def test_a_half_made_cluster_is_never_used(data_dir: Path) -> None:
    server = made(data_dir)
    server.start()
    server.stop()
    assert server._place is not None
    server._place.cluster.rename(server._place.base / "cluster.unfinished")
    with server:
        assert answer(server.url, "select 1") == "1"
    assert not (server._place.base / "cluster.unfinished").exists()


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    server = made(data_dir)
    server.start()
    server.stop()
    assert server._place is not None
    with (server._place.cluster / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = 'a lot'\n")
    with pytest.raises(Unavailable, match="shared_buffers"):
        server.start()


def test_a_persons_own_setting_counts(data_dir: Path) -> None:
    server = made(data_dir)
    server.start()
    server.stop()
    assert server._place is not None
    with (server._place.cluster / "postgresql.conf").open("a") as file:
        file.write("work_mem = 17MB\nlisten_addresses = '*'\n")
    with server:
        assert answer(server.url, "show work_mem") == "17MB"
        assert answer(server.url, "show listen_addresses") == ""  # but never on TCP


def test_a_long_path_gets_its_socket_in_a_short_private_folder() -> None:
    with tempfile.TemporaryDirectory(prefix="leitstand-test-") as folder:
        Path(folder).chmod(0o711)
        data_dir = Path(folder) / ("long" * 30)
        server = made(data_dir)
        server.start()
        try:
            socket_dir = server._socket_dir
            assert socket_dir is not None
            assert len(str(socket_dir)) < 60
            assert socket_dir.stat().st_mode & 0o777 == 0o700
            note(server.url, "short")
            server.stop()
            assert not socket_dir.exists()
        finally:
            server.discard()


def test_discarding_leaves_nothing(data_dir: Path) -> None:
    server = made(data_dir)
    server.start()
    place = server._place
    server.discard()
    assert place is not None
    assert not place.base.exists()


def test_it_never_runs_as_root(module_dir: Path) -> None:
    with made(module_dir) as server:
        assert server.pid is not None
        runs_as = psutil.Process(server.pid).uids().effective
        assert runs_as != 0
        assert os.geteuid() in (0, runs_as)
