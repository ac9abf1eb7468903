"""Contacts: the persons and companies that papers go to.

A contact belongs to its managing organisation, which decides who sees it. Invoices and credit notes
go only to contacts: one may stand for an organisation or a provider, whose papers then go to it.
Whoever is not recorded gets none, and the monitor says so.

Source: rules of the business, 1.4 (CRM). VAT ids and IBANs are checked by their check digits, not
by asking whether they exist.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NotRequired, TypedDict

import schwifty
from schwifty.exceptions import SchwiftyException
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum import get_cc_module
from stdnum.eu import vat as european_vat
from stdnum.exceptions import ValidationError

from accounts import checks, directory
from accounts.directory import WHOLE, Scope
from billing import charges
from billing.document_tables import ContactRow
from billing.documents import Party
from billing.statements import TaxStatus
from billing.vat import EUROPEAN_UNION, TaxPosition
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey


class ContactKind(StrEnum):
    """What a contact is."""

    PERSON = "person"
    COMPANY = "company"


class WrongVatId(InvalidInput):
    """The VAT id is not one of its country: its form or its check digit is wrong."""

    code = "wrong_vat_id"

    def __init__(self, vat_id: str, country: str) -> None:
        super().__init__(
            f"{vat_id!r} is no VAT id of {country}: its form or its check digit is wrong.",
            field="vat_id",
        )


class WrongIban(InvalidInput):
    """The IBAN's form or its check digits are wrong."""

    code = "wrong_iban"

    def __init__(self, iban: str) -> None:
        super().__init__(
            f"{iban!r} is no IBAN: its form or its check digits are wrong.", field="iban"
        )


class RepresentedAlready(Conflict):
    """Another contact stands for this organisation or provider."""

    code = "represented_already"

    def __init__(self, represents: str) -> None:
        super().__init__(f"Another contact stands for {represents} already.")


