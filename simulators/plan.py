"""What a fleet is to live through in a month: read from a file, and drawn up by a seed.

A plan names stations, tokens and the month; `draw_up` makes an agenda of it, the same one for the
same plan. The agenda holds, besides ordinary charging, one of everything that goes wrong in the
field. Pure: no clock, no socket, no waiting.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulators.agenda import Act, Agenda, Step, Visit, steps_of
from simulators.dialect import Kind
from simulators.manners import BadManners, failings_of
from simulators.meter import Quirk

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_GAP = timedelta(minutes=10)
_BREAKS = (
    (timedelta(days=2), timedelta(hours=5), "GroundFailure"),
    (timedelta(hours=3), None, "ConnectorLockFailure"),
)
"""How long before the end a station breaks, for how long (None: it stays broken), and how."""
_VERSIONS = ("1.6", "2.0.1", "2.1")
_HOURS_BY_DAY = (*range(6, 10), *range(6, 22), *range(11, 14), *range(16, 21))
"""When people plug in, by their local time: mornings, noon and evenings more often."""


UNKNOWN_TOKENS = ("0BADC0DE", "0DDBA11500", "FACE0FF5")
"""Cards that nobody has issued, where a plan names none."""


class BadPlan(ValueError):
    """A plan cannot be used; the message names the field."""


@dataclass(frozen=True, kw_only=True)
class PlannedEvse:
    evse_id: int
    max_power_w: int


@dataclass(frozen=True, kw_only=True)
class PlannedStation:
    """`owner` is only compared with the owners of tokens; `time_zone` is IANA's name."""

    identity: str
    version: str
    owner: str
    time_zone: str
    evses: tuple[PlannedEvse, ...]
    password: str | None = field(default=None, repr=False)
    vendor: str = "Leuchtkraft"
    model: str = "Saeule 2"
    failings: Mapping[str, str] = field(default_factory=dict)
    """How it fails at commands: action (`*` for any) to a failing of `simulators.manners`."""


@dataclass(frozen=True, kw_only=True)
class PlannedToken:
    """`owner` or `provider` says whose it is; a `refused` one is blocked, expired or the like."""

    id_token: str
    type: str = "ISO14443"
    owner: str | None = None
    provider: str | None = None
    refused: bool = False


@dataclass(frozen=True, kw_only=True)
class MonthPlan:
    """A month (`YYYY-MM`, by each station's own zone) and the days after it, up to `now`.

    `sessions` is about how many end within the month; the days after go on at the same rate.
    """

    month: str
    now: datetime
    seed: int
    sessions: int
    stations: tuple[PlannedStation, ...]
    tokens: tuple[PlannedToken, ...]
    unknown_tokens: tuple[str, ...] = UNKNOWN_TOKENS
    heartbeat_hours: int = 4
    clock_file: str | None = None
    breakable: tuple[str, ...] = ()
    """Identities of stations of which two break shortly before `now`; one is not mended."""

    def bounds(self, time_zone: str) -> tuple[datetime, datetime]:
        """Return the month's first moment and the next month's, in UTC."""
        year, month = (int(part) for part in self.month.split("-"))
        zone = ZoneInfo(time_zone)
        first = datetime(year, month, 1, tzinfo=zone)
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
        return first.astimezone(UTC), after.astimezone(UTC)


