"""Which heads go through the tunnel, and which come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.tunnel_headers import (
    COOKIE,
    LeadsElsewhere,
    RawHeaders,
    answered,
    asked,
    cookie_of,
    is_of_the_page,
    is_upgrade,
    set_cookie,
)

OWN, TARGET, HOST = "https://abc.pages.example.net", "http://10.8.0.5:8080", "10.8.0.5:8080"


def on_the_way(headers: RawHeaders, *, upgrades: bool = False) -> dict[bytes, bytes]:
    return dict(asked(headers, own=OWN, target=TARGET, host=HOST, upgrades=upgrades))


def back(*headers: tuple[bytes, bytes], path: str = "/ui/x") -> list[tuple[bytes, bytes]]:
    return answered(headers, own=OWN, target=TARGET, path=path)


def test_our_cookie_never_reaches_the_page_and_its_own_do() -> None:
    sent = [(b"cookie", b"a=1; leitstand_tunnel=secret; b=2"), (b"cookie", b"c=3")]
    assert on_the_way(sent)[b"cookie"] == b"a=1; b=2; c=3"
    assert cookie_of(sent) == "secret"
    assert b"cookie" not in on_the_way([(b"cookie", COOKIE + b"=secret")])
    assert cookie_of([*sent, (b"cookie", COOKIE + b"=other")]) is None


def test_the_page_is_asked_as_if_it_were_visited_directly() -> None:
    sent = [
        (b"host", b"abc.pages.example.net"),
        (b"origin", OWN.encode()),
        (b"referer", OWN.encode() + b"/ui/"),
        (b"accept", b"text/html"),
        (b"authorization", b"Basic eDp5"),
    ]
    assert on_the_way(sent) == {
        b"host": HOST.encode(),
        b"origin": TARGET.encode(),
        b"referer": TARGET.encode() + b"/ui/",
        b"accept": b"text/html",
        b"authorization": b"Basic eDp5",
        b"connection": b"close",
    }


@pytest.mark.parametrize(
    "name",
    [
        b"x-forwarded-for",
        b"forwarded",
        b"x-real-ip",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"te",
        b"proxy-authorization",
        b"content-length",
        b"x-mine",
    ],
)
def test_what_is_only_for_the_way_stays_behind(name: bytes) -> None:
    assert name not in on_the_way([(name, b"1"), (b"connection", b"close, X-Mine")])


def test_where_one_came_from_elsewhere_is_not_told() -> None:
    told = on_the_way([(b"referer", b"https://portal.example.org/stations/1")])
    assert b"referer" not in told
    # A name that only begins like ours is another one.
    assert b"origin" not in on_the_way([(b"origin", OWN.encode() + b".evil.example")])


def test_a_websocket_is_asked_for_as_one() -> None:
    sent = [(b"connection", b"keep-alive, Upgrade"), (b"upgrade", b"WebSocket")]
    assert is_upgrade(sent)
    assert not is_upgrade([(b"upgrade", b"websocket")])
    assert not is_upgrade([(b"connection", b"upgrade"), (b"upgrade", b"h2c")])
    told = on_the_way([*sent, (b"sec-websocket-key", b"k")], upgrades=True)
    assert told[b"upgrade"] == b"websocket"
    assert told[b"connection"] == b"upgrade"
    assert told[b"sec-websocket-key"] == b"k"


@pytest.mark.parametrize(
    ("headers", "needs_origin", "is_own"),
    [
        ([], False, True),
        ([], True, False),
        ([(b"origin", OWN.encode())], True, True),
        ([(b"origin", b"https://portal.example.org")], True, False),
        ([(b"origin", b"null")], False, False),
        ([(b"sec-fetch-site", b"same-origin")], True, True),
        ([(b"sec-fetch-site", b"cross-site")], False, False),
        ([(b"sec-fetch-site", b"same-site")], False, False),
        # The link from the portal to the page.
        ([(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")], False, True),
        ([(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")], True, False),
    ],
)
def test_another_site_may_lead_there_and_nothing_else(
    headers: list[tuple[bytes, bytes]], needs_origin: bool, is_own: bool
) -> None:
    assert is_of_the_page(headers, OWN, needs_origin=needs_origin) is is_own


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"a=1", b"a=1; Secure"),
        (
            b"a=1; Domain=example.net; Path=/; HttpOnly; SameSite=None; Secure",
            b"a=1; Path=/; HttpOnly; SameSite=None; Secure",
        ),
        (b"a=1; domain =x; Max-Age=3; Partitioned", b"a=1; Max-Age=3; Secure"),
        (b"leitstand_tunnel=mine", None),
        (b" Leitstand_Tunnel =mine", None),
        (b"noname", None),
        (b"a=" + b"x" * 5000, None),
    ],
)
def test_a_cookie_of_the_page_is_its_hosts_alone(written: bytes, kept: bytes | None) -> None:
    assert set_cookie(written, is_https=True) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"/login?x=1#y", b"/login?x=1#y"),
        (b"login", b"/ui/login"),
        (b"../", b"/"),
        (b"http://10.8.0.5:8080/home", b"/home"),
        (b"http://10.8.0.5:8080//evil.example/", b"/evil.example/"),
    ],
)
def test_a_redirect_stays_at_the_page(written: bytes, kept: bytes) -> None:
    assert dict(back((b"Location", written)))[b"location"] == kept


@pytest.mark.parametrize(
    "written",
    [
        b"https://10.8.0.5:8080/",
        b"http://10.8.0.6/",
        b"//evil.example/",
        b"https://portal.example.org/sign-out",
        b"javascript:alert(1)",
        b"http://[::1",
    ],
)
def test_a_redirect_elsewhere_is_none_of_the_pages(written: bytes) -> None:
    with pytest.raises(LeadsElsewhere):
        back((b"location", written))


def test_an_answer_is_fenced_in_and_its_own_policy_still_holds() -> None:
    got = back(
        (b"Content-Type", b"text/html"),
        (b"Content-Security-Policy", b"img-src 'none'"),
        (b"Strict-Transport-Security", b"max-age=1"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Clear-Site-Data", b'"*"'),
        (b"Service-Worker-Allowed", b"/"),
        (b"Cache-Control", b"public"),
        (b"Cross-Origin-Opener-Policy", b"unsafe-none"),
        (b"Transfer-Encoding", b"chunked"),
    )
    policies = [value for name, value in got if name == b"content-security-policy"]
    assert policies[0] == b"img-src 'none'"
    assert b"sandbox allow-scripts" in policies[1]
    assert b"allow-top-navigation" not in policies[1]
    assert b"allow-popups" not in policies[1]
    assert b"wss://abc.pages.example.net" in policies[1]
    told = dict(got)
    assert told[b"cache-control"] == b"no-store"
    assert told[b"cross-origin-opener-policy"] == b"same-origin"
    for name in (
        b"strict-transport-security",
        b"access-control-allow-origin",
        b"clear-site-data",
        b"service-worker-allowed",
        b"transfer-encoding",
    ):
        assert name not in told


@given(st.binary(max_size=60))
def test_no_cookie_ever_names_another_host(written: bytes) -> None:
    kept = set_cookie(written, is_https=True)
    if kept is not None:
        words = [each.partition(b"=")[0].strip().lower() for each in kept.split(b";")[1:]]
        assert b"domain" not in words
