"""Tariffs as OCPI has them: which price holds when. `billing.tariff_json` reads and writes them.

Source: OCPI 2.2.1, chapter 11 (Tariffs module), with the corrections of its bug-fix edition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Dimension(StrEnum):
    """What a price component puts a price on (OCPI: TariffDimensionType)."""

    FLAT = "FLAT"
    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """An OCPI tariff.

    `country_code`, `party_id` and `last_updated` are required between parties; a tariff that is
    made here may leave them out, since they are this installation's own.
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

    @property
    def is_plain(self) -> bool:
        """Whether one price per dimension holds all the time: no element has a restriction."""
        return all(element.restrictions is None for element in self.elements)
