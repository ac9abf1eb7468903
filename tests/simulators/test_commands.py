"""What a station answers when it is asked, and what it then does."""

import json
from pathlib import Path
from typing import Any

import ocpp
import pytest

from csms.ocpp.actions import FROM_CSMS
from csms.reports import OcppVersion
from simulators.link import Opener, open_lean, open_ocpp
from simulators.manners import ANY_ACTION, Failing
from tests.simulators.asking import At
from tests.simulators.csms import TinyCsms, until

TWO = pytest.mark.parametrize("version", ["2.0.1", "2.1"])
ALL = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
BUILDS = pytest.mark.parametrize("opener", [open_ocpp, open_lean])


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
        asked = {"requestedMessage": "TransactionEvent"}
        assert "error" in await at.ask("TriggerMessage", asked)
        asked = {"requestedMessage": "SignChargePointCertificate"}
        assert await at.ask("ExtendedTriggerMessage", asked) == {"status": "NotImplemented"}
        asked = {"requestedMessage": "MeterValues", "connectorId": 4}  # type: ignore[dict-item]
        assert await at.ask("TriggerMessage", asked) == {"status": "Rejected"}


@TWO
async def test_a_reset_on_idle_waits_until_nothing_is_charging(
    csms: TinyCsms, version: str
) -> None:
    async with At(csms, version) as at:
        at.charge(1)
        assert (await at.ask("Reset", {"type": "OnIdle"}))["status"] == "Scheduled"
        at.station.finish(1)
        boots = await at.heard("BootNotification", 2)
        assert boots[1]["reason"] == "ScheduledReset"
        assert (await at.ask("Reset", {"type": "OnIdle"}))["status"] == "Accepted"
        await at.heard("BootNotification", 3)


@pytest.mark.parametrize(
    ("version", "kind", "reason"),
    [
        ("1.6", "Soft", "SoftReset"),
        ("1.6", "Hard", "HardReset"),
        ("2.0.1", "Immediate", "ImmediateReset"),
        ("2.1", "Immediate", "ImmediateReset"),
    ],
)
async def test_a_reset_ends_what_runs_and_boots(
    csms: TinyCsms, version: str, kind: str, reason: str
) -> None:
    async with At(csms, version) as at:
        at.charge(1)
        await until(lambda: at.station.waiting == 0)
        assert (await at.ask("Reset", {"type": kind}))["status"] == "Accepted"
        await at.heard("BootNotification", 2)
        await until(lambda: at.station.waiting == 0)
        [stored] = csms.transactions.values()
        assert stored.end is not None
        if version == "1.6":
            assert stored.end["reason"] == reason
            order = [name for _, name, _ in csms.frames]
            boot_at = max(i for i, name in enumerate(order) if name == "BootNotification")
            # Gently restarted, it says first what it ended.
            assert (order.index("StopTransaction") < boot_at) is (kind == "Soft")
        else:
            assert stored.end["transactionInfo"]["stoppedReason"] == reason
            assert csms.calls("BootNotification")[1]["reason"] == "RemoteReset"


