"""2.1: what charging profiles and vehicles of ISO 15118-20 say beyond 2.0.1 (K)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from csms import records
from csms.queue import CommandState
from csms.records import Held, Told
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.asking import ask
from tests.csms.central import Central

EFFECTIVE = CommandState.EFFECTIVE
SET = "SetChargingProfile"


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


def profile(case: PayingStation, **more: Any) -> dict[str, Any]:
    """Return a profile of the transaction with one period of 16 A; `schedule` goes into that."""
    schedule = {
        "id": 1,
        "startSchedule": case.now(),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    } | more.pop("schedule", {})
    usual = {
        "id": 70,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": case.ref,
        "chargingSchedule": [schedule],
    }
    return {name: value for name, value in (usual | more).items() if value is not None}


async def takes(case: PayingStation, told: dict[str, Any]) -> dict[str, Any]:
    """Have the station take a profile; return it as the station was told."""
    times = 1 + sum(action == SET for action, _ in case.asked)
    command = await case.asked_for(SET, {"evseId": 1, "chargingProfile": told})
    await case.becomes(command, EFFECTIVE)
    assert (await held(case, str(told["id"])))["chargingProfile"] == told, "and we know it"
    return dict((await case.was_asked(SET, times))["charging_profile"])


async def held(case: PayingStation, number: str) -> dict[str, Any]:
    async with case.central.database.unit_of_work() as db:
        found = await records.held(db, StationId(case.identity), Held.CHARGING_PROFILE)
    [one] = [each for each in found if each.key == number]
    return dict(one.content)


async def refused(case: PayingStation, told: dict[str, Any]) -> str:
    payload = {"evseId": 1, "chargingProfile": told}
    with pytest.raises(InvalidInput) as error:
        await ask(case.central, case.identity, SET, payload)
    return str(error.value.field)


async def reports(case: PayingStation, component: str, variable: str, value: str) -> None:
    told = {
        "component": {"name": component},
        "variable": {"name": variable},
        "variableAttribute": [{"type": "Actual", "value": value}],
    }
    said = {"requestId": 9, "generatedAt": case.now(), "seqNo": 0, "reportData": [told]}
    assert await case.call("NotifyReport", said) == {}


# ------------------------------------------------------------------------------------- profiles


async def test_k_100_a_profile_says_what_holds_of_it_offline(case: PayingStation) -> None:
    await case.begin()
    told = await takes(
        case, profile(case, maxOfflineDuration=600, invalidAfterOfflineDuration=True)
    )
    assert (told["max_offline_duration"], told["invalid_after_offline_duration"]) == (600, True)
    without = profile(case, invalidAfterOfflineDuration=True)
    assert await refused(case, without) == "$.chargingProfile.maxOfflineDuration"


async def test_k_101_the_way_of_operation_changes_within_a_profile(case: PayingStation) -> None:
    await case.begin()
    periods = [
        {"startPeriod": 0, "operationMode": "ChargingOnly", "limit": 16},
        {"startPeriod": 600, "operationMode": "CentralSetpoint", "setpoint": -10},
    ]
    told = await takes(case, profile(case, schedule={"chargingSchedulePeriod": periods}))
    [schedule] = told["charging_schedule"]
    modes = [each["operation_mode"] for each in schedule["charging_schedule_period"]]
    assert modes == ["ChargingOnly", "CentralSetpoint"]
    [kept] = await case.held(Held.CHARGING_PROFILE)
    [schedule] = kept.content["chargingProfile"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == periods
    await case.event("Updated", "OperationModeChanged", "Charging", operationMode="CentralSetpoint")
    [said] = await case.central.rows(
        "select raw from reports where station = :station order by id desc limit 1",
        station=case.identity,
    )
    payload = json.loads(said["raw"])[3]
    assert payload["triggerReason"] == "OperationModeChanged"
    assert payload["transactionInfo"]["operationMode"] == "CentralSetpoint"
    assert (await case.transaction()).state == "active"


async def test_k_102_a_limit_holds_from_a_state_of_charge_on(case: PayingStation) -> None:
    await case.begin()
    more = {"limitAtSoC": {"soc": 80, "limit": 6}}
    told = await takes(case, profile(case, schedule=more))
    assert told["charging_schedule"][0]["limit_at_soc"] == {"soc": 80, "limit": 6}


async def test_k_104_a_profile_for_charging_first(case: PayingStation) -> None:
    told = await takes(
        case, profile(case, chargingProfilePurpose="PriorityCharging", transactionId=None)
    )
    assert told["charging_profile_purpose"] == "PriorityCharging"
    discharging = [{"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": -1}]
    wrong = profile(
        case,
        chargingProfilePurpose="PriorityCharging",
        transactionId=None,
        schedule={"chargingSchedulePeriod": discharging},
    )
    assert (await refused(case, wrong)).endswith("chargingSchedulePeriod[0].operationMode")


async def test_k_106_stations_begin_at_random_by_their_own_clocks(case: PayingStation) -> None:
    more = {"useLocalTime": True, "randomizedDelay": 300}
    told = await takes(
        case,
        profile(
            case,
            chargingProfilePurpose="TxDefaultProfile",
            transactionId=None,
            chargingProfileKind="Recurring",
            recurrencyKind="Daily",
            schedule=more,
        ),
    )
    [schedule] = told["charging_schedule"]
    assert (schedule["use_local_time"], schedule["randomized_delay"]) == (True, 300)
    whole = {"chargingProfilePurpose": "ChargingStationMaxProfile", "transactionId": None}
    wrong = {"evseId": 0, "chargingProfile": profile(case, schedule=more, **whole)}
    with pytest.raises(InvalidInput, match="randomizedDelay"):
        await ask(case.central, case.identity, SET, wrong)


async def test_k_109_our_profiles_numbers_are_above_those_of_an_energy_manager(
    case: PayingStation,
) -> None:
    await reports(case, "SmartChargingCtrlr", "MaxExternalConstraintsId", "5000")
    await case.begin()
    case.answers[SET] = {"status": "Accepted"}
    assert await needs(case) == "Accepted"
    asked = await case.was_asked(SET)
    assert asked["charging_profile"]["id"] > 5000
    # Nor may an operator take one of its, or one that is there for something else.
    usual = {"chargingProfilePurpose": "TxDefaultProfile", "transactionId": None}
    assert await refused(case, profile(case, id=5000, **usual)) == "$.chargingProfile.id"
    await takes(case, profile(case, id=5070, **usual))
    assert await refused(case, profile(case, id=5070)) == "$.chargingProfile.id"
    await takes(case, profile(case, id=5071))
    await case.end()
    await takes(case, profile(case, id=5071, **usual))


# ------------------------------------------------------------------------------ ISO 15118-20


async def needs(case: PayingStation, mode: str = "DC", **more: Any) -> str:
    parameters = more.pop("parameters", {"maxChargePower": 50_000})
    told = {"requestedEnergyTransfer": mode} | more
    if parameters:
        told["v2xChargingParameters"] = parameters
    case.now()
    said = {"evseId": 1, "maxScheduleTuples": 1, "chargingNeeds": told}
    return str((await case.call("NotifyEVChargingNeeds", said))["status"])


async def means(case: PayingStation, limit: int) -> str:
    """The vehicle says how it will charge, once its profile is known to have arrived."""
    for _ in range(200):
        open_ones = await case.central.rows(
            "select 1 from commands where station = :station and state in ('queued', 'sent')",
            station=case.identity,
        )
        if not open_ones:
            break
    told = {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    said = {"timeBase": case.now(), "evseId": 1, "chargingSchedule": told}
    return str((await case.call("NotifyEVChargingSchedule", said))["status"])


async def given(case: PayingStation, times: int) -> dict[str, Any]:
    asked = await case.was_asked(SET, times)
    [schedule] = asked["charging_profile"]["charging_schedule"]
    [period] = schedule["charging_schedule_period"]
    return {"unit": schedule["charging_rate_unit"], **period}


@pytest.fixture
async def charging(case: PayingStation) -> PayingStation:
    case.answers[SET] = {"status": "Accepted"}
    await reports(case, "V2XChargingCtrlr", "Enabled", "true")
    await case.begin()
    return case


async def test_k_113_we_begin_and_the_vehicle_keeps_to_the_new_profile(
    charging: PayingStation,
) -> None:
    assert await needs(charging) == "Accepted"
    assert (await given(charging, 1))["limit"] == 50_000
    assert await means(charging, 50_000) == "Accepted"
    schedule = {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20_000}],
    }
    await takes(charging, profile(charging, stackLevel=1, schedule=schedule))
    assert await means(charging, 30_000) == "Rejected", "it is above the new one"
    await takes(charging, profile(charging, stackLevel=1, schedule=schedule))
    assert await means(charging, 20_000) == "Accepted"


async def test_k_114_the_vehicle_begins_with_what_it_can_give_back(
    charging: PayingStation,
) -> None:
    both = {"maxChargePower": 11_000, "maxDischargePower": 8_000, "evMinV2XEnergyRequest": -4000}
    assert await needs(charging, "AC_BPT", parameters=both) == "Accepted"
    assert await given(charging, 1) == {
        "unit": "W",
        "start_period": 0,
        "limit": 11_000,
        "operation_mode": "ChargingOnly",
    }
    less = both | {"maxChargePower": 7_000}
    assert await needs(charging, "AC_BPT", parameters=less) == "Accepted"
    assert (await given(charging, 2))["limit"] == 7_000
    async with charging.central.database.unit_of_work() as db:
        [kept] = await records.held(db, StationId(charging.identity), Held.CHARGING_NEEDS)
    assert kept.content["chargingNeeds"]["v2xChargingParameters"] == less


async def test_k_115_a_vehicle_that_leaves_it_to_us_is_given_a_profile(
    charging: PayingStation,
) -> None:
    more = {
        "controlMode": "DynamicControl",
        "mobilityNeedsMode": "EVCC_SECC",
        "departureTime": (charging.central.clock.now() + timedelta(hours=5)).isoformat(),
    }
    for times, energy_wh, limit in ((1, 30_000, 6600), (2, 60_000, 13_200), (3, 900_000, 50_000)):
        parameters = {"maxChargeCurrent": 125, "maxVoltage": 400}
        parameters["evTargetEnergyRequest"] = energy_wh
        assert await needs(charging, "DC_BPT", parameters=parameters, **more) == "Accepted"
        found = (await given(charging, times))["limit"]
        assert found == pytest.approx(limit, rel=0.001), "as steady as its energy needs"
    asked = await charging.was_asked(SET, 1)
    assert asked["charging_profile"]["transaction_id"] == charging.ref


async def test_k_117_another_time_of_departure_leads_to_a_new_profile(
    charging: PayingStation,
) -> None:
    leaves = charging.central.clock.now() + timedelta(hours=8)
    parameters = {"maxChargePower": 50_000, "evTargetEnergyRequest": 40_000}
    for times, hours, limit in ((1, 0, 5500), (2, 4, 11_000), (3, 8, 50_000)):
        departure = (leaves - timedelta(hours=hours)).isoformat()
        more = {"controlMode": "DynamicControl", "departureTime": departure}
        assert await needs(charging, "DC_BPT", parameters=parameters, **more) == "Accepted"
        found = (await given(charging, times))["limit"]
        assert found == pytest.approx(limit, rel=0.001), "40 kWh and a tenth until it leaves"
    async with charging.central.database.unit_of_work() as db:
        [kept] = await records.held(db, StationId(charging.identity), Held.CHARGING_NEEDS)
    assert kept.content["chargingNeeds"]["departureTime"].startswith(departure[:19])


async def test_k_126_where_nobody_limits_a_vehicle_it_is_told_that_no_profile_comes(
    charging: PayingStation,
) -> None:
    more = {"controlMode": "DynamicControl", "parameters": {"maxDischargePower": 8_000}}
    assert await needs(charging, "DC_BPT", **more) == "NoChargingProfile"
    async with charging.central.database.unit_of_work() as db:
        [kept] = await records.held(db, StationId(charging.identity), Held.CHARGING_NEEDS)
    assert kept.state == "NoChargingProfile"
    assert SET not in [action for action, _ in charging.asked]


async def test_k_118_charging_first_is_asked_for_and_told(case: PayingStation) -> None:
    await case.begin()
    use = {"transactionId": case.ref, "activate": True}
    command = await case.asked_for("UsePriorityCharging", use)
    asked = await case.was_asked("UsePriorityCharging")
    assert (asked["transaction_id"], asked["activate"]) == (case.ref, True)
    for activated in (True, False):
        case.now()
        said = {"transactionId": case.ref, "activated": activated}
        assert await case.call("NotifyPriorityCharging", said) == {}
    await case.becomes(command, EFFECTIVE)
    async with case.central.database.unit_of_work() as db:
        told = await records.tellings(db, StationId(case.identity), Told.PRIORITY_CHARGING)
    assert [(each.ref, each.content["activated"]) for each in told] == [
        (case.ref, False),
        (case.ref, True),
    ]
    [last] = await case.held(Held.CHARGES_FIRST)
    assert (last.key, last.state) == (case.ref, "Off")
