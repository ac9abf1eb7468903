"""The listener: accepts, authenticates, reads and writes; the only file that imports `websockets`.

A refused upgrade says why in its answer and in one line of the log. Pings are ours: one sweep for
all sockets, with a deadline for the pong.
"""

import asyncio
import http
import logging
import struct
from collections.abc import Callable, Sequence
from ssl import SSLContext
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, OPEN, Event
from websockets.typing import BytesLike, Subprotocol

from csms import passwords
from csms.admission import (
    Admitted,
    Refusal,
    admit,
    credentials_of,
    identity_of,
    version_of,
)
from csms.connection import (
    CLOSE_GOING_AWAY,
    CLOSE_POLICY,
    CLOSE_TRY_AGAIN,
    StationConnection,
    Surroundings,
)
from csms.connections import Connections
from csms.dispatch import Introduction, Knock, NewPasswordUsed
from csms.doors import Authorities, Doors
from csms.line import BY_PROXY, by_proxy, line_of, note_above, note_below
from csms.reports import OcppVersion
from csms.store import Access, Closed, Opened
from csms.vendors import profile_of, shipped
from foundation import metrics
from foundation.clock import Clock
from foundation.database import DatabaseAway
from foundation.settings import Onboarding, Settings
from foundation.tasks import OnEnd, Tasks

log = structlog.get_logger(__name__)

_CLOSE_UNSUPPORTED_DATA = 1003
_CLOSE_INVALID_DATA = 1007
_CLOSE_TOO_BIG = 1009
_FINAL_TEXT = 0x81
_MASKED = 0x80
_TWO_BYTES_MORE = 126
_SHORTEST = 8  # bytes: a header of the longer kind
_SIZE_IN_TWO_BYTES = 0xFFFF
_HEAD_2 = struct.Struct("!BB").pack
_HEAD_4 = struct.Struct("!BBH").pack
_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_FRAGMENTS_MAX = 1024
"""Fragments of one message at most."""
_EARLY_MAX = 16
"""Messages that may come before their connection is on record; then reading pauses."""
_WRITE_BUFFER_MAX = 1024 * 1024
"""Bytes that may wait for a station that does not read; then it is closed."""


Receiver = Callable[[str | None], None]
"""Takes a message's text; None for a binary message."""


