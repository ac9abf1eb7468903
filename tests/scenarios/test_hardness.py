"""Hardness: what stations, lines and disks do at their worst harms nobody else, and fills nothing.

Each of them counts: what was answered, what waits, who is still there. The long ones run with
`make soak`.
"""

import asyncio
import json
import os
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import OPEN

from csms.ocpp import repair
from csms.ocpp.errors import OcppError
from csms.reports import OcppVersion
from csms.websocket import StationSocket
from foundation import migrate
from foundation.clock import SetClock
from foundation.identifiers import StationId
from foundation.postgres import EmbeddedPostgres
from foundation.tasks import OnEnd
from tests.csms.central import (
    EVENING,
    Central,
    RawStation,
    Refused,
    at,
    central_running,
    eventually,
    start,
    stop,
)
from tests.csms.conftest import Starter
from tests.csms.ocpp.said import STATUS, TRANSLATE, origin
from tests.scenarios.nonsense import frames

MIB = 1024 * 1024


@pytest.fixture
def start_central(database_url: str, clock: SetClock) -> Starter:
    """Start a central system with settings of the test's own."""
    clock.at = EVENING
    return partial(central_running, database_url, clock)


@pytest.fixture
async def central(start_central: Starter) -> AsyncIterator[Central]:
    """One in which nobody is slowed down, and nobody is waited for at length."""
    async with start_central(
        frames_per_second=1e6, frames_burst=1_000_000, close_timeout_s=0.3, ping_interval_s=1.0
    ) as central:
        yield central


