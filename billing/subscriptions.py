"""Face: who has which service besides monitoring, since when: invoicing, credit notes, roaming.

All are off until somebody switches them on, with a release of what they cost; fees are charged
only where they were agreed. Who issues the papers has the first two: they decide which papers a
month's end makes, and nothing else does.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import charges, service_store
from billing.services import Subscription
from foundation.errors import Conflict

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Somebody has a service in [active_from, active_to); `debtor` as `billing.charges` has it."""

    debtor: str
    service: Subscription
    active_from: datetime
    active_to: datetime | None


class NotOffered(Conflict):
    """A service that only who issues the papers can have."""

    code = "service_not_offered"

    def __init__(self, service: Subscription) -> None:
        super().__init__(
            f"Only who issues the papers can have {service}: for others it would change nothing."
        )


async def is_offered(db: AsyncSession, debtor: str, service: Subscription) -> bool:
    """Tell whether a service would have an effect for somebody, and so can be switched on."""
    if not service.is_issuers:
        return True
    return debtor == charges.organisation((await directory.root(db)).key)


async def switch_on(
    db: AsyncSession, debtor: str, service: Subscription, *, by: str, now: datetime
) -> bool:
    """Give somebody a service from now on; False if he has it: nothing was changed.

    Raises:
        NotOffered: If it would have no effect for him.
    """
    if not await is_offered(db, debtor, service):
        raise NotOffered(service)
    return await service_store.start_subscription(db, debtor, service, by=by, now=now)


async def switch_off(
    db: AsyncSession, debtor: str, service: Subscription, *, by: str, now: datetime
) -> bool:
    """End somebody's service at once; False if he had it not."""
    return await service_store.end_subscription(db, debtor, service, by=by, now=now)


async def subscriptions(
    db: AsyncSession, debtors: Collection[str] | None, *, before: datetime
) -> list[Subscribed]:
    """Return what somebody has or had that began before a moment; None: everybody's."""
    return [
        Subscribed(debtor, Subscription(kind), start, end)
        for debtor, kind, start, end in await service_store.subscriptions(
            db, debtors, before=before
        )
    ]


async def has_for_month(
    db: AsyncSession, debtor: str, service: Subscription, *, ends_at: datetime
) -> bool:
    """Tell whether somebody has a service at a month's last instant: then the month is charged."""
    return await has(db, debtor, service, at=ends_at - _TICK)


async def has(db: AsyncSession, debtor: str, service: Subscription, *, at: datetime) -> bool:
    """Tell whether somebody has a service at a moment."""
    return any(
        each.service is service
        and each.active_from <= at
        and (each.active_to is None or at < each.active_to)
        for each in await subscriptions(db, [debtor], before=at.max.replace(tzinfo=at.tzinfo))
    )
