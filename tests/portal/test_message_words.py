"""OCPP messages as sentences."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.message_words import FROM_STATION, TO_STATION, sentence
from portal.words import words

EN, DE = words("en"), words("de")


def call(action: str, **payload: Any) -> str:
    return json.dumps([2, "1", action, payload])


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (call("BootNotification", chargePointVendor="KEBA", chargePointModel="P30"), "KEBA P30."),
        (
            call("BootNotification", chargingStation={"vendorName": "ABB", "model": "T54"}),
            "The station started: ABB T54.",
        ),
        (
            call("StatusNotification", connectorId=2, status="Faulted", errorCode="GroundFailure"),
            "EVSE 2: Faulted, Ground failure.",
        ),
        (
            call("StatusNotification", connectorId=1, status="Available", errorCode="NoError"),
            "EVSE 1: Available.",
        ),
        (call("StatusNotification", evseId=1, connectorStatus="Occupied"), "EVSE 1: Occupied."),
        (
            call("TransactionEvent", eventType="Started", evse={"id": 2}),
            "Charging began at EVSE 2.",
        ),
        (call("MadeUp"), "The station sent MadeUp."),
        (json.dumps([4, "1", "NotSupported", "", {}]), "The station refused a message"),
        ("no JSON", "A message that is no OCPP."),
    ],
)
def test_a_message_is_told_by_what_happened(raw: str, told: str) -> None:
    assert told in (sentence(raw, EN, sent=False) or "")


def test_signs_of_life_and_answers_are_not_told_and_ours_are_told_as_ours() -> None:
    assert sentence(call("Heartbeat"), EN, sent=False) is None
    assert sentence(json.dumps([3, "1", {}]), EN, sent=False) is None
    told = sentence(call("Reset", type="Soft"), EN, sent=True)
    assert told == "We asked for a restart (Soft)."
    occupied = call("StatusNotification", connectorId=1, status="Preparing")
    assert sentence(occupied, DE, sent=False) == "EVSE 1: Fahrzeug verbunden."
    assert sentence(call("Reset", type="Soft"), DE, sent=True) != told


def test_no_sentence_tells_a_token() -> None:
    for action in (*FROM_STATION, *TO_STATION):
        raw = call(action.partition(".")[0], idTag="04A2B3", idToken={"idToken": "04A2B3"})
        assert "04A2B3" not in (sentence(raw, EN, sent=False) or "")
        assert "04A2B3" not in (sentence(raw, EN, sent=True) or "")


@given(
    raw=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)
)
def test_whatever_a_station_sends_there_is_an_answer(raw: str) -> None:
    assert sentence(raw, EN, sent=False) is None or sentence(raw, EN, sent=False) != ""
