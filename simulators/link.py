"""One socket to a central system, in two builds: on the `ocpp` package, and lean for load.

Both keep one call outstanding, answer the central system's calls through an `Answerer`, and fail
with the same three exceptions.
"""

import asyncio
import base64
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, is_dataclass
from ssl import SSLContext
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from ocpp.charge_point import remove_nones, snake_to_camel_case
from ocpp.exceptions import InternalError as OcppInternalError
from ocpp.exceptions import NotImplementedError as OcppNotImplemented
from ocpp.exceptions import OCPPError
from ocpp.messages import MessageType
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v201 import ChargePoint as ChargePoint201
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

_LOGGER = logging.getLogger("simulators")
_OCPP_LOGGER = logging.getLogger("simulators.ocpp")
# What goes wrong on the wire is reported to the caller; the package would log it twice more.
_OCPP_LOGGER.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in snake_case, and what becomes of it on its way.

    `answer` is None for a CALLERROR: `NotImplemented`, or `InternalError` if `is_refused`. The
    answer leaves after `delay_s`, or never if it is silent; `cuts` ends the socket instead.
    """

    answer: dict[str, Any] | None
    is_refused: bool = False
    delay_s: float = 0.0
    is_silent: bool = False
    cuts: bool = False

    @property
    def is_prompt(self) -> bool:
        return not (self.delay_s or self.is_silent or self.cuts)


class Answerer(Protocol):
    """Whoever answers a central system's calls."""

    def answer(self, action: str, payload: Mapping[str, Any], message_id: str) -> Reply:
        """Return the answer to a payload in snake_case.

        It must not wait for a call of its own: what follows from a command is done later.
        """
        ...

    def answered(self, message_id: str) -> None:
        """The answer has left, or never will: what follows from it may begin."""
        ...


class LinkLost(Exception):
    """The socket is gone, or could not be opened; a call in hand has an unknown fate."""


class NoAnswer(Exception):
    """The central system did not answer in time; the call has an unknown fate."""


class CallRefused(Exception):
    """The central system answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        super().__init__(f"{code}: {description}")


class BadAnswer(Exception):
    """The central system's answer breaks the schema of its version."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where and as whom to connect; `url` is the central system's without the identity."""

    url: str
    identity: str
    password: str | None = field(repr=False)
    subprotocol: str
    open_timeout_s: float = 10.0
    answer_timeout_s: float = 30.0
    tls: SSLContext | None = field(default=None, repr=False)
    """Whom to trust, and which certificate to show, where the URL begins with `wss`."""


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


class Link(Protocol):
    """One open socket."""

    cut_after_next_send: bool
    """The next frame still leaves, and its answer is never heard."""

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Ask the central system and return its answer, both as on the wire.

        Raises:
            LinkLost, NoAnswer, CallRefused, BadAnswer
        """
        ...

    @property
    def is_open(self) -> bool: ...

    @property
    def closed(self) -> "asyncio.Future[None]":
        """Done once the socket is gone."""
        ...

    async def close(self) -> None:
        """Say goodbye; returns when nothing runs any more."""
        ...

    def cut(self) -> None:
        """Be gone at once, as if the cable had been cut."""
        ...


async def _open_socket(address: Address) -> ClientConnection:
    headers = {}
    if address.password is not None:
        pair = f"{address.identity}:{address.password}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    more: dict[str, Any] = {} if address.tls is None else {"ssl": address.tls}
    try:
        socket = await connect(
            f"{address.url.rstrip('/')}/{quote(address.identity, safe='')}",
            subprotocols=[Subprotocol(address.subprotocol)],
            additional_headers=headers,
            compression=None,
            proxy=None if is_loopback(address.url) else True,
            open_timeout=address.open_timeout_s,
            ping_interval=None,
            close_timeout=2,
            max_size=2**20,
            user_agent_header=None,
            **more,
        )
    except (OSError, InvalidHandshake, InvalidMessage, ConnectionClosed, EOFError) as error:
        raise LinkLost(f"{address.identity} cannot connect: {error}") from error
    if socket.subprotocol != address.subprotocol:
        await socket.close(1002)
        raise LinkLost(f"{address.identity}: {address.subprotocol} was not agreed to")
    return socket


