"""How often values are read: counted per metering point and account."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.entitlements import Entitlement
from accounts.licences import Licence
from accounts.tiers import Tier
from foundation.identifiers import OrganisationKey
from portal.tier_rates import PointReads, ReadTooOften

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def account(key: str, tier: Tier) -> Entitlement:
    return Entitlement(
        OrganisationKey(key),
        Licence.BUSINESS,
        tier,
        date(2027, 10, 15),
        datetime(2027, 10, 15, tzinfo=UTC),
        False,
        NOON,
    )


def test_each_point_of_each_account_is_counted_by_itself() -> None:
    reads = PointReads()
    for key, point in (("north", "CS-1/1"), ("north", "CS-1/2"), ("south", "CS-1/1")):
        reads.take(point, account(key, Tier.LIMITED), now=NOON)
    with pytest.raises(ReadTooOften) as refused:
        reads.take("CS-1/1", account("north", Tier.LIMITED), now=NOON + timedelta(seconds=18))
    reads.take("CS-1/1", account("north", Tier.PROFESSIONAL), now=NOON + timedelta(seconds=18))

    assert refused.value.wait_s == 42
    assert "every 60 s" in str(refused.value)


def test_what_is_long_past_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.tier_rates._FORGET_ABOVE", 2)
    reads = PointReads()
    for number in range(3):
        reads.take(str(number), account("north", Tier.BASIC), now=NOON)
    reads.take("3", account("north", Tier.BASIC), now=NOON + timedelta(hours=1))

    assert set(reads._read_at) == {"north/3"}
