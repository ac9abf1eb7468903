"""Switching automated invoicing, credit notes and roaming, as every door does it.

Off until somebody switches them on, who is told what it costs; who may press is the door's.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, cost_releases, directory
from accounts.audit import Actor
from accounts.cost_releases import Cost, CostRelease, ReleaseState
from billing import charges, service_prices, subscriptions
from billing.services import PriceBook, ServicePrice, Subscription
from billing.subscriptions import NotOffered
from foundation.identifiers import OrganisationKey, PartyId
from foundation.money import Money

ACTIVATE: Final = "service.activate"
DEACTIVATE: Final = "service.deactivate"
ASK: Final = "service.ask"
_END: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Debtor:
    """Who has a service: an organisation, or a provider whom the operator invoices."""

    name: str
    organisation: OrganisationKey
    currency: str
    prices: PriceBook

    @classmethod
    async def of_organisation(cls, db: AsyncSession, key: OrganisationKey) -> "Debtor":
        """Return an organisation with its prices."""
        owner = await directory.organisation(db, key)
        prices = await service_prices.price_book(db, key)
        return cls(charges.organisation(key), key, owner.currency, prices)

    @classmethod
    async def of_provider(cls, db: AsyncSession, party: PartyId) -> "Debtor":
        """Return a provider with its prices; its costs are released by the operator's people."""
        operator = await directory.root(db)
        prices = await service_prices.provider_book(db, party)
        return cls(charges.provider(party), operator.key, operator.currency, prices)


@dataclass(frozen=True, slots=True)
class SubscribedNow:
    """A service of a debtor, and what it costs; `fee` is that of each CDR, for roaming."""

    service: Subscription
    since: datetime | None
    price: ServicePrice | None
    fee: ServicePrice | None
    cost: Cost
    changed: bool = False
    release: CostRelease | None = None

    @property
    def waits(self) -> bool:
        """Whether a second person has to release it."""
        return self.release is not None and self.release.state is ReleaseState.WAITING


async def read(
    db: AsyncSession, debtor: Debtor, service: Subscription, *, now: datetime
) -> SubscribedNow:
    """Return whether a debtor has a service, and what it costs from now on."""
    held = await subscriptions.subscriptions(db, [debtor.name], before=_END)
    active = [each for each in held if each.service is service and each.active_to is None]
    price = debtor.prices.price(service.monthly, now)
    fee = None
    if service is Subscription.ROAMING:
        fee = debtor.prices.price("roaming_cdrs", now)
    monthly = Money.zero(debtor.currency) if price is None else price.price.rounded()
    return SubscribedNow(
        service,
        active[0].active_from if active else None,
        price,
        fee,
        Cost(monthly, monthly * 12),
    )


async def offered(db: AsyncSession, debtor: Debtor, *, now: datetime) -> list[SubscribedNow]:
    """Return what a debtor can have, and what he has."""
    found = [await read(db, debtor, each, now=now) for each in Subscription]
    return [
        each
        for each in found
        if each.since is not None or await subscriptions.is_offered(db, debtor.name, each.service)
    ]


async def switch_on(
    db: AsyncSession, debtor: Debtor, service: Subscription, *, by: Actor, now: datetime
) -> SubscribedNow:
    """Give a debtor a service; what he has already is not given again.

    Raises:
        NotOffered: If it would have no effect for him.
    """
    if not await subscriptions.is_offered(db, debtor.name, service):
        raise NotOffered(service)
    await _one_at_a_time(db, debtor, service)
    before = await read(db, debtor, service, now=now)
    if before.since is not None:
        return before
    subject = f"{debtor.name}/{service}"
    release = await cost_releases.release(
        db, debtor.organisation, ACTIVATE, subject, before.cost, by=by, now=now
    )
    told = {"service": service, "per_year": before.cost.per_year.text}
    if release.state is ReleaseState.WAITING:
        if release.at == now and release.released_by == by.id:
            await _record(db, ASK, debtor, subject, told, by, now)
    else:
        await subscriptions.switch_on(db, debtor.name, service, by=by.id, now=now)
        await _record(db, ACTIVATE, debtor, subject, told, by, now)
    is_on = release.state is ReleaseState.RELEASED
    return SubscribedNow(
        service,
        now if is_on else None,
        before.price,
        before.fee,
        before.cost,
        changed=is_on,
        release=release,
    )


async def switch_off(
    db: AsyncSession, debtor: Debtor, service: Subscription, *, by: Actor, now: datetime
) -> SubscribedNow:
    """End a debtor's service at once."""
    await _one_at_a_time(db, debtor, service)
    ended = await subscriptions.switch_off(db, debtor.name, service, by=by.id, now=now)
    after = await read(db, debtor, service, now=now)
    if ended:
        subject = f"{debtor.name}/{service}"
        await _record(db, DEACTIVATE, debtor, subject, {"service": service}, by, now)
    return SubscribedNow(service, None, after.price, after.fee, after.cost, changed=ended)


async def _one_at_a_time(db: AsyncSession, debtor: Debtor, service: Subscription) -> None:
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"service/{debtor.name}/{service}"},
    )


async def _record(
    db: AsyncSession,
    deed: str,
    debtor: Debtor,
    subject: str,
    after: dict[str, str],
    by: Actor,
    now: datetime,
) -> None:
    await audit.record(
        db, by, deed, subject, organisation=debtor.organisation, after=after, now=now
    )