class StationSocket(ServerConnection):
    """A socket that hands its messages on as they arrive, can be written without waiting, and
    knows when a pong is overdue.

    Messages do not pass through the library's own queue: waking a task for each would cost more
    than all the rest of reading. They go straight to the receiver; until there is one, they wait.
    """

    listener: "Listener"
    admitted: Admitted
    version: OcppVersion
    offered: str
    ping_sent_at: float | None = None
    closing: tuple[int, str] | None = None
    is_refused: bool = False
    """Whether the upgrade was refused in words of ours, and logged."""

    tasks: Tasks
    _receiver: Receiver | None = None
    _longest = 0  # bytes of a message
    _early: tuple[str | None, ...] = ()
    _parts: tuple[bytes, ...] = ()
    _is_text = True

    async def handshake(self, *given: Any, **named: Any) -> None:
        """Shake hands; a failure that nobody else tells of is logged with its reason."""
        self.listener.knocking(self)
        try:
            await super().handshake(*given, **named)
        except asyncio.CancelledError:
            self.listener.failed(self, "the upgrade took too long")
            raise
        finally:
            self.listener.has_knocked(self)
        if self.protocol.state is not OPEN and not self.is_refused:
            failure = self.protocol.handshake_exc
            self.listener.failed(self, str(failure) if failure else "closed by the station")

    def data_received(self, data: bytes) -> None:
        """Take bytes in; one whole text frame, which is nearly always what comes, the short way.

        The library's parser is asked about everything else: it then stands between two frames,
        so that it need not know of those which passed it by.
        """
        text = None if self._receiver is None else self._whole_text(data)
        if self._receiver is None or text is None:
            super().data_received(data)
        else:
            self._receiver(text)

    def _whole_text(self, data: bytes) -> str | None:
        """Return the text of data that is exactly one masked, final text frame; else None."""
        length = len(data)
        if length < _SHORTEST or data[0] != _FINAL_TEXT:
            return None
        size = data[1] - _MASKED  # what is not masked becomes negative
        start = 6
        if size == _TWO_BYTES_MORE:
            size, start = data[2] << 8 | data[3], 8
        protocol = self.protocol
        if (
            length != start + size
            or size > self._longest
            or protocol.reader.buffer
            or protocol.current_size is not None
            or protocol._state is not OPEN  # noqa: SLF001 - its property costs more
        ):
            return None
        try:
            return str(apply_mask(data[start:], data[start - 4 : start]), "utf-8")
        except UnicodeDecodeError:
            return None

    def process_event(self, event: Event) -> None:
        if not isinstance(event, Frame):
            super().process_event(event)
        elif event.opcode is Opcode.TEXT and event.fin:
            self._hand_on(event.data)
        elif event.opcode in _DATA:
            if event.opcode is not Opcode.CONT:
                self._is_text, self._parts = event.opcode is Opcode.TEXT, ()
            self._parts += (bytes(event.data),)
            if event.fin:
                whole, self._parts = b"".join(self._parts), ()
                self._hand_on(whole if self._is_text else None)
            elif len(self._parts) >= _FRAGMENTS_MAX:
                self._fail(_CLOSE_TOO_BIG, "too many fragments")
        else:
            if event.opcode is Opcode.PONG:
                self.ping_sent_at = None
            super().process_event(event)

    def _hand_on(self, data: BytesLike | None) -> None:
        """Give a message to the receiver, or keep it until there is one."""
        try:
            text = None if data is None else str(data, "utf-8")
        except UnicodeDecodeError as error:
            self._fail(_CLOSE_INVALID_DATA, f"{error.reason} at position {error.start}")
            return
        if self._receiver is not None:
            self._receiver(text)
            return
        self._early += (text,)
        if len(self._early) >= _EARLY_MAX:
            self.transport.pause_reading()

    def receive_by(self, receiver: Receiver) -> None:
        """Hand every message to the receiver from now on, first those that came before."""
        self.transport.resume_reading()
        self._receiver = receiver
        self._longest = self.protocol.max_message_size or 0
        early, self._early = self._early, ()
        for text in early:
            receiver(text)

    def _fail(self, code: int, reason: str) -> None:
        """End a connection whose peer breaks the websocket's own rules."""
        self.protocol.fail(code, reason)
        self.send_data()

    def send_text(self, text: str) -> None:
        """Write a frame; closes a socket whose peer does not read."""
        if self.closing is not None or self.protocol._state is not OPEN:  # noqa: SLF001 - as above
            return
        data = text.encode("utf-8", "replace")
        size = len(data)
        # Nothing of the library's own can wait here: it is written whenever it is made. And we
        # use no extensions, so that a short frame is these bytes and no others.
        if size < _TWO_BYTES_MORE:
            self.transport.write(_HEAD_2(_FINAL_TEXT, size) + data)
        elif size <= _SIZE_IN_TWO_BYTES:
            self.transport.write(_HEAD_4(_FINAL_TEXT, _TWO_BYTES_MORE, size) + data)
        else:
            self.protocol.send_text(data)
            self.send_data()
        if self.transport.get_write_buffer_size() > _WRITE_BUFFER_MAX:
            self.begin_close(CLOSE_POLICY, "does not read")

    def send_ping(self, now: float) -> None:
        """Write a ping, unless one is under way."""
        if self.protocol.state is OPEN and self.ping_sent_at is None:
            self.ping_sent_at = now
            self.protocol.send_ping(b"")
            self.send_data()

    def begin_close(self, code: int, reason: str) -> None:
        """Write the close frame and let the station answer it for a while."""
        if self.closing is not None:
            return
        self.closing = (code, reason)

        async def close() -> None:
            await self.close(code, reason)

        self.tasks.start("close a station's socket", close, on_end=OnEnd.FINISH)


class _Writer:
    """The connection's way to its socket."""

    __slots__ = ("_socket",)

    def __init__(self, socket: StationSocket) -> None:
        self._socket = socket

    def send(self, text: str) -> None:
        self._socket.send_text(text)

    def close(self, code: int, reason: str) -> None:
        self._socket.begin_close(code, reason)


