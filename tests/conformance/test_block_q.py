"""2.1: vehicles that can give back energy (Q), and dynamic profiles (K28), by what comes of it."""

from typing import Any

import pytest

from accounts.directory import WHOLE
from csms import equipment, records
from csms.queue import CommandState
from csms.records import Held
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.conformance.charging_station import TOKEN
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.asking import ask
from tests.csms.central import Central

EFFECTIVE = CommandState.EFFECTIVE
SET, UPDATE, PULL = "SetChargingProfile", "UpdateDynamicSchedule", "PullDynamicScheduleUpdate"
NUMBER = 60


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def lets_discharge(case: PayingStation) -> None:
    """The station reports that vehicles may discharge at it."""
    variable = {
        "component": {"name": "V2XChargingCtrlr", "evse": {"id": 1}},
        "variable": {"name": "Enabled"},
        "variableAttribute": [{"type": "Actual", "value": "true"}],
    }
    said = {"requestId": 9, "generatedAt": case.now(), "seqNo": 0, "reportData": [variable]}
    assert await case.call("NotifyReport", said) == {}


async def needs(case: PayingStation, mode: str, **more: Any) -> str:
    said = {
        "evseId": 1,
        "chargingNeeds": {
            "requestedEnergyTransfer": mode,
            "v2xChargingParameters": {"maxChargePower": 11_000, "maxDischargePower": 8_000},
        }
        | more,
    }
    case.now()
    return str((await case.call("NotifyEVChargingNeeds", said))["status"])


def profile(case: PayingStation, mode: str, kind: str = "Absolute", **period: Any) -> Any:
    dynamic = {"dynUpdateInterval": 60} if kind == "Dynamic" else {}
    told = {"startPeriod": 0, "operationMode": mode} | period
    return {
        "id": NUMBER,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": kind,
        "transactionId": case.ref,
        "chargingSchedule": [
            {"id": 1, "startSchedule": case.now(), "chargingRateUnit": "W"}
            | {"duration": 3600, "chargingSchedulePeriod": [told]}
        ],
    } | dynamic


async def takes(case: PayingStation, mode: str, kind: str = "Absolute", **period: Any) -> Any:
    """Have the station take a profile; return the period as it was told, in its own words."""
    times = 1 + sum(action == SET for action, _ in case.asked)
    command = await case.asked_for(
        SET, {"evseId": 1, "chargingProfile": profile(case, mode, kind, **period)}
    )
    await case.becomes(command, EFFECTIVE)
    [schedule] = (await case.was_asked(SET, times))["charging_profile"]["charging_schedule"]
    [told] = schedule["charging_schedule_period"]
    [kept] = (await held(case)).content["chargingProfile"]["chargingSchedule"]
    assert kept["chargingSchedulePeriod"][0]["operationMode"] == mode
    return told


async def held(case: PayingStation) -> records.Record:
    async with case.central.database.unit_of_work() as db:
        found = await records.held(db, StationId(case.identity), Held.CHARGING_PROFILE)
    [one] = [each for each in found if each.key == str(NUMBER)]
    return one


async def pushed(case: PayingStation, **told: Any) -> dict[str, Any]:
    times = 1 + sum(action == UPDATE for action, _ in case.asked)
    payload = {"chargingProfileId": NUMBER, "scheduleUpdate": told}
    command = await case.asked_for(UPDATE, payload)
    await case.becomes(command, EFFECTIVE)
    return dict((await case.was_asked(UPDATE, times))["schedule_update"])


async def pulled(case: PayingStation, number: int = NUMBER) -> dict[str, Any]:
    case.now()
    return await case.call(PULL, {"chargingProfileId": number})


async def refused(case: PayingStation, action: str, payload: dict[str, Any]) -> str:
    """Ask for what does not go together; return where it says that it does not."""
    before = len(case.asked)
    with pytest.raises(InvalidInput) as error:
        await ask(case.central, case.identity, action, payload)
    assert len(case.asked) == before, "it never left"
    return str(error.value.field)


# ---------------------------------------------------------------------------------- allowed


async def test_q_102_what_we_do_not_know_of_energy_transfer_is_left_out(
    case: PayingStation,
) -> None:
    case.now()
    answer = await case.call("Authorize", {"idToken": TOKEN})
    assert answer["idTokenInfo"]["status"] == "Accepted"
    assert "allowedEnergyTransfer" not in answer
    await lets_discharge(case)
    await case.begin()
    assert await needs(case, "DC_BPT") == "Accepted", "the vehicle is charged all the same"