class ContactFacts(TypedDict):
    """What may be said of a contact; what is left out keeps its value, or the default."""

    managing: NotRequired[str]
    kind: NotRequired[str]
    name: NotRequired[str]
    street: NotRequired[str]
    postcode: NotRequired[str]
    city: NotRequired[str]
    country: NotRequired[str]
    tax_country: NotRequired[str | None]
    tax_status: NotRequired[str]
    vat_id: NotRequired[str | None]
    tax_number: NotRequired[str | None]
    language: NotRequired[str]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    iban: NotRequired[str | None]
    bic: NotRequired[str | None]
    represents: NotRequired[str | None]
    is_active: NotRequired[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person or company that papers go to.

    Attributes:
        managing: The organisation that owns it and decides who sees it.
        tax_country: Where it is taxed (ISO 3166-1); mostly the country of its address.
        represents: `organisation/x` or `provider/y`, whose papers go to it.
    """

    id: int
    managing: OrganisationKey
    kind: ContactKind
    name: str
    street: str
    postcode: str
    city: str
    country: str
    tax_country: str
    tax_status: TaxStatus
    vat_id: str | None
    tax_number: str | None
    language: str
    email: str | None
    phone: str | None
    iban: str | None
    bic: str | None
    represents: str | None
    is_active: bool
    created_at: datetime

    @property
    def debtor(self) -> str:
        """How it is named where it owes something: as what it represents, or as itself."""
        return self.represents or charges.contact(self.id)

    @property
    def party(self) -> Party:
        """The contact as it stands on a document."""
        return Party(
            key=self.debtor,
            name=self.name,
            street=self.street,
            postcode=self.postcode,
            city=self.city,
            country=self.country,
            vat_id=self.vat_id,
            tax_number=self.tax_number,
            email=self.email,
            phone=self.phone,
            iban=self.iban,
            bic=self.bic,
            language=self.language,
        )

    @property
    def tax(self) -> TaxPosition:
        """How it stands to VAT; a provider buys energy to sell it on."""
        return TaxPosition(
            self.tax_country, self.tax_status, self.vat_id, self.debtor.startswith("provider/")
        )


# ------------------------------------------------------------------------------------ checks


def checked_vat_id(value: str, country: str) -> str:
    """Return a VAT id in its compact form, with the prefix of its country.

    Countries whose numbers nobody here knows to check are kept as they are written.

    Raises:
        WrongVatId: If it is not one of the country.
    """
    compact = re.sub(r"[\s.\-/]", "", value).upper()
    if country in EUROPEAN_UNION:
        prefix = "EL" if country == "GR" else country
        try:
            checked = european_vat.validate(compact)
        except ValidationError:
            raise WrongVatId(value, country) from None
        if not checked.startswith(prefix):
            raise WrongVatId(value, country)
        return checked
    module = get_cc_module(country.lower(), "vat")
    if module is None:
        return checks.vat_id(value)
    try:
        module.validate(compact)
    except ValidationError:
        raise WrongVatId(value, country) from None
    return compact


def checked_iban(value: str) -> str:
    """Return an IBAN in its compact form.

    Raises:
        WrongIban: If its form or its check digits are wrong.
    """
    try:
        return str(schwifty.IBAN(value).compact)
    except SchwiftyException:
        raise WrongIban(value) from None


_LONGEST: Final = {"street": 200, "postcode": 20, "city": 100, "phone": 40, "tax_number": 40}


def _checked(facts: ContactFacts, *, country: str) -> dict[str, object]:
    """Return what is said of a contact in the form we keep.

    Args:
        country: The one that its VAT id is of.
    """
    values: dict[str, object] = dict(facts)
    for name in ("street", "postcode", "city", "phone", "tax_number"):
        given = facts.get(name)
        if given is not None:
            values[name] = checks.text(str(given), name, longest=_LONGEST[name])
    if "name" in facts:
        values["name"] = checks.text(facts["name"], "name")
    if "kind" in facts and facts["kind"] not in set(ContactKind):
        raise InvalidInput("kind must be person or company.", field="kind")
    if "country" in facts:
        values["country"] = checks.country(facts["country"])
    tax_country = facts.get("tax_country")
    if tax_country is not None:
        values["tax_country"] = checks.country(tax_country)
    if "tax_status" in facts:
        values["tax_status"] = checks.tax_status(facts["tax_status"])
    if "language" in facts:
        values["language"] = checks.language(facts["language"])
    for name, check in (
        ("email", checks.email),
        ("iban", checked_iban),
        ("represents", _represented),
    ):
        given = facts.get(name)
        if given is not None:
            values[name] = check(str(given))
    vat_id = facts.get("vat_id")
    if vat_id is not None:
        values["vat_id"] = checked_vat_id(vat_id, country)
    bic = facts.get("bic")
    if bic is not None:
        try:
            values["bic"] = str(schwifty.BIC(bic).compact)
        except SchwiftyException:
            raise InvalidInput(f"{bic!r} is no BIC.", field="bic") from None
    return values


def _represented(value: str) -> str:
    kind, slash, key = value.partition("/")
    if kind not in ("organisation", "provider") or not slash or not key:
        raise InvalidInput(
            "represents names an organisation or a provider, as in organisation/bakery.",
            field="represents",
        )
    return value


# ----------------------------------------------------------------------------------- reading


async def contacts(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    search: str = "",
    after: int | None = None,
    limit: int | None = None,
) -> list[Contact]:
    """Return the contacts whose managing organisation is in scope, by name.

    Args:
        db: A unit of work.
        scope: Whose contacts may be seen.
        search: A part of the name, the city or the mail address.
        after: From behind the contact with this id.
        limit: At most so many.
    """
    statement = select(ContactRow).order_by(ContactRow.name, ContactRow.id)
    if scope.organisations is not None:
        statement = statement.where(ContactRow.managing.in_(scope.organisations))
    if search:
        statement = statement.where(
            or_(
                *(
                    column.icontains(search, autoescape=True)
                    for column in (ContactRow.name, ContactRow.city, ContactRow.email)
                )
            )
        )
    if after is not None:
        last = await db.get(ContactRow, after)
        name, number = ("", 0) if last is None else (last.name, last.id)
        statement = statement.where(
            or_(ContactRow.name > name, (ContactRow.name == name) & (ContactRow.id > number))
        )
    if limit is not None:
        statement = statement.limit(limit)
    return [_contact(row) for row in (await db.execute(statement)).scalars()]


async def contact(db: AsyncSession, contact_id: int, scope: Scope = WHOLE) -> Contact:
    """Return one contact.

    Raises:
        NotFound: If there is none with this id in scope.
    """
    row = await db.get(ContactRow, contact_id)
    if row is None or not scope.covers(OrganisationKey(row.managing)):
        raise NotFound("contact", contact_id)
    return _contact(row)


async def of_debtors(db: AsyncSession, debtors: Sequence[str]) -> Mapping[str, Contact]:
    """Return the contact of each debtor (`contact/17`, `organisation/x`), as far as recorded."""
    ids = [int(each.partition("/")[2]) for each in debtors if re.fullmatch(r"contact/[0-9]+", each)]
    rows = await db.execute(
        select(ContactRow).where(
            or_(ContactRow.represents.in_(list(debtors)), ContactRow.id.in_(ids))
        )
    )
    found: dict[str, Contact] = {}
    for row in rows.scalars():
        of = _contact(row)
        found[of.debtor] = of
        found[charges.contact(of.id)] = of
    return {each: found[each] for each in debtors if each in found}


async def payees_details(db: AsyncSession, organisation: OrganisationKey) -> Party:
    """Return an organisation as it stands on papers: its contact, or what it says of itself.

    Raises:
        NotFound: If there is no such organisation.
    """
    key = charges.organisation(organisation)
    found = (await of_debtors(db, [key])).get(key)
    if found is not None:
        return found.party
    return party_of(await directory.organisation(db, organisation))


def party_of(organisation: directory.Organisation) -> Party:
    """Return an organisation as it stands on papers where no contact stands for it."""
    street, postcode, city = address_parts(organisation.address or "")
    return Party(
        key=charges.organisation(organisation.key),
        name=organisation.name,
        street=street,
        postcode=postcode,
        city=city,
        country=organisation.country,
        vat_id=organisation.vat_id,
        email=organisation.email,
        iban=organisation.iban,
        language=organisation.language,
    )


def address_parts(address: str) -> tuple[str, str, str]:
    """Return street, postcode and city of an address in lines, the last of which is the town."""
    lines = [line.strip() for line in re.split(r"[\n,]", address) if line.strip()]
    if not lines:
        return "", "", ""
    town = re.fullmatch(r"(?:[A-Z]{1,3}-)?([0-9][0-9A-Z ]{2,8}?) +(\D.*)", lines[-1])
    if town is None:
        return ", ".join(lines[:-1]), "", lines[-1]
    return ", ".join(lines[:-1]), town[1], town[2]


# ----------------------------------------------------------------------------------- writing


async def add(db: AsyncSession, facts: ContactFacts, *, now: datetime) -> Contact:
    """Record a contact.

    Raises:
        InvalidInput: If a fact is missing or malformed.
        WrongVatId, WrongIban: If check digits are wrong.
        RepresentedAlready: If another one stands for the same.
    """
    for needed in ("managing", "kind", "name", "street", "postcode", "city", "country"):
        if not facts.get(needed):
            raise InvalidInput(f"{needed} is missing.", field=needed)
    managing = await _managing(db, facts["managing"])
    tax_country = facts.get("tax_country") or facts["country"]
    values: dict[str, object] = {
        "language": managing.language,
        "tax_status": "private" if facts["kind"] == ContactKind.PERSON else "standard",
        "is_active": True,
        **_checked(facts, country=tax_country),
        "tax_country": checks.country(tax_country),
        "created_at": now,
    }
    await _must_exist(db, facts.get("represents"))
    written = await db.execute(
        insert(ContactRow)
        .values(values)
        .on_conflict_do_nothing(index_elements=[ContactRow.represents])
        .returning(ContactRow.id)
    )
    contact_id = written.scalar()
    if contact_id is None:
        raise RepresentedAlready(str(facts.get("represents")))
    return await contact(db, contact_id)


async def change(db: AsyncSession, contact_id: int, facts: ContactFacts) -> Contact:
    """Change what is named; documents that were issued keep what stood on them.

    Raises:
        NotFound: If there is no such contact.
        InvalidInput: If a fact is malformed.
        WrongVatId, WrongIban: If check digits are wrong.
        RepresentedAlready: If another one stands for the same.
    """
    row = await db.get(ContactRow, contact_id, with_for_update=True)
    if row is None:
        raise NotFound("contact", contact_id)
    country = facts.get("tax_country") or facts.get("country") or row.tax_country
    if "managing" in facts:
        await _managing(db, facts["managing"])
    represents = facts.get("represents")
    if represents is not None and represents != row.represents:
        await _must_exist(db, represents)
        other = await db.scalar(
            select(func.count())
            .select_from(ContactRow)
            .where(ContactRow.represents == represents, ContactRow.id != contact_id)
        )
        if other:
            raise RepresentedAlready(represents)
    values = _checked(facts, country=country)
    if "country" in facts and "tax_country" not in facts and row.tax_country == row.country:
        values["tax_country"] = values["country"]
    if row.vat_id is not None and "vat_id" not in facts and country != row.tax_country:
        values["vat_id"] = checked_vat_id(row.vat_id, country)
    if values.get("tax_country", "") is None:
        values["tax_country"] = values.get("country", row.country)
    for name, value in values.items():
        setattr(row, name, value)
    await db.flush()
    return _contact(row)


async def record_organisation(
    db: AsyncSession, organisation: OrganisationKey, *, now: datetime
) -> Contact:
    """Return the contact that stands for an organisation; make it of what it says of itself.

    Raises:
        NotFound: If there is no such organisation.
        InvalidInput: If its address, VAT id or IBAN does not do for papers.
    """
    key = charges.organisation(organisation)
    known = (await of_debtors(db, [key])).get(key)
    if known is not None:
        return known
    says = await directory.organisation(db, organisation)
    party = party_of(says)
    facts = ContactFacts(
        managing=organisation,
        kind=ContactKind.PERSON if says.tax_status == "private" else ContactKind.COMPANY,
        name=party.name,
        street=party.street,
        postcode=party.postcode,
        city=party.city,
        country=party.country,
        tax_status=says.tax_status,
        vat_id=party.vat_id,
        language=party.language,
        email=party.email,
        iban=party.iban,
        represents=key,
    )
    return await add(db, facts, now=now)


async def _managing(db: AsyncSession, key: str) -> directory.Organisation:
    try:
        return await directory.organisation(db, OrganisationKey(key))
    except NotFound as error:
        raise InvalidInput(str(error), field="managing") from error


async def _must_exist(db: AsyncSession, represents: str | None) -> None:
    """Refuse an organisation that is not there; providers are roaming's and not known here."""
    if represents is None or not _represented(represents).startswith("organisation/"):
        return
    try:
        await directory.organisation(db, OrganisationKey(represents.partition("/")[2]))
    except NotFound as error:
        raise InvalidInput(str(error), field="represents") from error


def _contact(row: ContactRow) -> Contact:
    return Contact(
        id=row.id,
        managing=OrganisationKey(row.managing),
        kind=ContactKind(row.kind),
        name=row.name,
        street=row.street,
        postcode=row.postcode,
        city=row.city,
        country=row.country,
        tax_country=row.tax_country,
        tax_status=TaxStatus(row.tax_status),
        vat_id=row.vat_id,
        tax_number=row.tax_number,
        language=row.language,
        email=row.email,
        phone=row.phone,
        iban=row.iban,
        bic=row.bic,
        represents=row.represents,
        is_active=row.is_active,
        created_at=row.created_at,
    )
