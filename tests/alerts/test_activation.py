"""Whether a station may be monitored, decided purely."""

import pytest

from alerts.activation import (
    EvseIdsMissing,
    Hint,
    StationNotAccepted,
    check_activation,
    hints,
)
from foundation.identifiers import EvseId

ONE, TWO, THREE = (EvseId(each) for each in (1, 2, 3))


def test_every_charge_point_needs_an_evse_id_and_the_refusal_names_those_without() -> None:
    check_activation("CS-1", is_accepted=True, charge_points={ONE: "DE*ABC*E1"})
    with pytest.raises(EvseIdsMissing) as caught:
        check_activation(
            "CS-1", is_accepted=True, charge_points={THREE: None, ONE: "DE*ABC*E1", TWO: ""}
        )
    assert caught.value.missing == (TWO, THREE)
    assert "no EVSE ID: 2, 3." in str(caught.value)


def test_a_station_that_was_not_let_in_is_not_monitored() -> None:
    with pytest.raises(StationNotAccepted):
        check_activation("CS-1", is_accepted=False, charge_points={ONE: "DE*ABC*E1"})


def test_what_is_missing_is_a_hint_and_no_refusal() -> None:
    check_activation("CS-1", is_accepted=True, charge_points={})
    found = hints(has_technician=False, has_charge_points=False, has_price=False)
    assert found == [Hint.NO_TECHNICIAN, Hint.NO_CHARGE_POINTS, Hint.NO_PRICE]
    assert hints(has_technician=True, has_charge_points=True, has_price=True) == []
