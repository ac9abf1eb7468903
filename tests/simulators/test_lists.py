"""What a station keeps for a central system: its cache, its local list, charging profiles."""

from typing import Any

import pytest

from tests.simulators.asking import At
from tests.simulators.csms import TinyCsms

TWO = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


async def test_16_keeps_a_local_list_by_its_version(csms: TinyCsms) -> None:
    def update(version: int, kind: str, *tokens: str) -> dict[str, Any]:
        entries = [{"idTag": token, "idTagInfo": {"status": "Accepted"}} for token in tokens]
        return {"listVersion": version, "updateType": kind, "localAuthorizationList": entries}

    async with At(csms, "1.6") as at:
        assert await at.ask("GetLocalListVersion") == {"listVersion": 0}
        answer = await at.ask("SendLocalList", update(4, "Full", "04A1"))
        assert answer == {"status": "Accepted"}
        answer = await at.ask("SendLocalList", update(4, "Differential", "04A2"))
        assert answer == {"status": "VersionMismatch"}
        answer = await at.ask("SendLocalList", update(5, "Differential", "04A2"))
        assert answer == {"status": "Accepted"}
        assert await at.ask("GetLocalListVersion") == {"listVersion": 5}
        assert at.done == ["took local list 4", "took local list 5"]


async def test_the_cache_is_cleared(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        await at.station.authorize("04A1")
        assert at.station.known_tokens == {"04A1": "Accepted"}
        assert await at.ask("ClearCache") == {"status": "Accepted"}
        assert at.station.known_tokens == {}
        assert at.done == ["cleared its cache"]


def _profile(version: str) -> dict[str, Any]:
    schedule: dict[str, Any] = {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000}],
    }
    about = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
    }
    if version == "1.6":
        profile = {"chargingProfileId": 7, "chargingSchedule": schedule, **about}
        return {"connectorId": 1, "csChargingProfiles": profile}
    schedule["id"] = 1
    return {"evseId": 1, "chargingProfile": {"id": 7, "chargingSchedule": [schedule], **about}}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_profile_is_kept_until_it_is_cleared(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        answer = await at.ask("SetChargingProfile", _profile(version))
        assert answer["status"] == "Accepted"
        which = {"id" if version == "1.6" else "chargingProfileId": 7}
        for status in ("Accepted", "Unknown"):
            assert (await at.ask("ClearChargingProfile", which))["status"] == status


@TWO
async def test_2x_reports_its_profiles(csms: TinyCsms, version: str) -> None:
    async with At(csms, version) as at:
        wish = {"requestId": 2, "chargingProfile": {}}
        assert (await at.ask("GetChargingProfiles", wish))["status"] == "NoProfiles"
        await at.ask("SetChargingProfile", _profile(version))
        assert (await at.ask("GetChargingProfiles", wish))["status"] == "Accepted"
        [report] = await at.heard("ReportChargingProfiles")
        assert report["chargingProfile"][0]["id"] == 7
        answer = await at.ask("GetCompositeSchedule", {"evseId": 1, "duration": 60})
        assert answer["schedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 22_000}]


async def test_16_tells_its_composite_schedule(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        answer = await at.ask("GetCompositeSchedule", {"connectorId": 0, "duration": 60})
        assert answer["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 44_000
        answer = await at.ask("GetCompositeSchedule", {"connectorId": 9, "duration": 60})
        assert answer == {"status": "Rejected"}
