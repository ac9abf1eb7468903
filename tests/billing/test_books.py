"""The face of the books: statements, payments, what became of transactions, transactions.csv."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import books
from billing.books import TRANSACTION_COLUMNS, AlreadyPaid, BillingState
from billing.ledger import BANK, EntryKind, payable, unsettled
from billing.statements import Statement, StatementState
from foundation.errors import NotFound
from foundation.events import Doubt
from foundation.identifiers import TransactionId
from foundation.money import Money
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EXTERNAL,
    HOTEL,
    INFERRED,
    NOVEMBER,
    NOW,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

OCTOBER_ID = "bakery-2026-10-EUR"
ONE, TWO = TransactionId(1), TransactionId(2)


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def close(db: AsyncSession, month: str = "2026-10") -> Statement:
    [statement] = await closing().close(db, BAKERY, month, now=DECEMBER)
    return statement


# --------------------------------------------------------------------------------- statements


async def test_a_statement_can_be_printed_again_and_says_the_same(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **EXTERNAL), ended(3, **UNKNOWN))
    statement = await close(db)

    db.expunge_all()

    assert await books.statement(db, OCTOBER_ID) == statement


async def test_statements_are_seen_by_their_scope_only(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await close(db)
    hotel = Scope(frozenset({HOTEL}))

    assert [each.statement_id for each in await books.statements(db)] == [OCTOBER_ID]
    assert await books.statements(db, hotel) == []
    assert await books.statements(db, hotel, payee=BAKERY) == []
    assert len(await books.statements(db, payee=BAKERY, month="2026-10")) == 1
    assert await books.statements(db, month="2026-09") == []
    with pytest.raises(NotFound):
        await books.statement(db, OCTOBER_ID, hotel)
    with pytest.raises(NotFound):
        await books.statement(db, "nothing")


async def test_statements_are_listed_from_the_newest_month_in_pages(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, NOVEMBER), ended(3, owner=HOTEL))
    await close(db)
    await close(db, "2026-11")
    await closing().close(db, HOTEL, "2026-10", now=DECEMBER)

    first = await books.statements(db, limit=2)
    rest = await books.statements(db, after=first[-1].statement_id)

    assert [each.statement_id for each in [*first, *rest]] == [
        "bakery-2026-11-EUR",
        OCTOBER_ID,
        "hotel-2026-10-EUR",
    ]


async def test_a_statement_goes_from_open_to_sent_to_paid(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    assert (await close(db)).state is StatementState.OPEN
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("4.76")}

    await books.mark_sent(db, OCTOBER_ID, now=NOVEMBER)
    assert (await books.statement(db, OCTOBER_ID)).state is StatementState.SENT
    assert await books.mark_paid(db, OCTOBER_ID, now=DECEMBER) == euro("4.76")

    await books.mark_sent(db, OCTOBER_ID, now=DECEMBER)
    assert (await books.statement(db, OCTOBER_ID)).state is StatementState.PAID
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0")}
    assert (await books.balances(db, [BANK]))[BANK]["EUR"] == euro("-4.76")
    with pytest.raises(AlreadyPaid):
        await books.mark_paid(db, OCTOBER_ID, now=DECEMBER)
    with pytest.raises(NotFound):
        await books.mark_paid(db, "nothing", now=DECEMBER)


async def test_a_negative_statement_is_taken_off_the_next_payment(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"))
    await close(db)
    await books.mark_paid(db, OCTOBER_ID, now=NOVEMBER)
    await happen(db, ended(1, kwh="5", revision=2))
    negative = await close(db, "2026-11")
    assert negative.payout_gross == euro("-2.38")
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("-2.38")}
    assert await books.mark_paid(db, negative.statement_id, now=DECEMBER) == euro("0")

    december = DECEMBER + timedelta(days=40)
    await happen(db, ended(2, DECEMBER, kwh="10"))
    [next_] = await closing().close(db, BAKERY, "2026-12", now=december)

    assert next_.payout_gross == euro("4.76")
    assert await books.mark_paid(db, next_.statement_id, now=december) == euro("2.38")
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0")}


async def test_an_accounts_entries_come_with_all_their_postings_in_pages(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2))
    await close(db)

    first = await books.entries(db, unsettled(BAKERY), limit=2)
    rest = await books.entries(db, unsettled(BAKERY), after=max(first))

    kinds = [entry.kind for entry in [*first.values(), *rest.values()]]
    assert kinds == [EntryKind.CDR, EntryKind.CDR, EntryKind.CLOSE]
    [closed] = rest.values()
    assert {posting.account for posting in closed.postings} == {unsettled(BAKERY), payable(BAKERY)}
    assert len(await books.entries_of(db, ONE)) == 1


# ------------------------------------------------------------------------------- transactions


async def test_the_state_of_a_transaction_follows_from_what_happened(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **INFERRED), ended(3, **UNKNOWN), ended(4, NOVEMBER))
    await closing().void(db, TransactionId(3), reason="test", by="person/1", now=NOW)
    await close(db)

    states = await books.state_of(db, [TransactionId(n) for n in range(1, 6)])

    assert states == {
        1: BillingState.CLOSED,
        2: BillingState.HELD,
        3: BillingState.VOID,
        4: BillingState.RATED,
    }
    waiting = await books.held(db)
    assert [(each.transaction_id, each.reason) for each in waiting] == [(2, "inferred_end")]
    assert await books.held(db, Scope(frozenset({HOTEL}))) == []
    assert await books.transactions_in(db, [BillingState.VOID]) == {3}
    assert await books.transactions_in(db, [BillingState.HELD, BillingState.VOID]) == {2, 3}


async def test_a_transaction_tells_its_price_its_share_and_who_decided(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **INFERRED))
    await close(db)
    await closing().release(db, TWO, reason="looked at", by="person/1", now=NOVEMBER)

    found = await books.billed(db, [ONE, TWO, TransactionId(9)])

    assert found.keys() == {ONE, TWO}
    assert found[ONE].tariff == ("T1", 1)
    assert [each.payout for each in found[ONE].settlements] == [euro("4.00")]
    assert found[ONE].decision is None
    released = found[TWO]
    assert (released.state, released.hold_reason) == (BillingState.RATED, None)
    assert released.decision is not None
    assert (released.decision.decided_by, released.decision.decided_why) == (
        "person/1",
        "looked at",
    )


async def test_days_have_their_energy_and_revenue(db: AsyncSession) -> None:
    await settle_in(db)
    berlin = ZoneInfo("Europe/Berlin")
    night = NOW.replace(hour=21)  # ends at midnight in Berlin
    await happen(
        db,
        ended(1, kwh="10"),
        ended(2, kwh="5", **INFERRED),
        ended(3, night, kwh="1"),
        ended(4, owner=HOTEL),
    )
    await closing().void(db, TransactionId(4), reason="test", by="person/1", now=NOW)

    days = await books.daily(
        db,
        Scope(frozenset({BAKERY, HOTEL})),
        berlin,
        first=date(2026, 10, 15),
        last=date(2026, 10, 16),
    )

    assert [(each.day.day, each.sessions, each.energy_wh, each.net) for each in days] == [
        (15, 2, Decimal(15_000), euro("4.00")),
        (16, 1, Decimal(1_000), euro("0.40")),
    ]


# ---------------------------------------------------------------------------- transactions.csv


async def rows(db: AsyncSession, month: str = "2026-10") -> list[dict[str, str]]:
    return [dict(row) async for row in books.transactions_of(db, month)]


async def test_the_rows_of_a_month_have_the_columns_of_the_contract(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **EXTERNAL))
    await close(db)

    [row] = await rows(db)

    assert tuple(row) == TRANSACTION_COLUMNS
    assert row == {
        "transaction_id": "1",
        "station": "S1",
        "evse_id": "1",
        "id_token": "04A2",
        "payee": "bakery",
        "class": "external",
        "started_at": "2026-10-15T12:00:00Z",
        "ended_at": "2026-10-15T13:00:00Z",
        "meter_start_wh": "1000",
        "meter_stop_wh": "11000",
        "energy_wh": "10000",
        "energy_basis": "registers",
        "net_amount": "4.00",
        "currency": "EUR",
        "share_bps": "9000",
        "payout_amount": "3.60",
        "statement_id": OCTOBER_ID,
        "hold_reason": "",
    }


async def test_rows_by_payee_and_class_add_up_to_the_statement(db: AsyncSession) -> None:
    await settle_in(db)
    mine = (ended(n, kwh=str(n) + ".37", **(EXTERNAL if n % 3 else {})) for n in range(1, 40))
    await happen(db, *mine, ended(40, **UNKNOWN), ended(41, NOW - timedelta(days=50)))
    await happen(db, ended(2, kwh="3", revision=2, doubts=(Doubt.CLOCK_WRONG,)))
    statement = await close(db)

    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in await rows(db):
        sums[row["class"]][0] += Decimal(row["net_amount"])
        sums[row["class"]][1] += Decimal(row["payout_amount"])

    for charge_class, total in statement.totals.items():
        assert sums[charge_class] == [total.net.amount, total.payout.amount]


async def test_unpaid_rows_come_to_nothing_and_say_why(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **INFERRED), ended(2))
    await closing().void(db, TWO, reason="test", by="person/1", now=NOW)
    assert [
        (row["net_amount"], row["payout_amount"], row["statement_id"], row["hold_reason"])
        for row in await rows(db)
    ] == [("0.00", "0.00", "", "inferred_end"), ("0.00", "0.00", "", "by_hand")]


async def test_a_late_transaction_is_a_row_of_both_its_months(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await close(db)
    await happen(db, ended(2))
    assert [(row["statement_id"], row["payout_amount"]) for row in await rows(db)] == [
        (OCTOBER_ID, "4.00"),
        ("", ""),
    ]
    await close(db, "2026-11")

    assert [row["statement_id"] for row in await rows(db)] == [OCTOBER_ID, "bakery-2026-11-EUR"]
    assert [row["transaction_id"] for row in await rows(db, "2026-11")] == ["2"]


async def test_a_correction_is_the_difference_in_the_month_that_pays_it(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"))
    await close(db)
    await happen(db, ended(1, kwh="5", revision=2))
    await close(db, "2026-11")
    assert [row["net_amount"] for row in await rows(db)] == ["4.00"]
    assert [row["net_amount"] for row in await rows(db, "2026-11")] == ["-2.00"]


async def test_rows_can_be_asked_for_one_payee(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, owner=HOTEL))
    found = [row["payee"] async for row in books.transactions_of(db, "2026-10", payee=HOTEL)]
    assert found == ["hotel"]
