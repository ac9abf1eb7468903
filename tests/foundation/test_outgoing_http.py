"""Tests of calls to addresses that others chose."""

import asyncio
import socket
import ssl
from typing import Any

import pytest
import trustme

from foundation.networks import networks
from foundation.outgoing_http import Outgoing, TargetAway, TargetRefused, checked_url
from tests.receivers import answer, receiving

LOOPBACK = networks(["127.0.0.0/8"])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:8443/hook?a=b",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_public_addresses_are_taken(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///hook",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\nx",
        "https://example.com\\@127.0.0.1/",
        "https://exämple.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1%25eth0]/",
        "https://example.com/" + "x" * 2000,
    ],
)
def test_what_must_not_be_called_is_refused_at_once(url: str) -> None:
    with pytest.raises(TargetRefused):
        checked_url(url)


def test_plain_http_is_for_networks_of_ones_own() -> None:
    assert checked_url("http://10.0.0.1/", networks(["10.0.0.0/8"])) == "http://10.0.0.1/"
    with pytest.raises(TargetRefused):
        checked_url("http://10.0.0.1/", networks(["127.0.0.0/8"]))


async def test_a_body_arrives_and_the_status_comes_back() -> None:
    async with receiving(answer(202, body=b"thanks")) as receiver:
        answered = await Outgoing(allowed=LOOPBACK).post(receiver.url, b"{}", {"a-header": "x"})

    [came] = receiver.came
    assert answered.status == 202
    assert (came.path, came.body, came.headers["a-header"]) == ("/hook", b"{}", "x")
    assert came.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001"])
async def test_a_name_that_leads_to_us_is_refused_when_it_is_called(name: str) -> None:
    async with receiving() as receiver:
        with pytest.raises(TargetRefused):
            await Outgoing().post(f"https://{name}:{receiver.port}/", b"", {})

    assert receiver.came == []


async def test_the_address_that_was_judged_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is public when it is asked for and ours a moment later."""
    asked: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        address = "127.0.0.2" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with receiving() as receiver:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
        with pytest.raises(TargetRefused):
            await Outgoing(allowed=networks(["127.0.0.1/32"])).post(
                f"http://rebinding.example:{receiver.port}/", b"", {}
            )
        await Outgoing(allowed=networks(["127.0.0.1/32"])).post(
            f"http://rebinding.example:{receiver.port}/", b"", {}
        )

    assert asked == ["rebinding.example", "rebinding.example"]
    assert len(receiver.came) == 1


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with receiving() as elsewhere:
        away = answer(302, headers=f"location: {elsewhere.url}\r\n")
        async with receiving(away) as receiver:
            answered = await Outgoing(allowed=LOOPBACK).post(receiver.url, b"", {})

    assert (answered.status, elsewhere.came) == (302, [])


async def test_who_takes_too_long_or_answers_nonsense_is_away() -> None:
    async with receiving(b"") as silent:
        with pytest.raises(TargetAway):
            await Outgoing(allowed=LOOPBACK, timeout_s=0.2).post(silent.url, b"", {})
    async with receiving(b"what?\r\n\r\n") as strange:
        with pytest.raises(TargetAway):
            await Outgoing(allowed=LOOPBACK).post(strange.url, b"", {})
    with pytest.raises(TargetAway):
        await Outgoing(allowed=LOOPBACK).post(strange.url, b"", {})


async def test_of_an_endless_answer_only_the_status_is_taken() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 200_000
    async with receiving(endless) as receiver:
        answered = await Outgoing(allowed=LOOPBACK).post(receiver.url, b"", {})

    assert answered.status == 200


async def test_a_certificate_must_be_good_for_the_name() -> None:
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(200))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    allowed = networks(["127.0.0.0/8", "::1/128"])
    good = Outgoing(allowed=allowed, tls=client_side)
    assert (await good.post(f"https://localhost:{port}/", b"", {})).status == 200
    with pytest.raises(TargetAway):
        await good.post(f"https://127.0.0.1:{port}/", b"", {})  # not its name
    with pytest.raises(TargetAway):
        await Outgoing(allowed=allowed).post(f"https://localhost:{port}/", b"", {})
    server.close()
