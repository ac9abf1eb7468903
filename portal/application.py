"""The portal's application: the REST API, the pages, and what watches over both."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from csms.files import UPLOADS
from foundation import jobs, metrics, migrate, outbox
from foundation.errors import Unavailable
from foundation.outbox import Backlog
from portal import files, problems
from portal.api import documentation, openapi
from portal.api import routes as api_routes
from portal.api.models import PROBLEMS
from portal.context import PortalContext, context_of
from portal.pages import routes as page_routes
from portal.problems import ErrorPage
from portal.security import Security

API = "/api/v1"
_READY_WITHIN_S = 3
_FORM_BYTES = 64 * 1024
"""What a form may put around a file."""

_NOWHERE = "/-/-/-/-/-/-/-/-"
"""A path that no route matches."""

_DESCRIPTION = """\
Everything the portal does, for programs. Send `Authorization: Bearer` with an API key
(`leitstand api-key create`).

Bodies are JSON with snake_case names. Moments are ISO 8601 in UTC, energy is in Wh, money is
`{"amount": "12.34", "currency": "EUR"}`. Lists come in pages: send `next` as `cursor`.

Writing calls take an `Idempotency-Key`: the same call with the same key is done once and answered
alike. Refusals are problem documents (RFC 9457) with a stable `code`. What you may not see is
answered like what is not there.
"""


def create_application(
    context: PortalContext,
    *,
    api: Sequence[APIRouter] = api_routes.ROUTERS,
    pages: Sequence[APIRouter] = (page_routes.router,),
    error_page: ErrorPage = page_routes.error_page,
) -> FastAPI:
    """Return the application, ready for uvicorn.

    Args:
        context: What requests need.
        api: Routers of REST calls; they are found below `/api/v1`.
        pages: Routers of pages.
        error_page: Makes the page of a refusal.
    """
    app = FastAPI(
        title="Leitstand API",
        version="1",
        description=_DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.context = context
    problems.install(app, error_page)
    app.add_middleware(
        Security,
        body_max_bytes=context.settings.http_body_max_bytes,
        hosts=context.settings.http_hosts,
        file_paths=(UPLOADS, f"{API}/files", "/firmware"),
        file_max_bytes=context.settings.station_file_max_bytes + _FORM_BYTES,
    )
    app.router.routes.extend(_routes(api, pages))
    _complete_openapi(app)
    return app


_made: Final[dict[tuple[int, ...], tuple[list[APIRouter], list[BaseRoute]]]] = {}
"""Routes by the identities of what they were made of, which therefore has to live on."""


def _routes(api: Sequence[APIRouter], pages: Sequence[APIRouter]) -> list[BaseRoute]:
    """Return all routes, ready to be matched; made once in a process.

    The framework makes what an included route needs when a request is first matched against it,
    for hundreds of them about a second. Nobody's first request, and no station's message beside
    it, shall wait for that.
    """
    key = (len(api), *map(id, api), *map(id, pages))
    if key in _made:
        return _made[key][1]
    whole = APIRouter(redirect_slashes=False, generate_unique_id_function=_operation_id)
    whole.include_router(_watching)
    whole.include_router(files.router)
    for router in api:
        whole.include_router(router, prefix=API, responses=PROBLEMS)
    for router in pages:
        whole.include_router(router, include_in_schema=False)
    nowhere = {"type": "http", "method": "GET", "path": _NOWHERE, "root_path": "", "headers": []}
    for route in whole.routes:
        route.matches(nowhere)
    _made[key] = ([*api, *pages], whole.routes)
    return whole.routes


def _operation_id(route: APIRoute) -> str:
    return route.name


def _complete_openapi(app: FastAPI) -> None:
    """Complete the OpenAPI document by what the framework cannot know."""
    made = app.openapi

    def completed() -> dict[str, Any]:
        return openapi.complete(made())

    app.openapi = completed  # type: ignore[method-assign]


# ---------------------------------------------------------------------------- watching

_watching = APIRouter(include_in_schema=False)


@_watching.get("/healthz")
async def healthz() -> Response:
    """Tell that the process is alive, and nothing else."""
    return JSONResponse({"status": "alive"})


@_watching.get("/readyz")
async def readyz(request: Request) -> Response:
    """Tell whether stations and people can be served: 200, or 503 and what is missing."""
    context = context_of(request)
    found = {
        "database": "unreachable",
        "migrations": "unknown",
        "listener": "up" if context.is_listening() else "down",
    }
    try:
        async with asyncio.timeout(_READY_WITHIN_S), context.database.unit_of_work() as db:
            has_tables = (await db.execute(text("select to_regclass('alembic_version')"))).scalar()
            found["database"] = "reachable"
            revision = None
            if has_tables:
                known = await db.execute(text("select version_num from alembic_version"))
                revision = known.scalar_one_or_none()
            found["migrations"] = "at head" if revision == migrate.head() else "behind"
    except (Unavailable, TimeoutError):
        pass
    is_ready = found == {"database": "reachable", "migrations": "at head", "listener": "up"}
    return JSONResponse(
        {"status": "ready" if is_ready else "not ready", **found}, 200 if is_ready else 503
    )


@_watching.get("/metrics")
async def figures(request: Request) -> Response:
    """Return the figures for Prometheus; those of the database as they are now, if it is there."""
    context = context_of(request)
    with contextlib.suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(_READY_WITHIN_S), context.database.unit_of_work() as db:
            _tell_backlogs(await outbox.backlogs(db), context.clock.now())
            _tell_jobs(await jobs.counts(db))
    return Response(metrics.exposition(), headers={"content-type": metrics.CONTENT_TYPE})


def _tell_backlogs(backlogs: Sequence[Backlog], now: datetime) -> None:
    metrics.outbox_lag_seconds.clear()
    metrics.outbox_parked.clear()
    for each in backlogs:
        lag_s = 0.0 if each.oldest_at is None else (now - each.oldest_at).total_seconds()
        metrics.outbox_lag_seconds.labels(reader=each.reader).set(max(0.0, lag_s))
        metrics.outbox_parked.labels(reader=each.reader).set(each.parked)


def _tell_jobs(counts: Mapping[str, int]) -> None:
    metrics.jobs.clear()
    for state, count in counts.items():
        metrics.jobs.labels(state=state).set(count)


@_watching.get("/api/docs")
async def api_docs(request: Request) -> Response:
    """Return the readable page of the API."""
    return Response(
        documentation.page(request.app.openapi()), media_type="text/html; charset=utf-8"
    )


@_watching.get("/api/docs.css")
async def api_docs_style() -> Response:
    """Return the readable page's stylesheet."""
    return PlainTextResponse(documentation.STYLE, media_type="text/css")
