"""Sums of costs, and how the ledger of releases names several stations."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from foundation.money import Money
from portal.monitoring_of_many import subject_of, summed


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def test_amounts_are_summed_up_by_currency_and_never_converted() -> None:
    francs = Money(Decimal(10), "CHF")
    assert summed([euros("9.90"), francs, euros("9.90")]) == [francs, euros("19.80")]
    assert summed([]) == []


@given(st.lists(st.text("ABC-0123456789", min_size=1, max_size=48), min_size=1, max_size=60))
def test_the_same_stations_are_always_named_alike_and_shortly(stations: list[str]) -> None:
    named = subject_of(stations)
    assert named == subject_of(stations[::-1])
    assert len(named) < 200
    assert named != subject_of([*stations, "ANOTHER"])
