"""Users: the people who may sign in. They are deactivated, never deleted."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory, passwords, second_factor, sign_in
from accounts.directory import Language, Person, PersonFacts
from accounts.permissions import Permission, Role
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal import paging, people
from portal.api.models import Answer, Body, Moment
from portal.api.organisations import facts_from
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/users", tags=["users"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.USERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.USERS_WRITE))]


class GroupRef(Answer):
    """The one group that somebody is in."""

    id: int
    key: str
    name: str


class UserModel(Answer):
    """Somebody who may sign in, while he is active."""

    id: int
    user_name: str
    email: str | None = Field(description="`****` for those who may not see personal data.")
    name: str = Field(description="`****` for those who may not see personal data.")
    roles: list[str] = Field(description="The key of the group.")
    group: GroupRef
    has_second_factor: bool
    organisation: OrganisationKey
    language: Language
    active: bool
    created_at: Moment


class UserChange(Body):
    """What of a user may change: everything but the user name."""

    email: str | None = None
    name: str | None = None
    roles: list[Role] | None = Field(
        default=None,
        description="A shipped group; of several, the one that has the rights of all.",
    )
    group_id: int | None = Field(default=None, ge=1, lt=2**63, description="Instead of `roles`.")
    organisation: str | None = None
    language: Language | None = None
    active: bool | None = None
    password: str | None = Field(
        default=None,
        description=f"At least {passwords.SHORTEST} characters. Null takes the password away.",
    )


class NewUser(UserChange):
    """A user; without a password he cannot sign in yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "user_name": "erika",
                "email": "erika@stadtwerke-nord.example",
                "name": "Erika Muster",
                "roles": ["owner"],
                "organisation": "stadtwerke-nord",
                "language": "de",
                "password": "correct horse battery",
            }
        }
    )

    user_name: str = Field(description="Unique; it never changes.")
    invite: bool = Field(
        default=False, description="Mail a link by which the user chooses a password."
    )


class LoginModel(Answer):
    """A browser that somebody is signed in with."""

    number: int
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment
    address: str
    user_agent: str


_CLEARABLE = frozenset({"email", "password"})


@router.get("", summary="List users")
async def list_users(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[UserModel]:
    """The people of the caller's organisations, deactivated ones included."""
    after = paging.decoded(cursor, int)
    found = await directory.people(
        db, caller.scope, after=after[0] if after else 0, limit=limit + 1
    )
    has_factor = await second_factor.are_on(db, [each.id for each in found])
    return paging.page(
        found,
        limit,
        shown=lambda each: _shown(caller, each, has_factor=each.id in has_factor),
        key=lambda each: (each.id,),
    )


@router.post("", status_code=201, summary="Create a user")
async def create_user(
    db: Db, now: Now, context: Context, caller: Writer, body: NewUser
) -> UserModel:
    """The organisation is the caller's own unless the body names one."""
    facts = facts_from(body, clearable=_CLEARABLE, without="user_name")
    password = facts.pop("password", None)
    invite = facts.pop("invite", False)
    password_hash = None if password is None else await passwords.hashed(password)
    person = await people.create_person(
        db,
        context,
        caller,
        body.user_name,
        cast("PersonFacts", facts),
        password_hash=password_hash,
        invite=invite,
        now=now,
    )
    return _shown(caller, person, has_factor=False)


@router.get("/{user_id}", summary="Get a user")
async def get_user(db: Db, caller: Reader, user_id: str) -> UserModel:
    """Without anything that one signs in with."""
    return await _answer(db, caller, await _seen(db, caller, user_id))


@router.patch("/{user_id}", summary="Change a user")
async def change_user(
    db: Db, now: Now, caller: Writer, user_id: str, body: UserChange
) -> UserModel:
    """Who is deactivated, or gets other rights or another password, is signed out."""
    person = await _seen(db, caller, user_id)
    facts = facts_from(body, clearable=_CLEARABLE)
    if "password" in facts:
        password = facts.pop("password")
        password_hash = None if password is None else await passwords.hashed(password)
        await people.set_password(db, caller, person.id, password_hash, now=now)
    changed = await people.change_person(db, caller, person.id, cast("PersonFacts", facts), now=now)
    return await _answer(db, caller, changed)


@router.post("/{user_id}/invitation", status_code=202, summary="Invite a user")
async def invite_user(
    db: Db, now: Now, context: Context, caller: Writer, user_id: str
) -> UserModel:
    """Mail a link, which works once and for seven days; earlier ones are void."""
    person = await _seen(db, caller, user_id)
    await people.invite(db, context, caller, person.id, now=now)
    return await _answer(db, caller, person)


@router.delete("/{user_id}/second-factor", status_code=204, summary="Take a second factor away")
async def remove_second_factor(db: Db, now: Now, caller: Writer, user_id: str) -> None:
    """For somebody who lost it; the next sign-in needs the password only."""
    person = await _seen(db, caller, user_id)
    await people.remove_second_factor(db, caller, person.id, now=now)


@router.get("/{user_id}/logins", summary="List where a user is signed in")
async def list_logins(db: Db, now: Now, caller: Reader, user_id: str) -> Page[LoginModel]:
    """Where somebody is signed in now."""
    person = await _seen(db, caller, user_id)
    found = await sign_in.logins_of(db, person.id, now=now)
    return Page(
        items=[
            LoginModel(
                number=each.number,
                created_at=each.created_at,
                last_seen_at=each.last_seen_at,
                expires_at=each.expires_at,
                address=each.address,
                user_agent=each.user_agent,
            )
            for each in found
        ]
    )


@router.delete("/{user_id}/logins/{number}", status_code=204, summary="Sign a user out")
async def revoke_login(db: Db, now: Now, caller: Writer, user_id: str, number: str) -> None:
    """That browser has to sign in again."""
    person = await _seen(db, caller, user_id)
    await people.revoke_login(db, caller, person.id, number_in_path(number, "login"), now=now)


def number_in_path(text: str, what: str) -> int:
    """Read a number of ours from a path.

    Raises:
        NotFound: If it is no number that we could have given.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NotFound(what, text)
    return int(text)


async def _seen(db: Db, caller: Caller, user_id: str) -> Person:
    return await people.seen_person(db, caller, number_in_path(user_id, "user"))


async def _answer(db: Db, caller: Caller, person: Person) -> UserModel:
    has_factor = person.id in await second_factor.are_on(db, [person.id])
    return _shown(caller, person, has_factor=has_factor)


def _shown(caller: Caller, person: Person, *, has_factor: bool) -> UserModel:
    return UserModel(
        id=person.id,
        user_name=person.user_name,
        email=caller.personal(person.email),
        name=caller.personal(person.name) or "",
        roles=[person.group.key],
        group=GroupRef(id=person.group.id, key=person.group.key, name=person.group.name),
        has_second_factor=has_factor,
        organisation=person.organisation,
        language=person.language,
        active=person.active,
        created_at=person.created_at,
    )
