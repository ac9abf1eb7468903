"""A shadow beside the statement: each difference is named, and together they are the whole."""

from hypothesis import given
from hypothesis import strategies as st

from billing.comparison import ChangeKind, Figures, Line, compare, figures_of, nothing
from billing.statements import Unpaid
from foundation.identifiers import EvseId, StationId, TransactionId
from foundation.money import Money, total
from tests.billing.builders import START, external, payable, statement


def unpaid(number: int, reason: str = "inferred_end") -> Unpaid:
    return Unpaid(
        transaction_id=TransactionId(number),
        reason=reason,
        station=StationId("CS-1"),
        evse_id=EvseId(1),
        started_at=START,
        ended_at=START,
        energy_wh=payable(1, "1.00").energy_wh,
    )


def figures(*cdrs: tuple[int, str], held: tuple[int, ...] = (), outside: bool = False) -> Figures:
    made = [(external if outside else payable)(number, net) for number, net in cdrs]
    return figures_of(statement(cdrs=made, unpaid=[unpaid(each) for each in held]))


def test_each_transaction_that_differs_is_named_with_its_kind() -> None:
    shadow = figures((1, "1.00"), (2, "2.00"), (3, "3.00"), (4, "4.00"), held=(5,))
    final = figures((1, "1.00"), (2, "2.50"), (5, "5.00"), (6, "6.00"), held=(3,))

    compared = compare(shadow, final)

    assert [(each.transaction_id, each.kind, each.reason) for each in compared.changes] == [
        (2, ChangeKind.PRICED, None),
        (3, ChangeKind.HELD, "inferred_end"),
        (4, ChangeKind.GONE, None),
        (5, ChangeKind.RELEASED, "inferred_end"),
        (6, ChangeKind.ADDED, None),
    ]
    assert [each.difference.text for each in compared.changes] == [
        "0.50",
        "-3.00",
        "-4.00",
        "5.00",
        "6.00",
    ]
    assert compared.difference.text == "4.50"


def test_a_cent_that_moves_between_lines_of_a_group_is_a_change_of_the_share() -> None:
    # 90 % of 0.05 is 0.045: alone it is rounded up; beside another one of two cents is cut.
    compared = compare(
        figures((1, "0.05"), outside=True), figures((1, "0.05"), (2, "0.04"), outside=True)
    )
    [line, _] = compared.changes
    assert line.kind is ChangeKind.SHARED
    assert total((each.difference for each in compared.changes), "EUR") == compared.difference


def test_nothing_differs_between_like_statements() -> None:
    same = figures((1, "1.00"), held=(2,))
    assert compare(same, same).changes == ()
    assert compare(nothing("EUR"), nothing("EUR")).difference == Money.zero("EUR")


amounts = st.dictionaries(
    st.integers(1, 12), st.integers(-500, 5000).map(lambda cents: f"{cents / 100:.2f}"), max_size=12
)


@given(then=amounts, now=amounts)
def test_the_changes_add_up_to_the_difference(then: dict[int, str], now: dict[int, str]) -> None:
    shadow = figures(*then.items(), outside=True)
    final = figures(*now.items(), outside=True)

    compared = compare(shadow, final)

    assert total((each.difference for each in compared.changes), "EUR") == compared.difference
    assert compared.after - compared.before == compared.difference
    differing = {number for number in {*then, *now} if then.get(number) != now.get(number)}
    assert {each.transaction_id for each in compared.changes} >= differing
    for change in compared.changes:
        is_new, is_gone = change.transaction_id not in then, change.transaction_id not in now
        assert (change.kind is ChangeKind.ADDED) == is_new
        assert (change.kind is ChangeKind.GONE) == is_gone


def test_a_correction_and_what_it_corrects_are_one_line_of_the_figures() -> None:
    made = statement(cdrs=[payable(1, "4.00"), payable(1, "-4.00"), payable(1, "3.00")])
    assert figures_of(made).lines == (Line(TransactionId(1), 300, 300),)
    assert figures_of(made).sessions == 3
