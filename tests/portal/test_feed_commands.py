"""Tests of requests for commands by MQTT: from the broker to the station and back."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from accounts import api_keys, directory
from accounts.permissions import Permission
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey
from portal.api.models import iso
from tests.brokers import RunningBroker
from tests.csms.central import EVENING, OWNER, Central, RawStation, central_running
from tests.portal.test_feed import fed, topic
from tests.subscribers import Subscriber

pytestmark = pytest.mark.slow


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    made = RunningBroker("rumqttd", tmp_path)
    await made.start()
    yield made
    await made.stop()


@dataclass
class Asker:
    """Somebody with an API key who asks by MQTT and listens."""

    broker: RunningBroker
    central: Central
    heard: Subscriber
    key: str

    async def ask(
        self,
        identity: str,
        request: Any,
        *,
        id_: str = "q1",
        owner: str = OWNER,
        signed_for: str | None = None,
        **changes: Any,
    ) -> dict[str, Any]:
        """Ask for a command; return the answer."""
        _, prefix, secret = self.key.split("_", 2)
        to = topic(identity, "commands/request", owner)
        body = request if isinstance(request, str) else json.dumps(request)
        at = iso(self.central.clock.now())
        said = {"key": prefix, "id": id_, "at": at, "request": body} | changes
        message = f"{signed_for or to}\n{said['id']}\n{said['at']}\n{said['request']}"
        signing = hashlib.sha256(secret.encode()).digest()
        said.setdefault(
            "signature", hmac.new(signing, message.encode(), hashlib.sha256).hexdigest()
        )
        answer_at = topic(identity, f"commands/{id_}", owner)
        before = len(self.answers(answer_at))
        async with aiomqtt.Client(
            "127.0.0.1",
            self.broker.port,
            identifier="asker",
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            await client.publish(to, json.dumps(said), qos=1)
        await self.heard.until(lambda: len(self.answers(answer_at)) > before)
        return self.answers(answer_at)[-1]

    def answers(self, at: str) -> list[dict[str, Any]]:
        return [content for said, content in self.heard.said if said == at]


@pytest.fixture
async def central(database_url: str, clock: SetClock) -> AsyncIterator[Central]:
    clock.at = EVENING
    async with central_running(database_url, clock) as made:
        yield made


async def key_with(central: Central, *rights: Permission, owner: str = OWNER) -> str:
    async with central.database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="asker",
            rights=[str(each) for each in rights],
            organisation_key=OrganisationKey(owner),
            now=central.clock.now(),
        )
    return key


MAY = (Permission.FEED_COMMANDS, Permission.COMMANDS_SEND, Permission.STATIONS_READ)


@asynccontextmanager
async def asking(
    broker: RunningBroker, central: Central, *rights: Permission
) -> AsyncIterator[Asker]:
    key = await key_with(central, *(rights or MAY))
    async with (
        Subscriber(broker).listening() as heard,
        fed(central.database, central.clock, broker.url),
    ):
        yield Asker(broker, central, heard, key)


async def station_with_state(asker: Asker) -> RawStation:
    station = await asker.central.here()
    await station.boot()
    state = topic(station.identity, "state")
    await asker.heard.until(lambda: state in asker.heard.picture)
    return station


STATES = ["queued", "sent", "accepted", "effective"]
RESET = {"action": "Reset", "payload": {"type": "Soft"}}


async def test_a_command_by_mqtt_reaches_the_station_and_each_state_is_told(
    broker: RunningBroker, central: Central
) -> None:
    async with asking(broker, central) as asker:
        station = await station_with_state(asker)
        answer = await asker.ask(station.identity, RESET)
        asked = await station.next_asked()
        await station.send([3, asked[1], {"status": "Accepted"}])
        told_at = topic(station.identity, f"commands/{answer['id']}")
        await asker.heard.until(
            lambda: [each["state"] for each in asker.answers(told_at)][-1:] == ["effective"]
        )
        again = await asker.ask(station.identity, RESET)

    assert asked[2:] == ["Reset", {"type": "Soft"}]
    assert (answer["state"], answer["asked_by"]["door"]) == ("queued", "mqtt")
    assert [each["state"] for each in asker.answers(told_at)] == STATES
    assert [len(each["transitions"]) for each in asker.answers(told_at)] == [1, 2, 3, 4]
    assert again["id"] == answer["id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": "0" * 64}, "bad_signature"),
        ({"key": "0" * 12}, "bad_signature"),
        ({"signed_for": "leitstand/v1/owner/stations/other/commands/request"}, "bad_signature"),
        ({"at": "2020-01-01T00:00:00Z"}, "too_old"),
        ({"at": "yesterday"}, "invalid_input"),
        ({"request": "{"}, "invalid_input"),
        ({"request": '{"action": "Reset", "more": 1}'}, "invalid_input"),
    ],
)
async def test_a_request_that_is_not_sound_is_refused(
    broker: RunningBroker, central: Central, changes: dict[str, Any], code: str
) -> None:
    async with asking(broker, central) as asker:
        station = await station_with_state(asker)
        request = changes.pop("request", RESET)
        refused = await asker.ask(station.identity, request, **changes)
        accepted = await asker.ask(station.identity, RESET, id_="q2")

    assert refused["code"] == code
    assert accepted["state"] == "queued"


@pytest.mark.parametrize("missing", [Permission.FEED_COMMANDS, Permission.COMMANDS_SEND])
async def test_who_lacks_a_right_is_told_which(
    broker: RunningBroker, central: Central, missing: Permission
) -> None:
    async with asking(broker, central, *(set(MAY) - {missing})) as asker:
        station = await station_with_state(asker)
        refused = await asker.ask(station.identity, RESET)

    assert (refused["code"], missing.value in refused["detail"]) == ("not_permitted", True)


async def test_a_station_of_others_does_not_exist(broker: RunningBroker, central: Central) -> None:
    async with central.database.unit_of_work() as db:
        await directory.create_organisation(db, "other", {"name": "O"}, now=central.clock.now())
    other = await central.station(organisation=OrganisationKey("other"))
    async with asking(broker, central) as asker:
        station = await station_with_state(asker)
        foreign = await asker.ask(other, RESET, owner="other")
        unknown = await asker.ask("nowhere", RESET, id_="q2")
        misplaced = await asker.ask(station.identity, RESET, id_="q3", owner="other")

    assert [each["code"] for each in (foreign, unknown, misplaced)] == ["not_found"] * 3
    assert foreign["detail"].replace(other, "X") == unknown["detail"].replace("nowhere", "X")


async def test_a_change_of_configuration_needs_the_order_here_too(
    broker: RunningBroker, central: Central
) -> None:
    rights = (*MAY, Permission.COMMANDS_CONFIGURE)
    change = {
        "action": "ChangeConfiguration",
        "payload": {"key": "HeartbeatInterval", "value": "60"},
    }
    async with asking(broker, central, *rights) as asker:
        station = await station_with_state(asker)
        refused = await asker.ask(station.identity, change)

    assert "order" in refused["code"]


async def test_what_cannot_be_read_is_left_alone(broker: RunningBroker, central: Central) -> None:
    async with asking(broker, central) as asker:
        station = await station_with_state(asker)
        to = topic(station.identity, "commands/request")
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as client:
            for junk in (b"", b"\xff", b"[]", b'{"id": "a/b"}', b"x" * 600_000):
                await client.publish(to, junk, qos=1)
        answered = await asker.ask(station.identity, RESET, id_="after")

    assert answered["state"] == "queued"
    said = {each for each, _ in asker.heard.said if "/commands/" in each}
    assert not any(each.endswith("/commands/a/b") for each in said)


async def test_a_key_that_spent_its_minute_waits(broker: RunningBroker, central: Central) -> None:
    async with asking(broker, central) as asker:
        station = await station_with_state(asker)
        async with central.database.unit_of_work() as db:
            [key] = await api_keys.api_keys(db)
            await api_keys.change_api_key(
                db, key.id, {"rate_per_minute": 1}, now=central.clock.now()
            )
        first = await asker.ask(station.identity, RESET)
        second = await asker.ask(station.identity, RESET, id_="q2")

    assert (first["state"], second["code"]) == ("queued", "too_many_calls")


async def test_a_moment_within_the_span_is_taken_either_way(
    broker: RunningBroker, central: Central
) -> None:
    async with asking(broker, central) as asker:
        station = await station_with_state(asker)
        for number, minutes in enumerate((-4, 4)):
            at = iso(central.clock.now() + timedelta(minutes=minutes))
            answer = await asker.ask(station.identity, RESET, id_=f"q{number}", at=at)
            assert answer["state"] == "queued"
