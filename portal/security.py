"""What holds for every answer: strict headers, a size limit, and a number for our own mistakes.

Source: OWASP Secure Headers, Content Security Policy Level 3.
"""

import secrets
import time
from collections.abc import Collection

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation import metrics
from portal import problems
from portal.limits import Quota
from portal.problems import TooLarge

log = structlog.get_logger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Security:
    """Wraps the application; the outermost of our own layers.

    Args:
        app: The application.
        body_max_bytes: The largest body taken, in bytes.
        hosts: Host names that requests may name, without port; none: any.
        file_paths: What the paths begin with whose bodies are files.
        file_max_bytes: The largest file taken, in bytes, and what a form puts around it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_max_bytes: int,
        hosts: Collection[str] = (),
        file_paths: Collection[str] = (),
        file_max_bytes: int = 0,
    ) -> None:
        self._app = app
        self._body_max_bytes = body_max_bytes
        self._file_paths = tuple(file_paths)
        self._file_max_bytes = file_max_bytes
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _route_by_raw_path(scope)
        began = time.monotonic()
        status = 0

        async def send_secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                _secure(headers, is_https=scope["scheme"] == "https")
                quota = scope.get("state", {}).get("quota")
                if isinstance(quota, Quota):
                    headers.update(quota.headers())
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                response = problems.answer(Request(scope), refusal)
                await response(scope, receive, send_secured)
                return
            await self._app(scope, self._limited(receive, self._most(scope)), send_secured)
        # The portal's boundary (house rules, errors): a mistake of ours ends one request.
        except Exception as error:
            incident = secrets.token_hex(4)
            metrics.incidents.inc()
            log.error(
                "portal.incident",
                incident=incident,
                method=scope["method"],
                path=scope["path"],
                exc_info=error,
            )
            if status:
                raise  # the answer is half out: only closing tells that it is not whole
            response = problems.answer(Request(scope), problems.problem_of_incident(incident))
            await response(scope, receive, send_secured)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.requests.labels(method=method, outcome=f"{status // 100}xx").inc()
            metrics.request_seconds.labels(method=method).observe(time.monotonic() - began)

    def _refusal(self, scope: Scope) -> problems.Problem | None:
        headers = Headers(scope=scope)
        if self._hosts and _host(headers.get("host", "")) not in self._hosts:
            return problems.Problem(
                400, "wrong_host", "Wrong host", "This host name is not served here."
            )
        length = headers.get("content-length", "")
        most = self._most(scope)
        if length.isdecimal() and int(length) > most:
            return problems.problem_of(TooLarge(most))
        return None

    def _most(self, scope: Scope) -> int:
        is_file = scope["path"].startswith(self._file_paths)
        return self._file_max_bytes if is_file else self._body_max_bytes

    def _limited(self, receive: Receive, most: int) -> Receive:
        """Count what arrives: a body may come in chunks and without a length."""
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > most:
                    raise TooLarge(most)
            return message

        return receive_limited


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _host(header: str) -> str:
    """Return the name in a Host header, without port and in lower case."""
    if header.startswith("["):
        return header.partition("]")[0].lower() + "]"
    return header.partition(":")[0].lower()


def _route_by_raw_path(scope: Scope) -> None:
    """Let routing see the path as it was sent, so that `%2F` in an identity is no border."""
    raw = scope.get("raw_path")
    if raw:
        scope["path"] = raw.partition(b"?")[0].decode("latin-1")


def _secure(headers: MutableHeaders, *, is_https: bool) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-store")
    if is_https:
        headers.setdefault("strict-transport-security", "max-age=31536000")
