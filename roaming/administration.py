"""The face for writing: providers (EMPs), and agreements with the owners of stations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NotRequired, TypedDict

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Scope
from billing.terms import Basis
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, PartyId
from roaming import store
from roaming.agreements import (
    DEFAULT,
    Agreement,
    AgreementsOverlap,
    AgreementTerms,
    ExternalDue,
    InternalScope,
    check_period,
    overlapping,
)
from roaming.tables import ProviderRow

# ------------------------------------------------------------------------------ agreements


class AgreementFacts(TypedDict):
    """What an agreement says; what is left out is as in the default terms, or unchanged."""

    internal_bps: NotRequired[int]
    external_bps: NotRequired[int]
    basis: NotRequired[str]
    internal_scope: NotRequired[str]
    external_due: NotRequired[str]


async def create_agreement(
    db: AsyncSession,
    payee: OrganisationKey,
    facts: AgreementFacts,
    *,
    valid_from: datetime,
    valid_to: datetime | None = None,
    now: datetime,
) -> Agreement:
    """Write an agreement with a payee, valid in [valid_from, valid_to).

    Raises:
        InvalidInput: If the payee is unknown, a share or word is none, or the period is empty.
        AgreementsOverlap: If the payee has another one at any moment of the period.
    """
    terms = _terms(facts, DEFAULT)
    check_period(valid_from, valid_to)
    try:
        await directory.organisation(db, payee)
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {payee!r}.", field="payee") from error
    await store.lock_agreements(db, payee)
    existing = (await store.agreements_of(db, [payee])).get(payee, [])
    other = overlapping(existing, valid_from, valid_to)
    if other is not None:
        raise AgreementsOverlap(other)
    number = await store.add_agreement(
        db, payee, terms, valid_from=valid_from, valid_to=valid_to, now=now
    )
    return Agreement(number, payee, terms, valid_from, valid_to)


async def change_agreement(
    db: AsyncSession,
    agreement_id: int,
    facts: AgreementFacts,
    *,
    valid_from: datetime,
    now: datetime,
) -> Agreement:
    """Let other terms hold from a moment on: the agreement ends then, and a new one begins.

    The new one is valid to the end that the old one had. What started before `valid_from` keeps
    the old terms, however late it arrives.

    Raises:
        NotFound: If there is no such agreement.
        InvalidInput: If a share or word is none, or the moment is not inside the agreement's
            validity (and not its very beginning).
    """
    old = await _locked(db, agreement_id)
    terms = _terms(facts, old.terms)
    _check_inside(old, valid_from, "valid_from")
    await store.add_agreement_end(db, agreement_id, valid_from, now=now)
    number = await store.add_agreement(
        db, old.payee, terms, valid_from=valid_from, valid_to=old.valid_to, now=now
    )
    return Agreement(number, old.payee, terms, valid_from, old.valid_to)


async def end_agreement(
    db: AsyncSession, agreement_id: int, *, valid_to: datetime, now: datetime
) -> Agreement:
    """Let an agreement end at a moment; the default terms hold from then on.

    One that has not begun may end at its very beginning: it never holds.

    Raises:
        NotFound: If there is no such agreement.
        InvalidInput: If the moment is not inside its validity.
    """
    old = await _locked(db, agreement_id)
    if old.valid_to == valid_to:
        return old
    if valid_to != old.valid_from or now >= valid_to:
        _check_inside(old, valid_to, "valid_to")
    await store.add_agreement_end(db, agreement_id, valid_to, now=now)
    return Agreement(old.agreement_id, old.payee, old.terms, old.valid_from, valid_to)


async def agreements(db: AsyncSession, scope: Scope = WHOLE) -> list[Agreement]:
    """Return the agreements of the payees in scope, by payee, oldest first."""
    found = await store.agreements_of(db, scope.organisations)
    return [agreement for each in found.values() for agreement in each]


async def agreement(db: AsyncSession, agreement_id: int) -> Agreement:
    """Return one agreement.

    Raises:
        NotFound: If there is none with this number.
    """
    found = await store.agreement(db, agreement_id)
    if found is None:
        raise NotFound("agreement", agreement_id)
    return found


async def terms_at(
    db: AsyncSession, payee: OrganisationKey, at: datetime
) -> tuple[AgreementTerms, Agreement | None]:
    """Return the terms that hold for a payee at a moment, and the agreement that says so."""
    for each in (await store.agreements_of(db, [payee])).get(payee, []):
        if each.is_valid_at(at):
            return each.terms, each
    return DEFAULT, None


async def _locked(db: AsyncSession, agreement_id: int) -> Agreement:
    await store.lock_agreements(db, (await agreement(db, agreement_id)).payee)
    return await agreement(db, agreement_id)


def _check_inside(old: Agreement, moment: datetime, field: str) -> None:
    check_period(moment, None)
    if moment <= old.valid_from or (old.valid_to is not None and moment >= old.valid_to):
        end = "" if old.valid_to is None else f" and before {old.valid_to.isoformat()}"
        raise InvalidInput(
            f"{field} must be after {old.valid_from.isoformat()}{end}, while agreement"
            f" {old.agreement_id} is valid.",
            field=field,
        )


def _terms(facts: AgreementFacts, otherwise: AgreementTerms) -> AgreementTerms:
    try:
        basis = Basis(facts.get("basis", otherwise.basis))
    except ValueError:
        raise InvalidInput(f"basis must be one of {', '.join(Basis)}.", field="basis") from None
    try:
        scope = InternalScope(facts.get("internal_scope", otherwise.internal_scope))
    except ValueError:
        raise InvalidInput(
            f"internal_scope must be one of {', '.join(InternalScope)}.", field="internal_scope"
        ) from None
    try:
        due = ExternalDue(facts.get("external_due", otherwise.external_due))
    except ValueError:
        raise InvalidInput(
            f"external_due must be one of {', '.join(ExternalDue)}.", field="external_due"
        ) from None
    return AgreementTerms(
        internal_bps=facts.get("internal_bps", otherwise.internal_bps),
        external_bps=facts.get("external_bps", otherwise.external_bps),
        basis=basis,
        internal_scope=scope,
        external_due=due,
    )


# ------------------------------------------------------------------------------- providers


DEFAULT_TERMS_DAYS: Final = 30
"""How long a provider has to pay an invoice unless agreed otherwise."""

_PARTY_ID: Final = re.compile(r"([A-Za-z]{2})[*-]?([A-Za-z0-9]{3})")


class ProviderExists(Conflict):
    """A provider with this party id exists."""

    code = "provider_exists"

    def __init__(self, party_id: PartyId) -> None:
        super().__init__(f"There is a provider {party_id!r} already.")


@dataclass(frozen=True, slots=True)
class Provider:
    """An EMP: its tokens charge externally, and it is invoiced for them within `terms_days`."""

    party_id: PartyId
    name: str
    email: str | None
    vat_id: str | None
    terms_days: int
    created_at: datetime


class ProviderFacts(TypedDict):
    """What may be said of a provider."""

    name: NotRequired[str]
    email: NotRequired[str | None]
    vat_id: NotRequired[str | None]
    terms_days: NotRequired[int]


async def create_provider(
    db: AsyncSession, party_id: str, facts: ProviderFacts, *, now: datetime
) -> Provider:
    """Enter a provider.

    Raises:
        InvalidInput: If the party id or a fact is malformed, or the name is missing.
        ProviderExists: If the party id is taken.
    """
    key = party_id_from(party_id)
    if "name" not in facts:
        raise InvalidInput("name is missing.", field="name")
    values = {
        "email": None,
        "vat_id": None,
        "terms_days": DEFAULT_TERMS_DAYS,
        **_checked(facts),
        "party_id": key,
        "created_at": now,
    }
    if not await store.add_provider(db, values):
        raise ProviderExists(key)
    return await provider(db, key)


async def change_provider(db: AsyncSession, party_id: PartyId, facts: ProviderFacts) -> Provider:
    """Change what is named; the party id never changes.

    Raises:
        NotFound: If there is no such provider.
        InvalidInput: If a fact is malformed.
    """
    row = await store.provider(db, party_id)
    if row is None:
        raise NotFound("provider", party_id)
    for name, value in _checked(facts).items():
        setattr(row, name, value)
    await db.flush()
    return _provider(row)


async def providers(
    db: AsyncSession, *, after: str | None = None, limit: int | None = None
) -> list[Provider]:
    """Return the providers by party id; they belong to the installation, not to an owner."""
    return [_provider(row) for row in await store.providers(db, after=after, limit=limit)]


async def provider(db: AsyncSession, party_id: PartyId) -> Provider:
    """Return one provider.

    Raises:
        NotFound: If there is none with this party id.
    """
    row = await store.provider(db, party_id)
    if row is None:
        raise NotFound("provider", party_id)
    return _provider(row)


def party_id_from(written: str) -> PartyId:
    """Return a party id as we keep it, `DE*XYZ`, from `de-xyz`, `DE*XYZ` or `DEXYZ`.

    Raises:
        InvalidInput: If it is not a country code and three letters or digits.
    """
    found = _PARTY_ID.fullmatch(written.strip())
    if found is None:
        raise InvalidInput(
            f"A party id is a country and three letters or digits, as in DE*XYZ, not {written!r}.",
            field="party_id",
        )
    return PartyId(f"{found[1]}*{found[2]}".upper())


def _checked(facts: ProviderFacts) -> Mapping[str, object]:
    checked: dict[str, object] = dict(facts)
    if "name" in facts and not (isinstance(facts["name"], str) and facts["name"].strip()):
        raise InvalidInput("name is empty.", field="name")
    email = facts.get("email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise InvalidInput(f"{email!r} is no mail address.", field="email")
    days = facts.get("terms_days", DEFAULT_TERMS_DAYS)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= 365:
        raise InvalidInput("terms_days is a number of days from 0 to 365.", field="terms_days")
    return checked


def _provider(row: ProviderRow) -> Provider:
    return Provider(
        party_id=PartyId(row.party_id),
        name=row.name,
        email=row.email,
        vat_id=row.vat_id,
        terms_days=row.terms_days,
        created_at=row.created_at,
    )
