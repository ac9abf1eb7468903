"""How far a station's clock is off, and what its moments are worth.

Stations without a set clock say 1970, stations with a wrong zone label local time as UTC, and
stations that were offline say, rightly, moments of hours ago. So lateness alone proves nothing; a
*live* message with an odd time does. Only StatusNotifications and online transaction messages are
taken as live; the least late of them tells the clock's error.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""What a clock may be off before it is corrected, and before a moment in the future is doubted."""

OLDEST = datetime(2010, 1, 1, tzinfo=UTC)
"""Before this no OCPP 1.6 existed: such a moment comes from a clock that was never set."""

LATEST_DELIVERY = timedelta(days=400)
"""A moment that lies further back than this was not queued offline; the clock is wrong."""

_PAIRS = 5
_SPREAD = timedelta(minutes=2)


class SkewEstimate:
    """The error of one connection's clock, from pairs of reported and received moments.

    Two pairs that agree within two minutes are needed; until then nothing is claimed.
    """

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: deque[timedelta] = deque(maxlen=_PAIRS)

    def observe(self, reported_at: datetime, received_at: datetime) -> None:
        """Take a pair of a message that was certainly not queued."""
        self._pairs.append(reported_at - received_at)

    def skew(self) -> timedelta:
        """Return reported minus true time; zero while unknown or within the tolerance."""
        if len(self._pairs) < 2:
            return timedelta(0)
        # Delays only make a message look older, so the youngest-looking pairs are the true ones.
        first, second = sorted(self._pairs, reverse=True)[:2]
        if first - second > _SPREAD or abs(first) <= TOLERANCE:
            return timedelta(0)
        return timedelta(seconds=round(first.total_seconds()))


@dataclass(frozen=True, slots=True)
class CorrectedMoment:
    """A station's moment as we hold it true; `doubtful` if the clock was certainly wrong."""

    at: datetime
    doubtful: bool


def corrected(reported_at: datetime, received_at: datetime, skew: timedelta) -> CorrectedMoment:
    """Return when something happened, from what the station said and when we heard it.

    Corrects only what is certain: a known skew of the connection, a moment in the future, one
    before OCPP existed or too old for any queue; the last three become the moment of receipt.
    """
    at = reported_at - skew
    if at > received_at + TOLERANCE or at < OLDEST or at < received_at - LATEST_DELIVERY:
        return CorrectedMoment(received_at, doubtful=True)
    return CorrectedMoment(min(at, received_at), doubtful=bool(skew))


def is_implausible(reported_at: datetime, received_at: datetime) -> bool:
    """Tell whether a moment can only come from a clock that was never set."""
    return (
        reported_at < OLDEST
        or reported_at > received_at + TOLERANCE
        or reported_at < received_at - LATEST_DELIVERY
    )
