"""How far a station's clock is off, and what its moments are worth.

Stations without a set clock say 1970, stations with a wrong zone label local time as UTC, and
stations that were offline, or tell when a state *began*, say rightly moments of hours ago. So
lateness alone proves nothing. A clock's error is taken as known only when messages heard at
different times are off by the same: a queue that is worked off comes all at once.
"""

from collections import deque
from datetime import UTC, datetime, timedelta

from msgspec import Struct

TOLERANCE = timedelta(minutes=5)
"""What a clock may be off before it is corrected, and before a moment in the future is doubted."""

OLDEST = datetime(2010, 1, 1, tzinfo=UTC)
"""Before this no OCPP 1.6 existed: such a moment comes from a clock that was never set."""

LATEST_DELIVERY = timedelta(days=400)
"""A moment that lies further back than this was not queued offline; the clock is wrong."""

_LARGEST = timedelta(days=365 * 60)
"""What a clock can be off and still be corrected: one at the Unix epoch, none at year 1."""

_NOTHING = timedelta(0)

_PAIRS = 6
_SPREAD = timedelta(minutes=2)
_APART = timedelta(seconds=30)


class SkewEstimate:
    """The error of one connection's clock, from pairs of reported and received moments.

    Nothing is claimed until two messages, heard half a minute apart or more, agree within two
    minutes; the newest pair decides, since a station may set its clock at any time.
    """

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: deque[tuple[timedelta, datetime]] = deque(maxlen=_PAIRS)

    def observe(self, reported_at: datetime, received_at: datetime) -> None:
        """Take a pair of a message about the present (a status, a periodic reading)."""
        if abs(reported_at - received_at) > _LARGEST:
            return
        if self._pairs and received_at - self._pairs[-1][1] < _APART / _PAIRS:
            self._pairs.pop()  # of a burst only the last message is kept
        self._pairs.append((reported_at - received_at, received_at))

    def skew(self) -> timedelta:
        """Return reported minus true time; zero while unknown or within the tolerance."""
        if len(self._pairs) < 2:
            return timedelta(0)
        newest, heard_at = self._pairs[-1]
        if abs(newest) <= TOLERANCE:
            return timedelta(0)
        agrees = any(
            heard_at - earlier_at >= _APART and abs(newest - earlier) <= _SPREAD
            for earlier, earlier_at in self._pairs
        )
        return timedelta(seconds=round(newest.total_seconds())) if agrees else timedelta(0)


class CorrectedMoment(Struct, frozen=True, gc=False):
    """A station's moment as we hold it true; `doubtful` if the clock was certainly wrong."""

    at: datetime
    doubtful: bool


def is_implausible(reported_at: datetime, received_at: datetime) -> bool:
    """Tell whether a moment can only come from a clock that is wrong."""
    return (
        reported_at > received_at + TOLERANCE
        or reported_at < OLDEST
        or reported_at < received_at - LATEST_DELIVERY
    )


def corrected(reported_at: datetime, received_at: datetime, skew: timedelta) -> CorrectedMoment:
    """Return when something happened, from what the station said and when we heard it.

    Corrects only what is certain: a known skew of the connection, a moment in the future, one
    before OCPP existed or too old for any queue; the last three become the moment of receipt.
    """
    if not skew and reported_at >= OLDEST:
        age = received_at - reported_at
        if _NOTHING <= age <= LATEST_DELIVERY:
            return CorrectedMoment(reported_at, doubtful=False)
    try:
        at = reported_at - skew
    except OverflowError:  # at an end of the calendar
        at = reported_at
    if is_implausible(at, received_at):
        return CorrectedMoment(received_at, doubtful=True)
    return CorrectedMoment(min(at, received_at), doubtful=bool(skew))
