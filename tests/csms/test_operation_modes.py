"""What a profile of 2.1 may say for each operation mode (block Q, section 2.2)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.operation_modes import SET_OFTEN, objection, objection_to_update, values_of


def profile(
    *periods: dict[str, Any], purpose: str = "TxProfile", kind: str = "Absolute", **more: Any
) -> dict[str, Any]:
    told = [{"startPeriod": place} | period for place, period in enumerate(periods)]
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": told}
    return {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
    } | more


FREQUENCIES = [{"frequency": 49.8, "power": -1}, {"frequency": 50.2, "power": 1}]
SIGNALS = [{"signal": -1, "power": -1}, {"signal": 1, "power": 1}]


@pytest.mark.parametrize(
    "period",
    [
        {"limit": 6},
        {"operationMode": "ChargingOnly", "limit": 6, "limit_L2": 5},
        {"operationMode": "CentralSetpoint", "setpoint": -6},
        {
            "operationMode": "CentralSetpoint",
            "setpoint": -6,
            "limit": 11,
            "dischargeLimit": -6,
            "setpointReactive": 2,
        },
        {"operationMode": "CentralFrequency", "setpoint": 0, "limit": 1, "dischargeLimit": -1},
        {"operationMode": "ExternalSetpoint", "limit": 1, "dischargeLimit": -1},
        {"operationMode": "ExternalSetpoint"},
        {"operationMode": "ExternalLimits"},
        {"operationMode": "LocalFrequency", "v2xFreqWattCurve": FREQUENCIES},
        {"operationMode": "LocalFrequency", "v2xSignalWattCurve": SIGNALS, "v2xBaseline": 0},
        {"operationMode": "LocalLoadBalancing"},
        {"operationMode": "Idle", "evseSleep": True},
    ],
)
def test_what_goes_together(period: dict[str, Any]) -> None:
    assert objection(profile(period)) is None


@pytest.mark.parametrize(
    ("period", "at"),
    [
        ({}, "limit"),
        ({"limit": 6, "setpoint": 1}, "setpoint"),
        ({"limit": 6, "dischargeLimit": -1}, "dischargeLimit"),
        ({"operationMode": "CentralSetpoint", "limit": 6}, "setpoint"),
        ({"operationMode": "CentralSetpoint", "setpoint": 7, "limit": 6}, "setpoint"),
        ({"operationMode": "CentralSetpoint", "setpoint": -7, "dischargeLimit": -6}, "setpoint"),
        (
            {"operationMode": "CentralSetpoint", "setpoint": 1, "setpoint_L2": 9, "limit_L2": 8},
            "setpoint_L2",
        ),
        (
            {"operationMode": "CentralFrequency", "setpoint": 1, "setpointReactive": 1},
            "setpointReactive",
        ),
        ({"operationMode": "ExternalSetpoint", "setpoint": 1}, "setpoint"),
        ({"operationMode": "ExternalLimits", "limit": 1}, "limit"),
        ({"operationMode": "LocalFrequency"}, "v2xFreqWattCurve"),
        ({"operationMode": "LocalFrequency", "v2xSignalWattCurve": SIGNALS}, "v2xFreqWattCurve"),
        ({"operationMode": "LocalLoadBalancing", "limit": 1}, "limit"),
        ({"operationMode": "Idle", "limit": 0}, "limit"),
    ],
)
def test_what_does_not_go_together_is_named(period: dict[str, Any], at: str) -> None:
    found = objection(profile({"limit": 6}, period))
    assert found is not None
    sentence, where = found
    assert where == f"$.chargingSchedule[0].chargingSchedulePeriod[1].{at}"
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("purpose", "mode", "is_fine"),
    [
        ("PriorityCharging", "ChargingOnly", True),
        ("PriorityCharging", "Idle", False),
        ("ChargingStationMaxProfile", "ExternalLimits", False),
        ("ChargingStationExternalConstraints", "ExternalLimits", True),
        ("ChargingStationExternalConstraints", "LocalLoadBalancing", False),
        ("LocalGeneration", "ExternalLimits", True),
        ("LocalGeneration", "ExternalSetpoint", False),
        ("TxDefaultProfile", "LocalLoadBalancing", True),
    ],
)
def test_not_every_purpose_has_every_mode(purpose: str, mode: str, *, is_fine: bool) -> None:
    period = {"operationMode": mode} | ({"limit": 6} if mode == "ChargingOnly" else {})
    found = objection(profile(period, purpose=purpose))
    assert (found is None) is is_fine


def test_a_dynamic_profile_has_one_period_and_only_it_is_updated() -> None:
    one, two = {"limit": 6}, {"limit": 7}
    assert objection(profile(one, kind="Dynamic", dynUpdateInterval=60)) is None
    assert objection(profile(one, two, kind="Dynamic")) is not None
    found = objection(profile(one, dynUpdateInterval=60))
    assert found is not None
    assert found[1] == "$.dynUpdateInterval"


@pytest.mark.parametrize(
    ("kind", "update", "at"),
    [
        ("Absolute", {"setpoint": 1}, "$.chargingProfileId"),
        ("Dynamic", {}, "$.scheduleUpdate"),
        ("Dynamic", {"setpoint": 12}, "$.scheduleUpdate.setpoint"),
        ("Dynamic", {"limit": 1}, "$.scheduleUpdate.setpoint"),
        ("Dynamic", {"setpoint": 12, "limit": 12}, None),
        ("Dynamic", {"setpoint": -3}, None),
    ],
)
def test_an_update_is_held_against_the_profile(
    kind: str, update: dict[str, Any], at: str | None
) -> None:
    period = {"operationMode": "CentralSetpoint", "setpoint": 5, "limit": 11}
    found = objection_to_update(profile(period, kind=kind), update)
    assert (None if found is None else found[1]) == at


@given(
    st.dictionaries(
        st.sampled_from([*sorted(SET_OFTEN), "startPeriod", "numberPhases"]), st.integers()
    )
)
def test_of_a_period_only_what_can_be_told_anew_is_an_updates(told: dict[str, int]) -> None:
    assert values_of(told) == {name: told[name] for name in told if name in SET_OFTEN}
