"""What a station answers when it is asked, and what it then does."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.book import Book
from simulators.clock import HandClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.meter import Car
from simulators.station import Station
from tests.simulators.csms import TinyCsms, until

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
TWO = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


class At:
    """A station that lives by itself, and a way to ask it."""

    def __init__(self, csms: TinyCsms, version: str) -> None:
        self.csms = csms
        self.station = Station(
            StationSpec(
                identity="CS-1",
                version=version,
                evses=(EvseSpec(evse_id=1), EvseSpec(evse_id=2)),
            ),
            url=csms.url,
            clock=HandClock(NOON),
            book=Book(),
            patience=Patience(answer_timeout_s=1, reconnect_min_s=0.01),
        )

    async def __aenter__(self) -> "At":
        self._living = asyncio.get_running_loop().create_task(self.station.run())
        await until(lambda: len(self.csms.calls("StatusNotification")) == 2)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.station.leave()
        await self._living
        assert self.csms.problems == []

    async def ask(self, action: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self.csms.command("CS-1", action, payload or {})

    def charge(self, evse_id: int = 1) -> None:
        self.station.plug_in(evse_id, Car(60_000, 0.2, 11_000))
        self.station.begin(evse_id, "04A1")

    async def heard(self, action: str, count: int = 1) -> list[dict[str, Any]]:
        await until(lambda: len(self.csms.calls(action)) >= count)
        return self.csms.calls(action)


async def test_a_remote_start_of_what_is_taken_or_absent_is_rejected(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        at.charge(1)
        start = {"idTag": "04A1", "connectorId": 1}
        assert (await at.ask("RemoteStartTransaction", start))["status"] == "Rejected"
        start["connectorId"] = 9
        assert (await at.ask("RemoteStartTransaction", start))["status"] == "Rejected"
        assert (await at.ask("RemoteStartTransaction", {"idTag": "B"}))["status"] == "Accepted"
        await at.heard("StartTransaction", 2)
        stop = {"transactionId": 999}
        assert (await at.ask("RemoteStopTransaction", stop))["status"] == "Rejected"


async def test_16_unlocks_by_ending_what_runs(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        at.charge(1)
        assert await at.ask("UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
        await at.heard("StopTransaction")
        assert await at.ask("UnlockConnector", {"connectorId": 7}) == {"status": "NotSupported"}


@TWO
async def test_2x_does_not_unlock_what_runs(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        at.charge(1)
        for evse_id, status in (
            (1, "OngoingAuthorizedTransaction"),
            (2, "Unlocked"),
            (3, "UnknownConnector"),
        ):
            answer = await at.ask("UnlockConnector", {"evseId": evse_id, "connectorId": 1})
            assert answer["status"] == status


async def test_16_changes_availability_now_or_later(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        at.charge(1)
        for connector_id, status in ((1, "Scheduled"), (2, "Accepted"), (5, "Rejected")):
            answer = await at.ask(
                "ChangeAvailability", {"connectorId": connector_id, "type": "Inoperative"}
            )
            assert answer["status"] == status
        await until(lambda: not at.station.evses[1].operative)
        at.station.finish(1)
        at.station.unplug(1)
        await until(
            lambda: (
                {
                    (status["connectorId"], status["status"])
                    for status in csms.calls("StatusNotification")
                }
                >= {(1, "Unavailable"), (2, "Unavailable")}
            )
        )
        answer = await at.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})
        assert answer["status"] == "Accepted"
        await until(lambda: at.station.evses[1].operative)


@TWO
async def test_2x_changes_availability_of_one_evse_or_all(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        for payload in ({"evse": {"id": 2}}, {}):
            answer = await at.ask(
                "ChangeAvailability", {"operationalStatus": "Inoperative", **payload}
            )
            assert answer["status"] == "Accepted"
        await until(lambda: not any(evse.operative for evse in at.station.evses.values()))


async def test_16_configuration_is_read_and_changed(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        answer = await at.ask("GetConfiguration", {"key": ["NumberOfConnectors", "Teapot"]})
        assert answer == {
            "configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}],
            "unknownKey": ["Teapot"],
        }
        assert len((await at.ask("GetConfiguration"))["configurationKey"]) == 5
        for key, status in (
            ("HeartbeatInterval", "Accepted"),
            ("NumberOfConnectors", "Rejected"),
            ("Teapot", "NotSupported"),
        ):
            answer = await at.ask("ChangeConfiguration", {"key": key, "value": "60"})
            assert answer["status"] == status
        answer = await at.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
        assert answer["configurationKey"][0]["value"] == "60"


@TWO
async def test_2x_variables_are_read_changed_and_reported(csms: TinyCsms, version: str) -> None:
    def named(name: str, **more: str) -> dict[str, Any]:
        return {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}, **more}

    async with At(csms, version) as at:
        answer = await at.ask(
            "SetVariables",
            {
                "setVariableData": [
                    named("HeartbeatInterval", attributeValue="60"),
                    named("NumberOfConnectors", attributeValue="3"),
                    named("Teapot", attributeValue="hot"),
                ]
            },
        )
        assert [result["attributeStatus"] for result in answer["setVariableResult"]] == [
            "Accepted",
            "Rejected",
            "UnknownVariable",
        ]
        answer = await at.ask(
            "GetVariables", {"getVariableData": [named("HeartbeatInterval"), named("Teapot")]}
        )
        first, second = answer["getVariableResult"]
        assert (first["attributeStatus"], first["attributeValue"]) == ("Accepted", "60")
        assert second["attributeStatus"] == "UnknownVariable"
        answer = await at.ask(
            "GetBaseReport", {"requestId": 9, "reportBase": "ConfigurationInventory"}
        )
        assert answer["status"] == "Accepted"
        [report] = await at.heard("NotifyReport")
        assert report["requestId"] == 9


@TWO
async def test_2x_tells_whether_a_transaction_goes_on_and_what_is_queued(
    csms: TinyCsms, version: str
) -> None:
    async with At(csms, version) as at:
        assert await at.ask("GetTransactionStatus") == {"messagesInQueue": False}
        at.charge(1)
        await at.heard("TransactionEvent")
        await until(lambda: at.station.waiting == 0)
        [record] = at.station.book.records.values()
        answer = await at.ask("GetTransactionStatus", {"transactionId": record.ref})
        assert answer == {"ongoingIndicator": True, "messagesInQueue": False}
        answer = await at.ask("GetTransactionStatus", {"transactionId": "other"})
        assert answer == {"ongoingIndicator": False, "messagesInQueue": False}


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        ("BootNotification", "BootNotification"),
        ("Heartbeat", "Heartbeat"),
        ("StatusNotification", "StatusNotification"),
        ("MeterValues", "MeterValues"),
    ],
)
async def test_a_triggered_message_comes(csms: TinyCsms, wanted: str, heard: str) -> None:
    async with At(csms, "1.6") as at:
        at.charge(1)
        await at.heard("StartTransaction")
        await until(lambda: at.station.waiting == 0)
        before = len(csms.calls(heard))
        answer = await at.ask("TriggerMessage", {"requestedMessage": wanted})
        assert answer == {"status": "Accepted"}
        await at.heard(heard, before + 1)


async def test_what_cannot_be_triggered_is_said_to_be_so(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        asked = {"requestedMessage": "DiagnosticsStatusNotification"}
        assert await at.ask("TriggerMessage", asked) == {"status": "NotImplemented"}
        asked = {"requestedMessage": "MeterValues", "connectorId": 4}  # type: ignore[dict-item]
        assert await at.ask("TriggerMessage", asked) == {"status": "Rejected"}


@TWO
async def test_a_reset_on_idle_waits_for_nobody(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        at.charge(1)
        assert (await at.ask("Reset", {"type": "OnIdle"}))["status"] == "Rejected"
        at.station.finish(1)
        assert (await at.ask("Reset", {"type": "OnIdle"}))["status"] == "Accepted"
        boots = await at.heard("BootNotification", 2)
        assert boots[1]["reason"] == "ScheduledReset"


async def test_local_lists_logs_and_firmware_are_acknowledged(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        assert await at.ask("GetLocalListVersion") == {"listVersion": 0}
        update = {"listVersion": 4, "updateType": "Full"}
        assert await at.ask("SendLocalList", update) == {"status": "Accepted"}
        assert await at.ask("GetLocalListVersion") == {"listVersion": 4}
        when = {"location": "ftp://files.example/1", "retrieveDate": "2026-10-15T12:00:00Z"}
        assert await at.ask("UpdateFirmware", when) == {}
        await at.heard("FirmwareStatusNotification", 4)
        log = {
            "log": {"remoteLocation": "ftp://files.example"},
            "logType": "SecurityLog",
            "requestId": 3,
        }
        assert (await at.ask("GetLog", log))["status"] == "Accepted"
        await at.heard("LogStatusNotification", 2)
        assert await at.ask("ClearCache") == {"status": "Accepted"}
        transfer = {"vendorId": "org.example"}
        assert await at.ask("DataTransfer", transfer) == {"status": "UnknownVendorId"}


async def test_only_what_is_free_can_be_reserved(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        at.charge(1)
        for connector_id, status in ((1, "Occupied"), (2, "Accepted")):
            wish = {
                "connectorId": connector_id,
                "expiryDate": "2026-10-15T13:00:00Z",
                "idTag": "04A1",
                "reservationId": 1,
            }
            assert (await at.ask("ReserveNow", wish))["status"] == status
