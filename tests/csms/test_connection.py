"""One live station: bad frames, bursts, our questions and their late answers."""

import asyncio
import json
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from csms.commands import (
    GetTransactionStatus,
    MessageTrigger,
    TransactionStatus,
    TriggerAnswer,
    TriggerMessage,
)
from csms.connection import StationConnection
from csms.ocpp import answers
from csms.ocpp.v16 import translate as v16
from csms.ocpp.v201 import translate as v201
from csms.queue import CallRefused, NoAnswer, StationUnreachable
from csms.reports import OcppVersion
from foundation.identifiers import StationId
from tests.csms.central import (
    Central,
    RawStation,
    Refused,
    at,
    eventually,
    moment,
    register,
    start,
    stop,
)
from tests.csms.conftest import Starter

V201 = OcppVersion.V201
ALIVE = {"currentTime": at(480)}


def connection_of(central: Central, station: RawStation) -> StationConnection:
    found = central.system.connections.get(StationId(station.identity))
    assert found is not None
    return found


async def is_alive(station: RawStation) -> None:
    """The connection still stands and answers."""
    assert await station.call("Heartbeat", {}) == ALIVE


# ------------------------------------------------------------------------------- bad frames

NONSENSE = [
    pytest.param("{", id="no end"),
    pytest.param("null", id="null"),
    pytest.param('"text"', id="a text"),
    pytest.param("17", id="a number"),
    pytest.param("[]", id="an empty list"),
    pytest.param("[2]", id="a type alone"),
    pytest.param('{"a":1}', id="an object"),
    pytest.param('[2,"1"', id="cut off"),
    pytest.param("[2,NaN,NaN,NaN]", id="NaN everywhere"),
    pytest.param("[" * 100_000, id="deep nesting without an end"),
    pytest.param("[" * 5_000 + "]" * 5_000, id="deep nesting"),
    pytest.param('[2,"1","Heartbeat",' + "[" * 500 + "]" * 500 + "]", id="a deep payload"),
    pytest.param('[9,"1","Heartbeat",{}]', id="an unknown type"),
    pytest.param('[2,{"a":1},"Heartbeat",{}]', id="an object as id"),
    pytest.param('[2,"1",{"a":1},{}]', id="an object as action"),
    pytest.param("\u0000\u0000", id="NULs"),
]


@pytest.mark.parametrize("version", list(OcppVersion))
@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_nonsense_is_refused_or_ignored_and_the_connection_stands(
    central: Central, version: OcppVersion, nonsense: str
) -> None:
    station = await central.here(version)
    await station.send(nonsense)
    await station.send([2, "after", "Heartbeat", {}])
    while (frame := await station.frame())[1] != "after":
        assert frame[0] == 4
    assert frame == [3, "after", ALIVE]


async def test_nonsense_is_logged_with_its_reason_and_kept_in_the_ocpp_log(
    central: Central,
) -> None:
    station = await central.here()
    with structlog.testing.capture_logs() as logged:
        await station.send('[2,"17","StopTransaction",{"transactionId":7 "meterStop":1}]')
        refusal = await station.answer_to("17")
    assert refusal[:3] == [4, "17", "FormationViolation"]
    [entry] = [each for each in logged if each["event"] == "frame.not_understood"]
    assert entry["station_id"] == station.identity
    assert entry["action"] == "StopTransaction"
    assert entry["reason"]
    [came, went] = await central.frames(station.identity)
    assert (came["direction"], came["note"]) == ("in", entry["reason"])
    assert came["raw"].startswith('[2,"17"')
    assert went["direction"] == "out"


