"""Hours of places are dated and never edited."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing.assignments import Place, TariffScope
from billing.hours import Hours, HoursKind
from billing.place_hours import HoursExist, hours_of, put_hours
from foundation.errors import InvalidInput
from tests.billing.story import LONG_AGO, NOW

S1 = Place(TariffScope.STATION, "S1")
ALWAYS = Hours(twentyfourseven=True)
NEVER = Hours(twentyfourseven=False)
KIND = HoursKind.OPENING


async def test_hours_follow_each_other(db: AsyncSession) -> None:
    first = await put_hours(db, S1, KIND, ALWAYS, valid_from=LONG_AGO, now=LONG_AGO)
    same = await put_hours(db, S1, KIND, ALWAYS, now=NOW)
    second = await put_hours(db, S1, KIND, NEVER, now=NOW)
    other = await put_hours(db, S1, HoursKind.OPERATING, None, valid_from=LONG_AGO, now=NOW)

    assert same == first
    assert await hours_of(db, [S1]) == [first, other, second]
    assert await hours_of(db, [Place(TariffScope.STATION, "S2")]) == []


async def test_history_is_not_rewritten(db: AsyncSession) -> None:
    await put_hours(db, S1, KIND, ALWAYS, valid_from=NOW, now=LONG_AGO)
    with pytest.raises(HoursExist):
        await put_hours(db, S1, KIND, NEVER, valid_from=NOW, now=LONG_AGO)
    with pytest.raises(InvalidInput):
        await put_hours(db, S1, KIND, NEVER, transition=timedelta(hours=13), now=NOW)
    long = await put_hours(
        db, S1, KIND, NEVER, transition=timedelta(hours=12), now=NOW + timedelta(1)
    )
    assert long.transition == timedelta(hours=12)
