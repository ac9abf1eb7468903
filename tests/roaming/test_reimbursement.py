"""Whose token charged, who pays, and what the owner gets."""

from dataclasses import replace

import pytest
from msgspec import structs

from billing.cdr import ChargeClass, Payer
from billing.terms import Basis
from foundation.events import TokenStatus, TransactionStarted
from foundation.identifiers import OrganisationKey, PartyId
from roaming.agreements import DEFAULT, Agreement, InternalScope
from roaming.reimbursement import classify, payer_of, share
from tests.billing.story import LONG_AGO, NOW, started

ROOT = OrganisationKey("root")
CHAIN = OrganisationKey("chain")
BAKERY = OrganisationKey("bakery")
STAFF = OrganisationKey("staff")
CAFE = OrganisationKey("cafe")
HOTEL = OrganisationKey("hotel")
EMP = PartyId("DE*EMP")

TREE = {ROOT: None, CHAIN: ROOT, BAKERY: CHAIN, STAFF: BAKERY, CAFE: CHAIN, HOTEL: ROOT}


def charged(
    token_of: OrganisationKey | None, provider: PartyId | None = None
) -> TransactionStarted:
    return started(1, owner=BAKERY, token_organisation=token_of, token_provider=provider)


@pytest.mark.parametrize(
    ("scope", "internal"),
    [
        (InternalScope.OWNER, {BAKERY, STAFF}),
        (InternalScope.OPERATOR, {CHAIN, BAKERY, STAFF, CAFE}),
        (InternalScope.INSTALLATION, set(TREE)),
    ],
)
def test_the_scope_says_whose_tokens_are_internal(
    scope: InternalScope, internal: set[OrganisationKey]
) -> None:
    found = {key for key in TREE if classify(charged(key), scope, TREE) is ChargeClass.INTERNAL}
    assert found == internal


def test_the_owner_at_the_top_is_his_own_operator() -> None:
    event = started(1, owner=ROOT, token_organisation=HOTEL)
    assert classify(event, InternalScope.OPERATOR, TREE) is ChargeClass.INTERNAL


@pytest.mark.parametrize("scope", InternalScope)
def test_a_providers_token_and_an_unknown_one_are_always_external(scope: InternalScope) -> None:
    assert classify(charged(STAFF, EMP), scope, TREE) is ChargeClass.EXTERNAL
    assert classify(charged(None), scope, TREE) is ChargeClass.EXTERNAL


def test_the_provider_pays_for_its_tokens_and_an_organisation_for_its_own() -> None:
    assert payer_of(charged(STAFF)) == Payer(organisation=STAFF)
    assert payer_of(charged(None, EMP)) == Payer(provider=EMP)
    assert payer_of(charged(STAFF, EMP)) == Payer(provider=EMP)


@pytest.mark.parametrize(
    "status", [TokenStatus.BLOCKED, TokenStatus.EXPIRED, TokenStatus.NO_CREDIT, TokenStatus.INVALID]
)
def test_nobody_pays_for_a_token_that_was_refused(status: TokenStatus) -> None:
    assert payer_of(structs.replace(charged(STAFF), token_status=status)) is None
    assert payer_of(structs.replace(charged(None, EMP), token_status=status)) is None


def test_nobody_pays_without_a_token_or_for_an_unknown_one() -> None:
    assert payer_of(structs.replace(charged(STAFF), id_token=None)) is None
    assert payer_of(charged(None)) is None


def test_without_an_agreement_the_default_terms_hold() -> None:
    own = share(charged(STAFF), [], TREE)
    other = share(charged(None, EMP), [], TREE)
    assert (own.share_bps, own.charge_class, own.agreement_id) == (10_000, "internal", None)
    assert (other.share_bps, other.charge_class, other.basis) == (9_000, "external", Basis.NET)


def test_the_agreement_at_the_start_decides() -> None:
    terms = replace(
        DEFAULT,
        internal_bps=9_500,
        external_bps=7_000,
        basis=Basis.GROSS,
        internal_scope=InternalScope.OPERATOR,
    )
    past = Agreement(1, BAKERY, DEFAULT, LONG_AGO, NOW)
    present = Agreement(2, BAKERY, terms, NOW, None)

    cafe = share(charged(CAFE), [past, present], TREE)
    hotel = share(charged(HOTEL), [past, present], TREE)

    assert (cafe.share_bps, cafe.basis, cafe.agreement_id) == (9_500, Basis.GROSS, 2)
    assert (hotel.share_bps, hotel.agreement_id) == (7_000, 2)
