"""The steps of a visit."""

from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.agenda import Act, Visit, steps_of

NINE = datetime(2026, 10, 15, 9, 7, tzinfo=UTC)


def a_visit(**changes: Any) -> Visit:
    facts: dict[str, Any] = {
        "station": 0,
        "evse_id": 1,
        "id_token": "04A1",
        "id_token_type": "ISO14443",
        "start_at": NINE,
        "finish_at": NINE + timedelta(hours=1),
        "battery_wh": 60_000,
        "soc": 0.2,
        "car_w": 11_000,
        "max_power_w": 22_000,
    }
    return Visit(**{**facts, **changes})


def acts(visit: Visit) -> list[tuple[Act, str]]:
    steps = sorted(steps_of(visit), key=lambda step: (step.at, step.rank))
    return [(step.act, f"{step.at:%H:%M:%S}") for step in steps]


def test_a_plain_visit_is_read_at_every_quarter_of_an_hour() -> None:
    assert acts(a_visit()) == [
        (Act.PLUG_IN, "09:06:15"),
        (Act.START, "09:07:00"),
        (Act.READ, "09:15:00"),
        (Act.READ, "09:30:00"),
        (Act.READ, "09:45:00"),
        (Act.READ, "10:00:00"),
        (Act.FINISH, "10:07:00"),
        (Act.UNPLUG, "10:08:30"),
    ]


def test_a_car_that_is_full_stays_suspended_and_is_read_every_hour() -> None:
    visit = a_visit(soc=0.999, finish_at=NINE + timedelta(hours=2, minutes=30))
    assert acts(visit)[2:-2] == [
        (Act.SUSPEND, f"{visit.full_at:%H:%M:%S}"),
        (Act.READ, "10:00:00"),
        (Act.READ, "11:00:00"),
    ]


def test_a_fault_ends_it_half_way() -> None:
    assert acts(a_visit(fault_code="GroundFailure"))[-3:] == [
        (Act.FAULT, "09:37:00"),
        (Act.UNPLUG, "09:41:00"),
        (Act.CLEAR_FAULT, "09:46:00"),
    ]