async def test_a_frame_that_can_be_mended_is_answered_and_logged_as_it_came(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start()
    said = f'"transactionId":{number},"meterStop":9000,"idTag":,"timestamp":"{at(60)}",'
    sent = '[2,"17","StopTransaction",{' + said + "}]"
    await station.send(sent)
    assert await station.answer_to("17") == [3, "17", {}]
    assert (await central.transaction(number)).energy_wh == 8000
    [line] = [each for each in await central.frames(station.identity) if each["raw"] == sent]
    assert line["note"] == "mended: field_without_value comma_too_many"


@pytest.mark.parametrize(
    ("version", "action", "payload", "code"),
    [
        (OcppVersion.V16, "StatusNotification", {"connectorId": "x"}, None),
        (OcppVersion.V16, "StatusNotification", {}, "OccurenceConstraintViolation"),
        (OcppVersion.V16, "Reset", {"type": "Hard"}, "NotSupported"),
        (OcppVersion.V16, "MakeCoffee", {}, "NotImplemented"),
        (V201, "MakeCoffee", {}, "NotImplemented"),
        (V201, "StartTransaction", start(0), "NotImplemented"),
        (V201, "Get15118EVCertificate", {}, None),
    ],
)
async def test_what_has_lost_its_meaning_is_refused_in_the_words_of_the_version(
    central: Central, version: OcppVersion, action: str, payload: Any, code: str | None
) -> None:
    station = await central.here(version)
    with pytest.raises(Refused) as told:
        await station.call(action, payload)
    if code is not None:
        assert told.value.code == code
    await is_alive(station)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(start(0) | {"idTag": "x" * 300, "vendor": {"a": [1]}}, id="long and unknown"),
        pytest.param(start(0) | {"connectorId": "1", "meterStart": "1000"}, id="numbers as texts"),
        pytest.param(start(0) | {"idTag": 4711}, id="a text as number"),
        pytest.param({"connectorId": 1, "timestamp": at(0)}, id="half of it missing"),
        pytest.param(start(0) | {"idTag": "\ud83d\ude00"}, id="an emoji as token"),
        pytest.param(start(0) | {"idTag": "a\u0000b"}, id="a NUL in the token"),
    ],
)
async def test_a_start_with_mistakes_is_a_start(central: Central, payload: dict[str, Any]) -> None:
    station = await central.here()
    assert (await station.call("StartTransaction", payload))["transactionId"] > 0
    assert len(await central.transactions(station.identity)) == 1
    assert (
        await central.rows("select 1 from quarantine where station = :s", s=station.identity) == []
    )


async def test_a_text_that_is_no_unicode_is_refused_with_its_id(central: Central) -> None:
    station = await central.here()
    sent = json.dumps([2, "1", "StartTransaction", start(0) | {"idTag": "XX"}])
    await station.send(sent.replace('"XX"', '"\\ud800"'))
    assert (await station.answer_to("1"))[:3] == [4, "1", "FormationViolation"]
    await is_alive(station)


async def test_an_empty_frame_is_a_sign_of_life_and_nothing_else(central: Central) -> None:
    station = await central.here()
    for nothing in ("", " ", "\n"):
        await station.send(nothing)
    await is_alive(station)


async def test_answers_never_asked_for_change_nothing(central: Central) -> None:
    station = await central.here()
    with structlog.testing.capture_logs() as logged:
        await station.send([3, "never-asked", {"status": "Accepted"}])
        await station.send([4, "never-asked", "InternalError", "", {}])
        await is_alive(station)
    assert [each["event"] for each in logged].count("frame.unasked_answer") == 2
    notes = [each["note"] for each in await central.frames(station.identity)]
    assert notes.count("answer to nothing asked") == 2


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=12,
    ),
    st.sampled_from(
        ["StartTransaction", "StopTransaction", "MeterValues", "StatusNotification", "Authorize"]
    ),
)
async def test_whatever_a_payload_holds_is_answered(
    central: Central, payload: object, action: str
) -> None:
    station = (
        central.stations[-1]
        if central.stations and central.stations[-1].version is OcppVersion.V16
        else await central.here()
    )
    message_id = station.new_id()
    await station.send([2, message_id, action, payload])
    answer = await station.answer_to(message_id)
    assert answer[0] in (3, 4)
    if answer[0] == 4:
        assert answer[2] != "InternalError"


# ------------------------------------------------------------------------------------ bursts


async def test_calls_in_a_burst_are_answered_in_their_order(central: Central) -> None:
    station = await central.here()
    await station.send([2, "boot", "BootNotification", boot()])
    for number in range(30):
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        await station.send([2, f"{number}", "StatusNotification", status])
    answers = [(await station.frame())[1] for _ in range(31)]
    assert answers == ["boot", *map(str, range(30))]


