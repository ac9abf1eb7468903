"""Where, for whom and from when a tariff holds.

Of all assignments whose conditions hold, the one of the highest priority wins; of these that of
the most specific place; of these the one with more conditions; of these that for the nearer
customer. Two of one place between which none of this decides are refused.

An assignment is a dated fact: valid in [valid_from, valid_to) and never edited. One without an end
holds until the next one of its lane begins: of the same place, side, priority and conditions.
After one with an end, the lane has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from billing.conditions import (
    ALWAYS,
    NOBODY,
    Conditions,
    Side,
    Who,
    are_ambiguous,
    holds,
    nearness,
)
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import ConnectorId, EvseId, OrganisationKey, StationId


class TariffScope(StrEnum):
    """The kinds of places, the most specific first."""

    CONNECTOR = "connector"
    EVSE = "evse"
    STATION = "station"
    LOCATION = "location"
    ORGANISATION = "organisation"

    __hash__ = str.__hash__  # an enum's own is a call of Python's, for each place looked up


class Place(NamedTuple):
    """One place a tariff can be assigned to.

    `id` is the station's identity, the location's id, the organisation's key; for an EVSE it is
    the station's identity, a slash and the EVSE's number, for a connector a further slash and its
    number.
    """

    scope: TariffScope
    id: str

    def __str__(self) -> str:
        return f"{self.scope} {self.id}"

    @property
    def station(self) -> str | None:
        """The identity of the station that it is, or is a part of; None for what is larger."""
        match self.scope:
            case TariffScope.CONNECTOR:
                return self.id.rsplit("/", 2)[0]
            case TariffScope.EVSE:
                return self.id.rsplit("/", 1)[0]
            case TariffScope.STATION:
                return self.id
        return None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A tariff on a place, valid from `valid_from` (included) to `valid_to` (not)."""

    assignment_id: int
    place: Place
    tariff_id: str
    valid_from: datetime
    valid_to: datetime | None
    side: Side = Side.SALE
    priority: int = 0
    conditions: Conditions = ALWAYS

    @property
    def lane(self) -> "Lane":
        """What its predecessors and successors have in common with it."""
        return self.side, self.priority, self.conditions


Lane = tuple[Side, int, Conditions]
PLAIN: Lane = (Side.SALE, 0, ALWAYS)
"""The lane of what is sold to everybody."""


class AssignmentsOverlap(Conflict):
    """A place would have two tariffs at once."""

    code = "tariff_assignments_overlap"
    advice = "choose another time or a more specific place."

    def __init__(self, existing: Assignment) -> None:
        self.existing = existing
        end = "" if existing.valid_to is None else f" to {existing.valid_to.isoformat()}"
        super().__init__(
            f"Tariff {existing.tariff_id!r} is assigned to {existing.place} from"
            f" {existing.valid_from.isoformat()}{end}. Two at once are not possible: {self.advice}"
        )


class ConditionsOverlap(AssignmentsOverlap):
    """A charge could fulfil the conditions of two tariffs of a place, and neither goes first."""

    code = "tariff_conditions_overlap"
    advice = "give one a higher priority, or conditions that exclude the other's."


def places_of(
    station: StationId,
    evse_id: EvseId,
    location: str | None,
    owner: OrganisationKey,
    parents: Mapping[OrganisationKey, OrganisationKey | None],
    *,
    connector_id: ConnectorId | None = None,
) -> list[Place]:
    """Return the places whose tariffs an EVSE takes, the most specific first.

    The owner's organisation comes before the one above it, and so on to the root.
    """
    evse = f"{station}/{evse_id}"
    places = (
        [] if connector_id is None else [Place(TariffScope.CONNECTOR, f"{evse}/{connector_id}")]
    )
    places += (Place(TariffScope.EVSE, evse), Place(TariffScope.STATION, station))
    if location is not None:
        places.append(Place(TariffScope.LOCATION, location))
    places += (Place(TariffScope.ORGANISATION, each) for each in up_from(owner, parents))
    return places


def up_from(
    organisation: OrganisationKey | None,
    parents: Mapping[OrganisationKey, OrganisationKey | None],
) -> list[OrganisationKey]:
    """Return an organisation and those above it, up to the root; nothing for none."""
    found: list[OrganisationKey] = []
    while organisation is not None:
        found.append(organisation)
        organisation = parents.get(organisation)
    return found


