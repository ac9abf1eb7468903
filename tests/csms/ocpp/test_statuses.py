"""The words for a connector's status."""

from typing import get_args

from csms.ocpp.statuses import CONNECTOR_STATUSES
from csms.ocpp.v16 import messages as v16
from csms.ocpp.v201 import messages as v201
from csms.reports import ChargingState, ConnectorStatus


def test_every_word_of_both_standards_has_a_meaning() -> None:
    words = {*get_args(v16.ChargePointStatus), *get_args(v201.ConnectorStatusEnumType)}
    assert words == set(CONNECTOR_STATUSES)


def test_a_word_of_2x_means_itself() -> None:
    for word in get_args(v201.ConnectorStatusEnumType):
        assert CONNECTOR_STATUSES[word] == (ConnectorStatus(word), None)


def test_a_car_at_the_connector_is_occupied_with_a_charging_state() -> None:
    occupied = ConnectorStatus.OCCUPIED
    assert CONNECTOR_STATUSES["Preparing"] == (occupied, ChargingState.EV_CONNECTED)
    assert CONNECTOR_STATUSES["Charging"] == (occupied, ChargingState.CHARGING)
    assert CONNECTOR_STATUSES["SuspendedEV"] == (occupied, ChargingState.SUSPENDED_EV)
    assert CONNECTOR_STATUSES["SuspendedEVSE"] == (occupied, ChargingState.SUSPENDED_EVSE)
    assert CONNECTOR_STATUSES["Finishing"] == (occupied, ChargingState.EV_CONNECTED)
