"""Tariffs as OCPI has them: which price holds when. `billing.tariff_json` reads and writes them.

Source: OCPI 2.2.1, chapter 11 (Tariffs module), with the corrections of its bug-fix edition.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Final


class Dimension(StrEnum):
    """What a price component puts a price on (OCPI: TariffDimensionType)."""

    FLAT = "FLAT"
    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"

    __hash__ = str.__hash__  # an enum's own is a call of Python's, for each price looked up


class ReservationRestriction(StrEnum):
    """Which reservations a tariff element is for (OCPI: ReservationRestrictionType)."""

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


class TariffType(StrEnum):
    """Which wishes of the driver a tariff is for; none is for all."""

    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


class DayOfWeek(StrEnum):
    """The days in the order of `date.weekday()`."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceComponent:
    """The price of one dimension.

    Attributes:
        price: Excluding VAT, per kWh (ENERGY), per hour (TIME, PARKING_TIME) or once (FLAT).
        vat: Percentage; None means that no VAT applies, which is not the same as 0 %.
        step_size: In Wh or s; the billed amount is rounded up to whole steps. 0 for no steps.
    """

    type: Dimension
    price: Decimal
    vat: Decimal | None
    step_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """When an element is active: all that is set must hold at that moment.

    Times and dates are local to the station. Starts and minima are included, ends and maxima are
    not. An `end_time` at or before `start_time` is on the next day; 00:00 ends the day. Energy is
    in kWh and counts from the transaction's start, as does duration in s; power in kW is that of
    the moment.
    """

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()
    reservation: ReservationRestriction | None = None

    @property
    def asks_calendar(self) -> bool:
        """Whether clock or calendar are looked at."""
        return bool(
            self.start_time is not None
            or self.end_time is not None
            or self.start_date is not None
            or self.end_date is not None
            or self.day_of_week
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffElement:
    """Price components that hold under the same restrictions; at most one per dimension."""

    price_components: tuple[PriceComponent, ...]
    restrictions: Restrictions | None = None


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """A minimum or maximum price of a whole transaction; both amounts apply where both are set."""

    excl_vat: Decimal
    incl_vat: Decimal | None


@dataclass(frozen=True, slots=True)
class DisplayText:
    """A text for drivers, in a language of ISO 639-1."""

    language: str
    text: str


class Excess(StrEnum):
    """What is paid for the time after a session's end by tariff or hours, if it goes on."""

    CHARGED = "charged"
    """As before."""
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that one dimension of a session comes to, excluding VAT."""

    type: Dimension
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingFee:
    """A price for standing at the connector after the charging is over, until the session ends.

    Pauses of the charging are none: only what follows the last of it counts.

    Attributes:
        price: Excluding VAT, per hour.
        vat: Percentage; None where no VAT applies.
        step_size: In s; the blocked time is rounded up to whole steps. 0 for no steps.
        grace_minutes: So long after the charging nothing is due.
        exempt_from: From this time of day (the station's) to `exempt_to` nothing is due: a night
            in which nobody shall have to drive away. Both or neither.
        max_price: The most that it comes to, excluding VAT.
    """

    price: Decimal
    vat: Decimal | None
    step_size: int
    grace_minutes: int | None = None
    exempt_from: time | None = None
    exempt_to: time | None = None
    max_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What a tariff has beyond OCPI; None and empty for what it has not.

    Attributes:
        free_minutes: A session that ends within them costs nothing at all; a longer one pays for
            time only from then on.
        caps: At most one per dimension.
        blocking_fee: For standing there after the charging.
        session_limit_minutes: So long after its start a session is stopped.
        excess: What is paid for the time after the limit; None: as before.
    """

    free_minutes: int | None = None
    caps: tuple[Cap, ...] = ()
    blocking_fee: BlockingFee | None = None
    session_limit_minutes: int | None = None
    excess: Excess | None = None


NO_ADDITIONS: Final = Additions()

Match = tuple[int, TariffElement, PriceComponent]
"""A price component with its element, and the element's index in the tariff."""


class Elements:
    """Elements of a tariff in their order, with what their restrictions look at.

    Attributes:
        items: Each with its index in the tariff.
        restrictions: Those of the elements that have any.
        is_plain: Whether there is none, so that one price per dimension holds all the time.
        times: The times of day at which one can begin or cease to hold, midnight included; empty
            if none looks at clock or calendar.
        durations_s: The seconds after the start at which one can, rising.
        thresholds_wh: The energies at which one can, rising.
        asks_power: Whether one looks at the power, which changes with every reading.
    """

    def __init__(self, items: Iterable[tuple[int, TariffElement]]) -> None:
        self.items = tuple(items)
        self.restrictions = tuple(each.restrictions for _, each in self.items if each.restrictions)
        self.is_plain = not self.restrictions
        times: set[time] = set()
        durations_s: set[int] = set()
        thresholds_wh: set[Decimal] = set()
        for each in self.restrictions:
            if each.asks_calendar:
                times.add(time(0))
                times.update(at for at in (each.start_time, each.end_time) if at is not None)
            durations_s.update(
                at for at in (each.min_duration, each.max_duration) if at is not None
            )
            thresholds_wh.update(
                kwh * 1000 for kwh in (each.min_kwh, each.max_kwh) if kwh is not None
            )
        self.times = frozenset(times)
        self.durations_s = sorted(durations_s)
        self.thresholds_wh = sorted(thresholds_wh)
        self.asks_power = any(
            each.min_power is not None or each.max_power is not None for each in self.restrictions
        )
        self._prices: dict[tuple[bool, ...], dict[Dimension, Match]] = {}

    def prices(self, holding: Sequence[bool]) -> Mapping[Dimension, Match]:
        """Return the price of each dimension while some of the elements hold: the first's."""
        key = tuple(holding)
        prices = self._prices.get(key)
        if prices is None:
            prices = {}
            for (index, element), holds in zip(self.items, key, strict=True):
                for component in element.price_components if holds else ():
                    prices.setdefault(component.type, (index, element, component))
            self._prices[key] = prices
        return prices


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """An OCPI tariff.

    `country_code`, `party_id` and `last_updated` are required between parties; a tariff that is
    made here may leave them out, since they are this installation's own. `additions` are ours;
    other parties do not know them.
    """

    id: str
    currency: str
    elements: tuple[TariffElement, ...]
    country_code: str | None = None
    party_id: str | None = None
    type: TariffType | None = None
    tariff_alt_text: tuple[DisplayText, ...] = ()
    tariff_alt_url: str | None = None
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None
    energy_mix: Mapping[str, Any] | None = None
    last_updated: datetime | None = None
    additions: Additions = NO_ADDITIONS

    @cached_property
    def of_charging(self) -> Elements:
        """The elements that are for charging, not for reservations; found once per tariff."""
        return Elements(
            (index, element)
            for index, element in enumerate(self.elements)
            if element.restrictions is None or element.restrictions.reservation is None
        )

    def of_reservation(self, *, expired: bool) -> Elements:
        """Return the elements for reservations, those for expired ones first."""
        kinds = [ReservationRestriction.RESERVATION]
        if expired:
            kinds.insert(0, ReservationRestriction.RESERVATION_EXPIRES)
        return Elements(
            (index, element)
            for kind in kinds
            for index, element in enumerate(self.elements)
            if element.restrictions is not None and element.restrictions.reservation is kind
        )
