"""What happens when, as values: visits of cars to stations, and the steps they consist of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from simulators.dialect import Kind
from simulators.meter import Car, Quirk

_QUARTER = timedelta(minutes=15)


class Act(StrEnum):
    """What can happen at a station, in the order in which it happens at one moment."""

    RESTORE_POWER = "restore_power"
    COME_BACK = "come_back"
    CLEAR_FAULT = "clear_fault"
    PLUG_IN = "plug_in"
    START = "start"
    READ = "read"
    SUSPEND = "suspend"
    FINISH = "finish"
    FAULT = "fault"
    UNPLUG = "unplug"
    TRY_TOKEN = "try_token"  # noqa: S105 - an act, no secret
    HEARTBEAT = "heartbeat"
    GO_OFFLINE = "go_offline"
    CUT_POWER = "cut_power"


_ORDER = {act: rank for rank, act in enumerate(Act)}


@dataclass(eq=False, kw_only=True)
class Visit:
    """A car comes, charges and leaves. `lose` names messages whose answer gets lost once."""

    station: int
    evse_id: int
    id_token: str
    id_token_type: str
    start_at: datetime
    finish_at: datetime
    battery_wh: float
    soc: float
    car_w: float
    max_power_w: float
    quirks: frozenset[Quirk] = frozenset()
    lose: set[Kind] = field(default_factory=set)
    fault_code: str | None = None
    remark: str | None = None

    def car(self) -> Car:
        return Car(self.battery_wh, self.soc, self.car_w)

    @property
    def full_at(self) -> datetime:
        """When the car is full, if it stays so long."""
        seconds = self.car().seconds_until_full(self.max_power_w)
        return self.start_at + timedelta(seconds=int(seconds) + 1)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens at one station."""

    at: datetime
    station: int
    act: Act
    evse_id: int = 0
    visit: Visit | None = None
    id_token: str = ""
    id_token_type: str = ""
    code: str = ""

    @property
    def rank(self) -> int:
        return _ORDER[self.act]


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """Steps in order of time. `late` are stations that come back only when they are told to."""

    begin: datetime
    visits: tuple[Visit, ...]
    steps: tuple[Step, ...]
    late: tuple[int, ...]
    quirks: Mapping[tuple[int, int], frozenset[Quirk]]


def steps_of(visit: Visit) -> list[Step]:
    """Return the steps of a visit.

    Meters are read at every quarter of an hour, and once the car is full at every full hour.
    A visit with a fault ends half-way.
    """
    finish_at = visit.finish_at
    if visit.fault_code is not None:
        half = (visit.finish_at - visit.start_at).total_seconds() // 2
        finish_at = visit.start_at + timedelta(seconds=half)
    full_at = visit.full_at
    found = [
        _step(visit, Act.PLUG_IN, visit.start_at - timedelta(seconds=45)),
        _step(visit, Act.START, visit.start_at),
    ]
    if full_at + timedelta(minutes=1) < finish_at:
        found.append(_step(visit, Act.SUSPEND, full_at))
    at = _next_quarter(visit.start_at)
    while at < finish_at:
        if at < full_at or at.minute == 0:
            found.append(_step(visit, Act.READ, at))
        at += _QUARTER
    if visit.fault_code is not None:
        found.append(_step(visit, Act.FAULT, finish_at, visit.fault_code))
        found.append(_step(visit, Act.UNPLUG, finish_at + timedelta(minutes=4)))
        found.append(_step(visit, Act.CLEAR_FAULT, finish_at + timedelta(minutes=9)))
    else:
        found.append(_step(visit, Act.FINISH, finish_at))
        found.append(_step(visit, Act.UNPLUG, finish_at + timedelta(seconds=90)))
    return found


def _step(visit: Visit, act: Act, at: datetime, code: str = "") -> Step:
    return Step(
        at=at, station=visit.station, act=act, evse_id=visit.evse_id, visit=visit, code=code
    )


def _next_quarter(at: datetime) -> datetime:
    whole = at.replace(minute=0, second=0, microsecond=0)
    return whole + ((at - whole) // _QUARTER + 1) * _QUARTER