def resident_mib() -> float:
    """Return how much memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


# ----------------------------------------------------------------------------- random frames


@pytest.mark.parametrize("version", OcppVersion)
def test_whatever_stands_in_a_frame_is_a_report_or_a_refusal(version: OcppVersion) -> None:
    read_or_refused(version, seed=1, number=1500)


@pytest.mark.soak
@pytest.mark.parametrize("version", OcppVersion)
@pytest.mark.parametrize("seed", range(2, 12))
def test_whatever_stands_in_many_frames_is_a_report_or_a_refusal(
    version: OcppVersion, seed: int
) -> None:
    read_or_refused(version, seed, number=20_000)


def read_or_refused(version: OcppVersion, seed: int, number: int) -> None:
    """Walk the way of frames from text to report; nothing but a refusal may come out of it."""
    made: Counter[str] = Counter()
    for each in islice(frames(version, seed), number):
        if each.id is None:
            continue
        _, _, action, payload = json.loads(each.text)
        raw = json.dumps(payload)
        try:
            message, used = repair.decode(version, action, raw)
            TRANSLATE[version].to_report(message, origin(version, action, raw, *used))
        except OcppError:
            made["refused"] += 1
        else:
            made["read"] += 1
    print(f"{version} {dict(made)}")
    assert min(made["read"], made["refused"]) > number // 10, made


async def test_frames_at_random_are_each_answered_once_and_nothing_stays(central: Central) -> None:
    await answered_once(central, range(1, 4), 500)


@pytest.mark.soak
@pytest.mark.timeout(1500)
async def test_100_000_frames_at_random_are_each_answered_once_and_no_memory_stays(
    central: Central,
) -> None:
    await answered_once(central, range(1, 4), 5_000)  # caches fill
    before = resident_mib()
    await answered_once(central, range(4, 22), 5_000)
    grown = resident_mib() - before
    print(f"{grown:.1f} MiB more after 90,000 further frames")
    assert grown < 60


async def answered_once(central: Central, seeds: Iterable[int], number: int) -> None:
    """Say frames at random over several sockets, and count the answers; another station lives."""
    bystander = await central.here()
    await bystander.boot()
    versions = list(OcppVersion)
    for seed in seeds:
        version = versions[seed % len(versions)]
        said: set[str] = set()
        answers: Counter[str] = Counter()
        station = await central.here(version)
        for place, each in enumerate(islice(frames(version, seed), number)):
            await station.send(each.text)
            if each.id is not None:
                said.add(each.id)
            if place % 50 == 49:
                await heard(station, answers)
                assert "currentTime" in await bystander.call("Heartbeat", {})
        await heard(station, answers)
        assert {each for each in said if answers[each] != 1} == set()
        connection = central.system.connections.get(StationId(station.identity))
        assert connection is not None
        assert not connection.rpc.queued
        assert connection._handling is None
        print(f"{version}: {number} frames, {sum(answers.values())} answers, none missing")
        await station.close()
    for lane in central.system.dispatch.lanes.lanes:
        await lane.drained()


async def heard(station: RawStation, answers: Counter[str]) -> None:
    """Count the answers up to that to a heartbeat of now."""
    last = f"last-{station.new_id()}"
    await station.send([2, last, "Heartbeat", {}])
    while True:
        frame = await station.frame()
        if frame[0] in (3, 4):
            if frame[1] == last:
                assert frame[0] == 3
                return
            assert frame[2] != "InternalError", f"a defect of ours, over {frame}"
            answers[str(frame[1])] += 1


# -------------------------------------------------------------------------- one that misbehaves


def upgrade_of(identity: str) -> bytes:
    """A station's upgrade, written by hand."""
    lines = (
        f"GET /ocpp/{identity} HTTP/1.1",
        "Host: csms",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def masked(frame: object) -> bytes:
    """A text frame as a station writes it; its mask changes nothing."""
    data = json.dumps(frame).encode()
    size = len(data)
    if size < 126:
        return bytes((0x81, 0x80 | size)) + bytes(4) + data
    return bytes((0x81, 0x80 | 126)) + size.to_bytes(2) + bytes(4) + data


def socket_of(central: Central, identity: str) -> StationSocket | None:
    """Return our end of a station's connection."""
    for server in central.system.listener.doors:
        for each in server.all_connections:
            is_open = each.protocol.state is OPEN
            if is_open and each.admitted.access.station == identity:
                return cast("StationSocket", each)
    return None


async def test_what_a_station_does_not_read_is_bounded_and_then_it_is_closed(
    central: Central,
) -> None:
    bystander = await central.here()
    identity = await central.station()
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(line, ("127.0.0.1", central.system.listener.port))
        await loop.sock_sendall(line, upgrade_of(identity))
        assert b" 101 " in await loop.sock_recv(line, 100)

        most = 0

        async def talk() -> None:
            """Ask for ever, with long ids that come back in the answers, and read nothing."""
            for number in range(100_000):
                await loop.sock_sendall(line, masked([2, f"{number:020000}", "Heartbeat", {}]))

        def look() -> None:
            """See each time that anything happens what waits to be written."""
            nonlocal most
            if (held := socket_of(central, identity)) is not None:
                most = max(most, held.transport.get_write_buffer_size())
                loop.call_soon(look)

        talking = asyncio.ensure_future(talk())  # noqa: TID251 - no tasks owner in a test
        look()
        heartbeats = 0
        while socket_of(central, identity) is not None:
            assert "currentTime" in await bystander.call("Heartbeat", {})
            heartbeats += 1
            assert heartbeats < 100_000
        talking.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await talking

        async def forgotten() -> bool:
            return central.system.connections.get(StationId(identity)) is None

        await eventually(forgotten)
    await central.system.dispatch.lanes.drained()
    print(f"{most / MIB:.2f} MiB waited at most; {heartbeats} answers to another one meanwhile")
    assert MIB / 2 < most < 1.5 * MIB
    assert "does not read" in (await central.connection_of(identity))["close_reason"]


async def test_who_breaks_the_protocol_and_stays_on_the_line_is_cut(central: Central) -> None:
    identity = await central.station()
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)
        await loop.sock_connect(line, ("127.0.0.1", central.system.listener.port))
        await loop.sock_sendall(line, upgrade_of(identity))
        assert b" 101 " in await loop.sock_recv(line, 4096)
        await loop.sock_sendall(
            line, masked([2, "1", "Heartbeat", {}]) + b"\x81\x82\0\0\0\0\xff\xff"
        )

        async def forgotten() -> bool:
            return central.system.connections.get(StationId(identity)) is None

        await eventually(forgotten)


async def test_a_flood_from_one_station_keeps_no_other_from_being_answered(
    start_central: Starter,
) -> None:
    rate, burst, in_flight = 50.0, 100, 20
    async with start_central(frames_per_second=rate, frames_burst=burst) as central:
        others = [await central.here() for _ in range(10)]
        rude, busy = await central.here(), await central.here()
        loop = asyncio.get_running_loop()
        began = loop.time()
        answered = 0

        async def hurry() -> None:
            """Have many calls in flight at any time."""
            nonlocal answered
            for _ in range(in_flight):
                await busy.send([2, busy.new_id(), "Heartbeat", {}])
            while True:
                assert (await busy.frame())[0] == 3
                answered += 1
                await busy.send([2, busy.new_id(), "Heartbeat", {}])

        async def twenty(station: RawStation) -> int:
            for _ in range(20):
                await station.call("Heartbeat", {})
            return 20

        hurrying = asyncio.ensure_future(hurry())  # noqa: TID251 - no tasks owner in a test
        rude.socket.transport.write(
            b"".join(masked([2, rude.new_id(), "StatusNotification", STATUS]) for _ in range(3000))
        )
        assert sum(await asyncio.gather(*map(twenty, others))) == 200
        while answered < 2 * burst:  # it goes on, but not faster than it may
            assert await twenty(others[0]) == 20
        most = burst + rate * (loop.time() - began) + 2 * in_flight  # some are read already
        print(f"{answered} answers to the one in a hurry, {most:.0f} at most; 200 to others")
        assert burst < answered <= most
        assert not hurrying.done()
        hurrying.cancel()
        assert await rude.closed() == (1008, "too many calls are waiting for their answers")


