"""Others that are asked by HTTP, with a real receiver."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from csms.authorities_by_http import HttpContracts, HttpResponder, HttpSigner, Unanswered
from csms.reports import ContractCertificateReport, OcspQuestion
from foundation.outgoing_http import Outgoing, TargetRefused, checked_url
from tests.csms.ocpp.said import V201, said

OURS = (ip_network("127.0.0.0/8"),)
OUTGOING = Outgoing(allowed=OURS, timeout_s=5.0)


@asynccontextmanager
async def answering(reply: Callable[[bytes], tuple[int, bytes]]) -> AsyncIterator[str]:
    """A server that answers each request by its head and body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().splitlines()
        [length] = [int(line.split(":")[1]) for line in lines if line.startswith("content-length")]
        status, body = reply(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def test_an_authority_is_shown_the_token_and_gives_the_chain() -> None:
    def reply(asked: bytes) -> tuple[int, bytes]:
        assert b"authorization: bearer secret" in asked.lower()
        assert asked.endswith(b"CSR")
        return 200, b"CHAIN"

    async with answering(reply) as url:
        assert await HttpSigner(OUTGOING, url, "secret").sign("CSR", "own", "CS") == "CHAIN"
    async with answering(lambda _: (503, b"busy")) as url:
        with pytest.raises(Unanswered, match="503"):
            await HttpSigner(OUTGOING, url, None).sign("CSR", "own", "CS")


async def test_a_responder_is_asked_where_the_certificate_says_but_not_in_our_own_network() -> None:
    def question(url: str) -> OcspQuestion:
        return OcspQuestion("SHA256", "aa" * 32, "bb" * 32, "01", url)

    async with answering(lambda _: (200, b"DER")) as url:
        assert await HttpResponder(OUTGOING).ask(question(url)) == b"DER"
        strict = Outgoing(timeout_s=5.0, takes_http=True)
        with pytest.raises(TargetRefused):
            await HttpResponder(strict).ask(question(url))
    assert checked_url("http://ocsp.example/", takes_http=True)
    with pytest.raises(TargetRefused):
        checked_url("http://ocsp.example/")


async def test_a_contract_provider_answers_with_the_vehicles_message_or_not_at_all() -> None:
    payload = {"iso15118SchemaVersion": "urn", "action": "Install", "exiRequest": "ZXhp"}
    report = said(V201, "Get15118EVCertificate", payload, ContractCertificateReport)
    exi = base64.b64encode(b"answer").decode()
    told = {"status": "Accepted", "exi_response": exi, "remaining_contracts": 1}
    async with answering(lambda _: (200, json.dumps(told).encode())) as url:
        found = await HttpContracts(OUTGOING, url).certificate(report)
    assert (found.is_accepted, found.exi_response, found.remaining) == (True, exi, 1)
    async with answering(lambda _: (200, b"{}")) as url:
        with pytest.raises(Unanswered):
            await HttpContracts(OUTGOING, url).certificate(report)
