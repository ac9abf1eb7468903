"""Issuing is all or nothing: number, document, sessions, charges, entries and event."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from billing import charges, document_store, invoicing, issuing
from billing.charges import AlreadyInvoiced
from billing.document_tables import DocumentEntryRow, DocumentRow, DocumentSessionRow
from billing.documents import DocumentDoesNotHold
from foundation import outbox
from foundation.database import Database
from tests.billing.paper_story import OCTOBER, OPERATOR, contract_of, customer, open_office, run
from tests.billing.story import NOVEMBER, ended, happen


async def test_what_does_not_hold_is_not_issued_and_leaves_no_gap(database: Database) -> None:
    async with database.unit_of_work() as db:
        await open_office(db)
        await contract_of(db, await customer(db), fee="5.00")
        await happen(db, ended(1))

    async def issue_wrongly() -> None:
        async with database.unit_of_work() as db:
            drafts, _ = await invoicing.dry_run(db, OCTOBER, now=NOVEMBER)
            wrong = replace(drafts[0].document, gross=drafts[0].document.net)
            issuer = await invoicing.issuer_of(db)
            await issuing.issue(
                db, issuer, [replace(drafts[0], document=wrong)], mailed=False, now=NOVEMBER
            )

    with pytest.raises(DocumentDoesNotHold):
        await issue_wrongly()
    async with database.unit_of_work() as db:
        assert await document_store.number_ranges(db, OPERATOR) == []
        assert (await run(db)).numbers == ["RE-2026-000001"]
        for row, count in ((DocumentRow, 1), (DocumentSessionRow, 1), (DocumentEntryRow, 1)):
            assert await db.scalar(select(func.count()).select_from(row)) == count
    async with database.unit_of_work() as db:
        kinds = [each.kind for each in await outbox.journal_after(db, None, limit=100)]
    assert kinds.count("document_issued") == 1


async def test_a_charge_stands_on_one_document(database: Database) -> None:
    async with database.unit_of_work() as db:
        await open_office(db)
        await contract_of(db, await customer(db), token=None, fee="5.00")
        await run(db)
        [fee] = [await charges.charge_of(db, f"base_fee/{number}/{OCTOBER}") for number in (1,)]
        assert fee is not None
        drafts, _ = await invoicing.dry_run(db, "2026-11", now=NOVEMBER + timedelta(days=60))
        assert drafts == []
        with pytest.raises(AlreadyInvoiced):
            await charges.put_on_documents(db, {fee.id: "RE-2026-000009"})


async def test_the_charges_of_all_documents_are_put_there_by_one_statement(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await open_office(db)
        for name in ("Huber", "Maier", "Kunz"):
            await contract_of(db, await customer(db, name=name), token=None, fee="5.00")
        statements: list[str] = []
        sync = (await db.connection()).sync_connection
        assert sync is not None
        event.listen(
            sync, "before_cursor_execute", lambda *told: statements.append(told[2].lower().strip())
        )
        assert len((await run(db)).numbers) == 3
        assert len([each for each in statements if each.startswith("update charges")]) == 1
        assert await charges.open_charges(db) == []
