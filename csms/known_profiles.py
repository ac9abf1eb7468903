"""Face: which charging profiles a station has, what they come to, and what it says itself.

Known are the profiles that the station reported, those of ours that it accepted, and the limits of
others that it told of (`csms.records`). When it answers GetCompositeSchedule, its answer is kept
and held against what we make of the profiles, once, as they were known then.

Sources: OCPP 1.6 edition 2, section 5.7; OCPP 2.0.1 edition 3 and 2.1, part 2, K08, K09, K11, K12.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import records
from csms.charging_profiles import (
    Hindrance,
    Profile,
    Purpose,
    UncomputableProfile,
    Unit,
    notified_limits,
    profile_of,
)
from csms.composite_schedule import (
    Charging,
    Composite,
    Difference,
    Station,
    Step,
    answered_schedule,
    composite,
    differences,
)
from csms.records import Held
from foundation.identifiers import StationId

ASK: Final = "GetCompositeSchedule"
_DIRECT: Final = ("cccs", "cchao", "cg105", "cgbt-dc", "cmcs", "chademo", "ccs")
"""How connector types of direct current begin (ConnectorEnumStringType, and what people write)."""


class Source(StrEnum):
    """How we know of a profile."""

    REPORTED = "reported"
    """The station told it, by ReportChargingProfiles."""
    SENT = "sent"
    """We sent it, and the station accepted it; it has not reported it since."""
    NOTIFIED = "notified"
    """A limit of others that it told of, by NotifyChargingLimit."""


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """A profile that a station has, by all we know.

    `limiter` is who set it, as the station says (EMS, SO, CSO, Other); None where only we know of
    it. `is_told` is false where others limit by an amount that nobody told us.
    """

    profile: Profile
    source: Source
    limiter: str | None
    told_at: datetime
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What a station answered, and what we made of it.

    `theirs` is None where it refused; `ours` where we could not compute it: `refused` says why.
    """

    evse_id: int
    answered_at: datetime
    theirs: Composite | None
    ours: Composite | None
    differences: Sequence[Difference]
    refused: UncomputableProfile | None


async def known(db: AsyncSession, station: StationId) -> list[KnownProfile]:
    """Return the profiles of a station and the limits of others, those of the whole first."""
    found = []
    held = await records.held(db, station, Held.CHARGING_PROFILE)
    transactions = await _transactions(db, station, held)
    for each in held:
        evse_id = int(each.content.get("evseId") or 0)
        profile = profile_of(evse_id, each.content["chargingProfile"])
        its = transactions.get(each.key)
        if its is not None:
            if its.is_over:
                continue  # a profile goes with its transaction (TxProfile)
            evse_id = evse_id or its.evse_id or 0
            named = its.named or profile.transaction
            profile = replace(profile, evse_id=evse_id, transaction=named)
        source = Source.SENT if each.state is None else Source.REPORTED
        found.append(KnownProfile(profile, source, each.state, each.told_at))
    for each in await records.held(db, station, Held.CHARGING_LIMIT):
        limiter = each.key.partition("/")[0]
        limits = notified_limits(each.key, each.content, each.told_at)
        if not limits:
            evse_id = int(each.content.get("evseId") or 0)
            words = {
                "id": each.key,
                "chargingProfilePurpose": "NotifyChargingLimit",
                "chargingProfileKind": "Absolute",
            }
            untold = profile_of(evse_id, words)
            found.append(
                KnownProfile(untold, Source.NOTIFIED, limiter, each.told_at, is_told=False)
            )
        found += [KnownProfile(one, Source.NOTIFIED, limiter, each.told_at) for one in limits]
    return sorted(
        found,
        key=lambda each: (
            each.profile.evse_id,
            each.profile.purpose or "",
            -each.profile.level,
            each.profile.number,
        ),
    )


_TRANSACTIONS: Final = text("""
select r.key, s.ocpp_version, t.ref, t.id, t.station_number, t.evse_id,
    coalesce(t.state <> 'active', c.state in ('failed', 'expired', 'cancelled'), false) as is_over
from station_records r
join stations s on s.identity = r.station
left join commands c on c.id = cast(r.content ->> :started_by as bigint)
left join lateral (
    select a.* from transactions a where a.station = r.station and (
        a.id = c.transaction_id or (c.id is null and (
            split_part(a.ref, '|', 2) = r.content -> 'chargingProfile' ->> 'transactionId'
            or (s.ocpp_version = 'ocpp1.6' and cast(coalesce(a.station_number, a.id) as text)
                = r.content -> 'chargingProfile' ->> 'transactionId'))))
    order by a.started_at desc limit 1) t on true
where r.station = :station and r.kind = :kind
    and r.content -> 'chargingProfile' ->> 'chargingProfilePurpose' = 'TxProfile'
""")
_STARTED_BY: Final = "startedBy"
"""In a profile's record: the number of the command that began the transaction with it."""


