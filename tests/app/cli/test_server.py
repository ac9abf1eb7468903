"""`serve` as a process: what it says, and how it ends."""

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from app.cli.server import is_loopback, warning_of

ROOT = Path(__file__).resolve().parents[3]


async def start(folder: Path, database_url: str, *arguments: str, **settings: object) -> Process:
    clean = {name: each for name, each in os.environ.items() if not name.startswith("LEITSTAND_")}
    given = {"ocpp_port": 0, "http_port": 0, "database_url": database_url, **settings}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", *arguments),
        cwd=folder,
        env={
            **clean,
            "PYTHONPATH": str(ROOT),
            **{f"LEITSTAND_{name.upper()}": str(each) for name, each in given.items()},
        },
        stdout=PIPE,
        stderr=PIPE,
    )


async def greeted(program: Process) -> str:
    """Return what it said up to the addresses."""
    assert program.stdout is not None
    said = ""
    async with asyncio.timeout(60):
        while "Stations" not in said:
            line = (await program.stdout.readline()).decode()
            assert line, (await program.communicate())[1].decode()
            said += line
    return said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_says_where_it_is_and_ends_well_when_asked(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    program = await start(tmp_path, database_url)
    said = await greeted(program)
    program.send_signal(number)
    out, err = await program.communicate()
    said += out.decode()

    assert program.returncode == 0, err.decode()
    assert re.search(r"Portal +http://127\.0\.0\.1:\d+", said)
    assert re.search(r"Stations +ws://127\.0\.0\.1:\d+/IDENTITY", said)
    assert "LEITSTAND_OCPP_HOST=0.0.0.0" in said
    password = re.search(r"Password +(\S+)", said)
    assert password is not None
    assert password[1] not in err.decode()
    assert "Leitstand is stopping." in err.decode()
    assert "Traceback" not in err.decode()


@pytest.mark.slow
async def test_a_given_password_is_not_printed(database_url: str, tmp_path: Path) -> None:
    program = await start(tmp_path, database_url, admin_password="correct horse")
    said = await greeted(program)
    program.terminate()
    out, err = await program.communicate()

    assert program.returncode == 0
    assert "Password" not in said + out.decode()
    assert "correct horse" not in said + out.decode() + err.decode()


@pytest.mark.slow
async def test_a_program_that_is_asked_to_stop_while_it_starts_does_so(tmp_path: Path) -> None:
    connected = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be a database that accepts and says nothing, until the other side has enough."""
        connected.set()
        await reader.read()
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(take, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    program = await start(tmp_path, f"postgresql://x@127.0.0.1:{port}/x?connect_timeout=3")
    await connected.wait()
    program.terminate()
    out, err = await program.communicate()
    silent.close()

    assert (program.returncode, out) == (0, b""), err.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "what"),
    [("ocpp_port", "The stations' listener"), ("http_port", "The portal")],
)
async def test_a_port_that_is_taken_is_one_sentence(
    database_url: str, tmp_path: Path, setting: str, what: str
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        program = await start(tmp_path, database_url, log_level="error", **{setting: port})
        out, err = await program.communicate()

    assert (program.returncode, out) == (1, b"")
    last = err.decode().splitlines()[-1]
    assert last.startswith(f"leitstand: {what} cannot listen on 127.0.0.1:{port}")
    assert f"LEITSTAND_{setting.upper()}" in last
    assert "Traceback" not in err.decode()


def test_a_few_stations_are_named_and_many_are_counted() -> None:
    assert "(security profile 0): A, B. " in warning_of(["A", "B"])
    assert "A, B, C, D, E and 2 more. " in warning_of(list("ABCDEFG"))


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("csms.example.org", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it
