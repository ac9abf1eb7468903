"""What stations are told of load balancing: valid by the schemas of each version."""

from datetime import UTC, datetime, timedelta

import pytest

from csms.balancing import PHASES
from csms.balancing_profiles import CLEAR, SET, Listener, cleared, fallback, share
from csms.ocpp import outgoing
from csms.reports import OcppVersion
from foundation.identifiers import StationId

NOW = datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=30)


def listener(version: OcppVersion, *, in_watts: bool = False, numbers_from: int = 0) -> Listener:
    return Listener(
        station=StationId("CS-1"), version=version, in_watts=in_watts, numbers_from=numbers_from
    )


@pytest.mark.parametrize("version", OcppVersion)
def test_every_version_takes_what_it_is_told(version: OcppVersion) -> None:
    to = listener(version)
    transaction = 7 if version is OcppVersion.V16 else "tx-7"
    outgoing.encode(version, SET, fallback(to, 6, NOW), raw=False)
    told = share(to, 2, transaction, 16, PHASES, now=NOW, until=UNTIL)
    outgoing.encode(version, SET, told, raw=False)
    outgoing.encode(version, CLEAR, cleared(to, 2), raw=False)


@pytest.mark.parametrize("version", OcppVersion)
def test_what_is_told_stands_on_the_lowest_stack_level_under_small_numbers(
    version: OcppVersion,
) -> None:
    to = listener(version)
    told = [
        fallback(to, 6, NOW),
        *(share(to, evse, 7, 16, PHASES, now=NOW, until=UNTIL) for evse in (1, 2)),
    ]
    profiles = [each.get("csChargingProfiles") or each["chargingProfile"] for each in told]
    assert {each["stackLevel"] for each in profiles} == {0}
    numbers = [each.get("chargingProfileId") or each["id"] for each in profiles]
    assert numbers == [1, 2, 3]


def test_what_a_station_falls_back_to_is_for_all_of_it_and_for_good() -> None:
    told = fallback(listener(OcppVersion.V16), 6, NOW)
    profile = told["csChargingProfiles"]
    assert told["connectorId"] == 0
    assert profile["chargingProfilePurpose"] == "TxDefaultProfile"
    assert "validTo" not in profile
    assert profile["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 6}]


def test_a_share_is_for_one_transaction_and_lapses() -> None:
    to = listener(OcppVersion.V201, numbers_from=100)
    told = share(to, 2, "tx-7", 16, PHASES, now=NOW, until=UNTIL)
    profile = told["chargingProfile"]
    assert (told["evseId"], profile["transactionId"]) == (2, "tx-7")
    assert profile["validTo"] == "2026-11-20T12:30:00Z"
    assert profile["chargingSchedule"][0]["startSchedule"] == "2026-11-20T12:00:00Z"
    assert profile["id"] > 100
    assert cleared(to, 2) == {"chargingProfileId": profile["id"]}
    assert fallback(to, 6, NOW)["chargingProfile"]["id"] not in (100, profile["id"])


def test_who_takes_only_watts_is_told_those_of_all_his_phases() -> None:
    to = listener(OcppVersion.V16, in_watts=True)
    for phases, watts in ((PHASES, 11_040), (frozenset({2}), 3680)):
        told = share(to, 1, 7, 16, phases, now=NOW, until=UNTIL)
        schedule = told["csChargingProfiles"]["chargingSchedule"]
        assert schedule["chargingRateUnit"] == "W"
        assert schedule["chargingSchedulePeriod"][0]["limit"] == watts
