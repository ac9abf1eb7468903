"""Logs, firmware and settings, from the REST call to the simulated station and back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.station import Station
from tests.scenarios.stories import STAFF, Story, back, eventually, story

MOMENT = "2026-10-15T08:00:00Z"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    async with story(database_url, tmp_path) as begun:
        yield begun


async def ask(
    rest: httpx.AsyncClient, station: Station, action: str, payload: dict[str, Any]
) -> dict[str, Any]:
    """Ask a station for something, and return the command when it is over."""
    asked = await rest.post(
        f"/stations/{station.identity}/commands", json={"action": action, "payload": payload}
    )
    assert asked.status_code == 202, asked.text
    command = asked.headers["location"].removeprefix("/api/v1")

    async def over() -> dict[str, Any]:
        await station.deliver()
        found: dict[str, Any] = (await rest.get(command)).json()
        return found if found["is_final"] else {}

    return await eventually(over)


async def listed(rest: httpx.AsyncClient, station: Station, what: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await rest.get(f"/stations/{station.identity}/{what}")).json()[
        "items"
    ]
    return items


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_log_comes_to_a_place_of_its_own_and_support_reads_it(
    world: Story, version: str
) -> None:
    station = await world.station("CS-1", version)
    of_16 = version == "1.6"
    action, payload = (
        ("GetDiagnostics", {})
        if of_16
        else ("GetLog", {"logType": "DiagnosticsLog", "requestId": 7, "log": {}})
    )
    async with world.rest() as rest:
        command = await ask(rest, station, action, payload)
        assert command["state"] == "effective", command

        async def came() -> dict[str, Any]:
            await station.deliver()
            progress = await listed(rest, station, "progress?kind=log")
            return progress[0] if progress and progress[0]["status"] == "Uploaded" else {}

        progress = await eventually(came)
        assert [each["status"] for each in progress["steps"]] == ["Uploading", "Uploaded"]
        assert progress["request_id"] == (None if of_16 else 7)
        [file] = await listed(rest, station, "files")
        assert file["file_name"] == "CS-1.log"
        text = (await rest.get(f"/files/{file['id']}/content")).text
    assert text.startswith(f"CS-1, OCPP {version}")


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_station_fetches_the_firmware_that_is_kept_here_and_boots_with_it(
    world: Story, version: str
) -> None:
    station = await world.station("CS-1", version)
    async with world.rest() as rest:
        added = await rest.post("/files?name=box.bin", content=b"version=9.1.0\n" + bytes(500_000))
        place = {"location": added.json()["reference"]}
        if version == "1.6":
            payload: dict[str, Any] = {**place, "retrieveDate": MOMENT}
        else:
            firmware = {**place, "retrieveDateTime": MOMENT}
            payload = {"requestId": 8, "firmware": firmware}
        # Its owner's own people are the order.
        await rest.patch(f"/stations/{station.identity}", json={"organisation": "root"})
        asked = await rest.post(
            f"/stations/{station.identity}/commands",
            json={"action": "UpdateFirmware", "payload": payload},
        )
        assert asked.status_code == 202, asked.text

        async def installed() -> bool:
            if station.is_connected:
                await station.deliver()
            elif station.nameplate.firmware == "9.1.0":
                await back(station)
            progress = await listed(rest, station, "progress")
            return bool(progress) and progress[0]["status"] == "Installed"

        await eventually(installed)
        [progress] = await listed(rest, station, "progress")
        assert [each["status"] for each in progress["steps"]] == [
            "Downloading",
            "Downloaded",
            "Installing",
            "Installed",
        ]
        shown = (await rest.get(f"/stations/{station.identity}")).json()
    assert shown["firmware"] == "9.1.0"


async def test_what_a_station_is_set_to_is_kept_as_it_answers(world: Story) -> None:
    old = await world.station("CS-16", "1.6")
    new = await world.station("CS-201", "2.0.1")
    async with world.rest() as rest:
        assert (await ask(rest, old, "GetConfiguration", {}))["state"] == "effective"
        keys = {each["key"]: each for each in await listed(rest, old, "configuration?limit=500")}
        assert keys["HeartbeatInterval"]["value"]
        assert not keys["HeartbeatInterval"]["read_only"]
        assert await listed(rest, old, "variables") == []

        report = {"requestId": 3, "reportBase": "FullInventory"}
        await ask(rest, new, "GetBaseReport", report)

        async def whole() -> bool:
            await new.deliver()
            reports = await listed(rest, new, "variable-reports")
            return bool(reports) and bool(reports[0]["is_whole"])

        await eventually(whole)
        found = await listed(rest, new, "variables?limit=500")
        assert {each["variable"] for each in found} >= {"HeartbeatInterval"}
        assert await listed(rest, new, "configuration") == []


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_reservation_is_kept_until_it_is_cancelled(world: Story, version: str) -> None:
    station = await world.station("CS-1", version)
    until = "2026-10-15T09:00:00Z"
    if version == "1.6":
        payload: dict[str, Any] = {
            "connectorId": 1,
            "expiryDate": until,
            "idTag": STAFF,
            "reservationId": 5,
        }
    else:
        token = {"idToken": STAFF, "type": "ISO14443"}
        payload = {"id": 5, "evseId": 1, "expiryDateTime": until, "idToken": token}
    async with world.rest() as rest:
        reserved = await ask(rest, station, "ReserveNow", payload)
        assert reserved["state"] == "effective", reserved
        [found] = await listed(rest, station, "reservations")
        assert (found["state"], found["id_token"], found["expires_at"]) == ("open", STAFF, until)
        shown = (await rest.get(f"/stations/{station.identity}")).json()
        statuses = [each["connectors"][0]["status"] for each in shown["evses"] if each["evse_id"]]
        assert statuses == ["Reserved"]

        cancelled = await ask(rest, station, "CancelReservation", {"reservationId": 5})
        assert cancelled["state"] == "effective", cancelled
        [found] = await listed(rest, station, "reservations")
        assert (found["state"], found["ending"]) == ("over", "Cancelled")
