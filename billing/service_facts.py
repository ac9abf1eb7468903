"""What decides an organisation's month of services, and the lines that follow from it.

Read in a few statements for a whole organisation, however many stations it has; computed purely
(`billing.services`).
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, zones
from billing import charges, ledger, service_prices, service_store, subscriptions
from billing.charges import Charge, ChargeKind
from billing.months import Month
from billing.services import (
    PACKAGE,
    Bounds,
    MonthOf,
    Per,
    PriceBook,
    Rule,
    Service,
    Span,
    Subscription,
    ZoneChange,
    known_before,
    month_of,
    running,
    spans,
    totals_by_day,
    zone_of_month,
)
from foundation.database import Database, Joint
from foundation.identifiers import OrganisationKey, PartyId, StationId

_CHARGE_POINTS: Final[Joint["ChargePoints"]] = Joint("billing.service_facts")


class ChargePoints(Protocol):
    """How many charge points stations have; fulfilled by csms."""

    async def charge_points(
        self, db: AsyncSession, stations: Sequence[StationId]
    ) -> Mapping[StationId, int]:
        """Return how many each has now; a station that has none may be missing."""
        ...


def join(database: Database, charge_points: ChargePoints) -> None:
    """Say for a database who counts charge points, for prices that are per each."""
    _CHARGE_POINTS.join(database, charge_points)


# ------------------------------------------------------------------------------ what is known


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that decides what one debtor's services come to in a month.

    Attributes:
        debtor: As `billing.charges` names it.
        organisation: Who that is; of a provider the one that invoices it.
        monitored: When its stations were monitored, and for whom.
        subscribed: When it had which other service.
        packages: When it paid for which package: scope, target, key.
        charge_points: Of its stations now; empty where no price is per each.
        cdrs: External CDRs on each day of the month while roaming was agreed.
    """

    debtor: str
    organisation: OrganisationKey
    bounds: Bounds
    day_ends: Sequence[datetime]
    prices: PriceBook
    monitored: Mapping[StationId, Sequence[Span]]
    subscribed: Mapping[Subscription, Sequence[Span]]
    packages: Mapping[tuple[str, str, str], Sequence[Span]]
    charge_points: Mapping[StationId, int]
    cdrs: Sequence[int]


async def bounds_of(db: AsyncSession, organisation: OrganisationKey, month: Month) -> Bounds:
    """Return an organisation's month, by the zone that it began with.

    Raises:
        NotFound: If there is no such organisation.
    """
    owner = await directory.organisation(db, organisation)
    changes = [
        ZoneChange(each.at, each.before, each.after)
        for each in await zones.changes(db, organisation)
    ]
    return Bounds.of(month, zone_of_month(month, owner.time_zone, changes))


async def facts(db: AsyncSession, organisation: OrganisationKey, month: Month) -> Facts:
    """Read what decides an organisation's month, as it is known now."""
    bounds = await bounds_of(db, organisation, month)
    prices = await service_prices.price_book(db, organisation)
    debtor = charges.organisation(organisation)
    monitored = spans(await service_store.switches(db, organisation, bounds.start, bounds.end))
    subscribed = await _subscribed(db, debtor, organisation, bounds)
    ends = bounds.day_ends()
    held: dict[tuple[str, str, str], list[Span]] = {}
    for each in await service_store.package_spans(db, organisation=organisation):
        held.setdefault((each.scope, each.target, each.package), []).append(each.span)
    return Facts(
        debtor=debtor,
        organisation=organisation,
        bounds=bounds,
        day_ends=ends,
        prices=prices,
        monitored=monitored,
        subscribed=subscribed,
        packages=held,
        charge_points=await charge_points(db, prices, list(monitored)),
        cdrs=await _cdrs(db, subscribed, bounds, ends, payee=organisation, payer=None),
    )


async def provider_facts(
    db: AsyncSession, provider: PartyId, operator: OrganisationKey, month: Month
) -> Facts:
    """Read what decides a provider's month, by the zone of the operator, who invoices it."""
    bounds = await bounds_of(db, operator, month)
    debtor = charges.provider(provider)
    subscribed = await _subscribed(db, debtor, operator, bounds)
    ends = bounds.day_ends()
    payer = ledger.receivable(provider).name
    return Facts(
        debtor=debtor,
        organisation=operator,
        bounds=bounds,
        day_ends=ends,
        prices=await service_prices.provider_book(db, provider),
        monitored={},
        subscribed=subscribed,
        packages={},
        charge_points={},
        cdrs=await _cdrs(db, subscribed, bounds, ends, payee=None, payer=payer),
    )


async def charge_points(
    db: AsyncSession, prices: PriceBook, stations: Sequence[StationId]
) -> Mapping[StationId, int]:
    """Return how many charge points stations have, where some price is per each."""
    per_each = any(
        price.per is Per.CHARGE_POINT for held in prices.prices.values() for price in held
    )
    if not per_each or not stations:
        return {}
    joined = _CHARGE_POINTS.of(db)
    assert joined is not None, "the program says who counts charge points"
    return await joined.charge_points(db, stations)


async def _subscribed(
    db: AsyncSession, debtor: str, organisation: OrganisationKey, bounds: Bounds
) -> dict[Subscription, list[Span]]:
    found: dict[Subscription, list[Span]] = {}
    for each in await subscriptions.subscriptions(db, [debtor], before=bounds.end):
        span = Span(organisation, each.active_from, each.active_to)
        found.setdefault(each.service, []).append(span)
    return found


