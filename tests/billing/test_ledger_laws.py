"""The laws of the ledger, whatever happens in whatever order.

Always balanced; statements are folds of postings; a share never loses a cent; closing twice books
once; any order of late sessions ends in the same sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, ledger_store
from billing.ledger import FEES, VAT, JournalEntry, LedgerAccount, payable, receivable, unsettled
from billing.statements import PayableCdr, Statement, TaxStatus, share_out
from foundation.identifiers import OrganisationKey, PartyId, TransactionId
from foundation.money import Money, total
from tests.billing import builders
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EXTERNAL,
    NOVEMBER,
    closing,
    ended,
    happen,
    settle_in,
)

TOWN = OrganisationKey("town")
EMP = receivable(PartyId("DE*EMP"))
AT = datetime(2026, 10, 15, tzinfo=UTC)


def cents(amount: int) -> Money:
    return Money.from_minor(amount, "EUR")


@dataclass(frozen=True)
class Sold:
    """A session: its price, whose token, and whether it is taken back after it was paid."""

    number: int
    net: int
    is_external: bool
    is_taken_back: bool

    def payable(self, sign: int = 1) -> PayableCdr:
        make = builders.external if self.is_external else builders.payable
        return make(self.number, cents(sign * self.net).text)

    def entry(self) -> JournalEntry:
        return ledger.cdr_entry(
            payer=EMP,
            payee=TOWN,
            net=cents(self.net),
            vat=(cents(self.net) * Decimal("0.19")).rounded(),
            transaction_id=TransactionId(self.number),
            booked_at=AT,
            narration="",
        )


sold = st.builds(
    Sold,
    number=st.integers(1, 10**6),
    net=st.integers(0, 50_000),
    is_external=st.booleans(),
    is_taken_back=st.booleans(),
)
months = st.lists(
    st.lists(sold, max_size=12, unique_by=lambda each: each.number), min_size=1, max_size=4
)
statuses = st.sampled_from(TaxStatus)


def live(
    given_months: Sequence[Sequence[Sold]], status: TaxStatus
) -> tuple[list[JournalEntry], list[Statement]]:
    """Book months one after the other: what is taken back stands on the next statement."""
    entries: list[JournalEntry] = []
    statements: list[Statement] = []
    corrections: list[PayableCdr] = []
    for number, month in enumerate(given_months):
        booked = [each.entry() for each in month]
        entries += booked
        name = f"2026-{number + 1:02}"
        made = builders.statement(
            statement_id=name,
            month="2026-12",
            tax_status=status,
            cdrs=[*(each.payable() for each in month), *corrections],
        )
        statements.append(made)
        entries += ledger.close_entries(
            payee=TOWN,
            groups=[
                ledger.SettledGroup(each.charge_class, each.net, each.payout)
                for each in made.groups
            ],
            vat=made.payout_gross - made.payout_net,
            statement_id=name,
            booked_at=AT,
        )
        taken_back = [each for each in month if each.is_taken_back]
        corrections = [each.payable(-1) for each in taken_back]
        entries += [
            ledger.counter_entry(each.entry(), entry_id=1, booked_at=AT, narration="")
            for each in taken_back
        ]
    return entries, statements


def folded(entries: Sequence[JournalEntry], account: LedgerAccount, kind: str = "") -> Money:
    """Return the sum of an account's postings, of one kind of entries or of all."""
    return total(
        (
            posting.amount
            for entry in entries
            if not kind or entry.kind == kind
            for posting in entry.postings
            if posting.account == account
        ),
        "EUR",
    )


@given(given_months=months, status=statuses)
def test_the_ledger_is_always_balanced(given_months: list[list[Sold]], status: TaxStatus) -> None:
    entries, _ = live(given_months, status)
    running = Money.zero("EUR")
    for entry in entries:
        for posting in entry.postings:
            running += posting.amount
        assert not running.amount, "between two entries everything adds up to nothing"


@given(given_months=months, status=statuses)
def test_statements_are_folds_of_postings(
    given_months: list[list[Sold]], status: TaxStatus
) -> None:
    entries, statements = live(given_months, status)
    for statement in statements:
        own = [each for each in entries if each.statement_id == statement.statement_id]
        assert -folded(own, payable(TOWN)) == statement.payout_gross
        assert folded(own, unsettled(TOWN)) == total((each.net for each in statement.lines), "EUR")
        assert folded(own, VAT) == statement.payout_gross - statement.payout_net
        kept = folded(own, unsettled(TOWN)) - statement.payout_net
        assert -folded(own, FEES) == kept
    gross = total((each.payout_gross for each in statements), "EUR")
    assert -folded(entries, payable(TOWN)) == gross


