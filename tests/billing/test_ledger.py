"""The ledger: every entry balances, and balances are nothing but a fold."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import ledger
from billing.ledger import (
    BANK,
    FEES,
    VAT,
    AccountKind,
    EntryKind,
    JournalEntry,
    LedgerAccount,
    Posting,
    SettledGroup,
    balances,
    cdr_entry,
    clearing,
    close_entries,
    counter_entry,
    owed,
    payable,
    payment_entry,
    receivable,
    sums_by_currency,
    unsettled,
)
from foundation.identifiers import OrganisationKey, PartyId, TransactionId
from foundation.money import Money

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
BAKERY = OrganisationKey("bakery")
EMP = PartyId("DE*EMP")

amounts = st.integers(-(10**9), 10**9).map(lambda minor: Money.from_minor(minor, "EUR"))


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def entry(*postings: Posting) -> JournalEntry:
    return JournalEntry(
        kind=EntryKind.PAYMENT, booked_at=NOW, narration="test", postings=tuple(postings)
    )


def charge(net: Money, vat: Money, number: int = 1) -> JournalEntry:
    return cdr_entry(
        payer=receivable(EMP),
        payee=BAKERY,
        net=net,
        vat=vat,
        transaction_id=TransactionId(number),
        booked_at=NOW,
        narration="charge",
    )


def test_an_entry_that_does_not_balance_is_our_mistake() -> None:
    entry(Posting(BANK, euro("5")), Posting(FEES, euro("-5")))
    with pytest.raises(AssertionError, match="does not balance"):
        entry(Posting(BANK, euro("5")), Posting(FEES, euro("-4.99")))


def test_an_entry_balances_in_each_currency_by_itself() -> None:
    francs = Money(Decimal(5), "CHF")
    with pytest.raises(AssertionError, match="does not balance"):
        entry(Posting(BANK, euro("5")), Posting(FEES, -francs))


def test_what_is_not_rounded_cannot_be_posted() -> None:
    Posting(BANK, euro("0.01"))
    with pytest.raises(AssertionError, match="not rounded"):
        Posting(BANK, euro("0.001"))


@pytest.mark.parametrize(
    "account",
    [receivable(EMP), clearing(BAKERY), unsettled(BAKERY), payable(BAKERY), FEES, VAT, BANK],
)
def test_an_account_is_found_by_its_name(account: LedgerAccount) -> None:
    assert LedgerAccount.from_name(account.name) == account


def test_an_account_has_a_party_exactly_if_its_kind_does() -> None:
    with pytest.raises(AssertionError):
        LedgerAccount(AccountKind.PAYABLE)
    with pytest.raises(AssertionError):
        LedgerAccount(AccountKind.FEES, "bakery")


def test_a_cdr_charges_its_payer_gross_and_credits_its_payee_net() -> None:
    booked = balances(charge(euro("4.00"), euro("0.76")).postings)
    assert booked == {
        receivable(EMP): {"EUR": euro("4.76")},
        unsettled(BAKERY): {"EUR": euro("-4.00")},
        VAT: {"EUR": euro("-0.76")},
    }


def test_a_charge_of_nothing_has_no_postings() -> None:
    assert charge(euro("0"), euro("0")).postings == ()


def test_what_is_owed_is_the_credit_balance() -> None:
    [settled] = close_entries(
        payee=BAKERY,
        groups=[SettledGroup("all", euro("4.00"), euro("3.60"))],
        vat=euro("0"),
        statement_id="s",
        booked_at=NOW,
    )
    books = balances(settled.postings)
    assert owed(books, payable(BAKERY), "EUR") == euro("3.60")
    assert owed(books, payable(BAKERY), "CHF") == Money.zero("CHF")
    assert owed(books, FEES, "EUR") == euro("0.40")


@given(net=amounts, vat=amounts)
def test_a_counter_entry_leaves_nothing(net: Money, vat: Money) -> None:
    booked = charge(net, vat)
    back = counter_entry(booked, entry_id=7, booked_at=NOW, narration="back")
    assert back.corrects == 7
    assert back.kind is EntryKind.CDR_REVERSED
    books = balances([*booked.postings, *back.postings])
    assert not any(money.amount for each in books.values() for money in each.values())


@given(
    charges=st.lists(st.tuples(amounts, amounts), max_size=8),
    groups=st.lists(st.tuples(amounts, amounts), max_size=4),
    vat=amounts,
    paid=amounts,
)
def test_any_journal_balances(
    charges: list[tuple[Money, Money]],
    groups: list[tuple[Money, Money]],
    vat: Money,
    paid: Money,
) -> None:
    journal = [charge(*each) for each in charges]
    journal += [
        counter_entry(each, entry_id=1, booked_at=NOW, narration="back") for each in journal[::2]
    ]
    journal += close_entries(
        payee=BAKERY,
        groups=[SettledGroup("g", *each) for each in groups],
        vat=vat,
        statement_id="s",
        booked_at=NOW,
    )
    journal.append(payment_entry(payee=BAKERY, amount=paid, statement_id="s", booked_at=NOW))
    postings = [posting for each in journal for posting in each.postings]

    assert not any(money.amount for money in sums_by_currency(postings).values())
    folded = balances(postings)
    total = sum((money.amount for each in folded.values() for money in each.values()), Decimal(0))
    assert total == 0


def test_the_tax_on_a_payout_is_an_entry_of_its_own() -> None:
    group, tax = close_entries(
        payee=BAKERY,
        groups=[SettledGroup("all", euro("4.00"), euro("4.00"))],
        vat=euro("0.76"),
        statement_id="s",
        booked_at=NOW,
    )
    assert balances(group.postings).keys() == {unsettled(BAKERY), payable(BAKERY)}
    assert balances(tax.postings) == {
        VAT: {"EUR": euro("0.76")},
        payable(BAKERY): {"EUR": euro("-0.76")},
    }


def test_a_group_of_nothing_is_not_booked() -> None:
    nothing = SettledGroup("free", euro("0"), euro("0"))
    assert (
        close_entries(
            payee=BAKERY, groups=[nothing], vat=euro("0"), statement_id="s", booked_at=NOW
        )
        == []
    )


@given(
    charged=st.integers(-(10**6), 10**6),
    charged_tax=st.integers(-(10**5), 10**5),
    services=st.integers(0, 10**6),
    services_tax=st.integers(0, 10**5),
    tax=st.integers(0, 10**6),
)
def test_an_invoice_moves_what_was_booked_and_its_taxes_end_as_it_says(
    charged: int, charged_tax: int, services: int, services_tax: int, tax: int
) -> None:
    cents = [
        Money.from_minor(each, "EUR")
        for each in (charged, charged_tax, services, services_tax, tax)
    ]
    gross = cents[0] + cents[1]
    entries = ledger.invoice_entries(
        number="RE-1",
        debtor_key="contact/1",
        charged={ledger.clearing(OrganisationKey("x")): gross},
        charged_tax=cents[1],
        services=cents[2],
        services_tax=cents[3],
        tax=cents[4],
        booked_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    of = ledger.balances(posting for entry in entries for posting in entry.postings)
    zero = {"EUR": Money.zero("EUR")}
    debtor = of.get(ledger.debtor("contact/1"), zero)["EUR"]
    assert debtor == cents[0] + cents[2] + cents[4]
    assert of.get(ledger.VAT, zero)["EUR"] == cents[1] - cents[4]
    assert of.get(ledger.SERVICES, zero)["EUR"] == -cents[2]
    back = [
        posting
        for number, entry in enumerate(entries)
        for posting in ledger.cancelled_entry(
            entry, entry_id=number, number="ST-1", booked_at=entry.booked_at
        ).postings
    ]
    both = ledger.balances([*back, *(each for entry in entries for each in entry.postings)])
    assert all(not money.amount for each in both.values() for money in each.values())
