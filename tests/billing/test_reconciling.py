"""Reconciliation on the real database: from an honest month to one that somebody tampered with."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books
from billing.closing import Closing, MonthNotBegun
from billing.reconciliation import Check, Kind
from billing.reconciling import Report, by_explanation, reconciled
from foundation.errors import InvalidInput
from foundation.identifiers import EvseId, StationId, TransactionId
from roaming.handlers import Reimbursement
from tests.billing.story import (
    BAKERY,
    EXTERNAL,
    NOVEMBER,
    NOW,
    UNKNOWN,
    Ended,
    SetRegisters,
    Span,
    ended,
    happen,
    settle_in,
)

TEN = Decimal(10_000)


def closing(*numbers: int, register_end_wh: Decimal = TEN) -> Closing:
    """The month close, where csms knows these transactions of 10 kWh, and a register."""
    span = Span(StationId("S1"), EvseId(1), Decimal(0), register_end_wh)
    told = [Ended(TransactionId(number), 1, TEN) for number in numbers]
    return Closing(SetRegisters([span], told), Reimbursement())


async def october(db: AsyncSession, made: Closing) -> Report:
    return await reconciled(db, made, BAKERY, "2026-10", now=NOVEMBER)


def found(report: Report) -> list[tuple[Check, Kind, str, str | None]]:
    return [(each.check, each.kind, each.about, each.explanation) for each in report.differences]


async def test_a_month_that_is_paid_has_no_difference_but_the_missing_paper(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **EXTERNAL))
    made = closing(1, 2, register_end_wh=2 * TEN)
    [statement] = await made.close(db, BAKERY, "2026-10", now=NOVEMBER)
    await books.mark_paid(db, statement.statement_id, now=NOVEMBER)

    report = await october(db, made)

    assert (report.sessions, report.records, report.statements) == (2, 2, 1)
    assert report.unexplained == ()
    assert found(report) == [
        (
            Check.DOCUMENTS,
            Kind.WITHOUT_DOCUMENT,
            "statement/bakery-2026-10-EUR",
            "not_invoiced",
        )
    ]


async def test_an_open_month_waits_for_its_close(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    report = await reconciled(db, closing(1), BAKERY, "2026-10", now=NOW + timedelta(hours=2))
    assert found(report) == [(Check.STATEMENTS, Kind.WAITING, "transaction/1", "not_closed")]
    assert not report.is_closed
    with pytest.raises(MonthNotBegun):
        await reconciled(db, closing(), BAKERY, "2026-12", now=NOVEMBER)
    with pytest.raises(InvalidInput):
        await reconciled(db, closing(), BAKERY, "October", now=NOVEMBER)


async def test_held_late_and_unpaid_are_explained(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **UNKNOWN))
    made = closing(1, 2, 3, register_end_wh=3 * TEN)
    await made.close(db, BAKERY, "2026-10", now=NOVEMBER)
    await happen(db, ended(3))

    report = await october(db, made)

    assert report.unexplained == ()
    explained = by_explanation(report.differences)
    # The register has the late session too, which the paper could not know of.
    assert explained == {
        "between_sessions": 1,
        "held": 1,
        "late": 1,
        "not_invoiced": 1,
        "not_due": 1,
    }


async def test_what_nothing_accounts_for_is_named(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2))
    made = closing(1, 3, register_end_wh=2 * TEN)
    await made.close(db, BAKERY, "2026-10", now=NOVEMBER)
    await db.execute(text("alter table statement_lines disable trigger all"))
    await db.execute(text("update statement_lines set payout_minor = 399 where transaction_id = 1"))

    report = await october(db, made)

    assert [(each.check, each.kind, each.about) for each in report.unexplained] == [
        (Check.SESSIONS, Kind.WITHOUT_RECORD, "transaction/3"),
        (Check.SESSIONS, Kind.WITHOUT_SESSION, "transaction/2"),
        (Check.STATEMENTS, Kind.OTHER_LINES, "statement/bakery-2026-10-EUR"),
    ]


async def test_a_line_that_vanished_and_a_posting_out_of_nowhere_are_found(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2))
    made = closing(1, 2, register_end_wh=2 * TEN)
    await db.execute(text("delete from unsettled_lines where transaction_id = 2"))
    await made.close(db, BAKERY, "2026-10", now=NOVEMBER)

    report = await october(db, made)

    assert [(each.check, each.kind, each.about) for each in report.unexplained] == [
        (Check.STATEMENTS, Kind.ON_NO_STATEMENT, "transaction/2"),
        (Check.LEDGER, Kind.OTHER_BALANCE, "account/unsettled/bakery"),
    ]
    [lost, _] = report.unexplained
    assert lost.amount is not None
    assert lost.amount.text == "4.00"


async def test_a_correction_after_the_close_is_late_and_balances(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    made = closing(1)
    await made.close(db, BAKERY, "2026-10", now=NOVEMBER)
    await happen(db, ended(1, kwh="8", revision=2))
    told = [Ended(TransactionId(1), 2, Decimal(8000))]
    made = replace(made, registers=SetRegisters(made.registers.spans, told))  # type: ignore[attr-defined]

    report = await october(db, made)

    assert report.unexplained == ()
    assert "late" in by_explanation(report.differences)
