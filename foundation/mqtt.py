"""MQTT: the only file that imports the client. Keeps a connection while some work goes on.

Version 5 is spoken where the broker knows it, else 3.1.1, which has no user properties.

Source: MQTT 5.0 (OASIS), 3.1.2 (CONNECT), 3.3 (PUBLISH), 4.3 (quality of service).
"""

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from foundation.errors import ExpectedError, Unavailable, errors_in

log = structlog.get_logger(__name__)

EVENT_ID = "event-id"
"""The user property that names the event which a message tells of."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_IN_FLIGHT = 50
"""More at once only costs: the client looks through what is in flight for each message."""
_UNSUPPORTED_VERSION = 132
_NEITHER_EITHER_SIDE_TALKS_S = 30


class BrokerAway(Unavailable):
    """The broker cannot be reached, refused us, or closed the connection."""

    code = "broker_away"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The MQTT broker is away: {reason}")


@dataclass(frozen=True, slots=True)
class Message:
    """What is published; `qos` is 0 (may get lost) or 1 (comes at least once).

    An empty retained message takes a retained one away.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What came for us."""

    topic: str
    payload: bytes


class Link:
    """A connection to the broker, as long as the work that it was given to goes on."""

    def __init__(self, client: aiomqtt.Client, *, has_properties: bool, timeout_s: float) -> None:
        self._client = client
        self._has_properties = has_properties
        self._timeout_s = timeout_s
        self._lost = asyncio.Event()
        self._why = ""

    def lose(self, why: str) -> None:
        """Note that the connection is gone; whoever uses it is told."""
        self._why = why
        self._lost.set()

    def must_be_up(self) -> None:
        """Tell that the connection is gone, if it is.

        Raises:
            BrokerAway: If it is.
        """
        if self._lost.is_set():
            raise BrokerAway(self._why)

    async def until_lost(self) -> NoReturn:
        """Wait until the connection is gone.

        Raises:
            BrokerAway: Then.
        """
        await self._lost.wait()
        raise BrokerAway(self._why)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish in this order, many in flight; return when the broker took them all.

        Raises:
            BrokerAway: If it does not; which of them it took is not known then.
        """
        waiting = iter(messages)
        while some := list(islice(waiting, _IN_FLIGHT)):
            self.must_be_up()
            try:
                async with asyncio.timeout(self._timeout_s), asyncio.TaskGroup() as group:
                    watching = group.create_task(self.until_lost())
                    await asyncio.gather(*[self._publish(each) for each in some])
                    watching.cancel()
            except* BrokerAway:
                raise BrokerAway(self._why) from None
            except* (aiomqtt.MqttError, TimeoutError) as errors:
                reason = str(errors_in(errors)[0]) or "it does not acknowledge"
                raise BrokerAway(reason) from None

    async def _publish(self, message: Message) -> None:
        properties = None
        if self._has_properties and message.event_id is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.UserProperty = [(EVENT_ID, str(message.event_id))]
        await self._client.publish(
            message.topic,
            message.payload,
            qos=message.qos,
            retain=message.retain,
            properties=properties,
            timeout=math.inf,  # the whole lot has one
        )


class Broker:
    """Where the broker is, and which version it speaks.

    Args:
        url: `mqtt://user:password@host:1883` or `mqtts://…`.
        client_id: One at a time; the broker ends an older connection of the same name.
        timeout_s: How long the broker may take for an answer.
    """

    def __init__(self, url: str, *, client_id: str, timeout_s: float) -> None:
        self._url = urlsplit(url)
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._version = aiomqtt.ProtocolVersion.V5

    async def hold(
        self,
        work: Callable[[Link], Awaitable[None]],
        *,
        filters: Sequence[str] = (),
        received: Callable[[Received], None] = lambda _: None,
    ) -> None:
        """Connect and do the work, which the link tells when the connection is lost.

        It is not cancelled then: it may be in the middle of something that has nothing to do with
        the broker.

        Args:
            work: What to do with the connection.
            filters: Topics to subscribe to, with quality of service 1.
            received: Called for each message that came; must not take long.

        Raises:
            BrokerAway: If there is no connection, or no longer.
        """
        try:
            try:
                await self._hold(work, filters, received)
            except aiomqtt.MqttCodeError as error:
                if self._version is not aiomqtt.ProtocolVersion.V5 or not _is_too_new(error):
                    raise
                log.info("mqtt.version", speaks="3.1.1")
                self._version = aiomqtt.ProtocolVersion.V311
                await self._hold(work, filters, received)
        except aiomqtt.MqttError as error:
            raise BrokerAway(str(error)) from None

    async def _hold(
        self,
        work: Callable[[Link], Awaitable[None]],
        filters: Sequence[str],
        received: Callable[[Received], None],
    ) -> None:
        assert self._url.hostname is not None
        is_newest = self._version is aiomqtt.ProtocolVersion.V5
        client = aiomqtt.Client(
            self._url.hostname,
            self._url.port or _PORTS[self._url.scheme],
            username=None if self._url.username is None else unquote(self._url.username),
            password=None if self._url.password is None else unquote(self._url.password),
            identifier=self._client_id,
            protocol=self._version,
            clean_session=None if is_newest else True,
            timeout=self._timeout_s,
            keepalive=_NEITHER_EITHER_SIDE_TALKS_S,
            max_inflight_messages=_IN_FLIGHT,
            tls_context=ssl.create_default_context() if self._url.scheme == "mqtts" else None,
        )
        client.pending_calls_threshold = _IN_FLIGHT
        link = Link(client, has_properties=is_newest, timeout_s=self._timeout_s)
        try:
            async with client, asyncio.TaskGroup() as group:
                listening = group.create_task(_listen(client, link, received), name="mqtt.listen")
                for each in filters:
                    await client.subscribe(each, qos=1)
                await work(link)
                listening.cancel()
        except* (ExpectedError, aiomqtt.MqttError) as errors:
            raise errors_in(errors)[0] from None


async def _listen(client: aiomqtt.Client, link: Link, received: Callable[[Received], None]) -> None:
    """Hand on what comes, until the connection is lost."""
    try:
        async for message in client.messages:
            payload = message.payload
            received(Received(str(message.topic), payload if isinstance(payload, bytes) else b""))
    except aiomqtt.MqttError as error:
        link.lose(str(error))


def _is_too_new(error: aiomqtt.MqttCodeError) -> bool:
    code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
    return code == _UNSUPPORTED_VERSION
