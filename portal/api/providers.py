"""Providers (EMPs): who answers for tokens that are not ours, and is invoiced for them."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import PartyId
from portal import paging
from portal.api.models import Answer, Body, Moment
from portal.api.organisations import facts_from
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from roaming import administration
from roaming.administration import Provider, ProviderFacts

router = APIRouter(prefix="/providers", tags=["providers"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.PROVIDERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.PROVIDERS_WRITE))]


class ProviderModel(Answer):
    """A provider."""

    party_id: PartyId
    name: str
    email: str | None
    vat_id: str | None
    terms_days: int = Field(description="Days within which its invoices are due.")
    created_at: Moment


class ProviderChange(Body):
    """What of a provider may change: everything but its party id."""

    name: str | None = None
    email: str | None = None
    vat_id: str | None = None
    terms_days: int | None = None


class NewProvider(ProviderChange):
    """A provider."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "party_id": "DE*XYZ",
                "name": "XYZ Mobility GmbH",
                "email": "invoices@xyz.example",
                "vat_id": "DE987654321",
                "terms_days": 30,
            }
        }
    )

    party_id: str = Field(description="Country and party, as in `DE*XYZ`; it never changes.")


_CLEARABLE = frozenset({"email", "vat_id"})


@router.get("", summary="List providers")
async def list_providers(
    db: Db,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[ProviderModel]:
    """In the order of their party ids."""
    after = paging.decoded(cursor, str)
    found = await administration.providers(db, after=after[0] if after else None, limit=limit + 1)
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each), key=lambda each: (each.party_id,)
    )


@router.post("", status_code=201, summary="Create a provider")
async def create_provider(db: Db, now: Now, caller: Writer, body: NewProvider) -> ProviderModel:
    """Its tokens charge externally, and it is invoiced for that."""
    facts = facts_from(body, clearable=_CLEARABLE, without="party_id")
    made = await administration.create_provider(
        db, body.party_id, cast("ProviderFacts", facts), now=now
    )
    await caller.note(
        db,
        "provider.create",
        f"provider/{made.party_id}",
        organisation=caller.principal.organisation,
        after=made,
        now=now,
    )
    return _shown(caller, made)


@router.get("/{party_id:segment}", summary="Get a provider")
async def get_provider(db: Db, caller: Reader, party_id: str) -> ProviderModel:
    """An EMP, by its party id."""
    return _shown(caller, await administration.provider(db, _key(party_id)))


@router.patch("/{party_id:segment}", summary="Change a provider")
async def change_provider(
    db: Db, now: Now, caller: Writer, party_id: str, body: ProviderChange
) -> ProviderModel:
    """Only what is sent changes."""
    facts = facts_from(body, clearable=_CLEARABLE)
    before = await administration.provider(db, _key(party_id))
    changed = await administration.change_provider(
        db, before.party_id, cast("ProviderFacts", facts)
    )
    await caller.note(
        db,
        "provider.change",
        f"provider/{before.party_id}",
        organisation=caller.principal.organisation,
        before=before,
        after=changed,
        now=now,
    )
    return _shown(caller, changed)


def _key(party_id: str) -> PartyId:
    try:
        return administration.party_id_from(party_id)
    except InvalidInput:
        raise NotFound("provider", party_id) from None


def _shown(caller: Caller, provider: Provider) -> ProviderModel:
    return ProviderModel(
        party_id=provider.party_id,
        name=provider.name,
        email=caller.personal(provider.email),
        vat_id=caller.personal(provider.vat_id),
        terms_days=provider.terms_days,
        created_at=provider.created_at,
    )
