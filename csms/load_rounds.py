"""The watch over locations' load: looks round every few seconds and tells stations their shares.

`csms.balancing` decides; here is what it decides about, and what follows. A location is in the
hands of one process at a time. What a station was told is known by its command: confirmed, refused,
or not answered, and until then the larger of the old and the new is reckoned with. A command and
the note of it are committed together.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, inspect, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import balancing, remote
from csms.balancing import (
    HEADROOM_A,
    PHASES,
    Draw,
    Held,
    Limit,
    Place,
    Settings,
    Share,
    Signal,
    Why,
)
from csms.balancing_profiles import CLEAR, SET, Listener, cleared, fallback, share
from csms.balancing_tables import LoadBalancerRow, LoadDecisionRow, LoadGrantRow, LoadSignalRow
from csms.profile_numbers import highest_external
from csms.queue import CommandState, Failure, Request
from csms.reports import OcppVersion
from csms.tables import StationRow
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey, StationId

log = structlog.get_logger(__name__)

KEPT_DAYS: Final = 90
"""How long decisions are kept."""

_EVERY_S: Final = 5
_NOTED_EVERY: Final = timedelta(minutes=5)
"""How often a decision is kept that changed nothing, while somebody charges."""

_EXPIRES_IN_S: Final = 60
_ASKED_AGAIN: Final = timedelta(minutes=1), timedelta(minutes=10)
"""After what time a station that refused is asked once more: at first, and at most."""

_SETTLED: Final = timedelta(seconds=90)
"""How long a vehicle is given to rise to what it may, before what it takes is all it wants."""

_MEASURES_AFTER: Final = timedelta(seconds=15)
"""How long after a change what was measured says nothing of it."""

_CHARGES_A: Final = 1
"""From how many amperes on a phase is used."""

_TOLERANCE_A: Final = 1
"""By how much a meter may show more than was told."""

_LARGEST_A: Final = 500
"""What a charge point of which nothing is known may be offered."""

_USUAL_A: Final = 32
"""What such a one is reckoned with while nothing limits it and nobody measures."""

_CONFIRMED: Final = frozenset({CommandState.ACCEPTED, CommandState.EFFECTIVE})
_TAKEN_BACK: Final = _CONFIRMED | {CommandState.REJECTED}
"""How a command ends after which a station does not hold a profile: it may never have had it."""

_UNDER_WAY: Final = frozenset({CommandState.QUEUED, CommandState.SENT})


@dataclass(frozen=True, slots=True)
class _Point:
    """A charge point of the location with all that is known of it now."""

    place: Place
    owner: OrganisationKey
    listener: Listener | None
    """None where it is not connected, or never told its version."""
    booted_at: datetime | None
    known_a: int | None
    """What it carries; None: nobody knows."""
    priority: int
    rotation: str
    transaction_id: int | None
    station_transaction: int | str
    started_at: datetime
    energy_wh: Decimal
    measured_at: datetime | None
    amperes: Sequence[Decimal]
    """Measured lately, by phase as the station counts them; empty where nobody measures."""

    @property
    def most_a(self) -> int:
        """What it may be offered."""
        return _LARGEST_A if self.known_a is None else self.known_a

    @property
    def reckoned_a(self) -> int:
        """What it may take while nothing limits it."""
        return _USUAL_A if self.known_a is None else self.known_a

    @property
    def phases(self) -> frozenset[int]:
        """The location's phases that are used; all while that is not known."""
        used = sum(each > _CHARGES_A for each in self.amperes)
        return balancing.phases_of(used or None, self.rotation)

    @property
    def measured_a(self) -> Decimal | None:
        return max(self.amperes, default=None)


async def keep_balanced(database: Database, clock: Clock) -> None:
    """Look round again and again; never returns."""
    while True:
        await look_round(database, clock.now())
        await asyncio.sleep(_EVERY_S)


