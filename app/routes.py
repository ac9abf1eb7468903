"""Which events go to which readers: what every process addresses its events by.

Words only, so that a process which delivers nothing loads no reader.
"""

from typing import Final

from foundation.events import (
    AccountApproved,
    AlertChanged,
    CommandChanged,
    DocumentIssued,
    DriverConcerned,
    FaultCleared,
    FaultReported,
    LicenceMonthBegan,
    MonitoringActivated,
    MonitoringDeactivated,
    SecurityEventReported,
    SettlementReported,
    StatementIssued,
    StationCameBack,
    StationWentOffline,
)

BILLING: Final = "billing"
MAILING: Final = "mailing"
DOCUMENTS: Final = "documents"
DRIVERS: Final = "drivers"
SUPPORT: Final = "support"
ALERTS: Final = "alerts"
WATCH: Final = "watch"
SERVICES: Final = "services"
FIRST_AID: Final = "first aid"
NOTICES: Final = "notices"
TICKETS: Final = "tickets"
RULES: Final = "rules"
RULE_DEEDS: Final = "rule deeds"
LICENCE_CHARGES: Final = "licence charges"
PAYMENTS: Final = "payments"

ROUTES: Final[dict[str, tuple[str, ...]]] = {
    "transaction_started": (BILLING,),
    "transaction_ended": (BILLING,),
    StatementIssued.kind: (MAILING,),
    DocumentIssued.kind: (DOCUMENTS,),
    DriverConcerned.kind: (DRIVERS,),
    SettlementReported.kind: (PAYMENTS,),
    CommandChanged.kind: (SUPPORT,),
    MonitoringActivated.kind: (ALERTS, SERVICES),
    MonitoringDeactivated.kind: (ALERTS, SERVICES),
    StationWentOffline.kind: (WATCH,),
    StationCameBack.kind: (WATCH,),
    FaultReported.kind: (WATCH,),
    FaultCleared.kind: (WATCH,),
    SecurityEventReported.kind: (WATCH,),
    AlertChanged.kind: (FIRST_AID, NOTICES, RULES, RULE_DEEDS, TICKETS),
    AccountApproved.kind: (LICENCE_CHARGES,),
    LicenceMonthBegan.kind: (LICENCE_CHARGES,),
}
"""Kind of event → readers."""
