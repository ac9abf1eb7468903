"""Credits of charges; the API's tests tell how they come with the next invoice."""

from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, corrections
from billing.corrections import CreditAboveCharge
from foundation.errors import InvalidInput, NotFound
from foundation.money import Money
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
