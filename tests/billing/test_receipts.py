"""What waits for a provider's money is paid once it is there: whole, and never twice."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payouts import OpenStatement, due_by, parts_of
from billing.receipts import open_part, waiting_gross
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total

NOTHING = Money.zero("EUR")


def cents(amount: int) -> Money:
    return Money.from_minor(amount, "EUR")


def whole(number: int, gross: Money) -> OpenStatement:
    return OpenStatement(
        statement_id=f"town-{number}",
        payee=OrganisationKey("town"),
        gross=gross,
        due_on=date(2026, 11, 1 + number),
        issued_at=datetime(2026, 11, 1, tzinfo=UTC),
        is_taken_back=False,
    )


@pytest.mark.parametrize(
    ("waiting", "gross"),
    [(0, 0), (3600, 4284), (10_000, 11_900), (1, 1), (3, 4), (9_997, 11_896)],
)
def test_what_waits_takes_its_tax_along(waiting: int, gross: int) -> None:
    found = waiting_gross(cents(10_000), cents(11_900), Decimal(19), cents(waiting))
    assert found == cents(gross)


def test_a_statement_that_only_waits_is_in_no_payment_and_one_that_owes_is() -> None:
    waits = open_part(whole(1, cents(500)), paid=NOTHING, waiting=cents(500))
    some = open_part(whole(2, cents(500)), paid=NOTHING, waiting=cents(200))
    owing = open_part(whole(3, cents(-100)), paid=NOTHING, waiting=NOTHING)
    assert waits.only_waits
    assert due_by([waits, some, owing], None) == [some, owing]
    assert (some.gross, some.waiting) == (cents(300), cents(200))
    assert owing.waiting is None


amounts = st.integers(-500, 5000)


@given(
    # Of each statement: what is due at once (or owed to us), and the invoices that the rest is on.
    st.lists(
        st.tuples(amounts, st.dictionaries(st.integers(0, 3), st.integers(1, 5000), max_size=4)),
        min_size=1,
        max_size=5,
    ),
    st.permutations(range(4)),
    st.sampled_from([0, 7, 19]),
)
def test_whatever_comes_when_all_is_paid_once_and_nothing_before_it_is_due(
    statements: list[tuple[int, dict[int, int]]], order: list[int], rate: int
) -> None:
    """Providers pay in any order; after each, a run pays what may be paid."""
    nets = [now + sum(later.values()) for now, later in statements]
    grosses = [cents(net) + (cents(net) * (Decimal(rate) / 100)).rounded() for net in nets]
    paid = [NOTHING for _ in statements]
    is_done = [False for _ in statements]
    unpaid = set(order)
    was_due = NOTHING
    for invoice in [None, *order]:
        unpaid.discard(-1 if invoice is None else invoice)
        waits = [
            waiting_gross(
                cents(nets[each]),
                grosses[each],
                Decimal(rate),
                cents(sum(net for number, net in later.items() if number in unpaid)),
            )
            for each, (_, later) in enumerate(statements)
        ]
        open_ones = [
            open_part(whole(each, grosses[each]), paid=paid[each], waiting=waits[each])
            for each in range(len(statements))
            if not is_done[each]
        ]
        owed = total(grosses, "EUR") - total(paid, "EUR") - total(waits, "EUR")
        for part in parts_of(due_by(open_ones, None), owed):
            each = int(part.statement.statement_id.removeprefix("town-"))
            paid[each] += part.paid
            is_done[each] = part.is_last
        for each, gross in enumerate(grosses):
            assert paid[each] <= max(NOTHING, gross - waits[each])
        was_due = max(was_due, total(grosses, "EUR") - total(waits, "EUR"))
        assert total(paid, "EUR") <= was_due
    assert total(paid, "EUR") == max(NOTHING, total(grosses, "EUR"))


def test_the_value_keeps_everything_else() -> None:
    statement = whole(1, cents(500))
    assert open_part(statement, paid=NOTHING, waiting=NOTHING) == replace(statement, waiting=None)