async def look_round(database: Database, now: datetime) -> None:
    """Decide about every location that is balanced, or was: each in a unit of work of its own."""
    async with database.unit_of_work() as db:
        keys = list(
            await db.scalars(
                text("""
                    select location from load_balancers where is_on
                    union select location from load_grants order by 1
                """)
            )
        )
    for key in keys:
        async with database.unit_of_work() as db:
            await balance(db, key, now)


async def forget(database: Database, now: datetime) -> None:
    """Forget decisions and signals that are older than they are kept."""
    before = now - timedelta(days=KEPT_DAYS)
    async with database.unit_of_work() as db:
        await db.execute(delete(LoadDecisionRow).where(LoadDecisionRow.decided_at < before))
        await db.execute(delete(LoadSignalRow).where(LoadSignalRow.ends_at < before))


def forgetting(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return `forget` as periodic work."""
    return lambda: forget(database, clock.now())


async def balance(db: AsyncSession, location: str, now: datetime) -> None:
    """Decide about a location, tell its stations, and note what was decided."""
    row = await db.scalar(
        select(LoadBalancerRow)
        .where(LoadBalancerRow.location == location)
        .with_for_update(skip_locked=True)
    )
    if row is None:  # in another's hands
        return
    grants = await _settled_grants(db, location)
    told = sorted({place.station for place in grants})
    zone, points, elsewhere = await _points(db, location, told, now)
    here = {each.place.station for each in points}
    present = {each.place: each for each in points}
    for place, grant in grants.items():
        if place.station in here:
            grant.location = location  # wherever it was told
    gone = {
        place: grant
        for place, grant in grants.items()
        if not row.is_on or place.station not in here or (place.evse_id and place not in present)
    }
    await _take_back(db, gone, grants, [*points, *elsewhere], now)
    if not row.is_on:
        return
    settings = settings_of(row)
    await _tell_fallbacks(db, settings, location, points, grants, now)
    signals = await signals_of(db, location, now)
    limit = balancing.limit_at(settings, signals, now, zone)
    draws, held, others = _reckoned(settings, points, grants, now)
    shares = balancing.shared(settings, limit, draws, others, now)
    orders = balancing.orders(settings, limit, shares, held, others, now)
    for order in orders:
        point = present[order.place]
        assert point.listener is not None
        payload = share(
            point.listener,
            point.place.evse_id,
            point.station_transaction,
            order.limit_a,
            point.phases,
            now=now,
            until=order.until,
        )
        grant = _grant(db, grants, location, order.place)
        if grant.transaction_id != point.transaction_id:
            grant.transaction_id = point.transaction_id
            grant.limit_a, grant.until = held[order.place].limit_a, None
            grant.changed_at, grant.raised_at = None, now
        await _ask(db, grant, point, SET, payload, order.limit_a, order.until, now)
    changed = [each for each in orders if each.limit_a != held[each.place].limit_a]
    await _note(db, location, limit, shares, others, points, bool(changed), now)


# ------------------------------------------------------------------------------ what is known


def settings_of(row: LoadBalancerRow) -> Settings:
    """Return how a location is balanced."""
    return Settings(
        limit_a=row.limit_a,
        strategy=balancing.Strategy(row.strategy),
        minimum_a=row.minimum_a,
        fallback_a=row.fallback_a,
        change_every=timedelta(seconds=row.change_every_s),
        windows=tuple(
            balancing.Window(
                frozenset(each["days"]), each["from_minute"], each["to_minute"], each["limit_a"]
            )
            for each in row.windows
        ),
    )


async def signals_of(db: AsyncSession, location: str, now: datetime) -> Sequence[Signal]:
    """Return what is said from outside now."""
    rows = await db.scalars(
        select(LoadSignalRow).where(
            LoadSignalRow.location == location,
            LoadSignalRow.starts_at <= now,
            LoadSignalRow.ends_at > now,
        )
    )
    return [
        Signal(
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            limit_a=each.limit_a,
            limit_w=each.limit_w,
            used_a=each.used_a,
        )
        for each in rows
    ]


async def _settled_grants(db: AsyncSession, location: str) -> dict[Place, LoadGrantRow]:
    """Return what was told here, or elsewhere to stations that stand here, with the answers."""
    here = select(StationRow.identity).where(StationRow.location == location)
    rows = list(
        await db.scalars(
            select(LoadGrantRow)
            .where(or_(LoadGrantRow.location == location, LoadGrantRow.station.in_(here)))
            .order_by(LoadGrantRow.station, LoadGrantRow.evse_id)
        )
    )
    numbers = sorted(each.command for each in rows if each.command is not None)
    answers = {
        found.id: (CommandState(found.state), found.failure)
        for found in await db.execute(
            text("select id, state, failure from commands where id = any(:numbers)"),
            {"numbers": numbers},
        )
    }
    for row in rows:
        if row.command is None:
            continue
        state, failure = answers.get(row.command, (CommandState.FAILED, None))
        if state in _UNDER_WAY:
            continue
        if row.asked_a is None and state in _TAKEN_BACK:
            await db.delete(row)
            continue
        if row.asked_a is None:
            row.refused += 1
        elif state in _CONFIRMED:
            if row.limit_a != row.asked_a:
                row.changed_at = row.asked_at
                if (row.asked_a or 0) > (row.limit_a or 0):
                    row.raised_at = row.asked_at
            row.limit_a, row.until, row.refused = row.asked_a, row.asked_until, 0
        else:
            row.refused += 1
            if failure in (Failure.NO_ANSWER, Failure.OUTCOME_UNKNOWN):  # it may keep to either
                row.limit_a = max(row.limit_a or 0, row.asked_a or 0)
        row.command, row.asked_a, row.asked_until = None, None, None
    await db.flush()
    left = [row for row in rows if not inspect(row).deleted]
    return {Place(StationId(row.station), row.evse_id): row for row in left}


_POINTS = text(f"""
select s.identity, e.evse_id, o.organisation, s.ocpp_version, s.booted_at,
    l.key as location, l.time_zone, c.station is not null as is_connected,
    k.max_power_w, p.most_a, coalesce(p.priority, 0) as priority,
    coalesce(p.rotation, 'RST') as rotation,
    t.id as transaction_id, t.ref, t.station_number, t.started_at,
    coalesce(m.energy_wh, 0) as energy_wh, r.values, r.measured_at,
    v.rate_unit, {highest_external("s.identity")} as above
from stations s
left join locations l on l.key = s.location
join station_owners o on o.station = s.identity and o.valid_to is null
join evses e on e.station = s.identity and e.evse_id > 0
left join station_connections c on c.station = s.identity and c.closed_at is null
left join load_points p on p.station = e.station and p.evse_id = e.evse_id
left join lateral (
    select max(n.max_power_w) as max_power_w from connectors n
    where n.station = e.station and n.evse_id = e.evse_id) k on true
left join lateral (
    select a.id, a.ref, a.station_number, a.started_at, a.meter_start_wh from transactions a
    where a.station = e.station and a.evse_id = e.evse_id and a.state = 'active'
    order by a.started_at desc limit 1) t on true
left join lateral (
    select max(b.energy_register_wh) - coalesce(t.meter_start_wh, min(b.energy_register_wh))
        as energy_wh
    from readings b where b.transaction_id = t.id and b.energy_register_wh is not null) m on true
left join lateral (
    select d.values, d.measured_at from readings d
    where d.transaction_id = t.id and d.measured_at > cast(:fresh as timestamptz)
        and d.values @? '$[*] ? (@.measurand == "Current.Import"
            || @.measurand == "Power.Active.Import")'
    order by d.measured_at desc limit 1) r on true
