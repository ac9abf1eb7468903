"""Whose hand is the hotline's: everybody's but the owner's own people's."""

from accounts.directory import Scope
from foundation.identifiers import OrganisationKey
from portal.hotline_doors import bar_by_phone, is_own
from support.hotline import Bar, Service
from tests.portal.some_commands import a_station
from tests.portal.test_asking import somebody

SEES = Scope(frozenset({OrganisationKey("north"), OrganisationKey("root")}))
NOTHING = Service(is_monitored=False, package=None)


def test_the_owners_own_people_are_not_the_hotline_and_those_above_are() -> None:
    station = a_station("north")
    assert is_own(somebody("north", SEES), station)
    assert bar_by_phone(somebody("north", SEES), station, NOTHING) is None
    assert bar_by_phone(somebody("root", SEES), station, NOTHING) is Bar.NOT_MONITORED
