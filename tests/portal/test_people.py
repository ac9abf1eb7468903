"""A law of giving rights: whatever anybody does, nobody gets a right that no giver had."""

from collections.abc import Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.directory import Principal, Scope
from accounts.permissions import WHOLE_INSTALLATION, Permission, Reach, Role, allows
from foundation.identifiers import OrganisationKey
from portal import people
from portal.guard import Caller, MoreThanOwnRights

NORTH = OrganisationKey("north")
RIGHTS = st.frozensets(st.sampled_from(sorted(Permission)))
REACHES = st.sampled_from(list(Reach))


def caller(rights: Set[Permission], reach: Reach, *, is_root: bool = False) -> Caller:
    asker = Principal("person/1", "P", "", frozenset(rights), reach, NORTH, "en", 1)
    sees_all = reach is Reach.INSTALLATION or (is_root and reach is Reach.OWN_AND_BELOW)
    return Caller(asker, Scope(None if sees_all else frozenset({NORTH})))


def can_grant(giver: Caller, rights: Set[Permission], reach: Reach) -> bool:
    try:
        giver.must_be_able_to_grant(rights, reach)
    except MoreThanOwnRights:
        return False
    return True


@given(own=RIGHTS, own_reach=REACHES, given_rights=RIGHTS, reach=REACHES, is_root=st.booleans())
def test_nobody_gets_a_right_that_the_giver_lacks(
    own: frozenset[Permission],
    own_reach: Reach,
    given_rights: frozenset[Permission],
    reach: Reach,
    is_root: bool,
) -> None:
    giver = caller(own, own_reach, is_root=is_root)
    if not can_grant(giver, given_rights, reach):
        return
    made = caller(given_rights, reach, is_root=is_root)

    assert made.scope.organisations is not None or giver.scope.is_whole
    for permission in Permission:
        if made.may(permission):
            assert giver.may(permission), permission


@given(own=RIGHTS, reach=REACHES)
def test_everybody_can_pass_on_just_what_he_has(own: frozenset[Permission], reach: Reach) -> None:
    assert can_grant(caller(own, reach), own, reach)


@given(rights=RIGHTS, reach=REACHES)
def test_a_right_is_had_only_if_it_is_switched_on(
    rights: frozenset[Permission], reach: Reach
) -> None:
    somebody = caller(rights, reach)
    for permission in Permission:
        assert somebody.may(permission) == allows(
            rights, permission, sees_all=somebody.scope.is_whole
        )
        assert permission in rights or not somebody.may(permission)


def test_a_chain_of_givers_gains_nothing() -> None:
    giver = caller({Permission.USERS_WRITE, Permission.STATIONS_READ}, Reach.OWN)

    assert can_grant(giver, {Permission.STATIONS_READ}, Reach.OWN)
    assert not can_grant(giver, {Permission.STATIONS_READ}, Reach.OWN_AND_BELOW)
    assert not can_grant(giver, {Permission.STATIONS_WRITE}, Reach.OWN)
    with pytest.raises(MoreThanOwnRights, match=r"stations\.write"):
        giver.must_be_able_to_grant({Permission.STATIONS_WRITE}, Reach.OWN)


def test_choices_offer_only_what_can_be_given() -> None:
    north = caller(frozenset(Permission), Reach.OWN_AND_BELOW)
    everything = caller(frozenset(Permission), Reach.INSTALLATION)

    assert Role.SUPER_ADMIN not in people.grantable_roles(north)
    assert Role.ADMINISTRATOR in people.grantable_roles(north)
    assert Role.SUPER_ADMIN in people.grantable_roles(everything)
    assert people.grantable_reaches(north) == [Reach.OWN, Reach.OWN_AND_BELOW]
    assert people.grantable_rights(north) >= WHOLE_INSTALLATION
