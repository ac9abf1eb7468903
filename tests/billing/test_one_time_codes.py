"""One-time codes and the limits in a QR code's address."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.one_time_codes import Wanted, code_at, is_current, wanted

AT = datetime(2026, 10, 15, 12, 0, 5, tzinfo=UTC)
SECRET = "a secret of the station's"


def current(code: str, at: datetime = AT, secret: str = SECRET) -> bool:
    return is_current(code, secret, at, length=8, lasts_s=60)


def test_a_code_holds_in_its_interval_and_its_neighbours() -> None:
    code = code_at(SECRET, AT, length=8, lasts_s=60)
    assert len(code) == 8
    assert code == code_at(SECRET, AT + timedelta(seconds=50), length=8, lasts_s=60)
    for minutes, holds in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        assert current(code, AT + timedelta(minutes=minutes)) is holds


def test_a_code_of_another_secret_or_length_is_none() -> None:
    assert not current(code_at("another", AT, length=8, lasts_s=60))
    assert not current(code_at(SECRET, AT, length=7, lasts_s=60))
    assert not current("")


@given(st.text(max_size=12))
def test_nobody_guesses_a_code(text: str) -> None:
    assert not current(text) or text == code_at(SECRET, AT, length=8, lasts_s=60)


def test_limits_are_read_whatever_their_spelling() -> None:
    found = wanted({"maxCost": ["12.50"], "MAXENERGY": ["9000"], "maxtime": ["3600"], "x": ["1"]})
    assert found == (Wanted(Decimal("12.50"), Decimal(9000), 3600), [])
    assert wanted({}) == (Wanted(), [])


@pytest.mark.parametrize("name", ["maxTime", "maxCost", "maxEnergy"])
@pytest.mark.parametrize(
    "values",
    [["0"], ["-1"], ["1e3"], ["abc"], [""], ["1", "2"], ["9999999"], ["NaN"], ["1.2.3"], ["٣"]],
)
def test_what_is_no_limit_is_refused_by_its_name(name: str, values: list[str]) -> None:
    assert wanted({name: values}) == (Wanted(), [name])


def test_money_has_whole_cents_and_time_whole_seconds() -> None:
    assert wanted({"maxCost": ["1.005"]})[1] == ["maxCost"]
    assert wanted({"maxTime": ["60.5"]})[1] == ["maxTime"]
    assert wanted({"maxCost": ["1000"]}) == (Wanted(Decimal(1000)), [])
    assert wanted({"maxCost": ["1000.01"]})[1] == ["maxCost"]
    assert wanted({"maxCost": ["5"], "MaxCost": ["6"]})[1] == ["MaxCost"]
