"""Charging profiles of stations: which are known, what they come to, and a plain limit."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms.charging_profiles import Hindrance, Kind, UncomputableProfile, Unit
from csms.composite_schedule import LONGEST_S, Composite
from csms.known_profiles import KnownProfile, OwnAnswer, Source
from portal import certificate_doors, profile_doors
from portal.api.models import Answer, Body, Moment, Quantity
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.COMMANDS_CONFIGURE))]


class LimitBody(Body):
    """A plain limit for a time."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "evse_id": 1,
                "unit": "A",
                "limit": "10",
                "ends_at": "2099-11-20T18:00:00Z",
                "level": 1,
            }
        }
    )

    evse_id: Annotated[int, Field(ge=0, le=10**6)] = Field(
        0, description="0: all of the station together; else each session at this EVSE."
    )
    unit: Unit = Field(Unit.A, description="Amperes of each phase, or watts of all phases.")
    limit: Bounded
    starts_at: Moment | None = Field(None, description="Null: now.")
    ends_at: Moment
    level: Annotated[int, Field(ge=0, le=9)] = Field(
        1, description="The stack level: of two limits for the same purpose the higher one holds."
    )
    change_order: Annotated[str, Field(max_length=50)] | None = None


class BegunModel(Answer):
    """The command that tells the station."""

    command: str
    state: str


class PeriodModel(Answer):
    """A limit from so many seconds after the schedule's start on."""

    start_s: int
    limit: Quantity
    phases: int | None = Field(description="Null: three, or direct current.")


class ProfileModel(Answer):
    """A charging profile that a station has, or a limit that others set."""

    number: str
    source: Source = Field(
        description="reported: by the station; sent: by us, and accepted, but never reported;"
        " notified: a limit of others."
    )
    limiter: str | None = Field(description="Who set it, as the station says: EMS, SO, CSO.")
    evse_id: int = Field(description="0: the whole station.")
    purpose: str | None
    kind: Kind
    level: int
    unit: Unit
    periods: list[PeriodModel]
    starts_at: datetime | None = Field(description="Without an offset where it is local time.")
    duration_s: int | None
    valid_from: Moment | None
    valid_to: Moment | None
    transaction: str | None = Field(description="By the station's own name.")
    hindrance: Hindrance | None = Field(description="Why it cannot be computed by us.")
    told_at: Moment


class StepModel(Answer):
    """What may be drawn from so many seconds on."""

    start_s: int
    limit: Quantity | None = Field(description="Null: no profile limits it.")
    phases: int | None
    profiles: list[str] = Field(description="Those that it follows from; of ours alone.")


class ScheduleModel(Answer):
    """What may be drawn over a time."""

    starts_at: Moment
    duration_s: int
    unit: Unit
    steps: list[StepModel]


class RefusalModel(Answer):
    """The profile that cannot be computed by us, and why."""

    profile: str
    why: Hindrance


class DifferenceModel(Answer):
    """Where the station would charge otherwise than by our figures."""

    starts_at: Moment
    ends_at: Moment
    theirs: Quantity
    ours: Quantity


class OwnAnswerModel(Answer):
    """The station's last answer to GetCompositeSchedule, beside ours of that moment."""

    answered_at: Moment
    theirs: ScheduleModel | None = Field(description="Null: it named none that can be compared.")
    ours: ScheduleModel | None
    refused: RefusalModel | None
    differences: list[DifferenceModel]


class ProfilesModel(Answer):
    """Which profiles of a station are known, and what they come to from now on."""

    profiles: list[ProfileModel]
    evse_id: int
    composite: ScheduleModel | None
    refused: RefusalModel | None = Field(description="Why there is no composite.")
    answer: OwnAnswerModel | None


@router.get(
    "/{identity:segment}/charging-profiles", summary="List charging profiles and their composite"
)
async def list_profiles(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    identity: str,
    evse_id: Annotated[int, Query(ge=0, le=10**6, description="0: the whole station.")] = 0,
    unit: Unit = Unit.A,
    duration_s: Annotated[int, Query(ge=1, le=LONGEST_S)] = profile_doors.DAY_S,
) -> ProfilesModel:
    """What is known, and the composite schedule from now on; asks the station nothing. For that,
    send GetChargingProfiles or GetCompositeSchedule as a command."""
    station = await certificate_doors.found(db, now, context, caller, identity)
    found = await profile_doors.shown(db, now, station, evse_id, unit, duration_s)
    return ProfilesModel(
        profiles=[_profile(each) for each in found.profiles],
        evse_id=evse_id,
        composite=_schedule(found.ours),
        refused=_refusal(found.refused),
        answer=None if found.answer is None else _answer(found.answer),
    )


@router.post(
    "/{identity:segment}/charging-limits", status_code=202, summary="Set a plain charging limit"
)
async def set_charging_limit(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: LimitBody
) -> BegunModel:
    """As a charging profile that lapses; what became of it is told of the command."""
    station = await certificate_doors.found(db, now, context, caller, identity)
    command = await profile_doors.set_limit(
        db,
        now,
        caller,
        station,
        evse_id=body.evse_id,
        unit=body.unit,
        limit=Decimal(body.limit),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        level=body.level,
        change_order=body.change_order,
        reason="api",
    )
    return BegunModel(command=command.id, state=command.state)


def _profile(known: KnownProfile) -> ProfileModel:
    made = known.profile
    return ProfileModel(
        number=made.number,
        source=known.source,
        limiter=known.limiter,
        evse_id=made.evse_id,
        purpose=made.purpose,
        kind=made.kind,
        level=made.level,
        unit=made.unit,
        periods=[
            PeriodModel(start_s=each.start_s, limit=each.limit, phases=each.phases)
            for each in made.periods
        ],
        starts_at=made.starts_at,
        duration_s=made.duration_s,
        valid_from=made.valid_from,
        valid_to=made.valid_to,
        transaction=made.transaction,
        hindrance=made.hindrance,
        told_at=known.told_at,
    )


def _schedule(made: Composite | None) -> ScheduleModel | None:
    if made is None:
        return None
    return ScheduleModel(
        starts_at=made.starts_at,
        duration_s=made.duration_s,
        unit=made.unit,
        steps=[
            StepModel(
                start_s=each.start_s,
                limit=each.limit,
                phases=each.phases,
                profiles=list(each.profiles),
            )
            for each in made.steps
        ],
    )


def _refusal(error: UncomputableProfile | None) -> RefusalModel | None:
    return None if error is None else RefusalModel(profile=error.profile, why=error.why)


def _answer(told: OwnAnswer) -> OwnAnswerModel:
    return OwnAnswerModel(
        answered_at=told.answered_at,
        theirs=_schedule(told.theirs),
        ours=_schedule(told.ours),
        refused=_refusal(told.refused),
        differences=[
            DifferenceModel(
                starts_at=each.starts_at,
                ends_at=each.ends_at,
                theirs=each.theirs,
                ours=each.ours,
            )
            for each in told.differences
        ],
    )
