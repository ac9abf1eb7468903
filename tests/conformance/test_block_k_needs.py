"""2.0.1: charging needs of vehicles by ISO 15118 (K15 to K17), each by what comes of it."""

from datetime import timedelta
from typing import Any

import pytest

from csms import records
from csms.queue import CommandState
from csms.records import Held, Record
from foundation.identifiers import StationId
from tests.conformance.charging_station import TOKEN, ChargingStation, booted
from tests.csms.central import Central

EFFECTIVE = CommandState.EFFECTIVE
NEEDS: dict[str, Any] = {
    "requestedEnergyTransfer": "AC_three_phase",
    "acChargingParameters": {
        "energyAmount": 30_000,
        "evMinCurrent": 6,
        "evMaxCurrent": 20,
        "evMaxVoltage": 400,
    },
}


class Vehicle:
    """A vehicle that speaks ISO 15118 at a station that charges."""

    def __init__(self, case: ChargingStation) -> None:
        self.case = case

    async def needs(self, most_a: int = 20) -> str:
        """Say what it needs; return the answer."""
        parameters = NEEDS["acChargingParameters"] | {"evMaxCurrent": most_a}
        said = {
            "evseId": 1,
            "maxScheduleTuples": 3,
            "chargingNeeds": NEEDS | {"acChargingParameters": parameters},
        }
        self.case.now()
        return str((await self.case.call("NotifyEVChargingNeeds", said))["status"])

    async def given(self, times: int) -> float:
        """Wait until it was given so many profiles; return the limit of the newest."""
        asked = await self.case.was_asked("SetChargingProfile", times)
        profile = asked["charging_profile"]
        assert profile["charging_profile_purpose"] == "TxProfile"
        assert profile["transaction_id"] == self.case.ref
        [period] = profile["charging_schedule"][0]["charging_schedule_period"]
        return float(period["limit"])

    async def means(self, limit: float) -> str:
        """Say how it means to charge; return the answer."""
        await self.taken()
        said = {
            "timeBase": self.case.now(),
            "evseId": 1,
            "chargingSchedule": {
                "id": 1,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        }
        return str((await self.case.call("NotifyEVChargingSchedule", said))["status"])

    async def taken(self) -> None:
        """Wait until the central system has the station's word on its profile."""
        [newest] = await self.case.central.rows(
            "select id from commands where station = :station order by id desc limit 1",
            station=self.case.identity,
        )
        for _ in range(500):
            [row] = await self.case.central.rows(
                "select state from commands where id = :id", id=newest["id"]
            )
            if row["state"] not in ("queued", "sent"):
                return

    async def held(self, kind: Held) -> Record:
        """What is kept of it."""
        async with self.case.central.database.unit_of_work() as db:
            [found] = await records.held(db, StationId(self.case.identity), kind)
        return found


@pytest.fixture
async def vehicle(central: Central) -> Vehicle:
    case = await booted(central)
    case.answers["SetChargingProfile"] = {"status": "Accepted"}
    await case.begin()
    return Vehicle(case)


async def test_k_53_needs_are_answered_by_a_profile_within_which_it_charges(
    vehicle: Vehicle,
) -> None:
    assert await vehicle.needs() == "Accepted"
    assert await vehicle.given(1) == 20
    assert await vehicle.means(16) == "Accepted"
    await vehicle.case.event("Updated", "ChargingStateChanged", "Charging")
    assert (await vehicle.held(Held.CHARGING_NEEDS)).state == "Accepted"
    assert (await vehicle.held(Held.VEHICLE_SCHEDULE)).state == "Accepted"
    profile = (await vehicle.held(Held.CHARGING_PROFILE)).content["chargingProfile"]
    assert profile["transactionId"] == vehicle.case.ref


async def test_k_55_a_schedule_above_the_limit_is_rejected_and_answered_by_a_new_profile(
    vehicle: Vehicle,
) -> None:
    await vehicle.needs()
    await vehicle.given(1)
    assert await vehicle.means(24) == "Rejected"
    assert (await vehicle.held(Held.VEHICLE_SCHEDULE)).state == "Rejected"
    assert await vehicle.given(2) == 20
    assert await vehicle.means(20) == "Accepted"


async def test_k_57_the_vehicle_asks_again_and_has_a_new_profile(vehicle: Vehicle) -> None:
    await vehicle.needs()
    await vehicle.given(1)
    assert await vehicle.means(20) == "Accepted"
    assert await vehicle.needs(most_a=10) == "Accepted"
    assert await vehicle.given(2) == 10
    assert await vehicle.means(20) == "Rejected"
    assert await vehicle.given(3) == 10
    assert await vehicle.means(10) == "Accepted"


async def renegotiated(vehicle: Vehicle, limit: int) -> None:
    """The operator gives another profile while it charges."""
    profile = {
        "id": 77,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": vehicle.case.ref,
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": vehicle.case.now(),
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            }
        ],
    }
    command = await vehicle.case.asked_for(
        "SetChargingProfile", {"evseId": 1, "chargingProfile": profile}
    )
    await vehicle.case.becomes(command, EFFECTIVE)


async def test_k_58_the_operator_begins_and_the_vehicle_keeps_to_the_new_profile(
    vehicle: Vehicle,
) -> None:
    await vehicle.needs()
    await vehicle.given(1)
    assert await vehicle.means(20) == "Accepted"
    await renegotiated(vehicle, 8)
    assert await vehicle.means(12) == "Rejected"
    await vehicle.given(3)
    await renegotiated(vehicle, 8)
    assert await vehicle.means(8) == "Accepted"


async def test_k_59_the_operator_begins_and_the_vehicle_says_what_it_needs_then(
    vehicle: Vehicle,
) -> None:
    await vehicle.needs()
    await vehicle.given(1)
    await renegotiated(vehicle, 8)
    assert await vehicle.needs(most_a=7) == "Accepted"
    assert await vehicle.given(3) == 7
    assert await vehicle.means(7) == "Accepted"


async def test_k_55_a_schedule_above_the_profile_of_a_remote_start_is_rejected(
    central: Central,
) -> None:
    """It is relative: its second period begins ten minutes after the transaction did."""
    vehicle = Vehicle(await booted(central))
    profile = {
        "id": 78,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": [
            {
                "id": 1,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 8},
                    {"startPeriod": 600, "limit": 16},
                ],
            }
        ],
    }
    payload = {"idToken": TOKEN, "remoteStartId": 9, "evseId": 1, "chargingProfile": profile}
    command = await vehicle.case.asked_for("RequestStartTransaction", payload)
    await vehicle.case.begin(remoteStartId=9)
    await vehicle.case.becomes(command, EFFECTIVE)
    assert await vehicle.means(12) == "Rejected"
    assert await vehicle.means(8) == "Accepted"
    central.clock.advance(timedelta(minutes=10))
    assert await vehicle.means(12) == "Accepted"
    assert await vehicle.means(18) == "Rejected"


async def test_needs_where_nothing_charges_are_rejected_and_kept(vehicle: Vehicle) -> None:
    await vehicle.case.end()
    assert await vehicle.needs() == "Rejected"
    assert (await vehicle.held(Held.CHARGING_NEEDS)).state == "Rejected"
    assert "SetChargingProfile" not in [action for action, _ in vehicle.case.asked]
