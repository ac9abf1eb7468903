"""Payments of two rooms as one list: what each word is here, and where the next page begins."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.direct_payments import PaymentState
from foundation.money import Money
from portal.paging import WrongCursor, encoded
from portal.payments_shown import (
    CODE,
    STATES,
    TERMINAL,
    Shown,
    cursor_behind,
    newest,
    place_of,
)

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def line(source: str, key: str, minutes: int = 0) -> Shown:
    at = NOON + timedelta(minutes=minutes)
    return Shown(at, source, key, "S1", "paid", Money.zero("EUR"), None)


def test_every_state_of_a_payment_is_one_of_the_lists() -> None:
    found = [state for _, states in STATES.values() for state in states]
    assert sorted(found) == sorted(PaymentState)
    words = [word for said, _ in STATES.values() for word in said]
    assert sorted(words) == ["Canceled", "Failed", "Rejected", "Settled"]


def test_of_one_moment_terminals_stand_first_by_number() -> None:
    nine, ten = line(TERMINAL, "9"), line(TERMINAL, "10")
    a, b, later = line(CODE, "a"), line(CODE, "b"), line(CODE, "0", 1)
    assert newest([a, nine, b, ten, later], 9) == [later, ten, nine, b, a]
    assert newest([a, nine], 1) == [nine]


@pytest.mark.parametrize("last", [line(TERMINAL, "17"), line(CODE, "ab" * 32)])
def test_a_page_begins_behind_the_last_line_of_the_one_before(last: Shown) -> None:
    assert place_of(cursor_behind(last)) == (last.at, last.source, last.key)
    assert place_of("") is None


@pytest.mark.parametrize(
    "key",
    [
        ("yesterday", TERMINAL, "1"),
        ("2026-10-15T12:00:00", TERMINAL, "1"),
        (NOON.isoformat(), TERMINAL, "one"),
        (NOON.isoformat(), TERMINAL, "1" * 19),
        (NOON.isoformat(), "session", "1"),
    ],
)
def test_a_cursor_of_another_list_is_refused(key: tuple[str, str, str]) -> None:
    with pytest.raises(WrongCursor):
        place_of(encoded(*key))
