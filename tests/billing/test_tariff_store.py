"""Tariffs at rest."""

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from billing import tariff_store as store
from billing.assignments import Place, TariffScope
from billing.tables import TariffVersionRow
from tests.billing.paper_story import contract_of, customer, open_office
from tests.billing.story import LONG_AGO, NOW, STAFF, settle_in, tariff

S1 = Place(TariffScope.STATION, "S1")
S2 = Place(TariffScope.STATION, "S2")


async def add(db: AsyncSession, version: int, organisation: str | None = None) -> TariffVersionRow:
    return await store.add_version(
        db,
        tariff_id="T2",
        version=version,
        valid_from=LONG_AGO if version == 1 else NOW,
        organisation=organisation,
        currency="EUR",
        document=tariff("T2"),
        now=NOW,
    )


async def test_only_the_newest_version_is_listed(db: AsyncSession) -> None:
    await settle_in(db)
    await add(db, 1, "bakery")
    newest = await add(db, 2, "bakery")

    everything = await store.latest_versions(db, None, after=None, limit=None)
    bakery = await store.latest_versions(db, ["bakery"], after=None, limit=None)

    assert [row.tariff_id for row in everything] == ["T1", "T2"]
    assert bakery == [newest]
    assert len(await store.versions(db, None)) == 3
    [(number, document)] = await store.documents(db, [newest.number])
    assert (number, msgspec.json.decode(document)) == (newest.number, newest.document)


async def test_a_version_is_written_once(db: AsyncSession) -> None:
    await store.lock_tariff(db, "T2")
    await add(db, 1)
    with pytest.raises(IntegrityError):
        await add(db, 1)


async def test_assignments_come_by_place_oldest_first(db: AsyncSession) -> None:
    for place, begins in ((S1, NOW), (S1, LONG_AGO), (S2, NOW)):
        await store.lock_place(db, place)
        await store.add_assignment(db, "T2", place, valid_from=begins, valid_to=None, now=NOW)

    found = await store.assignments_on(db, [S1, Place(TariffScope.EVSE, "S1/1")])

    assert [each.valid_from for each in found[S1]] == [LONG_AGO, NOW]
    assert found.keys() == {S1}
    assert (await store.all_assignments(db)).keys() == {S1, S2}
    assert len(await store.assignments_of(db, ["T2"])) == 3
    assert await store.counts(db) == (0, 3, 0)


async def test_two_assignments_of_a_place_cannot_begin_at_once(db: AsyncSession) -> None:
    await store.add_assignment(db, "T2", S1, valid_from=NOW, valid_to=None, now=NOW)
    with pytest.raises(IntegrityError):
        await store.add_assignment(db, "T3", S1, valid_from=NOW, valid_to=None, now=NOW)


async def test_a_contact_is_found_by_the_contract_that_covers_a_token(db: AsyncSession) -> None:
    """One that names the token goes before one for all tokens of its organisation."""
    await open_office(db)
    huber, staff = await customer(db), await customer(db, name="Staff")
    named = await contract_of(db, huber)
    await db.execute(
        text("update contracts set tokens_of = :o where contact_id = :c"),
        {"o": STAFF, "c": (await contract_of(db, staff, token=None)).contact_id},
    )
    found = await store.contacts_of(
        db,
        [("04A2", STAFF, NOW), ("05B3", STAFF, NOW), ("05B3", None, NOW), (None, None, NOW)],
    )
    assert found == [str(named.contact_id), str(staff.id), None, None]
