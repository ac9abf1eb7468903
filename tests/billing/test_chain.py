"""The chain behind a transaction: each link, and each sum computed a second time."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, chain
from billing.chain import NoSuchLine
from billing.ledger import EntryKind
from foundation.identifiers import TransactionId
from roaming import administration
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EXTERNAL,
    LONG_AGO,
    NOVEMBER,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

ONE = TransactionId(1)


async def october(db: AsyncSession) -> str:
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    return statement.statement_id


async def test_a_paid_transaction_tells_every_link_and_every_cent_holds(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, *(ended(n, kwh="0.125", **EXTERNAL) for n in range(1, 6)))
    statement_id = await october(db)
    await books.mark_paid(db, statement_id, now=DECEMBER)

    found = await chain.chain(db, TransactionId(5))

    assert found.terms is not None
    assert (found.terms.tariff, found.terms.share_bps) == (("T1", 1), 9000)
    [record] = found.records
    assert [line.net.text for line in record.cdr.lines] == ["0.05"]
    assert [each.kind for each in found.entries.values()] == [EntryKind.CDR]
    [line] = found.lines
    assert line.line == f"{statement_id}/5"
    assert (str(line.exact.amount), line.payout.text) == ("0.045", "0.04")
    assert (line.group.sessions, line.group.payout.text) == (5, "0.23")
    assert len(line.entries) == 2
    assert len(line.payments) == 1
    assert [each.key for each in found.proofs] == [
        "lines_make_the_price",
        "price_is_booked",
        "record_is_on_the_line",
        "share_is_within_a_cent",
        "groups_make_the_payout",
        "tax_comes_on_top",
        "payout_is_booked",
    ]
    assert found.holds


async def test_a_correction_has_a_line_for_each_record(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await october(db)
    await happen(db, ended(1, kwh="8", revision=2))
    await closing().close(db, BAKERY, "2026-11", now=DECEMBER)

    found = await chain.chain(db, ONE)

    assert [(line.sign, line.payout.text) for line in found.lines] == [
        (1, "4.00"),
        (-1, "-4.00"),
        (1, "3.20"),
    ]
    assert [each.kind for each in found.entries.values()] == [
        EntryKind.CDR,
        EntryKind.CDR_REVERSED,
        EntryKind.CDR,
    ]
    assert found.holds


async def test_a_held_transaction_is_booked_nowhere(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **UNKNOWN))
    found = await chain.chain(db, ONE)
    assert found.hold is not None
    assert (found.entries, found.lines, found.holds) == ({}, (), True)
    nothing = await chain.chain(db, TransactionId(99))
    assert (nothing.terms, nothing.records, nothing.holds) == (None, (), True)


async def test_a_share_of_the_gross_revenue_holds_as_well(db: AsyncSession) -> None:
    await settle_in(db)
    await administration.create_agreement(
        db, BAKERY, {"basis": "gross"}, valid_from=LONG_AGO, now=LONG_AGO
    )
    await happen(db, *(ended(n, kwh="0.125", **EXTERNAL) for n in range(1, 6)))
    await october(db)
    found = await chain.chain(db, ONE)
    assert found.lines[0].exact.amount > 0
    assert found.holds


async def test_a_cent_that_somebody_moved_is_found(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await october(db)
    await db.execute(text("alter table statement_lines disable trigger all"))
    await db.execute(text("update statement_lines set payout_minor = payout_minor + 1"))

    found = await chain.chain(db, ONE)

    assert [each.key for each in found.proofs if not each.holds] == ["share_is_within_a_cent"]
    assert not found.holds


async def test_a_line_is_named_by_a_number_or_by_its_place_on_a_statement(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(7), ended(9))
    statement_id = await october(db)

    assert await chain.transaction_named(db, "7") == 7
    assert await chain.transaction_named(db, f"{statement_id}/2") == 9
    for wrong in (f"{statement_id}/3", "seven", "bakery/1", "", "7/"):
        with pytest.raises(NoSuchLine):
            await chain.transaction_named(db, wrong)


async def test_each_proof_compares_two_sums(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await october(db)
    [proof, *_] = (await chain.chain(db, ONE)).proofs
    assert not replace(proof, found=proof.found + proof.found).holds
