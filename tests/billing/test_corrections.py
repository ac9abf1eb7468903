"""Credits of charges; the API's tests tell how they come with the next invoice."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, corrections, counter_documents
from billing.corrections import CreditAboveCharge
from billing.counter_documents import CreditAboveInvoice, CreditedElsewhere
from foundation.errors import InvalidInput, NotFound
from foundation.money import Money
from tests.billing.paper_story import OCTOBER, contract_of, customer, open_office, run
from tests.billing.story import NOVEMBER
from tests.billing.test_charges import MONITORING, NOW


async def test_a_credit_never_exceeds_what_is_left_of_its_charge(db: AsyncSession) -> None:
    await charges.book(db, [MONITORING], now=NOW)

    async def credit(amount: str, *, key: str = MONITORING.key, reason: str = "outage") -> Money:
        made = await corrections.credit(
            db,
            key,
            Money(Decimal(amount), MONITORING.net.currency),
            reason=reason,
            by="person/1",
            now=NOW,
        )
        return made.charge.net

    whole = MONITORING.net.amount
    with pytest.raises(CreditAboveCharge):
        await credit(str(whole + Decimal("0.01")))
    for amount, reason in (("0", "x"), ("-1", "x"), ("0.001", "x"), ("1", " ")):
        with pytest.raises(InvalidInput):
            await credit(amount, reason=reason)
    assert (await credit("1.00")).amount == Decimal(-1)
    with pytest.raises(CreditAboveCharge) as caught:
        await credit(str(whole))
    assert caught.value.left.amount == whole - 1
    assert (await credit(str(whole - 1))).amount == 1 - whole
    for unknown in ("monitoring/CS-9/2026-10", f"correction/{MONITORING.key}/1"):
        with pytest.raises(NotFound):
            await credit("1", key=unknown)


async def test_what_was_taken_back_already_is_not_credited_again(db: AsyncSession) -> None:
    await open_office(db)
    keys = []
    for number in range(1, 4):
        huber = await customer(db, name=f"Customer {number}")
        made = await contract_of(db, huber, token=None, fee="10.00")
        keys.append(f"base_fee/{made.id}/{OCTOBER}")
    borne, again, partly = (await run(db)).numbers

    async def left(key: str) -> Decimal:
        with pytest.raises(CreditAboveCharge) as caught:
            await corrections.credit(
                db, key, Money(Decimal(99), "EUR"), reason="x", by="person/1", now=NOVEMBER
            )
        return caught.value.left.amount

    await counter_documents.cancel(db, borne, reason="x", again=False, now=NOVEMBER)
    await counter_documents.cancel(db, again, reason="x", now=NOVEMBER)
    net = Money(Decimal(7), "EUR")
    await counter_documents.credit(db, partly, net=net, reason="x", now=NOVEMBER)
    assert [await left(key) for key in keys] == [0, 10, 3]
    three = Money(Decimal(3), "EUR")
    await corrections.credit(db, keys[2], three, reason="x", by="person/1", now=NOVEMBER)
    assert await left(keys[2]) == 0


async def test_a_charge_that_a_counter_charge_takes_back_is_not_credited(db: AsyncSession) -> None:
    counter = replace(
        MONITORING,
        key=f"{MONITORING.key}/cancelled",
        net=-MONITORING.net,
        details={"cancels": MONITORING.key},
    )
    await charges.book(db, [MONITORING, counter], now=NOW)
    with pytest.raises(CreditAboveCharge) as caught:
        await corrections.credit(
            db, MONITORING.key, Money(Decimal(1), "EUR"), reason="x", by="person/1", now=NOW
        )
    assert caught.value.left.amount == 0
    with pytest.raises(NotFound):
        await corrections.credit(
            db, counter.key, Money(Decimal(1), "EUR"), reason="x", by="person/1", now=NOW
        )


async def test_what_was_credited_is_not_taken_back_again_with_its_document(
    db: AsyncSession,
) -> None:
    await open_office(db)
    made = await contract_of(db, await customer(db), token=None, fee="10.00")
    [number] = (await run(db)).numbers
    four = Money(Decimal("4.00"), "EUR")
    key = f"base_fee/{made.id}/{OCTOBER}"
    await corrections.credit(db, key, four, reason="outage", by="person/1", now=NOVEMBER)

    with pytest.raises(CreditedElsewhere) as caught:
        await counter_documents.cancel(db, number, reason="we bear it", again=False, now=NOVEMBER)
    assert caught.value.credited == four
    with pytest.raises(CreditAboveInvoice) as above:
        await counter_documents.credit(
            db, number, net=Money(Decimal("6.01"), "EUR"), reason="x", now=NOVEMBER
        )
    assert above.value.left == Money(Decimal("6.00"), "EUR")
    whole = await counter_documents.cancel(db, number, reason="a wrong name", now=NOVEMBER)
    assert whole.net == Money(Decimal("10.00"), "EUR"), "it comes again, less its credit"
