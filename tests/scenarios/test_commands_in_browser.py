"""Every remote command from a real browser to a station and back, and every way in which it fails.

The real program, a real Chromium, and stations of another implementation of OCPP. For each command
six stations of each version are asked at once: one that obeys, and one for each way to fail. What
the page says in the end is compared with what the station's own book says that it did.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from playwright.async_api import Browser, Page, StorageState
from playwright.async_api import TimeoutError as PlaywrightTimeout

from accounts import directory, passwords
from app.serve import Running, running
from csms import administration, charging, outcomes
from csms.administration import ConnectorSettings, EvseSettings, StationSettings, TokenSettings
from csms.queue import Command, CommandState, Failure
from foundation.clock import SystemClock
from foundation.identifiers import OrganisationKey, StationId
from foundation.postgres import EmbeddedPostgres
from foundation.settings import Settings
from simulators.book import Book
from simulators.clock import RealClock
from simulators.equipment import EvseSpec, Patience, Reservation, StationSpec
from simulators.link import open_lean
from simulators.manners import Failing, Manners
from simulators.meter import Car
from simulators.station import Station
from tests.portal.test_browser import chromium
from tests.ports import free_port
from tests.simulators.places import Place, a_place

__all__ = ["chromium"]

pytestmark = pytest.mark.slow

OWNER = OrganisationKey("works")
PASSWORD = "correct horse battery"
TOKEN = "04A1B2C3"
VERSIONS = ("1.6", "2.0.1")
CALL_TIMEOUT_S = 1.5
EFFECT_TIMEOUT_S = 4.0
LATE_S = 3.5
"""Later than the time-out of any action, which may be twice the usual one."""

COMMANDS = (
    "start",
    "stop",
    "unlock",
    "restart_soft",
    "restart_hard",
    "out_of_service",
    "in_service",
    "clear_cache",
    "read_configuration",
    "change_configuration",
    "update_firmware",
    "fetch_diagnostics",
    "trigger",
    "cancel_reservation",
)
FAILINGS = (
    None,
    Failing.REJECT,
    Failing.NO_ANSWER,
    Failing.LATE_ANSWER,
    Failing.LOSE_CONNECTION,
    Failing.LOSE_CONNECTION_BUT_DONE,
    Failing.NO_EFFECT,
)

WINDOW: dict[str, Any] = {"locale": "en", "reduced_motion": "reduce"}

WITHOUT_TRACE = {"clear_cache", "cancel_reservation"}
"""What shows by its answer alone, so that an answer of yes is all there is to see."""
ASKED_AGAIN = WITHOUT_TRACE | {
    "in_service",
    "out_of_service",
    "read_configuration",
    "change_configuration",
    "trigger",
    "fetch_diagnostics",
}
"""What is asked again after the connection was lost, since doing it twice does no harm."""

End = tuple[CommandState, Failure | None]

DONE: End = (CommandState.EFFECTIVE, None)
REJECTED: End = (CommandState.REJECTED, None)
CALL_ERROR: End = (CommandState.FAILED, Failure.CALL_ERROR)
NO_ANSWER: End = (CommandState.FAILED, Failure.NO_ANSWER)
NO_EFFECT: End = (CommandState.FAILED, Failure.NO_EFFECT)
UNKNOWN: End = (CommandState.FAILED, Failure.OUTCOME_UNKNOWN)


def expected(key: str, version: str, failing: Failing | None) -> set[End]:
    """How a command may end at a station with such manners."""
    match failing:
        case None:
            return {DONE}
        case Failing.REJECT:
            # 1.6 has no word for no in these answers.
            speechless = {"read_configuration", "update_firmware", "fetch_diagnostics"}
            return {CALL_ERROR} if version == "1.6" and key in speechless else {REJECTED}
        case Failing.NO_ANSWER:
            return {NO_ANSWER}
        case Failing.LATE_ANSWER:
            return {DONE}
        case Failing.LOSE_CONNECTION if key in ASKED_AGAIN:
            return {DONE}
        case Failing.LOSE_CONNECTION:
            # A station that is back tells all statuses anew and is asked for a boot message:
            # neither is an unlocking or a restart.
            return {UNKNOWN}
        case Failing.LOSE_CONNECTION_BUT_DONE:
            return {DONE}
        case _:
            assert failing is Failing.NO_EFFECT
            # "Unlocked" is what the station did, by its own word.
            is_seen = key in WITHOUT_TRACE | {"unlock"}
            is_seen = is_seen or (key == "read_configuration" and version == "1.6")
            return {DONE} if is_seen else {NO_EFFECT}


def failings_of(key: str) -> list[Failing | None]:
    """What is asked twice does no harm where it was done before: that need not be tried."""
    but_done = Failing.LOSE_CONNECTION_BUT_DONE
    return [each for each in FAILINGS if each is not but_done or key not in ASKED_AGAIN]


WORDS = {
    Failure.CALL_ERROR: "The station answered with an error",
    Failure.NO_ANSWER: "The station did not answer in time",
    Failure.NO_EFFECT: "Accepted, but nothing happened",
    Failure.OUTCOME_UNKNOWN: "It is not known whether it was done",
}


@dataclass
class Stage:
    """The program, the browser, and what stands ready for the stations."""

    up: Running
    browser: Browser
    login: StorageState
    place: Place
    book: Book
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    pages: list[Page] = field(default_factory=list)

    async def page(self) -> Page:
        """A page that nobody else uses now.

        Each in a window of its own: a browser keeps only few connections to one server open, and
        each page holds one for what is live.
        """
        if self.pages:
            return self.pages.pop()
        context = await self.browser.new_context(**WINDOW, storage_state=self.login)
        context.set_default_timeout(60_000)
        return await context.new_page()

    async def commands(self, station: str) -> list[Command]:
        async with self.up.database.unit_of_work() as db:
            return await outcomes.commands(db, directory.WHOLE, station=StationId(station))


@pytest.fixture(scope="module")
async def stage(
    postgres: EmbeddedPostgres,
    template: str,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    """One program and one signed-in browser for the whole file."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database commands_in_browser template {template}")
    port = free_port()
    settings = Settings.read(
        database_url=postgres.url_of("commands_in_browser"),
        data_dir=tmp_path_factory.mktemp("commands"),
        ocpp_port=0,
        http_port=port,
        call_timeout_s=CALL_TIMEOUT_S,
        effect_timeout_s=EFFECT_TIMEOUT_S,
        commands_in_flight_max=500,
        token_concurrency=0,
        api_calls_per_minute=100_000,
    )
    async with AsyncExitStack() as stack:
        place = stack.enter_context(a_place())
        place.files["/new.bin"] = b"version=9.9.9"
        up = await stack.enter_async_context(running(settings, SystemClock(), say=lambda _: None))
        await _settle_in(up)
        stage = Stage(up, chromium, await _signed_in(chromium, up), place, Book())
        yield stage
        for page in stage.pages:
            await page.context.close()


