"""The listener: upgrades good and bad, passwords, limits, pings, and what it says of them."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog
import trustme
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from csms import administration
from csms.reports import OcppVersion
from csms.websocket import StationSocket
from foundation.identifiers import StationId
from tests.csms.central import Central, Refused, at, eventually
from tests.csms.conftest import Starter

PASSWORD = "a-password-of-20-chr"

Logged = list[MutableMapping[str, Any]]
"""What `structlog` captured."""


@dataclass
class Answer:
    """What a hand-written request was answered with."""

    status: int
    headers: Mapping[str, str]
    body: str


async def refused(central: Central, identity: str, **how: object) -> Answer:
    """Connect, which must be refused."""
    with pytest.raises(InvalidStatus) as told:
        await central.connect(identity, **how)  # type: ignore[arg-type]
    response = told.value.response
    return Answer(response.status_code, response.headers, response.body.decode())


@asynccontextmanager
async def line(
    central: Central,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to the listener."""
    reader, writer = await asyncio.open_connection("127.0.0.1", central.system.listener.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def request(path: str, *lines: str, leave_out: str = "") -> bytes:
    """An upgrade as a station writes it."""
    usual = [
        "Host: csms",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
    ]
    kept = [each for each in usual if not (leave_out and each.startswith(leave_out))]
    return ("\r\n".join([f"GET {path} HTTP/1.1", *kept, *lines]) + "\r\n\r\n").encode("latin-1")


async def status_line(central: Central, sent: bytes) -> str:
    async with line(central) as (reader, writer):
        writer.write(sent)
        async with asyncio.timeout(10):
            return (await reader.readline()).decode().strip()


# -------------------------------------------------------------------------- path and subprotocol


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        pytest.param("/", 404, "identity", id="no path"),
        pytest.param("/ocpp/..", 400, "no identity", id="two points"),
        pytest.param("/ocpp/%2E%2E", 400, "no identity", id="two points, encoded"),
        pytest.param("/ocpp/" + "x" * 300, 404, "48 characters", id="300 characters"),
        pytest.param("/ocpp/a%00b", 400, "no identity", id="a NUL"),
        pytest.param("/ocpp/%FF%FE", 400, "UTF-8", id="no UTF-8"),
    ],
)
async def test_an_upgrade_without_a_usable_identity_is_refused_and_logged(
    central: Central, path: str, status: int, words: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        answer = await refused(central, "any", path=path)
    assert answer.status == status
    assert words in answer.body
    [entry] = [each for each in logged if each["event"] == "upgrade.refused"]
    assert words in entry["reason"]
    assert entry["remote"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("identity", "path"),
    [
        ("a/b", "/ocpp/a%2Fb"),
        ("a b", "/ocpp/a%20b"),
        ("a+b", "/ocpp/a+b"),
        ("Straße", "/ocpp/Stra%C3%9Fe"),
        ("doubled", "//ocpp//doubled/"),
        ("asked", "/ocpp/asked?from=here"),
        ("x" * 48, "/ocpp/" + "x" * 48),
        ("deep", "/a/b/c/d/e/deep"),
    ],
)
async def test_an_identity_with_odd_characters_or_slashes_is_found(
    central: Central, identity: str, path: str
) -> None:
    await central.station(identity)
    station = await central.connect(identity, path=path)
    await station.boot()
    assert (await central.connection_of(identity))["closed_at"] is None


@pytest.mark.parametrize(
    ("offers", "echoed", "version"),
    [
        (["ocpp1.6"], "ocpp1.6", "ocpp1.6"),
        (["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1", "ocpp2.0.1"),
        (["ocpp0.1", "ocpp2.1"], "ocpp2.1", "ocpp2.1"),
        (["OCPP1.6"], "OCPP1.6", "ocpp1.6"),
    ],
)
async def test_the_first_offer_that_we_speak_is_echoed(
    central: Central, offers: list[str], echoed: str, version: str
) -> None:
    identity = await central.station()
    station = await central.connect(identity, offers=offers)
    assert station.socket.subprotocol == echoed
    await station.boot()
    assert (await central.connection_of(identity))["version"] == version


@pytest.mark.parametrize("offers", [[], ["ocpp0.1"], ["ocpp1.5", "mqtt"]])
async def test_an_offer_of_nothing_that_we_speak_is_refused(
    central: Central, offers: list[str]
) -> None:
    answer = await refused(central, await central.station(), offers=offers)
    assert answer.status == 400
    assert "ocpp1.6, ocpp2.0.1 or ocpp2.1" in answer.body


async def test_no_offer_at_all_is_1_6_where_the_settings_say_so_a_wrong_one_is_not(
    start_central: Starter,
) -> None:
    async with start_central(assume_ocpp16=True) as central:
        identity = await central.station()
        station = await central.connect(identity, offers=[])
        assert station.socket.subprotocol is None
        assert (await station.boot())["status"] == "Accepted"
        assert (await refused(central, identity, offers=["ocpp0.1"])).status == 400


@pytest.mark.parametrize("header", ["Connection", "Upgrade"])
async def test_a_missing_connection_or_upgrade_header_is_overlooked(
    central: Central, header: str
) -> None:
    identity = await central.station()
    sent = request(f"/ocpp/{identity}", leave_out=header)
    assert await status_line(central, sent) == "HTTP/1.1 101 Switching Protocols"


async def test_a_request_without_a_websocket_key_is_refused_and_logged(central: Central) -> None:
    identity = await central.station()
    with structlog.testing.capture_logs() as logged:
        sent = request(f"/ocpp/{identity}", leave_out="Sec-WebSocket-Key")
        assert " 400 " in await status_line(central, sent)
        await eventually(_logged(logged, "upgrade.failed"))
    assert "Sec-WebSocket-Key" in str(logged)


async def test_what_is_no_http_is_closed_and_logged(central: Central) -> None:
    with structlog.testing.capture_logs() as logged:
        async with line(central) as (reader, writer):
            writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello, TLS?\r\n\r\n")
            async with asyncio.timeout(10):
                assert await reader.read() == b""
        await eventually(_logged(logged, "upgrade.failed"))
    [entry] = [each for each in logged if each["event"] == "upgrade.failed"]
    assert "did not receive a valid HTTP request" in entry["reason"]


def _logged(logged: Logged, event: str) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return any(each["event"] == event for each in logged)

    return ask


async def test_a_slow_handshake_is_ended_and_logged_and_others_notice_nothing(
    start_central: Starter,
) -> None:
    async with start_central(handshake_timeout_s=0.2) as central:
        other = await central.here()
        with structlog.testing.capture_logs() as logged:
            async with line(central) as (reader, writer):
                writer.write(b"GET /ocpp/CS-9 HTTP/1.1\r\nHost: csms\r\n")
                async with asyncio.timeout(10):
                    assert await reader.read() == b""
            await eventually(_logged(logged, "upgrade.failed"))
        [entry] = [each for each in logged if each["event"] == "upgrade.failed"]
        assert entry["reason"] == "the upgrade took too long"
        assert await other.call("Heartbeat", {}) == {"currentTime": at(480)}


async def test_of_too_many_unfinished_handshakes_the_slowest_is_ended(
    start_central: Starter,
) -> None:
    async with start_central(handshakes_max=3) as central:
        identity = await central.station()
        lines = [
            await asyncio.open_connection("127.0.0.1", central.system.listener.port)
            for _ in range(4)
        ]
        async with asyncio.timeout(10):
            assert await lines[0][0].read() == b""
        station = await central.connect(identity)
        assert (await station.boot())["status"] == "Accepted"
        for _, writer in lines:
            writer.transport.abort()


async def test_more_stations_than_a_process_may_have_are_sent_away(start_central: Starter) -> None:
    async with start_central(connections_max=1) as central:
        first = await central.here()
        await first.boot()
        identity = await central.station()
        answer = await refused(central, identity)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        await first.close()
        await central.system.connections.all_gone()
        await central.connect(identity)


# ---------------------------------------------------------------------------------- passwords


async def test_with_its_password_a_station_is_let_in(central: Central) -> None:
    identity = await central.station(password=PASSWORD)
    station = await central.connect(identity, password=PASSWORD)
    assert (await station.boot())["status"] == "Accepted"


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), (None, "wrong"), ("", PASSWORD), ("SOMEBODY", PASSWORD), (None, "")],
)
async def test_without_it_or_under_another_name_a_station_is_not_let_in(
    central: Central, user: str | None, password: str | None
) -> None:
    identity = await central.station(password=PASSWORD)
    answer = await refused(central, identity, user=user, password=password)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Bearer abc", "Basic ?", "Basic bm8tY29sb24="])
