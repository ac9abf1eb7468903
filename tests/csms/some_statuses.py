"""Two stations of one owner, and what they report of their connectors."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from foundation.identifiers import OrganisationKey, StationId

OWNER = OrganisationKey("owner")
ONE, TWO = StationId("CS-1"), StationId("CS-2")
BEFORE = datetime(2025, 8, 1, tzinfo=UTC)
"""Since when they are his."""


async def put_stations(db: AsyncSession) -> None:
    await directory.ensure_root(
        db,
        key=OWNER,
        name="Owner",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=BEFORE,
    )
    for station in (ONE, TWO):
        await db.execute(
            text(
                "insert into stations (identity, time_zone, admission, boot_policy,"
                " security_profile, aliases, items_per_message, free_vend, created_at)"
                " values (:station, 'Europe/Berlin', 'accepted', 'accept', 1, '{}', '{}', false,"
                " :at)"
            ),
            {"station": station, "at": BEFORE},
        )
        await db.execute(
            text(
                "insert into station_owners (station, organisation, valid_from)"
                " values (:station, 'owner', :at)"
            ),
            {"station": station, "at": BEFORE},
        )
        await db.execute(
            text("insert into evses (station, evse_id) values (:station, 1)"), {"station": station}
        )
        await db.execute(
            text("insert into connectors (station, evse_id, connector_id) values (:station, 1, 1)"),
            {"station": station},
        )


async def put_status(
    db: AsyncSession, station: str, when: datetime, status: str, error: str | None = None
) -> None:
    await db.execute(
        text(
            "insert into status_history (station, evse_id, connector_id, original_status,"
            " error_code, received_at) values (:station, 1, 1, :status, :error, :at)"
        ),
        {"station": station, "at": when, "status": status, "error": error},
    )
