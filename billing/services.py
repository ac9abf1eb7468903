"""What a service costs in a month: monitoring, invoicing, credit notes, roaming, packages.

One rule decides them all: a calendar month is billed, once and in full, if and only if the service
is active at the last instant of that month, in the billing entity's zone. Whoever switches off in
a month does not pay for it; whoever switches on pays the whole of it. A price list may say
otherwise for the first month (`Policy.FIRST_MONTH`).

Months are half-open, and so is a service's time: [start, end).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from billing.months import Month
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money


class Service(StrEnum):
    """What has a price; a package's is `service_package/` and its key."""

    MONITORING = "monitoring"
    AUTOMATED_INVOICING = "automated_invoicing"
    CREDIT_NOTES = "credit_notes"
    """Credit notes to owners, made at the month's end."""
    ROAMING_BASE = "roaming_base"
    ROAMING_CDRS = "roaming_cdrs"
    MAINTENANCE = "maintenance"
    INTERVENTION = "intervention"


PACKAGE: Final = "service_package/"
"""What the kind of a package's price begins with."""


class Policy(StrEnum):
    """What a month costs in which a service was switched off."""

    LITERAL = "literal"
    """Nothing, whatever went before."""
    FIRST_MONTH = "first_month_always_charged"
    """Nothing, unless it was switched on in that same month."""


class Per(StrEnum):
    """What a price is for, once each."""

    STATION = "station"
    CHARGE_POINT = "charge_point"
    """As many as the station has at the month's end."""
    MONTH = "month"
    CDR = "cdr"
    JOB = "job"


UNITS: Final[Mapping[Service, tuple[Per, ...]]] = {
    Service.MONITORING: (Per.STATION, Per.CHARGE_POINT),
    Service.AUTOMATED_INVOICING: (Per.MONTH,),
    Service.CREDIT_NOTES: (Per.MONTH,),
    Service.ROAMING_BASE: (Per.MONTH,),
    Service.ROAMING_CDRS: (Per.CDR,),
    Service.MAINTENANCE: (Per.JOB,),
    Service.INTERVENTION: (Per.JOB,),
}
"""What each service may be priced by; the first is the default."""


class Subscription(StrEnum):
    """What somebody has from a day on, and pays by the month."""

    AUTOMATED_INVOICING = "automated_invoicing"
    CREDIT_NOTES = "credit_notes"
    ROAMING = "roaming"
    """A monthly base, and a fee for each CDR."""

    @property
    def is_issuers(self) -> bool:
        """Whether only who issues the papers can have it: of others it would change nothing."""
        return self is not Subscription.ROAMING

    @property
    def monthly(self) -> Service:
        """The service whose price is the monthly one."""
        return Service.ROAMING_BASE if self is Subscription.ROAMING else Service(self.value)


# ------------------------------------------------------------------------------------- prices


@dataclass(frozen=True, slots=True)
class ServicePrice:
    """An exact net price by a list, from `valid_from` on."""

    kind: str
    per: Per
    price: Money
    policy: Policy
    price_list: str
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Which price holds for one debtor, at any moment.

    Args:
        levels: By which list is paid since when, oldest first: the debtor's own, then those of
            the organisations above him, the nearest first.
        prices: By list and kind, oldest first.
    """

    levels: Sequence[Sequence[tuple[datetime, str]]] = ()
    prices: Mapping[tuple[str, str], Sequence[ServicePrice]] = field(default_factory=dict)

    def price(self, kind: str, at: datetime) -> ServicePrice | None:
        """Return the price that holds at a moment; None: none was agreed, so it costs nothing."""
        for level in self.levels:
            place = bisect_right(level, at, key=lambda each: each[0])
            if place:
                held = self.prices.get((level[place - 1][1], kind), ())
                found = bisect_right(held, at, key=lambda each: each.valid_from)
                return held[found - 1] if found else None
        return None


# ------------------------------------------------------------------------------------- months


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """At a moment an organisation's time zone became another."""

    at: datetime
    before: str
    after: str


