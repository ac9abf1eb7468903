"""What an account grants: reading always, the rest by its term and tier."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.entitlements import (
    KEPT_WHEN_EXPIRED,
    AccountExpired,
    AccountState,
    Entitlement,
    TierTooLow,
)
from accounts.licences import Licence
from accounts.permissions import Permission
from accounts.tiers import FUNCTIONS, Tier
from tests.accounts.licensed import NORTH

END = datetime(2027, 10, 15, tzinfo=UTC)


def entitled(now: datetime, tier: Tier, *, archived: bool = False) -> Entitlement:
    return Entitlement(NORTH, Licence.BUSINESS, tier, date(2027, 10, 15), END, archived, now)


def test_its_term_is_half_open() -> None:
    assert entitled(END - timedelta(seconds=1), Tier.BASIC).state is AccountState.ACTIVE
    assert entitled(END, Tier.BASIC).state is AccountState.EXPIRED
    assert entitled(END - timedelta(days=9), Tier.BASIC, archived=True).state is (
        AccountState.ARCHIVED
    )


@pytest.mark.parametrize("permission", Permission)
def test_a_professional_account_that_runs_refuses_nothing(permission: Permission) -> None:
    assert entitled(END - timedelta(days=1), Tier.PROFESSIONAL).refusal(permission) is None


@pytest.mark.parametrize("permission", Permission)
def test_an_expired_account_keeps_reading_and_charging(permission: Permission) -> None:
    refusal = entitled(END, Tier.PROFESSIONAL).refusal(permission)

    assert (refusal is None) == (permission in KEPT_WHEN_EXPIRED)
    if refusal is not None:
        assert isinstance(refusal, AccountExpired)
        assert "2027-10-15" in str(refusal)


def test_below_its_tier_a_function_is_refused_by_name() -> None:
    granted = entitled(END - timedelta(days=1), Tier.LIMITED)
    refused = {each for each in Permission if granted.refusal(each) is not None}

    assert refused == {
        right for each in FUNCTIONS if each.least is Tier.PROFESSIONAL for right in each.rights
    }
    refusal = granted.refusal(Permission.WEBHOOKS_WRITE)
    assert isinstance(refusal, TierTooLow)
    assert (refusal.function.key, refusal.tier) == ("auto_export", Tier.LIMITED)
    assert granted.refusal_of_function("csv_export") is None
    assert granted.refusal_of_function("commercial") is not None
