"""A station talks to a central system that validates every frame."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from simulators.book import Book
from simulators.clock import HandClock
from simulators.dialect import Kind
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import LinkLost
from simulators.meter import Car
from simulators.station import Station
from tests.simulators.csms import TinyCsms, until

MORNING = datetime(2026, 10, 15, 8, tzinfo=UTC)
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
IMPATIENT = Patience(
    answer_timeout_s=0.2, retry_pause_s=0, reconnect_min_s=0.01, reconnect_max_s=0.05
)


def a_car() -> Car:
    return Car(battery_wh=60_000, soc=0.2, max_power_w=11_000)


def a_station(csms: TinyCsms, version: str = "1.6", **changes: object) -> Station:
    facts: dict[str, object] = {
        "identity": "CS-1",
        "version": version,
        "evses": (EvseSpec(evse_id=1), EvseSpec(evse_id=2)),
    }
    spec = StationSpec(**{**facts, **changes})  # type: ignore[arg-type]
    return Station(spec, url=csms.url, clock=HandClock(MORNING), book=Book(), patience=IMPATIENT)


async def charge_an_hour(station: Station) -> None:
    """Plug in, charge for an hour with a reading at half-time, stop, unplug."""
    station.plug_in(1, a_car())
    station.begin(1, "04A1B2C3")
    await station.clock.pass_time(timedelta(minutes=30))
    station.take_reading(1)
    await station.clock.pass_time(timedelta(minutes=30))
    station.finish(1)
    station.unplug(1)
    await station.deliver()


@VERSIONS
async def test_an_hour_of_charging_arrives_as_the_book_has_it(csms: TinyCsms, version: str) -> None:
    station = a_station(csms, version)
    await station.connect()
    assert (await station.boot()).status == "Accepted"
    assert await station.authorize("04A1B2C3") == "Accepted"
    await charge_an_hour(station)
    await station.heartbeat()
    await station.disconnect()

    [record] = station.book.records.values()
    [stored] = csms.transactions.values()
    assert csms.problems == []
    assert record.energy_wh == 11_000
    assert record.start_acknowledged
    assert record.end_acknowledged
    assert stored.end is not None
    if version == "1.6":
        assert stored.end["meterStop"] == record.meter_stop_wh
        assert record.transaction_number == stored.number
    else:
        assert sorted(stored.events) == [0, 1, 2]
        assert stored.start["transactionInfo"]["transactionId"] == record.ref
        assert stored.end["meterValue"][0]["sampledValue"][0]["value"] == record.meter_stop_wh


@VERSIONS
async def test_what_happens_offline_is_told_later_and_in_order(
    csms: TinyCsms, version: str
) -> None:
    station = a_station(csms, version)
    await station.connect()
    await station.boot()
    await station.deliver()
    station.cut_link()
    with pytest.raises(LinkLost):
        await charge_an_hour(station)
    assert csms.transactions == {}

    await station.connect()
    await station.deliver()
    await station.disconnect()
    [record] = station.book.records.values()
    [stored] = csms.transactions.values()
    assert record.started_offline
    assert stored.end is not None
    assert station.waiting == 0
    if version != "1.6":
        assert [event["seqNo"] for event in csms.calls("TransactionEvent")] == [0, 1, 2]
        assert all(event["offline"] for event in csms.calls("TransactionEvent"))
    assert csms.problems == []


@VERSIONS
@pytest.mark.parametrize("loss", ["swallowed", "lost", "refused"])
async def test_a_message_is_told_again_under_a_new_id_until_it_is_answered(
    csms: TinyCsms, version: str, loss: str
) -> None:
    station = a_station(csms, version)
    await station.connect()
    await station.boot()
    await station.deliver()
    start = "StartTransaction" if version == "1.6" else "TransactionEvent"
    match loss:
        case "swallowed":
            csms.swallow[start] = 2
        case "lost":
            station.lose_answers[Kind.START] = 2
        case _:
            csms.refuse[start] = 2
    await charge_an_hour(station)
    await station.disconnect()

    [record] = station.book.records.values()
    [stored] = csms.transactions.values()
    assert record.start_sent == 3
    assert record.end_acknowledged
    assert stored.end is not None
    assert stored.starts_heard == (1 if loss == "refused" else 3)
    assert len(set(csms.message_ids)) == len(csms.message_ids)


async def test_a_message_that_is_always_refused_is_given_up_and_the_book_says_so(
    csms: TinyCsms,
) -> None:
    station = a_station(csms)
    await station.connect()
    await station.boot()
    await station.deliver()
    csms.refuse["StartTransaction"] = 100
    await charge_an_hour(station)
    await station.disconnect()
    [record] = station.book.records.values()
    assert record.dropped == ["start"]
    assert not record.start_acknowledged
    assert csms.calls("StopTransaction")[0]["transactionId"] == -1


@VERSIONS
async def test_a_token_that_turns_out_bad_ends_the_transaction(
    csms: TinyCsms, version: str
) -> None:
    csms.bad_tokens["DEADBEEF"] = "Invalid"
    station = a_station(csms, version)
    await station.connect()
    await station.boot()
    assert await station.authorize("DEADBEEF") == "Invalid"
    station.plug_in(1, a_car())
    station.begin(1, "DEADBEEF")
    await station.deliver()
    await station.disconnect()
    [record] = station.book.records.values()
    assert record.stop_reason == "DeAuthorized"
    assert record.end_acknowledged


@VERSIONS
async def test_power_lost_in_mid_charge_ends_it_at_that_moment_and_is_told_after_the_boot(
    csms: TinyCsms, version: str
) -> None:
    station = a_station(csms, version)
    await station.connect()
    await station.boot()
    station.plug_in(1, a_car())
    station.begin(1, "04A1B2C3")
    await station.deliver()
    await station.clock.pass_time(timedelta(minutes=30))
    station.cut_power()
    await station.clock.pass_time(timedelta(hours=3))
    station.start_afresh()
    await station.connect()
    await station.boot()
    await station.deliver()
    await station.disconnect()
    [record] = station.book.records.values()
    assert record.energy_wh == 5_500
    assert record.stop_reason == "PowerLoss"
    assert record.said_ended_at == "2026-10-15T08:30:00.000Z"
    assert record.end_acknowledged
    assert csms.problems == []


async def test_a_wrong_password_opens_nothing_and_the_right_one_does(csms: TinyCsms) -> None:
    csms.passwords["CS-1"] = "s3cret-s3cret-s3cret"
    with pytest.raises(LinkLost):
        await a_station(csms, password="wrong").connect()
    station = a_station(csms, password="s3cret-s3cret-s3cret")
    await station.connect()
    assert station.is_connected
    await station.disconnect()


@VERSIONS
async def test_a_remote_start_and_stop_make_a_transaction(csms: TinyCsms, version: str) -> None:
    station = a_station(csms, version)
    await station.connect()
    await station.boot()
    if version == "1.6":
        answer = await csms.command(
            "CS-1", "RemoteStartTransaction", {"idTag": "04A1B2C3", "connectorId": 2}
        )
    else:
        answer = await csms.command(
            "CS-1",
            "RequestStartTransaction",
            {
                "idToken": {"idToken": "04A1B2C3", "type": "Central"},
                "remoteStartId": 7,
                "evseId": 2,
            },
        )
    assert answer["status"] == "Accepted"
    await station.deliver()
    [stored] = csms.transactions.values()
    if version == "1.6":
        answer = await csms.command(
            "CS-1", "RemoteStopTransaction", {"transactionId": stored.number}
        )
    else:
        assert stored.start["transactionInfo"]["remoteStartId"] == 7
        answer = await csms.command(
            "CS-1",
            "RequestStopTransaction",
            {"transactionId": stored.start["transactionInfo"]["transactionId"]},
        )
    assert answer["status"] == "Accepted"
    await station.deliver()
    await station.disconnect()
    [record] = station.book.records.values()
    assert (record.evse_id, record.stop_reason) == (2, "Remote")
    assert csms.problems == []


@VERSIONS
async def test_commands_it_does_not_know_are_answered_too(csms: TinyCsms, version: str) -> None:
    station = a_station(csms, version)
    await station.connect()
    assert await csms.command("CS-1", "MakeCoffee", {}) == {"error": "NotImplemented"}
    await station.disconnect()


async def test_a_station_on_its_own_survives_the_death_of_its_server(csms: TinyCsms) -> None:
    station = a_station(csms, "2.0.1")
    living = asyncio.get_running_loop().create_task(station.run())
    await until(lambda: station.boots == 1 and len(csms.calls("StatusNotification")) == 2)
    station.plug_in(1, a_car())
    station.begin(1, "04A1B2C3")
    await until(lambda: len(csms.transactions) == 1)
    await csms.kill()
    await until(lambda: not station.is_connected)
    await station.clock.pass_time(timedelta(minutes=10))
    station.finish(1)
    await csms.start()
    await until(lambda: station.waiting == 0)
    station.leave()
    await living
    [record] = station.book.records.values()
    assert record.end_acknowledged
    assert csms.connections["CS-1"] == 2


async def test_a_station_that_must_wait_boots_again_and_tells_nothing_until_then(
    csms: TinyCsms,
) -> None:
    csms.admission["CS-1"] = "Pending"
    station = a_station(csms)
    station.plug_in(1, a_car())
    station.begin(1, "04A1B2C3")
    living = asyncio.get_running_loop().create_task(station.run())
    await until(lambda: len(csms.calls("BootNotification")) == 1)
    csms.admission["CS-1"] = "Accepted"
    assert csms.transactions == {}
    answer = await csms.command("CS-1", "TriggerMessage", {"requestedMessage": "BootNotification"})
    assert answer == {"status": "Accepted"}
    await until(lambda: len(csms.transactions) == 1)
    station.leave()
    await living


async def test_a_reset_ends_what_runs_and_boots_again(csms: TinyCsms) -> None:
    station = a_station(csms)
    living = asyncio.get_running_loop().create_task(station.run())
    await until(lambda: station.boots == 1)
    station.plug_in(1, a_car())
    station.begin(1, "04A1B2C3")
    await until(lambda: len(csms.transactions) == 1)
    assert await csms.command("CS-1", "Reset", {"type": "Hard"}) == {"status": "Accepted"}
    await until(lambda: station.boots == 2 and station.waiting == 0)
    station.leave()
    await living
    [record] = station.book.records.values()
    assert record.stop_reason == "ImmediateReset"
    assert csms.calls("StopTransaction")[0]["reason"] == "HardReset"