def zone_of_month(month: Month, present: str, changes: Sequence[ZoneChange]) -> ZoneInfo:
    """Return the zone that an organisation's month is counted by.

    A change of zone takes effect from the next month: the one in which it was made ends by the
    zone that it began with.

    Args:
        month: Which month.
        present: The organisation's zone now.
        changes: Those it had, in any order.
    """
    ordered = sorted(changes, key=lambda each: each.at)
    held = ordered[0].before if ordered else present
    for change in ordered:
        if Month.of(change.at, ZoneInfo(held)).first_day >= month.first_day:
            break
        held = change.after
    return ZoneInfo(held)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A month of a billing entity: from `start` to before `end`, in UTC, whatever its hours."""

    month: Month
    zone: ZoneInfo
    start: datetime
    end: datetime

    @classmethod
    def of(cls, month: Month, zone: ZoneInfo) -> "Bounds":
        """Return the bounds of a month in a zone."""
        return cls(month, zone, month.start(zone), month.end(zone))

    @property
    def last_day(self) -> date:
        return self.month.next.first_day - timedelta(days=1)

    def day_of(self, at: datetime) -> date:
        """Return the day of a moment, or the nearest one of the month."""
        return min(max(at.astimezone(self.zone).date(), self.month.first_day), self.last_day)

    def day_ends(self) -> list[datetime]:
        """Return the moment at which each day of the month is over, in UTC."""
        first = self.month.first_day
        count = (self.last_day - first).days
        midnights = (first + timedelta(days=each + 1) for each in range(count))
        utc = self.end.tzinfo
        return [
            datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(utc)
            for day in midnights
        ] + [self.end]


# ------------------------------------------------------------------------------------- spans


@dataclass(frozen=True, slots=True)
class Switch:
    """A station's monitoring was switched on or off; `number` orders those of one instant."""

    station: StationId
    organisation: OrganisationKey
    at: datetime
    is_on: bool
    number: int


@dataclass(frozen=True, slots=True)
class Span:
    """A service was active for an organisation in [start, end); without an end it still is."""

    organisation: OrganisationKey
    start: datetime
    end: datetime | None = None

    def covers_last_instant(self, before: datetime) -> bool:
        """Tell whether it was active just before a moment."""
        return self.start < before and (self.end is None or self.end >= before)


def spans(switches: Iterable[Switch]) -> dict[StationId, list[Span]]:
    """Return when each station was monitored, and for whom: the same in whatever order they came.

    Switching on what is on changes nothing, nor does switching off what is off. Whoever switches
    on a station that is another's ends that one's time, as the move of the station did.
    """
    found: dict[StationId, list[Span]] = {}
    for each in sorted(switches, key=lambda each: (each.station, each.at, each.number)):
        known = found.setdefault(each.station, [])
        present = known[-1] if known and known[-1].end is None else None
        is_same = present is not None and present.organisation == each.organisation
        if each.is_on != is_same:
            if present is not None and (is_same or each.is_on):
                known[-1] = Span(present.organisation, present.start, each.at)
            if each.is_on:
                known.append(Span(each.organisation, each.at))
    return found


def known_before(known: Sequence[Span], moment: datetime) -> list[Span]:
    """Return the spans as they were known just before a moment."""
    return [
        each if each.end is None or each.end < moment else Span(each.organisation, each.start, None)
        for each in known
        if each.start < moment
    ]


# ------------------------------------------------------------------------------------- the rule


class Rule(StrEnum):
    """Why a month of a service costs what it does."""

    ACTIVE_AT_END = "active_at_month_end"
    FIRST_MONTH = "first_month_always_charged"
    WAIVED = "waived_by_deactivation"
    USED = "used"
    """As often as it was used."""


@dataclass(frozen=True, slots=True)
class MonthOf:
    """A month in which a service was active at some time: what it costs, and why.

    Attributes:
        rule: By which it is charged, or waived.
        net: Rounded; what was waived, if it was.
        price: None: none was agreed.
        quantity: How many times the price.
        first_day: From the day on which it was switched on, if that was in the month; never pro
            rata.
        last_day: The month's, or the day on which it was switched off.
        is_first: It was switched on in this month.
    """

    rule: Rule
    net: Money | None
    price: ServicePrice | None
    quantity: int
    first_day: date
    last_day: date
    is_first: bool

    @property
    def is_charged(self) -> bool:
        return self.rule is not Rule.WAIVED

    @property
    def charged(self) -> Money | None:
        """What is to be paid; None for nothing."""
        return self.net if self.is_charged and self.net is not None and self.net.amount else None


