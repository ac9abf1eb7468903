"""Tests of the table of permissions."""

import pytest

from accounts.permissions import (
    RIGHTS,
    SHIPPED,
    WHOLE_INSTALLATION,
    Permission,
    Role,
    allows,
    role_that_is_all,
)

_OWNERS_DEEDS = {
    Permission.ALERTS_WRITE,
    Permission.WEBHOOKS_WRITE,
    Permission.CHANGE_ORDERS_CONFIRM,
    Permission.STATIONS_SHARE,
    Permission.CREDITS_ORDER,
    Permission.SELF_BILLING_ACCEPT,
}


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_has_an_area_a_name_and_a_meaning(permission: Permission) -> None:
    right = RIGHTS[permission]

    assert right.label
    assert right.description.endswith(".")


@pytest.mark.parametrize("role", [Role.SUPER_ADMIN, Role.ADMINISTRATOR])
def test_administrators_may_everything(role: Role) -> None:
    assert SHIPPED[role] == set(Permission)


def test_an_owner_reads_and_decides_about_his_own_stations() -> None:
    assert {each for each in SHIPPED[Role.OWNER] if not each.endswith(".read")} == _OWNERS_DEEDS
    assert not SHIPPED[Role.OWNER] & WHOLE_INSTALLATION


@pytest.mark.parametrize(
    "permission",
    [
        Permission.TRANSACTIONS_DECIDE,
        Permission.STATEMENTS_CLOSE,
        Permission.TARIFFS_WRITE,
        Permission.AGREEMENTS_WRITE,
        Permission.USERS_WRITE,
        Permission.ORGANISATIONS_WRITE,
    ],
)
def test_support_decides_nothing_about_money_and_people(permission: Permission) -> None:
    assert permission not in SHIPPED[Role.SUPPORT]


def test_support_reads_what_a_caller_asks_about() -> None:
    assert Permission.FRAMES_READ in SHIPPED[Role.SUPPORT]
    assert Permission.STATIONS_READ in SHIPPED[Role.SUPPORT]
    assert Permission.FRAMES_READ not in SHIPPED[Role.OWNER]


def test_a_technician_commissions_and_sees_no_personal_data() -> None:
    assert Permission.COMMANDS_CONFIGURE in SHIPPED[Role.TECHNICIAN]
    assert Permission.CRM_READ not in SHIPPED[Role.TECHNICIAN]
    assert Permission.TARIFFS_WRITE not in SHIPPED[Role.TECHNICIAN]


def test_what_concerns_everybody_needs_sight_of_everything() -> None:
    rights = SHIPPED[Role.FINANCE]

    assert allows(rights, Permission.TARIFFS_WRITE, sees_all=True)
    assert not allows(rights, Permission.TARIFFS_WRITE, sees_all=False)
    assert allows(rights, Permission.STATEMENTS_READ, sees_all=False)
    assert not allows(rights, Permission.USERS_WRITE, sees_all=True)


def test_several_old_roles_mean_the_one_that_has_the_rights_of_all() -> None:
    assert role_that_is_all({Role.ADMINISTRATOR, Role.SUPPORT}) is Role.ADMINISTRATOR
    assert role_that_is_all({Role.OWNER}) is Role.OWNER
    assert role_that_is_all({Role.FINANCE, Role.SUPPORT}) is None


def test_nobody_may_nothing() -> None:
    assert not any(allows(frozenset(), each, sees_all=True) for each in Permission)
