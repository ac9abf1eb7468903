"""Settings come back as they were written; a card is found elsewhere only at the same time."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import validity_store
from billing.booking import freeze_and_bill
from billing.plausibility import DEFAULT_LIMITS, Check, Limits
from foundation.statements import ask
from roaming.handlers import Reimbursement
from tests.billing.story import BAKERY, NOW, ended, settle_in


async def test_settings_come_back_as_they_were_written(db: AsyncSession) -> None:
    wanted = Limits(
        checks=frozenset({Check.SIGNATURE, Check.ENERGY}),
        max_energy_wh=Decimal("90000.5"),
        ghost_min=None,
    )
    assert await ask(db, validity_store.all_settings()) == {}
    await validity_store.put_settings(db, BAKERY, DEFAULT_LIMITS, by="person/1", now=NOW)
    await validity_store.put_settings(db, BAKERY, wanted, by="person/1", now=NOW)
    assert await ask(db, validity_store.all_settings()) == {BAKERY: wanted}
    await validity_store.put_settings(db, BAKERY, None, by="person/1", now=NOW)
    assert await ask(db, validity_store.all_settings()) == {}


async def test_a_card_is_elsewhere_only_at_the_same_time_and_another_location(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await freeze_and_bill(db, [ended(1)], Reimbursement(), limits=DEFAULT_LIMITS, now=NOW)

    async def others(**changed: object) -> list[int]:
        asked = ended(2, **({"location": "loc-2"} | changed))  # type: ignore[arg-type]
        found = await ask(db, validity_store.elsewhere([asked]))
        return [each.transaction_id for each in found.get(2, [])]

    assert await others() == [1]
    assert await others(location="loc-1") == []
    assert await others(location=None) == []
    assert await others(id_token=None) == []
    assert await others(free_vend=True) == []
    assert await others(at=NOW + timedelta(hours=1)) == []
    assert await others(at=NOW + timedelta(minutes=59)) == [1]
