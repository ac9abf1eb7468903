"""Tests of the connection to a broker, with real ones of both versions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from foundation.mqtt import Broker, BrokerAway, Link, Message, Received
from tests.brokers import Gate, Kind, RunningBroker
from tests.subscribers import Subscriber

pytestmark = pytest.mark.slow


@pytest.fixture(params=["amqtt", "rumqttd"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningBroker]:
    kind: Kind = request.param
    made = RunningBroker(kind, tmp_path)
    await made.start()
    yield made
    await made.stop()


def link_to(url: str) -> Broker:
    return Broker(url, client_id="leitstand-test", timeout_s=5)


async def test_messages_arrive_in_order_and_are_retained_until_cleared(
    broker: RunningBroker,
) -> None:
    many = [
        Message("leitstand/v1/o/stations/s/commands/c", str(number).encode(), event_id=number)
        for number in range(300)
    ]
    state = "leitstand/v1/o/stations/s/state"
    other = "leitstand/v1/o/stations/t/state"

    async def work(link: Link) -> None:
        await link.publish([Message(state, b'"a"', retain=True), Message(other, b"1", retain=True)])
        await link.publish([Message(other, b"", retain=True)])
        async with Subscriber(broker).listening() as heard:
            await heard.until(lambda: state in heard.picture)
            await link.publish(many)
            await heard.until(lambda: ("leitstand/v1/o/stations/s/commands/c", 299) in heard.said)
        assert heard.picture == {state: "a"}
        numbers = [content for topic, content in heard.said if topic.endswith("/c")]
        assert numbers == list(range(300))
        expected = [] if broker.kind == "amqtt" else [("event-id", str(n)) for n in range(300)]
        assert heard.properties == expected  # MQTT 3.1.1 has none

    async with asyncio.timeout(60):
        await link_to(broker.url).hold(work)


async def test_what_others_say_is_heard(broker: RunningBroker) -> None:
    came: asyncio.Queue[Received] = asyncio.Queue()

    async def ask(link: Link) -> None:
        await link.publish([Message("a/b/request", b"please"), Message("a/b/other", b"no")])
        assert await came.get() == Received("a/b/request", b"please")
        assert came.empty()

    async with asyncio.timeout(60):
        await link_to(broker.url).hold(ask, filters=["a/+/request"], received=came.put_nowait)


async def test_the_work_ends_when_the_broker_does(broker: RunningBroker) -> None:
    async def wait(link: Link) -> None:
        await link.publish([Message("a", b"1")])
        await broker.stop()
        await link.until_lost()

    async with asyncio.timeout(60):
        with pytest.raises(BrokerAway):
            await link_to(broker.url).hold(wait)


async def test_a_connection_that_breaks_while_publishing_is_told(broker: RunningBroker) -> None:
    async def flood(link: Link) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(gate.shut())
            await link.publish([Message("a", b"x" * 1000)] * 5000)

    async with asyncio.timeout(60), Gate(broker) as gate:
        with pytest.raises(BrokerAway):
            await link_to(gate.url).hold(flood)


async def test_no_broker_is_told(unused_tcp_port: int) -> None:
    async def never(_link: Link) -> None:
        raise AssertionError

    with pytest.raises(BrokerAway):
        await link_to(f"mqtt://127.0.0.1:{unused_tcp_port}").hold(never)


async def test_an_error_of_the_work_itself_comes_through(broker: RunningBroker) -> None:
    async def fail(_link: Link) -> None:
        raise BrokerAway("as the work says")

    with pytest.raises(BrokerAway, match="as the work says"):
        await link_to(broker.url).hold(fail)