def boot() -> dict[str, str]:
    return {"chargePointVendor": "Wattwerk", "chargePointModel": "One"}


async def test_a_queue_of_a_thousand_messages_is_worked_off(central: Central) -> None:
    """Reading pauses while too many wait; nothing is dropped and nobody is closed."""
    station = await central.here()

    async def send() -> None:
        for number in range(1000):
            await station.send([2, f"{number}", "Heartbeat", {}])

    sending = asyncio.gather(send())
    answers = [(await station.frame())[1] for _ in range(1000)]
    await sending
    assert answers == [str(number) for number in range(1000)]


async def test_a_slow_handler_holds_back_only_its_own_station(central: Central) -> None:
    slow, other = await central.here(), await central.here()
    lanes = central.system.dispatch.lanes.lanes
    assert len(lanes) == 2
    async with central.database.unit_of_work() as db:
        # Somebody holds this station's row: its boot must wait.
        lock = text("select 1 from stations where identity = :i for update")
        await db.execute(lock, {"i": slow.identity})
        await slow.send([2, "boot", "BootNotification", boot()])
        await is_alive(other)
    assert (await slow.answer_to("boot"))[0] == 3


# ------------------------------------------------------------------------------ our questions

ASK_BOOT = TriggerMessage(MessageTrigger.BOOT_NOTIFICATION)