left join lateral (
    select max(x.value) filter (where lower(x.variable) in
            ('chargingscheduleallowedchargingrateunit', 'rateunit')) as rate_unit
    from station_variables x where x.station = s.identity) v on true
where (s.location = :location or s.identity = any(:told)) and s.admission = 'accepted'
order by s.identity, e.evse_id
""")  # noqa: S608 - a condition of ours

_FRESH: Final = timedelta(minutes=5)


async def _points(
    db: AsyncSession, location: str, told: Sequence[StationId], now: datetime
) -> tuple[ZoneInfo, list[_Point], list[_Point]]:
    """Return the zone, a location's charge points, and those of stations told but elsewhere."""
    wanted = {"location": location, "told": told, "fresh": now - _FRESH}
    rows = list(await db.execute(_POINTS, wanted))
    here = [row for row in rows if row.location == location]
    zone = ZoneInfo(here[0].time_zone) if here else ZoneInfo("UTC")
    elsewhere = [_point(row, now) for row in rows if row.location != location]
    return zone, [_point(row, now) for row in here], elsewhere


def _point(row: Any, now: datetime) -> _Point:
    version = None if row.ocpp_version is None else OcppVersion(row.ocpp_version)
    listener = None
    if row.is_connected and version is not None:
        listener = Listener(
            station=StationId(row.identity),
            version=version,
            in_watts=takes_watts_alone(row.rate_unit or ""),
            numbers_from=row.above,
        )
    own: int | str = 0
    if row.transaction_id is not None:
        number = row.transaction_id if row.station_number is None else int(row.station_number)
        own = number if version is OcppVersion.V16 else row.ref.partition("|")[2]
    most = row.most_a
    if most is None and row.max_power_w is not None:
        most = balancing.amperes_of(row.max_power_w)
    return _Point(
        place=Place(StationId(row.identity), row.evse_id),
        owner=OrganisationKey(row.organisation),
        listener=listener,
        booted_at=row.booted_at,
        known_a=most,
        priority=row.priority,
        rotation=row.rotation,
        transaction_id=row.transaction_id,
        station_transaction=own,
        started_at=row.started_at or now,
        energy_wh=max(row.energy_wh, Decimal(0)),
        measured_at=row.measured_at,
        amperes=measured_amperes(row.values or ()),
    )