class _Socket:
    """What both builds share: the socket, the task that reads it, and its end."""

    def __init__(self, socket: ClientConnection, answerer: Answerer) -> None:
        self._socket = socket
        self._answerer = answerer
        self._late: set[asyncio.Task[None]] = set()
        self.cut_after_next_send = False
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._reader = loop.create_task(self._serve())

    @property
    def is_open(self) -> bool:
        return not self.closed.done()

    async def close(self) -> None:
        await self._socket.close()
        await self._reader

    def cut(self) -> None:
        self._socket.transport.abort()

    def _after_send(self) -> None:
        if self.cut_after_next_send:
            # Not `abort`: what was written must still go out.
            self._socket.transport.close()

    async def _reply(self, message_id: str, reply: Reply, text: str) -> None:
        """Let an answer go its way, as prompt as it is meant to be."""
        if reply.delay_s:
            # Somebody else's turn meanwhile: a late answer must not hold up what is read.
            late = asyncio.get_running_loop().create_task(self._reply_late(message_id, reply, text))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            return
        if reply.cuts:
            self.cut()
        elif not reply.is_silent:
            await self._socket.send(text)
        self._answerer.answered(message_id)

    async def _reply_late(self, message_id: str, reply: Reply, text: str) -> None:
        await asyncio.sleep(reply.delay_s)
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            _LOGGER.debug("nobody was left to hear a late answer")
        self._answerer.answered(message_id)

    async def _serve(self) -> None:
        try:
            await self._read()
        except (ConnectionClosed, OSError):
            pass
        except (ValueError, LookupError, TypeError) as error:
            _LOGGER.warning("cut off: the other side sent what is no OCPP frame: %s", error)
            self.cut()
        finally:
            for late in self._late:
                # Nobody is left to hear it, so it is not given, and nothing follows from it.
                late.cancel()
            if not self.closed.done():
                self.closed.set_result(None)
            self._lost()

    async def _read(self) -> None:
        raise NotImplementedError

    def _lost(self) -> None:
        """The socket is gone: whoever waits must hear of it."""


# ------------------------------------------------------------------- on the ocpp package


class _Extras:
    """What we add to the package's charge points, whatever the version.

    A method named `start` would silently take the place of the package's read loop.
    """

    _call: Any
    _call_result: Any
    call: Any
    start: Any
    route_map: dict[str, dict[str, Any]]
    last_answer: dict[str, Any]
    after_send: Callable[[], None]
    reply: Callable[[str, Reply, str], Awaitable[None]]
    replies: dict[str, Reply]

    async def _send(self, text: str) -> None:
        if self.replies:
            kind, message_id, *_ = json.loads(text)
            reply = self.replies.pop(message_id, None) if kind in _ANSWERS else None
            if reply is not None:
                await self.reply(message_id, reply, text)
                return
        await super()._send(text)  # type: ignore[misc]
        self.after_send()

    def request(self, action: str, payload: dict[str, Any]) -> object:
        """Return the package's own value for a payload as it goes over the wire."""
        return getattr(self._call, action)(**_snake_keys(payload))

    def route_all(self, answerer: Answerer, *, validate: bool) -> None:
        """Have every action that the version knows answered by the answerer."""
        for action, kind in vars(self._call_result).items():
            if is_dataclass(kind):
                self.route_map[action] = {
                    "_on_action": self._handler(action, answerer),
                    "_skip_schema_validation": not validate,
                }

    def _handler(self, action: str, answerer: Answerer) -> Callable[..., Any]:
        def handle(call_unique_id: str, **payload: object) -> Any:
            reply = answerer.answer(action, payload, call_unique_id)
            self.replies[call_unique_id] = reply
            if reply.is_refused:
                raise OcppInternalError(description=f"{action} went wrong")
            if reply.answer is None:
                raise OcppNotImplemented(description=f"{action} is not simulated")
            return getattr(self._call_result, action)(**reply.answer)

        return handle

    async def _handle_call(self, message: Any) -> None:
        # The package stays silent on unknown actions of 2.1; silence blocks the other side.
        if message.action not in self.route_map:
            raise OcppNotImplemented(description=f"{message.action} is not simulated")
        await super()._handle_call(message)  # type: ignore[misc]

    async def _get_specific_response(self, unique_id: str, timeout: float) -> Any:
        response = await super()._get_specific_response(unique_id, timeout)  # type: ignore[misc]
        if response.message_type_id == MessageType.CallError:
            raise CallRefused(response.error_code, response.error_description)
        self.last_answer = response.payload
        return response


_ANSWERS = {MessageType.CallResult, MessageType.CallError}


class _Point16(_Extras, ChargePoint16):  # type: ignore[misc]
    pass


class _Point201(_Extras, ChargePoint201):  # type: ignore[misc]
    pass


class _Point21(_Extras, ChargePoint21):  # type: ignore[misc]
    pass


_POINTS = {"ocpp1.6": _Point16, "ocpp2.0.1": _Point201, "ocpp2.1": _Point21}


