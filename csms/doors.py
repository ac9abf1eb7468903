"""The sockets that stations connect to, plain and with TLS, and new certificates for the latter."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from socket import socket
from typing import Any, Protocol

import structlog

from csms import tls
from foundation.database import DatabaseAway
from foundation.settings import Settings

log = structlog.get_logger(__name__)

Authorities = Callable[[], Awaitable[Sequence[str]]]
"""Says which authorities of our own sign stations' certificates, as PEM."""


class Server(Protocol):
    """One that listens; fulfilled by the websocket library's."""

    @property
    def sockets(self) -> Collection[socket]:
        """That it listens on."""

    @property
    def all_connections(self) -> Collection[Any]:
        """Connections that are being opened, that stand, and that are being closed."""

    def close(self, close_connections: bool = True) -> None:
        """Listen no longer."""


Serving = Callable[..., Awaitable[Server]]
"""Begins to serve: with a TLS context or None, and where (`host` and `port`, or `sock`)."""


class Doors:
    """All servers of a process.

    Args:
        settings: Where to listen, and which files TLS needs.
        serving: Begins to serve.
        authorities: See `Authorities`; None: only those of the settings' file.
    """

    def __init__(
        self, settings: Settings, serving: Serving, authorities: Authorities | None = None
    ) -> None:
        self._settings = settings
        self._serving = serving
        self._authorities = authorities
        self._keys = tls.Keys(settings)
        self._plain: list[Server] = []
        self._secure: list[Server] = []
        self._former: list[Server] = []
        self._is_closed = False

    def __iter__(self) -> Iterator[Server]:
        """All that listen, and those that do no more and still have connections."""
        return iter([*self._plain, *self._secure, *self._former])

    @property
    def port(self) -> int:
        """The plain listener's port, also where the settings said 0."""
        return _port(self._plain[0])

    @property
    def tls_port(self) -> int | None:
        """The TLS listener's port, also where the settings said 0; None: there is none."""
        return _port(self._secure[0]) if self._secure else None

    async def open(self, *, share_port: bool) -> None:
        """Begin to accept.

        Raises:
            OSError: If the address cannot be had, or a file for TLS not be read.
        """
        settings = self._settings
        shared = {"host": settings.ocpp_host, "reuse_port": share_port or None}
        self._plain = [await self._serving(None, port=settings.ocpp_port, **shared)]
        if settings.ocpp_tls_port is None:
            return
        authorities = await self._trusted()
        self._keys.changed(authorities)
        context = tls.server_context(settings, authorities)
        self._secure = [await self._serving(context, port=settings.ocpp_tls_port, **shared)]

    async def _trusted(self) -> Sequence[str]:
        return () if self._authorities is None else await self._authorities()

    async def watch_keys(self, every_s: float) -> None:
        """Take new certificates and authorities into use; runs for ever."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.take_new_keys()
            except DatabaseAway as error:
                log.warning("tls.authorities_not_asked", reason=str(error))

    async def take_new_keys(self) -> bool:
        """Begin anew with the certificates as they are now, if they changed; tell whether.

        New servers accept from the same sockets before the old ones leave off, so that nobody is
        turned away; connections that stand are not touched. What cannot be read changes nothing;
        what cannot be begun now, for want of files or memory, is begun the next time.
        """
        if not self._secure or self._is_closed:
            return False
        authorities = await self._trusted()
        if not self._keys.changed(authorities):
            return False
        try:
            context = tls.server_context(self._settings, authorities)
        except OSError as error:
            log.error("tls.keys_unusable", reason=str(error))
            return False
        bound: list[socket] = []
        fresh: list[Server] = []
        try:
            for each in [each for old in self._secure for each in old.sockets]:
                bound.append(socket(fileno=os.dup(each.fileno())))  # noqa: PERF401 - what was
            for each in bound:  # begun must be known where the next one fails
                fresh.append(await self._serving(context, sock=each))  # noqa: PERF401
        except OSError as error:
            log.error("tls.keys_not_taken", reason=str(error))
            for server in fresh:
                server.close(close_connections=False)
            for each in bound[len(fresh) :]:
                each.close()
            self._keys.not_taken()
            return False
        before, self._secure = self._secure, fresh
        for old in before:
            old.close(close_connections=False)
        self._former = [each for each in (*before, *self._former) if each.all_connections]
        log.info("tls.keys_taken")
        return True

    def close(self) -> None:
        """Accept nobody any more; connections stand."""
        self._is_closed = True
        for server in self:
            server.close(close_connections=False)


def _port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])