async def test_a_question_of_ours_is_answered(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    asking = asyncio.gather(connection_of(central, station).call(ASK_BOOT))
    kind, message_id, action, payload = await station.next_asked()
    assert (kind, action, payload) == (
        2,
        "TriggerMessage",
        {"requestedMessage": "BootNotification"},
    )
    await station.send([3, message_id, {"status": "Accepted"}])
    [answer] = await asking
    assert answer == TriggerAnswer(is_accepted=True)


async def test_neither_lane_waits_for_the_other(central: Central) -> None:
    station = await central.here(V201)
    await is_alive(station)
    asking = asyncio.gather(connection_of(central, station).call(GetTransactionStatus("t")))
    _, message_id, action, _ = await station.next_asked()
    assert action == "GetTransactionStatus"
    # The station asks before it answers, as many do.
    await station.event("Started", 0, 0)
    await station.send([3, message_id, {"ongoingIndicator": True, "messagesInQueue": False}])
    [answer] = await asking
    assert answer == TransactionStatus(is_ongoing=True, messages_wait=False)


async def test_one_question_is_asked_after_the_other(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    connection = connection_of(central, station)
    asking = asyncio.gather(connection.call(ASK_BOOT), connection.call(ASK_BOOT))
    first = await station.next_asked()
    await is_alive(station)
    assert station.asked == [], "the second question waits for the first answer"
    await station.send([3, first[1], {"status": "Rejected"}])
    second = await station.next_asked()
    await station.send([3, second[1], {"status": "Accepted"}])
    one, two = await asking
    assert (one, two) == (TriggerAnswer(is_accepted=False), TriggerAnswer(is_accepted=True))


async def test_a_question_that_its_version_does_not_know_is_not_asked(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    assert await connection_of(central, station).call(GetTransactionStatus("t")) is None


async def test_a_refused_question_is_told(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    asking = asyncio.gather(connection_of(central, station).call(ASK_BOOT))
    _, message_id, *_ = await station.next_asked()
    await station.send([4, message_id, "NotSupported", "", {}])
    with pytest.raises(CallRefused, match="NotSupported"):
        await asking


async def test_an_answer_without_meaning_is_a_refusal(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    asking = asyncio.gather(connection_of(central, station).call(ASK_BOOT))
    _, message_id, *_ = await station.next_asked()
    await station.send([3, message_id, {"status": ["?"]}])
    with pytest.raises(CallRefused):
        await asking


async def test_an_answer_after_the_time_out_is_noted_as_late(start_central: Starter) -> None:
    async with start_central(call_timeout_s=0.1) as central:
        station = await central.here()
        await is_alive(station)
        connection = connection_of(central, station)
        with pytest.raises(NoAnswer):
            await connection.call(ASK_BOOT)
        _, message_id, *_ = await station.next_asked()
        await station.send([3, message_id, {"status": "Accepted"}])
        await is_alive(station)
        notes = [each["note"] for each in await central.frames(station.identity)]
        assert "answer after the time-out" in notes
        # ... and the next question has its own answer.
        asking = asyncio.gather(connection.call(ASK_BOOT), return_exceptions=True)
        _, message_id, *_ = await station.next_asked()
        await station.send([3, message_id, {"status": "Accepted"}])
        await asking


async def test_a_question_to_a_station_that_goes_is_told_at_once(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    connection = connection_of(central, station)
    asking = asyncio.gather(connection.call(ASK_BOOT))
    await station.next_asked()
    station.drop()
    with pytest.raises(StationUnreachable):
        await asking
    with pytest.raises(StationUnreachable):
        await connection.call(ASK_BOOT)


# ----------------------------------------------------------------------------- defects of ours


async def test_a_defect_in_reading_a_message_of_money_is_quarantined_and_answered(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours must cost nobody a session: the raw message is kept, and answered."""
    monkeypatch.setattr(v16, "to_report", _fails)
    station = await central.here()
    with structlog.testing.capture_logs():
        number = (await station.call("StartTransaction", start(0)))["transactionId"]
        assert await station.call("StopTransaction", stop(number, 60, 9000)) == {}
        said = {"connectorId": 1, "meterValue": [register(30, 5000)]}
        assert await station.call("MeterValues", said) == {}
        with pytest.raises(Refused) as told:
            await station.call("Authorize", {"idTag": "X"})
    assert told.value.code == "InternalError"
    assert str(told.value) == "InternalError: ", "no details outside"
    kept = await central.rows(
        "select action, raw, error, transaction_number from quarantine"
        " where station = :s order by id",
        s=station.identity,
    )
    assert [each["action"] for each in kept] == [
        "StartTransaction",
        "StopTransaction",
        "MeterValues",
    ]
    assert kept[0]["transaction_number"] == number
    assert json.loads(kept[1]["raw"])[3] == stop(number, 60, 9000)
    assert "a defect" in kept[0]["error"]


def _fails(*_: object) -> None:
    raise RuntimeError("a defect")


async def test_a_transaction_event_that_we_fail_to_read_is_quarantined_too(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v201, "to_report", _fails)
    station = await central.here(V201)
    with structlog.testing.capture_logs():
        assert await station.event("Started", 0, 0) == {}
    [kept] = await central.rows(
        "select action, transaction_number from quarantine where station = :s", s=station.identity
    )
    assert kept == {"action": "TransactionEvent", "transaction_number": None}


async def test_an_answer_that_we_cannot_write_is_refused_and_what_was_stored_stays(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await central.here()
    monkeypatch.setattr(answers, "payload_of", _fails)
    with structlog.testing.capture_logs(), pytest.raises(Refused) as told:
        await station.call("StartTransaction", start(0))
    assert told.value.code == "InternalError"
    monkeypatch.undo()
    assert (
        await station.start(0) == (await central.only_transaction(station.identity)).transaction_id
    )


# -------------------------------------------------------------------------------- the OCPP log


async def test_both_ways_are_in_the_ocpp_log_in_their_order(central: Central) -> None:
    station = await central.here()
    await station.call("Heartbeat", {}, message_id="1")
    assert await central.frames(station.identity) == [
        {"direction": "in", "raw": '[2, "1", "Heartbeat", {}]', "note": None},
        {"direction": "out", "raw": f'[3,"1",{{"currentTime":"{at(480)}"}}]', "note": None},
    ]


async def test_a_repair_is_noted_in_the_ocpp_log_and_on_the_report(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000, connector="1")  # type: ignore[arg-type]
    assert (await central.reports(number))[0].repairs == ("number_in_text",)
    assert "repaired: number_in_text" in [
        each["note"] for each in await central.frames(station.identity)
    ]


async def test_the_last_sign_of_life_is_noted(central: Central) -> None:
    station = await central.here()
    await is_alive(station)
    central.clock.at = moment(500)
    await station.send("")
    connection = connection_of(central, station)

    async def heard() -> bool:
        return connection.heard_at == moment(500)

    await eventually(heard)
