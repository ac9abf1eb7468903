"""API keys: made with no more rights than the maker's, shown once, ended for good."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import api_keys
from accounts.api_keys import ApiKey, KeyFacts
from accounts.permissions import Permission, Reach, Role
from foundation.identifiers import OrganisationKey
from portal import paging, people
from portal.api.models import Answer, Body, Moment
from portal.api.organisations import facts_from
from portal.api.users import number_in_path
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/api-keys", tags=["api-keys"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.API_KEYS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.API_KEYS_WRITE))]

Rate = Annotated[int, Field(ge=1, le=1_000_000)]


class ApiKeyModel(Answer):
    """What may be known of a key: never the key itself."""

    id: int
    prefix: str = Field(description="The part of the key that is no secret.")
    name: str
    role: Role | None = Field(description="The shipped group that it was made from, if any.")
    rights: list[Permission]
    reach: Reach
    organisation: OrganisationKey
    rate_per_minute: int | None
    created_at: Moment
    created_by: str | None
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None
    commercial: bool = Field(description="Declared to be in commercial use.")


class NewApiKeyModel(ApiKeyModel):
    """A key that was just made; `api_key` is shown now and never again."""

    api_key: str


class ApiKeyChange(Body):
    """What of a key may change; for other rights make another one."""

    name: str | None = None
    rate_per_minute: Rate | None = None
    expires_at: Moment | None = None


class NewApiKey(Body):
    """Give either `role` or `rights`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Reporting",
                "rights": ["stations.read", "transactions.read"],
                "reach": "own_and_below",
                "rate_per_minute": 120,
            }
        }
    )

    name: str
    role: Role | None = None
    rights: list[Permission] | None = None
    reach: Reach | None = Field(
        default=None, description="That of the role; with `rights`, `own` unless said otherwise."
    )
    organisation: str | None = Field(default=None, description="The caller's own, if left out.")
    rate_per_minute: Rate | None = None
    expires_at: Moment | None = None
    commercial: bool = Field(
        default=False, description="Commercial use, which needs a Professional account."
    )


@router.get("", summary="List API keys")
async def list_api_keys(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[ApiKeyModel]:
    """The oldest first, revoked ones included."""
    after = paging.decoded(cursor, int)
    found = await api_keys.api_keys(
        db, caller.scope, after=after[0] if after else 0, limit=limit + 1
    )
    return paging.page(found, limit, shown=_shown, key=lambda each: (each.id,))


@router.post("", status_code=201, summary="Create an API key")
async def create_api_key(db: Db, now: Now, caller: Writer, body: NewApiKey) -> NewApiKeyModel:
    """With no more rights than the maker's own; the key is shown this once."""
    made, secret = await people.create_api_key(
        db,
        caller,
        name=body.name,
        role=body.role,
        rights=body.rights,
        reach=body.reach,
        organisation=body.organisation,
        rate_per_minute=body.rate_per_minute,
        expires_at=body.expires_at,
        commercial=body.commercial,
        now=now,
    )
    return NewApiKeyModel(**_facts(made), api_key=secret)


@router.get("/{key_id}", summary="Get an API key")
async def get_api_key(db: Db, caller: Reader, key_id: str) -> ApiKeyModel:
    """What may be known of it: never the key itself."""
    return _shown(await people.seen_api_key(db, caller, number_in_path(key_id, "API key")))


@router.patch("/{key_id}", summary="Change an API key")
async def change_api_key(
    db: Db, now: Now, caller: Writer, key_id: str, body: ApiKeyChange
) -> ApiKeyModel:
    """Name, rate and end; its rights never change."""
    facts = facts_from(body, clearable=frozenset({"rate_per_minute", "expires_at"}))
    return _shown(
        await people.change_api_key(
            db, caller, number_in_path(key_id, "API key"), cast("KeyFacts", facts), now=now
        )
    )


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke_api_key(db: Db, now: Now, caller: Writer, key_id: str) -> None:
    """At once and for good; the key stays in the list."""
    await people.revoke_api_key(db, caller, number_in_path(key_id, "API key"), now=now)


def _shown(key: ApiKey) -> ApiKeyModel:
    return ApiKeyModel(**_facts(key))


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "role": key.role,
        "rights": sorted(key.rights),
        "reach": key.reach,
        "organisation": key.organisation,
        "rate_per_minute": key.rate_per_minute,
        "commercial": key.is_commercial,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
