"""How an issuer invoices: defaults, refusals, and that nothing is lost."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing.contacts import WrongIban
from billing.documents import DocumentKind
from billing.invoicing_settings import InvoicingSettings, change_settings, settings
from billing.services import Subscription
from foundation.errors import InvalidInput
from tests.billing.paper_story import OPERATOR
from tests.billing.story import NOW, settle_in


def test_what_costs_money_is_no_setting_but_a_service_and_the_rest_has_its_defaults() -> None:
    default = InvoicingSettings()
    assert not {each.value for each in Subscription} & set(default.__struct_fields__)
    assert (default.prefix(DocumentKind.INVOICE), default.language("AT", "en")) == ("RE", "en")


@pytest.mark.parametrize(
    "wrong",
    [
        {"community_discount_bps": 10_001},
        {"due_days": -1},
        {"languages": {"DE": "fr"}},
        {"languages": {"Germany": "de"}},
        {"prefixes": {"invoice": "RE"}},
        {"prefixes": {"invoice": "RE", "credit_note": "RE", "cancellation": "ST"}},
        {"prefixes": {"invoice": "re", "credit_note": "GS", "cancellation": "ST"}},
        {"revenue_accounts": {"invoice": "84 00"}},
        {"revenue_accounts": {"letter": "8400"}},
        {"email": "nobody"},
        {"alternative_address": {"name": "A"}},
        {"due_days": "soon"},
    ],
)
async def test_a_setting_that_makes_no_paper_is_refused(
    db: AsyncSession, wrong: dict[str, Any]
) -> None:
    await settle_in(db)
    with pytest.raises(InvalidInput):
        await change_settings(db, OPERATOR, wrong, now=NOW)
    with pytest.raises(WrongIban):
        await change_settings(db, OPERATOR, {"iban": "DE00"}, now=NOW)
    kept = await change_settings(db, OPERATOR, {"due_days": 7, "languages": {"DE": "en"}}, now=NOW)
    assert await settings(db, OPERATOR) == kept
