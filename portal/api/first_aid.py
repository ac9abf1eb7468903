"""First aid: playbooks of what is tried by itself, and what was tried for an alert."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from alerts import alerting
from alerts.detections import Detection
from alerts.steps import LONGEST_OUT, USUALLY_OUT
from foundation.identifiers import OrganisationKey, StationId
from portal import first_aid_deeds as deeds
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from support import first_aid_store
from support.first_aid import (
    LONGEST_NAME,
    LONGEST_SETTLING,
    MOST_CAUSES,
    MOST_PER_DAY,
    SETTLES_MIN,
    End,
    Outcome,
    Playbook,
    Result,
    Run,
    Step,
    Try,
    Wait,
    WaitsFor,
)
from support.first_aid_rehearsal import Hindrance

router = APIRouter(tags=["first aid"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]


class PlaybookBody(Body):
    """What is tried, for what, where."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organisation": "stadtwerke",
                "name": "Stuck locks",
                "detection": "fault",
                "causes": ["ConnectorLockFailure"],
                "steps": ["unlock", "soft_reset"],
                "per_day": 3,
                "is_on": True,
            }
        }
    )

    organisation: OrganisationKey = Field(description="For its stations and those below it.")
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    detection: Detection
    causes: list[Annotated[str, Field(max_length=200)]] = Field(
        default=[], max_length=MOST_CAUSES, description="Empty: whatever the watch finds."
    )
    vendor: Annotated[str, Field(max_length=100)] = ""
    model: Annotated[str, Field(max_length=100)] = ""
    steps: list[Step] = Field(
        max_length=10, description="Each once, the next one stronger: a playbook never loops."
    )
    per_day: Annotated[int, Field(ge=1, le=MOST_PER_DAY)] = Field(
        description="How many steps a station gets in a day of its own time zone."
    )
    settles_min: Annotated[int, Field(ge=1, le=LONGEST_SETTLING)] = Field(
        default=SETTLES_MIN,
        description="Minutes after a step at which it is looked whether the fault is still there.",
    )
    out_hours: Annotated[int, Field(ge=1, le=LONGEST_OUT)] = Field(
        default=USUALLY_OUT,
        description="After how many hours a station that is put out of service is put back.",
    )
    is_on: bool = False


class PlaybookModel(Answer):
    """A playbook. It holds at stations whose service package gives first aid."""

    id: int
    organisation: OrganisationKey
    name: str
    detection: Detection
    causes: list[str]
    vendor: str
    model: str
    steps: list[Step]
    per_day: int
    settles_min: int
    out_hours: int
    is_on: bool


class StepModel(Answer):
    """A step that was tried."""

    step: Step
    asked_at: Moment
    command_id: str | None = Field(description="Null: it could not be asked for.")
    result: Result | None = Field(description="Null: its command is under way.")
    note: str | None
    ended_at: Moment | None


class RunModel(Answer):
    """First aid for one fault of an alert: the trail of what was tried."""

    id: int
    alert: int
    station: StationId
    evse_id: int | None
    playbook: int
    steps: list[Step]
    began_at: Moment
    waits_for: WaitsFor | None = Field(description="Why nothing is done at the moment.")
    outcome: Outcome | None = Field(description="Null: it goes on.")
    over_at: Moment | None
    tried: list[StepModel]


@router.get("/playbooks", summary="List playbooks")
async def list_playbooks(db: Db, caller: Reader) -> Page[PlaybookModel]:
    """All of them."""
    found = await first_aid_store.playbooks(db, caller.scope)
    return Page(items=[_shown(each) for each in found], next=None)


@router.post("/playbooks", status_code=201, summary="Write a playbook")
async def add_playbook(db: Db, now: Now, caller: Writer, body: PlaybookBody) -> PlaybookModel:
    """Off, unless it is said to be on. Needs the right to send commands, too."""
    return _shown(await deeds.put(db, caller, _wanted(body, 0), now=now))


@router.put("/playbooks/{number}", summary="Change a playbook")
async def change_playbook(
    db: Db, now: Now, caller: Writer, number: Number, body: PlaybookBody
) -> PlaybookModel:
    """What is under way goes on with the steps that it began with, unless it is switched off."""
    before = await first_aid_store.playbook(db, caller.scope, number)
    wanted = _wanted(body, before.id)
    caller.must_see(before.organisation, "playbook", str(number))
    return _shown(await deeds.put(db, caller, wanted, now=now))


