"""Service packages: what they include, and what the yearly maintenance costs by them."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.packages import (
    Maintenance,
    Package,
    check_package,
    job_moment,
    maintenance_costs,
    maintenance_due_on,
    package_at,
)
from foundation.errors import InvalidInput
from foundation.money import Money
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GOLD = Package(
    key="gold",
    name="Gold",
    first_aid=True,
    hotline=True,
    dispatch=True,
    maintenance=Maintenance.FREE,
    level=SHIPPED_LEVEL,
    hours=BusinessHours("Europe/Berlin"),
    valid_from=BEGIN,
)
PRICE = Money(Decimal("149.00"), "EUR")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"key": "Gold!"}, "key"),
        ({"name": " "}, "name"),
        ({"hours": BusinessHours("Europe/Nowhere")}, "time_zone"),
        ({"hours": BusinessHours("Europe/Berlin", time(18), time(8))}, "closes"),
        ({"hours": BusinessHours("Europe/Berlin", weekdays=frozenset())}, "weekdays"),
        ({"hours": BusinessHours("Europe/Berlin", weekdays=frozenset({7}))}, "weekdays"),
        ({"level": replace(SHIPPED_LEVEL, remote_within=timedelta(0))}, "remote_within_h"),
        ({"level": replace(SHIPPED_LEVEL, answer_within_days=-1)}, "on_site_within_days"),
    ],
)
def test_a_package_that_cannot_be_kept_is_refused(changed: dict[str, Any], field: str) -> None:
    check_package(GOLD)
    with pytest.raises(InvalidInput) as caught:
        check_package(replace(GOLD, **changed))
    assert caught.value.field == field


def test_a_definition_holds_until_the_next() -> None:
    later = replace(GOLD, maintenance=Maintenance.CHARGEABLE, valid_from=BEGIN + timedelta(days=9))
    assert package_at([later, GOLD], BEGIN + timedelta(days=8)) == GOLD
    assert package_at([later, GOLD], BEGIN + timedelta(days=9)) == later
    assert package_at([later, GOLD], BEGIN - timedelta(days=1)) is None


def test_maintenance_is_due_twelve_months_later() -> None:
    assert maintenance_due_on(date(2026, 5, 31)) == date(2027, 5, 31)
    assert maintenance_due_on(date(2028, 2, 29)) == date(2029, 2, 28)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_maintenance_never_drifts_by_more_than_a_day(last_on: date) -> None:
    assert timedelta(364) <= maintenance_due_on(last_on) - last_on <= timedelta(366)


def test_maintenance_is_free_or_chargeable_by_the_package_of_its_day() -> None:
    chargeable = replace(GOLD, maintenance=Maintenance.CHARGEABLE)
    assert maintenance_costs(GOLD, PRICE) is None
    assert maintenance_costs(chargeable, PRICE) == PRICE
    assert maintenance_costs(replace(GOLD, maintenance=Maintenance.NONE), PRICE) == PRICE
    assert maintenance_costs(None, PRICE) == PRICE
    assert maintenance_costs(chargeable, None) is None
    assert job_moment(date(2026, 7, 1), "Europe/Berlin") == datetime(2026, 7, 1, 10, tzinfo=UTC)
