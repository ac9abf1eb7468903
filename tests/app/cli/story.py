"""Two sessions at a bakery's station in a month that is long over."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.routes import ROUTES
from foundation import outbox
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from tests.app.conftest import Cli
from tests.billing.story import ended, started, tariff

MONTH = "2024-03"
NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)


def settle(cli: Cli) -> None:
    """Create the bakery and a tariff for all, by command."""
    cli("organisation", "create", "bakery", "--name", "Bakery", "--email", "b@example.org")
    file = Path("tariff.json")
    where = {"scope": "organisation", "id": "root", "valid_from": "2020-01-01"}
    file.write_text(json.dumps(tariff() | {"assignments": [where]}))
    assert cli("tariff", "create", str(file)).status == 0


async def charge(database_url: str, *, owner: str = "bakery", first: int = 1) -> None:
    """Let two sessions of the owner's own tokens happen, 10 and 20 kWh; billing has not seen it."""
    database = Database(database_url, routes=ROUTES)
    try:
        for number, kwh in ((first, "10"), (first + 1, "20")):
            at = NOON + timedelta(hours=2 * number)
            whose: dict[str, Any] = {
                "owner": OrganisationKey(owner),
                "token_organisation": OrganisationKey(owner),
                "station": StationId(f"S-{owner}"),
                "location": None,
            }
            async with database.unit_of_work() as db:
                begin, end = started(number, at, **whose), ended(number, at, kwh=kwh, **whose)
                await outbox.append(db, [begin, end], recorded_at=at)
    finally:
        await database.close()