@dataclass(frozen=True, slots=True)
class _Transaction:
    """Of a profile: how the station names it and where it is, once known; and if it has ended."""

    named: str | None
    evse_id: int | None
    is_over: bool


async def _transactions(
    db: AsyncSession, station: StationId, held: Sequence[records.Record]
) -> dict[str, _Transaction]:
    """Return, by the numbers of profiles for one transaction, what we know of that."""
    if not any(
        each.content["chargingProfile"].get("chargingProfilePurpose") == Purpose.TX for each in held
    ):
        return {}
    values = {"station": station, "kind": Held.CHARGING_PROFILE, "started_by": _STARTED_BY}
    found = {}
    for row in await db.execute(_TRANSACTIONS, values):
        named = None if row.ref is None else _own_number(row)
        found[row.key] = _Transaction(named, row.evse_id, row.is_over)
    return found


def _own_number(row: Any) -> str:
    """Return how a station names a transaction of its."""
    if row.ocpp_version == "ocpp1.6":
        return str(row.id if row.station_number is None else row.station_number)
    return str(row.ref.partition("|")[2])


async def begun(
    db: AsyncSession, station: str, command: int, payload: Mapping[str, Any], at: datetime
) -> None:
    """Keep the profile that a start which the station accepted had with it; most have none.

    Its transaction is the one that the command proves to have begun.
    """
    if payload.get("chargingProfile") is None:
        return
    number, content = records.profile_in(payload)
    content[_STARTED_BY] = command
    await records.keep(db, station, Held.CHARGING_PROFILE, number, content, state=None, at=at)
    await records.forget(db, station, Held.DYNAMIC_SCHEDULE, [number])


@dataclass(frozen=True, slots=True)
class GivenProfile:
    """A profile that a station has for one transaction of its, by 2.x.

    `profile` is ChargingProfileType and names the transaction, even where a start brought it
    along. `limiter` is who set it, as the station says; None where only we know of it.
    """

    station: str
    ref: str
    evse_id: int
    profile: Mapping[str, Any]
    limiter: str | None
    owner: str


_GIVEN: Final = text("""
select asked.station, asked.ref, r.content, r.state, o.organisation,
    coalesce(nullif(cast(r.content ->> 'evseId' as bigint), 0), t.evse_id, 0) as evse_id
from unnest(cast(:stations as text[]), cast(:refs as text[])) as asked (station, ref)
join station_records r on r.station = asked.station and r.kind = :kind
    and r.content -> 'chargingProfile' ->> 'chargingProfilePurpose' = 'TxProfile'
left join commands c on c.id = cast(r.content ->> :started_by as bigint)
left join lateral (
    select a.* from transactions a where a.station = asked.station and a.ref = '2|' || asked.ref
    order by a.generation desc limit 1) t on true
join station_owners o on o.station = r.station and o.valid_to is null
where coalesce(t.state, 'active') = 'active' -- a profile goes with its transaction
    and (r.content -> 'chargingProfile' ->> 'transactionId' = asked.ref
        or c.transaction_id = t.id)
order by r.told_at, asked.station, r.key
""")


async def given(db: AsyncSession, transactions: Collection[tuple[str, str]]) -> list[GivenProfile]:
    """Return the profiles that stations have for transactions of theirs, the newest last.

    Args:
        db: A unit of work.
        transactions: By station and the id that it gave them.
    """
    ordered = sorted(set(transactions))
    values = {
        "stations": [station for station, _ in ordered],
        "refs": [ref for _, ref in ordered],
        "kind": Held.CHARGING_PROFILE,
        "started_by": _STARTED_BY,
    }
    return [
        GivenProfile(
            row.station,
            row.ref,
            row.evse_id,
            row.content["chargingProfile"] | {"transactionId": row.ref},
            row.state,
            row.organisation,
        )
        for row in await db.execute(_GIVEN, values)
    ]


_EVSES: Final = text("""
select e.evse_id, coalesce(l.time_zone, s.time_zone) as time_zone, n.types,
    t.ref, t.started_at, s.ocpp_version, t.id, t.station_number, p.is_on
from stations s
left join locations l on l.key = s.location
left join evses e on e.station = s.identity and e.evse_id > 0
left join lateral (
    select array_agg(lower(c.type)) filter (where c.type is not null) as types from connectors c
    where c.station = e.station and c.evse_id = e.evse_id) n on true
left join lateral (
    select a.id, a.ref, a.station_number, a.started_at from transactions a
    where a.station = e.station and a.evse_id = e.evse_id and a.state = 'active'
    order by a.started_at desc limit 1) t on true
left join lateral (
    select said.is_on from (
        select (m.payload ->> 'activate')::boolean as is_on, m.answered_at as said_at
        from commands m
        where m.station = s.identity and m.action = 'UsePriorityCharging'
            and m.state in ('accepted', 'effective')
            and m.payload ->> 'transactionId' = split_part(t.ref, '|', 2)
        union all
        select r.state = 'On', r.told_at from station_records r
        where r.station = s.identity and r.kind = 'charges_first'
            and r.key = split_part(t.ref, '|', 2)) said
    order by said.said_at desc nulls last limit 1) p on true
where s.identity = :station
order by e.evse_id
""")