async def test_q_103_a_way_of_charging_that_is_not_allowed_is_rejected(
    case: PayingStation,
) -> None:
    await case.begin()
    assert await needs(case, "DC_BPT") == "Rejected"
    async with case.central.database.unit_of_work() as db:
        [kept] = await records.held(db, StationId(case.identity), Held.CHARGING_NEEDS)
    assert (kept.state, kept.content["chargingNeeds"]["requestedEnergyTransfer"]) == (
        "Rejected",
        "DC_BPT",
    )
    assert SET not in [action for action, _ in case.asked]
    await lets_discharge(case)
    assert await needs(case, "DC_BPT") == "Accepted"


async def test_q_107_a_vehicle_that_could_discharge_is_only_charged_until_somebody_asks(
    case: PayingStation,
) -> None:
    await lets_discharge(case)
    await case.begin()
    assert await needs(case, "DC_BPT") == "Accepted"
    asked = await case.was_asked(SET, 1)
    [schedule] = asked["charging_profile"]["charging_schedule"]
    assert schedule["charging_rate_unit"] == "W"
    assert schedule["charging_schedule_period"] == [
        {"start_period": 0, "limit": 11_000, "operation_mode": "ChargingOnly"}
    ]
    told = await takes(case, "CentralSetpoint", setpoint=-4000)
    assert (told["operation_mode"], told["setpoint"]) == ("CentralSetpoint", -4000)


# ------------------------------------------------------------------------------- central control


async def test_q_108_a_schedule_tells_when_to_discharge(case: PayingStation) -> None:
    await case.begin()
    told = await takes(case, "CentralSetpoint", setpoint=-5000, limit=11_000, dischargeLimit=-6000)
    assert told["setpoint"] == -5000
    assert told["discharge_limit"] == -6000
    beyond = profile(case, "CentralSetpoint", setpoint=-7000, dischargeLimit=-6000)
    where = await refused(case, SET, {"evseId": 1, "chargingProfile": beyond})
    assert where == "$.chargingProfile.chargingSchedule[0].chargingSchedulePeriod[0].setpoint"


async def test_q_109_a_setpoint_is_pushed(case: PayingStation) -> None:
    await case.begin()
    await takes(case, "CentralSetpoint", "Dynamic", setpoint=3000)
    assert await pushed(case, setpoint=-2500) == {"setpoint": -2500}
    assert (await pulled(case))["scheduleUpdate"] == {"setpoint": -2500}
    meaningless = {"chargingProfileId": NUMBER, "scheduleUpdate": {}}
    assert await refused(case, UPDATE, meaningless) == "$.scheduleUpdate"


async def test_q_110_a_setpoint_is_pulled(case: PayingStation) -> None:
    await case.begin()
    await takes(case, "CentralSetpoint", "Dynamic", setpoint=3000, limit=11_000)
    first = await pulled(case)
    assert first == {"status": "Accepted", "scheduleUpdate": {"limit": 11_000, "setpoint": 3000}}
    await pushed(case, setpoint=-1500)
    second = await pulled(case)
    assert second["scheduleUpdate"] == {"limit": 11_000, "setpoint": -1500}
    assert (await pulled(case, 999))["status"] == "Rejected"


async def test_k_121_a_dynamic_limit_is_pulled_and_begins_anew_with_a_new_profile(
    case: PayingStation,
) -> None:
    await case.begin()
    await takes(case, "ChargingOnly", "Dynamic", limit=11_000)
    await pushed(case, limit=7400)
    assert (await pulled(case)) == {"status": "Accepted", "scheduleUpdate": {"limit": 7400}}
    await takes(case, "ChargingOnly", "Dynamic", limit=9000)
    assert (await pulled(case))["scheduleUpdate"] == {"limit": 9000}
    await takes(case, "ChargingOnly", limit=9000)
    assert (await pulled(case))["status"] == "Rejected", "it is not dynamic any more"


async def test_another_stations_profile_is_told_to_nobody_else(
    case: PayingStation, central: Central
) -> None:
    await case.begin()
    await takes(case, "ChargingOnly", "Dynamic", limit=9000)
    other = await paying(central)
    assert (await pulled(other))["status"] == "Rejected"


# ------------------------------------------------------------------------------ external control


async def test_q_111_somebody_beside_the_station_sets_the_setpoint(case: PayingStation) -> None:
    await case.begin()
    told = await takes(case, "ExternalSetpoint", limit=11_000, dischargeLimit=-8000)
    assert "setpoint" not in told
    assert (told["limit"], told["discharge_limit"]) == (11_000, -8000)
    ours = profile(case, "ExternalSetpoint", setpoint=1000)
    where = await refused(case, SET, {"evseId": 1, "chargingProfile": ours})
    assert where.endswith("chargingSchedulePeriod[0].setpoint")


