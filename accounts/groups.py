"""Groups of rights: the shipped ones, and those that an organisation makes for its people.

A group has one reach, which holds for all its rights. The shipped groups belong to nobody and
are never changed; a group of an organisation can be given to its people and to those of all
organisations below it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks
from accounts.permissions import RIGHTS, SHIPPED, Permission, Reach, Role, role_that_is_all
from accounts.tables import GroupRow, PersonRow
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey


@dataclass(frozen=True, slots=True)
class Group:
    """A set of rights with one reach; `organisation` is None for the shipped ones."""

    id: int
    key: str
    name: str
    rights: frozenset[Permission]
    reach: Reach
    is_shipped: bool
    organisation: OrganisationKey | None

    @classmethod
    def of(cls, row: GroupRow) -> Self:
        """Return what the row says; a right that this version does not know is left out."""
        known = {each.value for each in Permission}
        return cls(
            id=row.id,
            key=row.key,
            name=row.name,
            rights=SHIPPED[Role(row.key)]
            if row.is_shipped
            else frozenset(Permission(each) for each in row.rights if each in known),
            reach=Reach(row.reach),
            is_shipped=row.is_shipped,
            organisation=None if row.organisation is None else OrganisationKey(row.organisation),
        )


class GroupExists(Conflict):
    """The organisation has a group with this key."""

    code = "group_exists"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is a group {key!r} already.")


class GroupIsShipped(Conflict):
    """Shipped groups are the same everywhere; a copy of one can be changed."""

    code = "group_is_shipped"

    def __init__(self, key: str) -> None:
        super().__init__(f"The group {key!r} is a shipped one. Make a group of your own from it.")


class GroupInUse(Conflict):
    """Somebody is in the group."""

    code = "group_in_use"

    def __init__(self, people: int) -> None:
        super().__init__(f"{people} people are in this group. Give them another one first.")


async def groups(
    db: AsyncSession,
    organisations: frozenset[OrganisationKey] | None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Group]:
    """Return the shipped groups and those of the organisations (None: all), by number."""
    query = select(GroupRow).where(GroupRow.id > after).order_by(GroupRow.id).limit(limit)
    if organisations is not None:
        query = query.where(
            or_(GroupRow.is_shipped, GroupRow.organisation.in_([*map(str, organisations)]))
        )
    return [Group.of(row) for row in (await db.scalars(query)).all()]


async def group(db: AsyncSession, group_id: int) -> Group:
    """Return one group.

    Raises:
        NotFound: If there is none with this number.
    """
    row = await db.get(GroupRow, group_id)
    if row is None:
        raise NotFound("group", group_id)
    return Group.of(row)


async def shipped(db: AsyncSession, roles: Iterable[str], *, field: str = "roles") -> Group:
    """Return the shipped group of a role; of several, the one that has the rights of all.

    Raises:
        InvalidInput: If one is unknown, none is named, or none of them has the rights of all.
    """
    wanted = set(roles)
    unknown = [each for each in wanted if each not in set(Role)]
    if unknown or not wanted:
        raise InvalidInput(f"{field} must be some of {', '.join(Role)}.", field=field)
    role = role_that_is_all({Role(each) for each in wanted})
    if role is None:
        raise InvalidInput(
            "Somebody is in one group, and none of these has the rights of all.", field=field
        )
    found = await db.scalars(
        select(GroupRow).where(GroupRow.is_shipped, GroupRow.key == role.value)
    )
    return Group.of(found.one())


async def create_group(
    db: AsyncSession,
    key: str,
    *,
    name: str,
    rights: Iterable[str],
    reach: str,
    organisation: OrganisationKey,
    now: datetime,
) -> Group:
    """Make a group; whoever calls checks that the maker has these rights himself.

    Raises:
        InvalidInput: If a fact is malformed.
        GroupExists: If the organisation, or the program, has a group with this key.
    """
    key = checks.organisation_key(key)
    if key.replace("-", "_") in set(Role):
        raise GroupExists(key)
    row = await db.scalar(
        insert(GroupRow)
        .values(
            organisation=organisation,
            key=key,
            name=checks.text(name, "name"),
            rights=_checked_rights(rights),
            reach=_checked_reach(reach),
            is_shipped=False,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(GroupRow)
    )
    if row is None:
        raise GroupExists(key)
    return Group.of(row)


async def change_group(
    db: AsyncSession,
    group_id: int,
    *,
    name: str | None = None,
    rights: Iterable[str] | None = None,
    reach: str | None = None,
) -> Group:
    """Change what is named; it holds at the next request of everybody in the group.

    Raises:
        NotFound: If there is no such group.
        GroupIsShipped: If it is a shipped one.
        InvalidInput: If a fact is malformed.
    """
    row = await _own(db, group_id)
    if name is not None:
        row.name = checks.text(name, "name")
    if rights is not None:
        row.rights = _checked_rights(rights)
    if reach is not None:
        row.reach = _checked_reach(reach)
    await db.flush()
    return Group.of(row)


async def delete_group(db: AsyncSession, group_id: int) -> None:
    """Remove a group that nobody is in.

    Raises:
        NotFound: If there is no such group.
        GroupIsShipped: If it is a shipped one.
        GroupInUse: If somebody is in it, deactivated people included.
    """
    row = await _own(db, group_id)
    people = await db.scalar(
        select(func.count()).select_from(PersonRow).where(PersonRow.group_id == group_id)
    )
    if people:
        raise GroupInUse(people)
    await db.delete(row)
    await db.flush()


async def sizes(
    db: AsyncSession, organisations: frozenset[OrganisationKey] | None
) -> dict[int, int]:
    """Return how many active people of these organisations (None: all) are in each group."""
    query = select(PersonRow.group_id, func.count()).where(PersonRow.active)
    if organisations is not None:
        query = query.where(PersonRow.organisation.in_([*map(str, organisations)]))
    counted = await db.execute(query.group_by(PersonRow.group_id))
    return {row[0]: row[1] for row in counted}


async def _own(db: AsyncSession, group_id: int) -> GroupRow:
    row = await db.get(GroupRow, group_id, with_for_update=True)
    if row is None:
        raise NotFound("group", group_id)
    if row.is_shipped:
        raise GroupIsShipped(row.key)
    return row


def _checked_rights(rights: Iterable[str]) -> list[str]:
    wanted = sorted(set(rights))
    known = {each.value for each in RIGHTS}
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise InvalidInput(f"There is no right {unknown[0]!r}.", field="rights")
    return wanted


def _checked_reach(reach: str) -> str:
    if reach not in set(Reach):
        raise InvalidInput(f"reach must be one of {', '.join(Reach)}.", field="reach")
    return reach
