"""A fleet as it lives: what its stations say, what goes wrong with them and when, from a seed.

Only a plan: nothing here knows the program. What goes wrong (an `Incident`) is either true, and
somebody must hear of it by a moment that its watch knows, or it only looks like it. Incidents of a
site keep apart, so that each is told for itself.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

BEGIN: Final = datetime(2026, 10, 15, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SITE: Final = 10
"""How many stations stand behind one router."""
OFFLINE_AFTER: Final = HOUR
PROBED_WITHIN: Final = 8 * MINUTE
"""A ping, a question, the time for its answer, and the rounds between."""
ROUND: Final = 2 * MINUTE
"""Until the next round of a watch, and until it is told."""
QUARTER: Final = 15 * MINUTE
CALM: Final = 36 * HOUR
"""How far apart the incidents of a site are at least."""
BEFORE_WORK: Final = 10 * MINUTE
"""How long a maintenance window lasts before something goes wrong in it."""
GAPS_SEEN: Final = 21
"""So many sessions say what is usual at a charge point."""


class Kind(StrEnum):
    """What happens."""

    FAULT = "fault"
    WARNING = "warning"
    CHATTER = "chatter"
    """A connector that is faulted and well by turns."""
    TAMPER = "tamper"
    OUTAGE = "outage"
    MUTE = "mute"
    """A socket that stands, and nobody at the other end."""
    FLAPPING = "flapping"
    ROUTER = "router"
    ROUTER_FLAPPING = "router_flapping"
    PAST_WINDOW = "past_window"
    """A fault under maintenance that is still there at the window's end."""
    EMPTY = "empty"
    DESERTED = "deserted"
    # What only looks like it:
    SHORT_CUT = "short_cut"
    LONG_PAUSE = "long_pause"
    """No message for longer than a station may be silent, but it answers when it is asked."""
    NO_ERROR = "no_error"
    """Faulted, without an error."""
    ROUTINE = "routine"
    IN_WINDOW = "in_window"
    OUTAGE_IN_WINDOW = "outage_in_window"


