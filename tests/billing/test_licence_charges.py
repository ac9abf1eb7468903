"""Charges for accounts and licences: booked once, whatever comes twice."""

from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges
from billing.charges import ChargeKind
from billing.licence_charges import LicenceReader, charges_of, subscription
from foundation.clock import SetClock
from foundation.events import AccountApproved, LicenceCharge, LicenceMonthBegan
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from foundation.outbox import Delivery

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
NORTH = OrganisationKey("north")


def line(item: str, net: str) -> LicenceCharge:
    return LicenceCharge(
        item=item,
        about="business",
        count=20,
        months=12,
        unit_price=Decimal("0.35"),
        net=Decimal(net),
        currency="EUR",
        first_day=date(2026, 10, 15),
        last_day=date(2027, 10, 14),
    )


APPROVED = AccountApproved(
    happened_at=NOON,
    organisation=NORTH,
    application_id=7,
    what="new",
    charges=(line("account", "948.00"), line("datapoints", "84.00")),
)
MONTH = LicenceMonthBegan(
    happened_at=NOON,
    organisation=NORTH,
    licence_id=3,
    charges=(line("metering_points", "8.00"),),
)


async def test_what_was_approved_is_booked_once(db: AsyncSession, clock: SetClock) -> None:
    reader = LicenceReader(clock)
    deliveries = [Delivery(1, APPROVED, NOON), Delivery(2, MONTH, NOON)]
    await reader(db, deliveries)
    await reader(db, deliveries)
    found = [each.charge for each in await charges.open_charges(db)]

    assert [(each.kind, each.net) for each in found] == [
        (ChargeKind.LICENCE, Money(Decimal(948), "EUR")),
        (ChargeKind.DATAPOINTS, Money(Decimal(84), "EUR")),
        (ChargeKind.METERING_POINTS, Money(Decimal(8), "EUR")),
    ]
    assert {each.debtor for each in found} == {charges.organisation(NORTH)}
    assert len({each.key for each in found}) == 3


def test_a_charge_names_what_its_line_needs() -> None:
    [first, _] = charges_of(APPROVED)

    assert (first.quantity, first.unit) == (Decimal(240), "MON")
    assert first.details == {
        "name": "business",
        "licence": "business",
        "count": 20,
        "months": 12,
        "unit_price": "0.35",
    }
    assert (first.first_day, first.last_day) == (date(2026, 10, 15), date(2027, 10, 14))


def test_it_reads_approvals_and_months(clock: SetClock) -> None:
    assert set(subscription(clock).kinds) == {AccountApproved.kind, LicenceMonthBegan.kind}
