"""The world that the load drives in: owners with agreements, stations, tokens, a tariff.

Everything a transaction can ask for is there, so that all business logic runs: half of the tokens
are the owners' own, half a provider's; the tariff has energy, a night price and parking.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import pricing
from billing.pricing import NewAssignment, place_from
from csms import passwords, store
from csms.administration import LocationSettings, TokenSettings, set_id_tokens, set_location
from csms.store import NewStation
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from roaming import administration

ROOT = "operator"
PASSWORD = "0123456789abcdef0123456789abcdef"
PROVIDER = "DE*BEN"
OWNERS = 10

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

TARIFF: dict[str, Any] = {
    "id": "BENCH",
    "currency": "EUR",
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.39, "vat": 19, "step_size": 1}],
            "restrictions": {"start_time": "22:00", "end_time": "06:00"},
        },
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1},
                {"type": "FLAT", "price": 0.50, "vat": 19, "step_size": 1},
                {"type": "PARKING_TIME", "price": 3.0, "vat": 19, "step_size": 60},
            ]
        },
    ],
}


def owner(number: int) -> OrganisationKey:
    return OrganisationKey(f"owner-{number:04d}")


async def settle(database: Database, *, stations: int, now: datetime) -> None:
    """Create everything for so many stations (BENCH-000000 …), each with a token of its own."""
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key=ROOT,
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="en",
            now=LONG_AGO,
        )
        await administration.create_provider(db, PROVIDER, {"name": "Provider"}, now=LONG_AGO)
        await owners(db, OWNERS)
        await pricing.create_tariff(
            db,
            TARIFF,
            [NewAssignment(place_from("organisation", ROOT), LONG_AGO)],
            organisation=None,
            now=LONG_AGO,
        )
    for first in range(0, stations, 1000):
        async with database.unit_of_work() as db:
            await _stations(db, range(first, min(first + 1000, stations)), now)
    async with database.unit_of_work() as db:
        await _tokens(db, min(stations, 500), now)


async def owners(db: AsyncSession, count: int) -> None:
    """Create owners, each with an agreement and a location."""
    for number in range(count):
        key = owner(number)
        await directory.create_organisation(db, key, {"name": f"Owner {number}"}, now=LONG_AGO)
        await administration.create_agreement(
            db,
            key,
            {"internal_bps": 10_000, "external_bps": 9000 - number % 50 * 10},
            valid_from=LONG_AGO,
            now=LONG_AGO,
        )
        location = LocationSettings(
            key=f"loc-{number}", organisation=key, name=f"Place {number}", time_zone="Europe/Berlin"
        )
        await set_location(db, location, create=True)


async def _stations(db: AsyncSession, numbers: Sequence[int], now: datetime) -> None:
    record = passwords.password_record(PASSWORD.encode())
    await store.add_stations(
        db,
        [
            NewStation(f"BENCH-{each:06d}", "accepted", record, owner(each % OWNERS), now)
            for each in numbers
        ],
    )
    await db.execute(
        text(
            "update stations set location = 'loc-' || substr(identity, 7)::int % :owners"
            " where location is null"
        ),
        {"owners": OWNERS},
    )


async def _tokens(db: AsyncSession, count: int, now: datetime) -> None:
    tokens = [
        TokenSettings(
            id_token=f"BENCH{each:06d}",
            organisation=owner(each % OWNERS) if each % 2 else None,
            provider=None if each % 2 else PROVIDER,
            valid_until=now + timedelta(days=365),
        )
        for each in range(count)
    ]
    await set_id_tokens(db, tokens, now=now)
