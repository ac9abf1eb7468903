"""The last starts at a station, judged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from support.starts import Asked, Began, Start, StartOutcome, last_starts, success_rate

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
BEGAN = Began(
    transaction_id=1,
    evse_id=1,
    started_at=NOW - timedelta(hours=1),
    ended=True,
    energy_wh=Decimal(12000),
    authorization_status="Accepted",
    stop_reason="Local",
)
ASKED = Asked(
    command_id="7",
    evse_id=1,
    asked_at=NOW - timedelta(minutes=30),
    state="rejected",
    failure=None,
    transaction_id=None,
)


def judged(began: Began) -> Start:
    [found] = last_starts([began], [], now=NOW)
    return found


@pytest.mark.parametrize(
    ("began", "outcome"),
    [
        (BEGAN, StartOutcome.CHARGED),
        (replace(BEGAN, energy_wh=Decimal(50)), StartOutcome.CHARGED),
        (replace(BEGAN, energy_wh=Decimal(49)), StartOutcome.NO_ENERGY),
        (replace(BEGAN, energy_wh=None), StartOutcome.NO_ENERGY),
        (replace(BEGAN, ended=False), StartOutcome.CHARGING),
        (replace(BEGAN, ended=False, energy_wh=None), StartOutcome.NO_ENERGY),
        (
            replace(BEGAN, ended=False, energy_wh=None, started_at=NOW - timedelta(minutes=9)),
            StartOutcome.BEGINNING,
        ),
        (
            replace(BEGAN, energy_wh=Decimal(0), authorization_status="Blocked"),
            StartOutcome.TOKEN_REFUSED,
        ),
        (replace(BEGAN, authorization_status="Blocked"), StartOutcome.CHARGED),
        (replace(BEGAN, energy_wh=Decimal(0), stop_reason="GroundFault"), StartOutcome.FAULT),
    ],
)
def test_only_energy_makes_a_start_a_success(began: Began, outcome: StartOutcome) -> None:
    assert judged(began).outcome is outcome


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (ASKED, StartOutcome.STATION_REFUSED),
        (replace(ASKED, state="failed", failure="call_error"), StartOutcome.STATION_REFUSED),
        (replace(ASKED, state="failed", failure="no_answer"), StartOutcome.NO_ANSWER),
        (replace(ASKED, state="failed", failure="outcome_unknown"), StartOutcome.NO_ANSWER),
        (replace(ASKED, state="failed", failure="no_effect"), StartOutcome.NOT_BEGUN),
    ],
)
def test_a_start_by_us_that_led_to_nothing_says_why(asked: Asked, outcome: StartOutcome) -> None:
    [found] = last_starts([], [asked], now=NOW)
    assert (found.outcome, found.command_id) == (outcome, "7")


@pytest.mark.parametrize("state", ["queued", "sent", "accepted", "expired", "cancelled"])
def test_a_start_that_is_open_or_was_never_sent_is_no_start(state: str) -> None:
    assert last_starts([], [replace(ASKED, state=state)], now=NOW) == ()


def test_a_start_by_us_and_what_it_led_to_are_one() -> None:
    asked = replace(ASKED, state="effective", transaction_id=1)
    [found] = last_starts([BEGAN], [asked], now=NOW)
    assert found.transaction_id == 1
    late = replace(ASKED, state="failed", failure="no_effect", transaction_id=1)
    assert len(last_starts([BEGAN], [late], now=NOW)) == 1


def test_the_newest_come_first_and_not_too_many() -> None:
    many = [
        replace(BEGAN, transaction_id=each, started_at=NOW - timedelta(hours=each))
        for each in range(1, 9)
    ]
    found = last_starts(reversed(many), [ASKED], now=NOW)
    assert [each.transaction_id for each in found] == [None, 1, 2, 3, 4]


def test_what_is_undecided_counts_for_neither() -> None:
    starts = [
        Start(NOW, 1, outcome)
        for outcome in (StartOutcome.CHARGED, StartOutcome.NO_ENERGY, StartOutcome.BEGINNING)
    ]
    assert success_rate(starts) == (1, 2)
    assert [each.is_failure for each in starts] == [False, True, False]
