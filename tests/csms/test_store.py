"""Stations, connectors and connections, written and read set by set."""

from datetime import timedelta

from csms import store
from csms.reports import BootReport, OcppVersion, StatusReport
from csms.store import Closed, NewStation, Opened, StationEvent
from foundation.identifiers import StationId
from tests.csms.central import at, moment
from tests.csms.handlers.work import OWNER, Work

V16 = OcppVersion.V16
ONE, TWO = StationId("CS-1"), StationId("CS-2")


async def connections(work: Work) -> dict[str, dict[str, object]]:
    rows = await work.rows("select * from station_connections")
    return {row["station"]: row for row in rows}


# ------------------------------------------------------------------------------- connecting


async def test_new_stations_are_made_with_their_owner_and_its_time_zone(work: Work) -> None:
    now = work.clock.now()
    new = [
        NewStation("Z-1", "waiting", b"record", OWNER, now),
        NewStation("A-1", "accepted", None, OWNER, now),
        NewStation("CS-1", "waiting", b"not this one", OWNER, now),
    ]
    await store.add_stations(work.db, new)
    access = await store.access_of(work.db, ["Z-1", "A-1", "CS-1", "NOBODY"])
    assert set(access) == {"Z-1", "A-1", "CS-1"}
    assert (access["Z-1"].admission, access["Z-1"].password) == ("waiting", b"record")
    assert (access["Z-1"].security_profile, access["A-1"].security_profile) == (1, 0)
    assert access["A-1"].time_zone == "Europe/Berlin"
    assert (access["CS-1"].admission, access["CS-1"].password) == ("accepted", None)
    owners = await work.rows("select station, organisation from station_owners order by station")
    assert [row["station"] for row in owners] == ["A-1", "CS-1", "CS-2", "Z-1"]
    assert await store.waiting_stations(work.db) == 1


async def test_epochs_rise_for_each_station(work: Work) -> None:
    now = work.clock.now()

    def opened(station: StationId, node: str = "a") -> Opened:
        return Opened(station, node, V16, "127.0.0.1", now)

    assert await store.open_connections(work.db, [opened(TWO), opened(ONE)]) == {ONE: 1, TWO: 1}
    assert await store.open_connections(work.db, [opened(ONE, "b")]) == {ONE: 2}
    rows = await connections(work)
    assert (rows[ONE]["node"], rows[TWO]["node"]) == ("b", "a")
    assert (await store.access_of(work.db, [ONE]))[ONE].station == ONE
    [station] = await work.rows("select ocpp_version from stations where identity = 'CS-1'")
    assert station["ocpp_version"] == "ocpp1.6"


async def test_only_the_close_of_the_newest_connection_counts(work: Work) -> None:
    now = work.clock.now()
    for _ in range(2):
        await store.open_connections(work.db, [Opened(ONE, "a", V16, "", now)])
    await store.open_connections(work.db, [Opened(TWO, "a", V16, "", now)])
    late = [Closed(ONE, 1, "late", now), Closed(TWO, 1, "gone", now)]
    assert await store.close_connections(work.db, late) == {TWO}
    rows = await connections(work)
    assert rows[ONE]["closed_at"] is None
    assert (rows[TWO]["closed_at"], rows[TWO]["close_reason"]) == (now, "gone")


async def test_a_sign_of_life_is_noted_for_its_connection_and_never_back_in_time(
    work: Work,
) -> None:
    now = work.clock.now()
    await store.open_connections(work.db, [Opened(ONE, "a", V16, "", now)])
    minute = timedelta(minutes=1)
    await store.note_heard(work.db, [("CS-1", 1, now + minute), ("CS-2", 1, now)])
    await store.note_heard(work.db, [("CS-1", 1, now - minute), ("CS-1", 7, now + 9 * minute)])
    assert (await connections(work))[ONE]["last_heard_at"] == now + minute


