"""Calls to addresses that others chose: the only file that makes any, and it looks where they go.

Whoever may name an address must not reach our own network by it. So the name is resolved here,
each address it has is judged, and the connection goes to the very address that was judged: a name
that resolves otherwise the next moment changes nothing. Redirects are not followed.

Source: OWASP Server Side Request Forgery Prevention.
"""

import asyncio
import functools
import ssl
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore

from foundation.errors import InvalidInput, Unavailable
from foundation.networks import Network, is_allowed

_LONGEST_URL = 2000
_LARGEST_ANSWER = 64 * 1024
_CONNECT_S = 5.0


class TargetRefused(InvalidInput):
    """This address must not be called: it is malformed, or it leads into our own network."""

    code = "target_refused"

    def __init__(self, why: str) -> None:
        super().__init__(why, field="url")


class TargetAway(Unavailable):
    """Nobody answers there, or not as HTTP demands."""

    code = "target_away"

    def __init__(self, why: str) -> None:
        super().__init__(f"No answer: {why}")


def checked_url(url: str, allowed: Collection[Network] = (), *, takes_http: bool = False) -> str:
    """Return the URL if it may be called, as far as it can be told without resolving its name.

    Plain `http` is taken only where networks of one's own are allowed at all, or where it is the
    custom and what comes is signed (`takes_http`).

    Raises:
        TargetRefused: If not.
    """
    if len(url) > _LONGEST_URL or not url.isascii() or any(ord(char) <= 32 for char in url):
        raise TargetRefused("A URL is at most 2000 ASCII characters without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("This is no URL.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise TargetRefused("The URL must begin with https://")
    if parts.scheme == "http" and not allowed and not takes_http:
        raise TargetRefused("The URL must begin with https://")
    if "@" in parts.netloc or parts.fragment:
        raise TargetRefused("The URL must hold neither a user nor a fragment.")
    if port == 0 or "\\" in url:
        raise TargetRefused("This is no URL.")
    try:
        literal = ip_address(parts.hostname.partition("%")[0])
    except ValueError:
        return url
    if not is_allowed(literal, allowed):
        raise TargetRefused("This address is not one of the public internet.")
    return url


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What was answered; of a body that is too long only the beginning."""

    status: int
    body: bytes = b""


class _LookingBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that are allowed, and to the very ones that it looked at."""

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
            raise TargetAway("the name does not resolve") from None
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        fit = [each for each in addresses if is_allowed(each, self._allowed)]
        if not fit or len(fit) != len(addresses):
            # One inner address among them is reason enough: nobody has such a name by chance.
            raise TargetRefused("The name does not lead to the public internet.")
        last: Exception | None = None
        for each in dict.fromkeys(fit):
            try:
                return await self._inner.connect_tcp(
                    str(each), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        assert last is not None
        raise last

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@functools.cache
def _system_authorities() -> ssl.SSLContext:
    """Return what trusts the authorities of the system, read once: reading them takes long."""
    return ssl.create_default_context()


class Outgoing:
    """Makes the calls.

    Args:
        allowed: Networks that are not public and may be called all the same.
        timeout_s: How long a call may take altogether.
        tls: How servers' certificates are checked; the system's authorities unless given.
        takes_http: See `checked_url`.
    """

    def __init__(
        self,
        *,
        allowed: Collection[Network] = (),
        timeout_s: float = 15.0,
        tls: ssl.SSLContext | None = None,
        takes_http: bool = False,
    ) -> None:
        self._takes_http = takes_http
        self._allowed = tuple(allowed)
        self._timeout_s = timeout_s
        self._tls = tls or _system_authorities()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Send a body; return how it was answered, whatever the status.

        Raises:
            TargetRefused: If the URL must not be called.
            TargetAway: If nobody answers in time, or the certificate is not good.
        """
        checked_url(url, self._allowed, takes_http=self._takes_http)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpcore.AsyncConnectionPool(
                    ssl_context=self._tls,
                    network_backend=_LookingBackend(self._allowed),
                    max_connections=1,
                    max_keepalive_connections=0,
                ) as pool,
                pool.stream(
                    "POST",
                    url,
                    headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                    content=body,
                    extensions={
                        "timeout": {
                            "connect": _CONNECT_S,
                            "read": self._timeout_s,
                            "write": self._timeout_s,
                            "pool": self._timeout_s,
                        }
                    },
                ) as response,
            ):
                body = b""
                async for chunk in response.aiter_stream():
                    body += chunk
                    if len(body) > _LARGEST_ANSWER:  # said enough: the status is what counts
                        break
                return HttpAnswer(response.status, body[:_LARGEST_ANSWER])
        except TimeoutError:
            raise TargetAway(f"it takes longer than {self._timeout_s:g} s") from None
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            OSError,
        ) as error:
            raise TargetAway(str(error) or type(error).__name__) from None
