"""Working days and hours, and by when somebody has to react."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from foundation.errors import InvalidInput
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours, deadlines

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = BusinessHours("Europe/Berlin", holidays=frozenset({date(2026, 10, 19)}))


@pytest.mark.parametrize(
    ("reported", "answer", "on_site"),
    [
        # Thursday noon; Monday the 19th is a holiday
        (datetime(2026, 10, 15, 12, tzinfo=BERLIN), date(2026, 10, 16), date(2026, 10, 23)),
        # Friday after closing time counts as the next working day's: Tuesday
        (datetime(2026, 10, 16, 18, tzinfo=BERLIN), date(2026, 10, 21), date(2026, 10, 27)),
        (datetime(2026, 10, 16, 17, 59, tzinfo=BERLIN), date(2026, 10, 20), date(2026, 10, 26)),
        (datetime(2026, 10, 17, 9, tzinfo=BERLIN), date(2026, 10, 21), date(2026, 10, 27)),
    ],
)
def test_reaction_times_count_working_days(reported: datetime, answer: date, on_site: date) -> None:
    found = deadlines(SHIPPED_LEVEL, HOURS, reported.astimezone(UTC))
    assert found.remote_at == reported + timedelta(hours=4)
    assert found.answer_at == datetime.combine(answer, time(18), BERLIN)
    assert found.on_site_at == datetime.combine(on_site, time(18), BERLIN)


def test_somebody_works_on_some_day() -> None:
    never = BusinessHours("Europe/Berlin", weekdays=frozenset())
    with pytest.raises(InvalidInput):
        deadlines(SHIPPED_LEVEL, never, datetime(2026, 10, 15, tzinfo=UTC))
