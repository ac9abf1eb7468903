"""Users: the people who may sign in. They are deactivated, never deleted."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory, passwords
from accounts.directory import Language, Person, PersonFacts
from accounts.permissions import Permission, Role
from foundation.errors import InvalidInput, NotFound, NotPermitted
from foundation.identifiers import OrganisationKey
from portal import paging
from portal.api.models import Answer, Body, Moment
from portal.api.organisations import facts_from
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/users", tags=["users"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.USERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.USERS_WRITE))]


class UserModel(Answer):
    """Somebody who may sign in, while he is active."""

    id: int
    user_name: str
    email: str | None
    name: str
    roles: list[str]
    organisation: OrganisationKey
    language: Language
    active: bool
    created_at: Moment


class UserChange(Body):
    """What of a user may change: everything but the user name."""

    email: str | None = None
    name: str | None = None
    roles: list[Role] | None = None
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


_CLEARABLE = frozenset({"email", "password"})


@router.get("", summary="List users")
async def list_users(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[UserModel]:
    after = paging.decoded(cursor, int)
    found = await directory.people(
        db, caller.scope, after=after[0] if after else 0, limit=limit + 1
    )
    return paging.page(found, limit, shown=_shown, key=lambda each: (each.id,))


@router.post("", status_code=201, summary="Create a user")
async def create_user(db: Db, now: Now, caller: Writer, body: NewUser) -> UserModel:
    """The organisation is the caller's own unless the body names one."""
    facts = facts_from(body, clearable=_CLEARABLE, without="user_name")
    password = facts.pop("password", None)
    facts.setdefault("organisation", caller.principal.organisation)
    _must_see_organisation(caller, facts["organisation"])
    password_hash = None if password is None else await passwords.hashed(password)
    return _shown(
        await directory.create_person(
            db, body.user_name, cast("PersonFacts", facts), password_hash=password_hash, now=now
        )
    )


@router.get("/{user_id}", summary="Get a user")
async def get_user(db: Db, caller: Reader, user_id: str) -> UserModel:
    return _shown(await _seen(db, caller, user_id))


@router.patch("/{user_id}", summary="Change a user")
async def change_user(db: Db, caller: Writer, user_id: str, body: UserChange) -> UserModel:
    """Who is deactivated, or gets other rights or another password, is signed out."""
    person = await _seen(db, caller, user_id)
    facts = facts_from(body, clearable=_CLEARABLE)
    if "organisation" in facts:
        _must_see_organisation(caller, facts["organisation"])
    if "password" in facts:
        password = facts.pop("password")
        password_hash = None if password is None else await passwords.hashed(password)
        await directory.set_password(db, person.id, password_hash)
    if person.id == caller.principal.person_id and facts.get("active") is False:
        raise NotPermitted("Nobody can deactivate himself. Ask another administrator.")
    return _shown(await directory.change_person(db, person.id, cast("PersonFacts", facts)))


async def _seen(db: Db, caller: Caller, user_id: str) -> Person:
    if not user_id.isascii() or not user_id.isdecimal() or len(user_id) > 18:
        raise NotFound("user", user_id)
    person = await directory.person(db, int(user_id))
    caller.must_see(person.organisation, "user", int(user_id))
    return person


def _must_see_organisation(caller: Caller, key: str) -> None:
    if not caller.scope.covers(OrganisationKey(key)):
        raise InvalidInput(f"There is no organisation {key!r}.", field="organisation")


def _shown(person: Person) -> UserModel:
    return UserModel(
        id=person.id,
        user_name=person.user_name,
        email=person.email,
        name=person.name,
        roles=[person.group.key],
        organisation=person.organisation,
        language=person.language,
        active=person.active,
        created_at=person.created_at,
    )
