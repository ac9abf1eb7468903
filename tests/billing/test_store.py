"""What the database itself refuses, and what comes back as it was written."""

from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger_store, store
from billing.cdr import Payer
from billing.terms import facts_of
from foundation.database import driver
from foundation.errors import Conflict
from foundation.identifiers import OrganisationKey, PartyId, TransactionId
from foundation.money import Money
from tests.billing.story import (
    EXTERNAL,
    INFERRED,
    NOVEMBER,
    NOW,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
    started,
)

BAKERY = OrganisationKey("bakery")


@pytest.mark.parametrize(
    "payer", [None, Payer(organisation=BAKERY), Payer(provider=PartyId("DE*EMP"))]
)
def test_a_payer_is_stored_as_the_account_on_which_it_owes(payer: Payer | None) -> None:
    assert store.payer_from(store.payer_name(payer)) == payer


async def test_terms_come_back_as_they_were_frozen(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, started(1), started(2, **EXTERNAL), started(3, **UNKNOWN))
    found = await store.locked_terms(db, [1, 2, 3, 4])
    assert found.keys() == {1, 2, 3}
    assert found[TransactionId(2)].sharing.payer == Payer(provider=PartyId("DE*EMP"))
    assert found[TransactionId(3)].sharing.payer is None
    assert found[TransactionId(1)].facts == facts_of(started(1))
    assert found[TransactionId(1)].frozen_at == NOW

    await store.put_terms(db, found.values())
    assert await store.locked_terms(db, [1, 2, 3]) == found


async def test_a_record_comes_back_as_it_was_written(db: AsyncSession) -> None:
    await settle_in(db)
    event = ended(1, kwh="7.1234", meter_start_wh=None, location=None, **INFERRED)
    await happen(db, event)

    record = (await store.current_records(db, [1]))[TransactionId(1)]

    assert record.cdr.energy_wh == Decimal("7123.4")
    assert record.cdr.id_token == event.id_token
    assert record.cdr.meter_start_wh is None
    assert record.hold_reasons == ("inferred_end",)
    [line] = record.cdr.lines
    assert line.exact == Money(Decimal("2.8496"), "EUR")  # 7.124 kWh, in steps of 1 Wh
    assert await store.cdr(db, record.cdr.cdr_id) == record.cdr
    assert await store.cdr(db, record.cdr.cdr_id + 1) is None


async def test_the_energy_before_the_month_is_kept(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(
        db, ended(1), ended(2, NOVEMBER.replace(day=1, hour=0) - timedelta(hours=1, minutes=30))
    )
    found = await store.current_records(db, [1, 2])
    assert [each.energy_before_wh for each in found.values()] == [0, 0]


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings", "cdrs", "statement_lines"])
@pytest.mark.parametrize("change", ["delete from {}", "update {} set {} = {}"])
async def test_the_database_refuses_to_change_what_was_written(
    db: AsyncSession, table: str, change: str
) -> None:
    column = {"ledger_postings": "account", "statement_lines": "position"}.get(table, "id")
    connection = await driver(db)
    with pytest.raises(psycopg.errors.RestrictViolation, match=table):
        await connection.execute(change.format(table, column, column).encode())


steps = st.lists(
    st.tuples(
        st.sampled_from(["end", "doubt", "void", "release", "hold", "close"]),
        st.integers(1, 3),
        st.integers(0, 20),
    ),
    max_size=10,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps)
async def test_whatever_happens_the_ledger_balances_and_nothing_is_paid_twice(
    db: AsyncSession, steps: list[tuple[str, int, int]]
) -> None:
    async with db.begin_nested() as savepoint:
        await settle_in(db)
        await happen(db, *(ended(number) for number in (1, 2, 3)))
        month = 10
        for revision, (step, number, kwh) in enumerate(steps, start=2):
            month = await _do(db, step, number, kwh, revision, month)
        await _do(db, "close", 0, 0, 0, month)

        sums = [
            money.amount
            for by_currency in (await ledger_store.balances(db)).values()
            for money in by_currency.values()
        ]
        assert sum(sums, Decimal(0)) == 0
        await _paid_is_what_stands(db)
        await savepoint.rollback()


async def _do(db: AsyncSession, step: str, number: int, kwh: int, revision: int, month: int) -> int:
    transaction_id = TransactionId(number)
    close = closing()
    if step == "close":
        first = NOW.replace(year=2026 + month // 12, month=month % 12 + 1, day=2)
        await close.close(
            db, BAKERY, f"{2026 + (month - 1) // 12}-{(month - 1) % 12 + 1:02}", now=first
        )
        return month + 1
    if step in ("end", "doubt"):
        changed = INFERRED if step == "doubt" else {}
        await happen(db, ended(number, kwh=str(kwh), revision=revision, **changed))
        return month
    decide = {"void": close.void, "release": close.release, "hold": close.hold}[step]
    async with db.begin_nested() as attempt:
        try:
            await decide(db, transaction_id, reason="test", by="person/1", now=NOW)
        except Conflict:
            await attempt.rollback()
    return month


async def _paid_is_what_stands(db: AsyncSession) -> None:
    """What statements paid for a transaction in sum is its current CDR, or nothing if held."""
    connection = await driver(db)
    cursor = await connection.execute(
        "select transaction_id, sum(net_minor) from statement_lines group by 1"
    )
    paid = {row[0]: int(row[1]) for row in await cursor.fetchall()}
    cursor = await connection.execute(
        "select transaction_id from holds where decision is distinct from 'released'"
    )
    held = {row[0] for row in await cursor.fetchall()}
    for number, record in (await store.current_records(db, [1, 2, 3])).items():
        expected = 0 if number in held else record.cdr.net.minor
        assert paid.get(number, 0) == expected
