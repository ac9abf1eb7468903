"""Reading alerts, and what people do with them."""

import pytest

from accounts.audit import Actor
from accounts.directory import WHOLE, Scope
from alerts import alerting
from alerts.alerting import OPEN, Filter
from alerts.detections import Detection, Severity
from alerts.life import AlertOver, AlertState, AlreadyAcknowledged, Change
from foundation.errors import InvalidInput, NotFound
from tests.alerts.watch import HOUR, MINUTE, NORTH, SOUTH, T0, Watch, finding, watch

__all__ = ["watch"]  # a fixture, taken by its name

LEA = Actor("person/1", "Lea", "portal", None)
KIM = Actor("person/2", "Kim", "portal", None)


async def test_an_alert_is_taken_on_escalated_and_recovers_all_the_same(watch: Watch) -> None:
    await watch.report(finding())
    [raised] = await watch.told()
    number = raised.alert_id
    async with watch.database.unit_of_work() as db:
        await alerting.acknowledge(db, number, by=LEA, note=" I look. ", now=T0 + MINUTE)
        with pytest.raises(AlreadyAcknowledged):
            await alerting.acknowledge(db, number, by=KIM, now=T0 + MINUTE)
        await alerting.mark_as_escalated(db, number, by=KIM, now=T0 + 2 * MINUTE)
    told = await watch.told()
    assert [(each.change, each.by_name, each.note) for each in told] == [
        ("acknowledged", "Lea", "I look."),
        ("escalated", "Kim", None),
    ]
    await watch.report(finding(at=T0 + HOUR, is_present=False))
    await watch.settle(T0 + 2 * HOUR)
    async with watch.database.unit_of_work() as db:
        sheet = await alerting.alert(db, WHOLE, number)
        assert sheet.alert.state is AlertState.RECOVERED
        assert [each.change for each in sheet.history] == [
            Change.RAISED,
            Change.ACKNOWLEDGED,
            Change.ESCALATED,
            Change.RECOVERED,
        ]
        with pytest.raises(AlertOver):
            await alerting.close(db, number, by=LEA, note="x", now=T0 + 3 * HOUR)


async def test_closing_ends_the_faults_and_what_is_found_again_is_a_new_alert(
    watch: Watch,
) -> None:
    await watch.report(finding("Y-1"), finding("Y-2"))
    [raised] = await watch.told()
    async with watch.database.unit_of_work() as db:
        with pytest.raises(InvalidInput):
            await alerting.close(db, raised.alert_id, by=LEA, note=" ", now=T0 + MINUTE)
        await alerting.close(db, raised.alert_id, by=LEA, note="Scrapped", now=T0 + MINUTE)
    [closed] = await watch.told()
    assert (closed.change, closed.note, closed.stations) == ("closed", "Scrapped", ("Y-1", "Y-2"))
    async with watch.database.unit_of_work() as db:
        sheet = await alerting.alert(db, WHOLE, raised.alert_id)
        assert not sheet.is_present
        assert await alerting.count(db, WHOLE) == 0
    await watch.report(finding("Y-1", at=T0 + 2 * MINUTE))
    [again] = await watch.told()
    assert (again.change, again.stations) == ("raised", ("Y-1",))
    assert again.alert_id != raised.alert_id


async def test_a_list_shows_what_is_asked_for_and_nothing_of_others(watch: Watch) -> None:
    await watch.report(
        finding("CS-1"),
        finding("CS-2", detection=Detection.FAULT, cause="GroundFailure", evse_id=1),
        finding("Y-1", severity=Severity.CRITICAL),
        finding("CS-9", organisation=SOUTH),
    )
    raised = {str(each.stations[0]): each.alert_id for each in await watch.told()}
    north = Scope(frozenset({NORTH}))
    async with watch.database.unit_of_work() as db:
        await alerting.acknowledge(db, raised["CS-1"], by=LEA, now=T0)
        await alerting.close(db, raised["CS-2"], by=LEA, note="x", now=T0)

        async def shown(scope: Scope, wanted: Filter) -> set[str]:
            found = await alerting.alerts(db, scope, wanted)
            return {station for each in found for station in each.stations}

        assert await shown(WHOLE, Filter()) == {"CS-1", "CS-2", "Y-1", "CS-9"}
        assert await shown(north, Filter()) == {"CS-1", "CS-2", "Y-1"}
        assert await shown(north, OPEN) == {"CS-1", "Y-1"}
        assert await shown(WHOLE, Filter(detections=[Detection.FAULT])) == {"CS-2"}
        assert await shown(WHOLE, Filter(severities=[Severity.CRITICAL])) == {"Y-1"}
        assert await shown(WHOLE, Filter(station="CS-9")) == {"CS-9"}
        assert await shown(WHOLE, Filter(location="yard")) == {"Y-1"}
        assert await shown(WHOLE, Filter(acknowledged=True)) == {"CS-1"}
        assert await shown(north, Filter(acknowledged=False)) == {"CS-2", "Y-1"}
        assert await shown(WHOLE, Filter(escalated=True)) == set()
        assert await shown(WHOLE, Filter(monitored=True)) == set()
        assert await shown(north, Filter(monitored=False)) == {"CS-1", "CS-2", "Y-1"}
        assert await shown(WHOLE, Filter(raised_from=T0 + MINUTE)) == set()
        assert await shown(north, Filter(raised_before=T0)) == set()
        assert await alerting.count(db, north) == 2
        newest, *others = await alerting.alerts(db, WHOLE)
        older = await alerting.alerts(db, WHOLE, after=newest.alert.id)
        assert older == others
        with pytest.raises(NotFound):
            await alerting.alert(db, north, raised["CS-9"])
        with pytest.raises(NotFound):
            await alerting.acknowledge(db, 10**9, by=LEA, now=T0)
        assert await alerting.open_by_station(db, north, ["CS-1", "CS-2", "CS-9"]) == {"CS-1": 1}


async def test_a_station_has_its_errors_open_and_past(watch: Watch) -> None:
    ground = Detection.FAULT
    await watch.report(finding("CS-1", detection=ground, cause="GroundFailure", evse_id=1))
    await watch.report(
        finding("CS-1", detection=ground, cause="GroundFailure", evse_id=1, is_present=False)
    )
    await watch.settle(T0 + HOUR)
    await watch.report(finding("CS-1", at=T0 + HOUR))
    async with watch.database.unit_of_work() as db:
        both = await alerting.faults_at(db, WHOLE, "CS-1")
        assert [each.cause for each in both] == ["silence", "GroundFailure"]
        [present] = await alerting.faults_at(db, WHOLE, "CS-1", is_open=True)
        assert present.cause == "silence"
        [past] = await alerting.faults_at(db, WHOLE, "CS-1", is_open=False)
        assert past.over_at == T0 + HOUR
        assert await alerting.faults_at(db, WHOLE, "CS-1", after=past.id) == []
        assert await alerting.faults_at(db, Scope(frozenset({SOUTH})), "CS-1") == []
