"""What answers to commands tell of a station, kept whatever their values are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.equipment_answers import keep_answer, variables_in
from csms.ocpp.equipment import MASK
from csms.reports import ReportedVariable
from foundation.events import ReservationEnded
from foundation.identifiers import StationId
from tests.csms.handlers.work import Work

STATION = StationId("CS-1")


async def kept(work: Work) -> list[tuple[Any, ...]]:
    found = await work.rows(
        "select component, variable, value, is_known, mutability from station_variables order by id"
    )
    return [tuple(row.values()) for row in found]


async def test_a_configuration_is_kept_key_by_key(work: Work) -> None:
    answer = {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
            {"key": "LightIntensity", "readonly": False},
            {"key": "AuthorizationKey", "readonly": False, "value": "0123"},
        ],
        "unknownKey": ["Colour"],
    }
    await keep_answer(work.db, STATION, "GetConfiguration", answer, work.clock.now())

    assert sorted(await kept(work)) == [
        ("", "AuthorizationKey", MASK, True, "ReadWrite"),
        ("", "Colour", None, False, None),
        ("", "HeartbeatInterval", "300", True, "ReadWrite"),
        ("", "LightIntensity", None, True, "ReadWrite"),
        ("", "NumberOfConnectors", "2", True, "ReadOnly"),
    ]


async def test_a_key_that_becomes_unknown_keeps_its_history(work: Work) -> None:
    known = {"configurationKey": [{"key": "Colour", "readonly": False, "value": "red"}]}
    for answer in (known, known, {"unknownKey": ["Colour"]}):
        await keep_answer(work.db, STATION, "GetConfiguration", answer, work.clock.now())

    assert await kept(work) == [("", "Colour", None, False, "ReadWrite")]
    found = await work.rows("select value, is_known from station_variable_values order by id")
    assert [tuple(row.values()) for row in found] == [("red", True), (None, False)]


def test_variables_are_read_with_their_places_and_refusals_tell_nothing() -> None:
    def result(status: str, **more: Any) -> dict[str, Any]:
        component = {"name": "Connector", "evse": {"id": 1, "connectorId": 2}}
        variable = {"name": "MaxCurrent", "instance": "A"}
        return {
            "attributeStatus": status,
            "component": component,
            "variable": variable,
            **more,
        }

    answer = {
        "getVariableResult": [
            result("Accepted", attributeValue="16", attributeType="Target"),
            result("Rejected", attributeValue="17"),
            result("UnknownVariable"),
        ]
    }
    place: dict[str, Any] = {"evse_id": 1, "connector_id": 2, "variable_instance": "A"}
    assert variables_in("GetVariables", answer) == [
        ReportedVariable("Connector", "MaxCurrent", "16", attribute="Target", **place),
        ReportedVariable("Connector", "MaxCurrent", None, is_known=False, **place),
    ]


@pytest.mark.parametrize("answer", [{"listVersion": 7}, {"versionNumber": 7}])
async def test_the_version_of_a_local_list_is_kept(work: Work, answer: dict[str, Any]) -> None:
    await keep_answer(work.db, STATION, "GetLocalListVersion", answer, work.clock.now())

    assert await kept(work) == [("LocalAuthListCtrlr", "Version", "7", True, "ReadOnly")]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=10,
)


@given(
    action=st.sampled_from(["GetConfiguration", "GetVariables", "GetLocalListVersion", "Reset"]),
    answer=st.dictionaries(
        st.sampled_from(["configurationKey", "unknownKey", "getVariableResult", "listVersion"]),
        _JSON | st.lists(st.dictionaries(st.sampled_from(["key", "value", "component"]), _JSON)),
    ),
)
def test_no_answer_is_too_odd(action: str, answer: dict[str, Any]) -> None:
    for each in variables_in(action, answer):
        assert each.variable
        assert "\0" not in f"{each.component}{each.variable}{each.value}"


# ------------------------------------------------------------------------------ reservations

RESERVE_16 = {
    "reservationId": 5,
    "connectorId": 0,
    "expiryDate": "2026-10-15T14:00:00+02:00",
    "idTag": "GOOD",
    "parentIdTag": "FAMILY",
}
RESERVE_2 = {
    "id": 5,
    "evseId": 2,
    "expiryDateTime": "2026-10-15T12:00:00Z",
    "connectorType": "cType2",
    "idToken": {"idToken": "GOOD", "type": "ISO14443"},
    "groupIdToken": {"idToken": "FAMILY", "type": "Central"},
}


@pytest.mark.parametrize(
    ("payload", "place"), [(RESERVE_16, (None, None)), (RESERVE_2, (2, "cType2"))]
)
async def test_an_accepted_reservation_is_followed_until_it_is_cancelled(
    work: Work, payload: dict[str, Any], place: tuple[int | None, str | None]
) -> None:
    now = work.clock.now()
    yes = {"status": "Accepted"}
    await keep_answer(work.db, STATION, "ReserveNow", yes, now, payload=payload)
    [row] = await work.rows("select * from reservations")
    assert (row["evse_id"], row["connector_type"]) == place
    assert (row["id_token"], row["group_id"], row["ended_at"]) == ("GOOD", "FAMILY", None)
    assert row["expires_at"].isoformat() == "2026-10-15T12:00:00+00:00"

    for _ in range(2):
        cancel = {"reservationId": 5}
        await keep_answer(work.db, STATION, "CancelReservation", yes, now, payload=cancel)
    [event] = await work.told(ReservationEnded)
    assert (event.reservation_id, event.ending) == (5, "Cancelled")


async def test_a_refused_reservation_leaves_nothing(work: Work) -> None:
    no = {"status": "Occupied"}
    await keep_answer(work.db, STATION, "ReserveNow", no, work.clock.now(), payload=RESERVE_16)
    yes = {"status": "Accepted"}
    await keep_answer(work.db, STATION, "ReserveNow", yes, work.clock.now())
    await keep_answer(work.db, STATION, "ReserveNow", yes, work.clock.now(), payload={"x": 1})

    assert await work.rows("select 1 from reservations") == []
