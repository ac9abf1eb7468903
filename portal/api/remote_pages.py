"""Stations' own pages: addresses that the operator enters, and who opened which through us."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from foundation.identifiers import OrganisationKey, StationId
from portal import credit_doors, paging, tunnel_doors
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now
from support import remote_pages
from support.remote_pages import LONGEST_TITLE, Opening, RemotePage, WhyEnded

router = APIRouter(
    prefix="/stations/{identity:segment}/remote-pages", tags=["credits"], route_class=ApiRoute
)

Reader = Annotated[Caller, Depends(require(Permission.CREDITS_READ))]


class RemotePageModel(Answer):
    """A page of a station, or of a logger beside it."""

    id: int
    title: str
    url: str
    checks_certificate: bool
    entered_at: Moment


class NewRemotePage(Body):
    """An address within the networks that the installation's settings name."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "title": "Logger",
                "url": "https://10.8.0.14/",
                "checks_certificate": False,
            }
        }
    )

    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]
    url: Annotated[str, Field(min_length=1, max_length=500)]
    checks_certificate: bool = Field(
        default=True, description="False for a logger that signs its own."
    )


class RemotePages(Answer):
    """The pages of a station, by title."""

    pages: list[RemotePageModel]


class OpeningModel(Answer):
    """Who opened a page, when, and how much it carried; pages are opened in the portal."""

    id: int
    title: str
    organisation: OrganisationKey
    by: str | None
    opened_at: Moment
    last_used_at: Moment
    ended_at: Moment | None
    ended_why: WhyEnded | None
    requests: int
    bytes_up: int
    bytes_down: int


@router.get("", summary="List a station's own pages")
async def list_remote_pages(db: Db, caller: Reader, identity: str) -> RemotePages:
    """Those that remote access opens."""
    found = await tunnel_doors.pages_seen(db, caller, identity)
    return RemotePages(pages=[_shown(each) for each in found])


@router.post("", status_code=201, summary="Enter a station's own page")
async def add_remote_page(
    db: Db, now: Now, context: Context, caller: Reader, identity: str, body: NewRemotePage
) -> RemotePageModel:
    """By an administrator of the operator."""
    made = await tunnel_doors.add(
        db,
        caller,
        context,
        identity,
        title=body.title,
        url=body.url,
        checks_certificate=body.checks_certificate,
        now=now,
    )
    return _shown(made)


@router.delete("/{number:int}", status_code=204, summary="Take a station's own page out")
async def remove_remote_page(
    db: Db, now: Now, caller: Reader, identity: str, number: Number
) -> None:
    """What is open of it is cut."""
    await tunnel_doors.remove(db, caller, identity, number, now=now)


@router.get("/openings", summary="List who opened a station's own pages")
async def list_remote_openings(
    db: Db,
    caller: Reader,
    identity: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[OpeningModel]:
    """Your organisation's people, the newest first."""
    await credit_doors.station_seen(db, caller, identity)
    before = paging.decoded(cursor, int)
    found = await remote_pages.openings(
        db,
        StationId(identity),
        account=caller.principal.organisation,
        before=None if before is None else before[0],
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _opening(caller, each), key=lambda each: (each.id,)
    )


@router.post("/openings/{number}/close", status_code=204, summary="End an opening")
async def close_remote_opening(
    db: Db, now: Now, caller: Reader, identity: str, number: Number
) -> None:
    """Of your organisation's people."""
    await tunnel_doors.close(db, caller, identity, number, now=now)


def _shown(page: RemotePage) -> RemotePageModel:
    return RemotePageModel(
        id=page.id,
        title=page.title,
        url=page.url,
        checks_certificate=page.checks_certificate,
        entered_at=page.entered_at,
    )


def _opening(caller: Caller, each: Opening) -> OpeningModel:
    return OpeningModel(
        id=each.id,
        title=each.title,
        organisation=each.account,
        by=caller.personal(each.by_name),
        opened_at=each.opened_at,
        last_used_at=each.last_used_at,
        ended_at=each.ended_at,
        ended_why=each.ended_why,
        requests=each.requests,
        bytes_up=each.bytes_up,
        bytes_down=each.bytes_down,
    )
