"""2.0.1: display messages (O) and what is not in the standard (P), each by what comes of it."""

from typing import Any

import pytest

from csms.queue import CommandState
from csms.records import Held
from tests.conformance.charging_station import ChargingStation, booted, token
from tests.csms.central import Central

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED = CommandState.REJECTED


@pytest.fixture
async def case(central: Central) -> ChargingStation:
    return await booted(central)


def message(**more: Any) -> dict[str, Any]:
    text = {"format": "UTF8", "language": "en", "content": "Welcome"}
    return {"id": 3, "priority": "NormalCycle", "message": text} | more


STARTS = {"startDateTime": "2026-10-16T06:00:00Z"}
ENDS = {"endDateTime": "2026-10-16T18:00:00Z"}


@pytest.mark.parametrize(
    ("number", "more", "is_of_transaction"),
    [
        ("o_01", {"state": "Idle"}, False),
        ("o_06", {}, True),
        ("o_13", STARTS, False),
        ("o_14", ENDS, False),
        ("o_25", {"state": "Charging"}, False),
        ("o_27", STARTS, True),
        ("o_28", ENDS, True),
    ],
)
async def test_o_01_06_13_14_25_27_and_28_a_message_is_shown(
    case: ChargingStation, number: str, more: dict[str, Any], is_of_transaction: bool
) -> None:
    if is_of_transaction:
        await case.begin()
        more = more | {"transactionId": case.ref}
    command = await case.asked_for("SetDisplayMessage", {"message": message(**more)})
    sent = (await case.was_asked("SetDisplayMessage"))["message"]
    assert (sent["id"], sent["message"]["content"]) == (3, "Welcome")
    assert sent.get("transaction_id") == more.get("transactionId")
    assert sent.get("start_date_time") == more.get("startDateTime")
    assert sent.get("end_date_time") == more.get("endDateTime")
    assert sent.get("state") == more.get("state")
    await case.becomes(command, EFFECTIVE)
    [shown] = await case.held(Held.DISPLAY_MESSAGE)
    assert (shown.key, shown.content, shown.state) == ("3", message(**more), more.get("state"))


async def test_o_12_a_message_takes_the_place_of_another(case: ChargingStation) -> None:
    for text in ("Welcome", "Out of order"):
        content = {"format": "UTF8", "language": "en", "content": text}
        command = await case.asked_for("SetDisplayMessage", {"message": message(message=content)})
        await case.becomes(command, EFFECTIVE)
    sent = [each["message"] for name, each in case.asked if name == "SetDisplayMessage"]
    assert [(each["id"], each["message"]["content"]) for each in sent] == [
        (3, "Welcome"),
        (3, "Out of order"),
    ]
    [shown] = await case.held(Held.DISPLAY_MESSAGE)
    assert (shown.key, shown.content["message"]["content"]) == ("3", "Out of order")


@pytest.mark.parametrize(
    ("number", "more", "answer"),
    [
        ("o_10", {"transactionId": "nobody"}, "UnknownTransaction"),
        ("o_17", {"priority": "AlwaysFront"}, "NotSupportedPriority"),
        ("o_18", {"state": "Faulted"}, "NotSupportedState"),
        ("o_19", {}, "NotSupportedMessageFormat"),
        ("o_26", {}, "Rejected"),
    ],
)
async def test_o_10_17_18_19_and_26_a_message_that_it_does_not_show(
    case: ChargingStation, number: str, more: dict[str, Any], answer: str
) -> None:
    before = await case.asked_for("SetDisplayMessage", {"message": message()})
    await case.becomes(before, EFFECTIVE)
    other = {"message": {"format": "UTF8", "content": "Closed"}}
    for changed in (other, other | {"id": 4}):
        command = await case.asked_for(
            "SetDisplayMessage", {"message": message(**(changed | more))}, {"status": answer}
        )
        assert (await case.becomes(command, REJECTED)).answer == {"status": answer}
    [shown] = await case.held(Held.DISPLAY_MESSAGE)
    assert (shown.key, shown.content) == ("3", message()), "what it shows it goes on showing"


