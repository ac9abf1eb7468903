"""Stations shared with other organisations: to see them, or to see and command them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import shares
from accounts.permissions import Permission
from accounts.shares import Share
from csms import equipment
from foundation.identifiers import OrganisationKey, StationId
from portal import people
from portal.api.models import Answer, Body, Moment
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(
    prefix="/stations/{identity:segment}/shares", tags=["shares"], route_class=ApiRoute
)

Sharer = Annotated[Caller, Depends(require(Permission.STATIONS_SHARE))]


class ShareModel(Answer):
    """A station shown to another organisation, in [valid_from, valid_to)."""

    organisation: OrganisationKey
    level: Literal["read", "command"]
    valid_from: Moment
    valid_to: Moment | None
    is_valid: bool = Field(description="Whether it holds now.")


class NewShare(Body):
    """Instead of what was shared with the organisation so far."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organisation": "elektro-maier",
                "level": "command",
                "valid_to": "2027-01-01T00:00:00Z",
            }
        }
    )

    organisation: str
    level: Literal["read", "command"]
    valid_from: Moment | None = Field(default=None, description="Now, if left out or past.")
    valid_to: Moment | None = Field(default=None, description="The end, not included.")


@router.get("", summary="List with whom a station is shared")
async def list_shares(db: Db, now: Now, caller: Sharer, identity: str) -> Page[ShareModel]:
    """The newest first, past and coming ones included."""
    owner = await _owner(db, caller, identity)
    found = await shares.shares_of(db, identity, owner)
    return Page(items=[_shown(each, now) for each in found])


@router.put("", summary="Share a station")
async def share_station(
    db: Db, now: Now, caller: Sharer, identity: str, body: NewShare
) -> ShareModel:
    """Only the owner's side shares. The answer does not tell whether the organisation exists."""
    owner = await _owner(db, caller, identity)
    made = await people.share_station(
        db,
        caller,
        StationId(identity),
        owner,
        organisation=body.organisation,
        level=body.level,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        now=now,
    )
    return _shown(made, now)


@router.delete("/{organisation:segment}", status_code=204, summary="End a share")
async def end_share(db: Db, now: Now, caller: Sharer, identity: str, organisation: str) -> None:
    """From now on; what was seen until then was seen."""
    owner = await _owner(db, caller, identity)
    await people.end_share(db, caller, StationId(identity), owner, organisation, now=now)


async def _owner(db: Db, caller: Caller, identity: str) -> OrganisationKey:
    """Return whose station it is; to whom it is only shared, it has no shares.

    Raises:
        NotFound: If the caller is not on the owner's side.
    """
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
    return owner


def _shown(share: Share, now: Moment) -> ShareModel:
    return ShareModel(
        organisation=share.organisation,
        level=share.level,
        valid_from=share.valid_from,
        valid_to=share.valid_to,
        is_valid=share.is_valid(now),
    )
