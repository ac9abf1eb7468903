"""The ledger: accounts, postings, entries that balance; balances as a fold.

Double entry and append-only: what was wrong is put right by a further entry that names the one it
corrects. A posting is positive for a debit (we have it, or somebody owes it to us) and negative
for a credit (we owe it, or have earned it); the postings of an entry add up to zero in each
currency.

How a transaction passes through the accounts, each line one entry:

==================  ======================================  ===================================
when                debit                                   credit
==================  ======================================  ===================================
CDR                 receivable of the provider, or          unsettled of the payee: net;
                    clearing of the organisation: gross     vat: the tax
month close         unsettled of the payee: net;            payable of the payee: payout gross;
                    vat: the tax on the payout              fees: what we keep
payment             payable of the payee                    bank
                    (one that the bank sends back: the other way round)
invoice             debtor: gross                           what the CDRs were booked on: gross;
                                                            services: net, vat: tax of charges
VAT by recipient    debtor: what more tax the recipient     vat
                    owes than was booked by session
                    (less: the other way round)
advance             bank                                    receivable of the provider that stands
                                                            for those who pay at once
receipt             bank                                    debtor
                    (before the invoice as well, for what it will come to; taken back and
                    booked as it is when the invoice is there)
counter-document    the postings of what it takes back, with the sign turned; never a receipt:
                    what was paid stays a credit balance of the debtor
==================  ======================================  ===================================

A document's entries move what was booked before: charging revenue came in with the CDR, what a
payee is owed with the close. So a credit note that says what its statement says books nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from foundation.identifiers import OrganisationKey, PartyId, TransactionId
from foundation.money import Money

_ZERO: Final = Decimal(0)


class AccountKind(StrEnum):
    """What an account is for; those with a party are kept once for each."""

    RECEIVABLE = "receivable"
    """What a provider (EMP) owes us for its customers' charging."""
    CLEARING = "clearing"
    """What an organisation's own tokens charged: settled with that organisation."""
    UNSETTLED = "unsettled"
    """Net revenue of a payee's stations that no statement has settled yet."""
    PAYABLE = "payable"
    """What statements say that we owe a payee; a debit balance is carried forward."""
    FEES = "fees"
    """What is left for us after the payee's share."""
    VAT = "vat"
    """Tax that we collected less tax that we were charged."""
    BANK = "bank"
    """Money that came in or went out."""
    DEBTOR = "debtor"
    """The open items of a contact, an organisation or a provider, by document."""
    SERVICES = "services"
    """What we earned with services."""
    UNCREDITED = "uncredited"
    """What a statement owes a payee whose credit note was taken back and not written again."""


_WITHOUT_PARTY = frozenset(
    {AccountKind.FEES, AccountKind.VAT, AccountKind.BANK, AccountKind.SERVICES}
)


class LedgerAccount(msgspec.Struct, frozen=True, order=True, gc=False):
    """One account; `party` is an organisation's key or a provider's party id."""

    kind: AccountKind
    party: str | None = None

    def __post_init__(self) -> None:
        assert (self.party is None) == (self.kind in _WITHOUT_PARTY), f"party of {self.kind}"

    @property
    def name(self) -> str:
        """How the account is stored and shown: `unsettled/bakery`, `fees`."""
        return self.kind if self.party is None else self.kind + "/" + self.party

    @classmethod
    def from_name(cls, name: str) -> "LedgerAccount":
        """Return the account that was stored under a name."""
        kind, slash, party = name.partition("/")
        return cls(AccountKind(kind), party if slash else None)


@lru_cache(maxsize=10_000)
def receivable(provider: PartyId) -> LedgerAccount:
    return LedgerAccount(AccountKind.RECEIVABLE, provider)


@lru_cache(maxsize=10_000)
def clearing(organisation: OrganisationKey) -> LedgerAccount:
    return LedgerAccount(AccountKind.CLEARING, organisation)


@lru_cache(maxsize=10_000)
def unsettled(payee: OrganisationKey) -> LedgerAccount:
    return LedgerAccount(AccountKind.UNSETTLED, payee)


def payable(payee: OrganisationKey) -> LedgerAccount:
    return LedgerAccount(AccountKind.PAYABLE, payee)