async def circumstances(db: AsyncSession, station: StationId) -> Station:
    """Return what must be known of a station besides its profiles."""
    rows = list(await db.execute(_EVSES, {"station": station}))
    evses: dict[int, Charging | None] = {}
    direct = set()
    for row in rows:
        if row.evse_id is None:
            continue
        evses[row.evse_id] = None
        if row.ref is not None:
            own = _own_number(row)
            started_at = row.started_at.replace(microsecond=0)
            evses[row.evse_id] = Charging(own, started_at, bool(row.is_on))
        types = [each for each in row.types or () if each]
        if types and all(each.startswith(_DIRECT) for each in types):
            direct.add(row.evse_id)
    zone = ZoneInfo(rows[0].time_zone) if rows else ZoneInfo("UTC")
    return Station(evses=evses, zone=zone, direct=frozenset(direct))


async def composite_of(
    db: AsyncSession,
    station: StationId,
    evse_id: int,
    *,
    starts_at: datetime,
    duration_s: int,
    unit: Unit,
) -> Composite:
    """Return what the profiles that are known of a station come to at an EVSE, or at all (0).

    Raises:
        UncomputableProfile: One that counts is no plain limit.
    """
    profiles = [each.profile for each in await known(db, station) if each.is_told]
    return composite(
        profiles,
        await circumstances(db, station),
        evse_id,
        starts_at=starts_at,
        duration_s=duration_s,
        unit=unit,
    )


# -------------------------------------------------------------------------------- its own answer


async def answered(
    db: AsyncSession,
    station: StationId,
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
    at: datetime,
) -> None:
    """Keep what a station answered to GetCompositeSchedule, and hold ours against it.

    The last one of each EVSE is kept. An error is no answer.
    """
    if "error_code" in answer:
        return
    evse_id = int(payload.get("evseId", payload.get("connectorId")) or 0)
    theirs = answered_schedule(answer, evse_id=evse_id, duration_s=int(payload["duration"]), at=at)
    content: dict[str, Any] = {"theirs": _told(theirs), "ours": None, "differences": []}
    if theirs is not None:
        try:
            ours = await composite_of(
                db,
                station,
                evse_id,
                starts_at=theirs.starts_at,
                duration_s=theirs.duration_s,
                unit=theirs.unit,
            )
        except UncomputableProfile as error:
            content["refused"] = {"profile": error.profile, "why": error.why}
        else:
            content["ours"] = _told(ours)
            content["differences"] = [
                {
                    "starts_at": each.starts_at.isoformat(),
                    "ends_at": each.ends_at.isoformat(),
                    "theirs": str(each.theirs),
                    "ours": str(each.ours),
                }
                for each in differences(theirs, ours)
            ]
    state = str(answer.get("status"))
    await records.keep(
        db, station, Held.COMPOSITE_SCHEDULE, str(evse_id), content, state=state, at=at
    )


async def own_answers(db: AsyncSession, station: StationId) -> dict[int, OwnAnswer]:
    """Return, by EVSE, what a station answered last, and how that differed from ours."""
    found = {}
    for each in await records.held(db, station, Held.COMPOSITE_SCHEDULE):
        evse_id, refused = int(each.key), each.content.get("refused")
        found[evse_id] = OwnAnswer(
            evse_id=evse_id,
            answered_at=each.told_at,
            theirs=_read(evse_id, each.content.get("theirs")),
            ours=_read(evse_id, each.content.get("ours")),
            differences=[
                Difference(
                    datetime.fromisoformat(one["starts_at"]),
                    datetime.fromisoformat(one["ends_at"]),
                    Decimal(one["theirs"]),
                    Decimal(one["ours"]),
                )
                for one in each.content["differences"]
            ],
            refused=UncomputableProfile(refused["profile"], Hindrance(refused["why"]))
            if refused
            else None,
        )
    return found


def _told(made: Composite | None) -> dict[str, Any] | None:
    if made is None:
        return None
    return {
        "starts_at": made.starts_at.isoformat(),
        "duration_s": made.duration_s,
        "unit": made.unit.value,
        "steps": [
            [
                each.start_s,
                None if each.limit is None else str(each.limit),
                each.phases,
                list(each.profiles),
            ]
            for each in made.steps
        ],
    }


def _read(evse_id: int, told: Mapping[str, Any] | None) -> Composite | None:
    if told is None:
        return None
    return Composite(
        evse_id=evse_id,
        starts_at=datetime.fromisoformat(told["starts_at"]),
        duration_s=told["duration_s"],
        unit=Unit(told["unit"]),
        steps=tuple(
            Step(start_s, None if limit is None else Decimal(limit), phases, tuple(profiles))
            for start_s, limit, phases, profiles in told["steps"]
        ),
    )
