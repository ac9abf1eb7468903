"""Contracts: dated tokens, base fees, and what stands on a document already."""

from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, contracts
from billing.contracts import ClosedPeriod, TokenOnContract
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import IdToken
from foundation.money import Money
from tests.billing.paper_story import BERLIN, contract_of, customer, open_office, run
from tests.billing.story import LONG_AGO, NOVEMBER, NOW, STAFF, ended, happen


async def test_a_token_is_on_one_contract_at_a_time(db: AsyncSession) -> None:
    await open_office(db)
    huber = await customer(db)
    first = await contract_of(db, huber)
    second = await contract_of(db, huber, token=None)
    with pytest.raises(TokenOnContract):
        await contracts.put_token(db, second.id, "04:a2", valid_from=NOW)
    [token] = (await contracts.tokens(db, [first.id]))[first.id]
    await contracts.take_token(db, first.id, token.id, valid_to=NOW)
    await contracts.put_token(db, second.id, "04:a2", valid_from=NOW)
    with pytest.raises(ClosedPeriod):
        await contracts.take_token(db, first.id, token.id, valid_to=NOW + timedelta(days=1))
    with pytest.raises(NotFound):
        await contracts.take_token(db, second.id, token.id, valid_to=NOW)
    for wrong in ({"token": " "}, {"valid_to": NOW}):
        values = {"token": "05", "valid_from": NOW, **wrong}
        with pytest.raises(InvalidInput):
            await contracts.put_token(db, second.id, **values)  # type: ignore[arg-type]


async def test_what_stands_on_a_document_is_not_moved_by_an_earlier_date(
    db: AsyncSession,
) -> None:
    await open_office(db)
    huber = await customer(db)
    first = await contract_of(db, huber, fee="5.00")
    await happen(db, ended(1))
    await run(db)
    [token] = (await contracts.tokens(db, [first.id]))[first.id]
    with pytest.raises(ClosedPeriod, match="session"):
        await contracts.take_token(db, first.id, token.id, valid_to=NOW - timedelta(hours=1))
    with pytest.raises(ClosedPeriod, match="base fee"):
        await contracts.end(db, first.id, valid_to=date(2026, 9, 30), zone=BERLIN)
    over = await contracts.end(db, first.id, valid_to=date(2026, 11, 1), zone=BERLIN)
    [token] = (await contracts.tokens(db, [first.id]))[first.id]
    assert (over.valid_to, token.valid_to) == (
        date(2026, 11, 1),
        NOVEMBER.replace(day=1, hour=0) - timedelta(hours=1),
    )
    with pytest.raises(ClosedPeriod):
        await contracts.end(db, first.id, valid_to=date(2026, 12, 1), zone=BERLIN)


async def test_a_base_fee_is_booked_once_for_each_begun_month(db: AsyncSession) -> None:
    await open_office(db)
    huber = await customer(db)
    made = await contract_of(db, huber, fee="5.00")
    await contracts.end(db, made.id, valid_to=date(2026, 10, 2), zone=BERLIN)
    booked = [
        await contracts.book_base_fees(db, month, now=NOW)
        for month in ("2025-12", "2026-01", "2026-10", "2026-10", "2026-11")
    ]
    assert booked == [0, 1, 1, 0, 0]
    fees = await charges.open_charges(db, debtor=huber.debtor)
    assert [str(each.charge.first_day) for each in fees] == ["2026-01-01", "2026-10-01"]


async def test_a_contract_over_an_organisations_tokens_covers_what_no_other_names(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    whole = await customer(db, name="Staff office")
    made = await contracts.add(
        db,
        contact_id=whole.id,
        name="All",
        base_fee=Money.zero("EUR"),
        valid_from=date(2026, 1, 1),
        tokens_of=STAFF,
        now=LONG_AGO,
    )
    await happen(db, ended(1), ended(2, kwh="1", id_token=IdToken("BB01")))
    numbers = (await run(db)).numbers
    assert len(numbers) == 2
    assert [each.name for each in await contracts.contracts(db)] == ["Fleet", "All"]
    assert (await contracts.contract(db, made.id)).tokens_of == STAFF
    for wrong in ({"base_fee": Money.zero("EUR") - Money.from_minor(1, "EUR")}, {"name": " "}):
        values = {
            "contact_id": whole.id,
            "name": "x",
            "base_fee": Money.zero("EUR"),
            "valid_from": date(2026, 1, 1),
            "now": NOW,
            **wrong,
        }
        with pytest.raises(InvalidInput):
            await contracts.add(db, **values)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await contracts.contract(db, 999)
