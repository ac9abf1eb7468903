"""What staff gave away costs nothing, is internal, and says why."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from billing import booking, goodwill, store
from billing.cdr import ChargeClass, Payer
from billing.rating import LineKind
from billing.tariff_json import parse_tariff
from billing.terms import Basis, Sharing
from foundation.events import Doubt, TransactionEnded
from foundation.money import Money
from tests.billing.story import BAKERY, EMP, NOW, ended, happen, settle_in, started, tariff

GUEST = Sharing(
    charge_class=ChargeClass.EXTERNAL,
    payer=Payer(provider=EMP),
    share_bps=9_000,
    basis=Basis.NET,
    agreement_id=None,
)
NOBODY = replace(GUEST, payer=None)
TARIFF = parse_tariff(tariff(currency="CHF"))


@pytest.mark.parametrize("decision", [None, "token"])
def test_only_the_decision_free_gives_away(decision: str | None) -> None:
    event = ended(1, billing_decision=decision)

    assert not goodwill.is_given(event)
    assert goodwill.sharing_of(event, GUEST) is GUEST
    charged = booking.charge(event, GUEST, TARIFF, currency="EUR")
    assert charged.rating.net == Money(Decimal("4.00"), "CHF")


@pytest.mark.parametrize("frozen", [GUEST, NOBODY])
def test_what_is_given_away_is_one_line_of_nothing_and_internal(frozen: Sharing) -> None:
    event = ended(1, billing_decision="free")
    charged = booking.charge(event, frozen, TARIFF, currency="EUR")

    assert charged.hold_reasons == ()
    [line] = charged.rating.lines
    assert (line.kind, line.net, line.explanation.kind) == (
        LineKind.BY_STAFF,
        Money.zero("CHF"),
        LineKind.BY_STAFF,
    )
    assert charged.rating.gross == Money.zero("CHF")
    its = goodwill.sharing_of(event, frozen)
    assert (its.charge_class, its.payer, its.share_bps) == (ChargeClass.INTERNAL, None, 9_000)


def test_it_needs_no_tariff_but_still_a_possible_energy() -> None:
    event = ended(1, billing_decision="free")
    assert booking.charge(event, NOBODY, None, currency="EUR").hold_reasons == ()

    doubted = replace(event, doubts=(Doubt.NEGATIVE_ENERGY,))
    charged = booking.charge(doubted, NOBODY, None, currency="EUR")
    assert charged.hold_reasons == ("negative_energy",)


@given(kwh=st.decimals(0, 10**5, places=3), hours=st.integers(1, 100))
def test_it_costs_nothing_however_long_it_lasts(kwh: Decimal, hours: int) -> None:
    event = ended(1, kwh=str(kwh), hours=hours, billing_decision="free")
    rating = goodwill.rating_of(event, "EUR")

    assert rating.net == rating.vat == rating.gross == Money.zero("EUR")
    assert [(line.from_at, line.to_at) for line in rating.lines] == [
        (event.started_at, event.ended_at)
    ]


async def test_its_record_is_booked_as_internal_and_a_later_decision_takes_the_price_back(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, started(1), ended(1))
    paid = (await store.current_records(db, [1]))[started(1).transaction_id].cdr
    assert paid.net.amount == Decimal("4.00")

    await happen(db, ended(1, revision=2, billing_decision="free"))

    given_away = (await store.current_records(db, [1]))[started(1).transaction_id].cdr
    assert given_away.net == Money.zero("EUR")
    assert (given_away.payer, given_away.hold_reason) == (None, None)
    assert (given_away.payee, given_away.replaces) == (BAKERY, paid.cdr_id)
    assert [line.kind for line in given_away.lines] == [LineKind.BY_STAFF]


def stopped(after: timedelta) -> TransactionEnded:
    """Ten kWh in an hour, and the billing stopped after so long."""
    return ended(1, billing_decision=f"until:{(NOW + after).isoformat()}")


@pytest.mark.parametrize(
    ("after", "net"),
    [
        (timedelta(minutes=-5), "0.00"),
        (timedelta(0), "0.00"),
        (timedelta(minutes=15), "1.00"),
        (timedelta(minutes=30), "2.00"),
        (timedelta(minutes=60), "4.00"),
        (timedelta(minutes=90), "4.00"),
    ],
)
def test_after_the_billing_was_stopped_nothing_is_charged(after: timedelta, net: str) -> None:
    charged = booking.charge(stopped(after), GUEST, TARIFF, currency="EUR")
    assert charged.rating.net == Money(Decimal(net), "CHF")
    assert charged.hold_reasons == ()
    is_told = any(line.kind is LineKind.NOT_BILLED for line in charged.rating.lines)
    assert is_told is (after < timedelta(hours=1))
    # Its payer still pays for what came before.
    assert goodwill.sharing_of(stopped(after), GUEST) is GUEST


@given(first=st.integers(0, 3600), second=st.integers(0, 3600))
def test_the_earlier_it_is_stopped_the_less_it_costs(first: int, second: int) -> None:
    first, second = sorted([first, second])

    def net(seconds: int) -> Decimal:
        event = stopped(timedelta(seconds=seconds))
        return booking.charge(event, GUEST, TARIFF, currency="EUR").rating.net.amount

    assert net(first) <= net(second) <= Decimal("4.00")
