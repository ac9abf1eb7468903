"""Who may read what stations told of customers."""

import pytest

from accounts.permissions import Permission
from portal import customer_doors
from tests.portal.test_masking import BLIND, SEES


def test_only_who_sees_personal_data() -> None:
    assert not customer_doors.may_read(BLIND)
    assert SEES.may(Permission.CRM_READ)


@pytest.mark.parametrize("missing", [Permission.CRM_READ, Permission.COMMANDS_READ])
def test_both_rights_are_needed(missing: Permission) -> None:
    class Somebody:
        def may(self, right: Permission) -> bool:
            return right is not missing

    assert not customer_doors.may_read(Somebody())  # type: ignore[arg-type]