def takes_watts_alone(told: str) -> bool:
    """Tell whether a station takes limits in watts alone, by what it says of its unit.

    Args:
        told: ChargingScheduleAllowedChargingRateUnit of 1.6 (Current, Power, or both), or RateUnit
            of 2.x (A, W); stations mix the two up.
    """
    units = {each.strip().lower() for each in told.split(",")}
    return bool(units & {"w", "power"}) and not units & {"a", "current"}


def measured_amperes(samples: Sequence[Mapping[str, Any]]) -> list[Decimal]:
    """Return what is drawn of each phase, in amperes; of power alone what three phases would carry.

    Args:
        samples: Of one reading, in base units.
    """
    by_phase: dict[str, Decimal] = {}
    power = None
    for each in samples:
        if each.get("value") is None:
            continue
        value, phase = Decimal(str(each["value"])), each.get("phase")
        if each.get("measurand") == "Current.Import" and phase != "N":
            by_phase[str(phase)] = value
        elif each.get("measurand") == "Power.Active.Import" and phase is None:
            power = value
    phases = [value for name, value in by_phase.items() if name != "None"]
    if phases:
        return phases
    if power is not None:
        return [(power / (3 * balancing.NOMINAL_V)).quantize(Decimal("0.1"))] * 3
    return list(by_phase.values()) * 3


