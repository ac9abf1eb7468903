"""Which tariffs apply to a charge, and when it is to be stopped: pure decisions over what is known.

The hot way (freezing terms), the cost on a display, the preview and the calendar all decide here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.assignments import Assignment, Place, most_specific, places_of, up_from
from billing.conditions import Side, Who
from billing.hours import HoursKind, PlaceHours, Standing, hours_at, standing, stop_at
from billing.tariffs import Tariff
from foundation.events import TransactionEvent
from foundation.identifiers import OrganisationKey

Parents = Mapping[OrganisationKey, OrganisationKey | None]
Assigned = Mapping[Place, Sequence[Assignment]]
HoursByPlace = Mapping[Place, Sequence[PlaceHours]]


@dataclass(frozen=True, slots=True)
class Applied:
    """What applies to a charge.

    Attributes:
        sale: The assignment of what is paid; None if there is none.
        purchase: That of what the owner's credit is computed on; None: on what is paid.
        opening: How the opening hours stand at the start, if a session that is for the open or
            the closed time ends with it; else None.
        operating: How the operating hours stand.
    """

    sale: Assignment | None
    purchase: Assignment | None
    opening: Standing | None
    operating: Standing


def places_of_charge(event: TransactionEvent, parents: Parents) -> list[Place]:
    """Return the places whose tariffs a charge takes, the most specific first."""
    return places_of(
        event.station,
        event.evse_id,
        event.location,
        event.owner,
        parents,
        connector_id=event.connector_id,
    )


def who_charges(event: TransactionEvent, parents: Parents, contact: str | None) -> Who:
    """Return who charges, as conditions name them.

    Args:
        event: With whose token it is.
        parents: The organisations above those of the token.
        contact: The customer whose contract covers the token.
    """
    of_partner = event.token_provider is not None
    return Who(
        customers=() if of_partner else tuple(up_from(event.token_organisation, parents)),
        contact=contact,
        token_group=event.token_group,
        provider=event.token_provider,
    )


def applied(
    event: TransactionEvent,
    places: Sequence[Place],
    who: Who,
    assignments: Assigned,
    hours: HoursByPlace,
) -> Applied:
    """Return what applies to a charge, as of its start."""
    at, zone = event.started_at, event.time_zone
    opening = operating = None
    if hours:
        opening = hours_at(places, hours, HoursKind.OPENING, at)
        operating = hours_at(places, hours, HoursKind.OPERATING, at)
    stands = standing(opening, at, zone)
    found = {
        side: most_specific(places, assignments, at, who, side=side, is_open=stands.is_open)
        for side in Side
    }
    sale = found[Side.SALE]
    ends_with_hours = (
        opening is not None
        and opening.stops
        and sale is not None
        and sale.conditions.hours is not None
    )
    return Applied(
        sale,
        found[Side.PURCHASE],
        stands if ends_with_hours else None,
        standing(operating, at, zone),
    )


def stop_of(event: TransactionEvent, found: Applied, tariff: Tariff | None) -> datetime | None:
    """Return when the session is to be stopped, by its tariff or the hours of its place."""
    minutes = None if tariff is None else tariff.additions.session_limit_minutes
    return stop_at(
        event.started_at,
        limit=None if minutes is None else timedelta(minutes=minutes),
        opening=found.opening,
        operating=found.operating,
    )


def name_contacts(assignments: Iterable[Sequence[Assignment]]) -> bool:
    """Say whether one of the assignments is for contacts only."""
    return any(each.conditions.contacts for lane in assignments for each in lane)
