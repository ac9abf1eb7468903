"""Every refusal of the portal as a problem document, by one table.

Programs rely on `code`; `title` and `detail` are for people. The API answers
`application/problem+json`; pages get the same facts as a page.

Source: RFC 9457.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Match

from accounts.entitlements import TierTooLow
from accounts.metering import TierWouldDrop
from accounts.sign_in import TooManyAttempts
from billing.tariff_json import InvalidTariff
from csms.files import FileTooLarge
from csms.queue import TooManyInFlight
from foundation.database import DATA_ERRORS, is_out_of_range
from foundation.errors import (
    Conflict,
    ExpectedError,
    InvalidInput,
    NotFound,
    NotPermitted,
    Unavailable,
)
from portal import logins
from portal.limits import TooManyCalls
from portal.tier_rates import ReadTooOften

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong in one place: a field's path, and the line if a file was sent."""

    field: str
    message: str
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"field": self.field, "message": self.message}
        return found if self.line is None else {"line": self.line, **found}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a refused request is told; `headers` go into the answer's head."""

    status: int
    code: str
    title: str
    detail: str
    field: str | None = None
    errors: tuple[FieldError, ...] = ()
    incident: str | None = None
    tier: str | None = None
    """The account's, where it is the reason."""
    stops: tuple[str, ...] = ()
    """The functions that would stop, where one has to agree to it."""
    headers: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the document; members without a value are left out."""
        found: dict[str, Any] = {
            "status": self.status,
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
        }
        if self.field is not None:
            found["field"] = self.field
        if self.errors:
            found["errors"] = [each.as_json() for each in self.errors]
        if self.tier is not None:
            found["tier"] = self.tier
        if self.stops:
            found["stops"] = list(self.stops)
        if self.incident is not None:
            found["incident"] = self.incident
        return found


class NotSignedIn(ExpectedError):
    """Nobody signed in, and no API key was sent, where one of them is needed."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("Sign in, or send `Authorization: Bearer` with an API key.")


class WrongApiKey(ExpectedError):
    """The API key that was sent is unknown or revoked."""

    code = "wrong_api_key"

    def __init__(self) -> None:
        super().__init__("The API key is unknown or revoked.")


class TooLarge(ExpectedError):
    """The body of the request is larger than we take."""

    code = "too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes.")


class UnsupportedMediaType(ExpectedError):
    """The body is of a kind that this call does not take."""

    code = "unsupported_media_type"

    def __init__(self, *taken: str) -> None:
        super().__init__(f"Send the body as {' or '.join(taken)}, and say so in Content-Type.")


class ManyProblems(InvalidInput):
    """Several things are wrong, and all of them are named at once."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        assert errors
        self.errors = tuple(errors)
        first = errors[0]
        text = first.message if len(errors) == 1 else f"{len(errors)} things are wrong."
        super().__init__(text, field=first.field or None)


_KINDS: tuple[tuple[type[ExpectedError], HTTPStatus, str], ...] = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED, "Not signed in"),
    (WrongApiKey, HTTPStatus.UNAUTHORIZED, "Wrong API key"),
    (TooManyAttempts, HTTPStatus.TOO_MANY_REQUESTS, "Too many attempts"),
    (TooManyCalls, HTTPStatus.TOO_MANY_REQUESTS, "Too many calls"),
    (ReadTooOften, HTTPStatus.TOO_MANY_REQUESTS, "Read too often"),
    (TooManyInFlight, HTTPStatus.TOO_MANY_REQUESTS, "Too many commands"),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large"),
    (FileTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large"),
    (UnsupportedMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid input"),
    (NotFound, HTTPStatus.NOT_FOUND, "Not found"),
    (NotPermitted, HTTPStatus.FORBIDDEN, "Not permitted"),
    (Conflict, HTTPStatus.CONFLICT, "Conflict"),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "Unavailable"),
    (ExpectedError, HTTPStatus.BAD_REQUEST, "Refused"),
)
"""The first kind that fits decides."""


def problem_of(error: ExpectedError) -> Problem:
    """Return what an expected error is told outside."""
    status, title = next(
        (status, title) for kind, status, title in _KINDS if isinstance(error, kind)
    )
    headers: dict[str, str] = {}
    if isinstance(error, NotSignedIn | WrongApiKey):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyAttempts | TooManyCalls | ReadTooOften):
        headers["Retry-After"] = str(error.wait_s)
    if isinstance(error, TooManyInFlight):
        headers["Retry-After"] = "1"
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "5"
    errors: tuple[FieldError, ...] = ()
    if isinstance(error, ManyProblems):
        errors = error.errors
    elif isinstance(error, InvalidTariff):
        errors = tuple(FieldError(each.path, each.text) for each in error.problems)
    elif isinstance(error, InvalidInput) and error.field is not None:
        errors = (FieldError(error.field, str(error)),)
    return Problem(
        status=status.value,
        code=error.code,
        title=title,
        detail=str(error),
        field=error.field if isinstance(error, InvalidInput) else None,
        errors=errors,
        tier=error.tier.value if isinstance(error, ReadTooOften | TierTooLow) else None,
        stops=tuple(each.key for each in error.stops) if isinstance(error, TierWouldDrop) else (),
        headers=tuple(headers.items()),
    )


def problem_of_validation(error: RequestValidationError) -> Problem:
    """Return what is wrong with a request's form, without repeating what was sent."""
    errors = tuple(
        FieldError(_path(each["loc"]), str(each["msg"]).removeprefix("Value error, "))
        for each in error.errors()
    )
    first = errors[0]
    detail = (
        f"{first.field}: {first.message}"
        if len(errors) == 1
        else f"{len(errors)} things are wrong: {', '.join(each.field for each in errors)}."
    )
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY.value,
        code=InvalidInput.code,
        title="Invalid input",
        detail=detail,
        field=first.field,
        errors=errors,
    )


