"""2.1: a transaction that goes on after an interruption is told its profile again (B, E)."""

from typing import Any

import pytest
from ocpp.charge_point import camel_to_snake_case

from csms import records
from csms.queue import Command, CommandState
from csms.records import Held
from foundation.identifiers import StationId
from tests.conformance.charging_station import TOKEN
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.central import Central, eventually

SET = "SetChargingProfile"


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def held(case: PayingStation) -> list[str]:
    """The numbers of the profiles that the station has, by all we know."""
    async with case.central.database.unit_of_work() as db:
        found = await records.held(db, StationId(case.identity), Held.CHARGING_PROFILE)
    return [each.key for each in found]


def profile_of(case: PayingStation, number: int, limit: int) -> dict[str, Any]:
    return {
        "id": number,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": case.ref,
        "chargingSchedule": [
            {
                "id": number,
                "startSchedule": case.now(),
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            }
        ],
    }


async def given(case: PayingStation, number: int, limit: int) -> dict[str, Any]:
    """Let the transaction have a profile that the station took; return it as it was told."""
    times = 1 + len(told(case))
    profile = profile_of(case, number, limit)
    command = await case.asked_for(SET, {"evseId": 1, "chargingProfile": profile})
    await case.becomes(command, CommandState.EFFECTIVE)
    return dict((await case.was_asked(SET, times))["charging_profile"])


async def reports(case: PayingStation, asked: dict[str, Any], *numbers: int) -> None:
    """The station is asked for its profiles, and lists these; none: it says that it has none."""
    answer = "Accepted" if numbers else "NoProfiles"
    case.now()
    command = await case.asked_for("GetChargingProfiles", asked, {"status": answer})
    for place, number in enumerate(numbers, start=1):
        case.now()
        said = {
            "requestId": asked["requestId"],
            "chargingLimitSource": "CSO",
            "evseId": 1,
            "chargingProfile": [profile_of(case, number, 9)],
            "tbc": place < len(numbers),
        }
        assert await case.call("ReportChargingProfiles", said) == {}
    if numbers:
        await case.becomes(command, CommandState.EFFECTIVE)
    else:
        await eventually(lambda: answered(case, command))


async def answered(case: PayingStation, command: Command) -> bool:
    [row] = await case.central.rows(
        "select answer from commands where id = :id", id=int(command.id)
    )
    return row["answer"] is not None


def told(case: PayingStation) -> list[dict[str, Any]]:
    return [dict(payload) for action, payload in case.asked if action == SET]


async def resumes(case: PayingStation) -> None:
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"
    await case.event("Updated", "TxResumed", "Charging")


async def test_b_116_after_a_reset_that_resumes_the_profile_is_sent_again(
    case: PayingStation,
) -> None:
    await case.begin()
    profile = await given(case, 50, 12)
    command = await case.asked_for("Reset", {"type": "ImmediateAndResume"})
    case.drop()
    await resumes(case)
    again = await case.was_asked(SET, 2)
    assert (again["evse_id"], again["charging_profile"]) == (1, profile)
    await case.becomes(command, CommandState.EFFECTIVE)
    assert (await case.transaction()).state == "active"


async def test_e_117_after_an_interruption_the_profile_is_sent_again_and_only_once(
    case: PayingStation,
) -> None:
    await case.begin()
    profile = await given(case, 51, 9)
    case.drop()
    await resumes(case)
    again = await case.was_asked(SET, 2)
    assert again["charging_profile"] == profile
    # Its answer is lost, so the same event comes again; and then it goes on as usual.
    await case.event("Updated", "TxResumed", "Charging", seqNo=case.seq_no - 1)
    await case.event("Updated", "ChargingStateChanged", "Charging")
    last = await case.asked_for("GetLocalListVersion", {}, {"version_number": 0})
    await case.becomes(last, CommandState.EFFECTIVE)
    assert len(told(case)) == 2


async def test_e_117_the_profile_of_a_remote_start_is_sent_again_with_its_transaction(
    case: PayingStation,
) -> None:
    start = profile_of(case, 53, 9)
    del start["transactionId"], start["chargingSchedule"][0]["startSchedule"]
    start["chargingProfileKind"] = "Relative"
    payload = {"idToken": TOKEN, "remoteStartId": 9, "evseId": 1, "chargingProfile": start}
    command = await case.asked_for("RequestStartTransaction", payload)
    await case.begin(remoteStartId=9)
    await case.becomes(command, CommandState.EFFECTIVE)
    case.answers[SET] = {"status": "Accepted"}
    case.drop()
    await resumes(case)
    again = await case.was_asked(SET)
    named = start | {"transactionId": case.ref}
    assert again == camel_to_snake_case({"evseId": 1, "chargingProfile": named})
    await case.end()
    assert await held(case) == ["53"]
    await resumes(case)
    last = await case.asked_for("GetLocalListVersion", {}, {"version_number": 0})
    await case.becomes(last, CommandState.EFFECTIVE)
    assert len(told(case)) == 1, "the transaction is over"


async def test_a_profile_that_was_cleared_is_not_sent_again(case: PayingStation) -> None:
    await case.begin()
    await given(case, 52, 9)
    cleared = await case.asked_for("ClearChargingProfile", {"chargingProfileId": 52})
    await case.becomes(cleared, CommandState.EFFECTIVE)
    case.drop()
    await resumes(case)
    last = await case.asked_for("GetLocalListVersion", {}, {"version_number": 0})
    await case.becomes(last, CommandState.EFFECTIVE)
    assert len(told(case)) == 1


async def test_what_a_whole_report_leaves_out_is_gone_and_not_sent_again(
    case: PayingStation,
) -> None:
    await case.begin()
    for number in (60, 61, 62):
        await given(case, number, 9)
    await reports(case, {"requestId": 7, "evseId": 1, "chargingProfile": {}}, 60)
    await reports(case, {"requestId": 8, "chargingProfile": {"stackLevel": 0}}, 60)
    assert await held(case) == ["60", "61", "62"], "these were asked for a part"
    await reports(case, {"requestId": 9, "chargingProfile": {}}, 60, 61)
    assert await held(case) == ["60", "61"]
    await reports(case, {"requestId": 10, "chargingProfile": {}})
    assert await held(case) == []
    case.drop()
    await resumes(case)
    last = await case.asked_for("GetLocalListVersion", {}, {"version_number": 0})
    await case.becomes(last, CommandState.EFFECTIVE)
    assert len(told(case)) == 3
