"""Where a tariff holds, and from when: the most specific place wins.

An assignment is a dated fact: valid in [valid_from, valid_to) and never edited. One without an end
holds until the next one on the same place begins; after one with an end, the place has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import EvseId, OrganisationKey, StationId


class TariffScope(StrEnum):
    """The kinds of places, the most specific first."""

    EVSE = "evse"
    STATION = "station"
    LOCATION = "location"
    ORGANISATION = "organisation"

    __hash__ = str.__hash__  # an enum's own is a call of Python's, for each place looked up


class Place(NamedTuple):
    """One place a tariff can be assigned to.

    `id` is the station's identity, the location's id, the organisation's key; for an EVSE it is
    the station's identity, a slash and the EVSE's number.
    """

    scope: TariffScope
    id: str

    def __str__(self) -> str:
        return f"{self.scope} {self.id}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A tariff on a place, valid from `valid_from` (included) to `valid_to` (not)."""

    assignment_id: int
    place: Place
    tariff_id: str
    valid_from: datetime
    valid_to: datetime | None


class AssignmentsOverlap(Conflict):
    """A place would have two tariffs at once."""

    code = "tariff_assignments_overlap"

    def __init__(self, existing: Assignment) -> None:
        self.existing = existing
        end = "" if existing.valid_to is None else f" to {existing.valid_to.isoformat()}"
        super().__init__(
            f"Tariff {existing.tariff_id!r} is assigned to {existing.place} from"
            f" {existing.valid_from.isoformat()}{end}. Two at once are not possible: choose"
            " another time or a more specific place."
        )


def places_of(
    station: StationId,
    evse_id: EvseId,
    location: str | None,
    owner: OrganisationKey,
    parents: Mapping[OrganisationKey, OrganisationKey | None],
) -> list[Place]:
    """Return the places whose tariffs an EVSE takes, the most specific first.

    The owner's organisation comes before the one above it, and so on to the root.
    """
    places = [
        Place(TariffScope.EVSE, f"{station}/{evse_id}"),
        Place(TariffScope.STATION, station),
    ]
    if location is not None:
        places.append(Place(TariffScope.LOCATION, location))
    organisation: OrganisationKey | None = owner
    while organisation is not None:
        places.append(Place(TariffScope.ORGANISATION, organisation))
        organisation = parents.get(organisation)
    return places


def assignment_at(assignments: Iterable[Assignment], at: datetime) -> Assignment | None:
    """Return which of one place's assignments holds at a moment."""
    begun = [assignment for assignment in assignments if assignment.valid_from <= at]
    latest = max(begun, key=lambda each: each.valid_from, default=None)
    if latest is None or (latest.valid_to is not None and at >= latest.valid_to):
        return None
    return latest


def most_specific(
    places: Sequence[Place], assignments: Mapping[Place, Sequence[Assignment]], at: datetime
) -> Assignment | None:
    """Return the assignment of the first place that has one at a moment."""
    for place in places:
        found = assignment_at(assignments.get(place, ()), at)
        if found is not None:
            return found
    return None


def check_assignment(
    existing: Iterable[Assignment], valid_from: datetime, valid_to: datetime | None
) -> None:
    """Refuse a further assignment of one place that leaves two tariffs at once.

    An existing one without an end is succeeded from `valid_from` on; one with an end keeps what it
    was promised, and so does one that begins before the new one is to end.

    Raises:
        InvalidInput: If the period holds no moment, or a moment has no time zone.
        AssignmentsOverlap: If two would hold at once.
    """
    for field, moment in (("valid_from", valid_from), ("valid_to", valid_to)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput(
                f"{field} needs a time zone, as in 2026-01-01T00:00:00Z.", field=field
            )
    if valid_to is not None and valid_to <= valid_from:
        raise InvalidInput("valid_to must be later than valid_from.", field="valid_to")
    for other in sorted(existing, key=lambda each: each.valid_from):
        if other.valid_from == valid_from:
            raise AssignmentsOverlap(other)
        if other.valid_from < valid_from:
            if other.valid_to is not None and other.valid_to > valid_from:
                raise AssignmentsOverlap(other)
        elif valid_to is not None and valid_to > other.valid_from:
            raise AssignmentsOverlap(other)
