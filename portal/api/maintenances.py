"""Yearly maintenances: when each is due by the station's package, and planning them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from foundation.identifiers import OrganisationKey, StationId
from portal import paging, visit_doors
from portal.api.models import Answer, Body
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from support import yearly_maintenance
from support.yearly_maintenance import MaintenanceState, YearlyMaintenance

router = APIRouter(prefix="/maintenances", tags=["support"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]

PLANNED_AT_ONCE = 500


class MaintenanceModel(Answer):
    """The yearly maintenance of a station."""

    station: StationId
    organisation: OrganisationKey
    package: str
    is_free: bool
    state: MaintenanceState = Field(description="`due`: within a month.")
    last_on: date | None = Field(description="Null: it never had one.")
    due_on: date
    ticket: int | None = Field(description="Of the one that is planned.")
    visit: int | None


class MaintenancesBody(Body):
    """Stations whose maintenance is to be planned."""

    model_config = ConfigDict(json_schema_extra={"example": {"stations": ["DE-HN-014"]}})

    stations: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=48)]],
        Field(min_length=1, max_length=PLANNED_AT_ONCE),
    ]


class PlannedModel(Answer):
    """The ticket of a planned maintenance."""

    station: StationId
    ticket: int
    is_new: bool = Field(description="False: it was planned already.")


class PlannedAll(Answer):
    """What was planned, by station."""

    planned: list[PlannedModel]


@router.get("", summary="List yearly maintenances")
async def list_maintenances(
    db: Db,
    now: Now,
    caller: Reader,
    state: MaintenanceState | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[MaintenanceModel]:
    """Of stations whose service package has one, the soonest due first."""
    behind = paging.decoded(cursor, str, str)
    known = await yearly_maintenance.maintenances(db, caller.scope, now=now)
    found = [
        each
        for each in known
        if state in (None, each.state)
        and (behind is None or (each.due_on.isoformat(), each.station) > behind)
    ]
    return paging.page(
        found[: limit + 1],
        limit,
        shown=_shown,
        key=lambda each: (each.due_on.isoformat(), each.station),
    )


@router.post("", status_code=201, summary="Plan yearly maintenances")
async def plan_maintenances(db: Db, now: Now, caller: Writer, body: MaintenancesBody) -> PlannedAll:
    """Each becomes a ticket with a visit; what is planned already keeps its own."""
    made = await visit_doors.plan_maintenances(db, caller, sorted(set(body.stations)), now=now)
    return PlannedAll(
        planned=[
            PlannedModel(station=station, ticket=ticket, is_new=is_new)
            for station, ticket, is_new in made
        ]
    )


def _shown(each: YearlyMaintenance) -> MaintenanceModel:
    return MaintenanceModel(
        station=each.station,
        organisation=each.organisation,
        package=each.package,
        is_free=each.is_free,
        state=each.state,
        last_on=each.last_on,
        due_on=each.due_on,
        ticket=each.ticket,
        visit=each.visit,
    )
