"""A station's certificate from the button to its end: the real program, a browser, a station.

A person asks; the station sends its request, which is signed, shown, installed and taken into use;
when it ends stands on the page of what ends soon. Revoked, the station is put out.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.async_api import Browser, Page, expect

from accounts import directory, passwords
from app.serve import Running, running
from csms import administration, authorities
from csms.administration import ConnectorSettings, EvseSettings, StationSettings
from foundation.clock import SystemClock
from foundation.postgres import EmbeddedPostgres
from foundation.sealing import sealer_of
from foundation.settings import Settings
from simulators.book import Book
from simulators.clock import RealClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import open_lean
from simulators.own_certificate import Secure
from simulators.station import Station
from tests.pki import Authority
from tests.portal.test_browser import chromium
from tests.ports import free_port

__all__ = ["chromium"]

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
OVER_THE_WIRE = "0123456789abcdef0123"


@dataclass
class Stage:
    """The program with its authority, and the root of its own certificate."""

    up: Running
    root: Authority
    tls_url: str


@pytest.fixture
async def stage(postgres: EmbeddedPostgres, template: str, tmp_path: Path) -> AsyncIterator[Stage]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database certificates_in_browser template {template}")
    root = Authority.root("Server Root")
    certificate, key = root.issue("localhost", host="localhost").write(tmp_path, "server")
    tls_port = free_port()
    settings = Settings.read(
        database_url=postgres.url_of("certificates_in_browser"),
        data_dir=tmp_path / "data",
        ocpp_port=0,
        ocpp_tls_port=tls_port,
        ocpp_tls_cert=certificate,
        ocpp_tls_key=key,
        http_port=free_port(),
        station_certificate_days=30,
    )
    async with running(settings, SystemClock(), say=lambda _: None) as up:
        now = up.clock.now()
        hashed = await passwords.hashed(PASSWORD)
        async with up.database.unit_of_work() as db:
            operator = await directory.root(db)
            await authorities.create(
                db,
                sealer_of(settings.data_dir, None),
                purpose="station",
                name="Stations",
                organisation=operator.name[:58],
                days=3650,
                by="test",
                now=now,
            )
            await directory.create_person(
                db,
                "wanda",
                {"roles": ["administrator"], "organisation": operator.key, "name": "Wanda"},
                password_hash=hashed,
                now=now,
            )
            await administration.create_station(
                db,
                "CS-1",
                operator.key,
                StationSettings(
                    evses=[EvseSettings(evse_id=1, connectors=[ConnectorSettings(connector_id=1)])]
                ),
                password=OVER_THE_WIRE,
                time_zone="Europe/Berlin",
                now=now,
            )
        assert up.central is not None
        assert await up.central.listener.doors.take_new_keys()  # as it does every ten seconds
        yield Stage(up, root, f"wss://localhost:{tls_port}")


async def until(page: Page, words: str) -> None:
    """Load a page anew until it says something: it tells what was when it was asked."""
    async with asyncio.timeout(30):
        while words not in await page.inner_text("main"):
            await asyncio.sleep(0.1)
            await page.reload()


async def test_a_certificate_is_asked_for_signed_installed_used_watched_and_revoked(
    stage: Stage, chromium: Browser
) -> None:
    station = Station(
        StationSpec(
            identity="CS-1",
            version="2.0.1",
            evses=(EvseSpec(evse_id=1),),
            password=OVER_THE_WIRE,
        ),
        url=stage.up.ocpp_url,
        clock=RealClock(),
        book=Book(),
        opener=open_lean,
        patience=Patience(reconnect_min_s=0.1, reconnect_max_s=0.5),
        secure=Secure(url=stage.tls_url, trusted=stage.root.pem),
    )
    living = asyncio.get_running_loop().create_task(station.run())
    context = await chromium.new_context(locale="en", reduced_motion="reduce")
    page = await context.new_page()
    portal = stage.up.portal_url
    try:
        await page.goto(f"{portal}/sign-in")
        await page.fill("#name", "wanda")
        await page.fill("#password", PASSWORD)
        await page.click("button.main")
        await page.wait_for_url(f"{portal}/")

        # It asks after its first boot by itself.
        own = f"{portal}/stations/CS-1/certificates"
        await page.goto(own)
        await until(page, "installed by us")
        first = station.certificate
        assert first is not None
        before = first.chain
        assert before is not None
        held = page.locator("tr", has_text="The station's own").first
        await expect(held).to_contain_text("CN=CS-1")

        # A person asks for another one.
        await page.click("#renew")
        await page.wait_for_url(f"{portal}/commands/*")
        await page.goto(own)
        asked = page.locator("section", has=page.locator("#asked-head")).locator("tbody tr")
        async with asyncio.timeout(30):
            while first.chain == before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        async with asyncio.timeout(30):
            while await asked.count() != 2 or await asked.filter(has_text="installed").count() != 2:
                await asyncio.sleep(0.1)
                await page.reload()

        # It ends in thirty days, and everybody who looks at what ends sees it.
        await page.goto(f"{portal}/certificates")
        await expect(page.locator("main")).to_contain_text("CS-1")

        # A certificate whose key was lost puts its station out.
        await page.goto(own)
        epoch = await epoch_of(stage)
        await asked.first.locator("button.danger").click()
        await until(page, "RevokedCertificateShown")
        assert await epoch_of(stage) == epoch
    finally:
        station.leave()
        await living
        await context.close()


async def epoch_of(stage: Stage) -> int:
    """Return how often the station has come in so far."""
    async with stage.up.database.unit_of_work() as db:
        connection = await db.connection()
        found = await connection.exec_driver_sql(
            "select epoch from station_connections where station = 'CS-1'"
        )
        return int(found.scalar_one())
