"""The tunnel: a listener of its own, by which people see stations' own pages while they may.

A page may do in a browser whatever it likes, as any stranger's. So it is never of the portal's
origin: it has a host name of its own for each opening, its own listener that knows no route of the
portal, and answers that are fenced in (`portal.tunnel_headers`). Whoever opened it is asked for on
every request; a connection that is open is cut when his access ends, he loses a right, signs out,
or ends it himself. Each request has a connection of its own, on both sides, so that nothing of one
is left for the next.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final
from urllib.parse import parse_qs, urlsplit

import h11
import httpcore

from foundation.errors import Unavailable
from foundation.inner_http import InnerAnswer, InnerHttp, InnerTargetAway, InnerTargetRefused
from foundation.inner_http import target_of as target_of_url
from foundation.networks import networks
from portal import tunnel_doors
from portal.context import PortalContext
from portal.tunnel_headers import (
    COOKIE,
    LeadsElsewhere,
    answered,
    asked,
    cookie_of,
    fences,
    is_of_the_page,
    is_upgrade,
)
from portal.tunnel_pace import Pace
from portal.words import marked, preferred_language, words
from support import remote_pages
from support.remote_pages import Opening, WhyEnded

LOOK_EVERY_S: Final = 1.0
"""How long a connection may outlive somebody's access."""
HEAD_S: Final = 15.0
"""How long a browser may take to say what it wants."""
_HEAD_BYTES: Final = 64 * 1024
_CHUNK: Final = 64 * 1024
_CONNECTIONS: Final = 500
_SAFE: Final = (b"GET", b"HEAD", b"OPTIONS")
_STOPS_S: Final = 2.0

CLOSED: Final = marked("This page is closed. Open it again from the station's page in the portal.")
AWAY: Final = marked("The page does not answer.")
ELSEWHERE: Final = marked("The page leads to an address that nobody entered.")
BUSY: Final = marked("Too much at once. Wait a moment, then load the page again.")
TOO_LARGE: Final = marked("This is too large to be sent.")
REFUSED: Final = marked("This was not asked for by the page itself.")


@dataclass(eq=False)
class _Live:
    """A connection that is open, and what it has carried since that was last written down."""

    opening: int
    task: asyncio.Task[object]
    requests: int = 1
    up: int = 0
    down: int = 0


@dataclass
class _Load:
    """What an opening may still ask and carry."""

    requests: Pace
    bytes: Pace
    live: set[_Live] = field(default_factory=set)


class _Refusal(Exception):
    """A request that is answered by ourselves."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(text)


class _TooMuch(Exception):
    """An answer is larger than any may be: its connection is cut."""


class _LineEnded(Exception):
    """One side of a websocket went away."""


@dataclass(frozen=True, slots=True)
class _Browser:
    """The browser's side of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection
    timeout_s: float

    async def event(self) -> h11.Event:
        """Return what comes next."""
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                if self.http.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                self.http.receive_data(await self.reader.read(_CHUNK))
                continue
            assert not isinstance(event, type)
            return event

    async def send(self, event: h11.Event) -> None:
        """Send a part of the answer; wait while the browser does not take it."""
        data = self.http.send(event)
        if data:
            await self.write(data)

    async def write(self, data: bytes) -> None:
        """Send bytes; a browser that does not take them in time is given up."""
        self.writer.write(data)
        async with asyncio.timeout(self.timeout_s):
            await self.writer.drain()


