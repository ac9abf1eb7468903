"""What a transaction is billed by."""

from typing import Any

import pytest
from msgspec.structs import replace

from billing.cdr import ChargeClass, Payer
from billing.terms import Basis, Sharing, Terms, facts_of
from tests.billing.story import BAKERY, EXTERNAL, NOVEMBER, NOW, STAFF, ended, started

SHARING = Sharing(
    charge_class=ChargeClass.INTERNAL,
    payer=Payer(organisation=STAFF),
    share_bps=10_000,
    basis=Basis.NET,
    agreement_id=None,
)
TERMS = Terms(
    transaction_id=started(1).transaction_id,
    payee=BAKERY,
    sharing=SHARING,
    tariff_number=1,
    facts={},
    frozen_at=NOW,
)


def test_the_end_of_a_transaction_has_the_facts_of_its_start() -> None:
    assert facts_of(ended(1)) == facts_of(started(1))
    assert facts_of(ended(1, kwh="99", revision=2)) == facts_of(started(1))


@pytest.mark.parametrize(
    "changed",
    [EXTERNAL, {"owner": STAFF}, {"location": None}, {"free_vend": True}, {"id_token": None}],
)
def test_other_facts_are_noticed(changed: dict[str, Any]) -> None:
    assert facts_of(started(1, **changed)) != facts_of(started(1))
    assert facts_of(started(1, NOVEMBER)) != facts_of(started(1))


def test_terms_are_complete_with_a_tariff_and_a_payer() -> None:
    assert TERMS.is_complete
    assert not replace(TERMS, tariff_number=None).is_complete
    assert not replace(TERMS, sharing=replace(SHARING, payer=None)).is_complete
