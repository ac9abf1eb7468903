"""Before the first payout: consent of the owner's own person, VAT id and IBAN checked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import self_billing
from billing.documents import Party
from billing.payouts import Hindrance, PayeeNotPayable, PersonNeeded, Returned
from billing.self_billing import Acceptance, NotOwnersPerson, bic_of, hindrance_of
from foundation.identifiers import OrganisationKey
from tests.billing.payees import NOVEMBER, accept, settle_in_with_accounts
from tests.billing.story import BAKERY, HOTEL, STAFF, settle_in

IBAN = "DE89370400440532013000"
ACCEPTED = Acceptance(
    payee=BAKERY,
    terms=self_billing.TERMS,
    language="de",
    tax_status="standard",
    vat_id="DE136695976",
    iban=IBAN,
    accepted_at=NOVEMBER,
    accepted_by="person/9",
    accepted_by_name="Olga Owner",
)


def party(**changes: Any) -> Party:
    values: dict[str, Any] = {
        "key": "organisation/bakery",
        "name": "Bakery",
        "street": "",
        "postcode": "",
        "city": "",
        "country": "DE",
        "vat_id": "DE136695976",
        "iban": IBAN,
    }
    return Party(**(values | changes))


@pytest.mark.parametrize(
    ("tax_status", "changes", "acceptance", "hindrance"),
    [
        ("standard", {}, ACCEPTED, None),
        ("standard", {"iban": "DE89 3704 0044 0532 0130 00"}, ACCEPTED, None),
        ("standard", {}, None, Hindrance.NOT_ACCEPTED),
        ("standard", {"iban": None}, ACCEPTED, Hindrance.NO_IBAN),
        ("standard", {"iban": "DE89370400440532013001"}, ACCEPTED, Hindrance.WRONG_IBAN),
        ("standard", {"iban": "DE8937040044053201300"}, ACCEPTED, Hindrance.WRONG_IBAN),
        ("standard", {"iban": "TR330006100519786457841326"}, ACCEPTED, Hindrance.NOT_SEPA),
        ("standard", {"iban": "DE02500105170137075030"}, ACCEPTED, Hindrance.IBAN_CHANGED),
        ("standard", {"vat_id": None}, ACCEPTED, Hindrance.NO_VAT_ID),
        ("standard", {"vat_id": "DE136695977"}, ACCEPTED, Hindrance.WRONG_VAT_ID),
        ("reverse_charge", {"vat_id": None}, ACCEPTED, Hindrance.NO_VAT_ID),
        ("reverse_charge", {"vat_id": "PT501964843", "country": "PT"}, ACCEPTED, None),
        ("reverse_charge", {"vat_id": "PT501964843"}, ACCEPTED, Hindrance.WRONG_VAT_ID),
        ("small_business", {"vat_id": None}, ACCEPTED, None),
        ("private", {"vat_id": None}, ACCEPTED, None),
        ("private", {"vat_id": None}, None, Hindrance.NOT_ACCEPTED),
    ],
)
def test_who_can_be_paid_and_what_is_missing(
    tax_status: str,
    changes: dict[str, Any],
    acceptance: Acceptance | None,
    hindrance: Hindrance | None,
) -> None:
    assert hindrance_of(tax_status, party(**changes), acceptance, None) is hindrance


@pytest.mark.parametrize(
    ("changes", "hindrance"),
    [
        ({}, Hindrance.IBAN_RETURNED),
        ({"at": NOVEMBER - timedelta(seconds=1)}, None),  # accepted again since then
        ({"iban": "DE02500105170137075030"}, None),  # to another account
    ],
)
def test_an_account_that_a_payment_came_back_from_is_accepted_again(
    changes: dict[str, Any], hindrance: Hindrance | None
) -> None:
    returned = Returned(
        iban=IBAN, returned_on=NOVEMBER.date(), reason="AC04", at=NOVEMBER, by_name="Anna"
    )
    found = hindrance_of("standard", party(), ACCEPTED, replace(returned, **changes))
    assert found is hindrance


def test_the_bank_is_the_one_that_is_named_or_that_the_iban_tells() -> None:
    assert bic_of(party(bic="BYLADEM1001")) == "BYLADEM1001"
    assert bic_of(party(iban="DE02120300000000202051")) == "BYLADEM1001"
    assert bic_of(party(iban=None)) is None


async def test_an_owners_person_accepts_with_moment_name_and_account(db: AsyncSession) -> None:
    await settle_in(db)
    with pytest.raises(PayeeNotPayable, match="no IBAN"):
        await accept(db, BAKERY)
    await directory.change_organisation(db, BAKERY, {"iban": IBAN, "tax_status": "private"})
    await accept(db, BAKERY)
    found = await self_billing.standing(db, BAKERY)
    assert found.hindrance is None
    assert found.acceptance is not None
    assert (found.acceptance.accepted_by_name, found.acceptance.accepted_at) == (
        "Olga Owner",
        NOVEMBER,
    )
    assert (found.acceptance.iban, found.acceptance.terms) == (IBAN, self_billing.TERMS)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"by": "api_key/3"}, PersonNeeded),
        ({"of": OrganisationKey("operator")}, NotOwnersPerson),
        ({"of": HOTEL}, NotOwnersPerson),
        ({"of": STAFF}, NotOwnersPerson),  # below the bakery, so not its own
    ],
)
async def test_nobody_else_accepts_for_an_owner(
    db: AsyncSession, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    await settle_in(db)
    await directory.change_organisation(db, BAKERY, {"iban": IBAN, "tax_status": "private"})
    with pytest.raises(refusal):
        await accept(db, BAKERY, **changes)
    assert (await self_billing.standing(db, BAKERY)).acceptance is None


async def test_another_account_is_accepted_again_and_the_first_consent_is_kept(
    db: AsyncSession,
) -> None:
    await settle_in_with_accounts(db)
    await accept(db, BAKERY)  # again the same: nothing is written
    await directory.change_organisation(db, BAKERY, {"iban": "DE02500105170137075030"})
    assert (await self_billing.standing(db, BAKERY)).hindrance is Hindrance.IBAN_CHANGED
    await accept(db, BAKERY, by_name="Otto Owner")
    assert (await self_billing.standing(db, BAKERY)).hindrance is None
    kept = await db.execute(
        text("select accepted_by_name from self_billing_acceptances where payee = 'bakery'")
    )
    assert sorted(kept.scalars()) == ["Olga Owner", "Otto Owner"]
    with pytest.raises(DBAPIError, match="are never changed"):
        await db.execute(text("delete from self_billing_acceptances"))


def test_the_sentences_are_there_in_both_languages() -> None:
    assert set(self_billing.SENTENCES) == {"en", "de"}
    assert "Gutschrift" in self_billing.SENTENCES["de"]
