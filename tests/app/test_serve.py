"""The running program in one process: up, greeting, down."""

import asyncio
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from accounts import directory
from app.cli.server import greeting
from app.ports import PortBusy
from app.serve import running
from csms import administration
from csms.administration import StationSettings
from foundation.clock import SystemClock
from foundation.settings import Settings

OCPP16 = [Subprotocol("ocpp1.6")]


def settings_of(database_url: str, folder: Path, **changes: object) -> Settings:
    facts: dict[str, object] = {
        "database_url": database_url,
        "data_dir": folder,
        "ocpp_port": 0,
        "http_port": 0,
        "onboarding": "accept",
    }
    return Settings.read(**{**facts, **changes})


async def test_the_program_serves_stations_and_people_and_says_so(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path)
    async with running(settings, SystemClock(), say=lambda _: None) as up:
        assert up.workers is None
        async with httpx.AsyncClient() as client:
            ready = await client.get(f"{up.portal_url}/readyz")
        assert ready.json()["listener"] == "up"
        station = await connect(f"{up.ocpp_url}/CS-1", subprotocols=OCPP16)
        said = "\n".join(await greeting(up))
        assert up.portal_url in said
        assert up.ocpp_url in said
        assert up.fresh_password is not None
        assert said.count(up.fresh_password) == 1
        assert "security profile 0" in said  # of the station that was just let in
    with pytest.raises(ConnectionClosed) as closed:
        await station.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def test_the_second_start_shows_no_password(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path, ocpp_host="0.0.0.0")
    async with running(settings, SystemClock(), say=lambda _: None) as first:
        assert first.fresh_password is not None
    async with running(settings, SystemClock(), say=lambda _: None) as second:
        said = "\n".join(await greeting(second))

    assert "Password" not in said
    assert "LEITSTAND_OCPP_HOST" not in said
    assert "Warning" not in said


async def test_stations_without_a_password_are_warned_of(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path)
    async with running(settings, SystemClock(), say=lambda _: None) as up:
        assert "Warning" not in "\n".join(await greeting(up))
        async with up.database.unit_of_work() as db:
            root = await directory.root(db)
            for identity, password in (("CS-1", None), ("CS-2", "correct horse")):
                await administration.create_station(
                    db,
                    identity,
                    root.key,
                    StationSettings(),
                    password=password,
                    time_zone=root.time_zone,
                    now=up.clock.now(),
                )
        assert (await greeting(up))[-1].startswith(
            "Warning: without a password (security profile 0): CS-1. "
        )


@pytest.mark.parametrize("setting", ["ocpp_port", "http_port"])
async def test_a_taken_port_takes_the_rest_down_in_order(
    database_url: str, tmp_path: Path, setting: str
) -> None:
    settings = settings_of(database_url, tmp_path)
    async with running(settings, SystemClock(), say=lambda _: None) as up:
        port = up.ocpp_port if setting == "ocpp_port" else up.http_port
        second = settings_of(database_url, tmp_path, **{setting: port})
        with pytest.raises(PortBusy, match=f"LEITSTAND_{setting.upper()}"):
            async with running(second, SystemClock(), say=lambda _: None):
                pass
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{up.portal_url}/readyz")).status_code == 200


async def test_the_portal_is_asked_to_end_and_not_cut_off(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path)
    async with running(settings, SystemClock(), say=lambda _: None) as up:
        [portal] = [task for task in asyncio.all_tasks() if task.get_name() == "portal"]
    assert portal.done()
    assert not portal.cancelled()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{up.portal_url}/healthz")