async def _settle_in(up: Running) -> None:
    """The owner, its own administrator, and a card that may charge."""
    now = up.clock.now()
    hashed = await passwords.hashed(PASSWORD)
    async with up.database.unit_of_work() as db:
        await directory.create_organisation(db, OWNER, {"name": "Public works"}, now=now)
        await directory.create_person(
            db,
            "wanda",
            {"roles": ["administrator"], "organisation": OWNER, "name": "Wanda"},
            password_hash=hashed,
            now=now,
        )
        card = TokenSettings(id_token=TOKEN, organisation=OWNER)
        await administration.set_id_tokens(db, [card], now=now)


async def _signed_in(browser: Browser, up: Running) -> StorageState:
    """Sign the owner's administrator in, and return the cookies."""
    context = await browser.new_context(**WINDOW)
    page = await context.new_page()
    await page.goto(f"{up.portal_url}/sign-in")
    await page.fill("#name", "wanda")
    await page.fill("#password", PASSWORD)
    await page.click("button.main")
    await page.wait_for_url(f"{up.portal_url}/")
    found = await context.storage_state()
    await context.close()
    return found


@asynccontextmanager
async def a_station(stage: Stage, version: str, failing: Failing | None) -> AsyncIterator[Station]:
    """A station of the owner, booted; it has no bad manners yet."""
    identity = f"CS-{next(stage.numbers):03d}"
    async with stage.up.database.unit_of_work() as db:
        await administration.create_station(
            db,
            identity,
            OWNER,
            StationSettings(
                evses=[EvseSettings(evse_id=1, connectors=[ConnectorSettings(connector_id=1)])],
                security_profile=0,
            ),
            password=None,
            time_zone="Europe/Berlin",
            now=stage.up.clock.now(),
        )
    station = Station(
        StationSpec(identity=identity, version=version, evses=(EvseSpec(evse_id=1),)),
        url=stage.up.ocpp_url,
        clock=RealClock(),
        book=stage.book,
        opener=open_lean,
        patience=Patience(reconnect_min_s=0.1, reconnect_max_s=0.5),
        manners=Manners(late_s=LATE_S, is_once=failing in LOSING),
    )
    living = asyncio.get_running_loop().create_task(station.run())
    try:
        await until(lambda: station.boots == 1 and station.has_told_all)
        yield station
    finally:
        station.leave()
        await living


