"""Agreements: which share of the proceeds a station owner receives, and from when.

An agreement is a dated fact: valid in [valid_from, valid_to), never edited. It ends early by a
fact of its own. A payee has at most one at a time; where none is valid the `DEFAULT` terms hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from billing.terms import Basis
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.quantities import BASIS_POINTS


class InternalScope(StrEnum):
    """Whose tokens count as internal."""

    OWNER = "owner"
    """The station owner's organisation and those below it."""
    OPERATOR = "operator"
    """The organisation above the owner (the owner itself at the top) and all below that."""
    INSTALLATION = "installation"
    """Every organisation of the installation."""


class ExternalDue(StrEnum):
    """When the owner's share of external sessions is due."""

    CLOSE = "close"
    """With the statement."""
    RECEIPT = "receipt"
    """When the provider's invoice over the session is paid."""


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """What was agreed; shares in basis points of the revenue, 0 to 10000.

    Raises:
        InvalidInput: If a share is out of bounds.
    """

    internal_bps: int
    external_bps: int
    basis: Basis
    internal_scope: InternalScope
    external_due: ExternalDue = ExternalDue.CLOSE

    def __post_init__(self) -> None:
        for field in ("internal_bps", "external_bps"):
            share = getattr(self, field)
            if not 0 <= share <= BASIS_POINTS:
                raise InvalidInput(
                    f"A share is between 0 and {BASIS_POINTS} basis points, not {share}.",
                    field=field,
                )


DEFAULT: Final = AgreementTerms(
    internal_bps=10_000,
    external_bps=9_000,
    basis=Basis.NET,
    internal_scope=InternalScope.OWNER,
)
"""What holds for a payee while no agreement of its own is valid (rules of the business, 7.3)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Terms with a payee, valid from `valid_from` (included) to `valid_to` (not; None: open)."""

    agreement_id: int
    payee: OrganisationKey
    terms: AgreementTerms
    valid_from: datetime
    valid_to: datetime | None

    def is_valid_at(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class AgreementsOverlap(Conflict):
    """A payee would have two agreements at once; the existing one has to end first."""

    code = "agreements_overlap"

    def __init__(self, existing: Agreement) -> None:
        self.existing = existing
        end = "without end" if existing.valid_to is None else f"to {existing.valid_to.isoformat()}"
        super().__init__(
            f"{existing.payee} already has agreement {existing.agreement_id}, valid from"
            f" {existing.valid_from.isoformat()} {end}. Two at once are not possible: end that"
            " one first, or change it from a date on."
        )


def check_period(valid_from: datetime, valid_to: datetime | None) -> None:
    """Refuse a validity that holds no moment at all.

    Raises:
        InvalidInput: If it ends before or when it begins, or a moment has no time zone.
    """
    for field, moment in (("valid_from", valid_from), ("valid_to", valid_to)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput(
                f"{field} needs a time zone, as in 2026-01-01T00:00:00Z.", field=field
            )
    if valid_to is not None and valid_to <= valid_from:
        raise InvalidInput("valid_to must be later than valid_from.", field="valid_to")


def overlapping(
    agreements: Iterable[Agreement], valid_from: datetime, valid_to: datetime | None
) -> Agreement | None:
    """Return the earliest of a payee's agreements that shares a moment with [from, to)."""
    for agreement in sorted(agreements, key=lambda each: each.valid_from):
        if agreement.valid_to is not None and agreement.valid_to <= agreement.valid_from:
            continue  # ended before it began
        begins_before = valid_to is None or agreement.valid_from < valid_to
        ends_after = agreement.valid_to is None or agreement.valid_to > valid_from
        if begins_before and ends_after:
            return agreement
    return None


def valid_at(agreements: Iterable[Agreement], at: datetime) -> Agreement | None:
    """Return the agreement that holds at a moment; None where the `DEFAULT` does."""
    found = [agreement for agreement in agreements if agreement.is_valid_at(at)]
    assert len(found) <= 1, f"two agreements at once: {found}"
    return found[0] if found else None
