"""Which tariffs apply to a charge."""

from datetime import timedelta
from typing import Any

import pytest

from billing.applying import applied, name_contacts, places_of_charge, stop_of, who_charges
from billing.assignments import Assignment, Place, TariffScope
from billing.conditions import Conditions, OpeningState, Side, Who
from billing.hours import Hours, HoursKind, PlaceHours
from billing.tariff_json import parse_tariff
from foundation.identifiers import OrganisationKey
from tests.billing.story import BAKERY, EXTERNAL, LONG_AGO, NOW, STAFF, started, tariff

OPERATOR = OrganisationKey("operator")
PARENTS: dict[OrganisationKey, OrganisationKey | None] = {
    OPERATOR: None,
    BAKERY: OPERATOR,
    STAFF: BAKERY,
}
S1 = Place(TariffScope.STATION, "S1")
ROOT = Place(TariffScope.ORGANISATION, "operator")
EVENT = started(1)


def assigned(tariff_id: str, place: Place = S1, **more: Any) -> Assignment:
    return Assignment(1, place, tariff_id, LONG_AGO, None, **more)


def hours(kind: HoursKind, *, stops: bool = True, around: bool = False) -> PlaceHours:
    return PlaceHours(
        place=S1,
        kind=kind,
        hours=Hours(twentyfourseven=around),
        transition=timedelta(0),
        stops=stops,
        valid_from=LONG_AGO,
    )


def test_the_places_of_a_charge_begin_at_its_connector() -> None:
    assert [str(each) for each in places_of_charge(EVENT, PARENTS)] == [
        "connector S1/1/1",
        "evse S1/1",
        "station S1",
        "location loc-1",
        "organisation bakery",
        "organisation operator",
    ]


def test_a_partners_driver_is_nobodys_customer() -> None:
    assert who_charges(EVENT, PARENTS, "7") == Who((STAFF, BAKERY, OPERATOR), "7")
    assert who_charges(started(1, **EXTERNAL), PARENTS, None) == Who(provider="DE*EMP")


def test_both_sides_are_found_each_by_itself() -> None:
    rows = {S1: [assigned("SELL")], ROOT: [assigned("BUY", ROOT, side=Side.PURCHASE)]}
    found = applied(EVENT, places_of_charge(EVENT, PARENTS), Who(), rows, {})
    assert found.sale == rows[S1][0]
    assert found.purchase == rows[ROOT][0]
    nothing = applied(EVENT, [S1], Who(), {}, {})
    assert (nothing.sale, nothing.purchase, nothing.opening) == (None, None, None)


@pytest.mark.parametrize(
    ("condition", "stops", "ends_with_hours"),
    [(OpeningState.CLOSED, True, True), (OpeningState.CLOSED, False, False), (None, True, False)],
)
def test_a_session_ends_with_the_hours_only_if_its_tariff_is_for_them(
    condition: OpeningState | None,
    stops: bool,
    ends_with_hours: bool,
) -> None:
    rows = {S1: [assigned("T", conditions=Conditions(hours=condition))]}
    known = {S1: [hours(HoursKind.OPENING, stops=stops)]}
    found = applied(EVENT, [S1], Who(), rows, known)
    assert found.sale is not None
    assert (found.opening is not None) is ends_with_hours


def test_the_stop_is_by_tariff_or_by_operating_hours() -> None:
    limited = parse_tariff(tariff() | {"leitstand": {"session_limit_minutes": 30}})
    free = applied(EVENT, [S1], Who(), {}, {})
    assert stop_of(EVENT, free, None) is None
    assert stop_of(EVENT, free, limited) == NOW + timedelta(minutes=30)
    closed = applied(EVENT, [S1], Who(), {}, {S1: [hours(HoursKind.OPERATING)]})
    assert stop_of(EVENT, closed, limited) == NOW


def test_contacts_are_looked_up_only_where_one_is_named() -> None:
    assert not name_contacts([[assigned("T")]])
    assert name_contacts([[assigned("T"), assigned("U", conditions=Conditions(contacts=("7",)))]])