LOSING = {Failing.LOSE_CONNECTION, Failing.LOSE_CONNECTION_BUT_DONE}


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds that happens on two sides of real sockets."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def prepare(station: Station, key: str) -> None:
    """Bring a station where the command makes sense."""
    match key:
        case "stop" | "stop_billing":
            station.plug_in(1, Car(60_000, 0.2, 11_000))
            station.begin(1, TOKEN)
            await until(lambda: station.waiting == 0)
        case "unlock":
            # A cable is in; else there would be nothing to see.
            station.plug_in(1, Car(60_000, 0.2, 11_000))
        case "in_service":
            station.set_operative(1, operative=False)
        case "cancel_reservation":
            until_at = station.clock.now().replace(year=2100)
            station.reserve(1, Reservation(reservation_id=5, id_token=TOKEN, until=until_at))
        case _:
            pass
    await until(lambda: station.has_told_all)


FILLED: dict[str, dict[str, str]] = {
    "start": {"id_token": TOKEN},
    "change_configuration": {"variable": "MeterValueSampleInterval", "value": "77"},
    "cancel_reservation": {"reservation": "5"},
}


async def press(page: Page, stage: Stage, key: str) -> None:
    """Press a button as a person would: unfold it, fill it in, answer its question."""
    form = page.locator(f"form[data-command]:has([name=do][value={key}])").first
    fold = page.locator("details.unfold").filter(has=form).first
    if await fold.count():
        await fold.locator("summary").first.click()
    fields = dict(FILLED.get(key, {}))
    if key == "update_firmware":
        fields["location"] = f"{stage.place.url}/new.bin"
    if key == "change_configuration" and await form.locator("[name=component]").count():
        fields["component"] = "SampledDataCtrlr"
    for name, value in fields.items():
        await form.locator(f"[name={name}]").fill(value)
    if key == "start":
        await form.locator("[name=billing][value=token]").check()
    if key == "trigger":
        await form.locator("[name=message]").select_option("Heartbeat")
    await form.locator("button").last.click()


async def carried_out(
    stage: Stage, key: str, version: str, failing: Failing | None
) -> tuple[str, str]:
    """Ask one station by the page, and tell what came of it and what should have."""
    name = f"{key} {version} {failing}"
    wanted = expected(key, version, failing)
    async with a_station(stage, version, failing) as station:
        await prepare(station, key)
        action_failings = {} if failing is None else {"*": failing}
        page = await stage.page()
        await page.goto(f"{stage.up.portal_url}/stations/{station.identity}/commands")
        station.manners.failings.update(action_failings)
        await press(page, stage, key)
        words = await _end_of(page, wanted)
        [command] = [
            each for each in await stage.commands(station.identity) if each.door == "portal"
        ]
        stage.pages.append(page)
        done = [
            each
            for each in stage.book.commands
            # Whoever was away is asked for a boot message by the system.
            if each["station"] == station.identity and each["did"] != "sent BootNotification"
        ]
        found = (command.state, command.failure)
        assert found in wanted, f"{name}: {found}, {command.transitions}, {done}"
        _by_the_book(name, key, failing, done, station)
    return name, words


