"""2.1: a transaction that goes on after an interruption is told its profile again (B, E)."""

from typing import Any

import pytest

from csms.queue import CommandState
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.central import Central

SET = "SetChargingProfile"


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def given(case: PayingStation, number: int, limit: int) -> dict[str, Any]:
    """Let the transaction have a profile that the station took; return it as it was told."""
    profile = {
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
    command = await case.asked_for(SET, {"evseId": 1, "chargingProfile": profile})
    await case.becomes(command, CommandState.EFFECTIVE)
    return dict((await case.was_asked(SET, 1))["charging_profile"])


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