def _reckoned(
    settings: Settings,
    points: Sequence[_Point],
    grants: Mapping[Place, LoadGrantRow],
    now: datetime,
) -> tuple[list[Draw], dict[Place, Held], list[Held]]:
    """Return who charges, what each of them keeps to, and who cannot be told anything."""
    draws, held, others = [], {}, []
    for each in points:
        grant = grants.get(each.place)
        is_same = grant is not None and grant.transaction_id == each.transaction_id
        confirmed = grants.get(Place(each.place.station, 0))
        falls_to = None if confirmed is None else confirmed.limit_a
        if falls_to is None and each.listener is None and each.transaction_id is None:
            falls_to = settings.fallback_a  # never told, and nothing charges there
        present = Held(
            place=each.place,
            phases=each.phases,
            limit_a=each.reckoned_a if falls_to is None else min(falls_to, each.most_a),
            until=None,
            measured_a=each.measured_a,
            is_connected=each.listener is not None,
        )
        if grant is not None and is_same and grant.limit_a is not None:
            present = replace(present, limit_a=grant.limit_a, until=grant.until)
        if grant is not None and is_same:
            present = replace(
                present,
                pending_a=grant.asked_a,
                changed_at=grant.changed_at,
                may_be_told=_may_ask(grant, now),
                measured_a=_measured_since(each, grant.changed_at),
            )
        if each.listener is None:
            others.append(present)
        elif each.transaction_id is not None:
            held[each.place] = present
            raised_at = grant.raised_at if grant is not None and is_same else None
            draws.append(_draw(each, present, raised_at))
    return draws, held, others


def _measured_since(point: _Point, changed_at: datetime | None) -> Decimal | None:
    """Return what is drawn; None where it was measured before the last change showed."""
    if point.measured_at is None or changed_at is None:
        return point.measured_a
    return point.measured_a if point.measured_at >= changed_at + _MEASURES_AFTER else None


def _may_ask(grant: LoadGrantRow, now: datetime) -> bool:
    """Tell whether a station may be asked: one that refuses is asked ever more seldom."""
    if not grant.refused or grant.asked_at is None:
        return True
    first, most = _ASKED_AGAIN
    pause: timedelta = min(first * int(2 ** min(grant.refused - 1, 10)), most)
    return now - grant.asked_at >= pause


def _draw(point: _Point, held: Held, raised_at: datetime | None) -> Draw:
    takes = point.measured_a
    if takes is not None and takes > held.limit_a - HEADROOM_A:
        takes = None
    if raised_at is None or point.measured_at is None or point.measured_at < raised_at + _SETTLED:
        takes = None
    ignores = (
        held.changed_at is not None
        and point.measured_at is not None
        and point.measured_at >= held.changed_at + _SETTLED
        and (point.measured_a or 0) > held.limit_a + _TOLERANCE_A
    )
    return Draw(
        takes_more=ignores,
        place=point.place,
        phases=point.phases,
        most_a=point.most_a,
        priority=point.priority,
        energy_wh=point.energy_wh,
        started_at=point.started_at,
        takes_a=point.measured_a if ignores else takes,
        is_charging=held.limit_a > 0,
        told_since=held.changed_at,
    )


# ------------------------------------------------------------------------------ what is told


def _grant(
    db: AsyncSession, grants: dict[Place, LoadGrantRow], location: str, place: Place
) -> LoadGrantRow:
    """Return the note of what a place was told, made where there is none."""
    if place not in grants:
        made = LoadGrantRow(
            station=place.station, evse_id=place.evse_id, location=location, refused=0
        )
        db.add(made)
        grants[place] = made
    return grants[place]


async def _tell_fallbacks(
    db: AsyncSession,
    settings: Settings,
    location: str,
    points: Sequence[_Point],
    grants: dict[Place, LoadGrantRow],
    now: datetime,
) -> None:
    """Tell stations what they fall back to, once, and again after a boot or a change."""
    for point in {each.place.station: each for each in points}.values():
        if point.listener is None:
            continue
        grant = _grant(db, grants, location, Place(point.place.station, 0))
        if grant.command is not None or not _may_ask(grant, now):
            continue
        is_since_boot = grant.asked_at is not None and (
            point.booted_at is None or point.booted_at <= grant.asked_at
        )
        if is_since_boot and grant.limit_a == settings.fallback_a:
            continue
        payload = fallback(point.listener, settings.fallback_a, now)
        await _ask(db, grant, point, SET, payload, settings.fallback_a, None, now)