async def test_an_authorization_that_cannot_be_read_is_refused(
    central: Central, header: str
) -> None:
    identity = await central.station()
    assert (await refused(central, identity, headers={"Authorization": header})).status == 401


async def test_a_password_in_hex_is_let_in_with_a_warning(central: Central) -> None:
    identity = await central.station(password=PASSWORD)
    with structlog.testing.capture_logs() as logged:
        await central.connect(identity, password=PASSWORD.encode().hex())
    [entry] = [each for each in logged if each["event"] == "password.in_hex"]
    assert (entry["log_level"], entry["station_id"]) == ("warning", identity)
    assert PASSWORD not in str(logged)
    assert PASSWORD.encode().hex() not in str(logged)


async def test_a_wrong_password_a_thousand_times_is_slowed_down_and_others_notice_nothing(
    central: Central,
) -> None:
    victim = await central.station(password=PASSWORD)
    neighbour = await central.station(password=PASSWORD)
    other = await central.here()
    found: list[int] = []
    for _ in range(10):
        tries = [refused(central, victim, password=f"wrong-{number}") for number in range(100)]
        found += [answer.status for answer in await asyncio.gather(*tries)]
        assert await other.call("Heartbeat", {}) == {"currentTime": at(480)}
    assert set(found) == {401, 429}
    # Those under way at once were not slowed down yet; afterwards nobody gets an answer.
    assert found.count(401) < 250
    answer = await refused(central, victim, password=PASSWORD)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    # The same address may still be a house full of stations.
    station = await central.connect(neighbour, password=PASSWORD)
    assert (await station.boot())["status"] == "Accepted"


