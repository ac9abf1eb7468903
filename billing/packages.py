"""Service packages: what they include, and what the yearly maintenance costs by them.

Packages are defined here and nowhere else; each definition holds from a moment on and is never
edited. Which one a station has is a dated fact: its own assignment, else its organisation's.
"""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from foundation.errors import InvalidInput
from foundation.money import Money
from foundation.working_hours import BusinessHours, ServiceLevel

KEY: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class Maintenance(StrEnum):
    """What a package says of the yearly maintenance."""

    NONE = "none"
    """It is not part of the package."""
    FREE = "free"
    CHARGEABLE = "chargeable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A service package as it holds from `valid_from` on.

    Args:
        first_aid: Faults are cleared from afar.
        hotline: Drivers may call.
        dispatch: A technician is sent where that does not help.
        maintenance: Whether the yearly one is part of it, and at what price.
        level: Within which times something happens.
        hours: When somebody works, for the times that count working days.
    """

    key: str
    name: str
    first_aid: bool
    hotline: bool
    dispatch: bool
    maintenance: Maintenance
    level: ServiceLevel
    hours: BusinessHours
    valid_from: datetime


def check_package(package: Package) -> None:
    """Refuse a package that promises what cannot be kept.

    Raises:
        InvalidInput: If key, name, times, hours or the time zone are none.
    """
    if not KEY.fullmatch(package.key):
        raise InvalidInput(
            "A key has 1 to 40 small letters, digits and hyphens in between.", field="key"
        )
    if not 1 <= len(package.name.strip()) <= 100:
        raise InvalidInput("A package has a name of at most 100 characters.", field="name")
    hours, level = package.hours, package.level
    if hours.time_zone not in available_timezones():
        raise InvalidInput(
            f"{hours.time_zone!r} is no IANA time zone, such as Europe/Berlin.", field="time_zone"
        )
    if hours.opens >= hours.closes:
        raise InvalidInput("Working hours end after they begin.", field="closes")
    if not hours.weekdays or not hours.weekdays <= frozenset(range(7)):
        raise InvalidInput("Weekdays are numbers from 0, Monday, to 6.", field="weekdays")
    if level.remote_within.total_seconds() < 3600:
        raise InvalidInput("Reaction from afar takes an hour or more.", field="remote_within_h")
    if level.answer_within_days < 0 or level.on_site_within_days < 0:
        raise InvalidInput("Days are counted from 0.", field="on_site_within_days")


def package_at(held: Sequence[Package], at: datetime) -> Package | None:
    """Return the definition of a package that holds at a moment, of all it ever had."""
    begun = [each for each in held if each.valid_from <= at]
    return max(begun, key=lambda each: each.valid_from, default=None)


def maintenance_due_on(last_on: date) -> date:
    """Return when the yearly maintenance is due: 12 months after the last.

    29 February becomes 28 February.
    """
    day = min(last_on.day, calendar.monthrange(last_on.year + 1, last_on.month)[1])
    return last_on.replace(year=last_on.year + 1, day=day)


def maintenance_costs(package: Package | None, price: Money | None) -> Money | None:
    """Return what a maintenance costs by the package at the date of the job; None: nothing.

    Args:
        package: As it held on the day of the job; a station without one pays.
        price: By the price list of that day; without one nothing was agreed.
    """
    if package is not None and package.maintenance is Maintenance.FREE:
        return None
    return price if price is not None and price.amount else None


def job_moment(done_on: date, time_zone: str) -> datetime:
    """Return the moment whose package and price hold for a job: noon of its day."""
    return datetime(done_on.year, done_on.month, done_on.day, 12, tzinfo=ZoneInfo(time_zone))
