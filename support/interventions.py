"""Visits to a station: decided before they begin, complete when handed over, documented by both.

Pure decisions about a visit: who pays is decided with a reason before anybody drives; the
technician is handed coordinates, fault analysis and contact; exactly one main outcome is recorded;
technician and agent both document before it is closed.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

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
