"""What alerts do by themselves.

They confirm to people that monitoring was switched on or ended, and take what stations say of
themselves to the watch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import raising, sightings
from alerts.letters import confirmation
from foundation.clock import Clock
from foundation.errors import NotFound
from foundation.events import (
    EvseEvent,
    MonitoringActivated,
    MonitoringDeactivated,
    StationEvent,
)
from foundation.mail import InvalidAddress, Mails
from foundation.outbox import Delivery, Subscription

log = structlog.get_logger(__name__)

READER: Final = "alerts"
WATCH: Final = "watch"
KINDS: Final = (MonitoringActivated.kind, MonitoringDeactivated.kind)


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Writes to who clicked and to the organisation's contact, once per real change.

    The change was committed before; a mail that cannot be written takes nothing back.
    """

    mails: Mails

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Write the mails of each change."""
        operator = await directory.root(db)
        for each in deliveries:
            event = each.event
            assert isinstance(event, MonitoringActivated | MonitoringDeactivated)
            owner = await directory.organisation(db, event.organisation)
            zone = ZoneInfo(owner.time_zone)
            for address, (name, language) in (await self._recipients(db, event, owner)).items():
                mail = confirmation(
                    event,
                    recipient=address,
                    name=name,
                    language=language,
                    zone=zone,
                    signature=operator.name,
                )
                try:
                    await self.mails.post(db, mail, key=f"monitoring/{each.event_id}/{address}")
                except InvalidAddress:
                    log.warning("monitoring.no_address", organisation=owner.key)

    async def _recipients(
        self,
        db: AsyncSession,
        event: MonitoringActivated | MonitoringDeactivated,
        owner: directory.Organisation,
    ) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        if owner.email is not None:
            found[owner.email] = (owner.name, owner.language)
        kind, _, number = event.by.partition("/")
        if kind == "person" and number.isdecimal():
            try:
                person = await directory.person(db, int(number))
            except NotFound:
                log.warning("monitoring.unknown_person", person=event.by)
            else:
                if person.email is not None:
                    found[person.email] = (person.name, person.language)
        return found


def subscription(mails: Mails) -> Subscription:
    """Return alerts' reader for the program."""
    return Subscription(READER, KINDS, Confirmations(mails))


@dataclass(frozen=True, slots=True)
class Sightings:
    """Reports what stations say of themselves; what was not let in, or left, is nobody's."""

    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Report what a batch of events shows, in their order."""
        events = [
            each.event for each in deliveries if isinstance(each.event, StationEvent | EvseEvent)
        ]
        sites = await raising.sites(db, {each.station for each in events})
        findings = [
            finding
            for each in events
            if (site := sites.get(each.station)) is not None and site.is_accepted
            for finding in sightings.findings_of(each, site.organisation)
        ]
        await raising.report(db, findings, now=self.clock.now())


def watch(clock: Clock) -> Subscription:
    """Return the watch's reader for the program."""
    return Subscription(WATCH, sightings.KINDS, Sightings(clock))
