"""Security events, rated as the standard rates them; those that we notice ourselves among them.

A critical one is told at once by the station; the others only fill its security log, and are known
here where a station tells them all the same.

Source: OCPP 1.6 security whitepaper edition 3, section 4.7; OCPP 2.0.1 part 2, appendix 1.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import equipment

CRITICAL: Final = frozenset(
    {
        "FirmwareUpdated",
        "MaintenanceLoginAccepted",
        "MaintenanceLoginFailed",
        "MemoryExhaustion",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "TamperDetectionActivated",
    }
)
"""By the standard's list."""

NOT_CRITICAL: Final = frozenset(
    {
        "AttemptedReplayAttacks",
        "CentralSystemFailedToAuthenticate",
        "CsmsFailedToAuthenticate",
        "FailedToAuthenticateAtCentralSystem",
        "FailedToAuthenticateAtCsms",
        "InvalidCentralSystemCertificate",
        "InvalidChargePointCertificate",
        "InvalidChargingStationCertificate",
        "InvalidCsmsCertificate",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidMessages",
        "InvalidTLSCipherSuite",
        "InvalidTLSVersion",
        "ReconfigurationOfSecurityParameters",
    }
)
OURS: Final = frozenset(
    {
        "CertificateRequestRefused",
        "ConnectionBelowSecurityProfile",
        "ForeignCertificateShown",
        "RevokedCertificateShown",
    }
)
"""What we notice at the door; somebody may be trying to be a station: critical."""


def is_critical(kind: str) -> bool | None:
    """Tell whether a type is critical; None for a type that the standard does not name."""
    if kind in CRITICAL or kind in OURS:
        return True
    return False if kind in NOT_CRITICAL else None


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """What a station told, or we noticed about it; `is_critical` None: nobody rated its type."""

    type: str
    at: datetime
    received_at: datetime
    tech_info: str | None
    is_ours: bool

    @property
    def is_critical(self) -> bool | None:
        """Whether the standard, or we, call it critical."""
        return is_critical(self.type)


async def events(
    db: AsyncSession, scope: Scope, station: str, *, limit: int = 50
) -> list[SecurityEvent]:
    """Return a station's security events, the newest first.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await equipment.owner_seen(db, scope, station)
    rows = await db.execute(
        text("""
            select at, received_at, details from station_events
            where station = :station and kind = 'security'
            order by received_at desc, id desc limit :limit
        """),
        {"station": station, "limit": limit},
    )
    return [
        SecurityEvent(
            str(row.details.get("type")),
            row.at,
            row.received_at,
            row.details.get("tech_info"),
            row.details.get("by") == "csms",
        )
        for row in rows
    ]
