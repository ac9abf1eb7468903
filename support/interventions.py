"""Visits to a station: decided before they begin, complete when handed over, documented by both.

Pure decisions about a visit: who pays is decided with a reason before anybody drives; the
technician is handed coordinates, fault analysis and contact; exactly one main outcome is recorded;
technician and agent both document before it is closed. Also when the yearly maintenance is due and
by when somebody has to react, by a service package's hours.
"""

import calendar
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import Conflict, InvalidInput, NotPermitted

# ------------------------------------------------------------------------------ who pays


class Cover(StrEnum):
    """Who pays for a visit."""

    WARRANTY = "warranty"
    """By law (Gewährleistung)."""
    GUARANTEE = "guarantee"
    """By the maker's promise (Garantie)."""
    CHARGEABLE = "chargeable"


@dataclass(frozen=True, slots=True)
class CoverDecision:
    """Who pays, why, and who decided it; `second` confirmed a change after the dispatch."""

    cover: Cover
    reason: str
    by: str
    second: str | None = None


class SecondPersonNeeded(NotPermitted):
    """After the dispatch two people decide who pays."""

    def __init__(self) -> None:
        super().__init__("After the dispatch a second person has to confirm who pays.")


class CoverUndecided(Conflict):
    """Nobody drives before it is decided who pays."""

    code = "cover_undecided"

    def __init__(self) -> None:
        super().__init__("Decide first whether it is warranty, guarantee or chargeable, and why.")


def decide_cover(
    decision: CoverDecision, *, is_dispatched: bool, before: CoverDecision | None
) -> CoverDecision:
    """Return the decision, if it may be taken now.

    Raises:
        InvalidInput: If it has no reason.
        SecondPersonNeeded: If the visit is under way and nobody else confirmed the change.
    """
    if not decision.reason.strip():
        raise InvalidInput("Say why.", field="reason")
    if is_dispatched and before is not None and before.cover is not decision.cover:
        if decision.second is None or decision.second == decision.by:
            raise SecondPersonNeeded
        return decision
    return replace(decision, second=None)


# ------------------------------------------------------------------------------ hand-over


@dataclass(frozen=True, slots=True)
class DispatchPackage:
    """What a technician is handed; latitude and longitude in degrees."""

    latitude: Decimal | None
    longitude: Decimal | None
    fault_analysis: str
    contact: str


def check_dispatch(package: DispatchPackage, cover: CoverDecision | None) -> None:
    """Check that a technician can be sent.

    Raises:
        CoverUndecided: If nobody decided who pays.
        InvalidInput: If coordinates, fault analysis or contact are missing.
    """
    if cover is None:
        raise CoverUndecided
    if package.latitude is None or not -90 <= package.latitude <= 90:
        raise InvalidInput("The station's coordinates are missing.", field="latitude")
    if package.longitude is None or not -180 <= package.longitude <= 180:
        raise InvalidInput("The station's coordinates are missing.", field="longitude")
    if not package.fault_analysis.strip():
        raise InvalidInput("The fault analysis is missing.", field="fault_analysis")
    if not package.contact.strip():
        raise InvalidInput("The contact is missing.", field="contact")


# ------------------------------------------------------------------------------ outcome


class MainOutcome(StrEnum):
    """What a visit came to."""

    SURROUNDINGS_RESTORED = "surroundings_restored"
    """The surrounding system (Umsystem) works again, as far as allowed."""
    PARTS_REPLACED = "parts_replaced"
    """Housing, cables or electronics were replaced by working ones."""
    RECONFIGURED = "reconfigured"
    """The unchanged station was set up again."""
    FOREIGN_SOURCE_REMOVED = "foreign_source_removed"
    """A foreign station or source of interference was removed or replaced."""


@dataclass(frozen=True, slots=True)
class Documentation:
    """What was recorded of a visit.

    `consent` is where the customer's consent to touch what is not the station is on record.
    """

    main_outcomes: Collection[MainOutcome]
    measures: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    consent: str | None = None
    by_technician: str | None = None
    by_agent: str | None = None


