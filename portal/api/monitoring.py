"""Monitoring of a station: switched on and off, what it costs, and who is sent to the station."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field
from starlette.responses import Response

from accounts.permissions import Permission
from alerts import monitoring as alerts_monitoring
from alerts import monitoring_tasks
from alerts.activation import Hint
from alerts.monitoring import Technician
from alerts.monitoring_tasks import TaskKind
from billing.service_costs import ActivationCost
from billing.services import Per, Policy
from csms import registry
from csms.registry import Station
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal import monitoring as switching
from portal import paging
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.api.stations import limits
from portal.context import PortalContext
from portal.guard import Caller, require
from portal.monitoring import Monitored
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["monitoring"], route_class=ApiRoute)

Switcher = Annotated[Caller, Depends(require(Permission.MONITORING))]

_TASKS: Final[Mapping[TaskKind, Literal["send_stickers", "remove_stickers", "change_stickers"]]] = {
    TaskKind.SEND_STICKERS: "send_stickers",
    TaskKind.REMOVE_STICKERS: "remove_stickers",
    TaskKind.CHANGE_STICKERS: "change_stickers",
}

State = Literal["active", "inactive", "waiting_for_second_person"]


class CostModel(Answer):
    """What a station's monitoring costs, net."""

    this_month: MoneyModel = Field(
        description="If it is active on the last day of this month; a whole month, never a part."
    )
    per_month: MoneyModel
    per_year: MoneyModel
    price_list: str | None = Field(description="Null: no price was agreed, nothing is charged.")
    per: Per | None
    policy: Policy | None
    charged_on: date = Field(description="The last day of this month.")
    waived_if_off_by: date | None = Field(
        description="Switched off by the end of this day, the month is not charged."
    )
    charged_again: bool = Field(
        description="It was switched off in this month, which is charged again if it is on."
    )


class MonitoringModel(Answer):
    """A station's monitoring after the call."""

    station: str
    organisation: OrganisationKey = Field(description="Who pays: the station's owner.")
    state: State
    since: Moment | None
    changed: bool = Field(description="False: it was so before; nobody is told again.")
    cost: CostModel
    hints: list[Hint] = Field(description="What is to be seen to.")
    release: int | None = Field(description="The entry in the ledger of released costs.")


@router.get("/stations/{identity:segment}/monitoring", summary="Read a station's monitoring")
async def get_monitoring(
    db: Db, now: Now, context: Context, caller: Switcher, identity: str
) -> MonitoringModel:
    """With what it costs, or would cost if it were switched on now."""
    station = await _own(db, now, context, caller, identity)
    return _shown(station, await switching.read(db, station, now=now))


@router.put(
    "/stations/{identity:segment}/monitoring",
    summary="Switch a station's monitoring on",
    responses={
        202: {"model": MonitoringModel, "description": "A second person has to do so, too."}
    },
)
async def switch_on(
    db: Db, now: Now, context: Context, caller: Switcher, identity: str, response: Response
) -> MonitoringModel:
    """Needs the right to release costs, too. Refused while a charge point has no EVSE ID. A second
    call changes nothing, and nobody is told again."""
    switching.must_be_able_to_switch_on(caller)
    station = await _own(db, now, context, caller, identity)
    done = await switching.switch_on(db, station, by=caller.actor, now=now)
    if done.waits:
        response.status_code = 202
    return _shown(station, done)


@router.delete(
    "/stations/{identity:segment}/monitoring", summary="Switch a station's monitoring off"
)
async def switch_off(
    db: Db, now: Now, context: Context, caller: Switcher, identity: str
) -> MonitoringModel:
    """At once. The month in which it ends is not charged, unless the price list says so of a first
    month."""
    station = await _own(db, now, context, caller, identity)
    return _shown(station, await switching.switch_off(db, station, by=caller.actor, now=now))


def _shown(station: Station, read: Monitored) -> MonitoringModel:
    state: State = "inactive" if read.activation is None else "active"
    return MonitoringModel(
        station=station.identity,
        organisation=station.organisation,
        state="waiting_for_second_person" if read.waits else state,
        since=None if read.activation is None else read.activation.active_from,
        changed=read.changed,
        cost=_cost(read.cost),
        hints=list(read.hints),
        release=None if read.release is None else read.release.id,
    )


