"""Firmware that is kept here for stations to fetch: the list, and one more by a form.

The form's token stands before the file, and is looked at before anything is written.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts.permissions import Permission
from csms import file_places, files
from foundation.errors import InvalidInput
from portal import firmware_doors, logins
from portal.files import ArrivingForm, FormWithoutFile
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Context, Db, PageRoute, StreamRoute
from portal.words import marked

router = APIRouter(prefix="/firmware", route_class=PageRoute)
streams = APIRouter(prefix="/firmware", route_class=StreamRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]

PER_PAGE: Final = 50

NO_FILE: Final = marked("Choose a file.")


@router.get("")
async def firmware(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the files that stations may be told to fetch, the newest first."""
    return await _page(request, db, caller, after=after, n=n)


async def _page(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    *,
    after: int | None = None,
    n: int = 1,
    error: InvalidInput | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    found = await files.firmware_files(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        on = link("/firmware", {"after": kept[-1].id, "n": n + PER_PAGE})
    values = {
        "found": [(each, file_places.reference(each.id)) for each in kept],
        "errors": FormErrors({})
        if error is None
        else form_errors(error, frame.words, otherwise="file"),
        "turn": Turn(n, n + len(kept) - 1, None, "/firmware" if after else None, on),
    }
    return page(frame, "firmware.html", values, status=200 if error is None else 422)


@streams.post("")
async def add(request: Request, context: Context, caller: Writer) -> Response:
    """Keep a file, with its checksum, for stations to fetch."""
    if caller.principal.owes_second_factor:
        return RedirectResponse("/account/second-factor", status_code=303)
    form = ArrivingForm.of(request.headers.get("content-type", ""))
    if form is None:
        raise logins.ForeignForm  # a page of ours sends one
    body = form.file_in(request.stream())
    try:
        async with asyncio.timeout(context.settings.file_transfer_timeout_s):
            first, is_file = await _first(body)
            given = form.fields.get(logins.CSRF_FIELD, b"")
            logins.require_own_form(request, given.decode("utf-8", "replace"))
            if not is_file or not files.safe_name(form.file_name):
                raise InvalidInput(NO_FILE, field="file")
        await firmware_doors.take(context, caller, form.file_name, _joined(first, body))
    except InvalidInput as error:
        return await _again(request, context, caller, error)
    except TimeoutError:  # before the file even began
        slow = InvalidInput(firmware_doors.TOO_SLOW, field="file")
        return await _again(request, context, caller, slow)
    return went("/firmware", done="saved")


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for each in rest:
        yield each


async def _first(body: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """Return how a file begins, and whether there is one."""
    try:
        return await anext(body, b""), True
    except FormWithoutFile:
        return b"", False


async def _again(
    request: Request, context: Context, caller: Caller, error: InvalidInput
) -> Response:
    async with context.database.unit_of_work() as db:
        return await _page(request, db, caller, error=error)
