"""Which events go to which readers: what every process addresses its events by.

Words only, so that a process which delivers nothing loads no reader.
"""

from typing import Final

from foundation.events import CommandChanged, StatementIssued

BILLING: Final = "billing"
MAILING: Final = "mailing"
SUPPORT: Final = "support"

ROUTES: Final[dict[str, tuple[str, ...]]] = {
    "transaction_started": (BILLING,),
    "transaction_ended": (BILLING,),
    StatementIssued.kind: (MAILING,),
    CommandChanged.kind: (SUPPORT,),
}
"""Kind of event → readers."""
