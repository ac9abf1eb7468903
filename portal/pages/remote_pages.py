"""Stations' own pages on the tab of remote access: entered by the operator, opened by the buyer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput
from foundation.inner_http import InnerTargetRefused
from portal import logins, tunnel_doors
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.remote_console import show
from portal.pages.support_parts import number_of_path
from portal.pages.surroundings import frame_of, went
from portal.problems import NotSignedIn
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words
from support.remote_pages import LONGEST_TITLE, PageKnown, TooManyPages

router = APIRouter(route_class=PageRoute)

Seer = Annotated[Caller, Depends(require(Permission.CREDITS_READ))]
Line = Annotated[str, Form(max_length=600)]


@router.post("/stations/{identity:segment}/remote/pages")
async def add(
    request: Request,
    db: Db,
    now: Now,
    caller: Seer,
    identity: str,
    title: Line = "",
    url: Line = "",
    own_certificate: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Enter the address of a page."""
    try:
        async with await savepoint(db):
            await tunnel_doors.add(
                db,
                caller,
                context_of(request),
                identity,
                title=title,
                url=url,
                checks_certificate=own_certificate != "yes",
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        said = (await frame_of(request, db, caller)).words
        field = "url" if isinstance(error, InnerTargetRefused) else "title"
        return await show(
            request,
            db,
            now,
            caller,
            identity,
            errors=FormErrors({field: _in_words(error, said)}),
            sent={"title": title, "url": url, "own_certificate": own_certificate},
            status=422 if isinstance(error, InvalidInput) else 409,
        )
    return went(f"/stations/{segment(identity)}/remote", done="saved")


@router.post("/stations/{identity:segment}/remote/pages/{number:segment}/remove")
async def remove(db: Db, now: Now, caller: Seer, identity: str, number: str) -> Response:
    """Take a page out."""
    await tunnel_doors.remove(db, caller, identity, number_of_path("page", number), now=now)
    return went(f"/stations/{segment(identity)}/remote", done="saved")


@router.post("/stations/{identity:segment}/remote/pages/{number:segment}/open")
async def open_page(
    request: Request, db: Db, now: Now, caller: Seer, identity: str, number: str
) -> Response:
    """Open a page: the link to it is shown, and is good once."""
    login = logins.login_secret(request)
    if login is None:
        raise NotSignedIn
    opened = await tunnel_doors.open_page(
        db,
        caller,
        context_of(request),
        identity,
        number_of_path("page", number),
        login=login,
        now=now,
    )
    return await show(request, db, now, caller, identity, opened=opened)


@router.post("/stations/{identity:segment}/remote/openings/{number:segment}/close")
async def close(db: Db, now: Now, caller: Seer, identity: str, number: str) -> Response:
    """End an opening."""
    await tunnel_doors.close(db, caller, identity, number_of_path("opening", number), now=now)
    return went(f"/stations/{segment(identity)}/remote", done="saved")


def _in_words(error: ExpectedError, said: Words) -> str:
    match error:
        case InnerTargetRefused():
            return said.gettext(
                "This address may not be reached: it lies in none of the networks for it."
            )
        case PageKnown():
            return said.gettext("The station has a page of this name already.")
        case TooManyPages():
            return said.gettext("The station has enough pages. Take one out first.")
    return said.gettext("Name it, in %(number)s characters at most.") % {"number": LONGEST_TITLE}
