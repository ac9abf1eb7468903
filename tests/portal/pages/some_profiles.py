"""A connected station of the operator's own with charging profiles, for the pages' tests."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import known_profiles, records
from csms.records import Held
from foundation.identifiers import StationId

STATION: Final = StationId("DE-HN-002")
PATH: Final = f"/stations/{STATION}/charging-profiles"


def profile(number: int, purpose: str, at: datetime, *limits: tuple[int, float]) -> dict[str, Any]:
    """A profile in amperes from a moment on."""
    return {
        "id": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": at.isoformat(),
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": start, "limit": limit} for start, limit in limits
                ],
            }
        ],
    }


async def profiles(db: AsyncSession, now: datetime) -> None:
    """Let the station be the operator's, connected, and have profiles and an answer."""
    await db.execute(
        text(
            "insert into nodes (node, started_at, lease_until)"
            " values ('node-1', now(), '2100-01-01T00:00:00Z')"
        )
    )
    await db.execute(
        text(
            "update station_owners set organisation = (select key from organisations"
            " where parent is null) where station = :station and valid_to is null"
        ),
        {"station": STATION},
    )
    sent = {
        "evseId": 0,
        "chargingProfile": profile(7, "ChargingStationMaxProfile", now, (0, 32), (7200, 20)),
    }
    yes = {"status": "Accepted"}
    await records.answered(db, STATION, "SetChargingProfile", sent, yes, now)
    reported = {"evseId": 1, "chargingProfile": profile(8, "TxDefaultProfile", now, (0, 16))}
    await records.keep(db, STATION, Held.CHARGING_PROFILE, "8", reported, state="EMS", at=now)
    answer = {
        "status": "Accepted",
        "schedule": {
            "evseId": 1,
            "duration": 3600,
            "scheduleStart": now.isoformat(),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 16},
                {"startPeriod": 1800, "limit": 13},
            ],
        },
    }
    asked = {"evseId": 1, "duration": 3600}
    await known_profiles.answered(db, STATION, asked, answer, now + timedelta(seconds=1))
