"""Payments of drivers without a contract: kept once, booked once, captured or released."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, direct_payments, ledger
from billing.direct_payments import (
    Begun,
    CodeUsed,
    FactKind,
    NoProvider,
    Order,
    PaymentFact,
    PaymentState,
)
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound, Unavailable
from foundation.events import SettlementReported
from foundation.identifiers import IdToken, StationId
from foundation.money import Money
from foundation.outbox import Delivery
from tests.billing.story import NOW, ended, happen, settle_in

AD_HOC = ledger.receivable(direct_payments.PROVIDER)


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


@dataclass
class TestProvider:
    """A payment provider that a test is."""

    __test__ = False
    name: str = "test"
    orders: list[Order] = field(default_factory=list)
    told: list[PaymentFact] = field(default_factory=list)
    is_away: bool = False

    async def begin(self, order: Order) -> Begun:
        if self.is_away:
            raise Unavailable("The provider is away.")
        self.orders.append(order)
        return Begun(f"ref-{order.key}", f"https://pay.example/{order.key}")

    def authorise(self, amount: Money | None = None) -> None:
        """The driver pays his newest order."""
        order = self.orders[-1]
        self._tell(f"ref-{order.key}", FactKind.AUTHORISED, amount or order.amount)

    async def facts(self, ref: str) -> Sequence[PaymentFact]:
        return [each for each in self.told if each.ref == ref]

    async def capture(self, ref: str, amount: Money) -> None:
        if self.is_away:
            raise Unavailable("The provider is away.")
        self._tell(ref, FactKind.CAPTURED, amount)

    async def release(self, ref: str) -> None:
        taken = sum(
            (each.amount.amount for each in self.told if each.kind is FactKind.CAPTURED), Decimal(0)
        )
        held = sum(
            (each.amount.amount for each in self.told if each.kind is FactKind.AUTHORISED),
            Decimal(0),
        )
        self._tell(ref, FactKind.RELEASED, euro(str(held - taken)))

    def _tell(self, ref: str, kind: FactKind, amount: Money) -> None:
        self.told.append(PaymentFact(ref, kind, str(len(self.told)), amount, NOW))


@pytest.fixture
def provider(database: Database) -> TestProvider:
    made = TestProvider()
    direct_payments.join(database, made)
    return made


async def opened(database: Database, wanted: str = "20", mark: str | None = None) -> str:
    async with database.unit_of_work() as db:
        return await direct_payments.open_payment(
            db, "S1", 1, euro(wanted), code_mark=mark, now=NOW, max_time_s=600
        )


async def begun(database: Database, provider: TestProvider, wanted: str = "20") -> str:
    """A payment that is authorised, and whose charging may begin."""
    key, clock = await opened(database, wanted), SetClock(NOW)
    url = await direct_payments.begin(database, key, back_url="https://here", clock=clock)
    assert url.startswith("https://pay.example/")
    provider.authorise()
    assert (await direct_payments.look(database, key, clock)).state is PaymentState.AUTHORISED
    return key


async def started(database: Database, key: str) -> IdToken:
    async with database.unit_of_work() as db:
        token = await direct_payments.claim_start(db, key, now=NOW)
        assert token is not None
        assert await direct_payments.claim_start(db, key, now=NOW) is None, "asked for once"
    return token


async def charged(database: Database, token: IdToken, kwh: str, **more: Any) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
        event = ended(
            1,
            kwh=kwh,
            id_token=token,
            token_organisation=None,
            token_provider=direct_payments.PROVIDER,
            **more,
        )
        await happen(db, event)


async def balance(database: Database) -> Decimal:
    async with database.unit_of_work() as db:
        found = (await books.balances(db, [AD_HOC])).get(AD_HOC, {})
    return found.get("EUR", Money.zero("EUR")).amount


async def test_without_a_provider_nothing_can_be_begun(database: Database) -> None:
    async with database.unit_of_work() as db:
        with pytest.raises(NoProvider):
            await direct_payments.open_payment(db, "S1", 1, euro("5"), code_mark=None, now=NOW)


async def test_what_it_came_to_is_captured_once_and_the_rest_released(
    database: Database, provider: TestProvider
) -> None:
    key = await begun(database, provider)
    await charged(database, await started(database, key), "10")
    assert await balance(database) == Decimal("4.76")
    for _ in range(3):
        await direct_payments.settle(database, SetClock(NOW))
        payment = await direct_payments.look(database, key, SetClock(NOW))
    assert (payment.state, payment.missing) == (PaymentState.PAID, None)
    assert (payment.captured, payment.released) == (euro("4.76"), euro("15.24"))
    assert [each.kind for each in provider.told].count(FactKind.CAPTURED) == 1
    assert await balance(database) == 0, "what was charged is paid"


async def test_what_a_payment_cannot_cover_stays_owed(
    database: Database, provider: TestProvider
) -> None:
    key = await begun(database, provider, "4")
    await charged(database, await started(database, key), "10")
    await direct_payments.settle(database, SetClock(NOW))
    async with database.unit_of_work() as db:
        payment = await direct_payments.by_key(db, key)
    assert (payment.captured, payment.missing) == (euro("4"), euro("0.76"))
    assert await balance(database) == Decimal("0.76")


async def test_what_is_held_is_not_captured_before_somebody_decides(
    database: Database, provider: TestProvider
) -> None:
    key = await begun(database, provider)
    await charged(database, await started(database, key), "1000")
    await direct_payments.settle(database, SetClock(NOW))
    async with database.unit_of_work() as db:
        payment = await direct_payments.by_key(db, key)
    assert (payment.state, payment.due) == (PaymentState.STARTING, None)


async def test_a_provider_that_is_away_is_asked_again(
    database: Database, provider: TestProvider
) -> None:
    key = await begun(database, provider)
    await charged(database, await started(database, key), "10")
    provider.is_away = True
    await direct_payments.settle(database, SetClock(NOW))
    assert await balance(database) == Decimal("4.76")
    provider.is_away = False
    await direct_payments.settle(database, SetClock(NOW))
    assert await balance(database) == 0
    async with database.unit_of_work() as db:
        assert (await direct_payments.by_key(db, key)).state is PaymentState.PAID


@pytest.mark.parametrize("was_asked", [True, False])
async def test_what_never_began_is_released(
    database: Database, provider: TestProvider, was_asked: bool
) -> None:
    key = await begun(database, provider)
    if was_asked:
        await started(database, key)
    early = SetClock(NOW + direct_payments.STARTS_WITHIN - timedelta(seconds=1))
    await direct_payments.settle(database, early)
    assert not any(each.kind is FactKind.RELEASED for each in provider.told)
    await direct_payments.settle(database, SetClock(NOW + direct_payments.STARTS_WITHIN))
    async with database.unit_of_work() as db:
        payment = await direct_payments.by_key(db, key)
    assert (payment.state, payment.released) == (PaymentState.RELEASED, euro("20"))
    assert await balance(database) == 0


async def test_a_station_that_refuses_has_the_payment_released(
    database: Database, provider: TestProvider
) -> None:
    key = await begun(database, provider)
    await started(database, key)
    async with database.unit_of_work() as db:
        await direct_payments.not_started(db, key, "Rejected", now=NOW)
    await direct_payments.settle(database, SetClock(NOW))
    async with database.unit_of_work() as db:
        payment = await direct_payments.by_key(db, key)
    assert (payment.state, payment.reason) == (PaymentState.RELEASED, "Rejected")


async def test_a_fact_that_is_told_again_counts_once(
    database: Database, provider: TestProvider
) -> None:
    key = await begun(database, provider)
    async with database.unit_of_work() as db:
        ref = (await direct_payments.by_key(db, key)).provider_ref
        assert ref is not None
        fact = PaymentFact(ref, FactKind.CAPTURED, "c-1", euro("3"), NOW)
        assert await direct_payments.take(db, "test", fact, now=NOW)
        assert not await direct_payments.take(db, "test", fact, now=NOW)
        assert (await direct_payments.by_key(db, key)).captured == euro("3")
        with pytest.raises(NotFound):
            await direct_payments.take(db, "test", replace(fact, ref="other"), now=NOW)
        swiss = Money(Decimal(3), "CHF")
        with pytest.raises(InvalidInput):
            await direct_payments.take(db, "test", replace(fact, amount=swiss), now=NOW)
    assert await balance(database) == -3


async def test_a_code_begins_one_payment(database: Database, provider: TestProvider) -> None:
    await opened(database, mark="S1/1/abc")
    with pytest.raises(CodeUsed):
        await opened(database, mark="S1/1/abc")
    await opened(database, mark="S1/1/abd")


def settled(psp_ref: str, amount: str = "4.76", status: str = "Settled") -> Delivery:
    event = SettlementReported(
        happened_at=NOW,
        station=StationId("S1"),
        settlement_id=7,
        transaction_id=None,
        psp_ref=psp_ref,
        status=status,
        amount_minor=euro(amount).minor,
        currency="EUR",
    )
    return Delivery(1, event, datetime(2026, 10, 15, 12, tzinfo=UTC))


async def test_what_a_terminal_settled_is_booked_once(
    database: Database, provider: TestProvider
) -> None:
    async def told(*deliveries: Delivery) -> Decimal:
        async with database.unit_of_work() as db:
            await direct_payments.take_settlements(db, deliveries)
        return await balance(database)

    assert await told(settled("psp-1"), settled("psp-1")) == Decimal("-4.76")
    assert await told(settled("psp-1")) == Decimal("-4.76")
    assert await told(settled("psp-2", status="Failed")) == Decimal("-4.76")
    key = await begun(database, provider)
    assert await told(settled(f"ref-{key}")) == Decimal("-4.76"), "the port's capture books it"


async def test_an_amount_of_nothing_is_refused(
    db: AsyncSession, database: Database, provider: TestProvider
) -> None:
    for amount in ("0", "-1", "1.005"):
        with pytest.raises(InvalidInput):
            await opened(database, amount)