def assignment_at(assignments: Iterable[Assignment], at: datetime) -> Assignment | None:
    """Return which of one lane's assignments holds at a moment."""
    latest = None
    for each in assignments:
        if each.valid_from <= at and (latest is None or each.valid_from > latest.valid_from):
            latest = each
    if latest is None or (latest.valid_to is not None and at >= latest.valid_to):
        return None
    return latest


def lanes_of(assignments: Iterable[Assignment]) -> dict[Lane, list[Assignment]]:
    """Return one place's assignments by their lanes, each in the order of time."""
    lanes: dict[Lane, list[Assignment]] = {}
    for each in sorted(assignments, key=lambda each: each.valid_from):
        lanes.setdefault(each.lane, []).append(each)
    return lanes


def most_specific(
    places: Sequence[Place],
    assignments: Mapping[Place, Sequence[Assignment]],
    at: datetime,
    who: Who = NOBODY,
    *,
    side: Side = Side.SALE,
    is_open: bool = True,
) -> Assignment | None:
    """Return the assignment that holds for a charge that starts at a moment.

    Args:
        places: Those of `places_of`, the most specific first.
        assignments: What is assigned to them.
        at: The start.
        who: Who charges.
        side: Which price is asked for.
        is_open: Whether the place is open then; one without opening hours always is.
    """
    best: Assignment | None = None
    highest: tuple[int, int, int, int] | None = None
    for index, place in enumerate(places):
        for each in _holding(assignments.get(place, ()), at):
            if each.side is side and holds(each.conditions, who, is_open=is_open):
                conditions = each.conditions
                rank = (each.priority, -index, conditions.count, nearness(conditions, who))
                if highest is None or rank > highest:
                    best, highest = each, rank
    return best


def _holding(assignments: Sequence[Assignment], at: datetime) -> Iterable[Assignment]:
    """Return what holds of each lane of a place at a moment."""
    if not assignments:
        return ()
    first = assignments[0].lane
    if len(assignments) == 1 or all(each.lane == first for each in assignments):
        found = assignment_at(assignments, at)
        return () if found is None else (found,)
    held = (assignment_at(lane, at) for lane in lanes_of(assignments).values())
    return [each for each in held if each is not None]


def periods(
    lane: Sequence[Assignment],
) -> list[tuple[Assignment, datetime, datetime | None]]:
    """Return a lane's assignments with the time that each really holds, in the order of time."""
    found: list[tuple[Assignment, datetime, datetime | None]] = []
    for index, each in enumerate(lane):
        ends = [each.valid_to] if each.valid_to is not None else []
        if index + 1 < len(lane):
            ends.append(lane[index + 1].valid_from)
        found.append((each, each.valid_from, min(ends, default=None)))
    return found


def check_assignment(
    existing: Iterable[Assignment],
    valid_from: datetime,
    valid_to: datetime | None,
    lane: Lane = PLAIN,
) -> None:
    """Refuse a further assignment of one place that leaves two tariffs at once.

    An existing one of the same lane without an end is succeeded from `valid_from` on; one with an
    end keeps what it was promised, and so does one that begins before the new one is to end. Of
    other lanes of the same side and priority, those are in the way that a charge could fall into
    as well, with as many conditions.

    Raises:
        InvalidInput: If the period holds no moment, or a moment has no time zone.
        AssignmentsOverlap: If two would hold at once.
        ConditionsOverlap: If two could, and nothing says which.
    """
    for field, moment in (("valid_from", valid_from), ("valid_to", valid_to)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput(
                f"{field} needs a time zone, as in 2026-01-01T00:00:00Z.", field=field
            )
    if valid_to is not None and valid_to <= valid_from:
        raise InvalidInput("valid_to must be later than valid_from.", field="valid_to")
    lanes = lanes_of(existing)
    own = lanes.pop(lane, [])
    for other in own:
        if other.valid_from == valid_from:
            raise AssignmentsOverlap(other)
        if other.valid_from < valid_from:
            if other.valid_to is not None and other.valid_to > valid_from:
                raise AssignmentsOverlap(other)
        elif valid_to is not None and valid_to > other.valid_from:
            raise AssignmentsOverlap(other)
    later = [other.valid_from for other in own if other.valid_from > valid_from]
    end = min([*later, *([] if valid_to is None else [valid_to])], default=None)
    for (side, priority, conditions), others in lanes.items():
        if (side, priority) == lane[:2] and are_ambiguous(conditions, lane[2]):
            for other, begins, ends in periods(others):
                if (end is None or begins < end) and (ends is None or valid_from < ends):
                    raise ConditionsOverlap(other)
