"""What roaming answers to billing."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from roaming.administration import create_agreement
from roaming.handlers import Reimbursement
from tests.billing.story import BAKERY, EXTERNAL, HOTEL, NOW, settle_in, started


async def test_each_transaction_gets_the_terms_of_its_owner_at_its_start(db: AsyncSession) -> None:
    await settle_in(db)
    await create_agreement(db, BAKERY, {"external_bps": 8000}, valid_from=NOW, now=NOW)

    terms = await Reimbursement().terms_of(
        db,
        [
            started(1, NOW, **EXTERNAL),
            started(2, NOW - timedelta(seconds=1), **EXTERNAL),
            started(3, NOW, owner=HOTEL),
            started(4, NOW),
        ],
    )

    assert [each.share_bps for each in terms] == [8000, 9000, 9000, 10_000]
    assert [each.agreement_id is None for each in terms] == [False, True, True, False]
