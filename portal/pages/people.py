"""People: who may sign in, with which group; inviting, changing and deactivating them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory, groups, second_factor, sign_in
from accounts.directory import Person, PersonFacts
from accounts.permissions import Permission
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from portal import people, rights
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Frame, Turn, link
from portal.routes import Db, Now, PageRoute

router = APIRouter(prefix="/people", route_class=PageRoute)

PER_PAGE = 50
Reader = Annotated[Caller, Depends(require(Permission.USERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.USERS_WRITE))]
Text = Annotated[str, Form(max_length=200)]

_REFUSALS = (InvalidInput, Conflict, NotPermitted)


@router.get("")
async def list_people(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the people of the caller's scope."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    found = await directory.people(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    has_factor = await second_factor.are_on(db, [each.id for each in kept])
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    on = (
        link("/people", {"after": kept[-1].id, "n": n + len(kept)})
        if len(found) > PER_PAGE
        else None
    )
    values = {
        "people": [
            {
                "id": each.id,
                "name": caller.personal(each.name),
                "user_name": each.user_name,
                "email": caller.personal(each.email) or "",
                "group": rights.group_name(each.group, said),
                "organisation": names.get(each.organisation, each.organisation),
                "active": each.active,
                "has_factor": each.id in has_factor,
            }
            for each in kept
        ],
        "turn": Turn(n, n + len(kept) - 1, None, "/people" if after else None, on),
        "is_demanded": (
            await directory.organisation(db, caller.principal.organisation)
        ).demands_second_factor,
    }
    return page(frame, "people.html", values)


@router.post("/demand")
async def demand(
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))],
    demanded: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Demand a second factor of one's own organisation's people, or no longer."""
    before = await directory.organisation(db, caller.principal.organisation)
    changed = await directory.change_organisation(
        db, before.key, {"demands_second_factor": demanded == "yes"}
    )
    await caller.note(
        db,
        "organisation.change",
        f"organisation/{before.key}",
        organisation=before.key,
        before=before,
        after=changed,
        now=now,
    )
    return went("/people", done="saved")


@router.get("/new")
async def new_person(request: Request, db: Db, caller: Writer) -> Response:
    """Ask for a new person's facts."""
    return await _form(request, db, caller, None, {})


@router.post("/new")
async def create_person(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    user_name: Text = "",
    name: Text = "",
    email: Text = "",
    group: Annotated[int, Form(ge=0, lt=2**62)] = 0,
    organisation: Text = "",
    language: Text = "",
) -> Response:
    """Create a person and mail him the link to choose his password by."""
    given = {
        "user_name": user_name,
        "name": name,
        "email": email,
        "group_id": group,
        "organisation": organisation,
        "language": language,
    }
    try:
        async with await savepoint(db):
            person = await people.create_person(
                db,
                context_of(request),
                caller,
                user_name,
                _facts(name, email, group, organisation, language),
                password_hash=None,
                invite=bool(email.strip()),
                now=now,
            )
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="user_name")
        return await _form(request, db, caller, None, given, errors, 422)
    return went(f"/people/{person.id}", done="invited" if person.email else "created")


def _facts(name: str, email: str, group: int, organisation: str, language: str) -> PersonFacts:
    facts: PersonFacts = {"group_id": group, "email": email.strip() or None}
    if name.strip():
        facts["name"] = name
    if organisation:
        facts["organisation"] = organisation
    if language:
        facts["language"] = language
    return facts


@router.get("/{person_id}")
async def one_person(
    request: Request, db: Db, now: Now, caller: Reader, person_id: int
) -> Response:
    """Show a person."""
    person = await people.seen_person(db, caller, _number(person_id))
    return await _form(request, db, caller, person, {})


@router.post("/{person_id}")
async def change_person(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    person_id: int,
    name: Text = "",
    email: Text = "",
    group: Annotated[int, Form(ge=0, lt=2**62)] = 0,
    organisation: Text = "",
    language: Text = "",
) -> Response:
    """Change a person's facts."""
    person = await people.seen_person(db, caller, _number(person_id))
    facts = _facts(name, email, group, organisation, language)
    if not caller.may(Permission.CRM_READ):
        # What he was shown as **** must not be written back.
        facts.pop("name", None)
        facts.pop("email", None)
    try:
        async with await savepoint(db):
            await people.change_person(db, caller, person.id, _changed(person, facts), now=now)
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _form(request, db, caller, person, {**facts}, errors, 422)
    return went(f"/people/{person.id}", done="saved")


