"""2.0.1: transactions (E), remote control (F), reservation (H), cost (I) and meter values (J), each
by what comes of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import pricing
from billing.pricing import NewAssignment, place_from
from csms.equipment import ProgressKind
from csms.queue import Command, CommandState
from tests.billing import story
from tests.conformance.charging_station import TOKEN, ChargingStation, booted, sample, token
from tests.csms.central import CARD, Central, wh

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED, FAILED = CommandState.REJECTED, CommandState.FAILED


@pytest.fixture
async def case(central: Central) -> ChargingStation:
    return await booted(central)


# ------------------------------------------------------------------------- E transactions


@pytest.mark.parametrize(
    ("number", "trigger", "state", "has_token"),
    [
        ("e_01", "ChargingStateChanged", "SuspendedEVSE", True),
        ("e_02", "ChargingStateChanged", "Charging", True),
        ("e_09", "CablePluggedIn", "EVConnected", False),
        ("e_11", "SignedDataReceived", "EVConnected", True),
        ("e_12", "EVDetected", "Idle", False),
        ("e_38", "Authorized", "SuspendedEV", True),
    ],
)
async def test_e_01_02_09_11_12_and_38_a_transaction_begins_at_any_start_point(
    case: ChargingStation, number: str, trigger: str, state: str, has_token: bool
) -> None:
    if number == "e_02":
        assert (await case.authorize())["status"] == "Accepted"
    more = {"idToken": TOKEN} if has_token else {}
    answer = await case.event("Started", trigger, state, **more)
    assert ("idTokenInfo" in answer) is has_token
    begun = await case.transaction()
    assert (begun.state, begun.charging_state) == ("active", state)
    await case.event("Updated", "Authorized", "Charging", idToken=TOKEN)
    running = await case.transaction()
    assert (running.charging_state, running.id_token) == ("Charging", CARD)


async def test_e_03_plugged_in_first(case: ChargingStation) -> None:
    await case.status("Occupied")
    await case.event("Started", "CablePluggedIn", "EVConnected")
    assert (await case.authorize())["status"] == "Accepted"
    answer = await case.event("Updated", "Authorized", idToken=TOKEN)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    await case.event("Updated", "ChargingStateChanged", "Charging")
    running = await case.transaction()
    assert (running.charging_state, running.id_token) == ("Charging", CARD)
    assert await case.shown() == "Occupied"


async def test_e_04_and_e_10_authorised_first(case: ChargingStation) -> None:
    assert (await case.authorize())["status"] == "Accepted"
    answer = await case.event("Started", "Authorized", idToken=TOKEN, evse=None)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    await case.event("Updated", "CablePluggedIn", "EVConnected")
    await case.event("Updated", "ChargingStateChanged", "Charging", evse=None)
    running = await case.transaction()
    assert (running.evse_id, running.charging_state) == (1, "Charging")


@pytest.mark.parametrize(
    ("number", "trigger", "reason"),
    [
        ("e_07", "StopAuthorized", "Local"),
        ("e_08", "ChargingStateChanged", "Local"),
        ("e_14", "EVCommunicationLost", "EVDisconnected"),
        ("e_15", "StopAuthorized", "Local"),
        ("e_17", "EVCommunicationLost", "DeAuthorized"),
        ("e_19", "EVDeparted", "Local"),
        ("e_20", "EVCommunicationLost", "EVDisconnected"),
        ("e_22", "ChargingStateChanged", "StoppedByEV"),
        ("e_39", "EVConnectTimeout", "Timeout"),
    ],
)
async def test_e_07_08_14_15_17_19_20_22_and_39_a_transaction_ends_at_any_stop_point(
    case: ChargingStation, number: str, trigger: str, reason: str
) -> None:
    await case.begin()
    await case.end(trigger, stoppedReason=reason)
    over = await case.transaction()
    assert (over.state, over.stop_reason, over.energy_wh) == ("ended", reason, wh(4000))


async def test_e_16_a_bad_token_of_an_offline_start(case: ChargingStation) -> None:
    began = (case.central.clock.now() - timedelta(hours=1)).isoformat()
    answer = await case.begin("NOBODYS", offline=True, timestamp=began)
    assert answer["idTokenInfo"]["status"] == "Invalid"
    await case.end("Deauthorized", 1010, stoppedReason="DeAuthorized")
    over = await case.transaction()
    assert (over.state, over.stop_reason) == ("ended", "DeAuthorized")
    assert over.authorization_status == "Invalid"


async def test_e_21_stopped_from_afar(case: ChargingStation) -> None:
    await case.begin()
    command = await case.asked_for("RequestStopTransaction", {"transactionId": case.ref})
    assert (await case.was_asked("RequestStopTransaction"))["transaction_id"] == case.ref
    await case.end("RemoteStop", stoppedReason="Remote")
    await case.becomes(command, EFFECTIVE)
    assert (await case.transaction()).stop_reason == "Remote"


async def test_e_26_unplugged_at_the_car_and_plugged_in_again(case: ChargingStation) -> None:
    await case.begin()
    await case.event("Updated", "EVCommunicationLost", "Idle")
    assert (await case.transaction()).state == "active"
    await case.event("Updated", "CablePluggedIn", "EVConnected")
    await case.event("Updated", "ChargingStateChanged", "Charging")
    await case.end()
    assert (await case.transaction()).state == "ended", "it was one all the time"


@pytest.mark.parametrize(
    ("number", "ongoing", "queued"),
    [("e_29", True, True), ("e_30", True, False), ("e_31", False, True)],
)
async def test_e_29_to_e_31_status_of_a_transaction(
    case: ChargingStation, number: str, ongoing: bool, queued: bool
) -> None:
    await case.begin()
    if not ongoing:
        case.seq_no = 3  # two events still lie in its queue
        await case.end()
    command = await case.asked_for(
        "GetTransactionStatus",
        {"transactionId": case.ref},
        {"ongoing_indicator": ongoing, "messages_in_queue": queued},
    )
    done = await case.becomes(command, EFFECTIVE)
    assert done.answer == {"ongoingIndicator": ongoing, "messagesInQueue": queued}
    state = (await case.transaction()).state
    assert state == ("active" if ongoing else "ended_waiting_for_queue")
    if not ongoing:  # what the queue held comes, and closes it
        for number_ in (1, 2):
            await case.event("Updated", "MeterValuePeriodic", "Charging", seqNo=number_)
        assert (await case.transaction()).state == "ended"


@pytest.mark.parametrize(("number", "queued"), [("e_33", True), ("e_34", False)])
async def test_e_33_and_e_34_status_without_a_transaction(
    case: ChargingStation, number: str, queued: bool
) -> None:
    command = await case.asked_for("GetTransactionStatus", {}, {"messages_in_queue": queued})
    assert dict(await case.was_asked("GetTransactionStatus")) == {}
    done = await case.becomes(command, EFFECTIVE)
    assert done.answer == {"messagesInQueue": queued}


async def test_e_53_each_transaction_counts_from_zero(case: ChargingStation) -> None:
    for _ in range(2):
        await case.begin()
        await case.event("Updated", "MeterValuePeriodic", "Charging")
        await case.end()
    assert [each.state for each in await case.transactions()] == ["ended", "ended"]


# ----------------------------------------------------------------------- F remote control


async def remote_start(case: ChargingStation, **more: Any) -> Command:
    return await case.asked_for(
        "RequestStartTransaction", {"idToken": TOKEN, "remoteStartId": 77, "evseId": 1} | more
    )


async def test_f_01_remote_start_plugged_in_first(case: ChargingStation) -> None:
    await case.status("Occupied")
    await case.event("Started", "CablePluggedIn", "EVConnected")
    command = await remote_start(case)
    started = await case.event("Updated", "RemoteStart", idToken=TOKEN, remoteStartId=77)
    assert started["idTokenInfo"]["status"] == "Accepted"
    await case.event("Updated", "ChargingStateChanged", "Charging")
    done = await case.becomes(command, EFFECTIVE)
    assert done.transaction_id == (await case.transaction()).transaction_id


@pytest.mark.parametrize("asks_first", [True, False], ids=["f_02", "f_03"])
async def test_f_02_and_f_03_remote_start_first(case: ChargingStation, asks_first: bool) -> None:
    command = await remote_start(case)
    assert (await case.was_asked("RequestStartTransaction"))["id_token"]["id_token"] == CARD
    if asks_first:
        assert (await case.authorize())["status"] == "Accepted"
    await case.event("Started", "RemoteStart", idToken=TOKEN, remoteStartId=77)
    await case.event("Updated", "CablePluggedIn", "EVConnected")
    await case.event("Updated", "ChargingStateChanged", "Charging")
    done = await case.becomes(command, EFFECTIVE)
    assert done.transaction_id == (await case.transaction()).transaction_id


async def test_f_04_remote_start_and_nobody_plugs_in(case: ChargingStation) -> None:
    command = await remote_start(case)
    await case.event("Started", "RemoteStart", idToken=TOKEN, remoteStartId=77)
    await case.event("Ended", "EVConnectTimeout", stoppedReason="Timeout")
    await case.becomes(command, EFFECTIVE)
    over = await case.transaction()
    assert (over.state, over.stop_reason) == ("ended", "Timeout")


async def test_f_06_unlock_a_connector(case: ChargingStation) -> None:
    command = await case.asked_for(
        "UnlockConnector", {"evseId": 1, "connectorId": 1}, {"status": "Unlocked"}
    )
    assert dict(await case.was_asked("UnlockConnector")) == {"evse_id": 1, "connector_id": 1}
    await case.becomes(command, EFFECTIVE)
    assert (await case.shown(), await case.transactions()) == ("Available", [])


async def follow(case: ChargingStation, wanted: str, evse: int | None) -> None:
    """Send what was triggered."""
    if wanted == "MeterValues":
        for each in (1, 2) if evse is None else (evse,):
            said = {"evseId": each, "meterValue": [sample(1500, "Trigger", case.now())]}
            assert await case.call("MeterValues", said) == {}
    elif wanted == "TransactionEvent":
        await case.event("Updated", "Trigger", "Charging")
    elif wanted == "LogStatusNotification":
        assert await case.call("LogStatusNotification", {"status": "Idle"}) == {}
    elif wanted == "FirmwareStatusNotification":
        assert await case.call("FirmwareStatusNotification", {"status": "Idle"}) == {}
    elif wanted == "Heartbeat":
        said_at = (await case.call("Heartbeat", {}))["currentTime"]
        assert datetime.fromisoformat(said_at) == case.central.clock.now()
    else:
        await case.status("Available" if evse == 1 else "Occupied", evse=evse or 1)


@pytest.mark.parametrize(
    ("number", "wanted", "evse"),
    [
        ("f_11", "MeterValues", 1),
        ("f_12", "MeterValues", None),
        ("f_13", "TransactionEvent", 1),
        ("f_14", "TransactionEvent", None),
        ("f_15", "LogStatusNotification", None),
        ("f_18", "FirmwareStatusNotification", None),
        ("f_20", "Heartbeat", None),
        ("f_23", "StatusNotification", 1),
        ("f_24", "StatusNotification", 2),
    ],
)
async def test_f_11_to_f_24_trigger_each_message(
    case: ChargingStation, number: str, wanted: str, evse: int | None
) -> None:
    if wanted == "TransactionEvent":
        await case.begin()
    payload: dict[str, Any] = {"requestedMessage": wanted}
    if evse is not None:
        payload["evse"] = {"id": evse}
        if wanted == "StatusNotification":
            payload["evse"]["connectorId"] = 1
    command = await case.asked_for("TriggerMessage", payload)
    asked = await case.was_asked("TriggerMessage")
    assert asked.get("evse", {}).get("id") == evse
    other = "Heartbeat" if wanted != "Heartbeat" else "LogStatusNotification"
    await follow(case, other, None)  # it happens to say something else before
    await case.central.system.commanding.tick()
    await case.becomes(command, ACCEPTED)
    await follow(case, wanted, evse)
    await case.becomes(command, EFFECTIVE)
    if wanted in ("LogStatusNotification", "FirmwareStatusNotification"):
        kind: ProgressKind = "log" if wanted == "LogStatusNotification" else "firmware"
        assert await case.steps(kind) == ["Idle"]
    if wanted == "MeterValues":
        kept = await case.central.rows(
            "select evse_id, energy_register_wh, context from readings where station = :station"
            " order by evse_id",
            station=case.identity,
        )
        assert [tuple(each.values()) for each in kept] == [
            (each, wh(1500), "Trigger") for each in ((1, 2) if evse is None else (evse,))
        ]
    if wanted == "TransactionEvent":
        running = await case.transaction()
        told = await case.central.reports(running.transaction_id)
        assert (running.state, len(told)) == ("active", 2)
        assert '"triggerReason":"Trigger"' in told[-1].raw.replace(" ", "")
    if wanted == "StatusNotification":
        assert await case.shown(evse or 1) == ("Available" if evse == 1 else "Occupied")


async def test_f_27_a_trigger_that_it_does_not_implement(case: ChargingStation) -> None:
    command = await case.asked_for(
        "TriggerMessage",
        {"requestedMessage": "SignV2GCertificate"},
        {"status": "NotImplemented"},
    )
    assert (await case.becomes(command, REJECTED)).answer == {"status": "NotImplemented"}
    await case.call("SignCertificate", {"csr": "none", "certificateType": "V2GCertificate"})
    await case.central.system.commanding.tick()
    await case.becomes(command, REJECTED)


# --------------------------------------------------------------------------- H reservation


async def reserve(case: ChargingStation, answer: str = "Accepted", **more: Any) -> Command:
    expires = case.central.clock.now() + timedelta(minutes=10)
    payload = {"id": 21, "expiryDateTime": expires.isoformat(), "idToken": TOKEN} | more
    return await case.asked_for("ReserveNow", payload, {"status": answer})


@pytest.mark.parametrize(
    ("number", "what"),
    [("h_01", {"evseId": 1}), ("h_08", {}), ("h_15", {"connectorType": "cType2"})],
)
async def test_h_01_08_and_15_a_reservation_is_used(
    case: ChargingStation, number: str, what: dict[str, Any]
) -> None:
    command = await reserve(case, **what)
    asked = await case.was_asked("ReserveNow")
    assert asked.get("evse_id") == what.get("evseId")
    assert asked.get("connector_type") == what.get("connectorType")
    if what.get("evseId"):
        await case.status("Reserved")
    await case.becomes(command, EFFECTIVE)
    [kept] = await case.reservations()
    assert (kept.state, kept.id_token) == ("open", CARD)
    assert kept.evse_id == what.get("evseId")
    assert kept.connector_type == what.get("connectorType")
    await case.begin(reservationId=21)
    [used] = await case.reservations()
    assert (used.state, used.transaction_id) == (
        "used",
        (await case.transaction()).transaction_id,
    )


@pytest.mark.parametrize(("number", "word"), [("h_07", "Expired"), ("h_20", "Removed")])
async def test_h_07_and_h_20_the_station_tells_the_end(
    case: ChargingStation, number: str, word: str
) -> None:
    await case.becomes(await reserve(case, evseId=1), ACCEPTED)
    said = {"reservationId": 21, "reservationUpdateStatus": word}
    assert await case.call("ReservationStatusUpdate", said) == {}
    [over] = await case.reservations()
    assert (over.state == "open", over.ending) == (False, word)


async def test_h_14_as_many_reservations_as_evses(case: ChargingStation) -> None:
    await case.status("Available", evse=2)
    for number in (31, 32):
        await case.becomes(await reserve(case, id=number), EFFECTIVE)
    third = await reserve(case, "Occupied", id=33)
    await case.becomes(third, REJECTED)
    assert sorted(each.reservation_id for each in await case.reservations()) == [31, 32]


async def test_h_17_cancel_a_reservation(case: ChargingStation) -> None:
    await case.becomes(await reserve(case, evseId=1), ACCEPTED)
    command = await case.asked_for("CancelReservation", {"reservationId": 21})
    assert (await case.was_asked("CancelReservation"))["reservation_id"] == 21
    await case.becomes(command, EFFECTIVE)
    [over] = await case.reservations()
    assert (over.state, over.ending) == ("over", "Cancelled")


async def test_h_19_another_token_of_the_group_uses_it(case: ChargingStation) -> None:
    for each in ("H19A", "H19B"):
        await case.central.token(each, group_id="H19")
    command = await reserve(
        case, evseId=1, idToken=token("H19A"), groupIdToken={"idToken": "H19", "type": "Central"}
    )
    assert (await case.was_asked("ReserveNow"))["group_id_token"]["id_token"] == "H19"
    await case.status("Reserved")
    await case.becomes(command, EFFECTIVE)
    info = await case.authorize("H19B")
    assert info["groupIdToken"]["idToken"] == "H19"
    await case.begin("H19B", reservationId=21)
    [used] = await case.reservations()
    taken = await case.transaction()
    assert (used.state, used.transaction_id) == ("used", taken.transaction_id)
    assert (used.id_token, used.group_id, taken.id_token) == ("H19A", "H19", "H19B")


async def test_h_22_a_reservation_that_is_refused(case: ChargingStation) -> None:
    command = await reserve(case, "Rejected", evseId=1)
    await case.becomes(command, REJECTED)
    assert await case.reservations() == []


# ---------------------------------------------------------------------------------- I cost


async def priced(case: ChargingStation) -> None:
    """Let a kWh at this station cost 0.40 EUR, and 19 % VAT on it."""
    async with case.central.database.unit_of_work() as db:
        await pricing.create_tariff(
            db,
            story.tariff(f"tariff-{case.identity}"),
            [NewAssignment(place_from("station", case.identity), story.LONG_AGO)],
            organisation=None,
            now=story.LONG_AGO,
        )


async def test_i_01_and_i_02_the_driver_reads_what_it_costs(case: ChargingStation) -> None:
    await priced(case)
    await case.begin()
    reading = sample(3000, "Sample.Periodic", case.now())
    running = await case.event("Updated", "MeterValuePeriodic", "Charging", meterValue=[reading])
    assert running["totalCost"] == pytest.approx(0.95), "2 kWh"
    command = await case.asked_for(
        "CostUpdated", {"transactionId": case.ref, "totalCost": 0.95}, {}
    )
    asked = await case.was_asked("CostUpdated")
    assert (asked["transaction_id"], asked["total_cost"]) == (case.ref, 0.95)
    await case.becomes(command, EFFECTIVE)
    over = await case.end(wh=11000)
    assert over["totalCost"] == pytest.approx(4.76), "10 kWh"


# -------------------------------------------------------------------------- J meter values


async def test_j_01_clock_readings_without_a_transaction(case: ChargingStation) -> None:
    for evse in (0, 1):
        said = {"evseId": evse, "meterValue": [sample(900 + evse, "Sample.Clock", case.now())]}
        assert await case.call("MeterValues", said) == {}
    kept = await case.central.rows(
        "select evse_id, transaction_id, energy_register_wh from readings"
        " where station = :station order by evse_id",
        station=case.identity,
    )
    assert [(each["evse_id"], each["transaction_id"]) for each in kept] == [(0, None), (1, None)]
    assert [each["energy_register_wh"] for each in kept] == [wh(900), wh(901)]


@pytest.mark.parametrize(
    ("number", "context", "trigger"),
    [
        ("j_02", "Sample.Clock", "MeterValueClock"),
        ("j_09", "Sample.Periodic", "MeterValuePeriodic"),
    ],
)
async def test_j_02_and_j_09_readings_of_a_running_transaction(
    case: ChargingStation, number: str, context: str, trigger: str
) -> None:
    await case.begin()
    reading = sample(2500, context, case.now())
    await case.event("Updated", trigger, "Charging", meterValue=[reading])
    running = await case.transaction()
    kept = await case.central.readings(running.transaction_id)
    assert [each.energy_register_wh for each in kept] == [wh(1000), wh(2500)]


@pytest.mark.parametrize(
    ("number", "context"), [("j_03", "Sample.Clock"), ("j_10", "Sample.Periodic")]
)
async def test_j_03_and_j_10_the_end_has_all_readings(
    case: ChargingStation, number: str, context: str
) -> None:
    await case.event("Started", "Authorized", "Charging", idToken=TOKEN)
    readings = [
        sample(1000, "Transaction.Begin", case.now()),
        sample(2000, context, case.now()),
        sample(3000, context, case.now()),
        sample(6000, "Transaction.End", case.now()),
    ]
    await case.event("Ended", "StopAuthorized", stoppedReason="Local", meterValue=readings)
    over = await case.transaction()
    assert over.energy_wh == wh(5000)
    assert len(await case.central.readings(over.transaction_id)) == 4


@pytest.mark.parametrize("number", ["j_04", "j_11"])
async def test_j_04_and_j_11_signed_readings_are_kept(case: ChargingStation, number: str) -> None:
    signed = {
        "signedMeterValue": {
            "signedMeterData": "T0NNRnx7fXx7fQ==",
            "signingMethod": "ECDSA-secp256r1-SHA256",
            "encodingMethod": "OCMF",
            "publicKey": "",
        }
    }
    await case.event("Started", "Authorized", "Charging", idToken=TOKEN)
    readings = [
        sample(1000, "Transaction.Begin", case.now(), **signed),
        sample(6000, "Transaction.End", case.now(), **signed),
    ]
    await case.event("Ended", "StopAuthorized", stoppedReason="Local", meterValue=readings)
    over = await case.transaction()
    assert over.energy_wh == wh(5000)
    reports = await case.central.reports(over.transaction_id)
    assert "T0NNRnx7fXx7fQ==" in reports[-1].raw


@pytest.mark.parametrize("is_known", [True, False], ids=["j_07", "j_08"])
async def test_j_07_and_j_08_the_first_reading_comes_with_the_evse(
    case: ChargingStation, is_known: bool
) -> None:
    first = [sample(1000, "Transaction.Begin", case.now())]
    if is_known:
        await case.event("Started", "CablePluggedIn", "EVConnected", meterValue=first)
    else:
        await case.event("Started", "Authorized", idToken=TOKEN, evse=None)
        await case.event("Updated", "CablePluggedIn", "EVConnected", meterValue=first)
    await case.end(wh=3000, idToken=TOKEN)
    over = await case.transaction()
    assert (over.evse_id, over.energy_wh) == (1, wh(2000))
