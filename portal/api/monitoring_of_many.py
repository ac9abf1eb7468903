"""Monitoring of many stations at once, with the sum of its cost; sticker sheets; tasks by hand."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from accounts.cost_releases import CostRelease
from accounts.permissions import Permission
from alerts import monitoring_tasks
from alerts.monitoring_tasks import TaskKind
from csms import registry
from csms.registry import Station
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId
from portal import monitoring as switching
from portal import monitoring_of_many, stickers
from portal.api.models import Answer, Body, MoneyModel
from portal.api.stations import limits
from portal.context import PortalContext
from portal.guard import Caller, require
from portal.monitoring_of_many import MOST_AT_ONCE, Candidate, Summary
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["monitoring"], route_class=ApiRoute)

Switcher = Annotated[Caller, Depends(require(Permission.MONITORING))]


class StationsBody(Body):
    """Stations of the caller's own side."""

    model_config = ConfigDict(json_schema_extra={"example": {"stations": ["CS-1", "CS-2"]}})

    stations: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=48)]],
        Field(min_length=1, max_length=MOST_AT_ONCE),
    ]


class ActivationBody(StationsBody):
    """Stations, and what the caller was told that they cost."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"stations": ["CS-1", "CS-2"], "told": "2 / 237.60 EUR"}}
    )

    told: Annotated[str, Field(max_length=300)] = Field(
        description="As the preview said it: it costs what the caller saw, or nothing is done."
    )


class CandidateModel(Answer):
    """What would become of a station."""

    station: StationId
    organisation: OrganisationKey = Field(description="Who pays.")
    outcome: Literal["switched_on", "active_already", "refused"]
    refusal: str | None = Field(description="Why not; names charge points without EVSE ID.")
    this_month: MoneyModel
    per_year: MoneyModel


class PreviewModel(Answer):
    """What switching these stations on costs, net, by currency."""

    stations: list[CandidateModel]
    this_month: list[MoneyModel]
    per_year: list[MoneyModel]
    told: str


class ActivationsModel(Answer):
    """What was switched on; each release is an entry in the ledger of released costs."""

    switched_on: list[StationId]
    releases_waiting: list[int] = Field(description="For a second person.")


class DeactivationsModel(Answer):
    """What was monitored until now."""

    switched_off: list[StationId]


@router.post("/monitoring/preview", summary="Tell what monitoring of many stations costs")
async def preview_monitoring(
    db: Db, now: Now, context: Context, caller: Switcher, body: StationsBody
) -> PreviewModel:
    """Nothing happens; the answer holds what the activation wants to be told."""
    chosen = await _own(db, now, context, caller, body)
    return _shown(await monitoring_of_many.preview(db, chosen, now=now))


@router.post("/monitoring/activations", summary="Switch the monitoring of many stations on")
async def activate_many(
    db: Db, now: Now, context: Context, caller: Switcher, body: ActivationBody
) -> ActivationsModel:
    """Of those that can be; needs the right to release costs. One release for each organisation
    that pays: its sum decides whether a second person is needed."""
    switching.must_be_able_to_switch_on(caller)
    chosen = await _own(db, now, context, caller, body)
    done = await monitoring_of_many.switch_on(db, chosen, told=body.told, by=caller.actor, now=now)
    return ActivationsModel(
        switched_on=[each.activation.station for each in done.switched if each.activation],
        releases_waiting=[_number(each) for each in done.waiting],
    )


@router.post("/monitoring/deactivations", summary="Switch the monitoring of many stations off")
async def deactivate_many(
    db: Db, now: Now, context: Context, caller: Switcher, body: StationsBody
) -> DeactivationsModel:
    """At once."""
    chosen = await _own(db, now, context, caller, body)
    done = await monitoring_of_many.switch_off(db, chosen, by=caller.actor, now=now)
    return DeactivationsModel(switched_off=done)


def _number(release: CostRelease) -> int:
    return release.id


def _shown(summary: Summary) -> PreviewModel:
    return PreviewModel(
        stations=[_candidate(each) for each in summary.candidates],
        this_month=[MoneyModel.of(each) for each in summary.this_month],
        per_year=[MoneyModel.of(each) for each in summary.per_year],
        told=summary.told,
    )


def _candidate(each: Candidate) -> CandidateModel:
    outcome: Literal["switched_on", "active_already", "refused"] = "switched_on"
    if each.is_active:
        outcome = "active_already"
    elif each.refusal is not None:
        outcome = "refused"
    return CandidateModel(
        station=each.station.identity,
        organisation=each.station.organisation,
        outcome=outcome,
        refusal=None if each.refusal is None or each.is_active else str(each.refusal),
        this_month=MoneyModel.of(each.cost.this_month),
        per_year=MoneyModel.of(each.cost.per_year),
    )


async def _own(
    db: Db, now: Now, context: PortalContext, caller: Caller, body: StationsBody
) -> list[Station]:
    wanted = sorted(set(body.stations))
    found = await registry.stations(
        db, caller.scope, now, limits=limits(context), identities=wanted, limit=MOST_AT_ONCE
    )
    own = {each.identity: each for each in found if caller.scope.covers(each.organisation)}
    for each in wanted:
        if each not in own:
            raise NotFound("station", each)
    return list(own.values())


# ------------------------------------------------------------------------- stickers and tasks


async def _one(db: Db, now: Now, context: PortalContext, caller: Caller, identity: str) -> Station:
    station = await registry.station(db, caller.scope, identity, now, limits=limits(context))
    caller.must_see(station.organisation, "station", identity)
    return station


@router.get(
    "/stations/{identity:segment}/monitoring/stickers", summary="Get a station's sticker sheet"
)
async def get_stickers(
    db: Db,
    now: Now,
    context: Context,
    caller: Switcher,
    identity: str,
    language: Annotated[Literal["en", "de"], Query()] = "en",
) -> Response:
    """A page for each charge point, with stickers of several sizes: hotline, EVSE ID, QR code.
    Only while the station is monitored."""
    station = await _one(db, now, context, caller, identity)
    made = await stickers.sticker_sheet(db, context.settings, station, language=language)
    return Response(made, media_type="application/pdf")


@router.post(
    "/stations/{identity:segment}/monitoring/tasks/{kind}/done",
    status_code=204,
    summary="Note that a task at a station is done",
)
async def task_done(
    db: Db, now: Now, context: Context, caller: Switcher, identity: str, kind: TaskKind
) -> None:
    """Stickers were sent, or were removed."""
    station = await _one(db, now, context, caller, identity)
    owner = await monitoring_tasks.done(
        db, caller.scope, station.identity, kind, by=caller.actor, now=now
    )
    await caller.note(
        db,
        "monitoring.task_done",
        f"station/{station.identity}",
        organisation=owner,
        after={"task": kind},
        now=now,
    )
