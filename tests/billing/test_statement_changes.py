"""What differs from last month, and that every form says the same of it."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books
from billing.cdr import ChargeClass
from billing.statement_changes import all_of, changes, share_of
from billing.statement_forms import statement_csv, statement_json
from billing.statement_pdf import statement_pdf
from billing.statements import NONE_EARLIER, ClassTotal, Earlier, Statement
from foundation.money import Money
from tests.billing.builders import external, payable, statement
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EXTERNAL,
    NOVEMBER,
    closing,
    ended,
    happen,
    settle_in,
)


def september() -> Earlier:
    value = statement(
        month="2026-09",
        statement_id="town-2026-09-EUR",
        cdrs=[
            payable(1, "10.00", month="2026-09"),
            external(2, "20.00", month="2026-09"),
            external(3, "20.00", month="2026-09"),
        ],
    )
    return Earlier(statement_id=value.statement_id, month=value.month, totals=value.totals)


def october(earlier: Earlier | None, **more: Any) -> Statement:
    values = {"cdrs": [payable(4, "12.50"), external(5, "30.00", share_bps=8500)], **more}
    return statement(earlier=earlier, **values)


def test_each_class_and_all_together_are_compared() -> None:
    internal, foreign, every = changes(october(september()))

    assert internal.charge_class is ChargeClass.INTERNAL
    assert (internal.sessions, internal.energy_wh) == (0, Decimal(0))
    assert (internal.net.text, internal.share_bps, internal.payout.text) == ("2.50", 0, "2.50")
    assert (foreign.sessions, foreign.energy_wh) == (-1, Decimal(-10_000))
    assert (foreign.net.text, foreign.share_bps, foreign.payout.text) == (
        "-10.00",
        -500,
        "-10.50",
    )
    assert every.charge_class is None
    assert (every.sessions, every.net.text, every.payout.text) == (-1, "-7.50", "-8.00")
    assert every.share_bps == 8941 - 9200  # 38.00 of 42.50, and 46.00 of 50.00


def test_a_share_of_nothing_is_none() -> None:
    nothing = Money.zero("EUR")
    sums = ClassTotal(sessions=0, energy_wh=Decimal(0), net=nothing, payout=nothing)
    assert share_of(sums) is None
    _, foreign, _ = changes(october(september(), cdrs=[payable(4, "12.50")]))
    assert foreign.share_bps is None
    assert (foreign.sessions, foreign.payout.text) == (-2, "-36.00")


@pytest.mark.parametrize("earlier", [None, NONE_EARLIER])
def test_without_an_earlier_statement_nothing_is_compared(earlier: Earlier | None) -> None:
    value = october(earlier)
    assert changes(value) == ()
    assert "change" not in {row["record"] for row in rows(value)}
    told = statement_json(value)["change"]
    if earlier is None:
        assert told is None  # it was printed before statements were compared
    else:
        assert told == {"earlier_statement_id": None, "earlier_month": None, "classes": {}}
        assert "no earlier statement" in paper(value)


cents = st.integers(-500_00, 500_00).map(lambda each: f"{Decimal(each) / 100:.2f}")


@given(st.lists(cents, max_size=4), st.lists(cents, max_size=4), st.sampled_from([9000, 8500]))
def test_before_and_difference_make_now_in_every_class_and_in_all(
    before: list[str], now: list[str], share_bps: int
) -> None:
    last = statement(
        cdrs=[external(each, net, share_bps=share_bps) for each, net in enumerate(before, 1)]
    )
    value = statement(
        cdrs=[payable(each, net) for each, net in enumerate(now, 1)],
        earlier=Earlier(statement_id="x", month="2026-09", totals=last.totals),
    )
    *by_class, every = changes(value)
    assert [each.before.payout + each.payout for each in by_class] == [
        value.totals[each].payout for each in ChargeClass
    ]
    assert every.before.payout + every.payout == value.payout_net
    assert sum((each.net for each in by_class), Money.zero("EUR")) == every.net
    assert all_of(value, "EUR").payout == value.payout_net


def test_json_csv_and_paper_say_the_same() -> None:
    value = october(september())
    told = statement_json(value)["change"]
    table = {row["class"] or "all": row for row in rows(value) if row["record"] == "change"}
    text = paper(value)

    assert (told["earlier_statement_id"], told["earlier_month"]) == ("town-2026-09-EUR", "2026-09")
    assert list(told["classes"]) == list(table) == ["internal", "external", "all"]
    assert told["classes"]["external"]["before"] == {
        "sessions": 2,
        "energy_wh": 20_000,
        "net_amount": "40.00",
        "share_bps": 9000,
        "payout_amount": "36.00",
    }
    for name, row in table.items():
        figures = told["classes"][name]["difference"]
        for key in ("sessions", "energy_wh", "net_amount", "share_bps", "payout_amount"):
            assert row[key] == str(figures[key])
        assert row["earlier_statement_id"] == "town-2026-09-EUR"
        assert figures["payout_amount"].replace("-", "−") in text
    assert "Change since September 2026" in text
    assert "+2.50" in text
    assert "−2.59" in text  # percentage points


async def test_a_close_compares_with_the_last_statement_of_payee_and_currency(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10", **EXTERNAL))
    [first] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    await happen(db, ended(2, NOVEMBER, kwh="5", **EXTERNAL))
    [second] = await closing().close(db, BAKERY, "2026-11", now=DECEMBER)

    assert first.earlier == NONE_EARLIER
    assert second.earlier == Earlier(
        statement_id=first.statement_id, month="2026-10", totals=first.totals
    )
    assert [each.net.text for each in changes(second)] == ["0.00", "-2.00", "-2.00"]
    assert await books.statement(db, second.statement_id) == second


def rows(value: Statement) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(statement_csv(value), newline="")))


def paper(value: Statement) -> str:
    return "".join(
        page.extract_text() for page in PdfReader(io.BytesIO(statement_pdf(value))).pages
    )
