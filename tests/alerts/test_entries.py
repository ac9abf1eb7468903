"""What people enter is read strictly."""

from datetime import time, timedelta

import pytest

from alerts import entries
from alerts.entries import InvalidNumber, NoSuchTime
from alerts.notices import Shift
from foundation.errors import InvalidInput


@pytest.mark.parametrize(
    ("entered", "number"),
    [
        ("+491701234567", "+491701234567"),
        (" +49 170 / 123-45 67", "+491701234567"),
        ("0049 (0) 170 1234567", "+491701234567"),
        ("+43.664.1234567", "+436641234567"),
    ],
)
def test_a_phone_number_is_kept_as_everybody_can_call_it(entered: str, number: str) -> None:
    assert entries.phone_number(entered) == number


@pytest.mark.parametrize(
    "entered", ["", "0170 1234567", "+49", "+0491701234567", "lea", "+49170123456789012", "+49170x"]
)
def test_a_phone_number_that_is_none_is_refused(entered: str) -> None:
    with pytest.raises(InvalidNumber):
        entries.phone_number(entered)


def test_a_time_that_does_not_exist_is_refused() -> None:
    assert entries.time_of_day("23:59", "quiet_from") == time(23, 59)
    for entered in ("24:00", "12:60", "7:30", "noon", ""):
        with pytest.raises(NoSuchTime):
            entries.time_of_day(entered, "quiet_from")


def test_quiet_hours_have_both_ends_and_leave_something_of_the_day() -> None:
    assert entries.quiet_hours("22:00", "06:00") == (time(22), time(6))
    assert entries.quiet_hours("", None) is None
    with pytest.raises(NoSuchTime):
        entries.quiet_hours("22:00", "")
    with pytest.raises(InvalidInput):
        entries.quiet_hours("22:00", "22:00")


def test_a_shift_has_weekdays_and_a_week_is_not_endless() -> None:
    made = entries.shift([0, 6], "08:00", "16:00")
    assert made == Shift(frozenset({0, 6}), time(8), time(16))
    for weekdays in ([], [7], [-1]):
        with pytest.raises(InvalidInput):
            entries.shift(weekdays, "08:00", "16:00")
    assert entries.shifts([made] * 21)
    with pytest.raises(InvalidInput):
        entries.shifts([made] * 22)


def test_waits_and_reminders_have_bounds() -> None:
    assert entries.wait(0) == timedelta(0)
    assert entries.wait(2880) == timedelta(days=2)
    assert entries.reminder(None) is None
    assert entries.reminder(15) == timedelta(minutes=15)
    for minutes in (-1, 2881, 10**12):
        with pytest.raises(InvalidInput):
            entries.wait(minutes)
    for minutes in (0, 14, 43201, 10**12):
        with pytest.raises(InvalidInput):
            entries.reminder(minutes)