def debtor(key: str) -> LedgerAccount:
    """Return the account of the open items of `contact/17`, `organisation/x` or `provider/y`."""
    return LedgerAccount(AccountKind.DEBTOR, key)


def uncredited(payee: OrganisationKey) -> LedgerAccount:
    return LedgerAccount(AccountKind.UNCREDITED, payee)


FEES = LedgerAccount(AccountKind.FEES)
SERVICES = LedgerAccount(AccountKind.SERVICES)
VAT = LedgerAccount(AccountKind.VAT)
BANK = LedgerAccount(AccountKind.BANK)


class Posting(msgspec.Struct, frozen=True, gc=False):
    """A rounded amount on one account: positive a debit, negative a credit."""

    account: LedgerAccount
    amount: Money

    def __post_init__(self) -> None:
        assert self.amount.is_rounded, f"{self.amount} is not rounded"


class EntryKind(StrEnum):
    """What an entry is about."""

    CDR = "cdr"
    CDR_REVERSED = "cdr_reversed"
    CLOSE = "close"
    PAYMENT = "payment"
    INVOICE = "invoice"
    VAT_BY_RECIPIENT = "vat_by_recipient"
    """The one place where the tax of a document differs from that of its sessions."""
    CREDIT_NOTE = "credit_note"
    CANCELLATION = "cancellation"
    RECEIPT = "receipt"
    ADVANCE = "advance"
    """What drivers paid at once: by a card with money on it, by a payment, at a terminal."""


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Postings that belong together and balance in each currency.

    `corrects` is the id of the stored entry that this one puts right. An entry of nothing (a
    charge of 0) has no postings and need not be stored.
    """

    kind: EntryKind
    booked_at: datetime
    narration: str
    postings: tuple[Posting, ...]
    transaction_id: TransactionId | None = None
    statement_id: str | None = None
    corrects: int | None = None

    def __post_init__(self) -> None:
        assert self.booked_at.tzinfo is not None
        sums: dict[str, Decimal] = {}
        for each in self.postings:
            currency = each.amount.currency
            sums[currency] = sums.get(currency, _ZERO) + each.amount.amount
        assert not any(sums.values()), f"does not balance: {sums}"


def sums_by_currency(postings: Iterable[Posting]) -> dict[str, Money]:
    """Return the sum of all postings in each currency that occurs."""
    sums: dict[str, Money] = {}
    for posting in postings:
        currency = posting.amount.currency
        known = sums.get(currency)
        sums[currency] = posting.amount if known is None else known + posting.amount
    return sums


def balances(postings: Iterable[Posting]) -> dict[LedgerAccount, dict[str, Money]]:
    """Return each account's balance by currency; accounts without a posting are missing."""
    by_account: defaultdict[LedgerAccount, list[Posting]] = defaultdict(list)
    for posting in postings:
        by_account[posting.account].append(posting)
    return {account: sums_by_currency(ours) for account, ours in by_account.items()}


def cdr_entry(
    *,
    payer: LedgerAccount,
    payee: OrganisationKey,
    net: Money,
    vat: Money,
    credited: Money | None = None,
    transaction_id: TransactionId,
    booked_at: datetime,
    narration: str,
) -> JournalEntry:
    """Return the entry of a CDR: the payer owes net and tax, the net waits for the close.

    Where the owner's share is taken of a purchase price, that is what waits (`credited`); the
    difference to what is paid is the operator's at once.
    """
    waits = net if credited is None else credited
    return JournalEntry(
        kind=EntryKind.CDR,
        booked_at=booked_at,
        narration=narration,
        transaction_id=transaction_id,
        postings=_without_zeros(
            [
                Posting(payer, net + vat),
                Posting(unsettled(payee), -waits),
                Posting(FEES, waits - net),
                Posting(VAT, -vat),
            ]
        ),
    )


def counter_entry(
    entry: JournalEntry, *, entry_id: int, booked_at: datetime, narration: str
) -> JournalEntry:
    """Return the entry that takes a stored CDR's entry back."""
    return replace(
        entry,
        kind=EntryKind.CDR_REVERSED,
        booked_at=booked_at,
        narration=narration,
        corrects=entry_id,
        postings=tuple(Posting(each.account, -each.amount) for each in entry.postings),
    )


