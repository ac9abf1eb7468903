"""What services cost is booked once, and stands on one paper."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges
from billing.charges import AlreadyInvoiced, Charge, ChargeKind
from foundation.identifiers import OrganisationKey
from foundation.money import Money

NOW = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
NORTH = charges.organisation(OrganisationKey("north"))
MONITORING = Charge(
    key="monitoring/CS-1/2026-10",
    kind=ChargeKind.MONITORING,
    debtor=NORTH,
    quantity=Decimal(1),
    unit="MON",
    net=Money(Decimal("29.00"), "EUR"),
    first_day=date(2026, 10, 17),
    last_day=date(2026, 10, 31),
    about="station/CS-1",
    details={"station": "CS-1"},
)


async def test_a_charge_is_booked_once_by_its_key(db: AsyncSession) -> None:
    [number] = await charges.book(db, [MONITORING], now=NOW)
    assert await charges.book(db, [MONITORING], now=NOW) == []
    [booked] = await charges.open_charges(db)
    assert (booked.id, booked.charge, booked.document) == (number, MONITORING, None)
    assert await charges.charge_of(db, MONITORING.key) == booked
    assert await charges.charge_of(db, "monitoring/CS-2/2026-10") is None
    assert await charges.book(db, [], now=NOW) == []


async def test_open_are_those_of_a_debtor_whose_period_is_over(db: AsyncSession) -> None:
    await charges.book(db, [MONITORING], now=NOW)
    assert await charges.open_charges(db, debtor=NORTH, until=date(2026, 10, 30)) == []
    assert len(await charges.open_charges(db, debtor=NORTH, until=date(2026, 10, 31))) == 1
    assert await charges.open_charges(db, debtor=charges.contact(7)) == []


async def test_a_charge_stands_on_one_document(db: AsyncSession) -> None:
    [number] = await charges.book(db, [MONITORING], now=NOW)
    await charges.put_on_documents(db, {number: "2026-0001"})
    assert await charges.open_charges(db) == []
    with pytest.raises(AlreadyInvoiced):
        await charges.put_on_documents(db, {number: "2026-0002"})
    booked = await charges.charge_of(db, MONITORING.key)
    assert booked is not None
    assert booked.document == "2026-0001"
