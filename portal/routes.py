"""How a request is worked off: one unit of work, who asks, and the answer after the commit.

`ApiRoute` is for the REST calls, `PageRoute` for pages, `PublicRoute` for pages that anybody may
see and that need no database of their own (signing in), `StreamRoute` for answers that outlive a
unit of work.

Routing works on the path as it was sent. A path parameter that may hold any character is written
`{identity:segment}`: one segment, percent-decoded once.
"""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, unquote_to_bytes

from fastapi import Depends
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from foundation import trips
from foundation.errors import InvalidInput
from portal import credit_doors, guard, idempotency, logins
from portal.context import PortalContext, context_of

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Segment(Convertor[str]):
    """One segment of the path, percent-decoded once."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        # What is no UTF-8 becomes characters that no key has, and so is not found.
        return unquote_to_bytes(value).decode("utf-8", "replace")

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


register_url_convertor("segment", _Segment())


# ---------------------------------------------------------------------------- dependencies


# Coroutines, all of them: FastAPI calls a plain function in a thread of its own.


async def _db(request: Request) -> AsyncSession:
    db = request.state.db
    assert isinstance(db, AsyncSession)
    return db


async def _now(request: Request) -> datetime:
    now = request.state.now
    assert isinstance(now, datetime)
    return now


async def _context(request: Request) -> PortalContext:
    return context_of(request)


Db = Annotated[AsyncSession, Depends(_db)]
"""The request's unit of work; it is committed before the answer goes out."""
Now = Annotated[datetime, Depends(_now)]
"""The moment of the request, by the portal's clock."""
Context = Annotated[PortalContext, Depends(_context)]


# ---------------------------------------------------------------------------- routes


class ApiRoute(APIRoute):
    """A REST call."""

    shares_trips: ClassVar[frozenset[str]] = frozenset()
    """Methods whose last writes and commit go in one trip to the database.

    For calls that come in numbers: what they write must not be read by a session of theirs.
    """

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await _read(request)
            context = context_of(request)
            async with context.database.unit_of_work() as db:
                await _begin(request, db, context)
                caller = guard.caller_or_none(request)
                if request.method in _SAFE_METHODS or caller is None:
                    return await inner(request)
                if guard.is_by_browser(request):
                    logins.require_own_form(request, request.headers.get(logins.CSRF_HEADER))
                answering = idempotency.answer_once(
                    request, db, caller.principal.id, request.state.now, inner
                )
                if request.method not in self.shares_trips:
                    return await answering
                response: Response = (await trips.shared(db, [answering]))[0]
                return response

        return handle


class PageRoute(APIRoute):
    """A page, or a form that it sends."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await _read(request)
            context = context_of(request)
            async with context.database.unit_of_work() as db:
                await _begin(request, db, context)
                if request.method not in _SAFE_METHODS:
                    logins.require_own_form(request, await _form_token(request))
                if _owes_second_factor(request):
                    return RedirectResponse("/account/second-factor", status_code=303)
                response = await inner(request)
            logins.keep_form_cookie(request, response)
            return response

        return handle


class PublicRoute(APIRoute):
    """A page for anybody, whose functions open their own units of work."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await _read(request)
            if request.method not in _SAFE_METHODS:
                logins.require_own_form(request, await _form_token(request))
            response = await inner(request)
            logins.keep_form_cookie(request, response)
            return response

        return handle


class StreamRoute(APIRoute):
    """An answer that goes on: who asks is found out once, then no connection is held."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            _refuse_unstorable(request)
            context = context_of(request)
            async with context.database.unit_of_work() as db:
                await _begin(request, db, context)
            del request.state.db
            return await inner(request)

        return handle


async def _read(request: Request) -> None:
    """Take the whole body before a connection is taken: a slow sender must not hold one."""
    _refuse_unstorable(request)
    await request.body()


async def _begin(request: Request, db: AsyncSession, context: PortalContext) -> None:
    request.state.db = db
    request.state.now = context.clock.now()
    request.state.caller = await guard.identify(request, db, request.state.now)
    caller = guard.caller_or_none(request)
    if caller is not None:
        caller = await credit_doors.as_paid(db, caller, context, now=request.state.now)
        request.state.caller = caller
        request.state.quota = context.limits.quota(caller.principal)
        request.state.quota = context.limits.spend(caller.principal)


def _owes_second_factor(request: Request) -> bool:
    """Tell whether somebody must set up a second factor before he is shown anything else."""
    caller = guard.caller_or_none(request)
    path = request.scope["path"]
    is_on_his_way = path == "/sign-out" or path == "/account" or path.startswith("/account/")
    return caller is not None and caller.principal.owes_second_factor and not is_on_his_way


def _refuse_unstorable(request: Request) -> None:
    """Refuse what no text of the database can hold.

    Raises:
        InvalidInput: If a parameter holds NUL.
    """
    for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
        if "\x00" in name or "\x00" in str(value):
            raise InvalidInput(f"{name} holds a character that is no text.", field=name)


async def _form_token(request: Request) -> str | None:
    header = request.headers.get(logins.CSRF_HEADER)
    if header is not None:
        return header
    if request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        given = (await request.form()).get(logins.CSRF_FIELD)
        return given if isinstance(given, str) else None
    return None