class Listener:
    """Accepts stations on a host and port; one more with TLS where the settings say so."""

    def __init__(
        self,
        settings: Settings,
        surroundings: Surroundings,
        connections: Connections,
        clock: Clock,
        tasks: Tasks,
        *,
        node: str,
        authorities: Authorities | None = None,
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._connections = connections
        self._clock = clock
        self._tasks = tasks
        self._node = node
        self.doors = Doors(settings, self._serving, authorities)
        self._handshakes = 0
        self._knocking: dict[StationSocket, None] = {}
        self._failures: dict[tuple[str, str], list[float]] = {}
        self._stopping = False

    @property
    def port(self) -> int:
        """The plain listener's port, also where the settings said 0."""
        return self.doors.port

    async def start(self, *, share_port: bool = False) -> None:
        """Begin to accept.

        Raises:
            OSError: If the address cannot be had, or a file for TLS not be read.
        """
        await self.doors.open(share_port=share_port)

    async def _serving(self, context: SSLContext | None, **where: Any) -> Server:
        settings = self._settings
        return await serve(
            self._serve,  # type: ignore[arg-type]
            process_request=self._upgrade,  # type: ignore[arg-type]
            select_subprotocol=_offered,  # type: ignore[arg-type]
            compression=None,
            create_connection=self._socket,  # type: ignore[arg-type]
            max_size=settings.frame_max_bytes,
            ping_interval=None,
            open_timeout=settings.handshake_timeout_s,
            close_timeout=settings.close_timeout_s,
            server_header=None,
            logger=logging.getLogger("websockets.server"),
            ssl=context,
            backlog=4096,
            **where,
        )

    async def stop(self) -> None:
        """Stop accepting, let the calls in hand be answered, and close every socket."""
        self._stopping = True
        self.doors.close()
        self._connections.leave_all(CLOSE_GOING_AWAY, "the central system stops")
        deadline = self._settings.close_timeout_s + 1
        try:
            async with asyncio.timeout(deadline):
                await self._connections.all_gone()
        except TimeoutError:
            log.warning("listener.sockets_left", connections=len(self._connections))

    # ---------------------------------------------------------------------------- the upgrade

    def _socket(self, *given: Any, **named: Any) -> StationSocket:
        socket = StationSocket(*given, **named)
        socket.listener, socket.tasks = self, self._tasks
        return socket

    def knocking(self, socket: StationSocket) -> None:
        """Remember who has not asked for its upgrade yet; beyond the limit the slowest one goes."""
        self._knocking[socket] = None
        if len(self._knocking) > self._settings.handshakes_max:
            slowest = next(iter(self._knocking))
            self.has_knocked(slowest)
            slowest.transport.abort()

    def has_knocked(self, socket: StationSocket) -> None:
        """Forget a socket that asked for its upgrade, or went."""
        self._knocking.pop(socket, None)

    def failed(self, socket: StationSocket, reason: str) -> None:
        """Tell why an upgrade failed before we could decide on it."""
        metrics.connections_refused.labels("handshake_failed").inc()
        path = socket.request.path[:200] if socket.request else ""
        log.info("upgrade.failed", path=path, remote=_remote(socket), reason=reason)

    async def _upgrade(self, socket: StationSocket, request: Request) -> Response | None:
        """Let a station in (None), or answer why not."""
        self.has_knocked(socket)
        self._handshakes += 1
        try:
            refusal = await self._decide(socket, request)
        except DatabaseAway:
            self._connections.database_went_away()
            refusal = Refusal(503, "database_away", "Try again later.")
        finally:
            self._handshakes -= 1
        if refusal is None:
            return None
        socket.is_refused = True
        metrics.connections_refused.labels(refusal.reason).inc()
        log.info(
            "upgrade.refused",
            path=request.path[:200],
            remote=_remote(socket),
            status=refusal.status,
            reason=refusal.text,
        )
        response = socket.respond(http.HTTPStatus(refusal.status), refusal.text + "\n")
        if refusal.status == http.HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
        if refusal.status in (http.HTTPStatus.TOO_MANY_REQUESTS, 503):
            response.headers["Retry-After"] = "60" if refusal.status == 429 else "5"
        return response

    async def _decide(self, socket: StationSocket, request: Request) -> Refusal | None:
        settings = self._settings
        if self._stopping or self._connections.is_database_away:
            return Refusal(503, "away", "Try again later.")
        if len(self._connections) >= settings.connections_max:
            return Refusal(503, "too_many", "Too many stations are connected here.")
        if self._handshakes > settings.handshakes_max:
            return Refusal(503, "too_many_handshakes", "Too many stations connect right now.")
        _mend_headers(request)
        identity = identity_of(request.path)
        if isinstance(identity, Refusal):
            return identity
        offered = [
            text
            for header in request.headers.get_all("Sec-WebSocket-Protocol")
            for text in header.split(",")
            if text.strip()
        ]
        spoken = version_of(offered)
        if spoken is None:
            if offered or not settings.assume_ocpp16:
                return Refusal(
                    400,
                    "no_subprotocol",
                    "Offer ocpp1.6, ocpp2.0.1 or ocpp2.1 as Sec-WebSocket-Protocol.",
                )
            spoken = ("", OcppVersion.V16)
        credentials = credentials_of(request.headers.get("Authorization"))
        if isinstance(credentials, Refusal):
            return credentials
        if self._is_throttled(identity, socket):
            return Refusal(429, "throttled", "Too many wrong passwords; wait a minute.")
        access: Access | None = await self._surroundings.dispatch.ask(identity, Knock(identity))
        if access is None:
            found = await self._introduce(identity, credentials)
            if isinstance(found, Refusal):
                return found
            access = found
        secured = socket.transport.get_extra_info("ssl_object")
        line = await line_of(secured, access, self._surroundings.dispatch, settings, self._clock)
        if secured is None and by_proxy(
            settings, _remote(socket), request.headers.get("X-Forwarded-Proto")
        ):
            line = BY_PROXY
        admitted = admit(access, identity, credentials, line)
        if isinstance(admitted, Refusal):
            dispatch = self._surroundings.dispatch
            await note_below(admitted, access, _remote(socket), dispatch, self._clock)
            if credentials is not None and admitted.status == http.HTTPStatus.UNAUTHORIZED:
                self._note_failure(identity, socket)
            return admitted
        if admitted.in_hex:
            log.warning("password.in_hex", station_id=access.station)
        if admitted.by_next:
            used = NewPasswordUsed(access.station)
            await self._surroundings.dispatch.ask(access.station, used)
        await note_above(admitted, line, self._surroundings.dispatch, self._clock)
        socket.admitted = admitted
        socket.offered, socket.version = spoken
        return None

    async def _introduce(
        self, identity: str, credentials: tuple[str, bytes] | None
    ) -> Access | Refusal:
        """Take an unknown station down, if the installation does so."""
        if self._settings.onboarding is Onboarding.REFUSE:
            return Refusal(404, "unknown", "This station is not known here.")
        record = None
        if credentials is not None:
            if credentials[0] != identity:
                return Refusal(401, "wrong_credentials", "The user name must be the identity.")
            record = passwords.password_record(credentials[1])
        access: Access | None = await self._surroundings.dispatch.ask(
            identity, Introduction(identity, record, self._clock.now())
        )
        if access is None:
            return Refusal(503, "too_many_waiting", "Too many stations wait for acceptance.")
        log.info("station.introduced", station_id=identity)
        return access

    def _is_throttled(self, identity: str, socket: StationSocket) -> bool:
        key = (identity, _remote(socket))
        recent = [at for at in self._failures.get(key, []) if at > socket.loop.time() - 60]
        if not recent:
            self._failures.pop(key, None)
            return False
        self._failures[key] = recent
        return len(recent) >= self._settings.password_failures_per_minute

    def _note_failure(self, identity: str, socket: StationSocket) -> None:
        if len(self._failures) > 10_000:
            self._failures.clear()
        self._failures.setdefault((identity, _remote(socket)), []).append(socket.loop.time())

    # --------------------------------------------------------------------------- one connection

    async def _serve(self, socket: StationSocket) -> None:
        """Live through one connection."""
        access = socket.admitted.access
        station = access.station
        dispatch = self._surroundings.dispatch
        opened = Opened(station, self._node, socket.version, _remote(socket), self._clock.now())
        try:
            epoch: int = await dispatch.ask(station, opened)
        except DatabaseAway:
            self._connections.database_went_away()
            await socket.close(CLOSE_TRY_AGAIN, "the database is away, try again later")
            return
        connection = StationConnection(
            self._surroundings,
            _Writer(socket),
            station=station,
            version=socket.version,
            epoch=epoch,
            time_zone=access.time_zone,
            profile=profile_of(access.vendor or "", access.model or "", access.firmware, shipped()),
        )
        self._connections.add(connection)
        if self._stopping or self._connections.is_database_away:
            connection.close(CLOSE_TRY_AGAIN, "try again later")
        try:
            await self._read(socket, connection)
        finally:
            reason, by_us = _end_of(socket)
            connection.ended()
            self._connections.remove(connection)
            metrics.connections_closed.labels("by us" if by_us else "by the station").inc()
            log.info("connection.closed", station_id=station, epoch=epoch, reason=reason)
            self._record_end(Closed(station, epoch, reason, self._clock.now()))

    def _record_end(self, closed: Closed) -> None:
        def done(_: Any, error: BaseException | None) -> None:
            # If it could not be written, the next connection's epoch makes it right.
            if error is not None:
                log.info("connection.end_not_written", station_id=closed.station)

        self._surroundings.dispatch.lanes.submit(closed.station, closed, done)

    async def _read(self, socket: StationSocket, connection: StationConnection) -> None:
        """Let the connection have what arrives until the socket is closed, and no faster than the
        settings allow."""
        rate, burst = self._settings.frames_per_second, float(self._settings.frames_burst)
        loop = asyncio.get_running_loop()
        tokens, since = burst, loop.time()
        is_paused = is_slowed = False

        def go_on() -> None:
            nonlocal is_paused
            if is_paused and not is_slowed and not connection.is_crowded:
                is_paused = False
                connection.on_room = None
                socket.transport.resume_reading()

        def speed_up() -> None:
            nonlocal is_slowed
            is_slowed = False
            go_on()

        def receive(text: str | None) -> None:
            nonlocal tokens, since, is_paused, is_slowed
            if text is None:
                connection.close(_CLOSE_UNSUPPORTED_DATA, "OCPP is spoken in text frames")
                return
            connection.receive(text)
            tokens -= 1
            if tokens < 0:
                now = loop.time()
                tokens = min(burst, tokens + (now - since) * rate)
                since = now
                if tokens < 0 and not is_slowed:
                    is_slowed = True
                    loop.call_later(-tokens / rate, speed_up)
            if (is_slowed or connection.rpc.queued) and not is_paused:
                is_paused = is_slowed or connection.is_crowded
                if is_paused:
                    connection.on_room = go_on
                    socket.transport.pause_reading()

        socket.receive_by(receive)
        await socket.wait_closed()

    # -------------------------------------------------------------------------------- the pings

    async def ping(self) -> None:
        """Ping every socket in turn; cut those whose pong is overdue, and those that are being
        closed and do not end. Runs for ever."""
        interval, deadline = self._settings.ping_interval_s, self._settings.pong_timeout_s
        step = min(1.0, interval / 5)
        patience = self._settings.close_timeout_s
        last: dict[StationSocket, float] = {}
        ending: dict[StationSocket, float] = {}
        while True:
            await asyncio.sleep(step)
            now = asyncio.get_running_loop().time()
            alive: dict[StationSocket, float] = {}
            still: dict[StationSocket, float] = {}
            for server in self.doors:
                for socket in server.all_connections:
                    assert isinstance(socket, StationSocket)
                    if socket.protocol.state is not OPEN:
                        # The library waits without end for one that reads nothing any more, and
                        # so do we for one that broke the protocol and does not go.
                        since = still[socket] = ending.get(socket, now)
                        if now - since > patience and socket.protocol.state is not CONNECTING:
                            socket.transport.abort()
                        continue
                    sent = last.get(socket, now)
                    if socket.ping_sent_at is not None and now - socket.ping_sent_at > deadline:
                        socket.closing = socket.closing or (1006, "no pong in time")
                        socket.transport.abort()
                        continue
                    if now - sent >= interval:
                        socket.send_ping(now)
                        sent = now
                    alive[socket] = sent
            last, ending = alive, still


def _offered(socket: StationSocket, _: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol(socket.offered) if socket.offered else None


def _remote(socket: StationSocket) -> str:
    address = socket.remote_address
    return str(address[0]) if address else ""


def _end_of(socket: StationSocket) -> tuple[str, bool]:
    """Return why a connection ended, and whether we ended it."""
    if socket.closing is not None:
        return f"closed by us: {socket.closing[0]} {socket.closing[1]}", True
    received, sent = socket.protocol.close_rcvd, socket.protocol.close_sent
    if sent is not None and (received is None or not socket.protocol.close_rcvd_then_sent):
        # A frame that the protocol forbids: too big, not in UTF-8, ...
        return f"closed by us: {sent.code} {sent.reason}".strip(), True
    if received is not None:
        return f"closed by the station: {received.code} {received.reason}".strip(), False
    return "connection lost", False


def _mend_headers(request: Request) -> None:
    """Overlook a missing Upgrade or Connection header where the key shows what is meant."""
    if "Sec-WebSocket-Key" not in request.headers:
        return
    if "Connection" not in request.headers:
        request.headers["Connection"] = "Upgrade"
    if "Upgrade" not in request.headers:
        request.headers["Upgrade"] = "websocket"
