"""Who may be paid: an owner's consent to self-billing, his VAT id and his account.

Self-billing needs the seller's consent beforehand (Council Directive 2006/112/EC, article 224;
section 14 (2) UStG). An authorised person of the owner gives it once, with the account that is to
be paid; an account that is another one since then has to be accepted again, so that nobody diverts
a payout by changing a number.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import schwifty
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Organisation
from billing import charges, contacts, payout_store
from billing.contacts import WrongIban, WrongVatId, checked_iban, checked_vat_id
from billing.documents import Party
from billing.payout_tables import SelfBillingAcceptanceRow
from billing.payouts import Hindrance, PayeeNotPayable, PersonNeeded, Returned
from foundation.errors import NotPermitted
from foundation.identifiers import OrganisationKey

TERMS: Final = "self-billing-2026"
"""The key of the sentences that are accepted; other sentences need another key."""

SENTENCES: Final[Mapping[str, str]] = {
    "en": (
        "We agree that the operator issues the invoices for our charging revenue in our name"
        " (self-billing), with VAT according to our tax status, and pays the amounts to the account"
        " named here. We check each credit note and object in writing if it is wrong. We tell the"
        " operator at once if our tax status, our VAT ID or our account changes. We can withdraw"
        " this consent in writing for future statements."
    ),
    "de": (
        "Wir sind damit einverstanden, dass der Betreiber die Abrechnungen über unsere Ladeerlöse"
        " in unserem Namen ausstellt (Gutschriftverfahren), mit Umsatzsteuer nach unserem"
        " Steuerstatus, und die Beträge auf das hier genannte Konto zahlt. Wir prüfen jede"
        " Gutschrift und widersprechen schriftlich, wenn sie falsch ist. Ändern sich Steuerstatus,"
        " USt-IdNr. oder Konto, teilen wir das dem Betreiber sofort mit. Für künftige Abrechnungen"
        " können wir das Einverständnis schriftlich widerrufen."
    ),
}
"""What an owner accepts, by language."""

ACCEPTABLE: Final = frozenset(
    {Hindrance.NOT_ACCEPTED, Hindrance.IBAN_CHANGED, Hindrance.IBAN_RETURNED}
)
"""What an owner puts right by accepting, again."""

_TAXED: Final = frozenset({"standard", "reverse_charge"})
"""The tax statuses that need a VAT id; private persons and small businesses need none."""


class NotOwnersPerson(NotPermitted):
    """Only an authorised person of the owner accepts self-billing, never the operator for him."""

    code = "not_owners_person"

    def __init__(self, payee: OrganisationKey) -> None:
        super().__init__(f"Only an authorised person of {payee} itself can accept this.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A consent, with what was known of the owner at that moment."""

    payee: OrganisationKey
    terms: str
    language: str
    tax_status: str
    vat_id: str | None
    iban: str
    accepted_at: datetime
    accepted_by: str
    accepted_by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an owner stands to being paid.

    Attributes:
        party: As he stands on papers.
        acceptance: The last consent, if there is one.
        hindrance: What stands in the way; None if he can be paid.
    """

    organisation: Organisation
    party: Party
    acceptance: Acceptance | None
    hindrance: Hindrance | None


def account_hindrance(party: Party) -> Hindrance | None:
    """Return what is wrong with a party's account, if something is."""
    if party.iban is None:
        return Hindrance.NO_IBAN
    try:
        iban = checked_iban(party.iban)
    except WrongIban:
        return Hindrance.WRONG_IBAN
    return None if schwifty.IBAN(iban).in_sepa_zone else Hindrance.NOT_SEPA


def bic_of(party: Party) -> str | None:
    """Return the bank of a party's account: as it says, or as the IBAN tells."""
    if party.bic is not None or party.iban is None:
        return party.bic
    found = schwifty.IBAN(party.iban).bic
    return None if found is None else str(found)


