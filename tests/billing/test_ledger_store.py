"""The ledger in the database: entries balance, and come back as they were written."""

from collections.abc import Sequence
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger_store
from billing.ledger import BANK, FEES, EntryKind, JournalEntry, Posting
from foundation.database import driver
from foundation.identifiers import TransactionId
from foundation.money import Money
from tests.billing.story import NOW


async def unbalanced(db: AsyncSession, amounts: Sequence[int]) -> None:
    connection = await driver(db)
    await connection.execute(
        "insert into ledger_postings (entry_id, account, amount_minor, currency)"
        " select 1, 'fees', amount, 'EUR' from unnest(%s::bigint[]) amount",
        (list(amounts),),
    )


async def test_the_database_refuses_an_entry_that_does_not_balance(db: AsyncSession) -> None:
    await unbalanced(db, [5, -3, -2])
    with pytest.raises(psycopg.errors.CheckViolation, match="balance"):
        await unbalanced(db, [5, -4])


async def test_entries_come_back_and_those_of_nothing_are_left_out(db: AsyncSession) -> None:
    def entry(*postings: Posting, number: int) -> JournalEntry:
        return JournalEntry(
            kind=EntryKind.CDR,
            booked_at=NOW,
            narration="test",
            postings=postings,
            transaction_id=TransactionId(number),
        )

    five = Money(Decimal(5), "EUR")
    full = entry(Posting(BANK, five), Posting(FEES, -five), number=1)
    [number] = await ledger_store.add_entries(db, [full, entry(number=2)])

    assert await ledger_store.entries_of_transactions(db, [1, 2]) == {number: full}
    assert await ledger_store.entries_of_account(db, BANK, after=0, limit=5) == {number: full}
    assert await ledger_store.open_cdr_entries(db, [1, 2]) == {number: full}
    assert await ledger_store.balances(db, [FEES]) == {FEES: {"EUR": -five}}