async def _cdrs(
    db: AsyncSession,
    subscribed: Mapping[Subscription, Sequence[Span]],
    bounds: Bounds,
    ends: Sequence[datetime],
    *,
    payee: str | None,
    payer: str | None,
) -> list[int]:
    counted = [0] * len(ends)
    for span in subscribed.get(Subscription.ROAMING, ()):
        start = max(span.start, bounds.start)
        end = bounds.end if span.end is None else min(span.end, bounds.end)
        if start < end:
            days = await service_store.cdrs_by_day(db, start, end, ends, payee=payee, payer=payer)
            counted = [a + b for a, b in zip(counted, days, strict=True)]
    return counted


# ------------------------------------------------------------------------------ what it comes to


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One service (of one station) in one month.

    Attributes:
        key: Of its charge: natural, once per month.
        subject: What it is about, such as `station/CS-1`; None: the debtor as a whole.
        month: What it comes to, and why.
        unit: Of UN/ECE recommendation 20.
    """

    key: str
    kind: ChargeKind
    subject: str | None
    month: MonthOf
    unit: str

    def charge(self, debtor: str) -> Charge | None:
        """Return what is to be booked; None for nothing."""
        net = self.month.charged
        if net is None:
            return None
        price = self.month.price
        assert price is not None
        return Charge(
            key=self.key,
            kind=self.kind,
            debtor=debtor,
            quantity=Decimal(self.month.quantity),
            unit=self.unit,
            net=net,
            first_day=self.month.first_day,
            last_day=self.month.last_day,
            about=self.subject,
            details=self._details(price.kind),
        )

    def _details(self, kind: str) -> dict[str, Any]:
        price = self.month.price
        assert price is not None
        details: dict[str, Any] = {
            "rule": self.month.rule,
            "policy": price.policy,
            "price_list": price.price_list,
            "per": price.per,
            "unit_price": str(price.price.amount),
        }
        if kind.startswith(PACKAGE):
            details["package"] = kind.removeprefix(PACKAGE)
        return details


def service_lines(known: Facts, *, until: datetime | None = None) -> list[ServiceLine]:
    """Return what was active in the month, charged or waived, by station and service.

    Args:
        known: What decides it.
        until: Only as it was known just before this moment.
    """
    bounds, found = known.bounds, []
    for each in _services(known):
        seen = each.known if until is None else known_before(each.known, until)
        line = month_of(
            known.organisation,
            seen,
            bounds,
            known.prices,
            each.price,
            charge_points=each.charge_points,
        )
        if line is not None:
            found.append(ServiceLine(each.key, each.kind, each.subject, line, "MON"))
    fee = _cdr_fee(known, until)
    return found if fee is None else [*found, fee]


@dataclass(frozen=True, slots=True)
class _One:
    """A service of a debtor with all its times."""

    key: str
    kind: ChargeKind
    subject: str | None
    price: str
    known: Sequence[Span]
    charge_points: int = 0


def _services(known: Facts) -> list[_One]:
    month = known.bounds.month
    found = [
        _One(
            f"monitoring/{station}/{month}",
            ChargeKind.MONITORING,
            f"station/{station}",
            Service.MONITORING,
            times,
            known.charge_points.get(station, 0),
        )
        for station, times in sorted(known.monitored.items())
    ]
    for service, times in sorted(known.subscribed.items()):
        kind = ChargeKind(service.monthly.value)
        key = f"{kind}/{known.debtor}/{month}"
        found.append(_One(key, kind, None, service.monthly, times))
    for (scope, target, package), times in sorted(known.packages.items()):
        key = f"{PACKAGE}{scope}/{target}/{package}/{month}"
        kind = ChargeKind.SERVICE_PACKAGE
        subject = f"{scope}/{target}"
        found.append(_One(key, kind, subject, PACKAGE + package, times))
    return found


def _cdr_fee(known: Facts, until: datetime | None) -> ServiceLine | None:
    ends = known.day_ends
    days = len(ends) if until is None else bisect_left(ends, until) + 1
    count = sum(known.cdrs[:days])
    if not count:
        return None
    bounds = known.bounds
    times = [
        each
        for each in known.subscribed[Subscription.ROAMING]
        if each.start < bounds.end and (each.end is None or each.end > bounds.start)
    ]
    begun = max(bounds.start, times[0].start)
    price = known.prices.price(Service.ROAMING_CDRS, begun)
    net = None if price is None else (price.price * count).rounded()
    line = MonthOf(
        Rule.USED,
        net,
        price,
        count,
        bounds.day_of(begun),
        bounds.last_day,
        is_first=times[0].start >= bounds.start,
    )
    key = f"{Service.ROAMING_CDRS}/{known.debtor}/{bounds.month}"
    return ServiceLine(key, ChargeKind.ROAMING_CDRS, None, line, "C62")


def daily_totals(known: Facts, currency: str) -> list[Decimal]:
    """Return what the month would come to in a currency, as it stood at the end of each day."""
    steps = [
        running(
            known.organisation,
            each.known,
            known.bounds,
            known.prices,
            each.price,
            charge_points=each.charge_points,
            day_ends=known.day_ends,
            currency=currency,
        )
        for each in _services(known)
    ]
    totals = totals_by_day(steps, len(known.day_ends))
    fee = _cdr_fee(known, None)
    price = None if fee is None else fee.month.price
    if price is not None and price.price.currency == currency:
        count = 0
        for index, number in enumerate(known.cdrs):
            count += number
            totals[index] += (price.price * count).rounded().amount
    return totals