async def test_a_few_wrong_passwords_do_not_keep_the_right_one_out(central: Central) -> None:
    identity = await central.station(password=PASSWORD)
    for number in range(9):
        assert (await refused(central, identity, password=f"wrong-{number}")).status == 401
    await central.connect(identity, password=PASSWORD)


async def test_a_refused_station_is_not_let_in(central: Central) -> None:
    identity = await central.station()
    async with central.database.unit_of_work() as db:
        await administration.refuse_station(db, identity)
    assert (await refused(central, identity)).status == 403


async def test_a_station_under_its_alias_is_the_station(central: Central) -> None:
    alias = central.new_identity() + "-OLD"
    identity = await central.station(aliases=[alias])
    station = await central.connect(alias)
    await station.boot()
    assert central.system.connections.get(StationId(identity)) is not None
    assert (await central.connection_of(identity))["closed_at"] is None


# ------------------------------------------------------------------------------- frames and size


async def closing_line(logged: Logged, identity: str) -> str:
    """Return the reason that the log gives for the end of a station's connection."""

    async def ask() -> str | None:
        for each in logged:
            if each["event"] == "connection.closed" and each["station_id"] == identity:
                return str(each["reason"])
        return None

    found = await eventually(ask)
    assert found is not None
    return found


async def test_a_frame_of_2_mb_ends_the_connection_with_a_line_that_says_why(
    central: Central,
) -> None:
    station, other = await central.here(), await central.here()
    number = await station.start()
    with structlog.testing.capture_logs() as logged:
        await station.send('[2,"1","DataTransfer",{"vendorId":"' + "x" * 2 * 1024 * 1024 + '"}]')
        assert (await station.closed())[0] == 1009
        assert "1009" in await closing_line(logged, station.identity)
    assert await other.call("Heartbeat", {}) == {"currentTime": at(480)}
    again = await central.connect(station.identity)
    assert await again.stop(number) == {}


async def test_a_frame_just_below_the_limit_is_taken(start_central: Starter) -> None:
    async with start_central(frame_max_bytes=10_000) as central:
        station = await central.here()
        frame = '[2,"1","DataTransfer",{"vendorId":"%s"}]'
        filled = frame % ("x" * (10_000 - len(frame) + 2))
        assert len(filled) == 10_000
        await station.send(filled)
        assert (await station.answer_to("1"))[0] == 3
        await station.send(filled + " ")
        assert (await station.closed())[0] == 1009


