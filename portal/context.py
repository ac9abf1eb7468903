"""What every request of the portal needs, wired once in `app/compose.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from accounts.metering import MeteringPoints
from billing.closing import Closing
from billing.month_end import MonthEnd
from csms.metering_points import StationPoints
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Unavailable
from foundation.mail import Mails
from foundation.sealing import Sealer
from foundation.settings import Settings
from portal.limits import Limits
from portal.tier_rates import PointReads
from portal.visits import Visits
from portal.webhooks import Webhooks


@dataclass(frozen=True, kw_only=True)
class PortalContext:
    """The database, the clock, the settings, and what only the program knows.

    `is_listening` tells whether the stations' listener is up. The rooms' faces are modules whose
    functions take a unit of work; they are imported where they are called.
    """

    database: Database
    clock: Clock
    settings: Settings
    closing: Closing
    sealer: Sealer
    month_end: MonthEnd | None = None
    mails: Mails | None = None
    webhooks: Webhooks | None = None
    limits: Limits = field(default_factory=Limits)
    visits: Visits = field(default_factory=Visits)
    metering: MeteringPoints = field(default_factory=StationPoints)
    point_reads: PointReads = field(default_factory=PointReads)
    is_listening: Callable[[], bool] = field(default=lambda: True)

    @property
    def public_url(self) -> str:
        """How people reach the portal, for links in mails, without a slash at the end.

        Never by what a request says of its host: whoever asks for another's reset says that.
        """
        return self.settings.reached_at

    @property
    def months(self) -> MonthEnd:
        """What runs months; one that does no runs beside the request, where none was given."""
        return self.month_end or MonthEnd(self.database, self.closing, self.clock)

    def mails_or_refuse(self) -> Mails:
        """Return the sender of mails.

        Raises:
            Unavailable: If this program writes none.
        """
        if self.mails is None:
            raise Unavailable("No mails can be written here.")
        return self.mails

    def webhooks_or_refuse(self) -> Webhooks:
        """Return what makes webhooks.

        Raises:
            Unavailable: If this program sends none.
        """
        if self.webhooks is None:
            raise Unavailable("No webhooks can be made here.")
        return self.webhooks


def context_of(request: HTTPConnection) -> PortalContext:
    """Return the context of the application that this request reached."""
    context = request.app.state.context
    assert isinstance(context, PortalContext)
    return context
