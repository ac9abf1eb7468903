"""Both builds of a link behave alike, whatever the other side does."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from simulators.link import (
    Address,
    BadAnswer,
    CallRefused,
    Link,
    LinkLost,
    NoAnswer,
    Opener,
    Reply,
    is_loopback,
    open_lean,
    open_ocpp,
)
from tests.simulators.csms import TinyCsms, until

BUILDS = pytest.mark.parametrize("opener", [open_ocpp, open_lean])
TAG = {"idTag": "04A1"}


class Silent:
    """Answers nothing, and remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.done = 0

    def answer(self, action: str, payload: Mapping[str, Any], message_id: str) -> Reply:
        self.heard.append((action, dict(payload)))
        return Reply({"status": "Accepted"} if action == "TriggerMessage" else None)

    def answered(self, message_id: str) -> None:
        self.done += 1


def address(url: str, **changes: Any) -> Address:
    facts = {"url": url, "identity": "CS/1 ä", "password": None, "subprotocol": "ocpp1.6"}
    return Address(**{**facts, "answer_timeout_s": 0.1, **changes})


async def opened(csms: TinyCsms, opener: Opener, answerer: Silent | None = None) -> Link:
    return await opener(address(csms.url), answerer or Silent())


@BUILDS
async def test_a_call_gets_its_answer_as_on_the_wire(csms: TinyCsms, opener: Opener) -> None:
    link = await opened(csms, opener)
    assert await link.call("Authorize", TAG) == {"idTagInfo": {"status": "Accepted"}}
    assert list(csms.connections) == ["CS/1 ä"]
    assert not link.closed.done()
    await link.close()
    assert link.closed.done()
    assert not link.is_open
    with pytest.raises(LinkLost):
        await link.call("Authorize", TAG)


@BUILDS
async def test_no_answer_in_time_leaves_the_link_good_for_the_next_call(
    csms: TinyCsms, opener: Opener
) -> None:
    link = await opened(csms, opener)
    csms.swallow["Authorize"] = 1
    with pytest.raises(NoAnswer):
        await link.call("Authorize", TAG)
    assert await link.call("Authorize", TAG) == {"idTagInfo": {"status": "Accepted"}}
    await link.close()


@BUILDS
async def test_a_refusal_names_its_code(csms: TinyCsms, opener: Opener) -> None:
    link = await opened(csms, opener)
    csms.refuse["Authorize"] = 1
    with pytest.raises(CallRefused) as refused:
        await link.call("Authorize", TAG)
    assert refused.value.code == "InternalError"
    await link.close()


@BUILDS
async def test_whoever_waits_hears_at_once_that_the_socket_died(
    csms: TinyCsms, opener: Opener
) -> None:
    link = await opener(address(csms.url, answer_timeout_s=100), Silent())
    csms.swallow["Authorize"] = 1
    asking = asyncio.get_running_loop().create_task(link.call("Authorize", TAG))
    await until(lambda: len(csms.calls("Authorize")) == 1)
    await csms.kill()
    with pytest.raises(LinkLost):
        await asking
    assert not link.is_open
    await link.close()
    await csms.start()


@BUILDS
async def test_cut_after_sending_the_message_arrives_and_its_answer_does_not(
    csms: TinyCsms, opener: Opener
) -> None:
    link = await opener(address(csms.url, answer_timeout_s=100), Silent())
    link.cut_after_next_send = True
    with pytest.raises(LinkLost):
        await link.call("Authorize", TAG)
    await until(lambda: len(csms.calls("Authorize")) == 1)
    await link.close()


@BUILDS
async def test_commands_are_answered_and_only_then_acted_upon(
    csms: TinyCsms, opener: Opener
) -> None:
    answerer = Silent()
    link = await opened(csms, opener, answerer)
    trigger = {"requestedMessage": "Heartbeat", "connectorId": 1}
    assert await csms.command("CS/1 ä", "TriggerMessage", trigger) == {"status": "Accepted"}
    assert answerer.heard == [
        ("TriggerMessage", {"requested_message": "Heartbeat", "connector_id": 1})
    ]
    assert await csms.command("CS/1 ä", "Reset", {"type": "Hard"}) == {"error": "NotImplemented"}
    await until(lambda: answerer.done >= 1)
    await link.close()


@BUILDS
@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "ws://no-such-host.invalid"])
async def test_nobody_there_is_a_lost_link(opener: Opener, url: str) -> None:
    with pytest.raises(LinkLost, match="cannot connect"):
        await opener(address(url), Silent())


async def test_a_server_that_agrees_to_no_version_is_left() -> None:
    async def hold(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(hold, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(LinkLost, match="not agreed"):
            await open_lean(address(f"ws://127.0.0.1:{port}"), Silent())


@pytest.mark.parametrize(
    ("opener", "answer", "error"),
    [
        (open_ocpp, '[3,"ID",{"idTagInfo":{"status":"Perhaps"}}]', BadAnswer),
        (open_ocpp, '[3,"ID",{"idTagInfo":{"status":"Accepted"},"more":1}]', BadAnswer),
        (open_lean, '[3,"ID",[]]', BadAnswer),
        (open_lean, "no JSON", LinkLost),
        (open_lean, "[]", LinkLost),
    ],
)
async def test_a_server_that_breaks_the_protocol_is_told_apart(
    opener: Opener, answer: str, error: type[Exception]
) -> None:
    async def misbehave(socket: ServerConnection) -> None:
        async for text in socket:
            await socket.send(answer.replace("ID", json.loads(text)[1]))

    subprotocols = [Subprotocol("ocpp1.6")]
    async with serve(misbehave, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        link = await opener(address(f"ws://127.0.0.1:{port}", answer_timeout_s=5), Silent())
        with pytest.raises(error):
            await link.call("Authorize", TAG)
        await link.close()


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("ws://127.0.0.1:9000", True),
        ("ws://localhost/ocpp", True),
        ("ws://[::1]:9000", True),
        ("wss://csms.example", False),
        ("ws://127.0.0.1.example", False),
    ],
)
def test_loopback_is_this_machine(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here


def test_a_password_is_not_shown_by_accident() -> None:
    assert "s3cret" not in repr(address("ws://127.0.0.1:1", password="s3cret"))
