"""Which events go to which readers: the one table of the program's wiring by events."""

from billing import handlers as billing_handlers
from billing.mailing import StatementMailer
from billing.pricing import SharingTerms
from foundation import outbox
from foundation.clock import Clock
from foundation.events import StatementIssued
from foundation.mail import Mails
from foundation.outbox import Subscription

BILLING = billing_handlers.READER
MAILING = "mailing"

ROUTES: dict[str, tuple[str, ...]] = {
    "transaction_started": (BILLING,),
    "transaction_ended": (BILLING,),
    StatementIssued.kind: (MAILING,),
}
"""Kind of event → readers: what every process addresses its events by."""


def subscriptions(sharing: SharingTerms, clock: Clock, mails: Mails) -> list[Subscription]:
    """Return the readers of the process that delivers; they are exactly those of `ROUTES`."""
    made = [
        billing_handlers.subscription(sharing, clock),
        Subscription(MAILING, (StatementIssued.kind,), StatementMailer(mails, clock)),
    ]
    assert dict(outbox.routes(made)) == ROUTES
    return made
