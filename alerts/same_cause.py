"""Which reports of a station tell of one cause, although they call it differently.

A 2.x station tells one fault several times: a connector that is Faulted has no reason (it is told
as `OtherError`), the monitor of a component of it names one, and other monitors may name what
followed from that. People are to hear of it once. So

- a connector that is Faulted without a reason is explained by a named fault of the same connector,
  of its EVSE or of the whole station;
- what the station itself calls caused by another event belongs to that, and so does what it calls
  caused by the same event.

Two named causes that no report connects stay two. Operating warnings are never part of a fault:
they do not stop anybody from charging, so they explain nothing.

Source: OCPP 2.0.1 part 2, G01 (StatusNotification) and N07 (EventDataType: eventId, cause).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from alerts.detections import Detection, Severity

UNNAMED: Final = "OtherError"
"""What a fault is called that nobody named (1.6's word, and ours for 2.x)."""
EVENT: Final = "event"
CAUSED_BY: Final = "caused_by"
"""In evidence: the number of the event, and of the one that caused it."""

_REASONS: Final = ("info", "vendor_error_code")


class Seen(Protocol):
    """What one report tells: `alerts.life.Fault` is one."""

    @property
    def detection(self) -> Detection:
        """Which watch."""

    @property
    def cause(self) -> str:
        """What it is called."""

    @property
    def station(self) -> str | None:
        """Which station."""

    @property
    def evse_id(self) -> int | None:
        """Which EVSE; 0: the station as a whole."""

    @property
    def connector_id(self) -> int | None:
        """Which connector; 0: the EVSE as a whole."""

    @property
    def severity(self) -> Severity:
        """How bad."""

    @property
    def evidence(self) -> Mapping[str, str]:
        """What shows it."""

    @property
    def is_present(self) -> bool:
        """Whether it is there now."""


def may_share(seen: Seen) -> bool:
    """Tell whether something may belong to a cause of another name at all."""
    return seen.detection is Detection.FAULT and seen.station is not None


def is_unnamed(seen: Seen) -> bool:
    """Tell whether a report says only that something is wrong; a vendor's code is a name."""
    return seen.cause == UNNAMED and not any(seen.evidence.get(each) for each in _REASONS)


def are_one(one: Seen, other: Seen) -> bool:
    """Tell whether two reports, both of what is there now, tell of one cause."""
    if not (may_share(one) and may_share(other)) or one.station != other.station:
        return False
    if not (one.is_present and other.is_present):
        return False
    if is_unnamed(one) != is_unnamed(other):
        named, unnamed = (other, one) if is_unnamed(one) else (one, other)
        return _covers(named, unnamed)
    causes = (one.evidence.get(CAUSED_BY), other.evidence.get(CAUSED_BY))
    if causes[0] is not None and causes[0] == causes[1]:
        return True
    return _follows(one, other) or _follows(other, one)


def _covers(named: Seen, unnamed: Seen) -> bool:
    """Tell whether what is wrong at the one place shows at the other."""
    if not named.evse_id:
        return True
    if named.evse_id != unnamed.evse_id:
        return False
    return not named.connector_id or named.connector_id == unnamed.connector_id


def _follows(one: Seen, other: Seen) -> bool:
    cause = one.evidence.get(CAUSED_BY)
    return cause is not None and cause == other.evidence.get(EVENT)


def home_of(seen: Seen, alerts: Mapping[int, Sequence[Seen]]) -> int | None:
    """Return the alert that a report belongs to, since another report in it is of the same cause.

    No alert ever takes up a second cause that way.

    Args:
        seen: What is to be told.
        alerts: What is in the alerts that still take up more, by their numbers.

    Returns:
        Of several the one with the lowest number that is stored, else the first new one (new ones
        have negative numbers, counting down); None: none.
    """
    found = [
        number
        for number, inside in alerts.items()
        if any(are_one(each, seen) for each in inside) and len(causes_of([*inside, seen])) <= 1
    ]
    return min(found, key=lambda number: (number < 0, abs(number)), default=None)


def causes_of(inside: Iterable[Seen]) -> set[tuple[str, str]]:
    """Return the causes that reports of one alert name: those that nothing among them caused."""
    named = [each for each in inside if not is_unnamed(each)]
    return {_origin(each, named) for each in named}


def _origin(seen: Seen, named: Sequence[Seen]) -> tuple[str, str]:
    """Return where a report leads: to a cause by name, or to an event that nobody told of."""
    been: list[Seen] = []
    while (cause := seen.evidence.get(CAUSED_BY)) is not None:
        if seen in been:  # a station that goes round in circles
            return "cause", min(each.cause for each in been)
        been.append(seen)
        before = [
            each
            for each in named
            if each.station == seen.station and each.evidence.get(EVENT) == cause
        ]
        if not before:
            return "event", f"{seen.station}/{cause}"
        seen = before[0]
    return "cause", seen.cause


def name_of(inside: Sequence[Seen], present: str) -> str:
    """Return what an alert is called: by its cause, once nothing in it is without explanation.

    Args:
        inside: All that is in it.
        present: What it is called now; that stays while its cause is not known.
    """
    named = [each for each in inside if not is_unnamed(each)]
    if len(causes_of(named)) != 1:
        return present
    if any(is_unnamed(each) and not any(are_one(each, n) for n in named) for each in inside):
        return present
    [(kind, name)] = causes_of(named)
    if kind == "cause":
        return name
    return min(named, key=lambda each: (-each.severity.rank, each.cause)).cause
