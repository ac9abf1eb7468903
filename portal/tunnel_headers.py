"""Which heads go through the tunnel to a station's page, and which come back.

The page must learn nothing of our cookies, and must not reach beyond its own host name: what it
answers is framed by a policy that keeps its scripts, forms and connections there.

Source: RFC 9110 (7.6.1), RFC 6265, Content Security Policy Level 3, Fetch (Sec-Fetch-Site).
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urljoin, urlsplit

RawHeaders = Sequence[tuple[bytes, bytes]]

COOKIE = b"leitstand_tunnel"
"""Names the browser that opened the page; it never goes on."""

_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_ASKED = _HOP | {
    b"host",
    b"content-length",  # told anew: the body is whole by then
    b"expect",
    b"forwarded",
    b"via",
    b"x-real-ip",
    b"cookie",
    b"origin",
    b"referer",
}
_NOT_ANSWERED = _HOP | {
    b"set-cookie",
    b"location",
    b"refresh",
    b"cache-control",
    b"expires",
    b"pragma",
    b"age",
    b"alt-svc",
    b"clear-site-data",
    b"strict-transport-security",
    b"public-key-pins",
    b"service-worker-allowed",
    b"report-to",
    b"reporting-endpoints",
    b"nel",
    b"referrer-policy",
    b"x-frame-options",
    b"via",
}
_NOT_ANSWERED_PREFIXES = (b"access-control-", b"cross-origin-")
_NOT_ASKED_PREFIXES = (b"sec-fetch-", b"x-forwarded-", b"proxy-")

LONGEST_COOKIE = 4096


class LeadsElsewhere(ValueError):
    """The page redirects to another address than the one that was entered."""


def is_upgrade(headers: RawHeaders) -> bool:
    """Tell whether a request wants to speak websocket from here on."""
    found = {name: value.lower() for name, value in headers}
    wants = {each.strip() for each in found.get(b"connection", b"").split(b",")}
    return b"upgrade" in wants and found.get(b"upgrade") == b"websocket"


def cookie_of(headers: RawHeaders, name: bytes = COOKIE) -> str | None:
    """Return our own cookie; None if there is none, or more than one."""
    found = [
        value.partition(b"=")[2].strip()
        for value in _cookies(headers)
        if value.partition(b"=")[0].strip() == name
    ]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _cookies(headers: RawHeaders) -> Iterable[bytes]:
    for name, value in headers:
        if name == b"cookie":
            yield from (each.strip() for each in value.split(b";") if each.strip())


def is_of_the_page(headers: RawHeaders, origin: str, *, needs_origin: bool) -> bool:
    """Tell whether a request comes from the page itself, or from a person, not another site.

    Args:
        headers: The request's.
        origin: The page's own, as browsers see it.
        needs_origin: For a websocket, which browsers open from any site, and for what is sent.
    """
    found = dict(headers)
    sent_by = found.get(b"origin")
    if sent_by is not None and sent_by != origin.encode():
        return False
    site = found.get(b"sec-fetch-site")
    if needs_origin:
        return sent_by is not None or site in (b"same-origin", b"none")
    is_visit = found.get(b"sec-fetch-mode") == b"navigate"
    return site in (None, b"same-origin", b"none") or is_visit


def asked(
    headers: RawHeaders, *, own: str, target: str, host: str, upgrades: bool
) -> list[tuple[bytes, bytes]]:
    """Return the heads of a request as the page is asked.

    Args:
        headers: As the browser sent them, names in lower case.
        own: The page's origin as the browser sees it.
        target: The page's own origin.
        host: The page's host and port.
        upgrades: Whether it is to become a websocket.
    """
    named = _named_by_connection(headers)
    kept = [(b"host", host.encode())]
    for name, value in headers:
        if name in (b"origin", b"referer"):
            if value == own.encode() or value.startswith(own.encode() + b"/"):
                kept.append((name, target.encode() + value[len(own) :]))
        elif not (name in _NOT_ASKED or name in named or name.startswith(_NOT_ASKED_PREFIXES)):
            kept.append((name, value))
    cookies = [each for each in _cookies(headers) if each.partition(b"=")[0].strip() != COOKIE]
    if cookies:
        kept.append((b"cookie", b"; ".join(cookies)))
    kept.append((b"connection", b"upgrade" if upgrades else b"close"))
    if upgrades:
        kept.append((b"upgrade", b"websocket"))
    return kept


def answered(
    headers: RawHeaders, *, own: str, target: str, path: str, upgrades: bool = False
) -> list[tuple[bytes, bytes]]:
    """Return the heads of an answer as the browser gets it.

    Args:
        headers: As the page sent them.
        own: The page's origin as the browser sees it.
        target: The page's own origin.
        path: What was asked for: relative addresses are seen from there.
        upgrades: Whether it has become a websocket.

    Raises:
        LeadsElsewhere: If it redirects to another address.
    """
    low = [(name.lower(), value) for name, value in headers]
    named = _named_by_connection(low)
    kept = []
    for name, value in low:
        if name == b"set-cookie":
            cookie = set_cookie(value, is_https=own.startswith("https://"))
            if cookie is not None:
                kept.append((name, cookie))
        elif name == b"location":
            kept.append((name, _location(value, target, path)))
        elif not (
            name in _NOT_ANSWERED or name in named or name.startswith(_NOT_ANSWERED_PREFIXES)
        ):
            kept.append((name, value))
    if upgrades:
        return [*kept, (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    return [*kept, *fences(own), (b"connection", b"close")]


def fences(own: str) -> list[tuple[bytes, bytes]]:
    """Return the heads that keep a page within its own host name.

    Args:
        own: Its origin as the browser sees it.
    """
    lines = own.replace("http", "ws", 1)
    policy = (
        "sandbox allow-scripts allow-same-origin allow-forms allow-modals allow-downloads;"
        f" default-src 'self' {lines} 'unsafe-inline' 'unsafe-eval' data: blob:;"
        " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )
    return [
        (b"content-security-policy", policy.encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"same-origin"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]


def set_cookie(written: bytes, *, is_https: bool) -> bytes | None:
    """Return a cookie of the page's for its own host name alone; None: it must not be set.

    It may neither widen itself to other names nor take the place of ours.
    """
    first, *attributes = written.split(b";")
    name = first.partition(b"=")[0].strip()
    if b"=" not in first or name.lower() == COOKIE or len(written) > LONGEST_COOKIE:
        return None
    kept = [first.strip()]
    for each in attributes:
        word = each.partition(b"=")[0].strip().lower()
        if word in (b"path", b"expires", b"max-age", b"httponly", b"samesite"):
            kept.append(each.strip())
    if is_https:
        kept.append(b"Secure")
    return b"; ".join(kept)


def _location(value: bytes, target: str, path: str) -> bytes:
    """Return where a redirect leads as a path of the page's own host.

    Raises:
        LeadsElsewhere: If it is another address.
    """
    try:
        found = urlsplit(urljoin(f"{target}{path}", value.decode("latin-1")))
        origin = f"{found.scheme}://{found.netloc}".lower()
    except ValueError:
        raise LeadsElsewhere(value.decode("latin-1")) from None
    if origin != target.lower():
        raise LeadsElsewhere(origin)
    # One slash at its beginning: two would name another host.
    made = "/" + found.path.lstrip("/\\")
    if found.query:
        made += f"?{found.query}"
    if found.fragment:
        made += f"#{found.fragment}"
    return made.encode("latin-1", "replace")


def _named_by_connection(headers: RawHeaders) -> set[bytes]:
    return {
        each.strip().lower()
        for name, value in headers
        if name == b"connection"
        for each in value.split(b",")
    }
