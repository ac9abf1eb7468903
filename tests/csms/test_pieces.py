"""What is too long for a station goes in pieces, and comes back as one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.pieces import Most, joined, pieces


def wanted(*names: str) -> bytes:
    data = [{"component": {"name": "C"}, "variable": {"name": each}} for each in names]
    return json.dumps({"getVariableData": data}).encode()


def names(payload: bytes) -> list[str]:
    return [each["variable"]["name"] for each in json.loads(payload)["getVariableData"]]


def test_five_variables_for_a_station_that_takes_four() -> None:
    sent = pieces("GetVariables", wanted(*"ABCDE"), Most(items=4))
    assert [names(each) for each in sent] == [["A", "B", "C", "D"], ["E"]]


@pytest.mark.parametrize("most", [Most(), Most(items=5), Most(octets=100_000)])
def test_what_fits_stays_as_it_is(most: Most) -> None:
    assert pieces("GetVariables", wanted(*"ABCDE"), most) == [wanted(*"ABCDE")]


def test_bytes_count_too_and_an_item_that_is_too_long_goes_alone() -> None:
    sent = pieces("GetVariables", wanted("A" * 200, "B", "C"), Most(octets=300))
    assert [names(each) for each in sent] == [["A" * 200], ["B", "C"]]


@pytest.mark.parametrize(
    ("action", "payload"),
    [("Reset", b'{"type":"OnIdle"}'), ("GetConfiguration", b"{}")],
)
def test_what_has_no_list_goes_whole(action: str, payload: bytes) -> None:
    assert pieces(action, payload, Most(items=1)) == [payload]


def test_answers_become_one() -> None:
    first = {"configurationKey": [{"key": "A", "readonly": False}], "unknownKey": ["X"]}
    second = {"configurationKey": [{"key": "B", "readonly": True}]}
    whole = json.loads(
        joined("GetConfiguration", [json.dumps(each).encode() for each in (first, second)])
    )
    assert [each["key"] for each in whole["configurationKey"]] == ["A", "B"]
    assert whole["unknownKey"] == ["X"]


def test_an_answer_that_is_none_is_shown_as_it_came() -> None:
    assert joined("GetVariables", [b'{"getVariableResult":[]}', b'"no"']) == b'"no"'
    assert joined("GetVariables", [b'{"getVariableResult":7}']) == b'{"getVariableResult":7}'


@given(
    st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=30),
    st.integers(0, 7) | st.none(),
    st.integers(0, 400) | st.none(),
)
def test_nothing_is_lost_doubled_or_put_in_another_order(
    items: list[str], most: int | None, octets: int | None
) -> None:
    sent = pieces("GetVariables", wanted(*items), Most(most, octets))
    assert [name for each in sent for name in names(each)] == items
    if most is not None:
        assert all(len(names(each)) <= max(1, most) for each in sent)
    results: list[Any] = [{"getVariableResult": names(each)} for each in sent]
    whole = json.loads(joined("GetVariables", [json.dumps(each).encode() for each in results]))
    assert whole == {"getVariableResult": items}


@pytest.mark.parametrize(
    "payload", [b'{"getVariableData":"all"}', b"[]", b'{"getVariableData":null}']
)
def test_what_a_person_wrote_past_the_schema_goes_as_it_is(payload: bytes) -> None:
    assert pieces("GetVariables", payload, Most(items=1)) == [payload]