def hindrance_of(
    tax_status: str, party: Party, acceptance: Acceptance | None, returned: Returned | None
) -> Hindrance | None:
    """Return the first thing that stands in the way of paying an owner, if something does.

    Args:
        tax_status: The owner's.
        party: As he stands on papers.
        acceptance: His last consent.
        returned: His last payment that came back: its account needs another consent.
    """
    hindrance = account_hindrance(party)
    if hindrance is not None:
        return hindrance
    if tax_status in _TAXED:
        if party.vat_id is None:
            return Hindrance.NO_VAT_ID
        try:
            checked_vat_id(party.vat_id, party.country)
        except WrongVatId:
            return Hindrance.WRONG_VAT_ID
    if acceptance is None:
        return Hindrance.NOT_ACCEPTED
    assert party.iban is not None
    if acceptance.iban != checked_iban(party.iban):
        return Hindrance.IBAN_CHANGED
    is_checked = (
        returned is None or returned.iban != acceptance.iban or returned.at < acceptance.accepted_at
    )
    return None if is_checked else Hindrance.IBAN_RETURNED


async def standing(db: AsyncSession, payee: OrganisationKey) -> Standing:
    """Return how an owner stands to being paid.

    Raises:
        NotFound: If there is no such organisation.
    """
    return (await standings(db, [await directory.organisation(db, payee)]))[payee]


async def standings(
    db: AsyncSession, organisations: Sequence[Organisation]
) -> dict[OrganisationKey, Standing]:
    """Return how organisations stand to being paid, all at once."""
    debtors = {charges.organisation(each.key): each for each in organisations}
    known = await contacts.of_debtors(db, list(debtors))
    keys = [each.key for each in organisations]
    accepted = await acceptances(db, keys)
    returned = await payout_store.last_returns(db, keys)
    found = {}
    for debtor, each in debtors.items():
        party = known[debtor].party if debtor in known else contacts.party_of(each)
        acceptance = accepted.get(each.key)
        found[each.key] = Standing(
            organisation=each,
            party=party,
            acceptance=acceptance,
            hindrance=hindrance_of(each.tax_status, party, acceptance, returned.get(each.key)),
        )
    return found


async def acceptances(
    db: AsyncSession, payees: Collection[OrganisationKey]
) -> dict[OrganisationKey, Acceptance]:
    """Return the last consent of each of some owners."""
    last = (
        select(func.max(SelfBillingAcceptanceRow.id))
        .where(SelfBillingAcceptanceRow.payee.in_(payees))
        .group_by(SelfBillingAcceptanceRow.payee)
    )
    rows = await db.execute(
        select(SelfBillingAcceptanceRow).where(SelfBillingAcceptanceRow.id.in_(last))
    )
    return {OrganisationKey(row.payee): _acceptance(row) for row in rows.scalars()}


async def accept(
    db: AsyncSession,
    payee: OrganisationKey,
    *,
    language: str,
    by: str,
    by_name: str,
    of: OrganisationKey,
    now: datetime,
) -> Standing:
    """Record the consent of an owner, with the account and the VAT id that it is about.

    Args:
        db: A unit of work.
        payee: The owner.
        language: Of the sentences that were read.
        by: Who accepts, as in `person/7`.
        by_name: His name.
        of: His organisation: the owner's, or one above it, but never the operator's.
        now: When.

    Raises:
        NotFound: If there is no such organisation.
        PersonNeeded: If a program accepts.
        NotOwnersPerson: If he is not the owner's.
        PayeeNotPayable: If the account or the VAT id is missing or wrong.
    """
    if not by.startswith("person/"):
        raise PersonNeeded
    operator = await directory.root(db)
    if of == operator.key or payee not in await directory.below(db, of):
        raise NotOwnersPerson(payee)
    found = await standing(db, payee)
    if found.hindrance is not None and found.hindrance not in ACCEPTABLE:
        raise PayeeNotPayable(payee, found.hindrance)
    if found.hindrance is None:
        return found
    assert found.party.iban is not None
    await db.execute(
        insert(SelfBillingAcceptanceRow).values(
            payee=payee,
            terms=TERMS,
            language=language,
            tax_status=found.organisation.tax_status,
            vat_id=found.party.vat_id,
            iban=checked_iban(found.party.iban),
            accepted_at=now,
            accepted_by=by,
            accepted_by_name=by_name,
        )
    )
    return await standing(db, payee)


def _acceptance(row: SelfBillingAcceptanceRow) -> Acceptance:
    return Acceptance(
        payee=OrganisationKey(row.payee),
        terms=row.terms,
        language=row.language,
        tax_status=row.tax_status,
        vat_id=row.vat_id,
        iban=row.iban,
        accepted_at=row.accepted_at,
        accepted_by=row.accepted_by,
        accepted_by_name=row.accepted_by_name,
    )
