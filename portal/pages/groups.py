"""Groups: rights as switches by area, with one reach for all of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory, groups
from accounts.groups import Group
from accounts.permissions import Permission, Reach
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from portal import people, rights
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute

router = APIRouter(prefix="/groups", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.GROUPS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.GROUPS_WRITE))]
Text = Annotated[str, Form(max_length=200)]
Switches = Annotated[list[str], Form(max_length=200)]

_REFUSALS = (InvalidInput, Conflict, NotPermitted)


@router.get("")
async def list_groups(request: Request, db: Db, caller: Reader) -> Response:
    """List the shipped groups and those of the caller's scope."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    sizes = await groups.sizes(db, caller.scope.organisations)
    found = await groups.groups(db, caller.scope.organisations)
    values = {
        "groups": [
            {
                "id": each.id,
                "name": rights.group_name(each, said),
                "owner": said.gettext("shipped")
                if each.organisation is None
                else names.get(each.organisation, each.organisation),
                "reach": said.gettext(rights.REACHES[each.reach]),
                "rights": len(each.rights),
                "people": sizes.get(each.id, 0),
            }
            for each in found
        ]
    }
    return page(frame, "groups.html", values)


@router.get("/new")
async def new_group(request: Request, db: Db, caller: Writer, copy: int = 0) -> Response:
    """Ask for a new group's facts, starting from a copy if one is named."""
    model = await people.seen_group(db, caller, _number(copy)) if copy else None
    return await _form(
        request,
        db,
        caller,
        None,
        chosen=frozenset() if model is None else model.rights,
        reach=Reach.OWN_AND_BELOW if model is None else model.reach,
    )


@router.post("/new")
async def create_group(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    key: Text = "",
    name: Text = "",
    reach: Text = "",
    organisation: Text = "",
    right: Switches = [],  # noqa: B006 - FastAPI copies the default of a form's list
) -> Response:
    """Make a group."""
    try:
        async with await savepoint(db):
            made = await people.create_group(
                db,
                caller,
                key,
                name=name,
                rights=right,
                reach=reach,
                organisation=organisation or None,
                now=now,
            )
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        return await _form(
            request,
            db,
            caller,
            None,
            chosen=_known(right),
            reach=reach,
            name=name,
            key=key,
            errors=form_errors(error, frame.words, otherwise="name"),
            status=422,
        )
    return went(f"/groups/{made.id}", done="saved")


@router.get("/{group_id}")
async def one_group(request: Request, db: Db, caller: Reader, group_id: int) -> Response:
    """Show a group with its switches."""
    group = await people.seen_group(db, caller, _number(group_id))
    return await _form(request, db, caller, group, chosen=group.rights, reach=group.reach)


@router.post("/{group_id}")
async def change_group(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    group_id: int,
    name: Text = "",
    reach: Text = "",
    right: Switches = [],  # noqa: B006 - FastAPI copies the default of a form's list
) -> Response:
    """Set a group's switches."""
    group = await people.seen_group(db, caller, _number(group_id))
    try:
        async with await savepoint(db):
            await people.change_group(
                db, caller, group.id, name=name, rights=right, reach=reach, now=now
            )
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        return await _form(
            request,
            db,
            caller,
            group,
            chosen=_known(right),
            reach=reach,
            name=name,
            errors=form_errors(error, frame.words, otherwise="name"),
            status=422,
        )
    return went(f"/groups/{group.id}", done="saved")


@router.post("/{group_id}/delete")
async def delete_group(
    request: Request, db: Db, now: Now, caller: Writer, group_id: int
) -> Response:
    """Remove a group that nobody is in."""
    group = await people.seen_group(db, caller, _number(group_id))
    try:
        await people.delete_group(db, caller, group.id, now=now)
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _form(
            request,
            db,
            caller,
            group,
            chosen=group.rights,
            reach=group.reach,
            errors=errors,
            status=409,
        )
    return went("/groups", done="saved")


def _number(number: int) -> int:
    if not 0 < number < 2**62:
        raise NotFound("group", number)
    return number


def _known(given: list[str]) -> frozenset[Permission]:
    known = {each.value for each in Permission}
    return frozenset(Permission(each) for each in given if each in known)


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    group: Group | None,
    *,
    chosen: frozenset[Permission],
    reach: str,
    name: str | None = None,
    key: str = "",
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    may_change = caller.may(Permission.GROUPS_WRITE) and (group is None or not group.is_shipped)
    if may_change and group is not None:
        try:
            caller.must_be_able_to_grant(group.rights, group.reach)
        except NotPermitted:
            may_change = False
    title = said.gettext("New group") if group is None else rights.group_name(group, said)
    values = {
        "group": group,
        "title": title,
        "name": name if name is not None else ("" if group is None else group.name),
        "key": key,
        "areas": rights.switches(chosen, people.grantable_rights(caller), said),
        "reach": reach,
        "reach_name": said.gettext(rights.REACHES[Reach(reach)]) if reach in set(Reach) else "",
        "reaches": [
            (each.value, said.gettext(rights.REACHES[each]))
            for each in people.grantable_reaches(caller)
        ],
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "own": caller.principal.organisation,
        "may_change": may_change,
        "errors": errors or FormErrors(),
    }
    return page(frame, "group.html", values, status=status)
