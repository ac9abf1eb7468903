"""Contacts: what is checked, whom they stand for, and who sees them."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import contacts
from billing.contacts import RepresentedAlready, WrongIban, WrongVatId
from billing.statements import TaxStatus
from foundation.errors import InvalidInput, NotFound
from tests.billing.paper_story import AUSTRIAN_VAT, OPERATOR, customer, open_office
from tests.billing.story import BAKERY, HOTEL, NOW


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("DE 136.695.976", "DE", "DE136695976"),
        (AUSTRIAN_VAT, "AT", AUSTRIAN_VAT),
        ("CHE-107.787.577 IVA", "CH", "CHE107787577IVA"),
        ("GB 980 7806 84", "GB", "GB980780684"),
        ("XX12345", "XX", "XX12345"),
    ],
)
def test_a_vat_id_is_kept_in_its_compact_form(written: str, country: str, kept: str) -> None:
    assert contacts.checked_vat_id(written, country) == kept


@pytest.mark.parametrize(
    ("written", "country"),
    [("DE136695977", "DE"), (AUSTRIAN_VAT, "DE"), ("DE13669597", "DE"), ("CHE107787578", "CH")],
)
def test_a_wrong_vat_id_is_refused(written: str, country: str) -> None:
    with pytest.raises(WrongVatId):
        contacts.checked_vat_id(written, country)


def test_a_wrong_iban_is_refused_beside_the_right_one() -> None:
    assert contacts.checked_iban("de89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    with pytest.raises(WrongIban):
        contacts.checked_iban("DE88370400440532013000")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("Marktplatz 16\n71032 Böblingen", ("Marktplatz 16", "71032", "Böblingen")),
        ("Hof, Weg 3\nA-1010 Wien", ("Hof, Weg 3", "1010", "Wien")),
        ("Ulm", ("", "", "Ulm")),
        ("", ("", "", "")),
    ],
)
def test_an_address_in_lines_is_taken_apart(address: str, parts: tuple[str, str, str]) -> None:
    assert contacts.address_parts(address) == parts


async def test_a_contact_is_of_its_managing_company_which_decides_who_sees_it(
    db: AsyncSession,
) -> None:
    await open_office(db)
    theirs = await customer(db, managing=BAKERY, name="Anna", kind="person", vat_id=None)
    assert theirs.tax_status is TaxStatus.PRIVATE
    bakery, hotel = (Scope(frozenset({key})) for key in (BAKERY, HOTEL))
    assert [each.id for each in await contacts.contacts(db, bakery)] == [theirs.id]
    assert await contacts.contacts(db, hotel) == []
    with pytest.raises(NotFound):
        await contacts.contact(db, theirs.id, hotel)
    second = await customer(db, name="Zoe")
    found = await contacts.contacts(db, after=theirs.id, search="o", limit=5)
    assert [each.id for each in found] == [second.id]


async def test_a_change_checks_what_it_changes_and_an_organisation_has_one_contact(
    db: AsyncSession,
) -> None:
    await open_office(db)
    bakery = await contacts.record_organisation(db, BAKERY, now=NOW)
    assert await contacts.record_organisation(db, BAKERY, now=NOW) == bakery
    assert (bakery.party.postcode, bakery.debtor) == ("71032", "organisation/bakery")
    assert (await contacts.payees_details(db, BAKERY)).city == "Böblingen"
    assert (await contacts.payees_details(db, OPERATOR)).street == "Hafenstraße 1"
    with pytest.raises(RepresentedAlready):
        await customer(db, represents="organisation/bakery")
    other = await customer(db)
    with pytest.raises(RepresentedAlready):
        await contacts.change(db, other.id, {"represents": "organisation/bakery"})
    with pytest.raises(WrongVatId):
        await contacts.change(db, bakery.id, {"tax_country": "AT"})
    moved = await contacts.change(
        db, bakery.id, {"country": "AT", "vat_id": AUSTRIAN_VAT, "bic": "COBADEFFXXX"}
    )
    assert (moved.tax_country, moved.vat_id) == ("AT", AUSTRIAN_VAT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"street": ""},
        {"kind": "club"},
        {"represents": "bakery"},
        {"represents": "organisation/nobody"},
        {"managing": "nobody"},
        {"bic": "NOBIC"},
        {"email": "nobody"},
    ],
)
async def test_a_contact_that_papers_cannot_go_to_is_refused(
    db: AsyncSession, wrong: dict[str, str]
) -> None:
    await open_office(db)
    with pytest.raises(InvalidInput):
        await customer(db, **wrong)
