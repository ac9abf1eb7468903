"""The audit over HTTP: who did what to what."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from accounts import audit
from accounts.audit import Door, Entry
from accounts.permissions import Permission
from foundation.identifiers import OrganisationKey
from portal import masking, paging
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db

router = APIRouter(prefix="/audit", tags=["audit"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.AUDIT_READ))]
Text = Annotated[str | None, Query(max_length=200)]


class EntryModel(Answer):
    """What somebody did; `number` counts within the organisation's chain."""

    id: int
    organisation: OrganisationKey | None
    number: int
    at: Moment
    actor: str
    actor_name: str
    door: Door
    address: str | None
    deed: str
    subject: str
    change_order: str | None
    before: Mapping[str, Any] | None = Field(description="Of what changed, what was.")
    after: Mapping[str, Any] | None = Field(description="Of what changed, what is.")
    hash: str = Field(description="SHA-256 over the hash before it, the number and the content.")


@router.get("", summary="Search the audit")
async def list_entries(
    db: Db,
    caller: Reader,
    who: Text = None,
    deed: Text = None,
    subject: Text = None,
    door: Annotated[Door | None, Query()] = None,
    q: Text = None,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[EntryModel]:
    """The newest first."""
    before = paging.decoded(cursor, int)
    found = await audit.entries(
        db,
        caller.scope.organisations,
        who=who,
        by_name=caller.may(Permission.CRM_READ),
        deed=deed,
        subject=None if subject is None else masking.subject(caller, subject),
        door=door,
        text=q if caller.may(Permission.CRM_READ) else None,
        since=since,
        until=until,
        before=before[0] if before else None,
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: shown(caller, each), key=lambda each: (each.id,)
    )


def shown(caller: Caller, entry: Entry) -> EntryModel:
    """Return an entry as the caller may see it."""
    return EntryModel.model_validate(masking.entry(caller, entry))
