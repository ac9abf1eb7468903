"""Who may ask, and whose wish is an order."""

from dataclasses import replace

import pytest

from accounts.directory import Principal, Scope
from accounts.permissions import Permission, Reach
from foundation.identifiers import OrganisationKey, StationId
from portal.asking import acts_for_own, may_ask, order_is_needed
from portal.guard import Caller
from tests.portal.some_commands import a_station

RIGHTS = frozenset({Permission.COMMANDS_SEND, Permission.CHANGE_ORDERS_CONFIRM})
SETTING = {"key": "HeartbeatInterval", "value": "60"}


def somebody(home: str, scope: Scope, rights: frozenset[Permission] = RIGHTS) -> Caller:
    return Caller(
        Principal(
            id="person/3",
            name="Helen",
            group="support",
            rights=rights,
            reach=Reach.OWN_AND_BELOW,
            organisation=OrganisationKey(home),
            language="en",
        ),
        scope,
    )


OWN = Scope(frozenset({OrganisationKey("north")}))
SHARED = Scope(frozenset({OrganisationKey("south")}), {StationId("CS-1"): "command"})
SHOWN = Scope(frozenset({OrganisationKey("south")}), {StationId("CS-1"): "read"})


@pytest.mark.parametrize(("scope", "may"), [(OWN, True), (SHARED, True), (SHOWN, False)])
def test_a_shared_station_is_commanded_only_if_it_is_shared_for_that(
    scope: Scope, may: bool
) -> None:
    assert may_ask(somebody("south", scope), a_station("north")) is may


def test_without_the_right_nobody_asks() -> None:
    assert may_ask(somebody("north", OWN), a_station("north"))
    assert not may_ask(somebody("north", OWN, frozenset()), a_station("north"))


def test_only_an_authorised_person_of_the_owner_is_the_order_himself() -> None:
    station = a_station("north")
    assert acts_for_own(somebody("north", OWN), station)
    assert not acts_for_own(somebody("south", SHARED), station)
    unauthorised = somebody("north", OWN, RIGHTS - {Permission.CHANGE_ORDERS_CONFIRM})
    assert not acts_for_own(unauthorised, station)
    assert order_is_needed(unauthorised, station, "ChangeConfiguration", SETTING)
    assert not order_is_needed(unauthorised, station, "Reset", {"type": "Soft"})
    theirs = replace(station, organisation=OrganisationKey("south"))
    assert order_is_needed(somebody("north", OWN), theirs, "ChangeConfiguration", SETTING)