def _cost(cost: ActivationCost) -> CostModel:
    price = cost.price
    return CostModel(
        this_month=MoneyModel.of(cost.this_month),
        per_month=MoneyModel.of(cost.per_month),
        per_year=MoneyModel.of(cost.per_year),
        price_list=None if price is None else price.price_list,
        per=None if price is None else price.per,
        policy=None if price is None else price.policy,
        charged_on=cost.last_day,
        waived_if_off_by=None if cost.charged_in_any_case else cost.last_day,
        charged_again=cost.is_again,
    )


async def _own(db: Db, now: Now, context: PortalContext, caller: Caller, identity: str) -> Station:
    station = await registry.station(db, caller.scope, identity, now, limits=limits(context))
    caller.must_see(station.organisation, "station", identity)
    return station


# ------------------------------------------------------------------------------ technicians


class TechnicianBody(Body):
    """Who is sent to the station when a fault cannot be cleared from afar."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Frey GmbH",
                "phone": "+49 7131 100",
                "email": "dienst@frey.example",
            }
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=200)]
    phone: Annotated[str, Field(max_length=200)] | None = None
    email: Annotated[str, Field(max_length=200)] | None = None


class TechnicianModel(Answer):
    """Who is sent to the station."""

    station: str
    name: str | None
    phone: str | None
    email: str | None


class TaskModel(Answer):
    """What is to be done by hand at a station because its monitoring was switched."""

    station: str
    organisation: OrganisationKey
    task: Literal["store_technician", "send_stickers", "remove_stickers", "change_stickers"]


@router.get("/stations/{identity:segment}/technician", summary="Read who is sent to a station")
async def get_technician(
    db: Db, now: Now, context: Context, caller: Switcher, identity: str
) -> TechnicianModel:
    """His contact data, as the owner entered them."""
    station = await _own(db, now, context, caller, identity)
    found = await alerts_monitoring.technician(db, station.identity, station.organisation)
    if found is None:
        raise NotFound("technician", identity)
    return _technician(caller, station, found)


@router.put("/stations/{identity:segment}/technician", summary="Say who is sent to a station")
async def set_technician(
    db: Db, now: Now, context: Context, caller: Switcher, identity: str, body: TechnicianBody
) -> TechnicianModel:
    """Monitoring works without one, but asks for him."""
    station = await _own(db, now, context, caller, identity)
    wanted = Technician(body.name.strip(), body.phone or None, body.email or None)
    await alerts_monitoring.set_technician(
        db, station.identity, station.organisation, wanted, by=caller.actor, now=now
    )
    await caller.note(
        db,
        "technician.set",
        f"station/{identity}",
        organisation=station.organisation,
        after={"name": wanted.name},
        now=now,
    )
    return _technician(caller, station, wanted)


@router.get("/monitoring/tasks", summary="List what monitored stations lack")
async def list_tasks(
    db: Db, caller: Switcher, limit: paging.Limit = paging.DEFAULT_LIMIT
) -> Page[TaskModel]:
    """The monitored stations to which nobody can be sent, until a technician is stored; stickers
    that are to be sent to a station or removed from it, until somebody says that it is done."""
    lacking = await alerts_monitoring.without_technician(db, caller.scope, limit=limit)
    opened = await monitoring_tasks.open_tasks(db, caller.scope, limit=limit)
    found = [
        TaskModel(station=each.station, organisation=each.organisation, task="store_technician")
        for each in lacking
    ] + [
        TaskModel(station=each.station, organisation=each.organisation, task=_TASKS[each.kind])
        for each in opened
    ]
    return Page(items=found[:limit])


def _technician(caller: Caller, station: Station, found: Technician) -> TechnicianModel:
    return TechnicianModel(
        station=station.identity,
        name=caller.personal(found.name),
        phone=caller.personal(found.phone),
        email=caller.personal(found.email),
    )
