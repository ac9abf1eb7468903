"""A fleet charges on while its central system dies, and loses nothing."""

import asyncio
from pathlib import Path

import pytest

from simulators.book import Book, read_book
from simulators.fleet import Fleet, FleetOptions, RemoteTarget
from simulators.manners import Failing
from tests.simulators.csms import TinyCsms, until


def options(csms: TinyCsms, **changes: object) -> FleetOptions:
    facts: dict[str, object] = {
        "url": csms.url,
        "stations": 12,
        "session_s": 0.3,
        "pause_s": 0.05,
        "reading_s": 0.05,
        "duration_s": 60.0,
        "drain_s": 20.0,
        "ramp_s": 0.0,
        "answer_timeout_s": 0.5,
        "reconnect_max_s": 0.1,
        "power_w": 3_600_000,  # a Wh per millisecond, so that short sessions differ
    }
    return FleetOptions(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.slow
async def test_every_session_of_the_book_is_stored_once_though_the_server_died_thrice(
    csms: TinyCsms, tmp_path: Path
) -> None:
    book = Book(tmp_path / "fleet.jsonl")
    fleet = Fleet(options(csms), book)
    csms.swallow["StartTransaction"] = 3
    csms.swallow["TransactionEvent"] = 5
    csms.refuse["StopTransaction"] = 2
    csms.hang_up_after["StopTransaction"] = 3
    running = asyncio.get_running_loop().create_task(fleet.run())
    for count in (20, 40, 60):
        await until(lambda count=count: len(book.records) >= count)  # type: ignore[misc]
        await csms.kill()
        await until(lambda: fleet.online == 0)
        await csms.start()
        await until(lambda: fleet.online == 12)
    fleet.stop()
    report = await running
    book.close()

    assert report.unfinished == 0
    assert report.sessions == len(csms.transactions) >= 60
    told = read_book((tmp_path / "fleet.jsonl").read_text().splitlines(keepends=True))
    assert told.as_json() == book.as_json()
    stored = {by_nature(key): transaction for key, transaction in csms.transactions.items()}
    for record in told.records.values():
        key = (record.station, record.ref or record.said_started_at)
        end = stored[key].end
        assert end is not None
        if record.version == "1.6":
            assert end["meterStop"] - stored[key].start["meterStart"] == record.energy_wh
        else:
            assert end["meterValue"][0]["sampledValue"][0]["value"] == record.meter_stop_wh
            events = sorted(stored[key].events)
            assert events == list(range(len(events)))
    assert csms.problems == []
    assert len(set(csms.message_ids)) == len(csms.message_ids)


def by_nature(key: tuple[object, ...]) -> tuple[object, object]:
    """Return station and start time (1.6) or transaction id (2.x) of a stored transaction."""
    return (key[0], key[2]) if len(key) > 2 else (key[0], key[1])


async def test_what_is_never_acknowledged_stands_in_the_book_as_unfinished(
    csms: TinyCsms,
) -> None:
    fleet = Fleet(options(csms, stations=3, drain_s=0.2, versions=("1.6",)), Book())
    csms.swallow["StopTransaction"] = 1000
    running = asyncio.get_running_loop().create_task(fleet.run())
    await until(lambda: len(csms.transactions) >= 3)
    fleet.stop()
    report = await running
    assert report.unfinished >= 3
    assert all(record.start_acknowledged for record in list(fleet.book.records.values())[:3])


async def test_idle_stations_only_connect_and_boot(csms: TinyCsms) -> None:
    fleet = Fleet(options(csms, stations=5, charging=False, through_package=True), Book())
    running = asyncio.get_running_loop().create_task(fleet.run())
    await until(lambda: len(csms.calls("StatusNotification")) == 5)
    fleet.stop()
    report = await running
    assert (report.admitted, report.sessions) == (5, 0)


@pytest.mark.parametrize(
    ("url", "allow_remote", "is_allowed"),
    [
        ("ws://127.0.0.1:9000", False, True),
        ("ws://csms.example:9000", False, False),
        ("ws://csms.example:9000", True, True),
    ],
)
async def test_load_stays_on_this_machine_unless_told_otherwise(
    url: str, allow_remote: bool, is_allowed: bool
) -> None:
    chosen = FleetOptions(url=url, stations=1, allow_remote=allow_remote)
    if is_allowed:
        Fleet(chosen, Book())
    else:
        with pytest.raises(RemoteTarget, match=r"csms\.example"):
            Fleet(chosen, Book())


def test_a_fleet_describes_what_a_server_must_know_of_it() -> None:
    chosen = FleetOptions(url="ws://127.0.0.1:9000", stations=2, evses=1)
    assert chosen.described() == [
        {
            "identity": "SIM00001",
            "version": "1.6",
            "evses": [{"evse_id": 1, "max_power_w": 22_000, "id_token": "SIM000011"}],
        },
        {
            "identity": "SIM00002",
            "version": "2.0.1",
            "evses": [{"evse_id": 1, "max_power_w": 22_000, "id_token": "SIM000021"}],
        },
    ]


def test_only_every_nth_station_has_bad_manners() -> None:
    chosen = FleetOptions(
        url="ws://127.0.0.1:1", failings={"Reset": Failing.NO_EFFECT}, failing_every=3, late_s=0.5
    )
    bad = [index for index in range(1, 8) if chosen.manners(index).failing("Reset") is not None]
    assert bad == [3, 6]
    assert chosen.manners(1).late_s == 0.5
