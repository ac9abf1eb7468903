"""Payout runs against the books: two releases, one booking, never more than is owed."""

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE
from billing import books, contacts, counter_documents, invoicing, ledger_store, paying
from billing.books import AlreadyPaid
from billing.ledger import BANK, EntryKind, JournalEntry, Posting, payable
from billing.paying import By
from billing.payouts import (
    ConfirmedBySamePerson,
    CreditNoteTakenBack,
    DayOver,
    Hindrance,
    InPayoutRun,
    NoDebtorAccount,
    NothingToPay,
    NotReturnable,
    NotSepaCurrency,
    PaidByRun,
    PayeeNotPayable,
    PayoutOutdated,
    PayoutState,
    PersonNeeded,
    ReleasedBySamePerson,
    Run,
    WrongPayoutState,
)
from billing.statements import StatementState
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total
from tests.billing.paper_story import open_office
from tests.billing.payees import (
    ANNA,
    BERT,
    CARL,
    NOVEMBER,
    PROGRAM,
    TOMORROW,
    accept,
    owe,
    settle_in_with_accounts,
)
from tests.billing.story import BAKERY, HOTEL, LONG_AGO, closing, ended, happen
from tests.billing.test_payouts import euro
from tests.billing.test_sepa import schema, texts


async def prepared(db: AsyncSession, **changes: object) -> Run:
    return await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER, **changes)  # type: ignore[arg-type]


async def released(db: AsyncSession, run: Run) -> Run:
    await paying.release(db, run.head.id, by=ANNA, now=NOVEMBER)
    return await paying.release(db, run.head.id, by=BERT, now=NOVEMBER)


async def carried_out(db: AsyncSession, run: Run) -> Run:
    await released(db, run)
    await paying.mark_sent(db, run.head.id, by=CARL, now=NOVEMBER)
    return await paying.mark_paid(db, run.head.id, by=CARL, now=NOVEMBER)


def amounts(run: Run) -> dict[str, str]:
    return {each.payee: each.amount.text for each in run.payments}


async def states(db: AsyncSession) -> set[StatementState]:
    return {each.state for each in await books.statements(db)}


async def bank(db: AsyncSession) -> Money:
    return (await books.balances(db, [BANK])).get(BANK, {}).get("EUR", euro("0"))


