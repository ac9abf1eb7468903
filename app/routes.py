"""Which events go to which readers: what every process addresses its events by.

Words only, so that a process which delivers nothing loads no reader.
"""

from typing import Final

from foundation.events import (
    AccountApproved,
    CommandChanged,
    DocumentIssued,
    LicenceMonthBegan,
    MonitoringActivated,
    MonitoringDeactivated,
    StatementIssued,
)

BILLING: Final = "billing"
MAILING: Final = "mailing"
DOCUMENTS: Final = "documents"
SUPPORT: Final = "support"
ALERTS: Final = "alerts"
SERVICES: Final = "services"
LICENCE_CHARGES: Final = "licence charges"

ROUTES: Final[dict[str, tuple[str, ...]]] = {
    "transaction_started": (BILLING,),
    "transaction_ended": (BILLING,),
    StatementIssued.kind: (MAILING,),
    DocumentIssued.kind: (DOCUMENTS,),
    CommandChanged.kind: (SUPPORT,),
    MonitoringActivated.kind: (ALERTS, SERVICES),
    MonitoringDeactivated.kind: (ALERTS, SERVICES),
    AccountApproved.kind: (LICENCE_CHARGES,),
    LicenceMonthBegan.kind: (LICENCE_CHARGES,),
}
"""Kind of event → readers."""
