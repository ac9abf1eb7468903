"""Calls into networks of one's own, at a real receiver on loopback."""

from ipaddress import ip_address

import pytest

from foundation.inner_http import (
    InnerHttp,
    InnerTargetAway,
    InnerTargetRefused,
    Target,
    is_own,
    target_of,
)
from foundation.networks import networks
from tests.receivers import answer, receiving

LOOPBACK = networks(["127.0.0.0/8"])
INNER = networks(["10.8.0.0/16"])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://10.8.0.5", Target("http", "10.8.0.5", 80, "/")),
        ("https://10.8.0.5:8443/ui/?a=b", Target("https", "10.8.0.5", 8443, "/ui/?a=b")),
        ("http://logger.example:80/x", Target("http", "logger.example", 80, "/x")),
    ],
)
def test_a_url_says_where_a_page_lies(url: str, target: Target) -> None:
    assert target_of(url, INNER) == target


def test_a_host_is_named_without_the_port_that_goes_without_saying() -> None:
    assert Target("http", "10.8.0.5", 80, "/").origin == "http://10.8.0.5"
    assert Target("https", "10.8.0.5", 80, "/").origin == "https://10.8.0.5:80"
    assert Target("http", "fd00::5", 81, "/").host_header == "[fd00::5]:81"


@pytest.mark.parametrize(
    "url",
    [
        "http://10.9.0.5/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "ftp://10.8.0.5/",
        "file:///etc/passwd",
        "http://user:word@10.8.0.5/",
        "http://10.8.0.5/#x",
        "http://10.8.0.5:0/",
        "http://10.8.0.5:99999/",
        "http://[fd00::1/",
        "http://10.8.0.5\\@x/",
        "http://a%2fb/",
        "http://10.8.0.5/ x",
        "http://10.8.0.5/ä",
        "http:///",
        "http://10.8.0.5/" + "x" * 500,
    ],
)
def test_an_address_that_may_not_be_reached_is_refused(url: str) -> None:
    with pytest.raises(InnerTargetRefused):
        target_of(url, INNER)


def test_without_networks_nothing_is_reached() -> None:
    with pytest.raises(InnerTargetRefused):
        target_of("http://10.8.0.5/", ())


def test_only_this_machines_addresses_are_its_own() -> None:
    assert is_own(ip_address("127.0.0.1"))
    assert not is_own(ip_address("192.0.2.1"))


async def test_an_answer_is_held_open_and_read_in_parts() -> None:
    http = InnerHttp(allowed=LOOPBACK, timeout_s=5)
    async with receiving(answer(200, body=b"hello")) as receiver:
        target = target_of(receiver.url, LOOPBACK)
        async with http.ask(
            target,
            b"POST",
            b"/a?b=c",
            [(b"host", target.host_header.encode())],
            b"body",
            checks_certificate=True,
        ) as found:
            assert found.status == 200
            assert found.line is None
            assert b"".join([chunk async for chunk in found.chunks]) == b"hello"
        [came] = receiver.came
    assert came.body == b"body"


async def test_a_name_is_judged_by_where_it_leads() -> None:
    """A name that resolves into what is not named is refused when it is called, not before."""
    http = InnerHttp(allowed=INNER, timeout_s=5)
    target = target_of("http://localhost:9/", INNER)
    with pytest.raises(InnerTargetRefused):
        async with http.ask(target, b"GET", b"/", [], b"", checks_certificate=True):
            pass


async def test_nobody_there_is_said() -> None:
    http = InnerHttp(allowed=LOOPBACK, timeout_s=5)
    for name in ("127.0.0.1", "nowhere.invalid"):
        target = Target("http", name, 9, "/")
        with pytest.raises(InnerTargetAway):
            async with http.ask(target, b"GET", b"/", [], b"", checks_certificate=False):
                pass


async def test_what_is_no_http_is_said() -> None:
    http = InnerHttp(allowed=LOOPBACK, timeout_s=5)
    async with receiving(b"SSH-2.0-x\r\n") as receiver:
        target = target_of(receiver.url, LOOPBACK)
        with pytest.raises(InnerTargetAway):
            async with http.ask(target, b"GET", b"/", [], b"", checks_certificate=True):
                pass
