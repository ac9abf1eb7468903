"""What the stations' side asks about money; `tests.conformance` shows it at real stations."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import prepaid
from billing.payment_desk import PaymentDesk
from foundation.charging_limits import ChargingLimits
from foundation.money import Money
from tests.billing.story import NOW


async def test_a_card_limits_to_what_is_on_it_and_others_have_no_limit(db: AsyncSession) -> None:
    await prepaid.make_card(db, "PRE1", "EUR", by="me", now=NOW)
    desk = PaymentDesk()
    assert await desk.limits(db, ["PRE1", "OTHER"]) == {"PRE1": ChargingLimits(Decimal("0.00"))}
    money = Money(Decimal("7.50"), "EUR")
    await prepaid.top_up(db, "PRE1", money, key="r", by="me", now=NOW)
    assert await desk.limits(db, ["PRE1"]) == {"PRE1": ChargingLimits(Decimal("7.50"))}
    assert await desk.limits(db, []) == {}