# ------------------------------------------------------------------------------- a full disk

_FULL = """
    create function full_disk() returns trigger language plpgsql as $$ begin
        raise exception 'could not extend file: No space left on device' using errcode = '53100';
    end $$;
    do $$ declare name text; begin
        for name in select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace
                and c.relkind in ('r', 'p') and not c.relispartition loop
            execute format('create trigger full_disk before insert on %I for each row'
                ' execute function full_disk()', name);
        end loop;
    end $$
"""
"""New rows find no room, as the database tells it; those that are there can be changed."""


async def test_on_a_full_disk_nothing_is_answered_that_is_not_stored_and_then_all_goes_on(
    central: Central,
) -> None:
    charging, idle, new = [await central.here() for _ in range(3)]
    number = await charging.start()
    await central.rows(_FULL)
    told: list[object] = []
    for station, action, payload in (
        (charging, "StopTransaction", stop(number, 60, 9000)),
        (idle, "StartTransaction", start(0)),
        (new, "SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": at(0)}),
    ):
        with suppress(ConnectionClosed):
            await station.send([2, f"full-{action}", action, payload])
        with suppress(ConnectionClosed):
            while True:
                told.append(await station.frame())
    assert told == [], "a station that is offline keeps its messages"
    assert await whether_in(central, charging.identity) is None

    await central.rows("drop function full_disk() cascade")

    again = await eventually(partial(whether_in, central, charging.identity), every_s=0.1)
    assert again is not None
    for _ in range(2):
        assert await again.stop(number) == {}
    assert (await central.only_transaction(charging.identity)).energy_wh == 8000
    assert await central.transactions(idle.identity) == []
    assert (await central.rows("select count(*) as n from quarantine"))[0]["n"] == 0


async def whether_in(central: Central, identity: str) -> RawStation | None:
    """Connect and be answered; None: that is refused, now or after the upgrade."""
    with suppress(InvalidStatus, ConnectionClosed):
        station = await central.connect(identity)
        await station.call("Heartbeat", {})
        return station
    return None


@contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    """A disk that is soon full; to mount one takes the rights of the administrator."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="small-disk-"))
    place.chmod(0o755)
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(place)]
    subprocess.run(mounted, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


@pytest.mark.soak
@pytest.mark.timeout(400)
async def test_a_disk_that_fills_under_a_real_database_costs_no_session(
    tmp_path: Path, clock: SetClock
) -> None:
    clock.at = EVENING
    with small_disk(400) as disk:
        server = EmbeddedPostgres(tmp_path / "data", elsewhere=disk)
        await asyncio.to_thread(server.start)
        try:
            await asyncio.to_thread(migrate.upgrade, server.url)
            async with central_running(server.url, clock) as central:
                central.tasks.start("PostgreSQL", server.supervise, on_end=OnEnd.RESTART)
                station = await central.here()
                numbers = [await station.start(each, connector=each + 1) for each in range(20)]
                ballast = disk / "ballast"
                with ballast.open("wb", buffering=0) as file, suppress(OSError):
                    while True:
                        file.write(bytes(4096))
                answered: list[int] = []
                refusals = 0
                for place, number in enumerate(numbers):
                    try:
                        assert await station.stop(number, 60 + place, 9000) == {}
                        answered.append(number)
                    except (ConnectionClosed, Refused):
                        refusals += 1
                        station = await whether_in(central, station.identity) or station
                ballast.unlink()
                back = partial(whether_in, central, station.identity)
                again = await eventually(back, every_s=0.2)
                assert again is not None
                for place, number in enumerate(numbers):
                    assert await again.stop(number, 60 + place, 9000) == {}
                stored = await central.transactions(station.identity)
                print(f"{len(answered)} ends answered on the full disk, {refusals} not")
                assert refusals
                assert [each.energy_wh for each in stored] == [8000] * len(numbers)
        finally:
            await asyncio.to_thread(server.discard)
