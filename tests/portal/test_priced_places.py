"""What one asks the price of; whom others' tariffs are for is not told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from accounts.permissions import Role
from billing import pricing
from billing.assignments import Assignment, Place, TariffScope
from billing.price_preview import Considered, Verdict
from billing.tariff_calendar import Check, CheckKind
from foundation.errors import InvalidInput
from portal import priced_places
from tests.billing.story import BAKERY, HOTEL, LONG_AGO, NOW, settle_in, tariff
from tests.portal.test_guard import caller


def test_days_begin_at_midnight_of_the_stations_zone() -> None:
    begins, ends = priced_places.days_from("Europe/Berlin", date(2026, 10, 25), 1, NOW)
    assert begins == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert ends - begins == timedelta(hours=25), "the clocks are put back"
    today, _ = priced_places.days_from("Asia/Tokyo", None, 1, NOW)
    assert today == datetime(2026, 10, 14, 15, tzinfo=UTC)
    with pytest.raises(InvalidInput):
        priced_places.days_from("UTC", date(9999, 12, 31), 1, NOW)


async def test_what_belongs_to_others_is_not_told(db: AsyncSession) -> None:
    await settle_in(db)
    for tariff_id, owner in (("ours", BAKERY), ("theirs", HOTEL)):
        await pricing.create_tariff(db, tariff(tariff_id), organisation=owner, now=LONG_AGO)
    place = Place(TariffScope.STATION, "S1")
    rows = [Assignment(1, place, each, LONG_AGO, None) for each in ("ours", "theirs", "T1")]
    considered = [Considered(each, Verdict.HOLDS) for each in rows]
    gap = Check(kind=CheckKind.GAP)
    checks = [gap, *(Check(kind=CheckKind.NEVER_APPLIES, assignment=each) for each in rows)]
    everything = caller(Role.ADMINISTRATOR, WHOLE)
    baker = replace(everything, scope=Scope(frozenset({BAKERY})))

    assert await priced_places.seen(db, everything, considered) == considered
    assert await priced_places.seen(db, baker, considered) == considered[:1]
    assert await priced_places.seen_checks(db, baker, checks) == checks[:2]
    assert await priced_places.seen_assignments(db, baker, rows) == rows[:1]