def month_of(
    organisation: OrganisationKey,
    known: Sequence[Span],
    bounds: Bounds,
    prices: PriceBook,
    kind: str = Service.MONITORING,
    *,
    charge_points: int = 0,
) -> MonthOf | None:
    """Return what a month of a service comes to for an organisation.

    A station's month belongs to whom it was active for last: one station and month can give at
    most one line.

    Args:
        organisation: Who is asked to pay.
        known: All spans of one service (of one station), oldest first.
        bounds: The month.
        prices: The organisation's.
        kind: The kind of the price.
        charge_points: How many the station has at the month's end, where a price is per each.

    Returns:
        None if it was not active for the organisation in the month.
    """
    inside = [
        each
        for each in known
        if each.start < bounds.end and (each.end is None or each.end > bounds.start)
    ]
    own = [each for each in inside if each.organisation == organisation]
    if not own:
        return None
    last = own[-1]
    # A new price list never changes a month that has begun.
    price = prices.price(kind, max(bounds.start, last.start))
    quantity = charge_points if price is not None and price.per is Per.CHARGE_POINT else 1
    ends = last.covers_last_instant(bounds.end)
    if ends:
        rule = Rule.ACTIVE_AT_END
    elif (
        price is not None
        and price.policy is Policy.FIRST_MONTH
        and last.start >= bounds.start
        and inside[-1] is last
    ):
        rule = Rule.FIRST_MONTH
    else:
        rule = Rule.WAIVED
    first_day = bounds.day_of(max(last.start, bounds.start))
    last_day = bounds.last_day
    if last.end is not None and not ends:
        last_day = max(first_day, bounds.day_of(last.end - timedelta(microseconds=1)))
    net = None if price is None else (price.price * quantity).rounded()
    return MonthOf(
        rule, net, price, quantity, first_day, last_day, is_first=last.start >= bounds.start
    )


# ------------------------------------------------------------------------------------- outlook


class Outlook(StrEnum):
    """What can still become of a month that runs."""

    IF_STILL_ACTIVE = "charged_if_still_active_on_the_last_day"
    """And waived if it is switched off by then."""
    IN_ANY_CASE = "charged_in_any_case"
    WAIVED = "waived_by_deactivation"
    """And charged again if it is switched on again."""
    CERTAIN = "certain"
    """The month is over, or it is for what was used."""


def outlook(line: MonthOf, *, is_over: bool) -> Outlook:
    """Return what can still become of a line, as it is known now."""
    if line.rule is Rule.WAIVED:
        return Outlook.WAIVED
    if is_over or line.rule is Rule.USED:
        return Outlook.CERTAIN
    # Whoever switches off in the month of his switching on pays, where the list says so.
    bound = line.price is not None and line.price.policy is Policy.FIRST_MONTH
    if line.rule is Rule.FIRST_MONTH or (bound and line.is_first):
        return Outlook.IN_ANY_CASE
    return Outlook.IF_STILL_ACTIVE


def running(
    organisation: OrganisationKey,
    known: Sequence[Span],
    bounds: Bounds,
    prices: PriceBook,
    kind: str = Service.MONITORING,
    *,
    charge_points: int = 0,
    day_ends: Sequence[datetime],
    currency: str,
) -> list[tuple[int, Decimal]]:
    """Return what a month would come to in a currency as it stood at the end of each of its days.

    Returns:
        The index of a day, and the amount from then on until the next: only where it may change.
    """
    moments = [each for span in known for each in (span.start, span.end) if each is not None]
    changed = {0} | {
        bisect_right(day_ends, each) for each in moments if bounds.start <= each < bounds.end
    }
    found: list[tuple[int, Decimal]] = []
    for index in sorted(each for each in changed if each < len(day_ends)):
        line = month_of(
            organisation,
            known_before(known, day_ends[index]),
            bounds,
            prices,
            kind,
            charge_points=charge_points,
        )
        charged = None if line is None else line.charged
        is_meant = charged is not None and charged.currency == currency
        found.append((index, charged.amount if charged is not None and is_meant else Decimal(0)))
    return found


def totals_by_day(steps: Iterable[Sequence[tuple[int, Decimal]]], days: int) -> list[Decimal]:
    """Return the sum of what `running` gave for many services, for each day."""
    differences = [Decimal(0)] * days
    for each in steps:
        before = Decimal(0)
        for index, amount in each:
            differences[index] += amount - before
            before = amount
    totals: list[Decimal] = []
    for difference in differences:
        totals.append(difference + (totals[-1] if totals else 0))
    return totals
