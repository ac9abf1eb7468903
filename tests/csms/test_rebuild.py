"""A transaction made again from its messages, without a database."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from csms.ocpp.errors import MessageError
from csms.rebuild import Circumstances, KeptMessage, NotAMessage, rebuild
from csms.reports import OcppVersion
from csms.vendors import Profile
from foundation.events import Doubt, EnergyBasis
from foundation.identifiers import StationId
from tests.csms.central import EVENING, at, event, moment, register, register2, start, stop, wh

V16, V201 = OcppVersion.V16, OcppVersion.V201
HERE = Circumstances(evse_id=1, site_zone=UTC, station_waiting=False)


def kept(
    action: str,
    payload: dict[str, Any],
    *,
    version: OcppVersion = V16,
    received_at: datetime = EVENING,
    skew_s: int = 0,
    is_linked: bool = True,
) -> KeptMessage:
    raw = json.dumps([2, "any-id", action, payload])
    return KeptMessage(StationId("CS-1"), version, received_at, skew_s, raw, is_linked)


def read(minutes: float, shown: int, *, is_linked: bool = True, connector: int = 1) -> KeptMessage:
    payload = {"connectorId": connector, "meterValue": [register(minutes, shown)]}
    return kept("MeterValues", payload, is_linked=is_linked)


START = kept("StartTransaction", start(0, 1000))
STOP = kept("StopTransaction", stop(7, 60, 9000))


def test_a_start_and_a_stop_make_a_transaction() -> None:
    made = rebuild([START, STOP], HERE)
    assert (made.claims.started_at, made.claims.ended_at) == (moment(0), moment(60))
    assert (made.assembled.energy_wh, made.assembled.doubts) == (wh(8000), ())


def test_only_the_first_start_and_the_first_end_count() -> None:
    other = kept("StopTransaction", stop(7, 70, 12_000))
    again = kept("StartTransaction", start(0, 1000), received_at=EVENING + timedelta(hours=1))
    assert rebuild([START, STOP, other, again], HERE) == rebuild([START, STOP], HERE)


def test_a_running_transaction_has_no_end() -> None:
    made = rebuild([START, read(30, 5000)], HERE)
    assert (made.claims.ended_at, made.assembled.energy_wh) == (None, wh(4000))


def test_an_inferred_end_is_given_not_found() -> None:
    inferred = Circumstances(1, UTC, station_waiting=True, inferred_end_at=moment(30))
    made = rebuild([START, read(30, 5000)], inferred)
    assert made.claims.ended_at == moment(30)
    assert made.assembled.doubts == (Doubt.INFERRED_END, Doubt.STATION_WAITING)
    assert rebuild([START, STOP], inferred).claims.ended_at == moment(60), "a real end overrides it"


def test_readings_without_a_number_are_taken_by_evse_and_time() -> None:
    messages = [
        START,
        read(30, 5000, is_linked=False),
        read(31, 777_777, is_linked=False, connector=2),
        read(90, 9000, is_linked=False),
        read(-5, 1, is_linked=False),
        STOP,
    ]
    made = rebuild(messages, HERE)
    assert [each.register_wh for each in made.claims.readings] == [wh(5000)]


def test_a_repeated_reading_counts_once() -> None:
    made = rebuild([START, read(30, 5000), read(30, 5000), STOP], HERE)
    assert len(made.claims.readings) == 1


def test_the_skew_of_its_connection_is_taken_off_as_at_its_arrival() -> None:
    begun = kept("StartTransaction", start(120, 1000), received_at=moment(0), skew_s=7200)
    over = kept("StopTransaction", stop(7, 180, 9000), received_at=moment(60), skew_s=7200)
    made = rebuild([begun, over], HERE)
    assert (made.claims.started_at, made.claims.ended_at) == (moment(0), moment(60))
    assert made.assembled.doubts == (Doubt.CLOCK_WRONG,)


def test_events_of_2x_in_any_order_make_the_same_transaction() -> None:
    messages = [
        kept("TransactionEvent", event(kind, seq_no, minutes, meterValue=[reading]), version=V201)
        for kind, seq_no, minutes, reading in [
            ("Started", 0, 0, register2(0, 1000, "Transaction.Begin")),
            ("Updated", 1, 30, register2(30, 200)),
            ("Updated", 2, 40, register2(40, 300)),
            ("Ended", 3, 60, register2(60, 400, "Transaction.End")),
        ]
    ]
    made = rebuild(messages, HERE)
    assert (made.assembled.energy_wh, made.assembled.energy_basis) == (
        Decimal(400),
        EnergyBasis.SEGMENTS,
    )
    assert rebuild(messages[::-1], HERE).assembled == made.assembled


def test_without_its_start_it_begins_with_the_earliest_of_its_messages() -> None:
    messages = [
        kept("TransactionEvent", event("Updated", 2, 30), version=V201),
        kept("TransactionEvent", event("Updated", 1, 10), version=V201),
    ]
    made = rebuild(messages, HERE)
    assert (made.claims.started_at, made.claims.start_seen) == (moment(10), False)


def test_the_rules_of_the_make_are_used_again() -> None:
    makes_kwh = Profile(
        vendor="*", model="*", firmware="*", source="x", energy_factor=Decimal(1000)
    )
    here = Circumstances(1, UTC, station_waiting=False, profile=makes_kwh)
    messages = [
        kept("StartTransaction", start(0, 1)),
        kept("StopTransaction", stop(7, 60, 9)),
    ]
    assert rebuild(messages, here).assembled.energy_wh == 8000


def test_messages_that_needed_repair_are_read_by_the_same_rules() -> None:
    odd = start(0, 1000) | {"connectorId": "1", "timestamp": at(0).replace("Z", "")}
    assert rebuild([kept("StartTransaction", odd), STOP], HERE) == rebuild([START, STOP], HERE)


@pytest.mark.parametrize("raw", ["", "{", '[3,"1",{}]', "null"])
def test_a_text_that_was_damaged_is_told(raw: str) -> None:
    damaged = KeptMessage(StationId("CS-1"), V16, EVENING, 0, raw, is_linked=True)
    with pytest.raises(NotAMessage):
        rebuild([damaged], HERE)


def test_a_message_that_makes_no_transaction_is_told() -> None:
    with pytest.raises(NotAMessage):
        rebuild([kept("Heartbeat", {})], HERE)
    with pytest.raises(NotAMessage):
        rebuild([START, kept("Heartbeat", {})], HERE)
    with pytest.raises(NotAMessage):
        rebuild([], HERE)
    with pytest.raises(MessageError):
        rebuild([kept("MakeCoffee", {})], HERE)