@given(
    amounts=st.lists(st.integers(-10_000, 10_000), max_size=40),
    share_bps=st.integers(0, 10_000),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_a_share_never_loses_a_cent(amounts: list[int], share_bps: int, currency: str) -> None:
    exact = [Money.from_minor(each, currency) for each in amounts]
    shares = share_out(exact, share_bps, currency)
    whole = total(exact, currency) * (Decimal(share_bps) / 10_000)
    assert total(shares, currency) == whole.rounded()
    unit = Money.from_minor(1, currency).amount
    for part, share in zip(exact, shares, strict=True):
        assert abs(share.amount - part.amount * share_bps / 10_000) < unit


@given(given_months=months)
def test_what_is_kept_and_what_is_paid_is_what_was_earned(given_months: list[list[Sold]]) -> None:
    entries, statements = live(given_months, TaxStatus.PRIVATE)
    earned = -folded(entries, unsettled(TOWN), "cdr") - folded(
        entries, unsettled(TOWN), "cdr_reversed"
    )
    waiting = -folded(entries, unsettled(TOWN))
    paid = total((each.payout_net for each in statements), "EUR")
    assert earned - waiting == paid - folded(entries, FEES)


@given(given_months=months, status=statuses, chance=st.randoms(use_true_random=False))
def test_sessions_in_any_order_make_the_same_statements_and_sums(
    given_months: list[list[Sold]], status: TaxStatus, chance: Random
) -> None:
    mixed = [chance.sample(month, len(month)) for month in given_months]
    (one, as_they_came), (other, otherwise) = live(given_months, status), live(mixed, status)
    assert otherwise == as_they_came
    for account in (EMP, unsettled(TOWN), payable(TOWN), VAT, FEES):
        assert folded(other, account) == folded(one, account)


async def sums(db: AsyncSession) -> dict[str, str]:
    """The balances of all accounts, by name."""
    found = await ledger_store.balances(db)
    return {account.name: money["EUR"].text for account, money in found.items()}


async def test_closing_twice_books_once(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, kwh="0.125", **EXTERNAL))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    once = await sums(db)
    for later in (NOVEMBER, DECEMBER):
        await closing().close(db, BAKERY, "2026-10", now=later)
        await closing().close(db, BAKERY, "2026-10", now=later, dry_run=True)
    assert await sums(db) == once


LATE = (
    ended(1),
    ended(2, kwh="0.125", **EXTERNAL),
    ended(3, kwh="3.3", **EXTERNAL),
    ended(1, kwh="8", revision=2),
)


async def test_any_order_of_late_sessions_ends_in_the_same_sums(db: AsyncSession) -> None:
    """October is closed; what comes late, and a revision before what it revises, is November's."""
    await settle_in(db)
    await happen(db, ended(9))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    seen = set()
    for order in list(permutations(LATE))[::4]:
        tried = await db.begin_nested()
        for event in order:
            await happen(db, event)
        [statement] = await closing().close(db, BAKERY, "2026-11", now=DECEMBER)
        lines = tuple((each.transaction_id, each.payout.text) for each in statement.lines)
        found = await sums(db)
        # What was booked and taken back leaves accounts of nothing behind; they are no sums.
        seen.add((lines, tuple(each for each in sorted(found.items()) if each[1] != "0.00")))
        await tried.rollback()
        db.expire_all()
    [(lines, _)] = seen
    assert lines == ((1, "3.20"), (2, "0.04"), (3, "1.19"))


@given(given_months=months)
def test_closing_later_moves_a_payout_by_less_than_a_cent_for_each_group(
    given_months: list[list[Sold]],
) -> None:
    """The group's payout is rounded once per statement, and nowhere else."""
    _, apart = live(given_months, TaxStatus.PRIVATE)
    exact = sum(
        (
            each.net.amount * each.share_bps / 10_000
            for statement in apart
            for each in statement.lines
        ),
        Decimal(0),
    )
    paid = total((each.payout_net for each in apart), "EUR").amount
    groups = sum(len(each.groups) for each in apart)
    assert abs(paid - exact) <= groups * Decimal("0.005")