async def test_a_lease_is_renewed_ended_and_lost(work: Work) -> None:
    now = work.clock.now()
    for node in ("alive", "lost", "left"):
        await store.renew_lease(work.db, node, now, 15)
        await store.renew_lease(work.db, node, now, 15)
    await store.open_connections(work.db, [Opened(ONE, "lost", V16, "", now)])
    await store.open_connections(work.db, [Opened(TWO, "alive", V16, "", now)])
    assert await store.close_abandoned(work.db, now) == 0
    await work.rows(
        "update nodes set lease_until = clock_timestamp() - interval '1 second'"
        " where node = 'lost' returning 1"
    )
    assert await store.close_abandoned(work.db, now) == 1
    rows = await connections(work)
    assert (rows[ONE]["close_reason"], rows[TWO]["closed_at"]) == ("node lost", None)
    await store.end_lease(work.db, "left", now)
    await store.end_lease(work.db, "alive", now)
    assert (await connections(work))[TWO]["close_reason"] == "node stopped"
    nodes = await work.rows("select node from nodes order by node")
    assert [row["node"] for row in nodes] == ["lost"]


# ------------------------------------------------------------------------------ what they say


def status(work: Work, station: str, connector: int, word: str) -> StatusReport:
    payload = {"connectorId": connector, "errorCode": "NoError", "status": word}
    return work.report(
        V16, "StatusNotification", payload | {"timestamp": at(0)}, StatusReport, station=station
    )


async def test_statuses_of_many_stations_are_written_at_once(work: Work) -> None:
    reports = [
        status(work, "CS-2", 1, "Charging"),
        status(work, "CS-1", 2, "Available"),
        status(work, "CS-1", 1, "Faulted"),
    ]
    changed = await store.save_statuses(work.db, reports, [moment(0)] * 3)
    found = {
        (row["station"], row["evse_id"]): (row["old_status"], row["status"]) for row in changed
    }
    assert found == {
        ("CS-1", 1): (None, "Faulted"),
        ("CS-1", 2): (None, "Available"),
        ("CS-2", 1): (None, "Occupied"),
    }
    again = await store.save_statuses(work.db, [status(work, "CS-1", 1, "Available")], [moment(1)])
    assert (again[0]["old_status"], again[0]["status"]) == ("Faulted", "Available")
    older = await store.save_statuses(work.db, [status(work, "CS-1", 1, "Faulted")], [moment(0)])
    assert older == []


async def test_connectors_are_made_once_and_left_as_they_were_set_up(work: Work) -> None:
    await store.ensure_connectors(work.db, [("CS-1", 1, 1), ("CS-1", 1, 2), ("CS-1", 1, 1)])
    await work.rows(
        "update connectors set type = 'cType2' where station = 'CS-1' and connector_id = 1"
        " returning 1"
    )
    await store.ensure_connectors(work.db, [("CS-1", 1, 1), ("CS-1", 2, 1)])
    rows = await work.rows("select evse_id, connector_id, type from connectors order by 1, 2")
    assert [tuple(row.values()) for row in rows] == [(1, 1, "cType2"), (1, 2, None), (2, 1, None)]


async def test_a_boot_of_a_station_that_is_not_on_file_changes_nothing(work: Work) -> None:
    payload = {"chargePointVendor": "V", "chargePointModel": "M"}
    report = work.report(V16, "BootNotification", payload, BootReport, station="NOBODY")
    assert await store.save_boots(work.db, [report]) == {}


async def test_an_event_told_again_is_not_new(work: Work) -> None:
    def told(digest: bytes, station: str = "CS-1") -> StationEvent:
        return StationEvent(station, "monitor", moment(0), moment(1), digest, {"a": "\u00e4"})

    first = await store.save_station_events(work.db, [told(b"1"), told(b"2"), told(b"1")])
    assert first == {("CS-1", b"1"), ("CS-1", b"2")}
    again = await store.save_station_events(work.db, [told(b"1"), told(b"1", "CS-2")])
    assert again == {("CS-2", b"1")}


async def test_what_is_quarantined_gets_a_number_only_if_it_needs_one(work: Work) -> None:
    async def keep(*, numbered: bool) -> int | None:
        return await store.quarantine(
            work.db,
            station="CS-1",
            received_at=moment(0),
            action="StartTransaction",
            raw="raw",
            error="why",
            numbered=numbered,
        )

    assert await keep(numbered=False) is None
    one, two = await keep(numbered=True), await keep(numbered=True)
    assert one is not None
    assert two == one + 1
