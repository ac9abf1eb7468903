"""The rules of the business about paying owners, a test for each: docs/rules.md lists them."""

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import books, paying
from billing.books import AlreadyPaid
from billing.payouts import (
    Hindrance,
    NothingToPay,
    PayeeNotPayable,
    PayoutState,
    ReleasedBySamePerson,
    WrongPayoutState,
)
from billing.statement_document import statement_xml
from billing.statement_forms import statement_json
from billing.statement_pdf import statement_pdf
from billing.statements import StatementState
from foundation.identifiers import OrganisationKey
from tests.billing.builders import payable, statement
from tests.billing.invoice_rules import values
from tests.billing.payees import (
    ANNA,
    BERT,
    CARL,
    IBANS,
    NOVEMBER,
    TOMORROW,
    accept,
    owe,
    settle_in_with_accounts,
)
from tests.billing.story import BAKERY, settle_in
from tests.billing.test_payouts import euro

OPERATOR = OrganisationKey("operator")


@pytest.mark.parametrize(("state", "word"), [("open", "open"), ("sent", "sent"), ("paid", "paid")])
def test_6_payout_is_late_so_the_due_date_and_the_state_stand_on_the_statement(
    state: str, word: str
) -> None:
    value = replace(statement(cdrs=[payable(1, "5.00")]), state=StatementState(state))
    data = statement_json(value)
    assert (data["due_on"], data["state"]) == ("2026-11-30", state)
    [page] = [each.extract_text() for each in PdfReader(io.BytesIO(statement_pdf(value))).pages]
    assert "30 November 2026" in page
    assert word in page
    assert values(statement_xml(value), "//DueDateDateTime/DateTimeString") == ["20261130"]


async def test_6_payout_is_late_so_the_state_goes_from_open_over_sent_to_paid(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    statement_id = await owe(db, BAKERY, "2026-10", "10.00")

    async def state() -> StatementState:
        [head] = await books.statements(db, payee=BAKERY)
        return head.state

    assert await state() is StatementState.OPEN
    await books.mark_sent(db, statement_id, now=NOVEMBER)
    assert await state() is StatementState.SENT
    run = await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER)
    for by in (ANNA, BERT):
        await paying.release(db, run.head.id, by=by, now=NOVEMBER)
    await paying.mark_sent(db, run.head.id, by=CARL, now=NOVEMBER)
    assert await state() is StatementState.SENT
    await paying.mark_paid(db, run.head.id, by=CARL, now=NOVEMBER)
    assert await state() is StatementState.PAID


async def test_7_3_a_negative_balance_is_carried_forward_not_debited(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-09", "-4.00")
    with pytest.raises(NothingToPay) as nothing:
        await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER)
    assert nothing.value.hindered == {BAKERY: Hindrance.CARRIED_FORWARD}
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER)
    assert run.head.total == euro("6.00")


async def test_paying_a_first_payout_needs_consent_vat_id_and_iban(db: AsyncSession) -> None:
    await settle_in(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    await directory.change_organisation(db, OPERATOR, {"iban": IBANS[OPERATOR]})

    async def refused() -> Hindrance:
        with pytest.raises(PayeeNotPayable) as found:
            await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER, payees=[BAKERY])
        return found.value.hindrance

    assert await refused() is Hindrance.NO_IBAN
    await directory.change_organisation(db, BAKERY, {"iban": IBANS[BAKERY]})
    assert await refused() is Hindrance.NO_VAT_ID
    await directory.change_organisation(db, BAKERY, {"vat_id": "DE136695977"})
    assert await refused() is Hindrance.WRONG_VAT_ID
    await directory.change_organisation(db, BAKERY, {"vat_id": "DE136695976"})
    assert await refused() is Hindrance.NOT_ACCEPTED
    await accept(db, BAKERY)
    run = await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER, payees=[BAKERY])
    assert run.head.state is PayoutState.DRAFT
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("10.00")}


async def test_paying_is_released_by_two_people_and_booked_once(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    statement_id = await owe(db, BAKERY, "2026-10", "10.00")
    run = (await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER)).head.id
    await paying.release(db, run, by=ANNA, now=NOVEMBER)
    with pytest.raises(ReleasedBySamePerson):
        await paying.release(db, run, by=ANNA, now=NOVEMBER)
    with pytest.raises(WrongPayoutState):
        await paying.mark_sent(db, run, by=ANNA, now=NOVEMBER)
    await paying.release(db, run, by=BERT, now=NOVEMBER)
    await paying.mark_sent(db, run, by=ANNA, now=NOVEMBER)
    await paying.mark_paid(db, run, by=ANNA, now=NOVEMBER)
    for again in (
        paying.mark_paid(db, run, by=ANNA, now=NOVEMBER),
        books.mark_paid(db, statement_id, now=NOVEMBER),
    ):
        with pytest.raises((WrongPayoutState, AlreadyPaid)):
            await again
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0.00")}
