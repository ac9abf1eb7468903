"""Where a tariff holds, and from when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.assignments import (
    Assignment,
    AssignmentsOverlap,
    ConditionsOverlap,
    Lane,
    Place,
    TariffScope,
    assignment_at,
    check_assignment,
    most_specific,
    periods,
    places_of,
)
from billing.conditions import ALWAYS, Conditions, Side, Who
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


# ------------------------------------------------------------------------- lanes and priorities

FLEET = Conditions(token_groups=("FLEET",))
VANS = Conditions(token_groups=("FLEET", "VANS"))
STAFF_ONLY = Conditions(customers=("staff",))


def lane_of(**more: Any) -> Assignment:
    values: dict[str, Any] = {"valid_from": JANUARY, "valid_to": None} | more
    return Assignment(1, STATION_1, values.pop("tariff_id", "T"), **values)


JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
STATION_1 = Place(TariffScope.STATION, "S1")


def test_priority_goes_before_place_and_place_before_conditions() -> None:
    owner = Place(TariffScope.ORGANISATION, "owner")
    fleet = Who(token_group="FLEET")
    plain, far = lane_of(tariff_id="plain"), lane_of(tariff_id="far", priority=1)
    narrow = lane_of(tariff_id="narrow", conditions=FLEET)

    def best(*rows: Assignment, at_owner: tuple[Assignment, ...] = ()) -> str | None:
        found = most_specific([STATION_1, owner], {STATION_1: rows, owner: at_owner}, MARCH, fleet)
        return None if found is None else found.tariff_id

    assert best(plain, narrow) == "narrow"
    assert best(plain, at_owner=(narrow,)) == "plain"
    assert best(plain, narrow, at_owner=(far,)) == "far"
    assert best(lane_of(valid_to=MARCH), at_owner=(narrow,)) == "narrow"
    assert best() is None


def test_the_nearer_customer_wins_between_equals() -> None:
    above = lane_of(tariff_id="above", conditions=Conditions(customers=("town",)))
    below = lane_of(tariff_id="below", conditions=Conditions(customers=("depot",)))
    who = Who(customers=(OrganisationKey("depot"), OrganisationKey("town")))
    found = most_specific([STATION_1], {STATION_1: [above, below]}, MARCH, who)
    assert found == below


@pytest.mark.parametrize(
    ("lane", "valid_from", "valid_to"),
    [
        ((Side.SALE, 0, VANS), MARCH, None),
        ((Side.SALE, 0, STAFF_ONLY), MARCH, None),
        ((Side.SALE, 0, VANS), datetime(2025, 1, 1, tzinfo=UTC), None),
    ],
)
def test_two_tariffs_that_a_charge_could_fall_under_are_refused(
    lane: Lane, valid_from: datetime, valid_to: datetime | None
) -> None:
    with pytest.raises(ConditionsOverlap) as refused:
        check_assignment([lane_of(conditions=FLEET)], valid_from, valid_to, lane)
    assert refused.value.code == "tariff_conditions_overlap"


@pytest.mark.parametrize(
    ("lane", "valid_from", "valid_to"),
    [
        ((Side.PURCHASE, 0, VANS), MARCH, None),
        ((Side.SALE, 1, VANS), MARCH, None),
        ((Side.SALE, 0, ALWAYS), MARCH, None),
        ((Side.SALE, 0, FLEET), MARCH, None),  # succeeds it
        ((Side.SALE, 0, Conditions(token_groups=("VANS",))), MARCH, None),
        ((Side.SALE, 0, VANS), datetime(2025, 1, 1, tzinfo=UTC), JANUARY),
    ],
)
def test_what_excludes_each_other_or_has_an_order_is_accepted(
    lane: Lane, valid_from: datetime, valid_to: datetime | None
) -> None:
    check_assignment([lane_of(conditions=FLEET)], valid_from, valid_to, lane)


def test_an_open_end_reaches_to_the_next_of_its_lane() -> None:
    rows = [lane_of(), lane_of(valid_from=MARCH)]
    assert [(begins, ends) for _, begins, ends in periods(rows)] == [
        (JANUARY, MARCH),
        (MARCH, None),
    ]


@pytest.mark.parametrize(
    ("scope", "id_", "station"),
    [
        (TariffScope.CONNECTOR, "a/b/1/2", "a/b"),
        (TariffScope.EVSE, "a/b/1", "a/b"),
        (TariffScope.STATION, "a/b", "a/b"),
        (TariffScope.LOCATION, "a", None),
    ],
)
def test_a_place_knows_its_station(scope: TariffScope, id_: str, station: str | None) -> None:
    assert Place(scope, id_).station == station
