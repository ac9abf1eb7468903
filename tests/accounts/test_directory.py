"""Tests of organisations, people, and what somebody may see."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, passwords, store
from accounts.directory import (
    WHOLE,
    LastAdministrator,
    Organisation,
    OrganisationKeyTaken,
    Person,
    PersonExists,
    PersonFacts,
    Principal,
    Scope,
)
from accounts.permissions import SHIPPED, SHIPPED_REACH, Reach, Role
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey

NORTH, CITY, SOUTH = (OrganisationKey(key) for key in ("north", "north-city", "south"))
NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.fixture
async def tree(db: AsyncSession, root: Organisation, clock: SetClock) -> Organisation:
    """Root with north and south below it, and north-city below north."""
    for key, parent in ((NORTH, None), (CITY, NORTH), (SOUTH, "root")):
        await directory.create_organisation(
            db, key, {"name": key.title(), "parent": parent}, now=clock.now()
        )
    return root


def principal(organisation: str, *roles: Role) -> Principal:
    [role] = roles
    return Principal(
        "person/1",
        "P",
        role.value,
        SHIPPED[role],
        SHIPPED_REACH[role],
        OrganisationKey(organisation),
        "en",
        1,
    )


async def test_the_root_is_made_once(db: AsyncSession, root: Organisation, clock: SetClock) -> None:
    again = await directory.ensure_root(
        db,
        key="other",
        name="Other",
        time_zone="Europe/Vienna",
        currency="CHF",
        country="AT",
        language="de",
        now=clock.now(),
    )

    assert again == root == await directory.root(db)
    assert root.parent is None


async def test_a_new_organisation_inherits_from_its_parent(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    made = await directory.create_organisation(
        db, "alps", {"name": "Alps", "country": "AT", "time_zone": "Europe/Vienna"}, now=clock.now()
    )
    below = await directory.create_organisation(
        db, "valley", {"name": "Valley", "parent": "alps"}, now=clock.now()
    )

    assert (made.parent, made.currency, made.country) == (root.key, "EUR", "AT")
    assert (below.country, below.time_zone, below.tax_status) == ("AT", "Europe/Vienna", "standard")


async def test_a_key_is_given_once(db: AsyncSession, tree: Organisation, clock: SetClock) -> None:
    with pytest.raises(OrganisationKeyTaken):
        await directory.create_organisation(db, "north", {"name": "N"}, now=clock.now())


async def test_a_parent_must_exist(db: AsyncSession, tree: Organisation, clock: SetClock) -> None:
    with pytest.raises(InvalidInput) as refused:
        await directory.create_organisation(
            db, "east", {"name": "East", "parent": "nowhere"}, now=clock.now()
        )

    assert refused.value.field == "parent"


async def test_the_tree_below(db: AsyncSession, tree: Organisation) -> None:
    assert await directory.below(db, NORTH) == {NORTH, CITY}
    assert await directory.below(db, tree.key) == {tree.key, NORTH, CITY, SOUTH}
    assert await directory.below(db, OrganisationKey("nowhere")) == frozenset()


async def test_an_organisation_moves_but_never_below_itself(
    db: AsyncSession, tree: Organisation
) -> None:
    moved = await directory.change_organisation(db, NORTH, {"parent": "south"})

    assert moved.parent == SOUTH
    assert await directory.below(db, SOUTH) == {SOUTH, NORTH, CITY}
    for circle in ("north", "north-city"):
        with pytest.raises(InvalidInput):
            await directory.change_organisation(db, NORTH, {"parent": circle})


async def test_what_is_not_there_is_not_found(db: AsyncSession, tree: Organisation) -> None:
    with pytest.raises(NotFound):
        await directory.organisation(db, OrganisationKey("nowhere"))
    with pytest.raises(NotFound):
        await directory.change_organisation(db, OrganisationKey("nowhere"), {"name": "X"})
    with pytest.raises(NotFound):
        await directory.person(db, 99)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.SUPPORT])
async def test_the_operators_people_see_the_whole_installation(
    db: AsyncSession, tree: Organisation, role: Role
) -> None:
    assert await directory.scope_of(db, principal("root", role), now=NOW) == WHOLE


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SUPER_ADMIN}))
async def test_others_see_their_own_and_what_lies_below(
    db: AsyncSession, tree: Organisation, role: Role
) -> None:
    scope = await directory.scope_of(db, principal("north", role), now=NOW)

    assert scope == Scope(frozenset({NORTH, CITY}))
    assert scope.covers(CITY)
    assert not scope.covers(SOUTH)
    assert not scope.covers(None)


async def test_a_group_that_reaches_everything_does_so_from_anywhere(
    db: AsyncSession, tree: Organisation
) -> None:
    assert await directory.scope_of(db, principal("city", Role.SUPER_ADMIN), now=NOW) == WHOLE


async def test_a_group_that_reaches_its_own_sees_nothing_below(
    db: AsyncSession, tree: Organisation
) -> None:
    narrow = replace(principal("north", Role.OWNER), reach=Reach.OWN)

    assert await directory.scope_of(db, narrow, now=NOW) == Scope(frozenset({NORTH}))


async def test_listings_keep_to_their_scope(db: AsyncSession, tree: Organisation) -> None:
    scope = Scope(frozenset({NORTH, CITY}))

    assert [each.key for each in await directory.organisations(db, scope)] == [NORTH, CITY]
    assert len(await directory.organisations(db)) == 4


# ---------------------------------------------------------------------------- people


async def created(db: AsyncSession, clock: SetClock, user_name: str, facts: PersonFacts) -> Person:
    return await directory.create_person(db, user_name, facts, password_hash=None, now=clock.now())


async def test_a_person_belongs_to_the_root_unless_said_otherwise(
    db: AsyncSession, tree: Organisation, clock: SetClock
) -> None:
    erika = await created(db, clock, "Erika", {"roles": ["support"]})
    max_ = await created(
        db, clock, "max", {"roles": ["owner"], "organisation": "north", "email": "M@x.example"}
    )

    assert (erika.user_name, erika.organisation, erika.name) == ("erika", tree.key, "erika")
    assert (max_.organisation, max_.email, max_.language) == (NORTH, "m@x.example", "en")
    assert [each.id for each in await directory.people(db, Scope(frozenset({NORTH})))] == [max_.id]


@pytest.mark.parametrize(
    ("user_name", "email"), [("max", None), ("MAX", None), ("moritz", "max@x.example")]
)
async def test_user_name_and_mail_address_are_unique(
    db: AsyncSession, tree: Organisation, clock: SetClock, user_name: str, email: str | None
) -> None:
    await created(db, clock, "max", {"roles": ["owner"], "email": "max@x.example"})

    with pytest.raises(PersonExists):
        await created(db, clock, user_name, {"roles": ["owner"], "email": email})


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({}, "roles"),
        ({"roles": []}, "roles"),
        ({"roles": ["owner", "king"]}, "roles"),
        ({"roles": ["owner"], "organisation": "nowhere"}, "organisation"),
        ({"roles": ["owner"], "language": "fr"}, "language"),
    ],
)
async def test_malformed_people_are_refused(
    db: AsyncSession, tree: Organisation, clock: SetClock, facts: PersonFacts, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await created(db, clock, "max", facts)

    assert refused.value.field == field


async def test_the_last_administrator_stays(
    db: AsyncSession, tree: Organisation, clock: SetClock
) -> None:
    first = await created(db, clock, "first", {"roles": ["administrator"]})
    # An administrator of an organisation below does not administer the installation.
    await created(db, clock, "other", {"roles": ["administrator"], "organisation": "north"})

    changes: tuple[PersonFacts, ...] = (
        {"active": False},
        {"roles": ["support"]},
        {"organisation": "north"},
    )
    for change in changes:
        with pytest.raises(LastAdministrator):
            async with db.begin_nested():
                await directory.change_person(db, first.id, change)
    await created(db, clock, "second", {"roles": ["administrator"]})
    assert not (await directory.change_person(db, first.id, {"active": False})).active


async def test_a_mail_address_is_not_taken_from_somebody(
    db: AsyncSession, tree: Organisation, clock: SetClock
) -> None:
    await created(db, clock, "first", {"roles": ["administrator"], "email": "a@x.example"})
    second = await created(db, clock, "second", {"roles": ["owner"], "email": "b@x.example"})

    with pytest.raises(PersonExists):
        await directory.change_person(db, second.id, {"email": "A@x.example"})
    kept = await directory.change_person(db, second.id, {"email": "b@x.example"})
    assert kept.email == "b@x.example"


# ---------------------------------------------------------------------------- set-up


async def test_the_first_administrator_gets_a_fresh_password_once(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    password = await directory.ensure_first_administrator(
        db, email="boss@x.example", password=None, now=clock.now()
    )
    again = await directory.ensure_first_administrator(
        db, email="boss@x.example", password=None, now=clock.now()
    )

    assert password is not None
    assert again is None
    [boss] = await directory.people(db)
    assert (boss.user_name, boss.email) == ("admin", "boss@x.example")
    assert boss.group.key == "administrator"


async def test_a_password_from_the_settings_is_not_told_again(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    told = await directory.ensure_first_administrator(
        db, email=None, password="short", now=clock.now()
    )

    assert told is None
    row = await store.person_called(db, "admin")
    assert row is not None
    assert (await passwords.verify(row.password_hash, "short")).is_right
