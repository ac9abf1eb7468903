"""A station that nobody knows comes, waits, charges, is taken in, and is told so."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from accounts import directory
from csms import administration, registry
from csms.connectivity import SilenceLimits
from csms.registry import Station
from csms.reports import OcppVersion
from foundation.clock import SetClock
from foundation.events import Doubt, TransactionEnded
from tests.csms.central import CARD, EVENING, Central, central_running, eventually

PASSWORD = "a-password-of-20-chr"


@pytest.fixture
def onboarding(database_url: str, clock: SetClock) -> Any:
    """Run a central system with a way of treating unknown stations."""
    clock.at = EVENING

    @asynccontextmanager
    async def run(way: str, **given: Any) -> AsyncIterator[Central]:
        async with central_running(database_url, clock, onboarding=way, **given) as central:
            yield central

    return run


def running(onboarding: Any, way: str, **given: Any) -> AbstractAsyncContextManager[Central]:
    found: AbstractAsyncContextManager[Central] = onboarding(way, **given)
    return found


async def stored(central: Central, identity: str) -> Station:
    async with central.database.unit_of_work() as db:
        return await registry.station(
            db, directory.WHOLE, identity, central.clock.now(), limits=SilenceLimits()
        )


async def test_refuse_lets_no_unknown_station_in_and_keeps_nothing_of_it(onboarding: Any) -> None:
    async with running(onboarding, "refuse") as central:
        with pytest.raises(InvalidStatus) as told:
            await central.connect("UNKNOWN", password=PASSWORD)
        assert told.value.response.status_code == 404
        assert await central.rows("select * from stations") == []
        known = await central.here()
        assert (await known.boot())["status"] == "Accepted"


async def test_accept_takes_an_unknown_station_in_at_once(onboarding: Any) -> None:
    async with running(onboarding, "accept") as central:
        station = await central.connect("NEW")
        answer = await station.boot()
        assert (answer["status"], answer["interval"]) == ("Accepted", 300)
        number = await station.start()
        await station.stop(number)
        transaction = await central.transaction(number)
        assert (transaction.owner, transaction.doubts) == ("root", ())
        assert (await stored(central, "NEW")).admission == "accepted"


async def test_pending_lets_a_station_wait_keeps_its_transactions_and_holds_them(
    onboarding: Any,
) -> None:
    async with running(onboarding, "pending") as central:
        station = await central.connect("NEW", password=PASSWORD)
        answer = await station.boot()
        assert (answer["status"], answer["interval"]) == ("Pending", 60)
        # Its messages about transactions are stored and answered all the same.
        number = await station.start()
        await station.read(30, 5000, transactionId=number)
        assert await station.stop(number) == {}
        transaction = await central.transaction(number)
        assert (transaction.state, transaction.doubts) == ("ended", (Doubt.STATION_WAITING,))
        [event] = await central.told(TransactionEnded, about="NEW")
        assert event.doubts == (Doubt.STATION_WAITING,)
        waiting = await stored(central, "NEW")
        assert (waiting.admission, waiting.has_password, waiting.security_profile) == (
            "waiting",
            True,
            1,
        )
        assert (waiting.vendor, waiting.connected) == ("Wattwerk", True)


@pytest.mark.parametrize("version", list(OcppVersion))
async def test_an_accepted_station_is_asked_to_boot_and_hears_that_it_is_taken_in(
    onboarding: Any, version: OcppVersion
) -> None:
    async with running(onboarding, "pending") as central:
        station = await central.connect("NEW", version)
        assert (await station.boot())["status"] == "Pending"
        async with central.database.unit_of_work() as db:
            await administration.accept_station(db, "NEW")
        _, message_id, action, payload = await station.next_asked()
        assert (action, payload) == ("TriggerMessage", {"requestedMessage": "BootNotification"})
        await station.send([3, message_id, {"status": "Accepted"}])
        assert (await station.boot())["status"] == "Accepted"
        if version is OcppVersion.V16:
            number = await station.start()
            await station.stop(number)
            assert (await central.transaction(number)).doubts == ()


async def test_a_refused_station_hears_so_and_is_not_let_in_again(onboarding: Any) -> None:
    async with running(onboarding, "pending") as central:
        station = await central.connect("NEW")
        await station.boot()
        async with central.database.unit_of_work() as db:
            await administration.refuse_station(db, "NEW")
        _, message_id, *_ = await station.next_asked()
        await station.send([3, message_id, {"status": "Accepted"}])
        assert (await station.boot())["status"] == "Rejected"
        await station.close()
        with pytest.raises(InvalidStatus) as told:
            await central.connect("NEW")
        assert told.value.response.status_code == 403


async def test_the_password_that_a_station_offered_first_is_its_password(onboarding: Any) -> None:
    async with running(onboarding, "pending") as central:
        first = await central.connect("NEW", password=PASSWORD)
        await first.boot()
        for wrong in (None, "another-password"):
            with pytest.raises(InvalidStatus) as told:
                await central.connect("NEW", password=wrong)
            assert told.value.response.status_code == 401
        async with central.database.unit_of_work() as db:
            await administration.accept_station(db, "NEW")
        again = await central.connect("NEW", password=PASSWORD)
        assert (await again.boot())["status"] == "Accepted"
        [row] = await central.rows("select password from stations")
        assert PASSWORD.encode() not in bytes(row["password"])


async def test_an_unknown_station_under_another_name_is_not_introduced(onboarding: Any) -> None:
    async with running(onboarding, "pending") as central:
        with pytest.raises(InvalidStatus) as told:
            await central.connect("NEW", user="SOMEBODY", password=PASSWORD)
        assert told.value.response.status_code == 401
        assert await central.rows("select * from stations") == []


async def test_a_station_that_says_nothing_of_itself_is_asked_once(onboarding: Any) -> None:
    async with running(onboarding, "accept") as central:
        silent, told = await central.connect("SILENT"), await central.connect("TOLD")
        await told.boot()
        await silent.call("Heartbeat", {})
        central.system.connections.trigger_boots()
        central.clock.at = EVENING.replace(second=5)
        for _ in range(3):
            central.system.connections.trigger_boots()
        _, message_id, action, payload = await silent.next_asked()
        assert (action, payload) == ("TriggerMessage", {"requestedMessage": "BootNotification"})
        await silent.send([3, message_id, {"status": "NotImplemented"}])
        await silent.call("Heartbeat", {})
        await told.call("Heartbeat", {})
        assert (silent.asked, told.asked) == ([], [])


@pytest.mark.parametrize(
    ("policy", "status"), [("accept", "Accepted"), ("pending", "Pending"), ("reject", "Rejected")]
)
async def test_a_boot_is_answered_by_the_stations_policy(
    onboarding: Any, policy: str, status: str
) -> None:
    async with running(onboarding, "pending") as central:
        station = await central.connect(await central.station(boot_policy=policy))
        assert (await station.boot())["status"] == status


async def test_many_strangers_at_once_wait_up_to_the_limit(
    onboarding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.compose._WAITING_STATIONS_MAX", 3)
    async with running(onboarding, "pending") as central:
        for number in range(3):
            await central.connect(f"NEW-{number}")
        with pytest.raises(InvalidStatus) as told:
            await central.connect("ONE-TOO-MANY")
        assert told.value.response.status_code == 503
        known = await central.here()
        assert (await known.boot())["status"] == "Accepted"


async def test_a_waiting_stations_driver_is_answered(onboarding: Any) -> None:
    async with running(onboarding, "pending") as central:
        station = await central.connect("NEW")
        answer = await station.call("Authorize", {"idTag": CARD})
        assert answer == {"idTagInfo": {"status": "Accepted"}}
        stranger = await station.call("Authorize", {"idTag": "NOBODY"})
        assert stranger == {"idTagInfo": {"status": "Invalid"}}


async def test_when_it_leaves_it_is_no_longer_connected(onboarding: Any) -> None:
    async with running(onboarding, "accept") as central:
        station = await central.connect("NEW")
        await station.boot()
        await station.close()

        async def gone() -> bool:
            return not (await stored(central, "NEW")).connected

        await eventually(gone)