class Tunnel:
    """The listener, and the watch over what is open.

    Args:
        context: The portal's.
        elapsed_s: Monotonic seconds, for what may be carried.
    """

    def __init__(
        self, context: PortalContext, *, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        settings = context.settings
        assert settings.tunnel_url is not None
        self._context = context
        self._settings = settings
        self._elapsed_s = elapsed_s
        self._allowed = networks(settings.tunnel_networks)
        self._http = InnerHttp(allowed=self._allowed, timeout_s=settings.tunnel_timeout_s)
        self._hosts = urlsplit(settings.tunnel_url.replace("{}", "x")).netloc[1:]
        self._loads: dict[int, _Load] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; return the port.

        Raises:
            OSError: If the port cannot be had.
        """
        self._server = await asyncio.start_server(
            self._connected, self._settings.tunnel_host, self._settings.tunnel_port
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more, and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOPS_S)
        await self._write_down()

    async def settled(self) -> None:
        """Wait until no connection is open any more, and what they carried is written down."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # ------------------------------------------------------------------------- the watch

    async def watch(self) -> None:
        """Look again and again, for as long as the program runs."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Write down what was carried, end what may not go on, and cut its connections."""
        await self._write_down()
        mine = set(self._loads)  # what is opened meanwhile is not known to what is read now
        now = self._context.clock.now()
        idle_s = self._settings.tunnel_idle_s
        async with self._context.database.unit_of_work() as db:
            known = await remote_pages.open_ones(db)
        going_on = set()
        for each in known:
            why = None
            is_live = bool(each.id in self._loads and self._loads[each.id].live)
            async with self._context.database.unit_of_work() as db:
                if (now - each.last_used_at).total_seconds() >= idle_s:
                    why = WhyEnded.IDLE
                elif is_live and not await tunnel_doors.may_go_on(
                    db, self._context, each, now=now, is_click=False
                ):
                    why = WhyEnded.LOST
                if why is not None:
                    await tunnel_doors.end(db, each.id, why, now=now)
            if why is None:
                going_on.add(each.id)
        for number in mine - going_on:
            load = self._loads.pop(number, None)
            for live in () if load is None else tuple(load.live):
                live.task.cancel()

    async def _write_down(self) -> None:
        for load in list(self._loads.values()):
            for live in list(load.live):
                await self._write(live)

    async def _write(self, live: _Live) -> None:
        requests, up, down = live.requests, live.up, live.down
        live.requests = live.up = live.down = 0
        if not (requests or up or down):
            return
        async with self._context.database.unit_of_work() as db:
            await remote_pages.note_use(
                db,
                live.opening,
                requests=requests,
                up=up,
                down=down,
                now=self._context.clock.now(),
            )

    # ------------------------------------------------------------------------- a connection

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= _CONNECTIONS:
            writer.transport.abort()
            return
        self._tasks.add(task)
        browser = _Browser(
            reader,
            writer,
            h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES),
            self._settings.tunnel_timeout_s,
        )
        try:
            await self._answer(browser)
            writer.close()
        except (OSError, TimeoutError, h11.ProtocolError, Unavailable, _TooMuch):
            writer.transport.abort()
        except asyncio.CancelledError:
            # It is cut, at once: what is not sent yet is not for him any more. The task is only
            # this connection's, so nobody waits for its cancellation.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _answer(self, browser: _Browser) -> None:
        async with asyncio.timeout(HEAD_S):
            head = await browser.event()
        if not isinstance(head, h11.Request):
            return
        headers = list(head.headers)
        try:
            await self._serve(browser, head, headers)
        except _Refusal as refusal:
            accepted = dict(headers).get(b"accept-language", b"").decode("latin-1")
            await _say(
                browser, refusal, preferred_language(accepted), has_body=head.method != b"HEAD"
            )

    async def _serve(
        self, browser: _Browser, head: h11.Request, headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        label = self._label(headers)
        if label is None:
            raise _Refusal(404, CLOSED)
        own = tunnel_doors.origin_of(self._settings, label)
        path, _, query = head.target.partition(b"?")
        if path == tunnel_doors.ENTER.encode():
            await self._enter(browser, label, own, query)
            return
        upgrades = is_upgrade(headers)
        needs_origin = upgrades or head.method not in _SAFE
        if not is_of_the_page(headers, own, needs_origin=needs_origin):
            raise _Refusal(403, REFUSED)
        if b"service-worker" in dict(headers):
            raise _Refusal(403, REFUSED)  # it would outlive the opening
        opening = await self._opening(label, cookie_of(headers))
        if not head.target.startswith(b"/"):
            raise _Refusal(400, REFUSED)
        load = self._load(opening.id)
        if len(load.live) >= self._settings.tunnel_connections_max:
            raise _Refusal(429, BUSY)
        if not load.requests.take_if_there(1):
            raise _Refusal(429, BUSY)
        task = asyncio.current_task()
        assert task is not None
        live = _Live(opening.id, task)
        load.live.add(live)
        try:
            await self._forward(browser, head, headers, opening, own, live, load)
        finally:
            load.live.discard(live)
            await self._write(live)

    def _label(self, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        """Return the opening's part of the host name that was asked for; None: another host."""
        host = dict(headers).get(b"host", b"").decode("latin-1").lower()
        label, _, rest = host.partition(".")
        return label if f".{rest}" == self._hosts and label.isalnum() else None

    def _load(self, number: int) -> _Load:
        if number not in self._loads:
            settings = self._settings
            self._loads[number] = _Load(
                Pace(
                    settings.tunnel_requests_per_minute / 60,
                    settings.tunnel_requests_per_minute,
                    elapsed_s=self._elapsed_s,
                ),
                Pace(
                    settings.tunnel_bytes_per_second,
                    settings.tunnel_bytes_per_second,
                    elapsed_s=self._elapsed_s,
                ),
            )
        return self._loads[number]

    async def _enter(self, browser: _Browser, label: str, own: str, query: bytes) -> None:
        """Use a ticket up: from here on the browser has a cookie of this host name."""
        ticket = parse_qs(query.decode("latin-1")).get("ticket", [""])[0]
        now = self._context.clock.now()
        async with self._context.database.unit_of_work() as db:
            secret = await remote_pages.redeem(db, label, ticket, now)
            opening = None if secret is None else await remote_pages.used_by(db, label, secret)
        if secret is None or opening is None:
            raise _Refusal(403, CLOSED)
        cookie = f"{COOKIE.decode()}={secret}; Path=/; HttpOnly; SameSite=Lax"
        if own.startswith("https://"):
            cookie += "; Secure"
        target = target_of_url(opening.url, self._allowed)
        answer = [
            (b"location", target.path.encode()),
            (b"set-cookie", cookie.encode()),
            (b"content-length", b"0"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        await browser.send(h11.Response(status_code=303, headers=answer))
        await browser.send(h11.EndOfMessage())

    async def _opening(self, label: str, secret: str | None) -> Opening:
        """Return what the browser opened, if whoever did still may; its end is written down.

        Raises:
            _Refusal: If it is over.
        """
        now = self._context.clock.now()
        if secret is None:
            raise _Refusal(403, CLOSED)
        async with self._context.database.unit_of_work() as db:
            found = await remote_pages.used_by(db, label, secret)
            if found is None:
                raise _Refusal(403, CLOSED)
            may = await tunnel_doors.may_go_on(db, self._context, found, now=now, is_click=True)
            if not may:
                await tunnel_doors.end(db, found.id, WhyEnded.LOST, now=now)
        if not may:
            raise _Refusal(403, CLOSED)
        return found

    # ------------------------------------------------------------------------- to the page

    async def _forward(
        self,
        browser: _Browser,
        head: h11.Request,
        headers: Sequence[tuple[bytes, bytes]],
        opening: Opening,
        own: str,
        live: _Live,
        load: _Load,
    ) -> None:
        body = await self._body(browser, live, load)
        upgrades = is_upgrade(headers)
        try:
            target = target_of_url(opening.url, self._allowed)
            async with self._http.ask(
                target,
                head.method,
                head.target,
                asked(
                    headers,
                    own=own,
                    target=target.origin,
                    host=target.host_header,
                    upgrades=upgrades,
                ),
                body,
                checks_certificate=opening.checks_certificate,
            ) as answer:
                is_line = answer.line is not None
                if is_line and not upgrades:
                    raise _Refusal(502, AWAY)
                got = answered(
                    answer.headers,
                    own=own,
                    target=target.origin,
                    path=head.target.decode("latin-1"),
                    upgrades=is_line,
                )
                if is_line:
                    await self._relay(browser, answer, got, live, load)
                else:
                    await self._pass_on(browser, answer, got, live, load)
        except LeadsElsewhere:
            raise _Refusal(502, ELSEWHERE) from None
        except (InnerTargetAway, InnerTargetRefused):
            if browser.http.our_state is not h11.SEND_RESPONSE:
                raise _TooMuch from None  # the answer is half out: only cutting tells that
            raise _Refusal(502, AWAY) from None

    async def _body(self, browser: _Browser, live: _Live, load: _Load) -> bytes:
        """Take the whole body, so that a slow browser holds no connection of a station's."""
        parts = bytearray()
        async with asyncio.timeout(self._settings.tunnel_timeout_s * 4):
            while True:
                event = await browser.event()
                if isinstance(event, h11.Data):
                    parts += event.data
                    live.up += len(event.data)
                    if len(parts) > self._settings.tunnel_request_max_bytes:
                        raise _Refusal(413, TOO_LARGE)
                    await self._wait(load, len(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    return bytes(parts)
                else:
                    raise h11.RemoteProtocolError("the browser went away")

    async def _pass_on(
        self,
        browser: _Browser,
        answer: InnerAnswer,
        headers: list[tuple[bytes, bytes]],
        live: _Live,
        load: _Load,
    ) -> None:
        await browser.send(h11.Response(status_code=answer.status, headers=headers))
        passed = 0
        async for chunk in answer.chunks:
            passed += len(chunk)
            live.down += len(chunk)
            if passed > self._settings.tunnel_answer_max_bytes:
                raise _TooMuch
            await self._wait(load, len(chunk))
            await browser.send(h11.Data(data=chunk))
        await browser.send(h11.EndOfMessage())

    async def _relay(
        self,
        browser: _Browser,
        answer: InnerAnswer,
        headers: list[tuple[bytes, bytes]],
        live: _Live,
        load: _Load,
    ) -> None:
        """Carry bytes both ways, until one side goes away."""
        line = answer.line
        assert line is not None
        await browser.send(h11.InformationalResponse(status_code=101, headers=headers))
        early, _ = browser.http.trailing_data

        async def up() -> None:
            data = early or await browser.reader.read(_CHUNK)
            while data:
                live.up += len(data)
                await self._wait(load, len(data))
                await line.write(data, timeout=self._settings.tunnel_timeout_s)
                data = await browser.reader.read(_CHUNK)
            raise _LineEnded

        async def down() -> None:
            while data := await line.read(_CHUNK, timeout=None):
                live.down += len(data)
                await self._wait(load, len(data))
                await browser.write(data)
            raise _LineEnded

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(up())
                group.create_task(down())
        except* (_LineEnded, OSError, httpcore.NetworkError, httpcore.TimeoutException):
            pass

    async def _wait(self, load: _Load, amount: int) -> None:
        wait_s = load.bytes.take(amount)
        if wait_s:
            await asyncio.sleep(wait_s)


async def _say(browser: _Browser, refusal: _Refusal, language: str, *, has_body: bool) -> None:
    """Answer by ourselves, in a few words."""
    text = escape(words(language).gettext(refusal.text))
    page = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Leitstand</title><p>{text}</p>'
    ).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *fences("https://none.invalid")[1:],
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"connection", b"close"),
    ]
    await browser.send(h11.Response(status_code=refusal.status, headers=headers))
    if has_body:
        await browser.send(h11.Data(data=page))
    await browser.send(h11.EndOfMessage())
