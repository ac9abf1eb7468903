"""What waits for a document: sessions, whoever owes them, with the tax of their day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import document_sessions, pricing
from billing.pricing import NewAssignment, place_from
from foundation.identifiers import StationId
from tests.billing.paper_story import contract_of, customer, open_office
from tests.billing.story import LONG_AGO, ended, happen

TODAY_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


async def test_sessions_have_their_own_rate_or_that_of_the_day_of_their_end(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    energy: dict[str, Any] = {"type": "ENERGY", "price": 0.40, "step_size": 1}
    free = {"type": "FLAT", "price": 0, "step_size": 1}
    for station, components in (
        ("UNTAXED", [energy]),
        ("ZERO", [energy | {"vat": 0}]),
        ("FREE-START", [energy | {"vat": 7}, free]),
    ):
        elements = [{"price_components": components}]
        await pricing.create_tariff(
            db,
            {"id": station, "currency": "EUR", "elements": elements},
            [NewAssignment(place_from("station", station), LONG_AGO)],
            organisation=None,
            now=LONG_AGO,
        )
    untaxed, late = StationId("UNTAXED"), datetime(2026, 10, 15, 21, 30, tzinfo=UTC)
    await happen(
        db,
        ended(1, late - timedelta(hours=2), station=untaxed),
        ended(2, late, station=untaxed),  # it ends on the 16th in Berlin
        ended(3, station=StationId("ZERO")),
        ended(4, station=StationId("FREE-START")),
    )
    found, _ = await document_sessions.find_waiting(
        db,
        since=LONG_AGO,
        until=TODAY_AT,
        time_zone="Europe/Berlin",
        rates=[(date.min, Decimal(16)), (date(2026, 10, 16), Decimal(19))],
    )
    [waiting] = found.values()
    assert {each.vat_rate: each.sessions for each in waiting.sums} == {0: 1, 7: 1, 16: 1, 19: 1}
