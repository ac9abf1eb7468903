"""Operational management of many stations at once: chosen, told what it costs, switched."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from alerts import monitoring, monitoring_tasks
from alerts.activation import Hint
from csms import registry
from csms.registry import Station
from foundation.errors import InvalidInput, NotFound
from portal import monitoring as switching
from portal import monitoring_of_many
from portal.context import context_of
from portal.guard import Caller, require
from portal.monitoring_of_many import MOST_AT_ONCE, Candidate, CostChanged
from portal.pages.counts import forget_counts, silence_limits
from portal.pages.operations import TASKS, refusal_in_words
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(route_class=PageRoute, prefix="/operations")

Switcher = Annotated[Caller, Depends(require(Permission.MONITORING))]
Chosen = Annotated[list[str], Form(max_length=MOST_AT_ONCE)]

PER_PAGE: Final = 100
_TASKS: Final = 100


@router.get("")
async def stations(
    request: Request,
    db: Db,
    now: Now,
    caller: Switcher,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=48)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List stations with whether they are monitored, to choose from; and what is to be done."""
    return await _list(request, db, now, caller, q=q.strip(), after=after, n=n)


async def _list(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    *,
    q: str = "",
    after: str = "",
    n: int = 1,
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    found = await registry.stations(
        db,
        caller.scope,
        now,
        limits=silence_limits(context_of(request).settings),
        admission="accepted",
        q=q or None,
        after=after or None,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    own = [each for each in kept if caller.scope.covers(each.organisation)]
    active = await monitoring.active(db, [each.identity for each in own])
    on = None
    if len(found) > PER_PAGE:
        query = {"q": q, "after": kept[-1].identity, "n": n + PER_PAGE}
        on = link("/operations", query)
    values = {
        "rows": [
            {
                "identity": each.identity,
                "name": each.name,
                "since": active[each.identity].active_from if each.identity in active else None,
            }
            for each in own
        ],
        "tasks": await _tasks(db, caller, frame.words),
        "q": q,
        "turn": Turn(
            n, n + len(kept) - 1, None, link("/operations", {"q": q}) if after else None, on
        ),
        "errors": errors or FormErrors(),
    }
    return page(frame, "operations_of_many.html", values, status=422 if errors else 200)


async def _tasks(db: AsyncSession, caller: Caller, said: Words) -> list[dict[str, Any]]:
    """Return what is to be done at stations: stickers, and technicians that are missing."""
    lacking = await monitoring.without_technician(db, caller.scope, limit=_TASKS)
    found = await monitoring_tasks.open_tasks(db, caller.scope, limit=_TASKS)
    return [
        {"station": each.station, "title": said.gettext("Store a technician"), "at": None}
        for each in lacking
    ] + [
        {"station": each.station, "title": said.gettext(TASKS[each.kind]), "at": each.opened_at}
        for each in found
    ]


@router.post("")
async def look(
    request: Request,
    db: Db,
    now: Now,
    caller: Switcher,
    station: Chosen = [],  # noqa: B006 - read, never changed
    do: Annotated[str, Form(max_length=10)] = "on",
) -> Response:
    """Show what switching these stations on would cost, or that they would end; nothing happens."""
    chosen = await _chosen(request, db, now, caller, station)
    if not chosen:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({"stations": said.gettext("Choose at least one station.")})
        return await _list(request, db, now, caller, errors=errors)
    return await _look(request, db, now, caller, chosen, do="off" if do == "off" else "on")


async def _look(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    chosen: Sequence[Station],
    *,
    do: str,
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    summary = await monitoring_of_many.preview(db, chosen, now=now)
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    changing = (
        summary.changing if do == "on" else [each for each in summary.candidates if each.is_active]
    )
    last_days = {each.cost.last_day for each in changing}
    values = {
        "do": do,
        "rows": [
            {
                "identity": each.station.identity,
                "owner": names.get(each.station.organisation, each.station.organisation),
                "this_month": each.cost.this_month,
                "per_year": each.cost.per_year,
                "why": _why(each, said) if do == "on" else "",
                "changes": each in changing,
                "no_technician": Hint.NO_TECHNICIAN in each.hints,
                "again": each.cost.is_again,
            }
            for each in summary.candidates
        ],
        "count": len(changing),
        "left_out": len(summary.candidates) - len(changing),
        "this_month": summary.this_month,
        "per_year": summary.per_year,
        "last_day": min(last_days) if len(last_days) == 1 else None,
        "told": summary.told,
        "may_release": caller.may(Permission.COST_RELEASE),
        "errors": errors or FormErrors(),
    }
    return page(frame, "operations_summary.html", values, status=409 if errors else 200)


def _why(each: Candidate, said: Words) -> str:
    if each.is_active:
        return said.gettext("It is monitored already.")
    return "" if each.refusal is None else refusal_in_words(each.refusal, said)


@router.post("/activate")
async def activate(
    request: Request,
    db: Db,
    now: Now,
    caller: Switcher,
    station: Chosen = [],  # noqa: B006 - read, never changed
    told: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Switch the stations on, at the cost that was told."""
    switching.must_be_able_to_switch_on(caller)
    chosen = await _must_choose(request, db, now, caller, station)
    try:
        done = await monitoring_of_many.switch_on(db, chosen, told=told, by=caller.actor, now=now)
    except CostChanged:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors(
            {"activate": said.gettext("The cost has changed meanwhile. Look at it again.")}
        )
        return await _look(request, db, now, caller, chosen, do="on", errors=errors)
    forget_counts(request)
    return went("/operations", done="asked-second" if done.waiting else "monitoring-on-many")


@router.post("/deactivate")
async def deactivate(
    request: Request,
    db: Db,
    now: Now,
    caller: Switcher,
    station: Chosen = [],  # noqa: B006 - read, never changed
) -> Response:
    """End the monitoring of the stations at once."""
    chosen = await _must_choose(request, db, now, caller, station)
    await monitoring_of_many.switch_off(db, chosen, by=caller.actor, now=now)
    forget_counts(request)
    return went("/operations", done="monitoring-off-many")


async def _must_choose(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, identities: Sequence[str]
) -> list[Station]:
    chosen = await _chosen(request, db, now, caller, identities)
    if not chosen:
        raise InvalidInput("Choose at least one station.", field="stations")
    return chosen


async def _chosen(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, identities: Sequence[str]
) -> list[Station]:
    """Return the stations that were chosen.

    Raises:
        NotFound: If one of them is not of the caller's own side.
    """
    wanted = sorted(set(identities))[:MOST_AT_ONCE]
    if not wanted:
        return []
    limits = silence_limits(context_of(request).settings)
    found = await registry.stations(
        db, caller.scope, now, limits=limits, identities=wanted, limit=MOST_AT_ONCE
    )
    own = {each.identity for each in found if caller.scope.covers(each.organisation)}
    for each in wanted:
        if each not in own:
            raise NotFound("station", each)
    return found