async def _end_of(page: Page, wanted: set[End]) -> str:
    """Wait until the page tells one of the expected ends, and return what it says."""
    ends = page.locator(".none")
    for state, failure in wanted:
        if state is CommandState.EFFECTIVE:
            ends = ends.or_(page.locator(".command.ok"))
        else:
            words = "The station said no" if failure is None else WORDS[failure]
            ends = ends.or_(page.locator(".command.bad", has_text=words))
    try:
        await ends.first.wait_for(timeout=30_000)
    except PlaywrightTimeout as error:
        shown = await page.locator("main .command").all_inner_texts()
        raise AssertionError(f"{wanted}: the page shows {shown}") from error
    return await ends.first.inner_text()


NOT_DONE = {Failing.REJECT, Failing.NO_ANSWER, Failing.NO_EFFECT}


def _by_the_book(
    name: str,
    key: str,
    failing: Failing | None,
    done: list[dict[str, object]],
    station: Station,
) -> None:
    """Compare with the station's own book: done or not, and what cannot be done twice only once."""
    if failing in NOT_DONE or (failing is Failing.LOSE_CONNECTION and key not in ASKED_AGAIN):
        assert done == [], name
        return
    assert done, name
    if key not in ASKED_AGAIN:
        assert len(done) == 1, (name, done)
    match key:
        case "start":
            assert station.is_busy, name
        case "stop":
            assert not station.is_busy, name
        case "restart_soft" | "restart_hard" | "update_firmware":
            assert station.boots == 2, name
        case "change_configuration":
            assert station.settings["MeterValueSampleInterval"] == "77", name
        case "out_of_service" | "in_service":
            assert station.evses[1].operative is (key == "in_service"), name
        case "cancel_reservation":
            assert station.evses[1].reservation is None, name
        case _:
            pass
    if key == "update_firmware":
        assert station.nameplate.firmware == "9.9.9", name


@pytest.mark.parametrize("key", COMMANDS)
async def test_a_command_ends_on_the_page_as_it_did_at_the_station(stage: Stage, key: str) -> None:
    tasks = [
        carried_out(stage, key, version, failing)
        for version in VERSIONS
        for failing in failings_of(key)
    ]
    found = dict(await asyncio.gather(*tasks))
    assert len(found) == len(VERSIONS) * len(failings_of(key))
    assert all("asked by you" in words for words in found.values()), found


@pytest.mark.parametrize("version", VERSIONS)
async def test_billing_is_stopped_while_the_charging_goes_on(stage: Stage, version: str) -> None:
    """No command to the station: what is used from then on costs nothing."""
    async with a_station(stage, version, None) as station:
        await prepare(station, "stop_billing")
        page = await stage.page()
        await page.goto(f"{stage.up.portal_url}/stations/{station.identity}")
        await press(page, stage, "stop_billing")
        await page.get_by_text("Billing is stopped").wait_for()
        stage.pages.append(page)
        assert station.is_busy
        assert [each for each in stage.book.commands if each["station"] == station.identity] == []
        async with stage.up.database.unit_of_work() as db:
            [running_one] = await charging.transactions(
                db, directory.WHOLE, station=StationId(station.identity)
            )
        assert (running_one.billing_decision or "").startswith("until:")


async def test_everything_works_without_scripts(stage: Stage) -> None:
    """The same form, the whole page instead of a part of it."""
    async with a_station(stage, "1.6", None) as station:
        context = await stage.browser.new_context(
            **WINDOW, storage_state=stage.login, java_script_enabled=False
        )
        page = await context.new_page()
        await page.goto(f"{stage.up.portal_url}/stations/{station.identity}")
        await press(page, stage, "restart_hard")
        await page.wait_for_url("**command=*")
        assert "Restart (hard)" in await page.locator("#at-station .command").first.inner_text()
        await until(lambda: station.boots == 2)
        await context.close()
