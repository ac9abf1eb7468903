"""Charging needs: a vehicle says what it needs, and is given a profile within what is there.

The profile goes through the command queue in the unit of work that keeps the needs: it is asked for
if and only if they are kept, and leaves after the answer to them.

Source: OCPP 2.0.1 edition 3, part 2, K15 to K17; OCPP 2.1 part 2, K18 to K20, Q01 to Q04.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import known_profiles, record_batches
from csms.balancing_profiles import number_of
from csms.charging_needs import NeedsStatus, is_answered, keeps_within, schedule_for
from csms.charging_profiles import Kind
from csms.handlers.context import HandlerContext
from csms.profile_numbers import highest_external
from csms.queue import Request
from csms.record_batches import Keep
from csms.records import Held
from csms.reports import (
    ChargingNeedsReport,
    NeedsAnswer,
    OcppVersion,
    Origin,
    ScheduleAnswer,
    VehicleScheduleReport,
)
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey, StationId

log = structlog.get_logger(__name__)

_CHARGING = text(f"""
select asked.station, asked.evse, t.ref, t.started_at, o.organisation,
    (select max(k.max_power_w) from connectors k
        where k.station = t.station and k.evse_id = t.evse_id) as most_w,
    (select least(g.limit_a, g.asked_a) from load_grants g
        where g.station = t.station and g.evse_id = t.evse_id and g.transaction_id = t.id
    ) as most_a,
    {highest_external("t.station")} as above,
    exists (select 1 from station_variables v
        where v.station = t.station and lower(v.component) = 'v2xchargingctrlr'
            and lower(v.variable) = 'enabled' and lower(v.value) = 'true'
            and coalesce(v.evse_id, t.evse_id) = t.evse_id) as may_discharge
from unnest(cast(:stations as text[]), cast(:evses as bigint[])) as asked (station, evse)
join lateral (
    select * from transactions a
    where a.station = asked.station and a.evse_id = asked.evse and a.state = 'active'
    order by a.started_at desc limit 1) t on true
