"""Load balancing of locations: how much may be drawn, who has how much of it, and why."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field
from starlette.responses import Response

from accounts.permissions import Permission
from csms import load_balancers
from csms.balancing import LimitReason, Settings, Strategy, Why, Window
from csms.load_balancers import Balancer, Decision, OutsideSignal, Point
from portal import balancing_doors, paging
from portal.api.models import Answer, Body, Moment, Number, Quantity
from portal.balancing_doors import Balanced, clock_of
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/locations", tags=["load balancing"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.LOCATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.LOCATIONS_WRITE))]
Amperes = Annotated[int, Field(ge=0, le=10_000)]
EvseNumber = Annotated[int, Path(ge=1, le=10**6)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


class WindowModel(Body):
    """A limit of its own on some days of the week, in the location's time zone."""

    days: Annotated[list[int], Field(min_length=1, max_length=7)] = Field(
        description="1 (Monday) to 7."
    )
    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to", description="Past midnight where it is before `from`.")
    limit_a: Amperes


class SettingsBody(Body):
    """How a location is balanced; amperes for each phase."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "is_on": True,
                "limit_a": 63,
                "strategy": "fair",
                "minimum_a": 6,
                "fallback_a": 6,
                "change_every_s": 60,
                "windows": [
                    {"days": [1, 2, 3, 4, 5], "from": "17:00", "to": "20:00", "limit_a": 32}
                ],
            }
        }
    )

    is_on: bool
    limit_a: Amperes = Field(description="What the grid connection carries in each phase.")
    strategy: Strategy = Strategy.FAIR
    minimum_a: Amperes = Field(6, description="Less is not offered: who would get less waits.")
    fallback_a: Amperes = Field(
        0, description="What each charge point keeps to without us; 0: it does not charge then."
    )
    change_every_s: Annotated[int, Field(ge=10, le=3600)] = 60
    windows: Annotated[list[WindowModel], Field(max_length=50)] = Field(default=[])


class SignalBody(Body):
    """What somebody outside says for a time: one of the three values."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "source": "grid operator",
                "limit_w": "4200",
                "ends_at": "2099-11-20T18:00:00Z",
            }
        }
    )

    source: Annotated[str, Field(min_length=1, max_length=100)]
    limit_a: Bounded | None = Field(None, description="For each phase, of all charging.")
    limit_w: Bounded | None = Field(None, description="Of all charging together.")
    used_a: Bounded | None = Field(
        None, description="What else hangs on the connection, of the phase that carries most."
    )
    starts_at: Moment | None = Field(None, description="Null: now.")
    ends_at: Moment


