"""Rule 7.2 on what the hotline may do, and the switches of service packages: API and MQTT."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from accounts import api_keys
from alerts import monitoring
from billing import service_packages
from billing.packages import Maintenance, Package
from csms.connectivity import SilenceLimits
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from foundation.mqtt import Received
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours
from portal import topics
from portal.api.models import iso
from portal.feed_commands import Requests
from portal.limits import Limits
from tests.portal.api.test_commands import RESET, STATIONS, connect, made
from tests.portal.api.test_visits import API, SENT
from tests.support.conftest import HELEN

NORTH = OrganisationKey("north")
CS = StationId("CS-H")


@pytest.fixture
async def on_the_phone(administrator: AsyncClient, support: AsyncClient, database: Database) -> int:
    """A station of north that is connected, and a call about it that support has running."""
    await made(administrator, CS, NORTH)
    await connect(database, CS)
    answer = await support.post(f"{API}/calls", json={"station": CS})
    assert answer.status_code == 201
    return int(answer.json()["id"])


async def watch(database: Database, clock: SetClock, *, on: bool = True) -> None:
    async with database.unit_of_work() as db:
        if on:
            await monitoring.switch_on(db, CS, NORTH, by=HELEN, per_month=None, now=clock.now())
        else:
            await monitoring.switch_off(db, CS, by=HELEN, now=clock.now())


async def package(database: Database, clock: SetClock, *, hotline: bool, dispatch: bool) -> None:
    clock.advance(timedelta(seconds=1))
    now = clock.now()
    found = Package(
        key=f"p-{hotline}-{dispatch}".lower(),
        name="Basic",
        first_aid=False,
        hotline=hotline,
        dispatch=dispatch,
        maintenance=Maintenance.NONE,
        level=SHIPPED_LEVEL,
        hours=BusinessHours("Europe/Berlin"),
        valid_from=now,
    )
    async with database.unit_of_work() as db:
        await service_packages.define(db, found, by=HELEN.id, now=now)
        await service_packages.assign(
            db, "station", CS, found.key, organisation=NORTH, valid_from=now, by=HELEN.id, now=now
        )


async def key_of(database: Database, clock: SetClock, home: str) -> str:
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            role="administrator",
            name="desk",
            organisation_key=OrganisationKey(home),
            now=clock.now(),
        )
    return key


async def reset(client: AsyncClient, **as_: str) -> tuple[int, str]:
    answer = await client.post(f"{STATIONS}/{CS}/commands", json=RESET, headers=as_ or None)
    return answer.status_code, answer.json().get("code", "")


async def test_7_2_the_hotline_acts_only_for_monitored_stations_and_as_its_package_says(
    on_the_phone: int,
    support: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    owns = {"authorization": f"Bearer {await key_of(database, clock, NORTH)}"}
    assert await reset(support) == (409, "station_not_monitored")
    assert (await reset(support, **owns))[0] == 202, "an owner's own people always act"
    await watch(database, clock)
    assert (await reset(support))[0] == 202
    await package(database, clock, hotline=False, dispatch=True)
    assert await reset(support) == (409, "package_without_hotline")
    assert (await reset(support, **owns))[0] == 202
    await package(database, clock, hotline=True, dispatch=False)
    assert (await reset(support))[0] == 202
    await watch(database, clock, on=False)
    assert await reset(support) == (409, "station_not_monitored")
    over = await support.post(f"{API}/calls/{on_the_phone}/close", json={"outcome": "not_ours"})
    assert over.status_code == 200
    assert (await reset(support))[0] == 202, (
        "what is not done on a call is no matter of the hotline"
    )


async def test_7_2_the_hotline_is_asked_by_mqtt_as_by_api(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    await made(administrator, CS, NORTH)
    await connect(database, CS)
    key = await key_of(database, clock, "root")
    own = {"authorization": f"Bearer {key}"}
    begun = await administrator.post(f"{API}/calls", json={"station": CS}, headers=own)
    assert begun.status_code == 201
    requests = Requests(database, clock, SilenceLimits(), Limits())

    async def ask(number: int) -> Any:
        _, prefix, secret = key.split("_", 2)
        to = f"{topics.station(NORTH, CS)}/commands/request"
        said = {
            "key": prefix,
            "id": f"q{number}",
            "at": iso(clock.now()),
            "request": json.dumps(RESET),
        }
        signed = f"{to}\n{said['id']}\n{said['at']}\n{said['request']}".encode()
        keyed = hashlib.sha256(secret.encode()).digest()
        said["signature"] = hmac.new(keyed, signed, hashlib.sha256).hexdigest()
        answer = await requests._answer(Received(to, json.dumps(said).encode()))
        assert answer is not None
        return json.loads(answer.payload)

    assert (await ask(1))["code"] == "station_not_monitored"
    await watch(database, clock)
    assert (await ask(2))["state"] == "queued"


async def test_7_2_dispatch_while_monitored_and_by_the_operators_word_without_it_in_the_package(
    on_the_phone: int,
    support: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    ticket = (await support.post(f"{API}/tickets", json={"title": "Dark", "station": CS})).json()
    planned = await support.post(f"{API}/tickets/{ticket['id']}/visits", json={})
    path = f"{API}/visits/{planned.json()['id']}"
    cover = await support.put(f"{path}/cover", json={"cover": "warranty", "reason": "New"})
    assert cover.status_code == 200, cover.text

    async def send(**more: str) -> tuple[int, str]:
        answer = await support.post(f"{path}/dispatch", json=SENT | more)
        return answer.status_code, answer.json().get("code", "")

    assert await send(word="Ms Frey by mail") == (409, "station_not_monitored")
    await watch(database, clock)
    await package(database, clock, hotline=True, dispatch=False)
    assert await send() == (409, "package_without_dispatch")
    assert (await send(word="Ms Frey by mail"))[0] == 200
    told = (await support.get(f"{API}/tickets/{ticket['id']}")).json()
    assert "Ms Frey by mail" in [each["text"] for each in told["notes"]]