def read_plan(facts: Mapping[str, Any]) -> MonthPlan:
    """Return the plan that a JSON object describes.

    Raises:
        BadPlan: If something is missing or cannot be; the message says what.
    """
    try:
        plan = MonthPlan(
            month=str(facts["month"]),
            now=_moment(facts["now"]),
            seed=int(facts.get("seed", 1)),
            sessions=int(facts.get("sessions", 650)),
            stations=tuple(_station(station) for station in facts["stations"]),
            tokens=tuple(PlannedToken(**token) for token in facts["tokens"]),
            unknown_tokens=tuple(facts.get("unknown_tokens", UNKNOWN_TOKENS)),
            heartbeat_hours=int(facts.get("heartbeat_hours", 4)),
            clock_file=facts.get("clock_file"),
            breakable=tuple(map(str, facts.get("breakable", ()))),
        )
        plan.bounds("UTC")
    except KeyError as error:
        raise BadPlan(f"the plan lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise BadPlan(f"the plan is wrong: {error}") from error
    if not plan.stations:
        raise BadPlan("stations: there is none")
    if not any(not token.refused for token in plan.tokens):
        raise BadPlan("tokens: there is none that may charge")
    if plan.sessions < 1 or plan.heartbeat_hours < 1:
        raise BadPlan("sessions and heartbeat_hours must be at least 1")
    return plan


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise BadPlan(f"now: {text!r} names no time zone")
    return at.astimezone(UTC)


def _station(facts: Mapping[str, Any]) -> PlannedStation:
    evses = tuple(PlannedEvse(**evse) for evse in facts["evses"])
    station = PlannedStation(**{**facts, "evses": evses})
    if station.version not in _VERSIONS:
        raise BadPlan(f"{station.identity}: version {station.version!r} is none of {_VERSIONS}")
    if not evses:
        raise BadPlan(f"{station.identity}: it has no EVSE")
    try:
        failings_of(station.failings)
    except BadManners as error:
        raise BadPlan(f"{station.identity}: failings: {error}") from error
    try:
        ZoneInfo(station.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadPlan(f"{station.identity}: no time zone {station.time_zone!r}") from error
    return station


def draw_up(plan: MonthPlan) -> Agenda:
    """Return what happens; the same plan gives the same agenda."""
    return _Planner(plan).draw_up()


@dataclass
class _Planner:
    """Puts visits where EVSE and token are free: the special ones first, then the everyday."""

    plan: MonthPlan
    visits: list[Visit] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    late: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.plan.seed)
        self._busy: dict[tuple[int, int], list[tuple[datetime, datetime]]] = {}
        self._charging: dict[str, list[tuple[datetime, datetime]]] = {}
        self._outages: dict[int, list[tuple[datetime, datetime]]] = {}
        self._quirks: dict[tuple[int, int], frozenset[Quirk]] = {}
        bounds = [self.plan.bounds(station.time_zone) for station in self.plan.stations]
        self._begin = min(first for first, _ in bounds) - _DAY
        self._end = max(self.plan.now, *(after for _, after in bounds)) + _DAY / 2
        # Each role goes to another station, as long as there are enough.
        self._roles = list(range(len(self.plan.stations)))
        self._rng.shuffle(self._roles)

    def draw_up(self) -> Agenda:
        self._give_quirks()
        self._late_station()
        self._borders()
        self._late_across_the_border()
        for _ in range(3):
            self._offline_night()
        for _ in range(2):
            self._power_loss()
        self._backwards()
        self._idle_faults()
        self._broken()
        self._refusals()
        self._everyday()
        self._disturb()
        self._heartbeats()
        for visit in self.visits:
            self.steps += steps_of(visit)
        self.steps.sort(key=lambda step: (step.at, step.station, step.rank))
        return Agenda(
            begin=self._begin,
            visits=tuple(self.visits),
            steps=tuple(self.steps),
            late=tuple(self.late),
            quirks=self._quirks,
        )

    # ------------------------------------------------------------- roles

    def _next(self, versions: Sequence[str] = _VERSIONS) -> int:
        """Return the next station for a role, of one of the versions where there is one."""
        index = next(
            (role for role in self._roles if self.plan.stations[role].version in versions),
            self._roles[0],
        )
        self._roles.remove(index)
        self._roles.append(index)
        return index

    def _give_quirks(self) -> None:
        liar = self._next(["1.6"])
        self._quirks[(liar, self._first_evse(liar))] = frozenset({Quirk.KWH_AS_WH})
        after_runner = self._next()
        for evse in self.plan.stations[after_runner].evses:
            self._quirks.setdefault((after_runner, evse.evse_id), frozenset({Quirk.RUNS_ON}))

    def _late_station(self) -> None:
        """One station loses its line near the month's end and is not mended before the close."""
        if len(self.plan.stations) < 2:
            return
        index = self._next()
        self._roles.remove(index)
        _, after = self._bounds(index)
        offline_at = after - 40 * _HOUR
        self._outages[index] = [(offline_at, self._end + _DAY)]
        self.steps.append(Step(at=offline_at, station=index, act=Act.GO_OFFLINE))
        self.late.append(index)
        for hours in (30, 9):
            self._place(index, after - hours * _HOUR, remark="late_after_close")

    def _borders(self) -> None:
        for _ in range(2):
            index = self._next()
            first, after = self._bounds(index)
            self._place(index, first - 40 * _MINUTE, 110 * _MINUTE, remark="across_first_border")
            index = self._next()
            first, after = self._bounds(index)
            self._place(index, after - 50 * _MINUTE, 130 * _MINUTE, remark="across_last_border")

    def _late_across_the_border(self) -> None:
        index = self._next()
        _, after = self._bounds(index)
        if self._outage(index, after - 30 * _HOUR, after + 20 * _HOUR):
            self._place(index, after - 20 * _HOUR, remark="reported_after_the_border")
            self._place(index, after - 40 * _MINUTE, 90 * _MINUTE, remark="offline_across_border")

    def _offline_night(self) -> None:
        index = self._next()
        day = self._some_day(index)
        unknown = self._rng.choice(self.plan.unknown_tokens) if len(self._outages) == 3 else None
        if self._outage(index, day + 22 * _HOUR, day + 30 * _HOUR):
            self._place(index, day + 23 * _HOUR, 5 * _HOUR, remark="offline_start")
            self._place(
                index,
                day + 29 * _HOUR,
                40 * _MINUTE,
                token=None if unknown is None else PlannedToken(id_token=unknown),
                remark="offline_start" if unknown is None else "offline_start_of_unknown_token",
            )

    def _power_loss(self) -> None:
        index = self._next()
        start_at = self._some_day(index) + 15 * _HOUR
        cut_at, back_at = start_at + 50 * _MINUTE, start_at + 3 * _HOUR
        evses = [evse.evse_id for evse in self.plan.stations[index].evses]
        if not all(self._is_free(index, evse_id, start_at, back_at) for evse_id in evses):
            return
        if not self._outage(index, cut_at, back_at, power=True):
            return
        self._place(index, start_at, 2 * _HOUR, evse_id=evses[0], remark="power_loss")
        for evse_id in evses:
            self._busy.setdefault((index, evse_id), []).append((cut_at - _GAP, back_at + _GAP))

    def _backwards(self) -> None:
        index = self._next()
        self._place(
            index,
            self._some_day(index) + 10 * _HOUR,
            2 * _HOUR,
            quirks=frozenset({Quirk.BACKWARDS}),
            remark="meter_backwards",
        )

    def _idle_faults(self) -> None:
        for code in ("OverVoltage", "ReaderFailure", "GroundFailure"):
            index = self._next()
            evse_id = self._first_evse(index)
            at = self._some_day(index) + 3 * _HOUR
            if self._is_free(index, evse_id, at, at + 2 * _HOUR) and not self._is_out(index, at):
                self._busy.setdefault((index, evse_id), []).append((at, at + 2 * _HOUR))
                fault = Step(at=at, station=index, act=Act.FAULT, evse_id=evse_id, code=code)
                mended = Step(
                    at=at + 2 * _HOUR, station=index, act=Act.CLEAR_FAULT, evse_id=evse_id
                )
                self.steps += [fault, mended]

    def _broken(self) -> None:
        """Two stations break in the last days before the plan's now; the second stays broken."""
        broken: set[int] = set()
        for before, lasts, code in _BREAKS:
            at = self.plan.now - before
            until = self._end + _DAY if lasts is None else at + lasts
            for index in sorted(self._breakable() - broken, key=self._is_newer):
                evse_id = self._first_evse(index)
                if self._is_out(index, at) or not self._is_free(index, evse_id, at, until):
                    continue
                self._busy.setdefault((index, evse_id), []).append((at, until))
                self.steps.append(
                    Step(at=at, station=index, act=Act.FAULT, evse_id=evse_id, code=code)
                )
                if lasts is not None:
                    self.steps.append(
                        Step(at=until, station=index, act=Act.CLEAR_FAULT, evse_id=evse_id)
                    )
                broken.add(index)
                break

    def _breakable(self) -> set[int]:
        known = enumerate(self.plan.stations)
        return {index for index, each in known if each.identity in self.plan.breakable}

    def _is_newer(self, index: int) -> tuple[bool, int]:
        """Order the stations that speak 1.6 first: they name what broke."""
        return self.plan.stations[index].version != "1.6", index

    def _refusals(self) -> None:
        """Somebody holds a card before the reader that is not good."""
        bad = [PlannedToken(id_token=token) for token in self.plan.unknown_tokens]
        bad += [token for token in self.plan.tokens if token.refused]
        for token in bad * 2:
            index = self._next()
            at = self._some_day(index) + self._rng.uniform(8, 20) * _HOUR
            if not self._is_out(index, at):
                self.steps.append(
                    Step(
                        at=at,
                        station=index,
                        act=Act.TRY_TOKEN,
                        id_token=token.id_token,
                        id_token_type=token.type,
                    )
                )

    # ------------------------------------------------------------- every day

    def _everyday(self) -> None:
        first, after = self._bounds(0)
        in_month = self.plan.sessions
        self._scatter(in_month, first, after - 2 * _HOUR)
        share = max(timedelta(0), self._end - after) / (after - first)
        self._scatter(round(in_month * share), after, self._end)
        self._scatter(len(self.plan.stations) // 3, self._begin, first - _HOUR)

    def _scatter(self, count: int, begin: datetime, end: datetime) -> None:
        days = max(1, (end - begin) // _DAY)
        for _ in range(count):
            # A full fleet may have no room; then this one drives on.
            for _ in range(30):
                index = self._rng.randrange(len(self.plan.stations))
                zone = ZoneInfo(self.plan.stations[index].time_zone)
                day = (begin + self._rng.randrange(days + 1) * _DAY).astimezone(zone)
                at = day.replace(
                    hour=self._rng.choice(_HOURS_BY_DAY),
                    minute=self._rng.randrange(60),
                    second=self._rng.randrange(60),
                    microsecond=0,
                ).astimezone(UTC)
                if begin <= at < end and self._place(index, at) is not None:
                    break

    def _disturb(self) -> None:
        """Let answers get lost here and there, and some charging end with a fault."""
        plain = [visit for visit in self.visits if visit.remark is None]
        for visit in plain:
            if self._rng.random() < 0.1:
                visit.lose.add(self._rng.choice([Kind.START, Kind.READING, Kind.END]))
        for visit in self._rng.sample(plain, k=min(3, len(plain))):
            if not self._is_out(visit.station, visit.start_at):
                visit.fault_code = "GroundFailure"
                visit.remark = "fault"

    def _heartbeats(self) -> None:
        at = self._begin.replace(minute=0, second=0, microsecond=0) + _HOUR
        while at < self._end:
            for index in range(len(self.plan.stations)):
                self.steps.append(Step(at=at, station=index, act=Act.HEARTBEAT))
            at += self.plan.heartbeat_hours * _HOUR

    # ------------------------------------------------------------- placing

    def _place(
        self,
        index: int,
        start_at: datetime,
        dwell: timedelta | None = None,
        *,
        evse_id: int | None = None,
        token: PlannedToken | None = None,
        quirks: frozenset[Quirk] = frozenset(),
        remark: str | None = None,
    ) -> Visit | None:
        """Put a visit where it fits; None if EVSEs or tokens are taken then."""
        station = self.plan.stations[index]
        evses = [evse for evse in station.evses if evse_id in {None, evse.evse_id}]
        evse = self._rng.choice(evses)
        if remark is None and self._rng.random() < 0.12:
            # Full soon, and parked for hours: what parking tariffs are for.
            soc, dwell = 0.85, timedelta(hours=self._rng.uniform(2, 5))
        else:
            soc = self._rng.uniform(0.1, 0.7)
        if evse.max_power_w >= 43_000:
            car_w = self._rng.choice([50_000, 80_000, 120_000, 170_000])
            dwell = dwell or timedelta(minutes=self._rng.uniform(15, 50))
        else:
            car_w = self._rng.choice([3_700, 7_400, 11_000, 11_000, 22_000])
            dwell = dwell or timedelta(minutes=min(600, self._rng.lognormvariate(4.9, 0.7) + 15))
        finish_at = start_at + timedelta(seconds=round(dwell.total_seconds()))
        if not self._is_free(index, evse.evse_id, start_at, finish_at):
            return None
        if remark is None and self._is_out(index, start_at) != self._is_out(index, finish_at):
            # Not every station's return is worth a story of its own, but many are.
            remark = "offline_in_between"
        token = token or self._free_token(station, start_at, finish_at)
        if token is None:
            return None
        visit = Visit(
            station=index,
            evse_id=evse.evse_id,
            id_token=token.id_token,
            id_token_type=token.type,
            start_at=start_at,
            finish_at=finish_at,
            battery_wh=self._rng.choice([40_000, 52_000, 60_000, 77_000, 90_000]),
            soc=soc,
            car_w=car_w,
            max_power_w=evse.max_power_w,
            quirks=quirks,
            remark=remark,
        )
        self.visits.append(visit)
        self._busy.setdefault((index, evse.evse_id), []).append((start_at, finish_at))
        self._charging.setdefault(token.id_token, []).append((start_at, finish_at))
        return visit

    def _free_token(
        self, station: PlannedStation, begin: datetime, end: datetime
    ) -> PlannedToken | None:
        """Choose who comes: most are the owner's own people, the others guests."""
        good = [token for token in self.plan.tokens if not token.refused]
        own = [token for token in good if token.owner == station.owner]
        others = [token for token in good if token.owner != station.owner]
        pools = [own, others] if self._rng.random() < 0.6 else [others, own]
        for pool in pools:
            free = [
                token for token in pool if _fits(self._charging.get(token.id_token, ()), begin, end)
            ]
            if free:
                return self._rng.choice(free)
        return None

    def _is_free(self, index: int, evse_id: int, begin: datetime, end: datetime) -> bool:
        return _fits(self._busy.get((index, evse_id), ()), begin, end)

    def _outage(self, index: int, begin: datetime, end: datetime, *, power: bool = False) -> bool:
        outages = self._outages.setdefault(index, [])
        if not _fits(outages, begin, end) or end > self._end:
            return False
        outages.append((begin, end))
        down, up = (Act.CUT_POWER, Act.RESTORE_POWER) if power else (Act.GO_OFFLINE, Act.COME_BACK)
        self.steps.append(Step(at=begin, station=index, act=down))
        self.steps.append(Step(at=end, station=index, act=up))
        return True

    def _is_out(self, index: int, at: datetime) -> bool:
        return not _fits(self._outages.get(index, ()), at, at)

    def _some_day(self, index: int) -> datetime:
        """Return midnight (UTC) of a day well within the month."""
        first, after = self._bounds(index)
        days = (after - first) // _DAY
        day = first + self._rng.randrange(2, days - 3) * _DAY
        return day.replace(hour=0, minute=self._rng.randrange(20), second=0)

    def _bounds(self, index: int) -> tuple[datetime, datetime]:
        return self.plan.bounds(self.plan.stations[index].time_zone)

    def _first_evse(self, index: int) -> int:
        return self.plan.stations[index].evses[0].evse_id


def _fits(taken: Sequence[tuple[datetime, datetime]], begin: datetime, end: datetime) -> bool:
    return all(
        end + _GAP <= other_begin or other_end + _GAP <= begin for other_begin, other_end in taken
    )