async def _take_back(
    db: AsyncSession,
    gone: Mapping[Place, LoadGrantRow],
    grants: dict[Place, LoadGrantRow],
    points: Sequence[_Point],
    now: datetime,
) -> None:
    """Take back what was told where nobody balances any more, until stations have confirmed it.

    A share lapses by itself. What a station falls back to would hold for good: whoever cannot be
    told now is told once he can.
    """
    by_station = {each.place.station: each for each in points}
    for place, grant in gone.items():
        del grants[place]
        point = by_station.get(place.station)
        has_lapsed = place.evse_id != 0 and (grant.until is None or grant.until <= now)
        if grant.asked_at is None or (has_lapsed and grant.command is None) or point is None:
            await db.delete(grant)
        elif grant.command is None and point.listener is not None and _may_ask(grant, now):
            payload = cleared(point.listener, place.evse_id)
            await _ask(db, grant, point, CLEAR, payload, None, None, now)
    await db.flush()


async def _ask(
    db: AsyncSession,
    grant: LoadGrantRow,
    point: _Point,
    action: str,
    payload: Mapping[str, Any],
    limit_a: int | None,
    until: datetime | None,
    now: datetime,
) -> None:
    """Ask a station, and note it; who cannot be asked now is asked in the next round."""
    request = Request(
        station=point.place.station,
        action=action,
        payload=payload,
        asked_by="load balancing",
        asked_by_name="Load balancing",
        door="system",
        asker_organisation=point.owner,
        reason="system",
        reference=f"load of {grant.location}",
        expires_in_s=_EXPIRES_IN_S,
    )
    try:
        command = await remote.ask(db, request, now=now)
    except ExpectedError as error:
        log.info("load.not_told", station_id=point.place.station, reason=str(error))
        return
    grant.command, grant.asked_a, grant.asked_until = int(command.id), limit_a, until
    grant.asked_at = now


async def _note(
    db: AsyncSession,
    location: str,
    limit: Limit,
    shares: Sequence[Share],
    others: Sequence[Held],
    points: Sequence[_Point],
    has_changed: bool,
    now: datetime,
) -> None:
    """Keep what was decided, if it changed anything or the last one kept is old enough."""
    if not shares:
        return
    if not has_changed:
        last = await db.scalar(
            select(LoadDecisionRow.decided_at)
            .where(LoadDecisionRow.location == location)
            .order_by(LoadDecisionRow.decided_at.desc())
            .limit(1)
        )
        if last is not None and now - last < _NOTED_EVERY:
            return
    by_place = {each.place: each for each in points}
    allowed = dict.fromkeys(PHASES, Decimal(0))
    taken = dict.fromkeys(PHASES, Decimal(0))
    for each in shares:
        for phase in by_place[each.place].phases:
            allowed[phase] += each.limit_a
            taken[phase] += by_place[each.place].measured_a or 0
    told = [
        {
            "station": each.place.station,
            "evse_id": each.place.evse_id,
            "limit_a": each.limit_a,
            "why": each.why,
            "phases": sorted(by_place[each.place].phases),
            "measured_a": _text(by_place[each.place].measured_a),
        }
        for each in shares
    ] + [
        {
            "station": each.place.station,
            "evse_id": each.place.evse_id,
            "limit_a": each.limit_a,
            "why": Why.AWAY,
            "phases": sorted(each.phases),
            "measured_a": None,
        }
        for each in others
    ]
    is_measured = any(by_place[each.place].amperes for each in shares)
    db.add(
        LoadDecisionRow(
            location=location,
            decided_at=now,
            limit_a=limit.per_phase_a,
            limit_w=limit.total_w,
            reason=limit.reason,
            allowed_a=max(allowed.values()),
            taken_a=max(taken.values()) if is_measured else None,
            shares=told,
        )
    )


def _text(amperes: Decimal | None) -> str | None:
    return None if amperes is None else str(amperes)