class PointBody(Body):
    """What is particular to a charge point."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"most_a": 16, "priority": 5, "rotation": "STR"}}
    )

    most_a: Annotated[int, Field(ge=6, le=1000)] | None = Field(
        None, description="Null: as its connectors say."
    )
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    rotation: Annotated[str, Field(pattern="^(RST|STR|TRS)$")] = "RST"


class SignalModel(Answer):
    """A signal that holds, or is to come."""

    id: int
    source: str
    limit_a: Quantity | None
    limit_w: Quantity | None
    used_a: Quantity | None
    starts_at: Moment
    ends_at: Moment
    told_at: Moment
    told_by: str


class PointModel(Answer):
    """A charge point of the location."""

    station: str
    evse_id: int
    most_a: int | None = Field(description="Null: nobody knows what it carries.")
    priority: int
    rotation: str


class ShareModel(Answer):
    """What a charge point might draw, and why."""

    station: str
    evse_id: int
    limit_a: int
    why: Why
    phases: list[int] = Field(description="Of the location, that its vehicle uses.")
    measured_a: Quantity | None


class DecisionModel(Answer):
    """What was decided; amperes are of the phase that carries most."""

    decided_at: Moment
    limit_a: Quantity
    limit_w: Quantity | None
    reason: LimitReason
    allowed_a: Quantity
    taken_a: Quantity | None
    shares: list[ShareModel]


class LimitModel(Answer):
    """What charging may draw now."""

    per_phase_a: Quantity
    total_w: Quantity | None
    reason: LimitReason


class WindowShown(Answer):
    """A limit of its own on some days of the week."""

    days: list[int]
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")
    limit_a: int


class SettingsModel(Answer):
    """How a location is balanced; amperes for each phase."""

    limit_a: int
    strategy: Strategy
    minimum_a: int
    fallback_a: int
    change_every_s: int
    windows: list[WindowShown]
    set_at: Moment
    set_by: str


class LoadBalancingModel(Answer):
    """How a location is balanced, and how it stands."""

    location: str
    is_on: bool
    settings: SettingsModel | None = Field(description="Null: it was never set up.")
    now: LimitModel | None = Field(description="What may be drawn; null as `settings`.")
    signals: list[SignalModel]
    points: list[PointModel]
    last_decision: DecisionModel | None


@router.get("/{key:segment}/load-balancing", summary="Get a location's load balancing")
async def get_load_balancing(db: Db, now: Now, caller: Reader, key: str) -> LoadBalancingModel:
    """How it is set up, what may be drawn now, and who has how much of it."""
    return _shown(await balancing_doors.balanced(db, now, caller, key))


@router.put("/{key:segment}/load-balancing", summary="Set up a location's load balancing")
async def put_load_balancing(
    db: Db, now: Now, caller: Writer, key: str, body: SettingsBody
) -> LoadBalancingModel:
    """Switching it on is the order that what stations are told rests on; off takes it back."""
    settings = Settings(
        limit_a=body.limit_a,
        strategy=body.strategy,
        minimum_a=body.minimum_a,
        fallback_a=body.fallback_a,
        change_every=timedelta(seconds=body.change_every_s),
        windows=tuple(
            Window(frozenset(each.days), minute_of(each.start), minute_of(each.end), each.limit_a)
            for each in body.windows
        ),
    )
    await balancing_doors.set_up(db, now, caller, key, settings, is_on=body.is_on)
    return _shown(await balancing_doors.balanced(db, now, caller, key))


@router.get("/{key:segment}/load-balancing/decisions", summary="List a location's load decisions")
async def list_decisions(
    db: Db,
    caller: Reader,
    key: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[DecisionModel]:
    """The newest first; kept for 90 days."""
    await balancing_doors.seen(db, caller, key)
    before = paging.decoded(cursor, int)
    found = await load_balancers.decisions(
        db, key, before=before[0] if before else None, limit=limit + 1
    )
    return paging.page(found, limit, shown=_decision, key=lambda each: (each.id,))


@router.post(
    "/{key:segment}/load-balancing/signals", status_code=201, summary="Signal a location's limit"
)
async def add_signal(db: Db, now: Now, caller: Writer, key: str, body: SignalBody) -> SignalModel:
    """What a network operator allows for a time, or what the building takes of the connection."""
    made = await balancing_doors.signal(
        db,
        now,
        caller,
        key,
        source=body.source,
        limit_a=body.limit_a,
        limit_w=body.limit_w,
        used_a=body.used_a,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
    )
    return _signal(made)


@router.delete(
    "/{key:segment}/load-balancing/signals/{number:int}",
    status_code=204,
    summary="End a location's signal",
)
async def end_signal(db: Db, now: Now, caller: Writer, key: str, number: Number) -> Response:
    """It holds no longer; one that has not begun is taken back."""
    await balancing_doors.end_signal(db, now, caller, key, number)
    return Response(status_code=204)


@router.put(
    "/{key:segment}/load-balancing/points/{station:segment}/{evse_id:int}",
    summary="Set what is particular to a charge point",
)
async def put_point(
    db: Db, now: Now, caller: Writer, key: str, station: str, evse_id: EvseNumber, body: PointBody
) -> PointModel:
    """What it carries, its priority, and how its phases lie on the connection."""
    made = await balancing_doors.set_point(
        db,
        now,
        caller,
        key,
        station,
        evse_id,
        most_a=body.most_a,
        priority=body.priority,
        rotation=body.rotation,
    )
    return _point(made)


def minute_of(clock: str) -> int:
    """Return the minute of the day that HH:MM is."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _shown(found: Balanced) -> LoadBalancingModel:
    limit = found.limit
    return LoadBalancingModel(
        location=found.location.key,
        is_on=found.balancer is not None and found.balancer.is_on,
        settings=None if found.balancer is None else _settings(found.balancer),
        now=None
        if limit is None
        else LimitModel(per_phase_a=limit.per_phase_a, total_w=limit.total_w, reason=limit.reason),
        signals=[_signal(each) for each in found.signals],
        points=[_point(each) for each in found.points],
        last_decision=None if found.last is None else _decision(found.last),
    )


def _settings(made: Balancer) -> SettingsModel:
    settings = made.settings
    return SettingsModel(
        limit_a=settings.limit_a,
        strategy=settings.strategy,
        minimum_a=settings.minimum_a,
        fallback_a=settings.fallback_a,
        change_every_s=int(settings.change_every.total_seconds()),
        windows=[
            WindowShown(
                days=sorted(each.days),
                start=clock_of(each.from_minute),
                end=clock_of(each.to_minute),
                limit_a=each.limit_a,
            )
            for each in settings.windows
        ],
        set_at=made.set_at,
        set_by=made.set_by,
    )


def _signal(made: OutsideSignal) -> SignalModel:
    return SignalModel(
        id=made.id,
        source=made.source,
        limit_a=made.limit_a,
        limit_w=made.limit_w,
        used_a=made.used_a,
        starts_at=made.starts_at,
        ends_at=made.ends_at,
        told_at=made.told_at,
        told_by=made.told_by,
    )


def _point(made: Point) -> PointModel:
    return PointModel(
        station=made.station,
        evse_id=made.evse_id,
        most_a=made.most_a,
        priority=made.priority,
        rotation=made.rotation,
    )


def _decision(made: Decision) -> DecisionModel:
    return DecisionModel(
        decided_at=made.decided_at,
        limit_a=made.limit_a,
        limit_w=made.limit_w,
        reason=made.reason,
        allowed_a=made.allowed_a,
        taken_a=made.taken_a,
        shares=[
            ShareModel(
                station=each.station,
                evse_id=each.evse_id,
                limit_a=each.limit_a,
                why=each.why,
                phases=list(each.phases),
                measured_a=each.measured_a,
            )
            for each in made.shares
        ],
    )