class NotDocumented(Conflict):
    """A visit is closed only when technician and agent have both documented it."""

    code = "visit_not_documented"

    def __init__(self, who: str) -> None:
        super().__init__(f"The {who} has not documented the visit yet.")


def check_closing(documented: Documentation) -> MainOutcome:
    """Check that a visit can be closed, and return what it came to.

    Raises:
        InvalidInput: If it has not exactly one main outcome, or a foreign source was removed
            without the customer's recorded consent.
        NotDocumented: If one of the two has not documented it.
    """
    if len(documented.main_outcomes) != 1:
        raise InvalidInput("Name exactly one main outcome.", field="main_outcome")
    [outcome] = documented.main_outcomes
    if outcome is MainOutcome.FOREIGN_SOURCE_REMOVED and not (documented.consent or "").strip():
        raise InvalidInput("The customer's consent is not on record.", field="consent")
    if not (documented.by_technician or "").strip():
        raise NotDocumented("technician")
    if not (documented.by_agent or "").strip():
        raise NotDocumented("agent")
    return outcome


# ------------------------------------------------------------------------------ maintenance


def maintenance_due_on(last_on: date) -> date:
    """Return when the yearly maintenance is due: 12 months after the last.

    29 February becomes 28 February.
    """
    day = min(last_on.day, calendar.monthrange(last_on.year + 1, last_on.month)[1])
    return last_on.replace(year=last_on.year + 1, day=day)


def is_maintenance_free(free_in_package: bool) -> bool:
    """Tell whether a maintenance costs nothing, by the package at the date of the job."""
    return free_in_package


# ------------------------------------------------------------------------------ reaction times


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When somebody works: from `opens` to `closes` on `weekdays` (Monday is 0), by local time."""

    time_zone: str
    opens: time = time(8)
    closes: time = time(18)
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Tell whether it is a working day."""
        return day.weekday() in self.weekdays and day not in self.holidays


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """By when what has to happen, by a service package.

    `remote_within` counts on the clock, night and weekend included. An answer is due by the end of
    the n-th working day after the report, a technician on site by the end of the n-th.
    """

    remote_within: timedelta
    answer_within_days: int
    on_site_within_days: int


SHIPPED_LEVEL: Final = ServiceLevel(timedelta(hours=4), 1, 5)
"""Remote within 4 h, an answer on the next working day, on site within 5 working days."""

_LONGEST_SEARCH_DAYS = 400


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The moments by which a service level has to be met, in UTC terms of the given zone."""

    remote_at: datetime
    answer_at: datetime
    on_site_at: datetime


def deadlines(level: ServiceLevel, hours: BusinessHours, reported_at: datetime) -> Deadlines:
    """Return by when somebody has to react to what was reported.

    What is reported after closing time, or on a day off, counts as reported on the next working
    day's opening; so the first working day after it is the one behind that.

    Raises:
        InvalidInput: If there is no working day within a year.
    """
    zone = ZoneInfo(hours.time_zone)
    local = reported_at.astimezone(zone)
    day = local.date()
    if not hours.works_on(day) or local.time() >= hours.closes:
        day = _working_day_after(hours, day, 1)
    return Deadlines(
        remote_at=reported_at + level.remote_within,
        answer_at=_closing(hours, _working_day_after(hours, day, level.answer_within_days), zone),
        on_site_at=_closing(hours, _working_day_after(hours, day, level.on_site_within_days), zone),
    )


def _working_day_after(hours: BusinessHours, day: date, count: int) -> date:
    for _ in range(_LONGEST_SEARCH_DAYS):
        if count == 0:
            return day
        day += timedelta(days=1)
        count -= hours.works_on(day)
    raise InvalidInput("There is no working day within a year.", field="weekdays")


def _closing(hours: BusinessHours, day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, hours.closes, zone)