TRUE: Final = (
    *(Kind.FAULT,) * 5,
    *(Kind.WARNING,) * 2,
    *(Kind.OUTAGE,) * 4,
    *(Kind.MUTE,) * 2,
    Kind.CHATTER,
    Kind.TAMPER,
    Kind.FLAPPING,
    Kind.PAST_WINDOW,
)
FALSE: Final = (
    *(Kind.SHORT_CUT,) * 3,
    *(Kind.LONG_PAUSE,) * 2,
    Kind.NO_ERROR,
    Kind.ROUTINE,
    Kind.IN_WINDOW,
    Kind.OUTAGE_IN_WINDOW,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that goes wrong, or looks like it.

    Attributes:
        watch: Which watch finds it, and `cause`: as what; both empty where nobody is to hear of it.
        begins: When it is wrong.
        ends: When all is well again; None: a person must declare it over.
        due: When it must have been told.
    """

    kind: Kind
    stations: tuple[str, ...]
    watch: str = ""
    cause: str = ""
    begins: datetime
    ends: datetime | None
    due: datetime

    @property
    def is_true(self) -> bool:
        """Whether somebody must hear of it."""
        return bool(self.watch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A station reports the status of its connector."""

    station: str
    at: datetime
    status: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """A station reports a security event."""

    station: str
    at: datetime
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A station's socket is opened, or closed."""

    station: str
    at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A station with a socket stops saying anything, or goes on; it may still answer."""

    station: str
    at: datetime
    speaks: bool
    answers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Somebody plans a maintenance window that begins at once."""

    station: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody charged, and the station says so at the end."""

    station: str
    at: datetime
    """When it ended."""
    began: datetime
    energy_wh: int
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Nothing is said: it is only time to look."""

    station: str
    at: datetime


Happening = Status | Security | Socket | Voice | Work | Session | Look


@dataclass(slots=True)
class Fleet:
    """The plan.

    Attributes:
        sites: The stations of each site; those of `None` stand alone.
        owners: Whose a site (by its number) or a lone station is.
        beats: How often each station says something, and when first.
        charging: Those of which sessions are known.
    """

    days: int
    owners: int
    sites: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lone: tuple[str, ...] = ()
    charging: tuple[str, ...] = ()
    beats: dict[str, tuple[timedelta, datetime]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    rounds: set[datetime] = field(default_factory=set)
    """Quarters of an hour at which charging has to be looked at."""

    @property
    def stations(self) -> list[str]:
        """All of them."""
        return sorted(self.beats)

    @property
    def end(self) -> datetime:
        """When the story ends; the last day is left for what began to become well."""
        return BEGIN + timedelta(days=self.days)

    def owner(self, station: str) -> int:
        """Return the number of a station's owner."""
        place = station.split("-")[1]
        return int(place) % self.owners


def planned(seed: int, *, stations: int, days: int, owners: int, every_days: float) -> Fleet:
    """Return a fleet with what happens to it.

    Args:
        seed: The same seed is the same story.
        stations: How many; four fifths stand in sites of ten.
        days: How long.
        owners: How many owners.
        every_days: A station has an incident about so often.
    """
    dice = random.Random(seed)
    fleet = Fleet(days=days, owners=owners)
    for number in range(stations * 4 // 5 // SITE):
        fleet.sites[number] = tuple(f"S-{number}-{place}" for place in range(SITE))
    rest = stations - SITE * len(fleet.sites)
    fleet.lone = tuple(f"L-{number}-0" for number in range(rest // 2))
    fleet.charging = tuple(f"C-{number}-0" for number in range(rest - rest // 2))
    everybody = [*(each for site in fleet.sites.values() for each in site), *fleet.lone]
    for each in (*everybody, *fleet.charging):
        every = timedelta(seconds=dice.randrange(240, 900))
        fleet.beats[each] = every, BEGIN - every * dice.random()
    _Planner(fleet, dice).plan(every_days)
    fleet.happenings.sort(key=lambda each: (each.at, each.station))
    fleet.incidents.sort(key=lambda each: (each.begins, each.stations))
    return fleet


@dataclass(slots=True)
class _Planner:
    fleet: Fleet
    dice: random.Random
    tampered: set[str] = field(default_factory=set)
    bag: list[Kind] = field(default_factory=list)
    """What is still to happen before everything has its turn again."""

    def plan(self, every_days: float) -> None:
        """Let time go by at every place, with one incident after the other."""
        places: list[tuple[str, ...]] = [*self.fleet.sites.values()]
        places += [(each,) for each in self.fleet.lone]
        for stations in places:
            mean = timedelta(days=max(every_days / len(stations), 2.5))
            for at in self._moments(mean):
                self._incident(stations, at)
        self._routers()
        for each in self.fleet.charging:
            self._charging(each)

    def _moments(self, mean: timedelta) -> Iterator[datetime]:
        """Go on by steps that keep incidents apart; most last for less than a day."""
        at = BEGIN + self.dice.uniform(0.2, 1) * mean
        while at < self.fleet.end - 2 * DAY:
            yield at.replace(microsecond=0)
            at += max(DAY + CALM, self.dice.uniform(0.6, 1.4) * mean)

    def _routers(self) -> None:
        """At every other site one incident is that of the router, with all its stations."""
        for number, stations in self.fleet.sites.items():
            its = [each for each in self.fleet.incidents if each.stations[0] in stations]
            if number % 2 or not its:
                continue
            before = its[self.dice.randrange(len(its))]
            self._forget(before)
            self._router(stations, before.begins, is_flapping=number % 4 == 2)

    def _forget(self, incident: Incident) -> None:
        self.fleet.incidents.remove(incident)
        begin = incident.begins - BEFORE_WORK  # the window in which it was to begin goes with it
        end = incident.begins + DAY + 12 * HOUR
        self.fleet.happenings = [
            each
            for each in self.fleet.happenings
            if each.station not in incident.stations or not begin <= each.at <= end
        ]

    # ---------------------------------------------------------------------------- incidents

    def _incident(self, stations: Sequence[str], at: datetime) -> None:
        station = self.dice.choice(stations)
        if not self.bag:
            self.bag = self.dice.sample((*TRUE, *FALSE), k=len(TRUE) + len(FALSE))
        kind = self.bag.pop()
        if kind is Kind.TAMPER:
            if station in self.tampered:
                kind = Kind.FAULT
            self.tampered.add(station)
        lasts = self.dice.uniform(2, 10) * HOUR
        {
            Kind.FAULT: self._fault,
            Kind.WARNING: self._fault,
            Kind.NO_ERROR: self._fault,
            Kind.CHATTER: self._chatter,
            Kind.TAMPER: self._security,
            Kind.ROUTINE: self._security,
            Kind.OUTAGE: self._outage,
            Kind.SHORT_CUT: self._outage,
            Kind.MUTE: self._mute,
            Kind.LONG_PAUSE: self._mute,
            Kind.FLAPPING: self._flapping,
            Kind.PAST_WINDOW: self._worked_at,
            Kind.IN_WINDOW: self._worked_at,
            Kind.OUTAGE_IN_WINDOW: self._worked_at,
        }[kind](kind, station, at, lasts)

    def _add(self, *happenings: Happening) -> None:
        self.fleet.happenings.extend(happenings)

    def _told(
        self,
        kind: Kind,
        stations: tuple[str, ...],
        begins: datetime,
        ends: datetime | None,
        due: datetime,
        *,
        watch: str = "",
        cause: str = "",
    ) -> None:
        incident = Incident(
            kind=kind,
            stations=stations,
            begins=begins,
            ends=ends,
            due=due,
            watch=watch,
            cause=cause,
        )
        self.fleet.incidents.append(incident)

    def _fault(self, kind: Kind, station: str, at: datetime, lasts: timedelta) -> None:
        error: str | None
        if kind is Kind.FAULT:
            status, watch = "Faulted", "fault"
            error = self.dice.choice(["GroundFailure", "ConnectorLockFailure", "OverVoltage"])
        elif kind is Kind.WARNING:
            status, watch = "Available", "warning"
            error = self.dice.choice(["HighTemperature", "WeakSignal", "ReaderFailure"])
        else:
            status, watch, error = "Faulted", "", None
        self._add(
            Status(station=station, at=at, status=status, error=error),
            Status(station=station, at=at + lasts, status="Available"),
        )
        self._told(kind, (station,), at, at + lasts, at + ROUND, watch=watch, cause=error or "")

    def _chatter(self, kind: Kind, station: str, at: datetime, _: timedelta) -> None:
        moment = at
        for _turn in range(self.dice.randrange(4, 9)):
            self._add(Status(station=station, at=moment, status="Faulted", error="OverVoltage"))
            moment += self.dice.randrange(40, 150) * timedelta(seconds=1)
            self._add(Status(station=station, at=moment, status="Available"))
            ends = moment
            moment += self.dice.randrange(40, 150) * timedelta(seconds=1)
        self._told(kind, (station,), at, ends, at + ROUND, watch="fault", cause="OverVoltage")

    def _security(self, kind: Kind, station: str, at: datetime, _: timedelta) -> None:
        is_true = kind is Kind.TAMPER
        said = "TamperDetectionActivated" if is_true else "ResetOrReboot"
        self._add(Security(station=station, at=at, type=said))
        watch, cause = ("security", said) if is_true else ("", "")
        self._told(kind, (station,), at, None, at + ROUND, watch=watch, cause=cause)

    def _outage(self, kind: Kind, station: str, at: datetime, lasts: timedelta) -> None:
        is_true = kind is Kind.OUTAGE
        if not is_true:
            lasts = self.dice.uniform(2, 40) * MINUTE
        self._cut((station,), at, at + lasts)
        self._silent(kind, (station,), at, at + lasts, is_told=is_true)

    def _cut(self, stations: Sequence[str], at: datetime, until: datetime) -> None:
        for each in stations:
            self._add(
                Socket(station=each, at=at, is_open=False),
                Socket(station=each, at=until, is_open=True),
            )

    def _silent(
        self,
        kind: Kind,
        stations: tuple[str, ...],
        at: datetime,
        until: datetime,
        *,
        is_told: bool = True,
        slack: timedelta = ROUND,
    ) -> None:
        watch, cause = ("offline", "silence") if is_told else ("", "")
        due = at + OFFLINE_AFTER + slack
        self._told(kind, stations, at, until, due, watch=watch, cause=cause)

    def _mute(self, kind: Kind, station: str, at: datetime, lasts: timedelta) -> None:
        is_true = kind is Kind.MUTE
        self._add(
            Voice(station=station, at=at, speaks=False, answers=not is_true),
            Voice(station=station, at=at + lasts, speaks=True),
        )
        self._silent(kind, (station,), at, at + lasts, is_told=is_true, slack=PROBED_WITHIN + ROUND)

    def _flapping(self, kind: Kind, station: str, at: datetime, _: timedelta) -> None:
        ends = self._turns((station,), at)
        self._silent(kind, (station,), at, ends)

    def _turns(self, stations: tuple[str, ...], at: datetime) -> datetime:
        """Cut and open again and again, after a first long cut; return when that ends."""
        moment = at + self.dice.uniform(70, 120) * MINUTE
        self._cut(stations, at, moment)
        pause = self.dice.uniform(*self.dice.choice([(4, 25), (33, 50)])) * MINUTE
        for _ in range(self.dice.randrange(3, 9)):
            cut = moment + self.dice.uniform(0.5, 4) * MINUTE
            moment = cut + pause
            self._cut(stations, cut, moment)
        return moment

    def _router(self, stations: tuple[str, ...], at: datetime, *, is_flapping: bool) -> None:
        if is_flapping:
            self._silent(Kind.ROUTER_FLAPPING, stations, at, self._turns(stations, at))
            return
        until = at + self.dice.uniform(2, 10) * HOUR
        self._cut(stations, at, until)
        self._silent(Kind.ROUTER, stations, at, until)

    def _worked_at(self, kind: Kind, station: str, at: datetime, lasts: timedelta) -> None:
        """A window; within it, something goes wrong, and is well before its end, or not."""
        begins = at + BEFORE_WORK
        until = (at + lasts).replace(second=0)
        self._add(Work(station=station, at=at, until=until), Look(station=station, at=until))
        if kind is Kind.OUTAGE_IN_WINDOW:
            well = until - 40 * MINUTE  # time to be back, and to have stayed so
            self._cut((station,), begins, well)
            self._told(kind, (station,), begins, well, until)
            return
        is_true = kind is Kind.PAST_WINDOW
        well = until + 3 * HOUR if is_true else until - 20 * MINUTE
        self._add(
            Status(station=station, at=begins, status="Faulted", error="PowerMeterFailure"),
            Status(station=station, at=well, status="Available"),
        )
        watch, cause = ("fault", "PowerMeterFailure") if is_true else ("", "")
        self._told(kind, (station,), begins, well, until + ROUND, watch=watch, cause=cause)

    # ----------------------------------------------------------------------------- charging

    def _charging(self, station: str) -> None:
        """Somebody charges a few times a day; then nobody gets energy, and later nobody comes."""
        at, starts = BEGIN + self.dice.uniform(1, 6) * HOUR, list[datetime]()
        empty_after = self.dice.randrange(6, 14)
        deserted_after = self.dice.randrange(empty_after + GAPS_SEEN, empty_after + 2 * GAPS_SEEN)
        while at < self.fleet.end - DAY:
            if len(starts) == empty_after:
                at = self._empty(station, at, starts)
            elif len(starts) >= deserted_after and at < self.fleet.end - 6 * DAY:
                at = self._deserted(station, at, starts)
                deserted_after = 10**9
            self._session(station, at, starts, energy_wh=self.dice.randrange(3_000, 60_000))
            at += self.dice.uniform(5, 15) * HOUR

    def _session(
        self, station: str, began: datetime, starts: list[datetime], *, energy_wh: int
    ) -> datetime:
        ended = began + (self.dice.uniform(20, 120) if energy_wh else 3) * MINUTE
        starts.append(began)
        token = f"TOKEN{len(starts) % 4}"
        self._add(Session(station=station, at=ended, began=began, energy_wh=energy_wh, token=token))
        return ended

    def _empty(self, station: str, at: datetime, starts: list[datetime]) -> datetime:
        """Four start in vain; return when the next comes, who gets energy."""
        begins = at
        for _ in range(4):
            ended = self._session(station, at, starts, energy_wh=0)
            at += self.dice.uniform(1, 4) * HOUR
        self._looked_at(station, ended)
        well = at
        self._looked_at(station, well + 2 * HOUR)
        self._told(
            Kind.EMPTY,
            (station,),
            begins,
            well,
            ended + QUARTER + ROUND,
            watch="failing",
            cause="starts_without_energy",
        )
        return well

    def _deserted(self, station: str, at: datetime, starts: list[datetime]) -> datetime:
        """Nobody comes for much longer than ever; return when somebody does."""
        newest = starts[-51:]
        longest = max(later - before for before, later in pairwise(newest))
        unusual = starts[-1] + max(DAY, 3 * longest)
        well = max(at, unusual) + self.dice.uniform(3, 12) * HOUR
        self._looked_at(station, unusual)
        self._looked_at(station, well + 2 * HOUR)
        self._told(
            Kind.DESERTED,
            (station,),
            starts[-1],
            well,
            unusual + QUARTER + ROUND,
            watch="failing",
            cause="no_session",
        )
        return well

    def _looked_at(self, station: str, after: datetime) -> None:
        """Let charging be looked at in the quarter of an hour after a moment."""
        at = after.replace(minute=after.minute // 15 * 15, second=0, microsecond=0) + QUARTER
        self.fleet.rounds.add(at)
        self._add(Look(station=station, at=at))
