"""Calls into networks of one's own: to addresses that the operator entered, and nowhere else.

The counterpart of `foundation.outgoing_http`, which goes to the public internet. Here only the
networks that a setting names are reachable. A name is resolved, each address it has is judged, and
the connection goes to the very address that was judged. Redirects are not followed. Each call has
a connection of its own, so that nothing of one is left in the next.

Source: OWASP Server Side Request Forgery Prevention.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore

from foundation.errors import InvalidInput, Unavailable
from foundation.networks import Address, Network, is_reachable_within

_LONGEST_URL = 500
_CONNECT_S = 5.0
_SWITCHING = 101

RawHeaders = Sequence[tuple[bytes, bytes]]


class InnerTargetRefused(InvalidInput):
    """This address is none that may be reached."""

    code = "inner_target_refused"

    def __init__(self, why: str) -> None:
        super().__init__(why, field="url")


class InnerTargetAway(Unavailable):
    """Nobody answers there, or not as HTTP demands."""

    code = "inner_target_away"

    def __init__(self, why: str) -> None:
        super().__init__(f"No answer: {why}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a page lies; `path` is where it begins, with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """Return how requests name it: without the port that goes without saying."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"

    @property
    def origin(self) -> str:
        """Return scheme, host and port as browsers write them."""
        return f"{self.scheme}://{self.host_header}"


def target_of(url: str, allowed: Collection[Network]) -> Target:
    """Return where a URL leads, as far as it can be told without resolving its name.

    Raises:
        InnerTargetRefused: If it is malformed, or its address lies in none of the networks.
    """
    if not allowed:
        raise InnerTargetRefused("No networks are named for it (LEITSTAND_TUNNEL_NETWORKS).")
    if len(url) > _LONGEST_URL or not url.isascii() or any(ord(char) <= 32 for char in url):
        raise InnerTargetRefused("A URL is at most 500 ASCII characters without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InnerTargetRefused("This is no URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InnerTargetRefused("The URL must begin with http:// or https://")
    if "@" in parts.netloc or parts.fragment or "\\" in url or "%" in parts.netloc or port == 0:
        raise InnerTargetRefused("The URL must hold neither a user nor a fragment.")
    with contextlib.suppress(ValueError):
        _judge([ip_address(parts.hostname)], allowed)
    path = parts.path or "/"
    return Target(
        parts.scheme,
        parts.hostname,
        port or (443 if parts.scheme == "https" else 80),
        f"{path}?{parts.query}" if parts.query else path,
    )


def _judge(addresses: Sequence[Address], allowed: Collection[Network]) -> None:
    """Refuse a name of which one address is not reachable.

    Raises:
        InnerTargetRefused: If one is not.
    """
    for each in addresses:
        if not is_reachable_within(each, allowed, is_own=is_own(each)):
            raise InnerTargetRefused("The address lies in none of the networks for it.")


def is_own(address: Address) -> bool:
    """Tell whether an address is this machine's: only on those can one listen."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((str(address), 0))
    except OSError:
        return False
    return True


class _JudgingBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that may be reached, and to the very ones it looked at."""

    def __init__(self, allowed: Collection[Network]) -> None:
        self._allowed = tuple(allowed)
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
        except (OSError, UnicodeError):
            raise InnerTargetAway("the name does not resolve") from None
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        _judge(addresses, self._allowed)
        last: Exception = InnerTargetAway("the name has no address")
        for each in dict.fromkeys(addresses):
            try:
                return await self._inner.connect_tcp(
                    str(each), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class InnerAnswer:
    """How a page answered.

    `line` is the open connection where it agreed to speak something else than HTTP.
    """

    status: int
    headers: RawHeaders
    chunks: AsyncIterator[bytes]
    line: httpcore.AsyncNetworkStream | None


def _tls(*, is_checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not is_checked:
        # Loggers sign their own; the network that they stand in is what is trusted.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class InnerHttp:
    """Makes the calls.

    Args:
        allowed: The networks that may be reached.
        timeout_s: How long a page may take to begin its answer, and between its parts.
    """

    def __init__(self, *, allowed: Collection[Network], timeout_s: float) -> None:
        self.allowed = tuple(allowed)
        self._timeout_s = timeout_s
        self._tls = {is_checked: _tls(is_checked=is_checked) for is_checked in (True, False)}

    @contextlib.asynccontextmanager
    async def ask(
        self,
        target: Target,
        method: bytes,
        path: bytes,
        headers: RawHeaders,
        body: bytes,
        *,
        checks_certificate: bool,
    ) -> AsyncIterator[InnerAnswer]:
        """Ask a page, and hold its answer open.

        Args:
            target: Where.
            method: As in `GET`.
            path: With its query, as it was sent.
            headers: With the host and what agrees to another protocol.
            body: All of it; its length is told.
            checks_certificate: Whether the certificate has to be a known authority's.

        Raises:
            InnerTargetRefused: If the address may not be reached.
            InnerTargetAway: If nobody answers in time, or not by HTTP.
        """
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=path,
        )
        waits = {
            "connect": _CONNECT_S,
            "read": self._timeout_s,
            "write": self._timeout_s,
            "pool": _CONNECT_S,
        }
        try:
            async with (
                httpcore.AsyncConnectionPool(
                    ssl_context=self._tls[checks_certificate],
                    network_backend=_JudgingBackend(self.allowed),
                    max_connections=1,
                    max_keepalive_connections=0,
                ) as pool,
                pool.stream(
                    method,
                    url,
                    headers=list(headers),
                    content=body or None,
                    extensions={"timeout": waits},
                ) as response,
            ):
                line = response.extensions["network_stream"]
                yield InnerAnswer(
                    response.status,
                    response.headers,
                    response.aiter_stream(),
                    line if response.status == _SWITCHING else None,
                )
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            ssl.SSLError,
        ) as error:
            raise InnerTargetAway(str(error) or type(error).__name__) from None
