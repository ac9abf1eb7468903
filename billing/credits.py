"""The prepaid wallet's rules: what credits cost, what they buy, and for how long.

Credits are whole numbers. They are bought at the price of a table and never expire; remote access
to a station is bought with them for 1 or 12 months.
"""

import itertools
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import Conflict, InvalidInput
from foundation.money import Money

CURRENCY: Final = "EUR"
"""The tables are in millionths of a euro; currencies are never converted."""

LARGEST_ORDER: Final = 1_000_000
RUNTIMES: Final = (1, 12)
"""The runtimes of remote access, in months."""
WARNINGS_DAYS: Final = (7, 1)
"""So long before the end of a term we warn, if the balance will not do for the renewal."""

_MICRO_DIGITS: Final = 6


class CreditService(StrEnum):
    """What a booking is for; all but the purchase have a price in credits."""

    PURCHASE = "purchase"
    SMS = "sms"
    REMOTE_1 = "remote_1"
    REMOTE_12 = "remote_12"
    PORTAL_USE = "portal_use"


SHIPPED_PRICES: Final = {
    CreditService.SMS: 1,
    CreditService.REMOTE_1: 50,
    CreditService.REMOTE_12: 240,
    CreditService.PORTAL_USE: 0,
}
"""What services cost in credits until somebody says otherwise."""


def remote_access(months: int) -> CreditService:
    """Return the service of a runtime.

    Raises:
        InvalidInput: If the runtime is neither 1 nor 12 months.
    """
    if months not in RUNTIMES:
        raise InvalidInput("Remote access runs for 1 or 12 months.", field="months")
    return CreditService.REMOTE_1 if months == 1 else CreditService.REMOTE_12


class NotEnoughCredits(Conflict):
    """The account has fewer free credits than this takes; nothing was set aside or booked."""

    code = "not_enough_credits"

    def __init__(self, *, needed: int, available: int) -> None:
        self.needed = needed
        self.available = available
        super().__init__(f"This takes {needed} credits; {available} are available.")


# ------------------------------------------------------------------------------------- prices


@dataclass(frozen=True, slots=True)
class Tier:
    """From how many credits in one order on each costs how much, in millionths of a euro, net."""

    quantity: int
    unit_price_micro: int


SHIPPED_TIERS: Final = (
    Tier(1, 119_000),
    Tier(250, 114_000),
    Tier(500, 109_000),
    Tier(1000, 104_000),
    Tier(2500, 99_000),
)
"""The price list until somebody sets another. The first line is the list price."""


def check_tiers(tiers: Sequence[Tier]) -> list[str]:
    """Return what is wrong with a price list; it is sorted by quantity and begins with 1."""
    problems = []
    if not tiers or tiers[0].quantity != 1:
        problems.append("The first line is the list price, from 1 credit on.")
    for before, after in itertools.pairwise(tiers):
        if after.quantity <= before.quantity:
            problems.append(f"{after.quantity} stands behind {before.quantity}.")
        if after.unit_price_micro >= before.unit_price_micro:
            problems.append(f"From {after.quantity} on a credit costs no less than before.")
    problems += [
        f"The price from {each.quantity} on is not above zero."
        for each in tiers
        if each.unit_price_micro <= 0
    ]
    return problems


@dataclass(frozen=True, slots=True)
class Offer:
    """What an order of so many credits costs.

    Args:
        quantity: How many.
        unit_price_micro: Of each of them, by the tier of the whole order.
        list_price_micro: Of one alone.
        net: The whole, without tax, rounded once.
        cheaper: A larger order that costs less in total; None if there is none.
    """

    quantity: int
    unit_price_micro: int
    list_price_micro: int
    net: Money
    cheaper: "Offer | None" = None

    @property
    def discount(self) -> Decimal:
        """How much less than the list price, as a share of it; exact to six digits."""
        saved = self.list_price_micro - self.unit_price_micro
        return round(Decimal(saved) / self.list_price_micro, _MICRO_DIGITS)

    @property
    def unit_price(self) -> Money:
        return euros(self.unit_price_micro)