async def test_a_frame_that_is_no_utf8_ends_the_connection_with_a_line_that_says_why(
    central: Central,
) -> None:
    station = await central.here()
    with structlog.testing.capture_logs() as logged:
        await station.socket.send(b'[2,"1","Heartbeat",{"\xff":1}]', text=True)
        assert (await station.closed())[0] == 1007
        assert "1007" in await closing_line(logged, station.identity)


async def test_a_message_in_fragments_is_one_message(central: Central) -> None:
    station = await central.here()
    await station.socket.send(['[2,"1","Heart', 'beat"', ",{}]"])
    await station.socket.send('[2,"2","Heartbeat",{}]')
    answers = [json.loads(await station.socket.recv()) for _ in range(2)]
    assert [answer[:2] for answer in answers] == [[3, "1"], [3, "2"]]


class Pipe(asyncio.Transport):
    """Where a socket writes to in a test without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def resume_reading(self) -> None:
        """Nothing was paused."""

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to close."""


def open_socket(*, longest: int = 1000) -> tuple[StationSocket, Pipe, list[str | None]]:
    """A socket whose upgrade is over, its pipe, and what it hands on."""
    protocol = ServerProtocol(max_size=longest)
    protocol.state = State.OPEN
    protocol.parser = protocol.parse()
    next(protocol.parser)
    socket = StationSocket(protocol, None, ping_interval=None)  # type: ignore[arg-type]
    socket.transport = pipe = Pipe()
    texts: list[str | None] = []
    socket.receive_by(texts.append)
    return socket, pipe, texts


def masked(text: str, key: bytes, head: int = 0x81) -> bytes:
    """A frame as a station writes it."""
    data = text.encode()
    short = len(data) < 126
    size = bytes((0x80 | len(data),)) if short else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes((head,)) + size + key + bytes(b ^ key[i % 4] for i, b in enumerate(data))


@given(
    texts=st.lists(st.text(max_size=300), max_size=5),
    key=st.binary(min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 2000), max_size=4),
    whole=st.booleans(),
)
def test_however_the_bytes_arrive_the_messages_are_the_same(
    texts: list[str], key: bytes, cuts: list[int], whole: bool
) -> None:
    async def arrive() -> list[str | None]:
        socket, _, heard = open_socket(longest=10_000)
        frames = [masked(text, key) for text in texts]
        stream = b"".join(frames)
        places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
        pieces = frames if whole else [stream[a:b] for a, b in pairwise(places)]
        for piece in pieces:
            socket.data_received(piece)
        return heard

    assert asyncio.run(arrive()) == texts


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (masked("x" * 1001, b"abcd"), 1009),
        (masked("fine", b"abcd")[:-1] + b"\xff", 1007),
        (b"\x81\x08" + b"unmasked", 1002),
        (masked("reserved", b"abcd", head=0xC1), 1002),
        (masked("nothing to go on with", b"abcd", head=0x80), 1002),
    ],
)
async def test_a_whole_frame_that_breaks_a_rule_is_closed_like_one_in_pieces(
    frame: bytes, code: int
) -> None:
    for pieces in ([frame], [frame[:1], frame[1:]]):
        socket, pipe, heard = open_socket()
        for piece in pieces:
            socket.data_received(piece)
        assert heard == []
        assert pipe.written[0] == 0x88
        assert int.from_bytes(pipe.written[2:4], "big") == code
        socket.data_received(masked("too late", b"abcd"))
        assert heard == []


async def test_within_fragments_a_whole_text_frame_breaks_the_protocol() -> None:
    socket, pipe, heard = open_socket()
    socket.data_received(masked("a beginning", b"abcd", head=0x01))
    socket.data_received(masked("and another", b"abcd"))
    assert heard == []
    assert int.from_bytes(pipe.written[2:4], "big") == 1002


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
async def test_what_we_write_is_what_the_library_would_write(size: int) -> None:
    socket, pipe, _ = open_socket()
    socket.send_text("x" * size)
    assert pipe.written == Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)


async def test_a_binary_message_in_fragments_is_refused_like_a_whole_one(central: Central) -> None:
    station = await central.here()
    await station.socket.send([b'[2,"1","Heart', b'beat",{}]'])
    assert (await station.closed())[0] == 1003


async def test_a_binary_frame_ends_the_connection_with_a_line_that_says_why(
    central: Central,
) -> None:
    station = await central.here()
    with structlog.testing.capture_logs() as logged:
        await station.send(b'[2,"1","Heartbeat",{}]')
        assert await station.closed() == (1003, "OCPP is spoken in text frames")
        assert "1003 OCPP is spoken in text frames" in await closing_line(logged, station.identity)


