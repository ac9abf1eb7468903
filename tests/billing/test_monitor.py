"""What the monitor knows of a batch: the nearest settings, and cards in two places at once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, ledger_store, monitor, validity_store
from billing.booking import freeze_and_bill
from billing.books import BillingState
from billing.monitor import nearest
from billing.plausibility import DEFAULT_LIMITS, Check, Limits
from foundation.identifiers import OrganisationKey, TransactionId
from roaming.handlers import Reimbursement
from tests.billing.story import BAKERY, HOTEL, NOW, ended, settle_in

ROOT = OrganisationKey("operator")


@dataclass
class Known:
    """A testimony as the central system gives it."""

    signature: str | None = None
    trouble: str | None = None
    signed_begin_wh: Decimal | None = None
    signed_end_wh: Decimal | None = None
    overlapping: list[Any] = field(default_factory=list)


@dataclass
class Other:
    """An overlapping transaction."""

    transaction_id: int
    started_at: datetime
    ended_at: datetime


class Saying:
    """Says of transactions what it was told."""

    def __init__(self, said: dict[int, Known]) -> None:
        self._said = said

    async def testimonies(self, _db: object, _ended: object, **_: object) -> dict[int, Known]:
        return self._said


async def bill(db: AsyncSession, *events: Any, said: dict[int, Known] | None = None) -> None:
    await freeze_and_bill(
        db,
        events,
        Reimbursement(),
        limits=DEFAULT_LIMITS,
        now=NOW + timedelta(hours=2),
        witness=None if said is None else Saying(said),  # type: ignore[arg-type]
    )


async def states(db: AsyncSession, *numbers: int) -> list[tuple[BillingState, str | None]]:
    billed = await books.billed(db, [TransactionId(each) for each in numbers])
    return [
        (billed[TransactionId(each)].state, billed[TransactionId(each)].hold_reason)
        for each in numbers
    ]


def test_the_nearest_settings_count() -> None:
    own, above = Limits(overlap_s=1), Limits(overlap_s=2)
    parents = {BAKERY: ROOT, ROOT: None}
    assert nearest({BAKERY: own, ROOT: above}, BAKERY, parents, DEFAULT_LIMITS) is own
    assert nearest({ROOT: above}, BAKERY, parents, DEFAULT_LIMITS) is above
    assert nearest({HOTEL: own}, BAKERY, parents, DEFAULT_LIMITS) is DEFAULT_LIMITS


async def test_a_card_in_two_places_holds_both_whichever_comes_first(db: AsyncSession) -> None:
    await settle_in(db)
    await bill(db, ended(1))
    assert await states(db, 1) == [(BillingState.RATED, None)]
    await bill(db, ended(2, location="loc-2"))
    held = (BillingState.HELD, "card_in_two_places")
    assert await states(db, 1, 2) == [held, held]
    await bill(db, ended(3, hours=2, location="loc-3"), ended(4, hours=2, location="loc-4"))
    assert await states(db, 3, 4) == [held, held]
    # Nothing is owed for any of them, and each says which one it cannot go with.
    assert not any(
        money.amount
        for found in (await ledger_store.balances(db, None)).values()
        for money in found.values()
    )
    [finding] = await validity_store.findings_of(db, 1)
    assert (finding["reason"], finding["facts"]["transaction_id"]) == ("card_in_two_places", "2")
    assert finding["facts"]["location"] == "loc-2"


async def test_an_overlap_holds_the_other_one_unless_a_person_has_decided(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await bill(db, ended(1), said={})
    other = Other(1, NOW, NOW + timedelta(hours=1))
    late = ended(2, NOW + timedelta(minutes=30))
    await bill(db, late, said={2: Known(overlapping=[other])})
    held = (BillingState.HELD, "overlap")
    assert await states(db, 1, 2) == [held, held]


async def test_a_check_that_is_off_for_the_owner_holds_nobody(db: AsyncSession) -> None:
    await settle_in(db)
    lax = Limits(checks=frozenset({Check.METER}))
    await validity_store.put_settings(db, ROOT, lax, by="person/1", now=NOW)
    await bill(db, ended(1))
    await bill(db, ended(2, location="loc-2"))
    assert {state for state, _ in await states(db, 1, 2)} == {BillingState.RATED}
    assert await monitor.limits_for(db, BAKERY) == lax
    await validity_store.put_settings(db, BAKERY, DEFAULT_LIMITS, by="person/1", now=NOW)
    assert await monitor.limits_for(db, BAKERY) == DEFAULT_LIMITS
