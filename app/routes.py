"""Which events go to which readers: what every process addresses its events by.

Words only, so that a process which delivers nothing loads no reader.
"""

from typing import Final

from foundation.events import StatementIssued

BILLING: Final = "billing"
MAILING: Final = "mailing"

ROUTES: Final[dict[str, tuple[str, ...]]] = {
    "transaction_started": (BILLING,),
    "transaction_ended": (BILLING,),
    StatementIssued.kind: (MAILING,),
}
"""Kind of event → readers."""
