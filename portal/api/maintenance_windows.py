"""Maintenance windows: times in which a station is worked at and its errors are told to nobody."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms import registry
from csms.registry import Station
from foundation.identifiers import OrganisationKey, StationId
from portal import maintenance_deeds as deeds
from portal import paging
from portal.api.models import Answer, Body, Moment, Number
from portal.api.stations import limits
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now
from support import maintenance_store
from support.maintenance import LONGEST_COMMENT, MOST_TEST_TOKENS, Plan, Window, WindowState

router = APIRouter(tags=["maintenance windows"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]

Evses = Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=200)]
Tokens = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=MOST_TEST_TOKENS)
]
Comment = Annotated[str, Field(max_length=LONGEST_COMMENT)]


class WindowModel(Answer):
    """A maintenance window."""

    id: int
    station: StationId
    organisation: OrganisationKey
    state: WindowState
    evses: list[int] = Field(description="Empty: the whole station.")
    starts_at: Moment = Field(description="Included.")
    ends_at: Moment = Field(description="Not included.")
    locks: bool = Field(description="Nobody charges there meanwhile, but by a test card.")
    test_tokens: list[str] = Field(description="Cards that may charge although it locks.")
    comment: str
    created_at: Moment
    created_by: str | None


class WindowBody(Body):
    """A maintenance window to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "starts_at": "2026-12-01T08:00:00Z",
                "ends_at": "2026-12-01T10:00:00Z",
                "evses": [1],
                "locks": True,
                "comment": "Cable of the left socket is replaced.",
            }
        }
    )

    starts_at: Moment = Field(description="Not in the past.")
    ends_at: Moment
    evses: Evses = Field(default=[], description="Empty: the whole station.")
    locks: bool = Field(default=False, description="Needs the right to send commands; 7 days.")
    test_tokens: Tokens = Field(default=[], description="Only for the whole station, locked.")
    comment: Comment = ""


class WindowChange(Body):
    """What changes of a maintenance window; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"example": {"ends_at": "2026-12-01T11:00:00Z"}})

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    evses: Evses | None = None
    locks: bool | None = None
    test_tokens: Tokens | None = None
    comment: Comment | None = None


@router.get("/maintenance-windows", summary="List maintenance windows")
async def list_windows(
    db: Db,
    now: Now,
    caller: Reader,
    station: Annotated[str | None, Query(max_length=48)] = None,
    state: WindowState | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[WindowModel]:
    """The newest first."""
    behind = paging.decoded(cursor, int)
    found = await maintenance_store.windows(
        db,
        caller.scope,
        station=None if station is None else StationId(station),
        states=() if state is None else (state,),
        now=now,
        after=None if behind is None else behind[0],
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each, now), key=lambda each: (each.id,)
    )


@router.post(
    "/stations/{identity:segment}/maintenance-windows",
    status_code=201,
    summary="Plan a maintenance window",
)
async def plan_window(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: WindowBody
) -> WindowModel:
    """While it lasts errors are stored and told to nobody; what is still wrong at its end is."""
    station = await _station(db, now, context, caller, identity)
    wanted = Plan(
        evses=tuple(body.evses),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        locks=body.locks,
        test_tokens=tuple(body.test_tokens),
        comment=body.comment,
    )
    return _shown(caller, await deeds.plan(db, caller, station, wanted, now=now), now)


@router.get("/maintenance-windows/{number}", summary="Get a maintenance window")
async def get_window(db: Db, now: Now, caller: Reader, number: Number) -> WindowModel:
    """As it stands."""
    return _shown(caller, await maintenance_store.window(db, caller.scope, number), now)


@router.patch("/maintenance-windows/{number}", summary="Change a maintenance window")
async def change_window(
    db: Db, now: Now, context: Context, caller: Writer, number: Number, body: WindowChange
) -> WindowModel:
    """Not one that is past. Of one that runs only its end, its comment and its test cards."""
    before = await maintenance_store.window(db, caller.scope, number)
    station = await _station(db, now, context, caller, before.station)
    given = body.model_dump(exclude_none=True)
    for name in ("evses", "test_tokens"):
        if name in given:
            given[name] = tuple(given[name])
    wanted = replace(before.plan, **given)
    return _shown(caller, await deeds.change(db, caller, station, before, wanted, now=now), now)


@router.delete("/maintenance-windows/{number}", summary="End a maintenance window")
async def end_window(db: Db, now: Now, caller: Writer, number: Number) -> WindowModel:
    """Now; one that has not begun is taken back."""
    before = await maintenance_store.window(db, caller.scope, number)
    return _shown(caller, await deeds.end(db, caller, before, now=now), now)


async def _station(db: Db, now: Now, context: Context, caller: Caller, identity: str) -> Station:
    station = await registry.station(db, caller.scope, identity, now, limits=limits(context))
    caller.must_see(station.organisation, "station", identity)
    return station


def _shown(caller: Caller, window: Window, now: Now) -> WindowModel:
    plan = window.plan
    return WindowModel(
        id=window.id,
        station=window.station,
        organisation=window.organisation,
        state=window.state(now),
        evses=list(plan.evses),
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        locks=plan.locks,
        test_tokens=[caller.personal(each) or each for each in plan.test_tokens],
        comment=plan.comment,
        created_at=window.created_at,
        created_by=caller.personal(window.created_by_name),
    )
