"""Corrections of what was charged: a credit line in the next invoice, never a changed invoice."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges
from billing.charges import BookedCharge, Charge, ChargeKind
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.money import Money


class CreditAboveCharge(Conflict):
    """More would be given back than was charged."""

    code = "credit_above_charge"

    def __init__(self, left: Money) -> None:
        self.left = left
        super().__init__(f"At most {left.text} {left.currency} of this charge can be credited.")


async def credit(
    db: AsyncSession, key: str, amount: Money, *, reason: str, by: str, now: datetime
) -> BookedCharge:
    """Book a credit for a charge; it comes with the debtor's next invoice.

    Args:
        db: The unit of work.
        key: The charge's.
        amount: What is given back, net, more than zero.
        reason: For the line.
        by: Who says so.
        now: The moment.

    Raises:
        NotFound: If there is no such charge.
        InvalidInput: If the amount or the reason are none.
        CreditAboveCharge: If the credits of the charge would be more than it.
    """
    booked = await charges.charge_of(db, key)
    if booked is None or booked.charge.kind is ChargeKind.CORRECTION:
        raise NotFound("charge", key)
    charge = booked.charge
    if amount.currency != charge.net.currency or amount.amount <= 0 or not amount.is_rounded:
        raise InvalidInput(
            f"A credit is an amount of {charge.net.currency} above zero.", field="amount"
        )
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    left, number = charge.net, 1
    while (earlier := await charges.charge_of(db, _key(key, number))) is not None:
        left, number = left + earlier.charge.net, number + 1
    if amount > left:
        raise CreditAboveCharge(left)
    made = Charge(
        key=_key(key, number),
        kind=ChargeKind.CORRECTION,
        debtor=charge.debtor,
        quantity=Decimal(1),
        unit="C62",
        net=-amount,
        first_day=charge.first_day,
        last_day=charge.last_day,
        about=charge.about,
        details={"corrects": key, "kind": charge.kind, "reason": reason.strip(), "by": by},
    )
    if not await charges.book(db, [made], now=now):
        raise Conflict("Somebody credited this charge at this very moment; look again.")
    found = await charges.charge_of(db, made.key)
    assert found is not None
    return found


def _key(key: str, number: int) -> str:
    return f"correction/{key}/{number}"
