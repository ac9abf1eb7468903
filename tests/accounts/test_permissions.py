"""Tests of the table of permissions."""

import pytest

from accounts.permissions import WHOLE_INSTALLATION, Permission, Role, allows


@pytest.mark.parametrize("permission", Permission)
def test_an_administrator_may_everything(permission: Permission) -> None:
    assert allows([Role.ADMINISTRATOR], permission)


@pytest.mark.parametrize("permission", Permission)
def test_an_owner_only_reads(permission: Permission) -> None:
    if allows([Role.OWNER], permission):
        assert permission.value.endswith(".read")
        assert permission not in WHOLE_INSTALLATION


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
    assert not allows([Role.SUPPORT], permission)


def test_support_reads_what_a_caller_asks_about() -> None:
    assert allows([Role.SUPPORT], Permission.FRAMES_READ)
    assert allows([Role.SUPPORT], Permission.STATIONS_READ)
    assert not allows([Role.OWNER], Permission.FRAMES_READ)


def test_roles_add_up() -> None:
    assert allows([Role.OWNER, Role.SUPPORT], Permission.FRAMES_READ)


def test_nobody_may_nothing() -> None:
    assert not any(allows([], permission) for permission in Permission)
