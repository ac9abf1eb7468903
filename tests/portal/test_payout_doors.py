"""The doors of payouts: which right a step needs."""

import pytest

from accounts.permissions import SHIPPED, Permission, Role
from billing.payouts import Step
from foundation.errors import NotFound
from portal.payout_doors import number_of, right_for


@pytest.mark.parametrize("step", Step)
def test_a_release_needs_a_right_of_its_own(step: Step) -> None:
    expected = Permission.PAYOUTS_RELEASE if step is Step.RELEASE else Permission.PAYOUTS_WRITE
    assert right_for(step) is expected


def test_finance_pays_and_owners_accept_and_nobody_else_does_either() -> None:
    payouts = {Permission.PAYOUTS_READ, Permission.PAYOUTS_WRITE, Permission.PAYOUTS_RELEASE}
    assert payouts <= SHIPPED[Role.FINANCE]
    assert Permission.SELF_BILLING_ACCEPT not in SHIPPED[Role.FINANCE]
    assert SHIPPED[Role.OWNER] & (payouts | {Permission.SELF_BILLING_ACCEPT}) == {
        Permission.SELF_BILLING_ACCEPT
    }
    for role in (Role.SUPPORT, Role.CUSTOMER_SUCCESS, Role.TECHNICIAN):
        assert not SHIPPED[role] & (payouts | {Permission.SELF_BILLING_ACCEPT})


def test_a_run_is_found_by_its_number_only() -> None:
    assert number_of("17") == 17
    for odd in ("x", "-1", "1.0", "", "٣", "1" * 19):
        with pytest.raises(NotFound):
            number_of(odd)
