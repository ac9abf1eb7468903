"""How often a running transaction's cost is computed."""

from datetime import UTC, datetime, timedelta

from csms.handlers import context
from csms.handlers.context import CostPace

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_cost_is_due_at_first_and_then_once_in_each_span() -> None:
    pace = CostPace(MINUTE)
    assert pace.is_due(1, NOW)
    assert not pace.is_due(1, NOW + MINUTE - timedelta(seconds=1))
    assert pace.is_due(1, NOW + MINUTE)
    assert not pace.is_due(1, NOW + MINUTE + timedelta(seconds=1))


def test_each_transaction_has_a_pace_of_its_own() -> None:
    pace = CostPace(MINUTE)
    assert pace.is_due(1, NOW)
    assert pace.is_due(2, NOW)


def test_what_is_remembered_has_an_end() -> None:
    pace = CostPace(MINUTE)
    for number in range(context._REMEMBERED + 1):
        assert pace.is_due(number, NOW)
    assert len(pace._last) == 1
