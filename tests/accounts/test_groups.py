"""Tests of groups of rights."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, groups
from accounts.directory import Organisation
from accounts.groups import GroupExists, GroupInUse, GroupIsShipped
from accounts.permissions import SHIPPED, SHIPPED_REACH, Permission, Reach, Role
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound


async def made(db: AsyncSession, root: Organisation, clock: SetClock, key: str) -> groups.Group:
    return await groups.create_group(
        db,
        key,
        name="Night shift",
        rights=["stations.read", "commands.read"],
        reach="own",
        organisation=root.key,
        now=clock.now(),
    )


async def test_the_shipped_groups_are_as_the_program_says(
    db: AsyncSession, root: Organisation
) -> None:
    found = await groups.groups(db, frozenset())

    assert [each.key for each in found] == list(Role)
    for each in found:
        assert each.is_shipped
        assert each.rights == SHIPPED[Role(each.key)]
        assert each.reach == SHIPPED_REACH[Role(each.key)]
        with pytest.raises(GroupIsShipped):
            await groups.change_group(db, each.id, name="X")


async def test_a_group_has_rights_and_one_reach(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    group = await made(db, root, clock, "night")
    changed = await groups.change_group(db, group.id, rights=["audit.read"], reach="installation")

    assert group.rights == {Permission.STATIONS_READ, Permission.COMMANDS_READ}
    assert group.reach is Reach.OWN
    assert changed.rights == {Permission.AUDIT_READ}
    assert changed.reach is Reach.INSTALLATION
    with pytest.raises(GroupExists):
        await made(db, root, clock, "night")
    with pytest.raises(GroupExists):
        await made(db, root, clock, "super-admin")


async def test_a_group_that_somebody_is_in_stays(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    group = await made(db, root, clock, "night")
    person = await directory.create_person(
        db, "nora", {"group_id": group.id}, password_hash=None, now=clock.now()
    )

    assert (await groups.sizes(db, None))[group.id] == 1
    with pytest.raises(GroupInUse):
        await groups.delete_group(db, group.id)
    await directory.change_person(db, person.id, {"roles": ["owner"]})
    await groups.delete_group(db, group.id)
    with pytest.raises(NotFound):
        await groups.group(db, group.id)


async def test_several_old_roles_are_one_group(db: AsyncSession, root: Organisation) -> None:
    assert (await groups.shipped(db, ["owner", "administrator"])).key == "administrator"
    for wrong in ([], ["king"], ["finance", "technician"]):
        with pytest.raises(InvalidInput):
            await groups.shipped(db, wrong)
