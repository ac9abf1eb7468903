"""What a document will say: sums that hold, lines that are theirs, prices that are exact."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.charges import BookedCharge, Charge, ChargeKind
from billing.contacts import Contact, ContactKind
from billing.documents import VatCategory, check
from billing.invoice_drafts import (
    Issuer,
    Owed,
    SessionSum,
    apart,
    community_discount,
    credit_note,
    invoices,
    priced,
)
from billing.invoicing_settings import InvoicingSettings
from billing.statements import TaxStatus
from billing.vat import TaxPosition
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from tests.billing.builders import external, payable, statement
from tests.billing.test_documents import ISSUER

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
NOTHING = Money.zero("EUR")


def eur(cents: int) -> Money:
    return Money.from_minor(cents, "EUR")


def issuer(**switches: object) -> Issuer:
    return Issuer(
        key=OrganisationKey("operator"),
        party=ISSUER,
        credit_note_party=ISSUER,
        tax=TaxPosition("DE", TaxStatus.STANDARD, ISSUER.vat_id),
        zone=ZoneInfo("Europe/Berlin"),
        settings=InvoicingSettings(**switches),  # type: ignore[arg-type]
    )


def contact(**changes: object) -> Contact:
    values: dict[str, object] = {
        "id": 1,
        "managing": OrganisationKey("operator"),
        "kind": ContactKind.COMPANY,
        "name": "Huber",
        "street": "Ring 5",
        "postcode": "10115",
        "city": "Berlin",
        "country": "DE",
        "tax_country": "DE",
        "tax_status": TaxStatus.STANDARD,
        "vat_id": "DE129273398",
        "tax_number": None,
        "language": "de",
        "email": None,
        "phone": None,
        "iban": None,
        "bic": None,
        "represents": None,
        "is_active": True,
        "created_at": NOW,
        **changes,
    }
    return Contact(**values)  # type: ignore[arg-type]


def sessions(token: str | None, cents: int, rate: str | None = "19") -> SessionSum:
    return SessionSum(
        token=token,
        vat_rate=None if rate is None else Decimal(rate),
        sessions=1,
        energy_wh=Decimal(1000),
        net=eur(cents),
        first_at=datetime(2026, 10, 3, 22, 30, tzinfo=UTC),
        last_at=datetime(2026, 10, 31, 22, 59, tzinfo=UTC),
    )


def charge(quantity: str, cents: int) -> BookedCharge:
    return BookedCharge(
        id=1,
        charge=Charge(
            key="k",
            kind=ChargeKind.MONITORING,
            debtor="contact/1",
            quantity=Decimal(quantity),
            unit="MON",
            net=eur(cents),
            first_day=date(2026, 10, 1),
            last_day=date(2026, 10, 31),
        ),
        booked_at=NOW,
        document=None,
    )


def test_an_order_of_credits_is_parted_from_the_rest_unless_it_was_cancelled() -> None:
    fee, order = charge("1", 500), named(charge("100", 1190), "credits/1")
    cancelled = named(charge("100", 1190), "credits/2")
    counter = named(charge("-100", -1190), "credits/2/cancelled", cancels="credits/2")
    orders, rest = apart(Owed(charges=(fee, order, cancelled, counter), booked_tax=NOTHING))
    assert orders == [order]
    assert rest.charges == (fee, cancelled, counter)


def named(booked: BookedCharge, key: str, **details: str) -> BookedCharge:
    its = replace(booked.charge, key=key, kind=ChargeKind.CREDITS, details=details)
    return replace(booked, charge=its)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "A", "B"]),
            st.integers(-(10**6), 10**6),
            st.sampled_from(["19", "20", "0", None]),
        ),
        unique_by=lambda each: (each[0], each[2]),
        max_size=8,
    ),
    st.lists(st.tuples(st.integers(1, 40), st.integers(-(10**6), 10**6)), max_size=4),
    st.booleans(),
)
def test_the_sums_of_a_draft_always_hold(
    sold: list[tuple[str | None, int, str | None]],
    services: list[tuple[int, int]],
    aggregated: bool,
) -> None:
    if not sold and not services:
        return
    owed = Owed(
        sessions=tuple(sessions(*each) for each in sold),
        charges=tuple(charge(str(count), cents) for count, cents in services),
        booked_tax=NOTHING,
    )
    [draft] = invoices(
        issuer(aggregated_lines=aggregated), contact(), owed, "EUR", month="2026-10", now=NOW
    )
    check(replace(draft.document, number="RE-1"))
    cents = sum(each[1] for each in sold) + sum(each[1] for each in services)
    assert draft.document.net.minor == cents
    assert set(draft.lines_of) == {(each.token, each.vat_rate) for each in owed.sessions}


def test_the_period_is_in_the_issuers_zone() -> None:
    owed = Owed(sessions=(sessions("A", 100),), booked_tax=NOTHING)
    [draft] = invoices(issuer(), contact(), owed, "EUR", month="2026-10", now=NOW)
    assert (draft.document.first_day, draft.document.last_day) == (
        date(2026, 10, 4),
        date(2026, 10, 31),
    )
    assert draft.document.due_on == date(2026, 11, 16)


def test_the_rate_is_that_of_the_day_of_the_supply() -> None:
    """In Germany 16 % until the end of 2020, 19 % from then on."""
    old = replace(
        charge("1", 1000).charge, first_day=date(2020, 12, 1), last_day=date(2020, 12, 31)
    )
    new = replace(old, first_day=date(2020, 12, 1), last_day=date(2021, 1, 31))
    untaxed = replace(
        sessions("A", 100, None),
        first_at=datetime(2020, 12, 31, 20, tzinfo=UTC),
        last_at=datetime(2020, 12, 31, 22, 59, tzinfo=UTC),
    )
    owed = Owed(
        sessions=(untaxed,),
        charges=tuple(replace(charge("1", 1000), charge=each) for each in (old, new)),
        booked_tax=NOTHING,
    )
    february = datetime(2021, 2, 2, 8, tzinfo=UTC)
    [draft] = invoices(issuer(), contact(), owed, "EUR", month="2021-01", now=february)
    assert [line.vat_rate for line in draft.document.lines] == [16, 16, 19]
    check(replace(draft.document, number="RE-1"))


def test_a_rate_of_zero_is_a_rate() -> None:
    owed = Owed(sessions=(sessions("A", 100, "0"), sessions("B", 100)), booked_tax=NOTHING)
    [draft] = invoices(issuer(), contact(), owed, "EUR", month="2026-10", now=NOW)
    assert [(line.vat_category, line.vat_rate) for line in draft.document.lines] == [
        (VatCategory.Z, Decimal(0)),
        (VatCategory.S, Decimal(19)),
    ]
    assert draft.document.tax == eur(19)
    check(replace(draft.document, number="RE-1"))


def test_what_is_outside_the_scope_of_tax_stands_on_an_invoice_of_its_own() -> None:
    swiss = contact(tax_country="CH", vat_id="CHE107787577")
    owed = Owed(sessions=(sessions("A", 100),), charges=(charge("1", 1000),), booked_tax=NOTHING)
    drafts = invoices(issuer(), swiss, owed, "EUR", month="2026-10", now=NOW)
    assert [[each.category for each in of.document.vat] for of in drafts] == [
        [VatCategory.S],
        [VatCategory.O],
    ]
    assert len({each.run_key for each in drafts}) == 2


def test_a_price_is_exact_or_the_whole_is_one() -> None:
    assert priced(Decimal(3), eur(300)) == (Decimal(3), Decimal(1))
    assert priced(Decimal(3), eur(-300)) == (Decimal(-3), Decimal(1))
    assert priced(Decimal(3), eur(100)) == (Decimal(1), Decimal(1))
    assert priced(Decimal(0), eur(100)) == (Decimal(1), Decimal(1))


def test_a_credit_note_says_what_its_statement_says() -> None:
    of = statement(cdrs=[payable(1, "10.01"), external(2, "3.33"), external(3, "-1.00")])
    period = (date(2026, 10, 1), date(2026, 10, 31))
    draft = credit_note(
        issuer(), contact(represents="organisation/town"), of, period=period, now=NOW
    )
    assert (draft.document.net, draft.document.gross) == (of.payout_net, of.payout_gross)
    assert (draft.discount, draft.statement_id) == (None, of.statement_id)


def test_the_discount_is_of_external_groups_and_never_below_zero() -> None:
    of = statement(cdrs=[payable(1, "10.00"), external(2, "10.00")])
    assert community_discount(of.groups, 500, "EUR") == eur(45)
    back = statement(cdrs=[external(1, "-10.00")])
    assert community_discount(back.groups, 500, "EUR") == NOTHING