@router.delete("/playbooks/{number}", status_code=204, summary="Take a playbook away")
async def retire_playbook(db: Db, now: Now, caller: Writer, number: Number) -> None:
    """What was done by it stays on file."""
    await deeds.retire(db, caller, number, now=now)


class RehearsalBody(Body):
    """Where a playbook is tried out."""

    model_config = ConfigDict(json_schema_extra={"example": {"station": "DE-HN-014"}})

    station: Annotated[str, Field(min_length=1, max_length=48)]
    evse_id: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=1, description="Where the fault would be; 0: the station itself."
    )


class AskedModel(Answer):
    """What a step would ask of the station."""

    step: Step
    action: str | None = Field(description="Null: the step means nothing there.")
    payload: dict[str, Any] | None


class RehearsalModel(Answer):
    """What a playbook would do at a station now; nothing is asked of it."""

    station: StationId
    hindrances: list[Hindrance] = Field(
        description="Why it would not begin at all: it would not even with the fault."
    )
    waits_for: WaitsFor | None = Field(description="What the first step would wait for.")
    first: Step | None = Field(description="What would be tried at once.")
    outcome: Outcome | None = Field(description="How it would end at once.")
    used_today: int
    steps: list[AskedModel]


@router.post("/playbooks/{number}/rehearse", summary="Try a playbook out at a station")
async def rehearse_playbook(
    db: Db, now: Now, caller: Writer, number: Number, body: RehearsalBody
) -> RehearsalModel:
    """What it would do there now if the watch found what it is about; nothing is asked."""
    playbook = await first_aid_store.playbook(db, caller.scope, number)
    found = await deeds.rehearse(
        db, caller, playbook, StationId(body.station), body.evse_id, now=now
    )
    return RehearsalModel(
        station=found.station,
        hindrances=list(found.hindrances),
        waits_for=found.deed.why if isinstance(found.deed, Wait) else None,
        first=found.deed.step if isinstance(found.deed, Try) else None,
        outcome=found.deed.outcome if isinstance(found.deed, End) else None,
        used_today=found.used_today,
        steps=[
            AskedModel(
                step=each.step,
                action=None if each.wanted is None else each.wanted[0],
                payload=None if each.wanted is None else dict(each.wanted[1]),
            )
            for each in found.asks
        ],
    )


@router.get("/alerts/{number}/first-aid", summary="Get what was tried for an alert")
async def get_first_aid(db: Db, caller: Reader, number: Number) -> Page[RunModel]:
    """The newest first."""
    await alerting.alert(db, caller.scope, number)
    found = await first_aid_store.runs_of(db, caller.scope, alerts=[number], limit=200)
    return Page(items=[_run(each) for each in found], next=None)


def _wanted(body: PlaybookBody, number: int) -> Playbook:
    return Playbook(
        id=number,
        organisation=body.organisation,
        name=body.name,
        detection=body.detection,
        causes=tuple(body.causes),
        vendor=body.vendor,
        model=body.model,
        steps=tuple(body.steps),
        per_day=body.per_day,
        settles_min=body.settles_min,
        out_hours=body.out_hours,
        is_on=body.is_on,
    )


def _shown(each: Playbook) -> PlaybookModel:
    return PlaybookModel(
        id=each.id,
        organisation=each.organisation,
        name=each.name,
        detection=each.detection,
        causes=list(each.causes),
        vendor=each.vendor,
        model=each.model,
        steps=list(each.steps),
        per_day=each.per_day,
        settles_min=each.settles_min,
        out_hours=each.out_hours,
        is_on=each.is_on,
    )


def _run(run: Run) -> RunModel:
    return RunModel(
        id=run.id,
        alert=run.alert,
        station=run.station,
        evse_id=run.evse_id,
        playbook=run.playbook,
        steps=list(run.steps),
        began_at=run.began_at,
        waits_for=run.waits_for,
        outcome=run.outcome,
        over_at=run.over_at,
        tried=[
            StepModel(
                step=each.step,
                asked_at=each.asked_at,
                command_id=each.command_id,
                result=each.result,
                note=each.note,
                ended_at=each.ended_at,
            )
            for each in run.tried
        ],
    )