async def test_a_run_is_released_by_two_people_and_booked_once(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-09", "100.00")
    await owe(db, BAKERY, "2026-10", "-20.00")
    await owe(db, HOTEL, "2026-10", "5.55")
    run = await prepared(db)
    assert amounts(run) == {"bakery": "80.00", "hotel": "5.55"}

    first = await paying.release(db, run.head.id, by=ANNA, now=NOVEMBER)
    assert (first.head.state, first.file) == (PayoutState.RELEASED_ONCE, None)
    with pytest.raises(ReleasedBySamePerson):
        await paying.release(db, run.head.id, by=ANNA, now=NOVEMBER)
    with pytest.raises(PersonNeeded):
        await paying.release(db, run.head.id, by=PROGRAM, now=NOVEMBER)
    with pytest.raises(WrongPayoutState):
        await paying.mark_sent(db, run.head.id, by=CARL, now=NOVEMBER)
    second = await paying.release(db, run.head.id, by=BERT, now=NOVEMBER)
    assert second.released_by == (ANNA.id, BERT.id)
    assert second.file is not None
    schema().validate(second.file)
    assert texts(second.file.encode(), "InstdAmt") == ["80.00", "5.55"]

    await paying.mark_sent(db, run.head.id, by=CARL, now=NOVEMBER)
    assert await states(db) == {StatementState.OPEN}
    assert await bank(db) == euro("0")
    done = await paying.mark_paid(db, run.head.id, by=CARL, now=NOVEMBER)
    assert done.head.state is PayoutState.PAID
    assert await states(db) == {StatementState.PAID}
    assert await bank(db) == -done.head.total == euro("-85.55")
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0")}
    with pytest.raises(WrongPayoutState):
        await paying.mark_paid(db, run.head.id, by=CARL, now=NOVEMBER)
    with pytest.raises(AlreadyPaid):
        await books.mark_paid(db, "hotel-2026-10-EUR", now=NOVEMBER)
    assert await bank(db) == euro("-85.55")
    assert [each.state.value for each in done.steps] == [
        "draft",
        "released_once",
        "released",
        "sent",
        "paid",
    ]


async def test_a_negative_balance_is_carried_forward_and_taken_off_the_next_payout(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-08", "-30.00")
    with pytest.raises(NothingToPay) as nothing:
        await prepared(db)
    assert nothing.value.hindered == {BAKERY: Hindrance.CARRIED_FORWARD}

    await owe(db, BAKERY, "2026-09", "20.00")
    await owe(db, HOTEL, "2026-09", "1.00")
    run = await prepared(db)
    assert (amounts(run), run.left_out) == (
        {"hotel": "1.00"},
        {BAKERY: Hindrance.CARRIED_FORWARD},
    )
    await carried_out(db, run)

    await owe(db, BAKERY, "2026-10", "50.00")
    run = await carried_out(db, await prepared(db))
    assert amounts(run) == {"bakery": "40.00"}
    assert [(part.statement_id[-11:], part.paid.text) for part in run.payments[0].parts] == [
        ("2026-08-EUR", "0.00"),
        ("2026-09-EUR", "20.00"),
        ("2026-10-EUR", "20.00"),
    ]
    assert await states(db) == {StatementState.PAID}
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0")}


async def test_a_statement_is_in_one_run_at_a_time_and_free_when_it_is_discarded(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    statement_id = await owe(db, BAKERY, "2026-10", "10.00")
    run = await prepared(db)
    with pytest.raises(NothingToPay):
        await prepared(db)
    with pytest.raises(InPayoutRun):
        await books.mark_paid(db, statement_id, now=NOVEMBER)

    await released(db, run)
    discarded = await paying.discard(db, run.head.id, by=BERT, now=NOVEMBER)
    assert discarded.head.state is PayoutState.DISCARDED
    again = await prepared(db)
    assert amounts(again) == {"bakery": "10.00"}
    await released(db, again)
    await paying.mark_sent(db, again.head.id, by=CARL, now=NOVEMBER)
    with pytest.raises(WrongPayoutState):
        await paying.discard(db, again.head.id, by=BERT, now=NOVEMBER)


async def test_a_run_whose_day_is_over_is_released_no_more(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await prepared(db)
    evening = NOVEMBER.replace(day=3, hour=22, minute=30)  # 23:30 in Berlin, still the day
    await paying.release(db, run.head.id, by=ANNA, now=evening)
    with pytest.raises(DayOver):
        await paying.release(db, run.head.id, by=BERT, now=evening + timedelta(minutes=30))
    released_late = await paying.release(db, run.head.id, by=BERT, now=evening)
    assert released_late.head.state is PayoutState.RELEASED


async def test_a_file_that_was_fetched_is_sent_and_its_run_is_not_discarded(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await prepared(db)
    with pytest.raises(NotFound):
        await paying.hand_over(db, run.head.id, by=CARL, now=NOVEMBER)
    file = (await released(db, run)).file
    handed = await paying.hand_over(db, run.head.id, by=CARL, now=NOVEMBER)
    assert (handed.head.state, handed.file) == (PayoutState.SENT, file)
    with pytest.raises(WrongPayoutState):
        await paying.discard(db, run.head.id, by=BERT, now=NOVEMBER)
    with pytest.raises(NothingToPay):
        await prepared(db)
    assert await paying.hand_over(db, run.head.id, by=ANNA, now=NOVEMBER) == handed
    assert await paying.mark_sent(db, run.head.id, by=ANNA, now=NOVEMBER) == handed


async def test_the_file_of_a_discarded_run_is_handed_to_nobody(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await released(db, await prepared(db))
    await paying.discard(db, run.head.id, by=BERT, now=NOVEMBER)
    with pytest.raises(NotFound):
        await paying.hand_over(db, run.head.id, by=CARL, now=NOVEMBER)


async def test_what_is_not_owed_any_more_is_not_released(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await prepared(db)
    await paying.release(db, run.head.id, by=ANNA, now=NOVEMBER)
    await owe(db, BAKERY, "2026-11", "-0.01")
    with pytest.raises(PayoutOutdated, match="bakery"):
        await paying.release(db, run.head.id, by=BERT, now=NOVEMBER)


async def test_an_account_that_was_changed_after_the_run_was_prepared_is_not_paid(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await prepared(db)
    await directory.change_organisation(db, BAKERY, {"iban": "DE02500105170137075030"})
    with pytest.raises(PayoutOutdated, match="bakery"):
        await paying.release(db, run.head.id, by=ANNA, now=NOVEMBER)
    await accept(db, BAKERY)  # the owner accepts the new account: still not the run's
    with pytest.raises(PayoutOutdated, match="bakery"):
        await paying.release(db, run.head.id, by=ANNA, now=NOVEMBER)
    await paying.discard(db, run.head.id, by=ANNA, now=NOVEMBER)
    again = await prepared(db)
    assert again.payments[0].to.iban == "DE02500105170137075030"


async def test_two_runs_under_way_never_promise_the_same_money(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-09", "100.00")
    first = await prepared(db)
    # Something else takes 70 of it back, on no statement.
    await ledger_store.add_entries(
        db,
        [
            JournalEntry(
                kind=EntryKind.PAYMENT,
                booked_at=NOVEMBER,
                narration="set off",
                postings=(
                    Posting(payable(BAKERY), euro("70.00")),
                    Posting(BANK, euro("-70.00")),
                ),
            )
        ],
    )
    await owe(db, BAKERY, "2026-10", "50.00")
    with pytest.raises(NothingToPay):
        await prepared(db)
    with pytest.raises(PayoutOutdated):
        await paying.release(db, first.head.id, by=ANNA, now=NOVEMBER)
    await paying.discard(db, first.head.id, by=ANNA, now=NOVEMBER)
    assert amounts(await prepared(db)) == {"bakery": "80.00"}


async def test_only_what_is_due_is_paid_if_a_day_is_named(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-09", "10.00")  # due on 16 October
    await owe(db, BAKERY, "2026-10", "20.00")
    await owe(db, HOTEL, "2026-10", "5.00")
    run = await prepared(db, due_until=NOVEMBER.date())
    assert amounts(run) == {"bakery": "10.00"}
    assert run.left_out == {HOTEL: Hindrance.NOT_DUE}


async def test_whoever_cannot_be_paid_is_left_out_and_refused_if_he_was_asked_for(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    await owe(db, HOTEL, "2026-10", "10.00")
    await owe(db, OrganisationKey("operator"), "2026-10", "10.00")
    await directory.change_organisation(db, HOTEL, {"tax_status": "standard"})
    run = await prepared(db)
    assert amounts(run) == {"bakery": "10.00"}
    assert run.left_out == {HOTEL: Hindrance.NO_VAT_ID, "operator": Hindrance.OWN}
    with pytest.raises(PayeeNotPayable, match="VAT id is missing: enter it"):
        await prepared(db, payees=[HOTEL])


async def test_a_run_that_no_bank_would_take_is_not_prepared(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    with pytest.raises(NotSepaCurrency):
        await prepared(db, currency="CHF")
    with pytest.raises(DayOver):
        await paying.prepare(db, execute_on=NOVEMBER.date().replace(day=1), by=ANNA, now=NOVEMBER)
    await directory.change_organisation(db, OrganisationKey("operator"), {"iban": None})
    with pytest.raises(NoDebtorAccount):
        await prepared(db)
    with pytest.raises(NotFound):
        await paying.run(db, 99)
    assert await paying.runs(db) == []


async def test_the_sum_of_a_runs_payments_is_the_ledgers_change_whatever_is_owed(
    db: AsyncSession,
) -> None:
    """Months of random statements; after each, whoever is owed something is paid all of it."""
    await settle_in_with_accounts(db)
    chance = random.Random(7)
    for month in range(1, 10):
        for payee in (BAKERY, HOTEL):
            cents = chance.randint(-6000, 9000)
            await owe(db, payee, f"2026-{month:02}", Money.from_minor(cents, "EUR").text)
        before = await bank(db)
        owed = {payee: (await books.owed_to(db, payee))["EUR"] for payee in (BAKERY, HOTEL)}
        try:
            run = await carried_out(db, await prepared(db))
        except NothingToPay:
            assert all(each.amount <= 0 for each in owed.values())
            continue
        assert before - await bank(db) == run.head.total
        assert run.head.total == total((each.amount for each in run.payments), "EUR")
        for payee, was in owed.items():
            is_now = (await books.owed_to(db, payee))["EUR"]
            assert is_now == min(was, euro("0"))


async def test_a_statement_in_other_money_is_booked_once_when_two_people_say_it_was_paid(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    francs = await owe(db, BAKERY, "2026-10", "7.00", "CHF")
    euros = await owe(db, BAKERY, "2026-10", "5.00")
    with pytest.raises(PersonNeeded):
        await paying.mark_paid_otherwise(db, francs, by=PROGRAM, now=NOVEMBER)
    said = await paying.mark_paid_otherwise(db, francs, by=ANNA, now=NOVEMBER)
    assert (said.amount.text, said.is_booked) == ("7.00", False)
    with pytest.raises(ConfirmedBySamePerson):
        await paying.mark_paid_otherwise(db, francs, by=ANNA, now=NOVEMBER)
    with pytest.raises(PersonNeeded):
        await paying.mark_paid_otherwise(db, francs, by=PROGRAM, now=NOVEMBER)
    assert (await books.owed_to(db, BAKERY))["CHF"].text == "7.00"
    [shown] = await paying.to_pay_otherwise(db, WHOLE)
    assert (shown.first, shown.amount.text) == (said.first, "7.00")

    booked = await paying.mark_paid_otherwise(db, francs, by=BERT, now=NOVEMBER)
    assert (booked.amount.text, booked.is_booked, booked.first) == ("7.00", True, said.first)
    assert (await books.owed_to(db, BAKERY))["CHF"].text == "0.00"
    assert await paying.to_pay_otherwise(db, WHOLE) == []
    with pytest.raises(AlreadyPaid):
        await paying.mark_paid_otherwise(db, francs, by=CARL, now=NOVEMBER)
    with pytest.raises(PaidByRun):
        await paying.mark_paid_otherwise(db, euros, by=ANNA, now=NOVEMBER)
    with pytest.raises(NotFound):
        await paying.mark_paid_otherwise(db, "nothing", by=ANNA, now=NOVEMBER)
    assert amounts(await prepared(db)) == {"bakery": "5.00"}
    with pytest.raises(InPayoutRun):
        await books.mark_paid(db, euros, now=NOVEMBER)


async def test_what_the_first_said_of_another_amount_counts_no_more(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    francs = await owe(db, BAKERY, "2026-10", "7.00", "CHF")
    await paying.mark_paid_otherwise(db, francs, by=ANNA, now=NOVEMBER)
    await owe(db, BAKERY, "2026-11", "-3.00", "CHF")
    assert [each.first for each in await paying.to_pay_otherwise(db, WHOLE)] == [None, None]
    said = await paying.mark_paid_otherwise(db, francs, by=BERT, now=NOVEMBER)
    assert (said.amount.text, said.is_booked) == ("4.00", False)
    assert (await paying.mark_paid_otherwise(db, francs, by=ANNA, now=NOVEMBER)).is_booked


async def test_two_who_say_at_once_that_it_was_paid_book_it_once(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in_with_accounts(db)
        francs = await owe(db, BAKERY, "2026-10", "7.00", "CHF")
        await paying.mark_paid_otherwise(db, francs, by=ANNA, now=NOVEMBER)

    async def say(by: By) -> bool:
        async with database.unit_of_work() as db:
            return (await paying.mark_paid_otherwise(db, francs, by=by, now=NOVEMBER)).is_booked

    done = await asyncio.gather(say(BERT), say(CARL), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["AlreadyPaid", "bool"]
    async with database.unit_of_work() as db:
        assert (await books.owed_to(db, BAKERY))["CHF"].text == "0.00"


async def test_a_payment_that_comes_back_is_owed_again_and_its_account_is_checked(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-09", "-20.00")
    await owe(db, BAKERY, "2026-10", "100.00")
    await owe(db, HOTEL, "2026-10", "5.00")
    run = await prepared(db)
    [to_bakery, _] = run.payments
    with pytest.raises(NotReturnable):
        await came_back(db, run, to_bakery.id)
    await carried_out(db, run)
    with pytest.raises(NotFound):
        await came_back(db, run, 999)
    back = await came_back(db, run, to_bakery.id)
    assert [each.returned and each.returned.reason for each in back.payments] == [
        "AC04 account closed",
        None,
    ]
    with pytest.raises(NotReturnable):
        await came_back(db, run, to_bakery.id)
    assert await bank(db) == euro("-5.00")
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("80.00")}
    assert {each.statement_id: each.state.value for each in await books.statements(db)} == {
        "bakery-2026-10-EUR": "open",
        "bakery-2026-09-EUR": "open",
        "hotel-2026-10-EUR": "paid",
    }

    with pytest.raises(NothingToPay) as nothing:
        await prepared(db)
    assert nothing.value.hindered == {BAKERY: Hindrance.IBAN_RETURNED}
    await accept(db, BAKERY, now=NOVEMBER + timedelta(hours=1))
    again = await carried_out(db, await prepared(db))
    assert amounts(again) == {"bakery": "80.00"}
    assert await bank(db) == euro("-85.00")
    await came_back(db, again, again.payments[0].id)  # and once more
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("80.00")}


async def came_back(db: AsyncSession, run: Run, payment_id: int) -> Run:
    return await paying.mark_returned(
        db,
        run.head.id,
        payment_id,
        returned_on=NOVEMBER.date(),
        reason=" AC04  account closed ",
        by=CARL,
        now=NOVEMBER,
    )


async def test_a_payment_that_comes_back_before_its_run_is_booked_is_not_booked(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "100.00")
    await owe(db, HOTEL, "2026-10", "5.00")
    run = await released(db, await prepared(db))
    await paying.mark_sent(db, run.head.id, by=CARL, now=NOVEMBER)
    await came_back(db, run, run.payments[0].id)
    await paying.mark_paid(db, run.head.id, by=CARL, now=NOVEMBER)
    assert await bank(db) == euro("-5.00")
    await accept(db, BAKERY, now=NOVEMBER + timedelta(hours=1))
    assert amounts(await prepared(db)) == {"bakery": "100.00"}


async def credited(db: AsyncSession) -> str:
    """Owe the bakery 4.76 for October, on paper; return the number of the credit note."""
    await open_office(db)
    await contacts.record_organisation(db, BAKERY, now=LONG_AGO)
    await accept(db, BAKERY)
    await happen(db, ended(1))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    [number] = (await invoicing.run(db, "2026-10", now=NOVEMBER)).numbers
    return number


async def test_a_statement_whose_credit_note_is_taken_back_waits_and_is_paid_with_the_new_one(
    db: AsyncSession,
) -> None:
    number = await credited(db)
    await owe(db, BAKERY, "2026-11", "50.00")
    overtaken = await prepared(db)
    await counter_documents.cancel(db, number, reason="Wrong name", now=NOVEMBER)
    with pytest.raises(PayoutOutdated):
        await paying.release(db, overtaken.head.id, by=ANNA, now=NOVEMBER)
    await paying.discard(db, overtaken.head.id, by=ANNA, now=NOVEMBER)
    with pytest.raises(CreditNoteTakenBack):
        await books.mark_paid(db, "bakery-2026-10-EUR", now=NOVEMBER)

    run = await carried_out(db, await prepared(db))
    [part] = run.payments[0].parts
    assert (part.statement_id, part.paid) == ("bakery-2026-11-EUR", euro("50.00"))
    with pytest.raises(NothingToPay) as nothing:
        await prepared(db)
    assert nothing.value.hindered == {BAKERY: Hindrance.TAKEN_BACK}

    await invoicing.run(db, "2026-10", now=NOVEMBER)
    run = await carried_out(db, await prepared(db))
    [part] = run.payments[0].parts
    assert (part.statement_id, part.paid) == ("bakery-2026-10-EUR", euro("4.76"))
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0")}


async def test_a_credit_note_taken_back_after_its_payment_takes_nothing_off_the_next_payout(
    db: AsyncSession,
) -> None:
    number = await credited(db)
    await carried_out(db, await prepared(db))
    await counter_documents.cancel(db, number, reason="Wrong name", now=NOVEMBER)
    await owe(db, BAKERY, "2026-11", "70.00")
    assert amounts(await carried_out(db, await prepared(db))) == {"bakery": "70.00"}
    await invoicing.run(db, "2026-10", now=NOVEMBER)
    assert await books.owed_to(db, BAKERY) == {"EUR": euro("0")}
