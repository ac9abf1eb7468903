"""From an ended transaction to its charge: the pure parts of booking."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from billing import booking, ledger_store, store
from billing.cdr import ChargeClass, Payer
from billing.ledger import unsettled
from billing.tariff_json import parse_tariff
from billing.terms import Basis, Sharing
from foundation.events import UsagePoint
from foundation.money import Money
from roaming.handlers import Reimbursement
from tests.billing.story import BAKERY, NOW, STAFF, ended, happen, settle_in, started, tariff

BERLIN = ZoneInfo("Europe/Berlin")
SHARING = Sharing(
    charge_class=ChargeClass.INTERNAL,
    payer=Payer(organisation=STAFF),
    share_bps=10_000,
    basis=Basis.NET,
    agreement_id=None,
)
TARIFF = parse_tariff(tariff(currency="CHF"))


def test_a_charge_has_the_currency_of_its_tariff() -> None:
    charged = booking.charge(ended(1), SHARING, TARIFF, currency="EUR")
    assert charged.rating.net == Money(Decimal("4.00"), "CHF")
    assert charged.hold_reasons == ()


def test_without_a_tariff_it_is_nothing_in_the_payees_currency() -> None:
    charged = booking.charge(ended(1), SHARING, None, currency="EUR")
    assert charged.rating.gross == Money.zero("EUR")
    assert charged.hold_reasons == ("no_tariff",)
    free = booking.charge(ended(1, free_vend=True), SHARING, None, currency="EUR")
    assert free.hold_reasons == ()


def test_nobody_has_to_pay_for_free_vend() -> None:
    nobody = replace(SHARING, payer=None)
    held = booking.charge(ended(1), nobody, TARIFF, currency="EUR")
    free = booking.charge(ended(1, free_vend=True), nobody, TARIFF, currency="EUR")
    assert held.hold_reasons == ("no_payer",)
    assert (free.hold_reasons, free.rating.gross) == ((), Money.zero("CHF"))


def test_usage_that_contradicts_itself_has_no_price_and_is_held() -> None:
    event = ended(1)
    backwards = replace(
        event, usage=(event.usage[0], UsagePoint(NOW - timedelta(1), Decimal(9), charging=True))
    )
    charged = booking.charge(backwards, SHARING, TARIFF, currency="EUR")
    assert charged.is_unratable
    assert charged.hold_reasons == ("impossible_energy",)


@pytest.mark.parametrize(
    ("readings", "before"),
    [
        ([], "0"),
        ([(-10, 4_000)], "4000"),
        ([(-10, 4_000), (-1, 4_500)], "4500"),
        ([(-10, 4_000), (0, 4_600)], "4000"),
        ([(10, 5_000)], "0"),
    ],
)
def test_the_energy_before_the_month_is_what_was_read_last(
    readings: list[tuple[int, int]], before: str
) -> None:
    border = datetime(2026, 10, 31, 23, tzinfo=UTC)  # midnight in Berlin
    event = ended(1, border - timedelta(hours=1), hours=2)
    points = [
        UsagePoint(border + timedelta(minutes=minutes), Decimal(wh), charging=True)
        for minutes, wh in readings
    ]
    event = replace(event, usage=(event.usage[0], *points, event.usage[-1]))
    assert booking.energy_before(event, BERLIN) == Decimal(before)
    assert booking.energy_before(event, ZoneInfo("America/New_York")) == 0


async def test_what_was_taken_back_leaves_the_accounts_empty(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    record = (await store.current_records(db, [1]))[started(1).transaction_id]

    await booking.take_back(db, [record], now=NOW)
    await booking.take_back(db, [record], now=NOW)
    await booking.take_back(db, [], now=NOW)

    assert (await ledger_store.balances(db))[unsettled(BAKERY)]["EUR"] == Money.zero("EUR")


async def test_terms_are_found_in_the_order_of_the_events(db: AsyncSession) -> None:
    await settle_in(db)
    found = await booking.find_terms(db, [started(2), started(1)], Reimbursement(), now=NOW)
    assert [each.transaction_id for each in found] == [2, 1]
    frozen = await booking.freeze(db, [started(1)], Reimbursement(), now=NOW)
    again = await booking.freeze(db, [started(1)], Reimbursement(), now=NOW + timedelta(days=1))
    assert frozen == again