def _changed(person: Person, facts: PersonFacts) -> PersonFacts:
    """Leave out what is as it was: who only gets another name keeps his logins."""
    present = {
        "name": person.name,
        "email": person.email,
        "group_id": person.group.id,
        "organisation": person.organisation,
        "language": person.language,
    }
    changed: PersonFacts = {}
    for key, value in facts.items():
        if present.get(key) != value:
            changed[key] = value  # type: ignore[literal-required]
    return changed


@router.post("/{person_id}/active")
async def set_active(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    person_id: int,
    active: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Deactivate a person, or let him in again."""
    person = await people.seen_person(db, caller, _number(person_id))
    try:
        async with await savepoint(db):
            await people.change_person(db, caller, person.id, {"active": active == "yes"}, now=now)
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="active")
        return await _form(request, db, caller, person, {}, errors, 409)
    return went(f"/people/{person.id}", done="saved")


@router.post("/{person_id}/invitation")
async def invite(request: Request, db: Db, now: Now, caller: Writer, person_id: int) -> Response:
    """Mail the link to choose a password by."""
    person = await people.seen_person(db, caller, _number(person_id))
    try:
        await people.invite(db, context_of(request), caller, person.id, now=now)
    except _REFUSALS as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="email")
        return await _form(request, db, caller, person, {}, errors, 422)
    return went(f"/people/{person.id}", done="invited")


@router.post("/{person_id}/second-factor")
async def remove_factor(db: Db, now: Now, caller: Writer, person_id: int) -> Response:
    """Take away the second factor of somebody who lost it."""
    await people.remove_second_factor(db, caller, _number(person_id), now=now)
    return went(f"/people/{person_id}", done="factor-off")


@router.post("/{person_id}/logins/{number}")
async def revoke_login(db: Db, now: Now, caller: Writer, person_id: int, number: int) -> Response:
    """Sign somebody out of a browser."""
    await people.revoke_login(db, caller, _number(person_id), _number(number), now=now)
    return went(f"/people/{person_id}", done="login-revoked")


def _number(number: int) -> int:
    if not 0 < number < 2**62:
        raise NotFound("user", number)
    return number


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    person: Person | None,
    given: dict[str, object],
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    allowed = await _groups(db, caller, frame)
    organisations = [
        (each.key, each.name) for each in await directory.organisations(db, caller.scope)
    ]
    shown: dict[str, object] = {
        "name": "" if person is None else caller.personal(person.name),
        "email": "" if person is None else caller.personal(person.email) or "",
        "group_id": 0 if person is None else person.group.id,
        "organisation": caller.principal.organisation if person is None else person.organisation,
        "language": "" if person is None else person.language,
        "user_name": "",
        **given,
    }
    is_manageable = caller.may(Permission.USERS_WRITE) and (
        person is None
        or person.id == caller.principal.person_id
        or person.group.id in {key for key, _ in allowed}
    )
    values = {
        "person": person,
        "title": said.gettext("Invite somebody")
        if person is None
        else caller.personal(person.name),
        "group_name": "" if person is None else rights.group_name(person.group, said),
        "given": shown,
        "groups": allowed,
        "organisations": organisations,
        "may_change": is_manageable,
        "is_self": person is not None and person.id == caller.principal.person_id,
        "has_factor": person is not None and await second_factor.is_on(db, person.id),
        "logins": [] if person is None else await sign_in.logins_of(db, person.id, now=frame.now),
        "here": caller.principal.login_number,
        "revoke_at": f"/people/{person.id}/logins" if person and is_manageable else "",
        "errors": errors or FormErrors(),
    }
    return page(frame, "person.html", values, status=status)


async def _groups(db: AsyncSession, caller: Caller, frame: Frame) -> list[tuple[int, str]]:
    """The groups that the caller could give."""
    found = []
    for each in await groups.groups(db, caller.scope.organisations):
        try:
            caller.must_be_able_to_grant(each.rights, each.reach)
        except NotPermitted:
            continue
        found.append((each.id, rights.group_name(each, frame.words)))
    return found
