"""Access controls as they are kept; the rules' tests tell what they keep out."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import access
from billing.assignments import Place, TariffScope
from billing.conditions import Conditions, OpeningState
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from tests.billing.story import BAKERY, NOW

FLEET = Conditions(token_groups=("FLEET",))
S1 = Place(TariffScope.STATION, "S1")


async def test_the_latest_of_a_key_counts(db: AsyncSession) -> None:
    for is_on in (True, False):
        await access.put(
            db, "a", organisation=BAKERY, conditions=FLEET, allowed=[S1, S1], is_on=is_on, now=NOW
        )
    await access.put(db, "b", organisation=None, conditions=FLEET, allowed=[], is_on=True, now=NOW)
    one, other = await access.controls(db)
    assert (one.key, one.is_on, one.allowed, one.conditions) == ("a", False, (S1,), FLEET)
    assert other.key == "b"
    assert await access.controls(db, Scope(frozenset({BAKERY}))) == [one]
    assert await access.controls(db, Scope(frozenset({OrganisationKey("hotel")}))) == []


@pytest.mark.parametrize(
    ("key", "conditions", "places", "field"),
    [
        ("", FLEET, 1, "key"),
        ("a/b", FLEET, 1, "key"),
        ("a" * 61, FLEET, 1, "key"),
        ("a", Conditions(), 1, "conditions"),
        ("a", Conditions(token_groups=("F",), hours=OpeningState.OPEN), 1, "conditions"),
        ("a", FLEET, access.MOST_PLACES + 1, "allowed"),
    ],
)
async def test_what_is_no_access_control_is_refused(
    db: AsyncSession, key: str, conditions: Conditions, places: int, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await access.put(
            db,
            key,
            organisation=None,
            conditions=conditions,
            allowed=[S1] * places,
            is_on=True,
            now=NOW,
        )
    assert refused.value.field == field