@dataclass(frozen=True, slots=True)
class SettledGroup:
    """What the close settles at once: transactions of one payee, currency, class and share.

    Args:
        label: The group in words, for the narration.
        net: The sum of the transactions' net revenue.
        payout: The payee's share of it, rounded, without tax.
    """

    label: str
    net: Money
    payout: Money


def close_entries(
    *,
    payee: OrganisationKey,
    groups: Sequence[SettledGroup],
    vat: Money,
    statement_id: str,
    booked_at: datetime,
) -> list[JournalEntry]:
    """Return the entries of a month close: the payout once per group, then the tax on all of it."""
    entries = [
        JournalEntry(
            kind=EntryKind.CLOSE,
            booked_at=booked_at,
            narration=f"{statement_id}: {group.label}",
            statement_id=statement_id,
            postings=_without_zeros(
                [
                    Posting(unsettled(payee), group.net),
                    Posting(payable(payee), -group.payout),
                    Posting(FEES, group.payout - group.net),
                ]
            ),
        )
        for group in groups
    ]
    if vat.amount:
        entries.append(
            JournalEntry(
                kind=EntryKind.CLOSE,
                booked_at=booked_at,
                narration=f"{statement_id}: VAT on the payout",
                statement_id=statement_id,
                postings=(Posting(VAT, vat), Posting(payable(payee), -vat)),
            )
        )
    return [entry for entry in entries if entry.postings]


def payment_entry(
    *, payee: OrganisationKey, amount: Money, statement_id: str, booked_at: datetime
) -> JournalEntry:
    """Return the entry of a statement paid to its payee."""
    return JournalEntry(
        kind=EntryKind.PAYMENT,
        booked_at=booked_at,
        narration=f"{statement_id}: paid",
        statement_id=statement_id,
        postings=_without_zeros([Posting(payable(payee), amount), Posting(BANK, -amount)]),
    )


def advance_entry(
    *,
    account: LedgerAccount,
    amount: Money,
    booked_at: datetime,
    narration: str,
    transaction_id: TransactionId | None = None,
) -> JournalEntry:
    """Return the entry of what drivers paid at once: it stands against what they charge."""
    return JournalEntry(
        kind=EntryKind.ADVANCE,
        booked_at=booked_at,
        narration=narration,
        postings=_without_zeros([Posting(BANK, amount), Posting(account, -amount)]),
        transaction_id=transaction_id,
    )


def returned_entry(entry: JournalEntry, *, entry_id: int, booked_at: datetime) -> JournalEntry:
    """Return the entry of a payment that the bank sent back: what it paid is owed again."""
    assert entry.kind is EntryKind.PAYMENT, "only a payment comes back"
    return replace(
        entry,
        booked_at=booked_at,
        narration=f"{entry.statement_id}: payment came back",
        corrects=entry_id,
        postings=tuple(Posting(each.account, -each.amount) for each in entry.postings),
    )


def invoice_entries(
    *,
    number: str,
    debtor_key: str,
    charged: Mapping[LedgerAccount, Money],
    charged_tax: Money,
    services: Money,
    services_tax: Money,
    tax: Money,
    booked_at: datetime,
) -> list[JournalEntry]:
    """Return the entries of an invoice: what it moves, then the tax that differs by recipient.

    Args:
        number: The invoice's.
        debtor_key: Whose open item it becomes.
        charged: What its sessions were booked with, tax included, by the account that owes it.
        charged_tax: The tax in that.
        services: The net sum of its charges.
        services_tax: The tax on these.
        tax: The tax of the whole invoice.
        booked_at: When.
    """
    account = debtor(debtor_key)
    moved = sum((money.amount for money in charged.values()), _ZERO)
    amount = Money(moved, tax.currency) + services + services_tax
    differs = tax - charged_tax - services_tax
    entries = [
        JournalEntry(
            kind=EntryKind.INVOICE,
            booked_at=booked_at,
            narration=f"{number}: invoice",
            postings=_without_zeros(
                [
                    Posting(account, amount),
                    *(Posting(each, -money) for each, money in sorted(charged.items())),
                    Posting(SERVICES, -services),
                    Posting(VAT, -services_tax),
                ]
            ),
        ),
        JournalEntry(
            kind=EntryKind.VAT_BY_RECIPIENT,
            booked_at=booked_at,
            narration=f"{number}: VAT of the sessions {(tax - services_tax).text},"
            f" booked with them {charged_tax.text}",
            postings=_without_zeros([Posting(account, differs), Posting(VAT, -differs)]),
        ),
    ]
    return [entry for entry in entries if entry.postings]