@TWO
async def test_a_reset_of_one_evse_is_no_boot(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        at.charge(2)
        await until(lambda: at.station.waiting == 0)
        answer = await at.ask("Reset", {"type": "Immediate", "evseId": 2})
        assert answer["status"] == "Accepted"
        await until(lambda: not at.station.is_busy and at.station.waiting == 0)
        assert at.station.boots == 1
        answer = await at.ask("Reset", {"type": "Immediate", "evseId": 7})
        assert answer["status"] == "Rejected"


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


def _reservation(version: str, evse_id: int, number: int = 1) -> dict[str, Any]:
    if version == "1.6":
        return {
            "connectorId": evse_id,
            "expiryDate": "2026-10-15T13:00:00Z",
            "idTag": "04A1",
            "reservationId": number,
        }
    return {
        "id": number,
        "expiryDateTime": "2026-10-15T13:00:00Z",
        "idToken": {"idToken": "04A1", "type": "ISO14443"},
        "evseId": evse_id,
    }


def _statuses(csms: TinyCsms, evse_id: int) -> list[str]:
    return [
        each.get("status") or each["connectorStatus"]
        for each in csms.calls("StatusNotification")
        if each.get("connectorId" if "status" in each else "evseId") == evse_id
    ]


@ALL
async def test_a_reservation_shows_and_can_be_cancelled_once(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        answer = await at.ask("ReserveNow", _reservation(version, 2))
        assert answer["status"] == "Accepted"
        await until(lambda: _statuses(csms, 2) == ["Available", "Reserved"])
        cancel = {"reservationId": 1}
        assert (await at.ask("CancelReservation", cancel))["status"] == "Accepted"
        await until(lambda: _statuses(csms, 2) == ["Available", "Reserved", "Available"])
        assert (await at.ask("CancelReservation", cancel))["status"] == "Rejected"


@ALL
async def test_what_is_reserved_is_for_one_token_whose_start_uses_it_up(
    csms: TinyCsms, version: str
) -> None:
    def start(token: str) -> tuple[str, dict[str, Any]]:
        if version == "1.6":
            return "RemoteStartTransaction", {"connectorId": 2, "idTag": token}
        id_token = {"idToken": token, "type": "ISO14443"}
        return "RequestStartTransaction", {"evseId": 2, "remoteStartId": 8, "idToken": id_token}

    async with At(csms, version) as at:
        await at.ask("ReserveNow", _reservation(version, 2, number=41))
        await until(lambda: at.station.evses[2].reservation is not None)
        assert (await at.ask(*start("OTHER")))["status"] == "Rejected"
        assert (await at.ask(*start("04A1")))["status"] == "Accepted"
        await until(lambda: len(csms.transactions) == 1 and at.station.waiting == 0)
        [stored] = csms.transactions.values()
        assert stored.start["reservationId"] == 41
        assert at.station.evses[2].reservation is None


@TWO
async def test_a_reservation_that_ran_out_is_told(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        over = _reservation(version, 1) | {"expiryDateTime": "2026-10-15T12:00:00Z"}
        assert (await at.ask("ReserveNow", over))["status"] == "Accepted"
        [told] = await at.heard("ReservationStatusUpdate")
        assert told == {"reservationId": 1, "reservationUpdateStatus": "Expired"}


@ALL
async def test_the_book_names_what_was_carried_out_and_its_transaction(
    csms: TinyCsms, version: str
) -> None:
    async with At(csms, version) as at:
        if version == "1.6":
            await at.ask("RemoteStartTransaction", {"idTag": "04A1", "connectorId": 1})
            await until(lambda: len(csms.transactions) == 1 and at.station.waiting == 0)
            [stored] = csms.transactions.values()
            await at.ask("RemoteStopTransaction", {"transactionId": stored.number})
        else:
            id_token = {"idToken": "04A1", "type": "ISO14443"}
            await at.ask("RequestStartTransaction", {"remoteStartId": 5, "idToken": id_token})
            await until(lambda: len(csms.transactions) == 1 and at.station.waiting == 0)
            [record] = at.station.book.records.values()
            await at.ask("RequestStopTransaction", {"transactionId": record.ref})
        await until(lambda: not at.station.is_busy)
        start, stop = at.station.book.commands
        assert start["did"] == "started 04A1 at EVSE 1"
        assert start["transaction"] == stop["transaction"] == "CS-1/1/1"
        assert start["message_id"] != stop["message_id"]
        assert start["at"] == "2026-10-15T12:00:00.000Z"


async def test_a_station_may_ask_first_whether_a_token_started_for_is_good(
    csms: TinyCsms,
) -> None:
    async with At(csms, "1.6") as at:
        csms.bad_tokens["BAD"] = "Blocked"
        await at.ask("ChangeConfiguration", {"key": "AuthorizeRemoteTxRequests", "value": "true"})
        for token in ("BAD", "04A1"):
            answer = await at.ask("RemoteStartTransaction", {"idTag": token})
            assert answer["status"] == "Accepted"
        await at.heard("StartTransaction")
        assert [record.id_token for record in at.station.book.records.values()] == ["04A1"]


# ----------------------------------------------------------------------------- ways to fail

RESTART = {"type": "Hard"}


@BUILDS
@pytest.mark.parametrize(
    ("failing", "answer"),
    [
        (Failing.REJECT, {"status": "Rejected"}),
        (Failing.REFUSE, {"error": "InternalError"}),
        (Failing.NO_EFFECT, {"status": "Accepted"}),
    ],
)
async def test_a_station_may_say_no_or_yes_and_do_nothing(
    csms: TinyCsms, opener: Opener, failing: Failing, answer: dict[str, str]
) -> None:
    async with At(csms, "1.6", opener=opener, Reset=failing) as at:
        assert await at.ask("Reset", RESTART) == answer
        at.station.manners.failings.clear()
        assert await at.ask("Reset", RESTART) == {"status": "Accepted"}
        await at.heard("BootNotification", 2)
        assert at.done == ["restarted (Hard)"]


@BUILDS
@pytest.mark.parametrize(
    ("failing", "boots"), [(Failing.NO_ANSWER, 1), (Failing.NO_ANSWER_BUT_DONE, 2)]
)
async def test_a_station_may_say_nothing_and_do_it_or_not(
    csms: TinyCsms, opener: Opener, failing: Failing, boots: int
) -> None:
    async with At(csms, "1.6", opener=opener, Reset=failing) as at:
        await csms.tell("CS-1", "Reset", RESTART)
        await at.heard("BootNotification", boots)
        # The socket is in order, and it lives on.
        await until(lambda: at.station.is_connected and at.station.is_admitted)
        assert (await at.ask("ClearCache")) == {"status": "Accepted"}
        assert at.station.boots == boots
        assert not [answer for answer in csms.answers if "Reset" in answer[1]]


@BUILDS
async def test_a_station_may_answer_late_and_do_it_then(csms: TinyCsms, opener: Opener) -> None:
    async with At(csms, "1.6", opener=opener, Reset=Failing.LATE_ANSWER) as at:
        late = csms.tell("CS-1", "Reset", RESTART)
        await late
        # What is asked meanwhile is answered meanwhile.
        assert (await at.ask("ClearCache")) == {"status": "Accepted"}
        await at.heard("BootNotification", 2)
        assert [answer[2] for answer in csms.answers][-1] == {"status": "Accepted"}


@BUILDS
@pytest.mark.parametrize(
    ("failing", "boots"), [(Failing.LOSE_CONNECTION, 1), (Failing.LOSE_CONNECTION_BUT_DONE, 2)]
)
async def test_a_station_may_be_lost_between_a_call_and_its_answer(
    csms: TinyCsms, opener: Opener, failing: Failing, boots: int
) -> None:
    async with At(csms, "1.6", opener=opener, Reset=failing) as at:
        await csms.tell("CS-1", "Reset", RESTART)
        await until(lambda: csms.connections["CS-1"] >= 2 and at.station.boots == boots)
        assert len(at.done) == boots - 1


# ----------------------------------------------------------------------------- everything

SCHEMAS = Path(ocpp.__file__).parent
VERSIONS = dict(zip(("1.6", "2.0.1", "2.1"), OcppVersion, strict=True))
FOLDERS = {"1.6": ("v16", ""), "2.0.1": ("v201", "Request"), "2.1": ("v21", "Request")}


def _least(schema: dict[str, Any], defined: dict[str, Any]) -> Any:
    """Return the smallest value that a schema allows, with words that mean little."""
    if "$ref" in schema:
        schema = defined[schema["$ref"].rsplit("/", 1)[-1]]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            names = schema.get("required", [])
            return {name: _least(schema["properties"][name], defined) for name in names}
        case "array":
            return [_least(schema["items"], defined)] * schema.get("minItems", 1)
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            if schema.get("format") == "date-time":
                return "2026-10-15T13:00:00Z"
            return "1" * min(1, schema.get("maxLength", 1))


def _least_payload(version: str, action: str) -> dict[str, Any]:
    folder, suffix = FOLDERS[version]
    path = SCHEMAS / folder / "schemas" / f"{action}{suffix}.json"
    schema = json.loads(path.read_text(encoding="utf-8-sig"))
    payload = _least(schema, schema.get("definitions", {}))
    assert isinstance(payload, dict)
    return payload


@ALL
@pytest.mark.parametrize("failing", [None, Failing.REJECT, Failing.NO_EFFECT])
async def test_everything_that_may_be_asked_is_answered_as_the_schema_wants(
    csms: TinyCsms, version: str, failing: Failing | None
) -> None:
    """The package holds its own answers to the schemas, and answers a break with an error."""
    async with At(csms, version) as at:
        if failing is not None:
            at.station.manners.failings[ANY_ACTION] = failing
        errors = {}
        actions = sorted(FROM_CSMS[VERSIONS[version]] - {"Reset"})
        for action in actions:
            answer = await at.ask(action, _least_payload(version, action))
            if "error" in answer:
                errors[action] = answer["error"]
        allowed = {"InternalError"} if failing is Failing.REJECT else set()
        assert set(errors.values()) <= allowed, errors
