"""The way in beside the sign-in page: the second factor, a forgotten password, an invitation.

These pages are for people whom we do not know yet; their functions open their own units of work.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts import audit, letters
from accounts.audit import Actor
from accounts.sign_in import CodeRefused, SignInOver, TooManyAttempts
from foundation.errors import InvalidInput
from portal import guard, logins
from portal.context import context_of
from portal.pages.refusals import in_words
from portal.pages.surroundings import bare_frame, page
from portal.rendering import link
from portal.routes import PublicRoute
from portal.words import Words

router = APIRouter(route_class=PublicRoute)


@router.get("/sign-in/code")
async def code_page(
    request: Request, wanted: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """Ask for the second factor."""
    return _code_page(request, wanted)


@router.post("/sign-in/code")
async def give_code(
    request: Request,
    code: Annotated[str, Form(max_length=100)] = "",
    wanted: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Finish signing in, if the code is right."""
    said = bare_frame(request).words
    try:
        signed_in = await logins.give_code(request, code=code)
    except SignInOver:
        return RedirectResponse(link("/sign-in", {"next": wanted}), status_code=303)
    except CodeRefused as error:
        return _code_page(request, wanted, refused=in_words(error, said), status=403)
    except TooManyAttempts as error:
        return _code_page(request, wanted, refused=too_many(error, said), status=429)
    response = RedirectResponse(logins.own_path(wanted), status_code=303)
    logins.remember(request, response, signed_in)
    return response


def too_many(error: TooManyAttempts, said: Words) -> str:
    """How long to wait."""
    return said.ngettext(
        "Too many wrong tries. Try again in %(num)s second.",
        "Too many wrong tries. Try again in %(num)s seconds.",
        error.wait_s,
    ) % {"num": error.wait_s}


def _code_page(request: Request, wanted: str, *, refused: str = "", status: int = 200) -> Response:
    if guard.caller_or_none(request) is not None:
        return RedirectResponse(logins.own_path(wanted), status_code=303)
    values = {"next": wanted, "refused": refused}
    return page(bare_frame(request), "sign_in_code.html", values, status=status)


@router.get("/forgot-password")
async def forgotten(request: Request, sent: Annotated[str, Query(max_length=1)] = "") -> Response:
    """Ask whose password is forgotten."""
    return page(bare_frame(request), "forgot_password.html", {"sent": bool(sent)})


@router.post("/forgot-password")
async def ask_for_reset(
    request: Request, name: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Mail a link, if there is somebody; the answer is the same if there is nobody."""
    context = context_of(request)
    now = context.clock.now()
    if name.strip() and "\x00" not in name:
        async with context.database.unit_of_work() as db:
            person = await letters.ask_for_reset(
                db, context.mails_or_refuse(), name, public_url=context.public_url, now=now
            )
            if person is not None:
                await audit.record(
                    db,
                    Actor("unknown", "?", "portal", _address(request)),
                    "user.password.ask",
                    f"user/{person.id}",
                    organisation=person.organisation,
                    now=now,
                )
    return RedirectResponse("/forgot-password?sent=1", status_code=303)


@router.get(letters.PATH)
async def choose_page(request: Request) -> Response:
    """Ask for a new password; the secret of the link is in the fragment, which only scripts see."""
    return page(bare_frame(request), "choose_password.html", {"code": "", "refused": ""})


@router.post(letters.PATH)
async def choose_password(
    request: Request,
    code: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Set the password of whoever has the link, and let him sign in."""
    context = context_of(request)
    now = context.clock.now()
    frame = bare_frame(request)
    try:
        person = await letters.choose_password(
            context.database, code.strip().rpartition("#")[2], password, now=now
        )
    except (InvalidInput, letters.LinkOver) as error:
        values = {"code": code, "refused": in_words(error, frame.words)}
        return page(frame, "choose_password.html", values, status=403)
    async with context.database.unit_of_work() as db:
        await audit.record(
            db,
            Actor(f"person/{person.id}", person.name, "portal", _address(request)),
            "user.password",
            f"user/{person.id}",
            organisation=person.organisation,
            now=now,
        )
    return RedirectResponse("/sign-in?gone=2", status_code=303)


def _address(request: Request) -> str | None:
    return None if request.client is None else request.client.host