async def test_the_log_tells_a_lost_line_from_a_station_that_left(central: Central) -> None:
    with structlog.testing.capture_logs() as logged:
        leaving, dropped = await central.here(), await central.here()
        await leaving.socket.close(1000, "good night")
        dropped.drop()
        assert (
            await closing_line(logged, leaving.identity) == "closed by the station: 1000 good night"
        )
        assert await closing_line(logged, dropped.identity) == "connection lost"
    await central.system.dispatch.lanes.drained()
    row = await central.connection_of(dropped.identity)
    assert row["close_reason"] == "connection lost"


async def test_a_station_that_sends_faster_than_allowed_is_read_more_slowly(
    start_central: Starter,
) -> None:
    async with start_central(frames_per_second=200.0, frames_burst=5) as central:
        station = await central.here()
        began = asyncio.get_running_loop().time()
        for _ in range(25):
            await station.call("Heartbeat", {})
        # Twenty frames beyond the burst at 200 a second: never faster, however fast the machine.
        assert asyncio.get_running_loop().time() - began >= 0.095


# ---------------------------------------------------------------------------------------- pings


async def test_a_station_without_a_pong_is_closed_and_one_with_pongs_is_not(
    start_central: Starter,
) -> None:
    async with start_central(ping_interval_s=0.2, pong_timeout_s=0.3) as central:
        deaf, alive = await central.here(), await central.here()
        with structlog.testing.capture_logs() as logged:
            # Its frames are parsed by nobody any more: no pong goes out.
            deaf.socket.transport.pause_reading()
            assert "no pong in time" in await closing_line(logged, deaf.identity)
        assert await alive.call("Heartbeat", {}) == {"currentTime": at(480)}
        assert (await central.connection_of(alive.identity))["closed_at"] is None
        deaf.drop()


# ----------------------------------------------------------------------------------------- TLS


async def test_stations_may_speak_tls_and_an_old_tls_is_refused(
    start_central: Starter, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    issued.private_key_pem.write_to_path(str(key))
    for each in issued.cert_chain_pems:
        each.write_to_path(str(certificate), append=True)
    async with start_central(
        ocpp_tls_port=0, ocpp_tls_cert=certificate, ocpp_tls_key=key
    ) as central:
        identity = await central.station()
        port = central.system.listener.doors.tls_port
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        async with connect(
            f"wss://localhost:{port}/{identity}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            ssl=trusting,
            proxy=None,
        ) as socket:
            await socket.send('[2,"1","Heartbeat",{}]')
            assert "currentTime" in str(await socket.recv())
        old = ssl.create_default_context()
        authority.configure_trust(old)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, OSError)):
            await connect(f"wss://localhost:{port}/{identity}", ssl=old, proxy=None)


# ------------------------------------------------------------------------------------ shutdown


async def test_at_the_end_the_call_in_hand_is_answered_and_sockets_are_closed_with_1001(
    start_central: Starter,
) -> None:
    async with start_central() as central:
        station, idle = await central.here(), await central.here()
        await idle.boot()
        port = central.system.listener.port
        number = await station.start()
        await station.send(
            [
                2,
                "last",
                "StopTransaction",
                {"transactionId": number, "meterStop": 9000, "timestamp": at(60)},
            ]
        )
        await eventually(_has_call(central, station.identity))
        stopping = asyncio.gather(central.system.listener.stop())
        assert await station.answer_to("last") == [3, "last", {}]
        assert await station.closed() == (1001, "the central system stops")
        assert (await idle.closed())[0] == 1001
        await stopping
        with pytest.raises(OSError, match=r"refused|Connect"):
            await asyncio.open_connection("127.0.0.1", port)


def _has_call(central: Central, identity: str) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        connection = central.system.connections.get(StationId(identity))
        assert connection is not None
        stored = await central.only_transaction(identity)
        return connection._handling is not None or stored.state == "ended"

    return ask


async def test_an_unknown_action_is_not_implemented_in_any_version(central: Central) -> None:
    for version in OcppVersion:
        station = await central.here(version)
        with pytest.raises(Refused) as told:
            await station.call("MakeCoffee", {})
        assert told.value.code == "NotImplemented"
