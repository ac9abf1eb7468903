"""How an issuer invoices: the switches, and what is checked before they are relied upon.

Whether invoices and credit notes are made by themselves is a service with its price, which is off
until somebody releases its cost (`billing.subscriptions`); here stands how.

Source: rules of the business, 1.9.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks
from billing.contacts import checked_iban
from billing.document_tables import InvoicingSettingsRow
from billing.document_words import LANGUAGES
from billing.documents import DocumentKind
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.quantities import BASIS_POINTS

BACK_BILLING_YEARS: Final = 3
"""How far back sessions are invoiced."""


PREFIXES: Final = {"invoice": "RE", "credit_note": "GS", "cancellation": "ST"}
"""What numbers begin with, unless set otherwise."""


class AlternativeAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Another address of the issuer, for credit notes."""

    name: str
    street: str
    postcode: str
    city: str
    country: str


class InvoicingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The switches of an issuer.

    Attributes:
        automatic_mailing: Mail invoices; otherwise they are made, and a person sends them.
        zero_invoices: Make documents of 0.00 too.
        aggregated_lines: One line over all sessions; otherwise one for each medium.
        credit_note_mailing: Mail credit notes to the owners of stations.
        community_discount_bps: What is taken off an owner's share in external sessions, in
            basis points.
        due_days: Days from issue to payment.
        languages: The language of papers by country; elsewhere it is the recipient's own.
        prefixes: What the numbers of each kind begin with; each prefix is a range of its own.
        revenue_accounts: The bookkeeper's account of each kind, which stands on the document.
        alternative_address: Of the issuer, on credit notes.
        iban: Where invoices are paid to; the issuer's own, if it is left out.
        phone: Of the issuer, on papers.
        email: The same.
        tax_number: The same.
    """

    automatic_mailing: bool = True
    zero_invoices: bool = False
    aggregated_lines: bool = False
    credit_note_mailing: bool = True
    community_discount_bps: int = 0
    due_days: int = 14
    languages: dict[str, str] = {}
    prefixes: dict[str, str] = msgspec.field(default_factory=lambda: dict(PREFIXES))
    revenue_accounts: dict[str, str] = {}
    alternative_address: AlternativeAddress | None = None
    iban: str | None = None
    phone: str | None = None
    email: str | None = None
    tax_number: str | None = None

    def prefix(self, kind: DocumentKind) -> str:
        """Return what the numbers of a kind begin with."""
        return self.prefixes[kind.value]

    def language(self, country: str, own: str) -> str:
        """Return the language of the papers of a recipient."""
        return self.languages.get(country, own)


_PREFIX: Final = re.compile(r"[A-Z][A-Z0-9]{0,7}")


async def settings(db: AsyncSession, issuer: OrganisationKey) -> InvoicingSettings:
    """Return how an issuer invoices."""
    row = await db.get(InvoicingSettingsRow, issuer)
    if row is None:
        return InvoicingSettings()
    return msgspec.convert(row.settings, InvoicingSettings)


async def change_settings(
    db: AsyncSession,
    issuer: OrganisationKey,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> InvoicingSettings:
    """Change what is named.

    Raises:
        InvalidInput: If a value is malformed.
        WrongIban: If check digits are wrong.
    """
    before = await settings(db, issuer)
    values = {**msgspec.to_builtins(before), **changes}
    try:
        after = msgspec.convert(values, InvoicingSettings)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error)) from error
    _check(after)
    if after.iban is not None:
        after = msgspec.structs.replace(after, iban=checked_iban(after.iban))
    stored = {"settings": msgspec.to_builtins(after), "changed_at": now}
    await db.execute(
        insert(InvoicingSettingsRow)
        .values(issuer=issuer, **stored)
        .on_conflict_do_update(index_elements=[InvoicingSettingsRow.issuer], set_=stored)
    )
    return after


def _check(wanted: InvoicingSettings) -> None:
    if not 0 <= wanted.community_discount_bps <= BASIS_POINTS:
        raise InvalidInput(
            "community_discount_bps lies between 0 and 10000.", field="community_discount_bps"
        )
    if not 0 <= wanted.due_days <= 365:
        raise InvalidInput("due_days lies between 0 and 365.", field="due_days")
    for country, language in wanted.languages.items():
        checks.country(country)
        if language not in LANGUAGES:
            raise InvalidInput(f"There is no paper in {language!r}.", field="languages")
    kinds = {each.value for each in DocumentKind}
    if set(wanted.prefixes) != kinds or len(set(wanted.prefixes.values())) != len(kinds):
        raise InvalidInput("Each kind has a prefix of its own.", field="prefixes")
    for prefix in wanted.prefixes.values():
        if not _PREFIX.fullmatch(prefix):
            raise InvalidInput(
                "A prefix is 1 to 8 capital letters or digits and begins with a letter.",
                field="prefixes",
            )
    for kind, account in wanted.revenue_accounts.items():
        if kind not in kinds or not re.fullmatch(r"[0-9A-Za-z.-]{1,20}", account):
            raise InvalidInput(
                "A revenue account is 1 to 20 digits or letters.", field="revenue_accounts"
            )
    if wanted.email is not None:
        checks.email(wanted.email)
    if wanted.alternative_address is not None:
        checks.country(wanted.alternative_address.country)