def discount_entry(
    *, number: str, payee: OrganisationKey, net: Money, tax: Money, booked_at: datetime
) -> JournalEntry:
    """Return the entry of what a credit note takes off its statement.

    Args:
        net: What is taken off, 0 or more.
        tax: By how much that lowers the tax.
    """
    return JournalEntry(
        kind=EntryKind.CREDIT_NOTE,
        booked_at=booked_at,
        narration=f"{number}: discount on community sessions",
        postings=_without_zeros(
            [Posting(payable(payee), net + tax), Posting(FEES, -net), Posting(VAT, -tax)]
        ),
    )


def credit_note_entry(
    *, number: str, payee: OrganisationKey, gross: Money, booked_at: datetime, taken_back: bool
) -> JournalEntry:
    """Return the entry by which a credit note is taken back, or written again.

    What the statement owes is then owed without a paper, and with one again.
    """
    sign = 1 if taken_back else -1
    return JournalEntry(
        kind=EntryKind.CANCELLATION if taken_back else EntryKind.CREDIT_NOTE,
        booked_at=booked_at,
        narration=f"{number}: credit note {'taken back' if taken_back else 'written again'}",
        postings=_without_zeros(
            [Posting(payable(payee), gross * sign), Posting(uncredited(payee), gross * -sign)]
        ),
    )


def cancelled_entry(
    entry: JournalEntry, *, entry_id: int, number: str, booked_at: datetime
) -> JournalEntry:
    """Return the entry by which a counter-document takes a stored entry back."""
    return replace(
        entry,
        kind=EntryKind.CANCELLATION,
        booked_at=booked_at,
        narration=f"{number}: takes back {entry.narration}",
        corrects=entry_id,
        postings=tuple(Posting(each.account, -each.amount) for each in entry.postings),
    )


def part_credit_entry(
    *, number: str, debtor_key: str, net: Money, tax: Money, booked_at: datetime
) -> JournalEntry:
    """Return the entry of a counter-document over a part: it comes out of what we keep."""
    return JournalEntry(
        kind=EntryKind.CANCELLATION,
        booked_at=booked_at,
        narration=f"{number}: part taken back",
        postings=_without_zeros(
            [Posting(debtor(debtor_key), -(net + tax)), Posting(FEES, net), Posting(VAT, tax)]
        ),
    )


def receipt_entry(
    *, debtor_key: str, amount: Money, number: str, booked_at: datetime
) -> JournalEntry:
    """Return the entry of an invoice that was paid."""
    return JournalEntry(
        kind=EntryKind.RECEIPT,
        booked_at=booked_at,
        narration=f"{number}: paid",
        postings=_without_zeros([Posting(BANK, amount), Posting(debtor(debtor_key), -amount)]),
    )


def prepayment_entry(
    *, debtor_key: str, amount: Money, about: str, booked_at: datetime
) -> JournalEntry:
    """Return the entry of money that came before there is an invoice to pay with it."""
    return replace(
        receipt_entry(debtor_key=debtor_key, amount=amount, number=about, booked_at=booked_at),
        narration=f"{about}: paid before its invoice",
    )


def _without_zeros(postings: Sequence[Posting]) -> tuple[Posting, ...]:
    return tuple(posting for posting in postings if posting.amount.amount)


def owed(
    of: Mapping[LedgerAccount, Mapping[str, Money]], account: LedgerAccount, currency: str
) -> Money:
    """Return what we owe on an account (a credit balance as a positive amount)."""
    return -of.get(account, {}).get(currency, Money.zero(currency))
