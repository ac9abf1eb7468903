"""Face: which sessions are valid, who says so, and what the plausibility monitor is set to.

A session that the monitor flagged is invalid, and nobody is paid for it, until somebody sets it
valid. That is for the party that issues the invoice, and only while nothing was billed; what is on
a paper already is changed by a correction, which the next paper shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Scope
from billing import booking, monitor, pricing, store, validity_store
from billing.cdr import Cdr, Payer
from billing.closing import AlreadySettled, Closing, NotOnHold
from billing.plausibility import (
    DEFAULT_LIMITS,
    GHOST_WH_MAX,
    Check,
    Finding,
    HoldReason,
    Limits,
)
from billing.pricing import SharingTerms
from billing.rating import Rating
from billing.terms import facts_of
from billing.validity_store import Suspect as Suspect
from foundation.errors import Conflict, InvalidInput, NotPermitted
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.money import Money
from foundation.statements import ask

# ------------------------------------------------------------------------------ who may decide


class NotTheIssuer(NotPermitted):
    """Only the party that issues the invoice says which sessions are valid."""

    code = "not_the_issuer"

    def __init__(self, issuer: OrganisationKey) -> None:
        super().__init__(
            f"Only {issuer}, who issues the papers, may set sessions valid or invalid."
        )


class AlreadyBilled(Conflict):
    """The transaction stands on a paper; it can be corrected, and the next paper shows that."""

    code = "already_billed"

    def __init__(self, transaction_id: TransactionId) -> None:
        super().__init__(f"Transaction {transaction_id} is billed already.")


async def must_be_issuer(db: AsyncSession, organisation: OrganisationKey) -> None:
    """Refuse whoever does not issue the papers: in this house that is the operator.

    Raises:
        NotTheIssuer: It is another organisation.
    """
    issuer = await directory.root(db)
    if organisation != issuer.key:
        raise NotTheIssuer(issuer.key)


async def set_valid(
    db: AsyncSession,
    closing: Closing,
    transaction_id: TransactionId,
    *,
    organisation: OrganisationKey,
    reason: str,
    by: str,
    now: datetime,
    payer: Payer | None = None,
) -> None:
    """Bill a transaction after all that is held, or that somebody set invalid.

    Args:
        db: A unit of work.
        closing: Carries it out.
        transaction_id: Which one.
        organisation: On whose behalf; only the issuer's counts.
        reason: Why, in words; kept.
        by: Who decides, as in `person/7`.
        now: When.
        payer: Who pays, where nobody answers for the token.

    Raises:
        NotTheIssuer: Another organisation would decide.
        AlreadyBilled: It stands on a paper.
        NotFound, NotOnHold, NotPayable: As `Closing.release` says.
    """
    await must_be_issuer(db, organisation)
    await must_not_be_billed(db, transaction_id)
    await closing.release(db, transaction_id, reason=reason, by=by, now=now, payer=payer)


async def set_invalid(
    db: AsyncSession,
    closing: Closing,
    transaction_id: TransactionId,
    *,
    organisation: OrganisationKey,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Let nobody be billed for a transaction; it stands in the monitor until it is set valid.

    Raises:
        NotTheIssuer: Another organisation would decide.
        AlreadyBilled: It stands on a paper.
        NotFound, NotOnHold: As `Closing.void` says.
    """
    await must_be_issuer(db, organisation)
    try:
        await must_not_be_billed(db, transaction_id)
        await closing.void(db, transaction_id, reason=reason, by=by, now=now)
    except NotOnHold:
        # Set valid before, and doubted again: it is held by hand, then set invalid.
        hold = await store.hold(db, transaction_id)
        if hold is None or hold.decision != "released":
            raise
        await closing.hold(db, transaction_id, reason=reason, by=by, now=now)
        await closing.void(db, transaction_id, reason=reason, by=by, now=now)


async def must_not_be_billed(db: AsyncSession, transaction_id: TransactionId) -> None:
    """Refuse what stands on a paper.

    Raises:
        AlreadySettled: It is on a statement.
        AlreadyBilled: It is on an invoice.
    """
    record = (await store.current_records(db, [transaction_id])).get(transaction_id)
    if record is None:
        return  # whoever carries it out says so
    cdr_id = record.cdr.cdr_id
    if await store.settled(db, [cdr_id]):
        raise AlreadySettled(transaction_id)
    if await validity_store.invoiced(db, [cdr_id]):
        raise AlreadyBilled(transaction_id)


# --------------------------------------------------------------------------------- the monitor


async def suspects(
    db: AsyncSession,
    scope: Scope,
    *,
    reason: HoldReason | None = None,
    invalid: bool = False,
    after: int = 0,
    limit: int = 50,
) -> list[Suspect]:
    """Return what stands in the monitor, by number.

    Args:
        db: A unit of work.
        scope: Whose transactions.
        reason: Only those with this among their reasons.
        invalid: Those that somebody set invalid, instead of those that wait for a person.
        after: Only those behind this number.
        limit: How many at most.
    """
    return await validity_store.suspects(
        db, scope.organisations, reason=reason, invalid=invalid, after=after, limit=limit
    )


async def reason_counts(db: AsyncSession, scope: Scope) -> dict[HoldReason, int]:
    """Return how many wait for a person, by reason, in the order of the reasons."""
    found = await validity_store.reason_counts(db, scope.organisations)
    return {reason: found[reason] for reason in HoldReason if reason in found}


async def findings_of(db: AsyncSession, transaction_id: TransactionId) -> list[Finding]:
    """Return what the monitor found about a transaction; the caller checked the scope."""
    return msgspec.convert(
        await validity_store.findings_of(db, transaction_id), list[Finding], strict=False
    )


