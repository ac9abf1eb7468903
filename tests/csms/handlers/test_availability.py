"""Statuses: live and in the history, and what follows from them."""

from typing import Any

from csms.handlers.availability import statuses_reported
from csms.handlers.transactions import transactions_started
from csms.reports import Acknowledged, OcppVersion, StatusReport, TransactionStartReport
from foundation.events import ConnectorStatusChanged, FaultCleared, FaultReported
from tests.csms.central import at, moment, start
from tests.csms.handlers.work import Work


async def tell(work: Work, status: str, minutes: float | None, **more: Any) -> None:
    payload = {"connectorId": 1, "errorCode": "NoError", "status": status}
    if minutes is not None:
        payload["timestamp"] = at(minutes)
    report = work.report(OcppVersion.V16, "StatusNotification", payload | more, StatusReport)
    assert await statuses_reported(work.db, work.context, [report]) == [Acknowledged()]


async def live(work: Work) -> dict[str, Any]:
    [row] = await work.rows("select * from connectors where station = 'CS-1' and evse_id = 1")
    return row


async def test_a_status_is_live_and_in_the_history_and_told(work: Work) -> None:
    await tell(work, "SuspendedEVSE", 0, info="too hot", vendorErrorCode="17")
    row = await live(work)
    assert (row["status"], row["charging_state"]) == ("Occupied", "SuspendedEVSE")
    assert (row["original_status"], row["status_at"]) == ("SuspendedEVSE", moment(0))
    assert (row["info"], row["vendor_error_code"]) == ("too hot", "17")
    [event] = await work.told(ConnectorStatusChanged)
    assert (event.status, event.charging_state) == ("Occupied", "SuspendedEVSE")
    assert event.happened_at == moment(0)
    assert len(await work.rows("select * from status_history")) == 1


async def test_the_same_status_again_is_kept_and_not_told_again(work: Work) -> None:
    await tell(work, "Available", 0)
    await tell(work, "Available", 1)
    assert len(await work.told(ConnectorStatusChanged)) == 1
    assert (await live(work))["status_at"] == moment(1)
    assert len(await work.rows("select * from status_history")) == 2


async def test_a_status_without_a_time_is_of_now(work: Work) -> None:
    await tell(work, "Available", None)
    assert (await live(work))["status_at"] == work.clock.now()


async def test_an_older_status_changes_nothing_live(work: Work) -> None:
    await tell(work, "Charging", 10)
    await tell(work, "Available", 9)
    assert (await live(work))["original_status"] == "Charging"
    await tell(work, "Finishing", 10)
    assert (await live(work))["original_status"] == "Finishing", "of one moment the later one holds"


async def test_a_status_from_the_future_does_not_block_the_next_one(work: Work) -> None:
    await tell(work, "Faulted", 60 * 24 * 900)
    await tell(work, "Available", 480)
    assert (await live(work))["original_status"] == "Available"


async def test_a_fault_is_told_when_it_comes_changes_and_goes(work: Work) -> None:
    await tell(work, "Faulted", 0, errorCode="GroundFailure")
    await tell(work, "Faulted", 1, errorCode="GroundFailure")
    await tell(work, "Faulted", 2, errorCode="HighTemperature")
    await tell(work, "Available", 3)
    reported = [each.error_code for each in await work.told(FaultReported)]
    cleared = [each.error_code for each in await work.told(FaultCleared)]
    assert reported == ["GroundFailure", "HighTemperature"]
    assert cleared == ["GroundFailure", "HighTemperature"]


async def test_an_error_that_does_not_prevent_charging_is_told_again_when_it_does(
    work: Work,
) -> None:
    await tell(work, "Charging", 0, errorCode="HighTemperature")
    await tell(work, "Faulted", 1, errorCode="HighTemperature")
    await tell(work, "Available", 2, errorCode="HighTemperature")
    assert [each.faulted for each in await work.told(FaultReported)] == [False, True, False]
    assert await work.told(FaultCleared) == []


async def test_faulted_without_an_error_is_no_fault(work: Work) -> None:
    await tell(work, "Faulted", 0, errorCode="NoError")
    await tell(work, "Available", 1)
    assert await work.told(FaultReported) == []
    assert len(await work.told(ConnectorStatusChanged)) == 2


async def test_a_faulted_connector_of_the_newer_versions_has_an_unnamed_fault(work: Work) -> None:
    for minute, status in enumerate(("Available", "Faulted", "Available")):
        payload = {
            "timestamp": at(minute),
            "connectorStatus": status,
            "evseId": 1,
            "connectorId": 1,
        }
        report = work.report(OcppVersion.V201, "StatusNotification", payload, StatusReport)
        await statuses_reported(work.db, work.context, [report])
    [fault] = await work.told(FaultReported)
    assert (fault.error_code, fault.faulted) == ("OtherError", True)
    assert [each.error_code for each in await work.told(FaultCleared)] == ["OtherError"]


async def test_available_starts_the_suspicion_of_a_lost_end_and_occupied_ends_it(
    work: Work,
) -> None:
    begun = work.report(OcppVersion.V16, "StartTransaction", start(0), TransactionStartReport)
    await transactions_started(work.db, work.context, [begun])

    async def suspected_since() -> Any:
        [row] = await work.rows("select available_since from transactions")
        return row["available_since"]

    await tell(work, "Available", -5)
    assert await suspected_since() is None, "it was free before the transaction began"
    await tell(work, "Available", 10)
    await tell(work, "Available", 20)
    assert await suspected_since() == moment(10)
    await tell(work, "Charging", 30)
    assert await suspected_since() is None
    await tell(work, "Available", 40, connectorId=2)
    assert await suspected_since() is None, "that is another connector"


async def test_a_2x_status_names_evse_and_connector(work: Work) -> None:
    payload = {"timestamp": at(0), "connectorStatus": "Reserved", "evseId": 2, "connectorId": 3}
    report = work.report(OcppVersion.V201, "StatusNotification", payload, StatusReport)
    await statuses_reported(work.db, work.context, [report])
    [row] = await work.rows("select evse_id, connector_id, status from connectors")
    assert row == {"evse_id": 2, "connector_id": 3, "status": "Reserved"}
