"""Groups of rights, and the rights there are."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field, JsonValue

from accounts import groups
from accounts.groups import Group
from accounts.permissions import RIGHTS, WHOLE_INSTALLATION, Area, Permission, Reach
from foundation.identifiers import OrganisationKey
from portal import paging, people
from portal.api.models import Answer, Body
from portal.api.users import number_in_path
from portal.guard import Caller, require, signed_in
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(tags=["groups"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.GROUPS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.GROUPS_WRITE))]

_EXAMPLE: dict[str, JsonValue] = {
    "key": "night-shift",
    "name": "Night shift",
    "rights": ["stations.read", "commands.read", "commands.send"],
    "reach": "own_and_below",
}


class GroupModel(Answer):
    """A group; the shipped ones belong to nobody and never change."""

    id: int
    key: str
    name: str
    rights: list[Permission]
    reach: Reach = Field(
        description="`own` organisation, `own_and_below`, or the whole `installation`;"
        " it holds for all rights."
    )
    is_shipped: bool
    organisation: OrganisationKey | None


class GroupChange(Body):
    """What of a group may change: everything but its key."""

    name: str | None = None
    rights: list[Permission] | None = None
    reach: Reach | None = None


class NewGroup(Body):
    """A group of the caller's organisation, unless it names another."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    key: str = Field(description="It never changes.")
    name: str
    rights: list[Permission]
    reach: Reach
    organisation: str | None = None


class RightModel(Answer):
    """A right as people read it."""

    permission: Permission
    area: Area
    label: str
    description: str
    needs_whole_installation: bool


@router.get("/rights", summary="List rights")
async def list_rights(_caller: Annotated[Caller, Depends(signed_in)]) -> Page[RightModel]:
    """Everything that a group or an API key may be given, by area."""
    return Page(
        items=[
            RightModel(
                permission=permission,
                area=right.area,
                label=right.label,
                description=right.description,
                needs_whole_installation=permission in WHOLE_INSTALLATION,
            )
            for permission, right in RIGHTS.items()
        ]
    )


@router.get("/groups", summary="List groups")
async def list_groups(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[GroupModel]:
    """The shipped ones and those of the caller's organisations."""
    after = paging.decoded(cursor, int)
    found = await groups.groups(
        db, caller.scope.organisations, after=after[0] if after else 0, limit=limit + 1
    )
    return paging.page(found, limit, shown=_shown, key=lambda each: (each.id,))


@router.post("/groups", status_code=201, summary="Create a group")
async def create_group(db: Db, now: Now, caller: Writer, body: NewGroup) -> GroupModel:
    """Nobody gives a group a right that he lacks, nor a wider reach than his own."""
    return _shown(
        await people.create_group(
            db,
            caller,
            body.key,
            name=body.name,
            rights=body.rights,
            reach=body.reach,
            organisation=body.organisation,
            now=now,
        )
    )


@router.get("/groups/{group_id}", summary="Get a group")
async def get_group(db: Db, caller: Reader, group_id: str) -> GroupModel:
    """With its rights and its reach."""
    return _shown(await people.seen_group(db, caller, number_in_path(group_id, "group")))


@router.patch("/groups/{group_id}", summary="Change a group")
async def change_group(
    db: Db, now: Now, caller: Writer, group_id: str, body: GroupChange
) -> GroupModel:
    """The change holds at once for everybody in the group."""
    return _shown(
        await people.change_group(
            db,
            caller,
            number_in_path(group_id, "group"),
            name=body.name,
            rights=body.rights,
            reach=body.reach,
            now=now,
        )
    )


@router.delete("/groups/{group_id}", status_code=204, summary="Delete a group")
async def delete_group(db: Db, now: Now, caller: Writer, group_id: str) -> None:
    """Only a group that nobody is in."""
    await people.delete_group(db, caller, number_in_path(group_id, "group"), now=now)


def _shown(group: Group) -> GroupModel:
    return GroupModel(
        id=group.id,
        key=group.key,
        name=group.name,
        rights=sorted(group.rights),
        reach=group.reach,
        is_shipped=group.is_shipped,
        organisation=group.organisation,
    )
