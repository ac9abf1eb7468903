"""Tests of licences."""

import pytest

from accounts import licences
from accounts.licences import Licence
from accounts.permissions import Permission

ALL = frozenset(Permission)


@pytest.mark.parametrize("licence", [Licence.BUSINESS, Licence.BUSINESS_PREMIUM])
def test_a_business_licence_has_every_right_and_room_for_any_number(licence: Licence) -> None:
    assert licences.licensed(ALL, licence) == ALL
    assert licences.most_stations(licence) is None
    assert licences.is_for(licence, "private")


def test_the_monitoring_edition_watches_and_counts_no_money() -> None:
    rights = licences.licensed(ALL, Licence.MONITORING)

    assert Permission.STATIONS_READ in rights
    assert Permission.MONITORING in rights
    assert Permission.TARIFFS_READ not in rights
    assert Permission.AUDIT_READ not in rights
    assert licences.most_stations(Licence.MONITORING) == 20
    assert licences.is_for(Licence.MONITORING, "standard")
    assert not licences.is_for(Licence.MONITORING, "private")


def test_a_licence_gives_no_right_that_the_group_lacks() -> None:
    own = frozenset({Permission.STATIONS_READ})
    for licence in Licence:
        assert licences.licensed(own, licence) <= own