# ---------------------------------------------------------------------------------- settings

_MOST_MINUTES: Final = 366 * 24 * 60
_MOST_WH: Final = Decimal(10_000_000)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for an organisation, and whose settings these are; None: the shipped ones."""

    limits: Limits
    inherited_from: OrganisationKey | None
    is_own: bool


async def settings(db: AsyncSession, organisation: OrganisationKey) -> Settings:
    """Return what the monitor of an organisation's sessions is set to."""
    own = await ask(db, validity_store.all_settings())
    key: OrganisationKey | None = organisation
    while key is not None:
        if key in own:
            return Settings(own[key], key, key == organisation)
        key = (await directory.organisation(db, key)).parent
    return Settings(DEFAULT_LIMITS, None, is_own=False)


async def set_settings(
    db: AsyncSession,
    organisation: OrganisationKey,
    limits: Limits | None,
    *,
    by: str,
    now: datetime,
) -> None:
    """Set the monitor of an organisation and of those below it; None: as the next above has it.

    What was judged before stays judged.

    Raises:
        InvalidInput: A limit makes no sense; `field` says which.
    """
    if limits is not None:
        _check(limits)
    await validity_store.put_settings(db, organisation, limits, by=by, now=now)


def _check(limits: Limits) -> None:
    ranges: Sequence[tuple[str, Decimal | int | None, Decimal | int, Decimal | int]] = (
        ("max_duration_min", limits.max_duration_min, 1, _MOST_MINUTES),
        ("max_energy_wh", limits.max_energy_wh, 1, _MOST_WH),
        ("max_rise_wh", limits.max_rise_wh, 1000, _MOST_WH),
        ("tolerance", limits.tolerance, 0, 10),
        ("slack_wh", limits.slack_wh, 0, 100_000),
        ("unknown_max_power_w", limits.unknown_max_power_w, 1000, _MOST_WH),
        ("overlap_s", limits.overlap_s, 0, 86_400),
        ("ghost_min", limits.ghost_min, 1, 24 * 60),
        ("ghost_wh", limits.ghost_wh, 0, GHOST_WH_MAX),
    )
    for field, value, least, most in ranges:
        if value is not None and not least <= value <= most:
            raise InvalidInput(f"{field} must be {least} to {most}.", field=field)


def as_json(limits: Limits) -> dict[str, Any]:
    """Return settings as JSON values, for the audit."""
    return validity_store.as_json(limits)


def is_signature_checked(limits: Limits) -> bool:
    """Tell whether signed values are checked for transactions as a whole, and count."""
    return Check.SIGNATURE in limits.checks


# ----------------------------------------------------------------------------- recalculation


@dataclass(frozen=True, slots=True)
class Recalculation:
    """What a transaction comes to now, and what it would come to; nothing is booked.

    `now` is None where it was never rated. `findings` is what would hold it. The differences are
    without and with tax; None where currencies differ or there is nothing to compare with.
    """

    now: Cdr | None
    rating: Rating
    findings: Sequence[Finding]
    net_difference: Money | None
    gross_difference: Money | None


async def recalculation(
    db: AsyncSession,
    ended: TransactionEnded,
    sharing: SharingTerms,
    *,
    now: datetime,
    default: Limits = DEFAULT_LIMITS,
) -> Recalculation:
    """Return what a transaction would come to if it had been so; nothing is written.

    The terms are those that are frozen; if what they depend on is corrected, those of the
    corrected start. What the central system would testify is not asked: it knows only what is.
    """
    number = ended.transaction_id
    record = (await store.current_records(db, [number])).get(number)
    frozen = (await store.locked_terms(db, [number])).get(number)
    if frozen is None or not frozen.is_complete or frozen.facts != facts_of(ended):
        [frozen] = await booking.find_terms(db, [ended], sharing, now=now)
    tariffs = await pricing.tariffs_by_number(db, frozen.tariff_numbers)
    owner = await directory.organisation(db, ended.owner)
    charged = booking.charge(
        ended,
        frozen.sharing,
        None if frozen.tariff_number is None else tariffs[frozen.tariff_number],
        currency=owner.currency,
        limits=await monitor.limits_for(db, ended.owner, default),
        purchase=None if frozen.purchase_number is None else tariffs[frozen.purchase_number],
        stop_at=frozen.stop_at,
    )
    before = None if record is None else record.cdr
    rating = charged.rating
    if before is None or before.net.currency != rating.net.currency:
        return Recalculation(before, rating, charged.findings, None, None)
    return Recalculation(
        before,
        rating,
        charged.findings,
        rating.net - before.net,
        rating.gross - before.gross,
    )


async def look_again(
    db: AsyncSession,
    transaction_ids: Sequence[TransactionId],
    sharing: SharingTerms,
    witness: monitor.Witness,
    *,
    limits: Limits = DEFAULT_LIMITS,
    now: datetime,
) -> list[TransactionId]:
    """Judge held transactions again by what is known now; return those that are billed with it.

    Only those that nothing but their signed values speaks against: where the meter's key was
    registered since, they verify, and nobody has to set each of them valid.
    """
    # The terms before the holds: in this order everybody who bills a transaction locks it.
    await store.locked_terms(db, transaction_ids)
    events = await validity_store.waiting_for_signatures(db, transaction_ids)
    noticed = await monitor.notice(db, events, witness, limits, now=now)
    verified = [
        each
        for each in events
        if (said := noticed.testimonies.get(each.transaction_id)) is not None
        and said.signature == "verified"
    ]
    return await booking.bill_again(db, verified, sharing, limits=limits, now=now, witness=witness)


Facts = Mapping[str, Any]
"""The evidence of a finding, as JSON values."""
