"""Charge points that look well and give nothing, and sessions that are odd: beside those that are
neither."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from alerts import failing
from alerts.failing import Health, RunningSession
from foundation.identifiers import OrganisationKey, StationId

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WELL = Health(
    station=StationId("CS-1"),
    evse_id=1,
    organisation=OrganisationKey("north"),
    is_ready=True,
    starts=4,
    empty=0,
    tokens=3,
    last_started_at=NOW - HOUR,
    gaps=50,
    longest_gap=10 * HOUR,
    last_stop_reason="Local",
    last_ended_at=NOW - HOUR / 2,
)
RUNS = RunningSession(
    transaction_id=7,
    station=StationId("CS-1"),
    evse_id=1,
    organisation=OrganisationKey("north"),
    started_at=NOW - 2 * HOUR,
    charging_state="Charging",
    risen_wh=Decimal(9_000),
    read_at=NOW,
)


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({}, []),
        ({"empty": 4}, ["starts_without_energy"]),
        ({"empty": 3}, []),
        ({"empty": 4, "tokens": 1}, []),  # one driver, whose battery is full
        ({"empty": 3, "starts": 3}, []),
        ({"empty": 4, "is_ready": False}, []),  # not green: others tell of it
        ({"last_started_at": NOW - 31 * HOUR}, ["no_session"]),
        ({"last_started_at": NOW - 30 * HOUR}, []),
        ({"last_started_at": NOW - 31 * HOUR, "gaps": 19}, []),
        ({"last_started_at": NOW - 23 * HOUR, "longest_gap": HOUR}, []),
        ({"last_started_at": NOW - 25 * HOUR, "longest_gap": HOUR}, ["no_session"]),
    ],
)
def test_green_but_failing(changes: dict[str, Any], causes: list[str]) -> None:
    found = failing.failing([replace(WELL, **changes)], NOW)
    assert [each.cause for each in found] == causes
    assert {each.detection.value for each in found} <= {"failing"}


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({}, []),
        ({"risen_wh": Decimal(10)}, ["session_without_energy"]),
        ({"risen_wh": Decimal(11)}, []),
        ({"risen_wh": Decimal(0), "charging_state": "SuspendedEV"}, []),  # a full car
        ({"risen_wh": None, "read_at": None}, []),
        ({"risen_wh": Decimal(0), "read_at": NOW - 1.5 * HOUR}, []),
        ({"started_at": NOW - 72 * HOUR}, ["session_never_ends"]),
        ({"started_at": NOW - 71 * HOUR}, []),
    ],
)
def test_odd_sessions(changes: dict[str, Any], causes: list[str]) -> None:
    found = failing.odd_sessions([], [replace(RUNS, **changes)], NOW)
    assert [each.cause for each in found] == causes


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        ({"last_stop_reason": "EmergencyStop"}, True),
        ({"last_stop_reason": "EmergencyStop", "last_ended_at": NOW - 24 * HOUR}, False),
        ({"last_stop_reason": "EmergencyStop", "last_ended_at": NOW - 2 * HOUR}, False),
        ({}, False),
    ],
)
def test_an_emergency_stop_is_told_until_somebody_charges_there(
    changes: dict[str, Any], is_found: bool
) -> None:
    found = failing.odd_sessions([replace(WELL, **changes)], [], NOW)
    assert [each.cause for each in found] == (["emergency_stop"] if is_found else [])
