"""Who is above whom, in one statement."""

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.lineage import Ancestor, lineage
from foundation.identifiers import OrganisationKey
from foundation.statements import ask
from tests.billing.story import BAKERY, HOTEL, STAFF, settle_in

OPERATOR = OrganisationKey("operator")


async def test_an_organisation_comes_with_all_above_it_and_no_others(db: AsyncSession) -> None:
    await settle_in(db)
    found = await ask(db, lineage([STAFF]))
    assert found == {
        key: Ancestor(key, parent, "Europe/Berlin", "EUR")
        for key, parent in ((STAFF, BAKERY), (BAKERY, OPERATOR), (OPERATOR, None))
    }


async def test_unknown_organisations_are_missing(db: AsyncSession) -> None:
    await settle_in(db)
    found = await ask(db, lineage([OrganisationKey("nobody"), HOTEL]))
    assert found.keys() == {HOTEL, OPERATOR}
    assert await ask(db, lineage([])) == {}