class OcppLink(_Socket):
    """A link on the `ocpp` package; `validate` holds all frames, ours and theirs, to the schema."""

    def __init__(
        self, socket: ClientConnection, address: Address, answerer: Answerer, *, validate: bool
    ) -> None:
        self._point = _POINTS[address.subprotocol](
            address.identity, socket, address.answer_timeout_s, _OCPP_LOGGER
        )
        self._point.route_all(answerer, validate=validate)
        self._point.after_send = self._after_send
        self._point.reply = self._reply
        self._point.replies = {}
        self._validate = validate
        super().__init__(socket, answerer)

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        request = self._point.request(action, payload)
        asking = asyncio.get_running_loop().create_task(self._ask(request))
        try:
            waits: set[asyncio.Future[Any]] = {asking, self.closed}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not asking.done():
                asking.cancel()
        try:
            return await asking
        except asyncio.CancelledError:
            if asking.cancelled() and self.closed.done():
                raise LinkLost("the socket closed before the answer came") from None
            raise

    async def _ask(self, request: object) -> dict[str, Any]:
        try:
            await self._point.call(
                request, suppress=False, skip_schema_validation=not self._validate
            )
        except TimeoutError as error:
            raise NoAnswer(str(error)) from error
        except ConnectionClosed as error:
            raise LinkLost(str(error)) from error
        except (OCPPError, TypeError) as error:
            raise BadAnswer(str(error)) from error
        return self._point.last_answer

    async def _read(self) -> None:
        await self._point.start()


async def open_ocpp(address: Address, answerer: Answerer, *, validate: bool = True) -> Link:
    """Connect through the `ocpp` package.

    Raises:
        LinkLost: If nobody listens there, or we are refused.
    """
    return OcppLink(await _open_socket(address), address, answerer, validate=validate)


def _snake_keys(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload with the outermost keys as the package's dataclasses name them."""
    return {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key): value
        for key, value in payload.items()
    }


# ------------------------------------------------------------------- lean


class LeanLink(_Socket):
    """A link without the package: plain frames, nothing checked, for thousands of stations."""

    def __init__(self, socket: ClientConnection, address: Address, answerer: Answerer) -> None:
        self._answer_timeout_s = address.answer_timeout_s
        self._turn = asyncio.Lock()
        self._waiting: tuple[str, asyncio.Future[list[Any]]] | None = None
        super().__init__(socket, answerer)

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        async with self._turn:
            if self.closed.done():
                raise LinkLost("the socket is closed")
            message_id = str(uuid.uuid4())
            answered: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
            self._waiting = (message_id, answered)
            try:
                async with asyncio.timeout(self._answer_timeout_s):
                    await self._socket.send(_dump([2, message_id, action, payload]))
                    self._after_send()
                    frame = await answered
            except TimeoutError as error:
                raise NoAnswer(f"no answer to {action}") from error
            except ConnectionClosed as error:
                raise LinkLost(str(error)) from error
            finally:
                self._waiting = None
        if not frame:
            raise LinkLost("the socket closed before the answer came")
        if frame[0] == 4:
            raise CallRefused(str(frame[2]), str(frame[3]))
        if not isinstance(frame[2], dict):
            raise BadAnswer(f"the answer to {action} is no object")
        return frame[2]

    async def _read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            if frame[0] == 2:
                reply = self._answerer.answer(frame[2], _snake_deep(frame[3]), frame[1])
                await self._reply(frame[1], reply, _dump(_answer_to(frame, reply)))
            elif self._waiting is not None and self._waiting[0] == frame[1]:
                if not self._waiting[1].done():
                    self._waiting[1].set_result(frame)
            else:
                _LOGGER.debug("an answer to a call that nobody waits for: %s", frame[1])

    def _lost(self) -> None:
        if self._waiting is not None and not self._waiting[1].done():
            # Not an exception: nobody might be left to look at it.
            self._waiting[1].set_result([])


async def open_lean(address: Address, answerer: Answerer) -> Link:
    """Connect without the package.

    Raises:
        LinkLost: If nobody listens there, or we are refused.
    """
    return LeanLink(await _open_socket(address), address, answerer)


Opener = Callable[[Address, Answerer], Awaitable[Link]]


def _answer_to(frame: list[Any], reply: Reply) -> list[Any]:
    if reply.is_refused:
        return [4, frame[1], "InternalError", f"{frame[2]} went wrong", {}]
    if reply.answer is None:
        return [4, frame[1], "NotImplemented", f"{frame[2]} is not simulated", {}]
    return [3, frame[1], remove_nones(snake_to_camel_case(reply.answer))]


def _dump(frame: list[Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))


def _snake_deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _snake_deep(item) for key, item in _snake_keys(value).items()}
    if isinstance(value, list):
        return [_snake_deep(item) for item in value]
    return value
