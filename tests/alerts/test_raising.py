"""From findings to alerts on the real database: what is told, when, and that nothing is lost."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from alerts import alert_store, raising
from alerts.detections import Detection, Severity
from alerts.life import STORM, STORM_ALERTS
from foundation.identifiers import StationId
from tests.alerts.watch import HOUR, MINUTE, NORTH, SOUTH, T0, Watch, finding, watch

__all__ = ["watch"]  # a fixture, taken by its name


async def test_ten_stations_behind_one_failing_router_are_one_alert_that_grows(
    watch: Watch,
) -> None:
    await watch.report(*(finding(f"Y-{number}") for number in range(4)))
    [raised] = await watch.told()
    assert (raised.change, raised.location, len(raised.stations)) == ("raised", "yard", 4)
    for number in range(4, 10):
        await watch.report(finding(f"Y-{number}", at=T0 + number * MINUTE))
    told = await watch.told()
    assert {each.change for each in told} == {"grown"}
    assert {each.alert_id for each in told} == {raised.alert_id}
    assert told[-1].stations == tuple(f"Y-{number}" for number in range(10))
    back = T0 + HOUR
    await watch.report(*(finding(f"Y-{n}", at=back, is_present=False) for n in range(10)))
    await watch.settle(back + 16 * MINUTE)
    assert await watch.changes() == ["recovered"]


async def test_a_flapping_station_is_one_alert_and_one_recovery(watch: Watch) -> None:
    now = T0
    for _ in range(12):
        await watch.report(finding(at=now))
        await watch.settle(now + 4 * MINUTE)
        now += 5 * MINUTE
        await watch.report(finding(at=now, is_present=False))
        await watch.settle(now + 9 * MINUTE)
        now += 10 * MINUTE
    told = await watch.changes()
    assert told[0] == "raised"
    assert set(told[1:]) <= {"repeated"}
    await watch.settle(now + HOUR)
    assert await watch.changes() == []  # it came back so often that an hour's calm is not enough
    await watch.settle(now + 2 * HOUR)
    assert await watch.changes() == ["recovered"]
    await watch.settle(now + 3 * HOUR)
    assert await watch.changes() == []


async def test_nothing_is_lost_or_told_twice_if_the_program_dies_before_the_commit(
    watch: Watch,
) -> None:
    async def report_and_die() -> None:
        async with watch.database.unit_of_work() as db:
            await raising.report(db, [finding()], now=T0)
            assert await alert_store.open_faults(db, [finding().key])
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await report_and_die()
    assert await watch.told() == []
    async with watch.database.unit_of_work() as db:
        assert await alert_store.open_faults(db, [finding().key]) == {}
    # The watch's own notes were not kept either: it finds the same again.
    await watch.report(finding(), now=T0 + MINUTE)
    await watch.report(finding(), now=T0 + 2 * MINUTE)
    assert await watch.changes() == ["raised"]


async def test_two_watches_and_two_causes_are_always_two_alerts(watch: Watch) -> None:
    await watch.report(
        finding("Y-1"),
        finding("Y-1", detection=Detection.FAULT, cause="GroundFailure", evse_id=1),
        finding("Y-1", detection=Detection.FAULT, cause="HighTemperature", evse_id=1),
        finding("Y-1", detection=Detection.WARNING, cause="GroundFailure", evse_id=1),
        finding("Y-1", detection=Detection.JOB, cause="job/1"),
        finding("Y-1", detection=Detection.JOB, cause="job/2"),
    )
    assert await watch.changes() == ["raised"] * 6


async def test_another_organisation_and_another_place_have_alerts_of_their_own(
    watch: Watch,
) -> None:
    await watch.report(finding("Y-1"), finding("CS-1"), finding("CS-2", organisation=SOUTH))
    told = await watch.told()
    assert [(each.organisation, each.location, each.stations) for each in told] == [
        (NORTH, None, ("CS-1",)),
        (SOUTH, None, ("CS-2",)),
        (NORTH, "yard", ("Y-1",)),
    ]


async def test_what_happens_at_the_same_site_later_is_heard_although_the_first_is_still_open(
    watch: Watch,
) -> None:
    await watch.report(finding("Y-1"))
    await watch.report(finding("Y-2", at=T0 + HOUR))
    await watch.report(finding("Y-3", at=T0 + 2 * HOUR + MINUTE))
    told = await watch.told()
    assert [each.change for each in told] == ["raised", "grown", "raised"]
    assert told[0].alert_id != told[2].alert_id


async def test_repeats_are_counted_and_told_at_most_every_quarter_of_an_hour(watch: Watch) -> None:
    for minute in range(31):
        await watch.report(
            finding(
                detection=Detection.FAULT,
                cause="GroundFailure",
                at=T0 + minute * MINUTE,
                evidence={"minute": str(minute)},
            )
        )
    told = await watch.told()
    assert [each.change for each in told] == ["raised", "repeated", "repeated"]
    async with watch.database.unit_of_work() as db:
        alert = await alert_store.alert(db, told[0].alert_id)
        assert alert is not None
        assert alert.repeats == 30
        [fault] = (await alert_store.faults_of(db, [alert.id]))[alert.id]
        assert (fault.seen, fault.evidence) == (31, {"minute": "30"})


async def test_what_gets_worse_is_told_at_once(watch: Watch) -> None:
    await watch.report(finding(severity=Severity.WARNING))
    await watch.report(finding(severity=Severity.CRITICAL, at=T0 + MINUTE))
    await watch.report(finding(severity=Severity.INFO, at=T0 + 2 * MINUTE))
    told = await watch.told()
    assert [(each.change, each.severity) for each in told] == [
        ("raised", "warning"),
        ("grown", "critical"),
    ]


async def test_what_is_over_before_anybody_was_told_is_told_to_nobody(watch: Watch) -> None:
    fault: dict[str, Any] = {"detection": Detection.FAULT, "cause": "OverVoltage"}
    gone = finding(at=T0 + MINUTE, is_present=False, **fault)
    await watch.report(finding(**fault), gone, now=T0 + HOUR)
    await watch.settle(T0 + 2 * HOUR)
    assert await watch.told() == []
    # What comes back is told.
    later = T0 + 3 * HOUR
    await watch.report(finding(at=later, **fault), finding(at=later, is_present=False, **fault))
    await watch.report(finding(at=later + MINUTE, **fault))
    assert await watch.changes() == ["raised"]


async def test_a_recovery_of_what_was_never_known_or_older_than_its_last_sight_is_nothing(
    watch: Watch,
) -> None:
    await watch.report(finding(is_present=False))
    assert await watch.told() == []
    await watch.report(finding(at=T0 + HOUR))
    await watch.report(finding(at=T0, is_present=False), now=T0 + HOUR)
    await watch.settle(T0 + 4 * HOUR)
    assert await watch.changes() == ["raised"]


async def test_an_alert_recovers_when_its_last_fault_is_over(watch: Watch) -> None:
    await watch.report(finding("Y-1"), finding("Y-2"))
    await watch.report(finding("Y-1", at=T0 + MINUTE, is_present=False))
    await watch.settle(T0 + HOUR)
    assert await watch.changes() == ["raised"]
    await watch.report(finding("Y-2", at=T0 + HOUR, is_present=False))
    await watch.settle(T0 + HOUR + 15 * MINUTE)
    [over] = await watch.told()
    assert (over.change, over.stations) == ("recovered", ("Y-1", "Y-2"))


async def test_a_maintenance_window_silences_and_its_end_raises_what_is_still_there(
    watch: Watch,
) -> None:
    watch.windows.until[(StationId("CS-1"), None)] = T0 + 2 * HOUR
    watch.windows.until[(StationId("CS-2"), 1)] = T0 + 2 * HOUR
    ground: dict[str, Any] = {"detection": Detection.FAULT, "cause": "GroundFailure"}
    await watch.report(
        finding("CS-1", **ground, evse_id=1),
        finding("CS-1", **ground, evse_id=2),
        finding("CS-2", **ground, evse_id=1),
        finding("CS-2", **ground, evse_id=2),
    )
    [raised] = await watch.told()
    assert raised.stations == ("CS-2",)  # its EVSE 2, which nobody works at
    await watch.report(finding("CS-1", **ground, evse_id=2, at=T0 + HOUR, is_present=False))
    await watch.settle(T0 + 2 * HOUR - MINUTE)
    assert await watch.told() == []
    await watch.settle(T0 + 2 * HOUR)
    told = await watch.told()
    assert [(each.change, each.stations) for each in told] == [
        ("raised", ("CS-1",)),
        ("raised", ("CS-2",)),
    ]


async def test_a_storm_is_one_more_alert_in_which_nothing_is_lost(watch: Watch) -> None:
    await watch.report(*(finding(f"CS-{n:02}") for n in range(STORM_ALERTS + 10)))
    told = await watch.told()
    assert [each.change for each in told] == ["raised"] * (STORM_ALERTS + 1)
    storm = told[-1]
    assert storm.cause == STORM
    assert len(storm.stations) == 10
    await watch.report(finding("CS-90", at=T0 + 9 * MINUTE))
    await watch.report(finding("CS-91", at=T0 + 18 * MINUTE))  # it still rages
    await watch.report(finding("CS-92", detection=Detection.FAULT, at=T0 + 18 * MINUTE))
    assert [(each.change, each.cause) for each in await watch.told()] == [
        ("grown", STORM),
        ("grown", STORM),
        ("raised", "silence"),
    ]
    await watch.report(finding("CS-93", at=T0 + HOUR))
    assert [each.cause for each in await watch.told()] == ["silence"]


async def test_a_station_that_leaves_takes_its_faults_along(watch: Watch) -> None:
    await watch.report(finding("CS-1"), finding("CS-2"))
    await watch.told()
    watch.places.moved = {"CS-1": SOUTH, "CS-2": None}
    async with watch.database.unit_of_work() as db:
        for station in ("CS-1", "CS-2", "CS-3"):
            await raising.left(db, StationId(station), now=T0 + MINUTE)
    told = await watch.told()
    assert [(each.organisation, each.change, each.stations) for each in told] == [
        (NORTH, "recovered", ("CS-1",)),
        (SOUTH, "raised", ("CS-1",)),
        (NORTH, "recovered", ("CS-2",)),
    ]
    # Found again for another organisation, as when the move was not noticed.
    await watch.report(finding("CS-1", at=T0 + HOUR))
    assert [(each.organisation, each.change) for each in await watch.told()] == [
        (SOUTH, "recovered"),
        (NORTH, "raised"),
    ]


async def test_an_alert_says_whether_the_providers_watch_was_on(watch: Watch) -> None:
    async with watch.database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into stations (identity, time_zone, admission, boot_policy,"
                " security_profile, aliases, items_per_message, free_vend, created_at)"
                " values ('CS-1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at)"
            ),
            {"at": T0},
        )
        await db.execute(
            text(
                "insert into monitoring_activations (station, organisation, active_from,"
                " started_by, started_by_name) values ('CS-1', 'north', :at, 'x', 'x')"
            ),
            {"at": T0},
        )
    await watch.report(finding("CS-1"), finding("CS-2"))
    assert [each.monitored for each in await watch.told()] == [True, False]


async def test_what_concerns_the_installation_is_an_alert_without_stations(watch: Watch) -> None:
    await watch.report(finding(None, detection=Detection.BACKLOG, cause="billing"))
    [told] = await watch.told()
    assert (told.stations, told.location, told.monitored) == ((), None, False)


async def test_a_fault_told_by_status_and_by_monitors_is_one_alert_until_each_says_it_is_over(
    watch: Watch,
) -> None:
    place: dict[str, Any] = {"detection": Detection.FAULT, "evse_id": 1}
    bare = finding("Y-1", cause="OtherError", connector_id=1, **place)
    locks = [
        finding(
            "Y-1",
            cause="ConnectorLockFailure",
            connector_id=1,
            witness=f"Lock.{variable}",
            evidence={"monitor": f"Lock.{variable}"},
            **place,
        )
        for variable in ("Problem", "Tripped")
    ]
    await watch.report(bare)
    await watch.report(*locks, now=T0 + MINUTE)
    told = await watch.told()
    assert [(each.change, each.cause) for each in told] == [
        ("raised", "OtherError"),
        ("grown", "ConnectorLockFailure"),
    ]
    async with watch.database.unit_of_work() as db:
        [(number, its)] = (await alert_store.faults_of(db, [told[0].alert_id])).items()
        found = await alert_store.alert(db, number)
    assert found is not None
    assert found.cause == "ConnectorLockFailure"
    assert [each.evidence for each in its] == [{}, *({"monitor": each.witness} for each in its[1:])]
    # Another station at another time: the same reports the other way round.
    later = T0 + 3 * HOUR
    other = [replace(each, station=StationId("Y-2"), seen_at=later) for each in (*locks, bare)]
    for each in other:
        await watch.report(each)
    assert {each.cause for each in await watch.told()} == {"ConnectorLockFailure"}
    # One monitor and the status are calm; the other monitor is not.
    over = [replace(each, is_present=False, seen_at=later + MINUTE) for each in (bare, *locks)]
    await watch.report(*over[:2])
    await watch.settle(later + HOUR)
    assert await watch.changes() == []
    await watch.report(over[2])
    await watch.settle(later + HOUR)
    assert await watch.changes() == ["recovered"]


async def test_who_tells_of_a_fault_is_known_after_its_station_moved(watch: Watch) -> None:
    told = finding(detection=Detection.FAULT, cause="Fan.Problem", witness="Fan.Tripped")
    await watch.report(told)
    watch.places.moved["CS-1"] = SOUTH
    async with watch.database.unit_of_work() as db:
        await raising.left(db, StationId("CS-1"), now=T0 + MINUTE)
        [(key, fault)] = (await alert_store.open_faults(db, {told.key})).items()
    assert (key, fault.organisation, fault.witness) == (told.key, SOUTH, "Fan.Tripped")
