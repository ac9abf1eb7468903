"""What a playbook would do at a station now, if the watch found what it is about: a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import registry
from csms.connectivity import SilenceLimits
from csms.registry import Station
from foundation.identifiers import StationId
from support import first_aid, first_aid_store
from support.first_aid import End, Playbook, Run, Step, Try, Wait
from support.first_aiding import facts_of, is_looked_after, upwards


class Hindrance(StrEnum):
    """Why a playbook would not begin at a station at all."""

    OFF = "off"
    ELSEWHERE = "elsewhere"
    """The station is none of its organisation's, or of one below it."""
    OTHER_MODEL = "other_model"
    NO_PACKAGE = "no_package"
    """It is not monitored, or in no service package that gives first aid."""
    OTHER_PLAYBOOK = "other_playbook"
    """Another one that is on is nearer, or says more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step would ask: an action with its payload; None: it means nothing there."""

    step: Step
    wanted: tuple[str, Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True)
class FirstAidRehearsal:
    """What would be done: what hinders it, and, were there nothing, how it would begin."""

    station: StationId
    hindrances: Sequence[Hindrance]
    deed: Try | Wait | End
    used_today: int
    asks: Sequence[Asked]


async def rehearse(
    db: AsyncSession,
    scope: Scope,
    playbook: Playbook,
    identity: StationId,
    evse_id: int,
    *,
    now: datetime,
) -> FirstAidRehearsal:
    """Return what a playbook would do at a station; nothing is stored or asked.

    Args:
        db: The unit of work.
        scope: Whose stations the asker sees.
        playbook: Which; it need not be stored.
        identity: The station's.
        evse_id: Where the fault would be; 0: the station itself.
        now: The moment.

    Raises:
        NotFound: If there is no such station in scope.
    """
    station = await registry.station(db, scope, identity, now, limits=SilenceLimits())
    facts = await facts_of(db, station, now)
    run = Run(
        id=0,
        alert=0,
        organisation=station.organisation,
        station=station.identity,
        evse_id=evse_id,
        connector_id=None,
        playbook=playbook.id,
        steps=playbook.steps,
        per_day=playbook.per_day,
        settles_min=playbook.settles_min,
        out_hours=playbook.out_hours,
        began_at=now,
        due_at=now,
    )
    return FirstAidRehearsal(
        station=station.identity,
        hindrances=await _hindrances(db, playbook, station, now),
        deed=first_aid.next_deed(run, facts, now),
        used_today=facts.used_today,
        asks=[
            Asked(
                each,
                first_aid.command_for(
                    each, station.ocpp_version, evse_id=evse_id, connector_id=None
                ),
            )
            for each in playbook.steps
        ],
    )


async def _hindrances(
    db: AsyncSession, playbook: Playbook, station: Station, now: datetime
) -> list[Hindrance]:
    above = await upwards(db, station.organisation)
    found = []
    if not playbook.is_on:
        found.append(Hindrance.OFF)
    if playbook.organisation not in above:
        found.append(Hindrance.ELSEWHERE)
    if not first_aid.is_about(playbook, vendor=station.vendor, model=station.model):
        found.append(Hindrance.OTHER_MODEL)
    if not await is_looked_after(db, station, now):
        found.append(Hindrance.NO_PACKAGE)
    others = [
        each
        for each in await first_aid_store.playbooks(db, Scope(frozenset(above)))
        if each.id != playbook.id
    ]
    chosen = first_aid.chosen(
        [*others, playbook],
        organisations=above,
        detection=playbook.detection,
        cause=next(iter(playbook.causes), ""),
        vendor=station.vendor,
        model=station.model,
    )
    if not found and chosen is not None and chosen.id != playbook.id:
        found.append(Hindrance.OTHER_PLAYBOOK)
    return found
