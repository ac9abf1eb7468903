"""Transactions as values: which words are the same, and what they become."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from csms.assembly import Claims, assemble
from csms.reports import (
    MeterReport,
    OcppVersion,
    Reading,
    TransactionEndReport,
    TransactionStartReport,
)
from csms.transactions import (
    TransactionFacts,
    digest,
    ended_event,
    is_own_number,
    is_repeated_start,
    measured_at,
    moment_of,
    start_ref,
    started_event,
    unknown_end_ref,
)
from foundation.events import Doubt, EndBasis, EnergyBasis, TokenStatus
from foundation.identifiers import IdToken
from tests.csms.ocpp.said import EVENT, HEARD, NOON, START, STOP, V16, V201, origin, said


def begun(**more: Any) -> TransactionStartReport:
    return said(V16, "StartTransaction", START | more, TransactionStartReport)


def over(**more: Any) -> TransactionEndReport:
    return said(V16, "StopTransaction", STOP | more, TransactionEndReport)


def facts(**changes: Any) -> TransactionFacts:
    whole = TransactionFacts(
        id=7,
        station="CS-1",
        ref="1|x",
        generation=0,
        station_number=None,
        version=OcppVersion.V16,
        evse_id=1,
        connector_id=1,
        state="active",
        revision=0,
        basis=None,
        owner="owner",
        location="L1",
        time_zone="Europe/Berlin",
        free_vend=False,
        station_waiting=False,
        max_power_w=Decimal(22_000),
        id_token="04A2",
        id_token_type=None,
        token_key="04A2",
        token_status="accepted",
        token_organisation="owner",
        token_provider=None,
        authorization_status="Accepted",
        start_seen=True,
        offline=False,
        started_at=NOON,
        start_reported_at=NOON,
        start_received_at=NOON,
        reported_start_wh=Decimal(1000),
        meter_start_wh=Decimal(1000),
        remote_start_id=None,
        reservation_id=None,
        first_seq_no=None,
        clock_wrong=False,
        charging_state=None,
        available_since=None,
        queue_asked_at=None,
        ended_at=None,
        end_reported_at=None,
        end_received_at=None,
        end_seq_no=None,
        reported_stop_wh=None,
        meter_stop_wh=None,
        stop_reason=None,
        energy_wh=None,
        energy_basis=None,
        doubts=[],
        conflicting_ends=0,
    )
    return replace(whole, **changes)


# --------------------------------------------------------------------------- natural keys


def test_a_1_6_start_is_known_by_connector_time_register_and_token() -> None:
    assert start_ref(begun()) == start_ref(begun())
    assert start_ref(begun(idTag="04:a2:b3:c4")) == start_ref(begun()), "the same card"
    for other in (
        {"connectorId": 2},
        {"timestamp": "2026-10-15T12:00:01Z"},
        {"meterStart": 1001},
        {"idTag": "OTHER"},
    ):
        assert start_ref(begun(**other)) != start_ref(begun())


def test_a_2x_transaction_is_known_by_its_own_id() -> None:
    started = said(V201, "TransactionEvent", EVENT, TransactionStartReport)
    ended = said(V201, "TransactionEvent", EVENT | {"eventType": "Ended"}, TransactionEndReport)
    assert start_ref(started) == unknown_end_ref(ended) == "2|t-1"


def test_an_unknown_end_is_known_by_its_number_time_and_register() -> None:
    assert unknown_end_ref(over()) == unknown_end_ref(over(reason="Local"))
    for other in (
        {"transactionId": 8},
        {"meterStop": 9001},
        {"timestamp": "2026-10-15T12:00:01Z"},
    ):
        assert unknown_end_ref(over(**other)) != unknown_end_ref(over())


@pytest.mark.parametrize("state", ["active"])
@pytest.mark.parametrize("register", [0, 1000])
def test_while_the_first_has_no_end_the_same_words_are_a_repeat(state: str, register: int) -> None:
    assert is_repeated_start(facts(state=state), begun(meterStart=register))
    assert is_repeated_start(facts(state=state), begun(timestamp="1970-01-01T00:00:00Z"))


@pytest.mark.parametrize("state", ["ended", "inferred_end", "ended_waiting_for_queue"])
def test_after_the_end_only_a_set_clock_and_a_lifetime_register_make_a_repeat(state: str) -> None:
    known = facts(state=state)
    assert is_repeated_start(known, begun())
    assert not is_repeated_start(known, begun(meterStart=0))
    assert not is_repeated_start(known, begun(meterStart=-1))
    assert not is_repeated_start(known, begun(timestamp="1970-01-01T00:00:00Z"))
    assert not is_repeated_start(known, begun(timestamp="2027-10-15T12:00:00Z"))


def test_a_2x_start_is_always_a_repeat_of_the_one_with_its_id() -> None:
    started = said(V201, "TransactionEvent", EVENT, TransactionStartReport)
    assert is_repeated_start(facts(state="ended"), started)


@pytest.mark.parametrize(
    ("number", "own"),
    [(1, False), (2**31 - 1, False), (0, True), (-1, True), (2**31, True), (None, True)],
)
def test_numbers_that_we_never_give_are_the_stations_own(number: int | None, own: bool) -> None:
    assert is_own_number(number) is own


# ------------------------------------------------------------------------------- digests


def frame(message_id: object, payload: str, action: str = "StartTransaction") -> bytes:
    raw = f'[2,{json.dumps(message_id)},"{action}",{payload}]'
    return digest(origin(V16, action, raw))


def test_a_digest_leaves_the_message_id_out() -> None:
    assert frame("1", '{"a":1}') == frame("a-new-id", '{"a":1}')
    assert frame("1", '{"a":1}') == digest(
        origin(V16, "StartTransaction", '[2, "9", "StartTransaction", {"a":1} ]\n')
    )


def test_a_digest_tells_contents_and_actions_apart() -> None:
    assert frame("1", '{"a":1}') != frame("1", '{"a":2}')
    assert frame("1", '{"a":1}') != frame("1", '{"a":1}', "StopTransaction")


def test_a_digest_of_a_text_that_is_no_unicode_is_taken_all_the_same() -> None:
    assert frame("1", '{"a":"\ud800"}') != frame("1", '{"a":"\ud801"}')


# ------------------------------------------------------------------------------- moments


def test_the_moment_of_a_report_is_corrected_by_the_skew_of_its_connection() -> None:
    report = begun(timestamp="2026-10-15T14:00:00Z")
    late = replace(report, origin=replace(report.origin, skew_s=7200))
    assert moment_of(late).at == NOON
    assert moment_of(report).at == HEARD


def test_a_reading_without_a_time_has_its_messages() -> None:
    untimed = Reading(None, "Sample.Periodic", None, ())
    report = over(timestamp="2026-10-15T11:00:00Z")
    assert measured_at(untimed, report) == datetime(2026, 10, 15, 11, tzinfo=UTC)
    alone = MeterReport(report.origin, evse_id=begun().evse_id or 0, number=None, readings=())  # type: ignore[arg-type]
    assert measured_at(untimed, alone) == HEARD
    timed = structs.replace(untimed, measured_at=NOON)
    assert measured_at(timed, report) == NOON


# ------------------------------------------------------------------------------- events


def test_a_start_is_told_with_what_was_frozen() -> None:
    event = started_event(facts())
    assert (event.transaction_id, event.station, event.owner) == (7, "CS-1", "owner")
    assert event.id_token == IdToken("04A2")
    assert event.token_status is TokenStatus.ACCEPTED
    assert (event.happened_at, event.meter_start_wh) == (NOON, Decimal(1000))


def test_a_start_without_a_token_is_told_without_one() -> None:
    event = started_event(
        facts(id_token=None, token_status=None, token_organisation=None, token_provider="DE*ABC")
    )
    assert (event.id_token, event.token_status, event.token_organisation) == (None, None, None)
    assert event.token_provider == "DE*ABC"


def assembled_hour(ended_at: datetime | None) -> Any:
    return assemble(
        Claims(
            started_at=NOON,
            ended_at=ended_at,
            start_wh=Decimal(1000),
            stop_wh=Decimal(9000),
            start_seen=True,
            inferred=False,
            clock_wrong=True,
            station_waiting=False,
            readings=[],
        )
    )


def test_an_end_is_told_with_its_revision_energy_and_doubts() -> None:
    one_o_clock = NOON + timedelta(hours=1)
    ended = facts(
        state="ended", revision=3, basis=EndBasis.ADOPTED, ended_at=one_o_clock, stop_reason="Local"
    )
    event = ended_event(ended, assembled_hour(one_o_clock))
    assert (event.revision, event.basis, event.stop_reason) == (3, EndBasis.ADOPTED, "Local")
    assert (event.ended_at, event.happened_at) == (one_o_clock, one_o_clock)
    assert (event.energy_wh, event.energy_basis) == (Decimal(8000), EnergyBasis.REGISTERS)
    assert event.doubts == (Doubt.CLOCK_WRONG,)
    assert event.max_power_w == 22_000


def test_a_running_transaction_is_told_as_if_it_ended_with_its_last_reading() -> None:
    event = ended_event(facts(), assembled_hour(None))
    assert (event.ended_at, event.basis) == (NOON, EndBasis.REPORTED)


def test_events_tell_the_group_that_the_token_was_of() -> None:
    assert started_event(facts(token_group="FLEET")).token_group == "FLEET"
    assert started_event(facts()).token_group is None
