"""What anybody may see: the sign-in page, static files, and the switches of language and theme."""

import mimetypes
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts.sign_in import SignInRefused, TooManyAttempts
from foundation.errors import NotFound
from portal import guard, icons, logins
from portal.formats import LOCALES
from portal.pages.surroundings import LANGUAGE_COOKIE, THEME_COOKIE, bare_frame, page
from portal.rendering import STATIC, THEMES, asset, link
from portal.routes import Db, PageRoute, PublicRoute

router = APIRouter(route_class=PublicRoute)
_signed_in = APIRouter(route_class=PageRoute)

_YEAR_S = 365 * 24 * 3600
_FILES = {"leitstand.css": "text/css", "leitstand.js": "text/javascript"}


@router.get("/static/{name}")
async def static_file(request: Request, name: str, v: str = "") -> Response:
    """A static file; its address changes with its content, so browsers keep it for a year."""
    if name == "mark.svg":
        content, kind = icons.mark_file().encode(), mimetypes.types_map[".svg"]
    elif name in _FILES:
        content, kind = (STATIC / name).read_bytes(), f"{_FILES[name]}; charset=utf-8"
    else:
        raise NotFound("file", name)
    is_current = asset(name).endswith(f"v={v}") and v != ""
    keep = f"public, max-age={_YEAR_S}, immutable" if is_current else "no-cache"
    return Response(content, media_type=kind, headers={"cache-control": keep})


@router.get("/sign-in")
async def sign_in_page(
    request: Request,
    wanted: Annotated[str, Query(alias="next")] = "/",
    gone: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """The sign-in page."""
    return _sign_in_page(request, wanted=wanted, gone=gone)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    wanted: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Open a login and go on to where somebody wanted to go."""
    said = bare_frame(request).words
    try:
        signed_in = await logins.sign_in(request, name=name, password=password)
    except SignInRefused:
        refused = said.gettext("The user name or the password is wrong.")
        return _sign_in_page(request, wanted=wanted, name=name, refused=refused, status=403)
    except TooManyAttempts as error:
        refused = said.ngettext(
            "Too many wrong tries. Try again in %(num)s second.",
            "Too many wrong tries. Try again in %(num)s seconds.",
            error.wait_s,
        ) % {"num": error.wait_s}
        return _sign_in_page(request, wanted=wanted, name=name, refused=refused, status=429)
    to = logins.own_path(wanted)
    if signed_in.awaits_code:
        to = link("/sign-in/code", {"next": to})
    response = RedirectResponse(to, status_code=303)
    logins.remember(request, response, signed_in)
    return response


@_signed_in.post("/sign-out")
async def sign_out(request: Request, db: Db) -> Response:
    """End the login."""
    response = RedirectResponse("/sign-in?gone=1", status_code=303)
    await logins.sign_out(request, db, response)
    return response


@router.post("/preferences")
async def preferences(
    request: Request,
    back: Annotated[str, Form(max_length=2000)] = "/",
    language: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Remember the language and the theme in this browser, and go back to the page."""
    response = RedirectResponse(_back(back), status_code=303)
    secure = request.url.scheme == "https"
    for cookie, value, known in (
        (LANGUAGE_COOKIE, language, tuple(LOCALES)),
        (THEME_COOKIE, theme, THEMES),
    ):
        if value in known:
            response.set_cookie(
                cookie, value, max_age=_YEAR_S, httponly=True, samesite="lax", secure=secure
            )
    return response


def _back(wanted: str) -> str:
    """Where a switch was used; the sign-in page is such a place too."""
    if wanted == "/sign-in" or wanted.startswith("/sign-in?"):
        return wanted if "//" not in wanted and "\\" not in wanted else "/sign-in"
    return logins.own_path(wanted)


def _sign_in_page(
    request: Request,
    *,
    wanted: str,
    name: str = "",
    refused: str = "",
    gone: str = "",
    status: int = 200,
) -> Response:
    if guard.caller_or_none(request) is not None:
        return RedirectResponse(logins.own_path(wanted), status_code=303)
    values = {"next": wanted, "name": name, "refused": refused, "gone": gone}
    return page(bare_frame(request), "sign_in.html", values, status=status)


router.include_router(_signed_in)
