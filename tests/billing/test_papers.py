"""The face of documents: lists by page, what is left to pay, who sees what."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import papers
from billing.documents import DocumentKind
from foundation.errors import InvalidInput, NotFound
from foundation.money import Money
from tests.billing.paper_story import OPERATOR, contract_of, customer, open_office, run
from tests.billing.story import BAKERY, NOVEMBER, ended, happen


def test_a_kind_is_read_or_refused() -> None:
    assert papers.kind_from("") is None
    assert papers.kind_from("invoice") is DocumentKind.INVOICE
    with pytest.raises(InvalidInput):
        papers.kind_from("letter")


async def test_documents_are_listed_the_newest_first_by_page_and_in_scope(
    db: AsyncSession,
) -> None:
    await open_office(db)
    first = await customer(db)
    second = await customer(db, name="Zimmer", managing=BAKERY)
    await contract_of(db, first, fee="1.00")
    await contract_of(db, second, token=None, fee="2.00")
    await happen(db, ended(1))
    assert len((await run(db)).numbers) == 2
    [newest] = await papers.documents(db, limit=1)
    [other] = await papers.documents(db, after=newest.number)
    assert {newest.contact_id, other.contact_id} == {first.id, second.id}
    bakery = Scope(frozenset({BAKERY}))
    [seen] = await papers.documents(db, bakery, kind=DocumentKind.INVOICE, month="2026-10")
    assert seen.recipient_name == "Zimmer"
    with pytest.raises(NotFound):
        await papers.document(db, other.number if other != seen else newest.number, bakery)
    assert await papers.documents(db, contact_id=first.id, recipient="contact/999") == []

    await papers.mark_paid(db, seen.number, now=NOVEMBER)
    [unpaid] = await papers.documents(db, open_only=True)
    assert (unpaid.contact_id, unpaid.left) == (first.id, unpaid.gross)
    owed = await papers.balances(db, [first.debtor, second.debtor])
    assert owed == {first.debtor: [unpaid.gross], second.debtor: []}
    head, _ = await papers.document(db, seen.number)
    assert head.left == Money.zero("EUR")
    assert [each.prefix for each in await papers.number_ranges(db, OPERATOR)] == ["RE"]