@pytest.mark.parametrize(
    ("number", "criteria", "others"),
    [
        ("o_02", {}, set()),
        ("o_07", {"id": [3]}, {"9"}),
        ("o_08", {"priority": "NormalCycle"}, {"9"}),
        ("o_09", {"state": "Idle"}, {"9"}),
    ],
)
async def test_o_02_and_07_to_09_messages_are_reported_in_parts(
    case: ChargingStation, number: str, criteria: dict[str, Any], others: set[str]
) -> None:
    """What a report of all leaves out is gone; of what was not asked for it says nothing."""
    old = await case.asked_for("SetDisplayMessage", {"message": message(id=9)})
    await case.becomes(old, EFFECTIVE)
    command = await case.asked_for("GetDisplayMessages", {"requestId": 15} | criteria)
    assert await case.was_asked("GetDisplayMessages") == {"request_id": 15} | criteria
    await case.becomes(command, ACCEPTED)
    for part in range(2):
        said = {"requestId": 15, "tbc": part == 0, "messageInfo": [message(id=part)]}
        assert await case.call("NotifyDisplayMessages", said) == {}
    await case.becomes(command, EFFECTIVE)
    shown = {each.key: each.content for each in await case.held(Held.DISPLAY_MESSAGE)}
    assert {key: each for key, each in shown.items() if key != "9"} == {
        "0": message(id=0),
        "1": message(id=1),
    }
    assert shown.keys() - {"0", "1"} == others


@pytest.mark.parametrize(
    ("number", "criteria", "left"), [("o_03", {}, []), ("o_11", {"id": [999]}, ["3"])]
)
async def test_o_03_and_o_11_there_is_no_such_message(
    case: ChargingStation, number: str, criteria: dict[str, Any], left: list[str]
) -> None:
    before = await case.asked_for("SetDisplayMessage", {"message": message()})
    await case.becomes(before, EFFECTIVE)
    command = await case.asked_for(
        "GetDisplayMessages", {"requestId": 16} | criteria, {"status": "Unknown"}
    )
    assert (await case.becomes(command, REJECTED)).answer == {"status": "Unknown"}
    shown = [each.key for each in await case.held(Held.DISPLAY_MESSAGE)]
    assert shown == left, "who finds none at all shows none"


@pytest.mark.parametrize(
    ("number", "answer", "state"), [("o_04", "Accepted", EFFECTIVE), ("o_05", "Unknown", REJECTED)]
)
async def test_o_04_and_o_05_a_message_is_cleared(
    case: ChargingStation, number: str, answer: str, state: CommandState
) -> None:
    shown = await case.asked_for("SetDisplayMessage", {"message": message()})
    await case.becomes(shown, EFFECTIVE)
    command = await case.asked_for("ClearDisplayMessage", {"id": 3}, {"status": answer})
    await case.becomes(command, state)
    assert await case.held(Held.DISPLAY_MESSAGE) == [], "what it does not know is not shown"


async def test_p_02_data_of_an_unknown_vendor(case: ChargingStation) -> None:
    answer = await case.call("DataTransfer", {"vendorId": "nobody.we.know", "messageId": "x"})
    assert answer == {"status": "UnknownVendorId"}


async def test_p_03_custom_data_is_taken(case: ChargingStation) -> None:
    custom = {"vendorId": "de.maker", "ours": {"deep": [1, 2]}}
    info = (await case.call("Authorize", {"idToken": token("04A2B3C4"), "customData": custom}))[
        "idTokenInfo"
    ]
    assert info["status"] == "Accepted"
    answer = await case.begin(customData=custom)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    running = await case.transaction()
    [said] = await case.central.reports(running.transaction_id)
    assert "de.maker" in said.raw
