"""Charging needs: a vehicle says what it needs, and is given a profile within what is there.

The profile goes through the command queue in the unit of work that keeps the needs: it is asked for
if and only if they are kept, and leaves after the answer to them.

Source: OCPP 2.0.1 edition 3, part 2, K15 to K17; OCPP 2.1 part 2, K18 to K20, Q01 to Q04.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import records
from csms.balancing_profiles import number_of
from csms.charging_needs import NeedsStatus, is_answered, keeps_within, schedule_for
from csms.handlers.context import HandlerContext
from csms.profile_numbers import highest_external
from csms.queue import Request
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

_CHARGES = text(f"""
select t.ref, o.organisation,
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
from transactions t
join station_owners o on o.station = t.station and o.valid_to is null
where t.station = :station and t.evse_id = :evse and t.state = 'active'
order by t.started_at desc limit 1
""")  # noqa: S608 - a condition of ours


async def needs_told(
    db: AsyncSession, context: HandlerContext, reports: Sequence[ChargingNeedsReport]
) -> list[NeedsAnswer]:
    """Keep what vehicles need; give each that charges a profile for it."""
    return [
        NeedsAnswer(await _answered(db, context, each.origin, each.payload)) for each in reports
    ]


async def schedules_told(
    db: AsyncSession, context: HandlerContext, reports: Sequence[VehicleScheduleReport]
) -> list[ScheduleAnswer]:
    """Keep the schedules of vehicles; one that draws more than was given gets a new profile."""
    answers = []
    for report in reports:
        station, said = str(report.origin.station), report.payload
        evse = said["evseId"]
        begins_at = datetime.fromisoformat(said["timeBase"])
        given = await _given(db, station, evse)
        is_within = given is None or keeps_within(
            said["chargingSchedule"], given, begins_at=begins_at
        )
        state = "Accepted" if is_within else "Rejected"
        at = report.origin.received_at
        await records.keep(db, station, Held.VEHICLE_SCHEDULE, str(evse), said, state=state, at=at)
        if not is_within:
            for needs in await records.held(db, StationId(station), Held.CHARGING_NEEDS):
                if needs.key == str(evse):
                    await _answered(db, context, report.origin, needs.content)
        answers.append(ScheduleAnswer(is_within))
    return answers


async def _answered(
    db: AsyncSession, context: HandlerContext, origin: Origin, said: Mapping[str, Any]
) -> NeedsStatus:
    now, evse, station = context.clock.now(), said["evseId"], str(origin.station)
    status = NeedsStatus.REJECTED
    row = (await db.execute(_CHARGES, {"station": station, "evse": evse})).first()
    needs = said["chargingNeeds"]
    if row is not None and is_answered(needs, may_discharge=row.may_discharge):
        most_w = None if row.most_w is None else Decimal(row.most_w)
        schedule = schedule_for(needs, most_a=row.most_a, most_w=most_w, now=now)
        if schedule is None and origin.version is OcppVersion.V21:
            status = NeedsStatus.NO_PROFILE
        if schedule is not None and await _ask(db, station, evse, row, schedule, context):
            status = NeedsStatus.ACCEPTED
    await records.keep(db, station, Held.CHARGING_NEEDS, str(evse), said, state=status, at=now)
    return status


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


async def _given(db: AsyncSession, station: str, evse: int) -> Mapping[str, Any] | None:
    """Return the newest schedule that a station took for what charges at an EVSE now."""
    row = (await db.execute(_CHARGES, {"station": station, "evse": evse})).first()
    if row is None:
        return None
    newest = None
    for each in await records.held(db, StationId(station), Held.CHARGING_PROFILE):
        profile = each.content["chargingProfile"]
        is_meant = (
            each.content.get("evseId") == evse
            and profile.get("chargingProfilePurpose") == "TxProfile"
            and profile.get("transactionId") == row.ref.partition("|")[2]
        )
        if is_meant and (newest is None or each.told_at >= newest.told_at):
            newest = each
    if newest is None:
        return None
    schedule: Mapping[str, Any] = newest.content["chargingProfile"]["chargingSchedule"][0]
    return schedule
