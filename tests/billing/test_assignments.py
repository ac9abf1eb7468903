"""Where a tariff holds, and from when."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.assignments import (
    Assignment,
    AssignmentsOverlap,
    Place,
    TariffScope,
    assignment_at,
    check_assignment,
    most_specific,
    places_of,
)
from foundation.errors import InvalidInput
from foundation.identifiers import EvseId, OrganisationKey, StationId

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PLACE = Place(TariffScope.STATION, "S1")
ROOT = OrganisationKey("root")
OWNER = OrganisationKey("owner")


def assigned(
    tariff: str, begins: datetime, ends: datetime | None = None, place: Place = PLACE
) -> Assignment:
    return Assignment(1, place, tariff, begins, ends)


def test_the_chain_goes_from_the_evse_to_the_root() -> None:
    chain = places_of(StationId("S1"), EvseId(2), "loc", OWNER, {OWNER: ROOT, ROOT: None})
    assert [str(place) for place in chain] == [
        "evse S1/2",
        "station S1",
        "location loc",
        "organisation owner",
        "organisation root",
    ]


def test_a_station_without_a_location_goes_straight_to_its_owner() -> None:
    chain = places_of(StationId("S1"), EvseId(1), None, OWNER, {})
    assert [place.scope for place in chain] == ["evse", "station", "organisation"]


def test_an_assignment_holds_from_its_first_moment_until_the_next_one() -> None:
    history = [assigned("old", START), assigned("new", START + DAY)]
    assert assignment_at(history, START - timedelta(microseconds=1)) is None
    assert assignment_at(history, START) == history[0]
    assert assignment_at(history, START + DAY) == history[1]


def test_after_an_assignment_with_an_end_the_place_has_none() -> None:
    history = [assigned("old", START), assigned("sale", START + DAY, START + 2 * DAY)]
    assert assignment_at(history, START + 2 * DAY) is None


def test_the_most_specific_place_wins_if_it_has_one_then() -> None:
    evse = Place(TariffScope.EVSE, "S1/1")
    known = {
        evse: [assigned("evse", START + DAY, START + 2 * DAY, evse)],
        PLACE: [assigned("station", START)],
    }

    def at(moment: datetime) -> str | None:
        found = most_specific([evse, PLACE], known, moment)
        return None if found is None else found.tariff_id

    assert at(START - DAY) is None
    assert at(START) == "station"
    assert at(START + DAY) == "evse"
    assert at(START + 2 * DAY) == "station"


def test_one_without_an_end_is_succeeded() -> None:
    check_assignment([assigned("old", START)], START + DAY, None)


def test_two_from_the_same_moment_are_refused() -> None:
    with pytest.raises(AssignmentsOverlap, match="old"):
        check_assignment([assigned("old", START)], START, None)


def test_one_with_an_end_keeps_what_it_was_promised() -> None:
    sale = assigned("sale", START, START + 2 * DAY)
    with pytest.raises(AssignmentsOverlap, match="sale"):
        check_assignment([sale], START + DAY, None)
    check_assignment([sale], START + 2 * DAY, None)


def test_a_new_one_may_not_promise_what_a_later_one_has() -> None:
    later = assigned("later", START + DAY)
    with pytest.raises(AssignmentsOverlap, match="later"):
        check_assignment([later], START, START + 2 * DAY)
    check_assignment([later], START, START + DAY)
    check_assignment([later], START, None)


def test_an_empty_period_or_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_assignment([], START, START)
    assert refusal.value.field == "valid_to"
    with pytest.raises(InvalidInput):
        check_assignment([], START.replace(tzinfo=None), None)
