"""When a station counts as pending and as offline, and what probes did before an alarm."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms.connectivity import SilenceLimits
from csms.registry import Station
from foundation.errors import InvalidInput
from portal.api.models import Answer, Body
from portal.guard import Caller, require
from portal.meter_doors import own, seen
from portal.routes import ApiRoute, Context, Db, Now
from portal.silence_doors import Reachability, reachability, set_limits

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]


class ProbesModel(Answer):
    """How the probes of the past 30 days ended."""

    saved: int = Field(description="The station answered: nobody was alarmed.")
    closed: int = Field(description="Its connection was dead.")
    no_answer: int = Field(description="It was connected, and did not answer.")


class SilenceLimitsModel(Answer):
    """The limits that hold for a station."""

    pending_after_s: int
    offline_after_s: int
    is_own: bool = Field(description="False: those of the installation.")
    heartbeat_interval_s: int = Field(description="Limits must be longer than this.")
    probes: ProbesModel


class SilenceLimitsBody(Body):
    """Limits of a station's own; both null: those of the installation hold again."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"pending_after_s": 3600, "offline_after_s": 7200}}
    )

    pending_after_s: Annotated[int, Field(ge=1, le=604800)] | None
    offline_after_s: Annotated[int, Field(ge=1, le=604800)] | None


@router.get("/{identity:segment}/silence-limits", summary="Get a station's limits of silence")
async def get_limits(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> SilenceLimitsModel:
    """After how long without any message it is pending, and offline."""
    station: Station = await seen(db, now, context, caller, identity)
    return _shown(await reachability(db, now, context, caller, station))


@router.put("/{identity:segment}/silence-limits", summary="Set a station's limits of silence")
async def put_limits(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: SilenceLimitsBody
) -> SilenceLimitsModel:
    """Pending must be longer than the station's heartbeat interval, and offline than pending."""
    station = await own(db, now, context, caller, identity)
    pending_s, offline_s = body.pending_after_s, body.offline_after_s
    limits = None
    if pending_s is not None and offline_s is not None:
        limits = SilenceLimits(timedelta(seconds=pending_s), timedelta(seconds=offline_s))
    elif pending_s is not None or offline_s is not None:
        missing = "pending_after_s" if pending_s is None else "offline_after_s"
        raise InvalidInput("Both limits are set, or neither.", field=missing)
    await set_limits(db, now, context, caller, station, limits)
    return _shown(await reachability(db, now, context, caller, station))


def _shown(found: Reachability) -> SilenceLimitsModel:
    return SilenceLimitsModel(
        pending_after_s=int(found.limits.pending_after.total_seconds()),
        offline_after_s=int(found.limits.offline_after.total_seconds()),
        is_own=found.is_own,
        heartbeat_interval_s=found.heartbeat_interval_s,
        probes=ProbesModel(
            saved=found.probes.saved,
            closed=found.probes.closed,
            no_answer=found.probes.no_answer,
        ),
    )
