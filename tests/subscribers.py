"""Somebody who listens to the event feed: his picture, and what came by which id."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from tests.brokers import RunningBroker


class Subscriber:
    """Keeps what is retained, and counts events by their id."""

    def __init__(
        self, broker: RunningBroker, *, filters: tuple[str, ...] = ("leitstand/#",)
    ) -> None:
        self._broker = broker
        self._filters = filters
        self.picture: dict[str, Any] = {}
        """What was told last on the topics that are retained; what was cleared is not in it."""
        self.events: Counter[str] = Counter()
        """How often each event came, by its id."""
        self.said: list[tuple[str, Any]] = []
        """Everything that came, in order."""
        self.properties: list[tuple[str, str]] = []
        self.connections = 0
        """How often it has connected and subscribed."""
        self._changed = asyncio.Event()
        self._leaving = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Subscriber"]:
        """Listen while the block goes on; come back whenever the broker does."""
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._listen(ready))
            async with asyncio.timeout(30):
                await ready.wait()
            try:
                yield self
            finally:  # also where the test failed: its failure is to be seen
                self._leaving = True
                task.cancel()

    async def until(self, holds: Any, *, within_s: float = 60) -> None:
        """Wait until something holds; looked at whenever something came."""
        async with asyncio.timeout(within_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def _listen(self, ready: asyncio.Event) -> None:
        version = (
            aiomqtt.ProtocolVersion.V311
            if self._broker.kind == "amqtt"
            else aiomqtt.ProtocolVersion.V5
        )
        while True:
            try:
                async with aiomqtt.Client(
                    "127.0.0.1", self._broker.port, identifier="subscriber", protocol=version
                ) as client:
                    for each in self._filters:
                        await client.subscribe(each, qos=1)
                    self.connections += 1
                    self._changed.set()
                    ready.set()
                    async for message in client.messages:
                        self._take(message)
            except aiomqtt.MqttError:
                # One that is cancelled while it says goodbye may tell of that as the broker being
                # away, and must not live on.
                if self._leaving:
                    return
                await asyncio.sleep(0.1)

    def _take(self, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        payload = message.payload
        assert isinstance(payload, bytes)
        try:
            content: Any = json.loads(payload) if payload else None
        except ValueError:
            return  # somebody else's
        self.said.append((topic, content))
        self.properties += getattr(message.properties, "UserProperty", [])
        kind = topic.split("/")[5:6]
        if kind == ["events"] or topic.split("/")[3:4] == ["events"]:
            self.events[content["event_id"]] += 1
        elif content is None:
            self.picture.pop(topic, None)
        elif topic.endswith(("/state", "/status")) or kind == ["transactions"]:
            self.picture[topic] = content
        self._changed.set()
