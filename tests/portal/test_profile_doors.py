"""A plain limit in the words of each version: valid by their schemas."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from csms.charging_profiles import Purpose, Unit, profile_of
from csms.known_profiles import KnownProfile, Source
from csms.ocpp import outgoing
from csms.reports import OcppVersion
from portal.profile_doors import limit_profile, may_be_cleared

NOON = datetime(2026, 11, 20, 12, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("version", OcppVersion)
@pytest.mark.parametrize("evse_id", [0, 2])
def test_every_version_takes_a_limit_that_lapses(version: OcppVersion, evse_id: int) -> None:
    is_old = version is OcppVersion.V16
    payload = limit_profile(
        is_old=is_old,
        number=1001,
        evse_id=evse_id,
        unit=Unit.W,
        limit=Decimal("4200.5"),
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=2),
        level=1,
    )
    outgoing.encode(version, "SetChargingProfile", payload, raw=False)
    told = payload["csChargingProfiles"] if is_old else payload["chargingProfile"]
    schedules = [told["chargingSchedule"]] if is_old else told["chargingSchedule"]
    read = profile_of(evse_id, {**told, "chargingSchedule": schedules})
    assert read.hindrance is None
    assert read.purpose is (Purpose.TX_DEFAULT if evse_id else Purpose.STATION_MAX)
    assert (read.unit, read.periods[0].limit, read.duration_s) == (
        Unit.W,
        Decimal("4200.5"),
        7200,
    )
    noon = NOON.replace(microsecond=0)
    assert (read.valid_from, read.valid_to) == (noon, noon + timedelta(hours=2))


def test_limits_of_others_are_not_ours_to_take_back() -> None:
    def known(purpose: str, source: Source, number: object = 7) -> KnownProfile:
        made = profile_of(0, {"id": number, "chargingProfilePurpose": purpose})
        return KnownProfile(made, source, None, NOON)

    assert may_be_cleared(known("TxProfile", Source.SENT))
    assert may_be_cleared(known("TxDefaultProfile", Source.REPORTED))
    assert not may_be_cleared(known("ChargingStationExternalConstraints", Source.REPORTED, -7))
    assert not may_be_cleared(known("NotifyChargingLimit", Source.NOTIFIED, "EMS/0"))
