"""Tests of rights as people read them."""

import pytest

from accounts.permissions import RIGHTS, SHIPPED, Area, Permission, Reach, Role
from portal import rights
from portal.words import words


def test_every_right_is_a_switch_in_one_area() -> None:
    areas = rights.switches({Permission.STATIONS_READ}, SHIPPED[Role.OWNER], words("en"))
    switches = [switch for area in areas for switch in area.switches]

    assert [area.key for area in areas] == list(Area)
    assert sorted(each.key for each in switches) == sorted(Permission)
    assert [each.key for each in switches if each.is_on] == ["stations.read"]
    assert {each.key for each in switches if each.is_movable} == SHIPPED[Role.OWNER]
    assert sum(area.on for area in areas) == 1


@pytest.mark.parametrize("permission", Permission)
def test_every_right_has_a_german_name_and_meaning(permission: Permission) -> None:
    german = words("de")
    right = RIGHTS[permission]

    assert rights.label(permission, german) != right.label
    assert german.gettext(right.description) != right.description


def test_every_reach_and_shipped_group_has_a_name() -> None:
    assert set(rights.REACHES) == set(Reach)
    assert set(rights.GROUPS) == set(Role)
