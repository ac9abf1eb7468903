"""What a station would refuse of a profile is refused before it leaves, next to what is fine."""

from typing import Any

import pytest

from csms.profile_rules import objection

PERIODS = [{"startPeriod": 0, "limit": 16}, {"startPeriod": 60, "limit": 8}]
SCHEDULE: dict[str, Any] = {
    "id": 1,
    "startSchedule": "2026-10-15T00:00:00Z",
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": PERIODS,
}


def payload(evse_id: int = 1, schedule: Any = None, /, **more: Any) -> dict[str, Any]:
    usual = {
        "id": 70,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [SCHEDULE | (schedule or {})],
    }
    return {"evseId": evse_id, "chargingProfile": usual | more}


TX = {"chargingProfilePurpose": "TxProfile", "transactionId": "t-1"}
MAX = {"chargingProfilePurpose": "ChargingStationMaxProfile"}
DAILY = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}


@pytest.mark.parametrize(
    ("wrong", "field", "fine"),
    [
        (
            payload(invalidAfterOfflineDuration=True),
            "$.chargingProfile.maxOfflineDuration",
            payload(invalidAfterOfflineDuration=True, maxOfflineDuration=0),
        ),
        (
            payload(maxOfflineDuration=-1),
            "$.chargingProfile.maxOfflineDuration",
            payload(maxOfflineDuration=1),
        ),
        (
            payload(0, {"limitAtSoC": {"soc": 80, "limit": 6}}, **MAX),
            "limitAtSoC",
            payload(1, {"limitAtSoC": {"soc": 80, "limit": 6}}),
        ),
        (
            payload(1, {"limitAtSoC": {"soc": 101, "limit": 6}}),
            "limitAtSoC.soc",
            payload(1, {"limitAtSoC": {"soc": 100, "limit": 6}}),
        ),
        (
            payload(1, {"limitAtSoC": {"soc": 80, "limit": -1}}),
            "limitAtSoC.limit",
            payload(1, {"limitAtSoC": {"soc": 80, "limit": 0}}),
        ),
        (
            payload(1, {"useLocalTime": True}, chargingProfileKind="Dynamic"),
            "useLocalTime",
            payload(1, {"useLocalTime": True}, **DAILY),
        ),
        (
            payload(0, {"randomizedDelay": 60}, **MAX),
            "randomizedDelay",
            payload(1, {"randomizedDelay": 60}),
        ),
        (
            payload(chargingProfileKind="Dynamic", dynUpdateInterval=-1),
            "$.chargingProfile.dynUpdateInterval",
            payload(chargingProfileKind="Dynamic", dynUpdateInterval=0),
        ),
        (payload(recurrencyKind="Daily"), "$.chargingProfile.recurrencyKind", payload(**DAILY)),
        (payload(1, **MAX), "$.evseId", payload(0, **MAX)),
        (payload(0, **TX), "$.evseId", payload(1, **TX)),
        (payload(transactionId="t-1"), "$.chargingProfile.transactionId", payload(**TX)),
        (
            payload(1, {"chargingSchedulePeriod": PERIODS[::-1]}),
            "chargingSchedulePeriod[0].startPeriod",
            payload(1, {"chargingSchedulePeriod": PERIODS}),
        ),
        (
            payload(chargingProfilePurpose="ChargingStationExternalConstraints"),
            "$.chargingProfile.chargingProfilePurpose",
            payload(),
        ),
    ],
)
def test_each_refusal_stands_next_to_what_is_fine(
    wrong: dict[str, Any], field: str, fine: dict[str, Any]
) -> None:
    assert objection(fine, is_start=False) is None
    found = objection(wrong, is_start=False)
    assert found is not None
    sentence, place = found
    assert place in (field, f"$.chargingProfile.chargingSchedule[0].{field}")
    assert sentence.endswith(".")


def test_a_start_has_a_profile_for_its_own_transaction_only() -> None:
    alone = {"chargingProfilePurpose": "TxProfile"}
    assert objection(payload(**alone), is_start=True) is None
    for wrong in (payload(), payload(**TX)):
        assert objection(wrong, is_start=True) is not None
    assert objection(payload(**alone), is_start=False) is not None
