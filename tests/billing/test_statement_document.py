"""A statement as XML: the same figures, valid in every tax case, from the payee's side."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.documents import VatCategory, check
from billing.statement_document import statement_document, statement_xml
from billing.statement_forms import statement_json
from billing.statements import Party, TaxStatus
from foundation.identifiers import OrganisationKey
from tests.billing.builders import START, external, payable, statement
from tests.billing.invoice_rules import broken_rules, must_be_valid, schema_errors, values

PAYEE = statement().payee
OPERATOR = replace(statement().issuer, vat_id="DE136695976")


def case(tax_status: TaxStatus, **changes: Any) -> bytes:
    """Return the XML of a month with sessions of two classes."""
    given: dict[str, Any] = {
        "issuer": OPERATOR,
        "tax_status": tax_status,
        "cdrs": [payable(1, "12.34"), external(2, "7.77"), external(3, "1.01", share_bps=8500)],
    }
    return statement_xml(statement(**(given | changes)))


@pytest.mark.parametrize(
    ("tax_status", "payee", "category", "tax"),
    [
        (TaxStatus.STANDARD, PAYEE, "S", "3.84"),
        (TaxStatus.REVERSE_CHARGE, PAYEE, "AE", "0.00"),
        (TaxStatus.SMALL_BUSINESS, PAYEE, "E", "0.00"),
        (TaxStatus.SMALL_BUSINESS, replace(PAYEE, vat_id=None), "O", "0.00"),
        (TaxStatus.PRIVATE, replace(PAYEE, vat_id=None), "O", "0.00"),
        (TaxStatus.PRIVATE, PAYEE, "O", "0.00"),
    ],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_tax_status_passes_schema_and_rules(
    tax_status: TaxStatus, payee: Party, category: str, tax: str, language: str
) -> None:
    xml = case(tax_status, payee=payee, language=language)
    must_be_valid(xml)
    assert set(values(xml, "//CategoryCode")) == {category}
    assert values(xml, "//TaxTotalAmount") == [tax]


def test_the_payee_sells_by_self_billing_and_every_sum_is_that_of_the_json() -> None:
    value = statement(cdrs=[payable(1, "12.34"), external(2, "7.77")])
    data = statement_json(value)
    xml = statement_xml(value)
    assert values(xml, "//ExchangedDocument/ID") == [data["statement_id"]]
    assert values(xml, "//TypeCode")[0] == "389"
    assert values(xml, "//SellerTradeParty/Name") == ["Stadt Böblingen"]
    assert values(xml, "//SellerTradeParty/PostalTradeAddress/PostcodeCode") == ["71032"]
    assert values(xml, "//SellerTradeParty/PostalTradeAddress/CityName") == ["Böblingen"]
    assert values(xml, "//SellerTradeParty/PostalTradeAddress/LineOne") == ["Marktplatz 16"]
    assert values(xml, "//BuyerTradeParty/Name") == ["Ladewerk GmbH"]
    assert values(xml, "//IBANID") == ["DE89370400440532013000"]
    assert values(xml, "//DueDateDateTime/DateTimeString") == ["20261130"]
    assert values(xml, "//LineTotalAmount")[-1] == data["payout_net"]
    assert values(xml, "//TaxTotalAmount") == [data["vat"][0]["amount"]]
    assert values(xml, "//DuePayableAmount") == [data["payout_gross"]]
    lines = [Decimal(each) for each in values(xml, "//LineTotalAmount")[:-1]]
    assert lines == [Decimal("12.34"), Decimal("6.99")]


def test_a_month_without_sessions_and_one_that_takes_back_are_valid_too() -> None:
    must_be_valid(case(TaxStatus.STANDARD, cdrs=[]))
    xml = case(TaxStatus.STANDARD, cdrs=[payable(1, "-5.00", month="2026-09")])
    must_be_valid(xml)
    assert values(xml, "//BilledQuantity") == ["-1"]
    assert values(xml, "//DuePayableAmount") == ["-5.95"]


def test_the_period_is_from_the_first_to_the_last_session_in_the_payees_zone() -> None:
    late = payable(1, "5.00", started_at=START - timedelta(days=60), ended_at=START)
    made = statement_document(statement(cdrs=[late, payable(2, "1.00")], time_zone="Asia/Tokyo"))
    assert made.first_day == (START - timedelta(days=60) + timedelta(hours=9)).date()
    empty = statement_document(statement())
    assert (empty.first_day, empty.last_day) == (date(2026, 10, 1), date(2026, 10, 31))


def test_without_vat_id_and_country_the_xml_has_the_form_and_the_rules_name_what_is_missing() -> (
    None
):
    unknown = Party(key=OrganisationKey("town"), name="Frau Weiß", address=("im Hof",))
    xml = case(TaxStatus.STANDARD, payee=unknown)
    assert "BR-S-02" in broken_rules(xml)
    assert any("CountryID" in each for each in schema_errors(xml))
    must_be_valid(case(TaxStatus.PRIVATE, payee=replace(unknown, country="DE")))


@settings(max_examples=25, deadline=None)
@given(
    cents=st.lists(
        st.tuples(st.integers(-100_000, 100_000), st.sampled_from([10_000, 9_000, 8_500])),
        max_size=12,
    ),
    tax_status=st.sampled_from(TaxStatus),
)
def test_any_statement_is_a_document_that_holds_and_passes(
    cents: list[tuple[int, int]], tax_status: TaxStatus
) -> None:
    cdrs = [
        external(number, str(Decimal(each).scaleb(-2)), share_bps=share)
        for number, (each, share) in enumerate(cents, start=1)
    ]
    value = statement(cdrs=cdrs, tax_status=tax_status, issuer=OPERATOR)
    made = statement_document(value)
    check(made)
    assert made.gross == value.payout_gross
    assert {each.category for each in made.vat} <= set(VatCategory)
    must_be_valid(statement_xml(value))
