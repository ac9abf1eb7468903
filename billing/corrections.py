"""Corrections of what was charged: a credit line in the next invoice, never a changed invoice."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, document_store
from billing.charges import BookedCharge, Charge, ChargeKind
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.money import Money, total


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
        NotFound: If there is no such charge, or it takes something off itself.
        InvalidInput: If the amount or the reason are none.
        CreditAboveCharge: If the credits of the charge would be more than it, with what
            counter-charges and counter-documents have taken back.
    """
    booked = await charges.charge_of(db, key)
    if booked is None or booked.charge.net.amount < 0:
        raise NotFound("charge", key)
    if booked.document is not None:
        # Whoever takes it back locks it too; the charge may wait for another one by now.
        await document_store.document(db, booked.document, locked=True)
        booked = await charges.charge_of(db, key)
        assert booked is not None, "charges stay"
    charge = booked.charge
    if amount.currency != charge.net.currency or amount.amount <= 0 or not amount.is_rounded:
        raise InvalidInput(
            f"A credit is an amount of {charge.net.currency} above zero.", field="amount"
        )
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    number = 1
    while await charges.charge_of(db, _key(key, number)) is not None:
        number += 1
    left = await _left(db, booked)
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


async def _left(db: AsyncSession, booked: BookedCharge) -> Money:
    """Return what can be credited: of the charge, and of what is left of its document."""
    charge = booked.charge
    nothing = Money.zero(charge.net.currency)
    left = charge.net + await charges.taken_off(db, [charge.key], nothing)
    number = booked.document
    if number is None or not (counters := await document_store.counter_documents(db, number)):
        return max(nothing, left)
    found = await document_store.document(db, number)
    assert found is not None, "documents stay"
    row, state = found
    if state.cancelled_at is not None:
        return nothing
    keys = await charges.keys_on(db, number)
    of_document = Money.from_minor(row.net_minor, row.currency)
    of_document -= total((document_store.value_of(each).net for each in counters), row.currency)
    of_document += await charges.taken_off(db, keys, nothing)
    return max(nothing, min(left, of_document))


def _key(key: str, number: int) -> str:
    return f"correction/{key}/{number}"
