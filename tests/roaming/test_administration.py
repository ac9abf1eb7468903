"""Entering providers and agreements."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, PartyId
from roaming import administration
from roaming.administration import (
    AgreementFacts,
    ProviderExists,
    ProviderFacts,
    change_agreement,
    create_agreement,
    end_agreement,
    party_id_from,
)
from roaming.agreements import DEFAULT, AgreementsOverlap
from tests.billing.story import BAKERY, HOTEL, LONG_AGO, NOW, settle_in

DAY = timedelta(days=1)


async def test_an_agreement_holds_from_its_date(db: AsyncSession) -> None:
    await settle_in(db)
    made = await create_agreement(
        db, BAKERY, {"external_bps": 8000, "basis": "gross"}, valid_from=NOW, now=NOW
    )
    assert await administration.agreements(db) == [made]
    assert await administration.agreement(db, made.agreement_id) == made
    assert await administration.terms_at(db, BAKERY, NOW) == (made.terms, made)
    assert await administration.terms_at(db, BAKERY, NOW - DAY) == (DEFAULT, None)
    assert (made.terms.internal_bps, made.terms.external_bps) == (10_000, 8_000)


async def test_two_agreements_at_once_are_refused_naming_the_other(db: AsyncSession) -> None:
    await settle_in(db)
    first = await create_agreement(db, BAKERY, {}, valid_from=NOW, valid_to=NOW + DAY, now=NOW)

    with pytest.raises(AgreementsOverlap) as refusal:
        await create_agreement(db, BAKERY, {}, valid_from=NOW + DAY / 2, now=NOW)
    assert refusal.value.existing == first

    await create_agreement(db, BAKERY, {}, valid_from=NOW + DAY, now=NOW)
    await create_agreement(db, HOTEL, {}, valid_from=NOW, now=NOW)


async def test_a_change_ends_the_agreement_and_begins_another(db: AsyncSession) -> None:
    await settle_in(db)
    first = await create_agreement(
        db, BAKERY, {"external_bps": 8000}, valid_from=LONG_AGO, valid_to=NOW + 9 * DAY, now=NOW
    )

    second = await change_agreement(
        db, first.agreement_id, {"internal_bps": 9000}, valid_from=NOW, now=NOW
    )

    old, new = await administration.agreements(db)
    assert (old.valid_from, old.valid_to) == (LONG_AGO, NOW)
    assert new == second
    assert (new.valid_from, new.valid_to) == (NOW, NOW + 9 * DAY)
    assert (new.terms.internal_bps, new.terms.external_bps) == (9000, 8000)


async def test_an_agreement_ends_by_a_fact_of_its_own(db: AsyncSession) -> None:
    await settle_in(db)
    made = await create_agreement(db, BAKERY, {}, valid_from=LONG_AGO, now=NOW)

    ended = await end_agreement(db, made.agreement_id, valid_to=NOW, now=NOW)

    assert await administration.agreements(db) == [ended]
    assert await end_agreement(db, made.agreement_id, valid_to=NOW, now=NOW) == ended
    await create_agreement(db, BAKERY, {}, valid_from=NOW, now=NOW)


async def test_only_a_moment_within_its_validity_changes_an_agreement(db: AsyncSession) -> None:
    await settle_in(db)
    made = await create_agreement(db, BAKERY, {}, valid_from=NOW, valid_to=NOW + DAY, now=NOW)
    for moment in (NOW - DAY, NOW, NOW + DAY):
        with pytest.raises(InvalidInput):
            await change_agreement(db, made.agreement_id, {}, valid_from=moment, now=NOW)
    with pytest.raises(InvalidInput):
        await end_agreement(db, made.agreement_id, valid_to=NOW + 2 * DAY, now=NOW)
    with pytest.raises(NotFound):
        await end_agreement(db, 999, valid_to=NOW, now=NOW)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"external_bps": 10_001}, "external_bps"),
        ({"basis": "brutto"}, "basis"),
        ({"internal_scope": "all"}, "internal_scope"),
    ],
)
async def test_a_word_or_share_that_is_none_is_refused(
    db: AsyncSession, facts: AgreementFacts, field: str
) -> None:
    await settle_in(db)
    with pytest.raises(InvalidInput) as refusal:
        await create_agreement(db, BAKERY, facts, valid_from=NOW, now=NOW)
    assert refusal.value.field == field


async def test_an_agreement_needs_a_payee_that_exists(db: AsyncSession) -> None:
    await settle_in(db)
    with pytest.raises(InvalidInput) as refusal:
        await create_agreement(db, OrganisationKey("nobody"), {}, valid_from=NOW, now=NOW)
    assert refusal.value.field == "payee"


async def test_an_owner_sees_his_own_agreements(db: AsyncSession) -> None:
    await settle_in(db)
    await create_agreement(db, HOTEL, {}, valid_from=NOW, now=NOW)
    assert await administration.agreements(db, Scope(frozenset({BAKERY}))) == []
    assert len(await administration.agreements(db, Scope(frozenset({HOTEL})))) == 1


async def test_a_provider_is_entered_and_changed(db: AsyncSession) -> None:
    made = await administration.create_provider(db, "de-xyz", {"name": "XYZ"}, now=NOW)
    assert (made.party_id, made.terms_days, made.email) == ("DE*XYZ", 30, None)

    changed = await administration.change_provider(
        db, made.party_id, {"terms_days": 14, "email": "billing@xyz.example"}
    )

    assert await administration.provider(db, made.party_id) == changed
    assert (changed.name, changed.terms_days) == ("XYZ", 14)
    with pytest.raises(ProviderExists):
        await administration.create_provider(db, "DEXYZ", {"name": "again"}, now=NOW)


async def test_providers_are_listed_in_pages(db: AsyncSession) -> None:
    for party in ("AT*ABC", "DE*XYZ", "CH*QQQ"):
        await administration.create_provider(db, party, {"name": party}, now=NOW)
    first = await administration.providers(db, limit=2)
    rest = await administration.providers(db, after=first[-1].party_id)
    assert [each.party_id for each in [*first, *rest]] == ["AT*ABC", "CH*QQQ", "DE*XYZ"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "X", "email": "nobody"}, "email"),
        ({"name": "X", "terms_days": -1}, "terms_days"),
        ({"name": "X", "terms_days": True}, "terms_days"),
    ],
)
async def test_a_provider_that_is_not_described_is_refused(
    db: AsyncSession, facts: ProviderFacts, field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await administration.create_provider(db, "DE*XYZ", facts, now=NOW)
    assert refusal.value.field == field


async def test_a_provider_that_is_not_known_is_not_found(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await administration.provider(db, PartyId("DE*XYZ"))
    with pytest.raises(NotFound):
        await administration.change_provider(db, PartyId("DE*XYZ"), {})


@pytest.mark.parametrize("written", ["DE*XYZ", "de-xyz", "DExyz", " DE*XYZ "])
def test_a_party_id_is_kept_in_one_form(written: str) -> None:
    assert party_id_from(written) == "DE*XYZ"


@pytest.mark.parametrize("written", ["", "DE", "DE*XY", "D1*XYZ", "DE*XYZW", "DE**XYZ"])
def test_what_is_no_party_id_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        party_id_from(written)


async def test_one_that_has_not_begun_may_end_at_its_beginning_and_makes_room(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    coming = await create_agreement(db, BAKERY, {}, valid_from=NOW + DAY, now=NOW)
    ended = await end_agreement(db, coming.agreement_id, valid_to=NOW + DAY, now=NOW)
    assert not ended.is_valid_at(NOW + DAY)
    begun = await create_agreement(db, BAKERY, {}, valid_from=NOW + DAY, now=NOW)
    with pytest.raises(InvalidInput):
        await end_agreement(db, begun.agreement_id, valid_to=NOW + DAY, now=NOW + DAY)