def _path(location: Sequence[Any]) -> str:
    """Return `evses.0.evse_id` for a place in the body, or a parameter's name."""
    parts = [str(part) for part in location]
    if parts and parts[0] in {"body", "query", "path", "header", "cookie"} and len(parts) > 1:
        parts = parts[1:]
    return ".".join(parts)


def problem_of_http(error: HTTPException) -> Problem:
    """Return what the framework refuses by itself: unknown paths, wrong methods, broken bodies."""
    status = HTTPStatus(error.status_code)
    code = {
        HTTPStatus.NOT_FOUND: "not_found",
        HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
        HTTPStatus.BAD_REQUEST: "malformed_body",
    }.get(status, status.phrase.lower().replace(" ", "_"))
    return Problem(
        status=status.value,
        code=code,
        title=status.phrase,
        detail=str(error.detail),
        headers=tuple((error.headers or {}).items()),
    )


def problem_of_incident(incident: str) -> Problem:
    """Return what is told of a mistake of ours: nothing but the number to ask for."""
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR.value,
        code="internal_error",
        title="Internal error",
        detail=f"Something went wrong on our side. Name incident {incident} when you ask about it.",
        incident=incident,
    )


# ---------------------------------------------------------------------------- answering

ErrorPage = Callable[[Request, Problem], Response]
"""Makes the page that a person sees."""


def plain_page(_request: Request, problem: Problem) -> Response:
    """Return the least page: for an installation without templates, or when they fail."""
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_escaped(problem.title)}</title>"
        f"<h1>{_escaped(problem.title)}</h1><p>{_escaped(problem.detail)}</p>",
        status_code=problem.status,
        headers=dict(problem.headers),
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def is_api(request: Request) -> bool:
    """Tell whether a program asks, which wants a document and not a page."""
    path = request.scope["path"]
    return path.startswith("/api/") or path in {"/healthz", "/readyz", "/metrics"}


def answer(request: Request, problem: Problem) -> Response:
    """Return the problem in the form that fits who asked."""
    if is_api(request):
        return JSONResponse(
            problem.as_json(), problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE
        )
    if problem.code == NotSignedIn.code and request.method in {"GET", "HEAD"}:
        place = request.scope["path"]
        query = request.url.query
        wanted = quote(f"{place}?{query}" if query else place, safe="")
        return RedirectResponse(f"/sign-in?next={wanted}", status_code=303)
    page: ErrorPage = request.app.state.error_page
    response = page(request, problem)
    logins.keep_form_cookie(request, response)
    return response


def _methods_at(request: Request) -> list[str]:
    """Return the methods of the routes that have the path of the first one that fits."""
    fit = [each for each in _routes(request.app.routes) if _is_fit(each, request)]
    return sorted({method for each in fit if each.path == fit[0].path for method in each.methods})


def _routes(given: Iterable[Any]) -> Iterator[Any]:
    for each in given:
        if hasattr(each, "effective_candidates"):  # routers that are included stay as they are
            yield from _routes(each.effective_candidates())
        else:
            yield each


def _is_fit(route: Any, request: Request) -> bool:
    return bool(route.methods) and route.matches(request.scope)[0] is not Match.NONE


def install(app: FastAPI, error_page: ErrorPage = plain_page) -> None:
    """Make the application answer every refusal by this module."""
    app.state.error_page = error_page

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, ExpectedError)
        if isinstance(error, Unavailable):
            log.warning("portal.unavailable", code=error.code, path=request.scope["path"])
        return answer(request, problem_of(error))

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, problem_of_validation(error))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code < 400:
            return Response(status_code=error.status_code, headers=error.headers)
        problem = problem_of_http(error)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            problem = replace(problem, headers=(("Allow", ", ".join(_methods_at(request))),))
        return answer(request, problem)

    async def unstorable(request: Request, error: Exception) -> Response:
        if not is_out_of_range(error):
            raise error
        return answer(
            request, problem_of(InvalidInput("A number is larger than any that there is."))
        )

    app.add_exception_handler(ExpectedError, expected)
    for kind in DATA_ERRORS:
        app.add_exception_handler(kind, unstorable)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, refused)
