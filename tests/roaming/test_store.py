"""Roaming's statements to the database."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from roaming import store
from roaming.agreements import DEFAULT
from tests.billing.story import BAKERY, HOTEL, LONG_AGO, NOW, settle_in

DAY = timedelta(days=1)


async def test_the_earliest_end_counts(db: AsyncSession) -> None:
    await settle_in(db)
    number = await store.add_agreement(
        db, BAKERY, DEFAULT, valid_from=LONG_AGO, valid_to=NOW + 3 * DAY, now=NOW
    )
    await store.add_agreement_end(db, number, NOW + 2 * DAY, now=NOW)
    await store.add_agreement_end(db, number, NOW + DAY, now=NOW)
    await store.add_agreement_end(db, number, NOW + DAY, now=NOW)

    found = await store.agreement(db, number)

    assert found is not None
    assert found.valid_to == NOW + DAY
    assert found.terms == DEFAULT
    assert await store.agreement(db, number + 1) is None


async def test_agreements_come_by_payee_and_date(db: AsyncSession) -> None:
    await settle_in(db)
    for payee, begins in ((BAKERY, NOW), (HOTEL, NOW), (BAKERY, LONG_AGO)):
        await store.lock_agreements(db, payee)
        await store.add_agreement(
            db, payee, DEFAULT, valid_from=begins, valid_to=begins + DAY, now=NOW
        )

    both = await store.agreements_of(db, None)
    one = await store.agreements_of(db, [HOTEL])

    assert [each.valid_from for each in both[BAKERY]] == [LONG_AGO, NOW]
    assert one.keys() == {HOTEL}


async def test_a_provider_is_new_once(db: AsyncSession) -> None:
    values = {
        "party_id": "DE*XYZ",
        "name": "XYZ",
        "email": None,
        "vat_id": None,
        "terms_days": 30,
        "created_at": NOW,
    }
    assert await store.add_provider(db, values)
    assert not await store.add_provider(db, values)
    assert [row.party_id for row in await store.providers(db, after=None, limit=None)] == ["DE*XYZ"]
    assert await store.provider(db, "DE*ABC") is None