join station_owners o on o.station = t.station and o.valid_to is null
""")  # noqa: S608 - a condition of ours

_HELD = text("""
select r.station, r.key, r.content from station_records r
where r.kind = :kind and r.station = any(:stations) order by r.told_at, r.key
""")

_LARGEST_EVSE = 2**31 - 1
"""At a higher number nothing charges; the report is kept as it was said."""

Place = tuple[str, int]
"""A station and the number of an EVSE of its."""


async def needs_told(
    db: AsyncSession, context: HandlerContext, reports: Sequence[ChargingNeedsReport]
) -> list[NeedsAnswer]:
    """Keep what vehicles need; give each that charges a profile for it."""
    told = [(each.origin, each.payload) for each in reports]
    charging = await _charging(db, {_place(*each) for each in told})
    return [NeedsAnswer(each) for each in await _answered(db, context, told, charging)]


async def schedules_told(
    db: AsyncSession, context: HandlerContext, reports: Sequence[VehicleScheduleReport]
) -> list[ScheduleAnswer]:
    """Keep the schedules of vehicles; one that draws more than was given gets a new profile."""
    told = [(each.origin, each.payload) for each in reports]
    charging = await _charging(db, {_place(*each) for each in told})
    given = await _given(db, charging)
    answers, changes, too_much = [], [], {}
    for origin, said in told:
        place = _place(origin, said)
        limits, begins_at = given.get(place), datetime.fromisoformat(said["timeBase"])
        schedule = said["chargingSchedule"]
        is_within = limits is None or keeps_within(schedule, limits, begins_at=begins_at)
        state, at = "Accepted" if is_within else "Rejected", origin.received_at
        key = str(place[1])
        changes.append(Keep(place[0], Held.VEHICLE_SCHEDULE, key, said, state, at))
        answers.append(ScheduleAnswer(is_within))
        if not is_within:
            too_much[place] = origin
    await record_batches.apply(db, changes)
    if too_much:
        values = {"kind": Held.CHARGING_NEEDS, "stations": [station for station, _ in too_much]}
        needs = {
            (row.station, int(row.key)): row.content for row in await db.execute(_HELD, values)
        }
        again = [(origin, needs[at]) for at, origin in too_much.items() if at in needs]
        await _answered(db, context, again, charging)
    return answers


def _place(origin: Origin, said: Mapping[str, Any]) -> Place:
    return str(origin.station), int(said["evseId"])


async def _charging(db: AsyncSession, places: Collection[Place]) -> dict[Place, Any]:
    """Return what charges there, of those places where something does."""
    ordered = sorted(each for each in places if 0 <= each[1] <= _LARGEST_EVSE)
    values = {"stations": [each for each, _ in ordered], "evses": [each for _, each in ordered]}
    return {(row.station, row.evse): row for row in await db.execute(_CHARGING, values)}


async def _answered(
    db: AsyncSession,
    context: HandlerContext,
    told: Sequence[tuple[Origin, Mapping[str, Any]]],
    charging: Mapping[Place, Any],
) -> list[NeedsStatus]:
    now, statuses, changes = context.clock.now(), [], []
    for origin, said in told:
        station, evse = place = _place(origin, said)
        status = NeedsStatus.REJECTED
        row, needs = charging.get(place), said["chargingNeeds"]
        if row is not None and is_answered(needs, may_discharge=row.may_discharge):
            schedule = schedule_for(
                needs,
                most_a=row.most_a,
                most_w=None if row.most_w is None else Decimal(row.most_w),
                now=now,
                tuples=int(said.get("maxScheduleTuples") or 1),
            )
            if schedule is None and origin.version is OcppVersion.V21:
                status = NeedsStatus.NO_PROFILE
            if schedule is not None and await _ask(db, station, evse, row, schedule, context):
                status = NeedsStatus.ACCEPTED
        changes.append(Keep(station, Held.CHARGING_NEEDS, str(evse), said, status, now))
        statuses.append(status)
    await record_batches.apply(db, changes)
    return statuses


async def _ask(
    db: AsyncSession,
    station: str,
    evse: int,
    row: Any,
    schedule: dict[str, Any],
    context: HandlerContext,
) -> bool:
    """Ask for the profile; False if it cannot be asked for."""
    if context.asks is None:
        return False
    # The number under which load balancing tells its shares, too: the newest of both holds.
    number = number_of(evse, row.above)
    profile = {
        "id": number,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": row.ref.partition("|")[2],
        "chargingSchedule": [{"id": number} | schedule],
    }
    request = Request(
        station=StationId(station),
        action="SetChargingProfile",
        payload={"evseId": evse, "chargingProfile": profile},
        asked_by="charging needs",
        asked_by_name="Charging needs",
        door="system",
        asker_organisation=OrganisationKey(row.organisation),
        reason="system",
        reference="needs of the vehicle",
        expires_in_s=60,
    )
    try:
        await context.asks(db, request, now=context.clock.now())
    except ExpectedError as error:
        log.info("needs.no_profile", station_id=station, reason=str(error))
        return False
    return True


async def _given(db: AsyncSession, charging: Mapping[Place, Any]) -> dict[Place, Mapping[str, Any]]:
    """Return the newest schedule that stations took for what charges at their EVSEs now.

    One of a relative profile starts with its transaction, and says so here.
    """
    places = {
        (station, row.ref.partition("|")[2]): (station, evse)
        for (station, evse), row in charging.items()
    }
    if not places:
        return {}
    found = {}
    for each in await known_profiles.given(db, places):  # the newest last
        place = places[each.station, each.ref]
        schedule = each.profile["chargingSchedule"][0]
        if each.profile.get("chargingProfileKind") == Kind.RELATIVE:
            schedule = schedule | {"startSchedule": charging[place].started_at.isoformat()}
        found[place] = schedule
    return found
