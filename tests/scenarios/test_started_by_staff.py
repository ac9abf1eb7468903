"""A start by staff, from the REST call to the paper: paid by the token, or given away."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.station import Station
from tests.scenarios.stories import (
    GUEST,
    NOVEMBER,
    STAFF,
    TOWN,
    Story,
    car_that_takes,
    eventually,
    story,
)

HOUR = timedelta(hours=1)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    """The running program on a morning in October, with a tariff of 0.40 EUR/kWh at the town."""
    async with story(database_url, tmp_path) as begun:
        await begun.price("0.40", place=TOWN)
        yield begun


def start(version: str, token: str) -> dict[str, Any]:
    if version == "1.6":
        payload: dict[str, Any] = {"connectorId": 1, "idTag": token}
        return {"action": "RemoteStartTransaction", "payload": payload}
    payload = {"evseId": 1, "idToken": {"idToken": token, "type": "ISO14443"}}
    return {"action": "RequestStartTransaction", "payload": payload}


async def started_by_staff(
    world: Story, station: Station, version: str, token: str, decision: str
) -> str:
    """Ask the station to start with a car plugged in; return the transaction it led to."""
    station.plug_in(1, car_that_takes(10_000, HOUR))
    async with world.rest() as rest:
        asked = await rest.post(
            f"/stations/{station.identity}/commands",
            json=start(version, token) | {"billing_decision": decision},
        )
        assert asked.status_code == 202, asked.text
        command = asked.headers["location"].removeprefix("/api/v1")

        async def is_effective() -> dict[str, Any]:
            await station.deliver()
            found: dict[str, Any] = (await rest.get(command)).json()
            assert found["state"] not in ("rejected", "failed", "expired"), found
            return found if found["state"] == "effective" else {}

        found = await eventually(is_effective)
    assert found["billing_decision"] == decision
    return str(found["transaction_id"])


async def ended(world: Story, station: Station) -> None:
    await world.clock.pass_time(HOUR)
    if station.evses[1].charging is not None:
        station.finish(1)
    # Else it stopped by itself: nobody knows the token, and the answer to its start said so.
    station.unplug(1)
    await station.deliver()


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_what_staff_gives_away_is_a_line_of_nothing_and_is_never_unpaid(
    world: Story, version: str
) -> None:
    station = await world.station("CS-1", version)
    numbers = []
    for token in (STAFF, GUEST, "UNKNOWN"):
        numbers.append(await started_by_staff(world, station, version, token, "free"))
        await ended(world, station)
    await world.settled()

    async with world.rest() as rest:
        for number in numbers:
            shown = (await rest.get(f"/transactions/{number}")).json()
            assert (shown["class"], shown["hold_reason"]) == ("internal", None)
            [line] = shown["price_lines"]
            assert (line["kind"], line["net"]["amount"]) == ("by_staff", "0.00")
            assert line["sentence"] == "Started by staff, free of charge"

    world.clock.move_to(NOVEMBER)
    statement = await world.close()
    assert [(line["class"], line["net_amount"]) for line in statement["lines"]] == [
        ("internal", "0.00")
    ] * 3
    assert {line["transaction_id"] for line in statement["lines"]} == set(numbers)
    assert statement["unpaid"] == []
    assert statement["totals"]["internal"]["sessions"] == 3
    assert statement["payout_gross"] == "0.00"


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_what_the_token_pays_is_a_line_like_any_other(world: Story, version: str) -> None:
    station = await world.station("CS-1", version)
    for token in (STAFF, GUEST):
        await started_by_staff(world, station, version, token, "token")
        await ended(world, station)

    world.clock.move_to(NOVEMBER)
    statement = await world.close()
    assert [(line["class"], line["net_amount"]) for line in statement["lines"]] == [
        ("internal", "4.00"),
        ("external", "4.00"),
    ]