def euros(micro: int) -> Money:
    """Return millionths of a euro as an exact amount."""
    return Money(Decimal(micro).scaleb(-_MICRO_DIGITS), CURRENCY)


def offer(quantity: int, tiers: Sequence[Tier]) -> Offer:
    """Return what an order costs: all of it at the price of its tier, rounded once.

    Args:
        quantity: How many credits.
        tiers: A price list without problems (see `check_tiers`).

    Raises:
        InvalidInput: If nobody can order so many.
    """
    if not 1 <= quantity <= LARGEST_ORDER:
        raise InvalidInput(
            f"An order has 1 to {LARGEST_ORDER} credits, not {quantity}.", field="quantity"
        )
    plain = _plain(quantity, tiers)
    larger = [_plain(each.quantity, tiers) for each in tiers if each.quantity > quantity]
    # What a tier costs at least is its first order, so no other larger one can be cheaper.
    best = min(larger, key=lambda each: (each.net.amount, -each.quantity), default=None)
    if best is None or best.net >= plain.net:
        return plain
    return Offer(plain.quantity, plain.unit_price_micro, plain.list_price_micro, plain.net, best)


def _plain(quantity: int, tiers: Sequence[Tier]) -> Offer:
    held = [each for each in tiers if each.quantity <= quantity][-1]
    net = euros(quantity * held.unit_price_micro).rounded()
    return Offer(quantity, held.unit_price_micro, tiers[0].unit_price_micro, net)


# ------------------------------------------------------------------------------------- balance


def balances(quantities: Iterable[int], *, before: int = 0) -> list[int]:
    """Return the balance after each booking; asserts that it never was below zero."""
    found = []
    for each in quantities:
        before += each
        assert before >= 0, "a wallet is never below zero"
        found.append(before)
    return found


# ------------------------------------------------------------------------------------- terms


def months_on(day: date, months: int) -> date:
    """Return the day so many months on, or the last one of a month that is too short for it."""
    place = day.year * 12 + day.month - 1 + months
    year, month = place // 12, place % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def term_end(origin_at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, so many months behind an origin, at the same time of the day.

    Ends are counted from the origin, never from an earlier end: from 31 January the ends are 28
    February, 31 March, and so on.
    """
    local = origin_at.astimezone(zone)
    day = months_on(local.date(), months)
    return datetime.combine(day, local.time(), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Term:
    """A paid term in [valid_from, valid_to), in a chain that began at `origin_at`."""

    valid_from: datetime
    valid_to: datetime
    months: int
    origin_at: datetime
    months_before: int

    def holds(self, now: datetime) -> bool:
        """Tell whether the term has begun and is not over."""
        return self.valid_from <= now < self.valid_to


def first_term(now: datetime, months: int, zone: ZoneInfo) -> Term:
    """Return the term that begins now."""
    return Term(now, term_end(now, months, zone), months, now, 0)


def next_term(last: Term, months: int, zone: ZoneInfo, now: datetime) -> Term:
    """Return the term of a renewal: it begins where the last one ended.

    One that would be over by now, since nobody looked for so long, begins now instead: nobody pays
    for time in which he could not use it.
    """
    before = last.months_before + last.months
    ends = term_end(last.origin_at, before + months, zone)
    if ends <= now:
        return first_term(now, months, zone)
    return Term(last.valid_to, ends, months, last.origin_at, before)


def due_warning(until: datetime, now: datetime, warned_days: int | None) -> int | None:
    """Return how many days before the end to warn now; None if there is nothing to say (again).

    A run that was missed warns only by the latest that is due.
    """
    if now >= until:
        return None
    due = [each for each in WARNINGS_DAYS if now >= until - timedelta(days=each)]
    if not due or (warned_days is not None and warned_days <= due[-1]):
        return None
    return due[-1]


def uncovered(costs: Sequence[int], available: int) -> list[bool]:
    """Tell of renewals in the order in which they fall due which the balance will not do for.

    One that cannot be paid takes nothing, so a cheaper one behind it may be covered.
    """
    found = []
    for each in costs:
        is_short = each > available
        found.append(is_short)
        available -= 0 if is_short else each
    return found
