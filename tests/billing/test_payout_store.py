"""What the database says about payouts: open statements, runs in pages, who released, once each."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from billing import paying, payout_store
from billing.payouts import PayoutState
from tests.billing.payees import ANNA, BERT, NOVEMBER, TOMORROW, owe, settle_in_with_accounts
from tests.billing.story import BAKERY, HOTEL


async def test_open_statements_are_those_that_are_neither_paid_nor_in_a_run(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    first = await owe(db, BAKERY, "2026-09", "10.00")
    second = await owe(db, HOTEL, "2026-09", "5.00")
    assert [each.statement_id for each in await payout_store.open_statements(db, "EUR", None)] == [
        first,
        second,
    ]
    assert await payout_store.open_statements(db, "CHF", None) == []
    run = await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER, payees=[BAKERY])
    assert [each.payee for each in await payout_store.open_statements(db, "EUR", None)] == [HOTEL]
    assert await payout_store.open_statements(db, "EUR", [BAKERY]) == []
    assert await payout_store.run_of_statement(db, first) == run.head.id
    assert await payout_store.set_paid(db, [second], NOVEMBER) == 1
    assert await payout_store.set_paid(db, [second], NOVEMBER) == 0
    assert await payout_store.open_statements(db, "EUR", None) == []


async def test_runs_come_newest_first_in_pages_with_their_sums(db: AsyncSession) -> None:
    await settle_in_with_accounts(db)
    numbers = []
    for month in ("2026-08", "2026-09", "2026-10"):
        await owe(db, BAKERY, month, "10.00")
        run = await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER)
        numbers.append(run.head.id)
    await paying.discard(db, numbers[0], by=ANNA, now=NOVEMBER)
    newest = await payout_store.runs(db, limit=2)
    assert [each.id for each in newest] == numbers[:0:-1]
    assert [(each.payments, each.total.text) for each in newest] == [(1, "10.00"), (1, "10.00")]
    rest = await payout_store.runs(db, before=newest[-1].id)
    assert [(each.id, each.state) for each in rest] == [(numbers[0], PayoutState.DISCARDED)]
    assert await payout_store.runs(db, state=PayoutState.DISCARDED) == rest
    promised = await payout_store.under_way(db, "EUR", [BAKERY, HOTEL])
    assert {payee: money.text for payee, money in promised.items()} == {BAKERY: "20.00"}
    besides = await payout_store.under_way(db, "EUR", [BAKERY], besides=numbers[1])
    assert besides[BAKERY].text == "10.00"


async def test_the_database_itself_takes_no_second_release_by_the_same_person(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await owe(db, BAKERY, "2026-10", "10.00")
    run = await paying.prepare(db, execute_on=TOMORROW, by=ANNA, now=NOVEMBER)
    row = await payout_store.run_row(db, run.head.id)
    assert row is not None
    state = PayoutState.RELEASED_ONCE
    await payout_store.set_state(db, row, state, by=BERT.id, by_name=BERT.name, now=NOVEMBER)
    with pytest.raises(IntegrityError, match="uq_payout_steps_releases"):
        await payout_store.set_state(
            db, row, PayoutState.RELEASED, by=BERT.id, by_name=BERT.name, now=NOVEMBER
        )
