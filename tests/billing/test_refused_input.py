"""Wrong input about money is refused by the name of its rule, and the ledger is as it was."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import approvals, licensing
from billing import contracts, counter_documents, credit_orders, document_store, pricing
from billing.credit_orders import Order
from billing.pricing import NewAssignment, place_from
from foundation.errors import ExpectedError
from foundation.money import Money
from tests.accounts.licensed import APPLICANT, Points, new_account
from tests.billing.paper_story import OPERATOR, contract_of, customer, open_office, run
from tests.billing.story import BAKERY, LONG_AGO, NOVEMBER, NOW, ended, happen, tariff


class Office:
    """An office with an invoice over one session, a credit order that is paid, and an applicant."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def furnish(self) -> None:
        await open_office(self.db)
        contract = await contract_of(self.db, await customer(self.db), fee="5.00")
        self.contract = contract.id
        await happen(self.db, ended(1))
        [self.invoice] = (await run(self.db)).numbers
        self.order = await credit_orders.place(
            self.db, BAKERY, 100, by="p", person_id=None, source="portal", now=NOW
        )
        await self.pay()
        made = await licensing.apply(
            self.db, Points(), BAKERY, new_account(), by=APPLICANT, now=NOW
        )
        self.application = made.id

    async def books(self) -> list[Any]:
        """All that was posted, and the credits: what no refusal may change."""
        queries = (
            "select * from ledger_entries order by id",
            "select * from ledger_postings order by 1, 2, 3, 4",
            "select * from credit_bookings order by id",
            "select * from charges order by id",
        )
        return [(await self.db.execute(text(query))).all() for query in queries]

    async def pay(self) -> Order:
        return await credit_orders.pay(
            self.db, self.order.number, "bank", by="f", letters=None, now=NOW
        )

    async def wrong_vat_id(self) -> None:
        await customer(self.db, name="Other", vat_id="DE136695977")

    async def wrong_iban(self) -> None:
        await customer(self.db, name="Other", iban="DE02120300000000202052")

    async def tariff_assignments_overlap(self) -> None:
        place = [NewAssignment(place_from("organisation", BAKERY), LONG_AGO)]
        for name in ("one", "other"):
            await pricing.create_tariff(
                self.db, tariff(name), place, organisation=None, now=LONG_AGO
            )

    async def closed_period(self) -> None:
        await contracts.end(
            self.db, self.contract, valid_to=date(2026, 9, 30), zone=ZoneInfo("Europe/Berlin")
        )

    async def number_out_of_order(self) -> None:
        await document_store.take_numbers(self.db, OPERATOR, "RE", date(2026, 1, 1), 1)

    async def order_paid_twice(self) -> None:
        await self.pay()

    async def credit_above_invoice(self) -> None:
        await counter_documents.credit(
            self.db, self.invoice, net=Money(Decimal("9.01"), "EUR"), reason="x", now=NOVEMBER
        )

    async def own_application(self) -> None:
        await approvals.approve(self.db, Points(), self.application, by=APPLICANT, now=NOW)


REFUSED: tuple[Callable[[Office], Awaitable[None]], ...] = (
    Office.wrong_vat_id,
    Office.wrong_iban,
    Office.tariff_assignments_overlap,
    Office.closed_period,
    Office.number_out_of_order,
    Office.order_paid_twice,
    Office.credit_above_invoice,
    Office.own_application,
)


async def test_each_wrong_input_is_refused_by_its_rule_and_the_ledger_untouched(
    db: AsyncSession,
) -> None:
    office = Office(db)
    await office.furnish()
    before = await office.books()
    assert all(before[:3])
    for each in REFUSED:
        with pytest.raises(ExpectedError) as refused:
            await each(office)
        assert refused.value.code == each.__name__
        assert await office.books() == before, each.__name__