async def test_q_112_somebody_beside_the_station_sets_the_limits(case: PayingStation) -> None:
    await case.begin()
    told = await takes(case, "ExternalLimits")
    assert told == {"start_period": 0, "operation_mode": "ExternalLimits"}
    ours = profile(case, "ExternalLimits", limit=1000)
    where = await refused(case, SET, {"evseId": 1, "chargingProfile": ours})
    assert where.endswith("chargingSchedulePeriod[0].limit")


# ------------------------------------------------------------------------------------- frequency


async def test_q_117_setpoints_for_the_frequency_are_pushed(case: PayingStation) -> None:
    await case.begin()
    await takes(case, "CentralFrequency", "Dynamic", setpoint=0, limit=11_000, dischargeLimit=-9000)
    for setpoint in (2000, -2000, -8500):
        assert await pushed(case, setpoint=setpoint) == {"setpoint": setpoint}
    assert (await pulled(case))["scheduleUpdate"]["setpoint"] == -8500
    beyond = {"chargingProfileId": NUMBER, "scheduleUpdate": {"setpoint": -9500}}
    assert await refused(case, UPDATE, beyond) == "$.scheduleUpdate.setpoint"
    assert (await pulled(case))["scheduleUpdate"]["setpoint"] == -8500


SIGNAL_CURVE = [{"signal": -100, "power": -5000}, {"signal": 100, "power": 5000}]
FREQUENCY_CURVE = [{"frequency": 49.8, "power": -9000}, {"frequency": 50.2, "power": 9000}]


async def test_q_120_the_station_follows_the_signal_of_the_grid(case: PayingStation) -> None:
    await case.begin()
    told = await takes(case, "LocalFrequency", v2xBaseline=1000, v2xSignalWattCurve=SIGNAL_CURVE)
    assert told["v2x_baseline"] == 1000
    assert told["v2x_signal_watt_curve"] == SIGNAL_CURVE
    at = case.now()
    command = await case.asked_for("AFRRSignal", {"timestamp": at, "signal": -80})
    assert (await case.was_asked("AFRRSignal"))["signal"] == -80
    await case.becomes(command, EFFECTIVE)
    alone = profile(case, "LocalFrequency", v2xSignalWattCurve=SIGNAL_CURVE)
    assert "v2xFreqWattCurve" in await refused(case, SET, {"evseId": 1, "chargingProfile": alone})


async def test_q_121_the_station_follows_the_frequency_by_a_curve(case: PayingStation) -> None:
    await case.begin()
    told = await takes(case, "LocalFrequency", v2xFreqWattCurve=FREQUENCY_CURVE)
    assert told["v2x_freq_watt_curve"] == FREQUENCY_CURVE
    limited = profile(case, "LocalFrequency", v2xFreqWattCurve=FREQUENCY_CURVE, limit=1)
    assert (await refused(case, SET, {"evseId": 1, "chargingProfile": limited})).endswith("limit")


async def thresholds(case: PayingStation) -> dict[str, str | None]:
    """What we know of its own load balancing, from its answers."""
    async with case.central.database.unit_of_work() as db:
        found = await equipment.variables(
            db, WHOLE, StationId(case.identity), component="V2XChargingCtrlr", variable=None
        )
    return {each.variable: each.value for each in found if each.variable.endswith("Threshold")}


async def test_q_124_the_station_balances_the_load_of_its_site(case: PayingStation) -> None:
    upper = await case.asked_for(
        "SetVariables",
        {
            "setVariableData": [
                {
                    "component": {"name": "V2XChargingCtrlr", "instance": "LocalLoadBalancing"},
                    "variable": {"name": name},
                    "attributeValue": value,
                }
                for name, value in (("UpperThreshold", "4000"), ("LowerThreshold", "-500"))
            ]
        },
    )
    await case.becomes(upper, EFFECTIVE)
    assert case.told["V2XChargingCtrlr/UpperThreshold"] == "4000"
    assert await thresholds(case) == {"UpperThreshold": "4000", "LowerThreshold": "-500"}
    await case.begin()
    told = await takes(case, "LocalLoadBalancing")
    assert told == {"start_period": 0, "operation_mode": "LocalLoadBalancing"}
    await case.event("Updated", "OperationModeChanged", "Charging")
    assert (await case.transaction()).state == "active"
