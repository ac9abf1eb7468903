"""Registers, sessions, ledger, statements, documents and payouts of a payee's month, side by side.

Each pair of neighbours on the way from the meter to the bank is compared. What does not agree is a
difference; it has an explanation where something known accounts for it, and none where a person
must look. Nothing here reads or writes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from billing.statements import GapExplanation, ProofRow
from foundation.identifiers import TransactionId
from foundation.money import Money

TOLERANCE_WH = Decimal(1)
"""Registers often count in whole Wh."""


class Check(StrEnum):
    """Which two things are compared."""

    REGISTERS = "registers"
    """The registers of the meters, and the sessions that we hold true."""
    SESSIONS = "sessions"
    """The sessions that we hold true, and the charge detail records made of them."""
    LEDGER = "ledger"
    """The charge detail records, and what is booked of them."""
    STATEMENTS = "statements"
    """What is booked, and what stands on statements."""
    DOCUMENTS = "documents"
    """The statements, and the documents that go with them."""
    PAYOUTS = "payouts"
    """What statements say that is owed, and what was paid."""


class Kind(StrEnum):
    """What does not agree."""

    ENERGY_GAP = "energy_gap"
    """A register counted more or less than its sessions took, in Wh."""
    WITHOUT_RECORD = "without_record"
    """A session that ended has no charge detail record."""
    WITHOUT_SESSION = "without_session"
    """A charge detail record is of no session that ended in the month."""
    OTHER_ENERGY = "other_energy"
    """A session and its record name different energy, in Wh."""
    HELD = "held"
    """A session's revenue waits for a person, or was given up by one."""
    OTHER_AMOUNT = "other_amount"
    """The ledger has booked another amount than the record says."""
    ON_NO_STATEMENT = "on_no_statement"
    """Booked revenue neither stands on a statement nor waits for one."""
    WAITING = "waiting"
    """Booked revenue waits for a statement."""
    OTHER_LINES = "other_lines"
    """The lines of a statement do not add up to what it says."""
    OTHER_ENTRIES = "other_entries"
    """The ledger's entries of a statement are not those of its lines."""
    OTHER_BALANCE = "other_balance"
    """An account has another balance than what makes it up."""
    WITHOUT_DOCUMENT = "without_document"
    """A statement has no credit note."""
    OTHER_DOCUMENT = "other_document"
    """The credit note is over another amount than its statement."""
    NOT_PAID = "not_paid"
    """A statement's payout has not gone out, or not all of it."""


class Explanation(StrEnum):
    """What accounts for a difference; a register's gap has the words of the statement's proof."""

    ON_ITS_WAY = "on_its_way"
    """Events have not reached billing yet."""
    HELD = "held"
    VOIDED = "voided"
    LATE = "late"
    """It came after the close, and stands on the next statement."""
    NOT_CLOSED = "not_closed"
    """The month is not closed yet."""
    NOT_INVOICED = "not_invoiced"
    """No credit notes are made for this payee."""
    NOT_DUE = "not_due"
    """It is to be paid, and has not been yet."""
    IN_A_RUN = "in_a_run"
    """It is in a payout run that has not been released."""
    CARRIED_FORWARD = "carried_forward"
    """What the payee owed from earlier statements was taken off."""
    NOTHING_TO_PAY = "nothing_to_pay"
    """The statement comes to nothing, or less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two things that do not agree.

    Attributes:
        about: What it is about: `transaction/17`, `statement/…`, `station/CS-1/1`, `account/…`.
        expected: Energy in Wh, or money, or a number, as text; None where there is none.
        found: Likewise.
        amount: How much, where it is about money.
        energy_wh: How much, where it is about energy.
        explanation: A key; None where a person must look.
    """

    check: Check
    kind: Kind
    about: str
    expected: str | None = None
    found: str | None = None
    amount: Money | None = None
    energy_wh: Decimal | None = None
    explanation: str | None = None

    @property
    def is_explained(self) -> bool:
        return self.explanation is not None


@dataclass(frozen=True, slots=True)
class Session:
    """A transaction that ended in the month, as the central system holds it true."""

    transaction_id: TransactionId
    revision: int
    energy_wh: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A transaction's current charge detail record, and what became of it.

    Attributes:
        net_minor: What it says.
        booked_minor: What the ledger has of it on the payee's unsettled account, net of all that
            was taken back.
        hold: Why it is not booked; None if it is.
        is_voided: Whether a person gave it up.
        is_waiting: Whether a line of it waits for a statement.
        is_settled: Whether it stands on one.
    """

    transaction_id: TransactionId
    revision: int
    energy_wh: Decimal
    currency: str
    net_minor: int
    booked_minor: int
    hold: str | None
    is_voided: bool
    is_waiting: bool
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A statement, beside what the ledger, the documents and the payouts say of it, in minor units.

    Attributes:
        lines_net, lines_payout: The sums of its lines.
        entries_net: What its entries took off the unsettled account.
        entries_payable: What its entries put on the payable account.
        document_gross: What its credit note is over; None without one.
        paid: What its payment entries booked.
        in_run: Whether a payout run that is not done has it.
        is_paid: Whether it is said to be paid.
    """

    statement_id: str
    currency: str
    sessions: int
    payout_net: int
    payout_gross: int
    lines: int
    lines_net: int
    lines_payout: int
    entries_net: int
    entries_payable: int
    document: str | None
    document_gross: int | None
    paid: int
    in_run: bool
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """An account, and what it is made up of, in minor units."""

    account: str
    currency: str
    balance: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a payee's month.

    Attributes:
        is_closed: Whether the month is closed.
        pending: How many events of it have not reached billing.
        makes_documents: Whether credit notes are made for the payee.
    """

    is_closed: bool
    pending: int
    makes_documents: bool
    proof: Sequence[ProofRow]
    sessions: Sequence[Session]
    records: Sequence[Booked]
    statements: Sequence[Issued]
    balances: Sequence[Balance]


def reconcile(facts: Facts) -> list[Difference]:
    """Return all that does not agree, in the order of the way from the meter to the bank."""
    return [
        *_registers(facts.proof),
        *_sessions(facts),
        *_ledger(facts),
        *_statements(facts),
        *_balances(facts.balances),
        *_documents(facts),
        *_payouts(facts.statements),
    ]


def _registers(proof: Sequence[ProofRow]) -> Iterator[Difference]:
    for row in proof:
        if row.explanation is GapExplanation.NONE:
            continue
        counted = None
        if row.register_start_wh is not None and row.register_end_wh is not None:
            counted = row.register_end_wh - row.register_start_wh
        yield Difference(
            check=Check.REGISTERS,
            kind=Kind.ENERGY_GAP,
            about=f"station/{row.station}/{row.evse_id}",
            expected=_energy(counted),
            found=_energy(row.sessions_wh),
            energy_wh=row.gap_wh,
            explanation=row.explanation.value,
        )


def _sessions(facts: Facts) -> Iterator[Difference]:
    known = {each.transaction_id: each for each in facts.records}
    on_its_way = Explanation.ON_ITS_WAY if facts.pending else None
    for session in facts.sessions:
        record = known.pop(session.transaction_id, None)
        about = f"transaction/{session.transaction_id}"
        if record is None:
            yield Difference(
                check=Check.SESSIONS,
                kind=Kind.WITHOUT_RECORD,
                about=about,
                expected=_energy(session.energy_wh),
                energy_wh=session.energy_wh,
                explanation=on_its_way,
            )
        elif abs(session.energy_wh - record.energy_wh) >= TOLERANCE_WH:
            is_newer = session.revision > record.revision
            yield Difference(
                check=Check.SESSIONS,
                kind=Kind.OTHER_ENERGY,
                about=about,
                expected=_energy(session.energy_wh),
                found=_energy(record.energy_wh),
                energy_wh=session.energy_wh - record.energy_wh,
                explanation=on_its_way if is_newer else None,
            )
    for record in known.values():
        yield Difference(
            check=Check.SESSIONS,
            kind=Kind.WITHOUT_SESSION,
            about=f"transaction/{record.transaction_id}",
            found=_energy(record.energy_wh),
            energy_wh=record.energy_wh,
            explanation=on_its_way,
        )


def _ledger(facts: Facts) -> Iterator[Difference]:
    for record in facts.records:
        about = f"transaction/{record.transaction_id}"
        expected = record.net_minor if record.hold is None and not record.is_voided else 0
        if record.booked_minor != expected:
            yield Difference(
                check=Check.LEDGER,
                kind=Kind.OTHER_AMOUNT,
                about=about,
                expected=_text(expected, record.currency),
                found=_text(record.booked_minor, record.currency),
                amount=Money.from_minor(record.booked_minor - expected, record.currency),
            )
        if record.hold is not None or record.is_voided:
            yield Difference(
                check=Check.STATEMENTS,
                kind=Kind.HELD,
                about=about,
                expected=_text(record.net_minor, record.currency),
                found=_text(0, record.currency),
                amount=Money.from_minor(record.net_minor, record.currency),
                explanation=Explanation.VOIDED if record.is_voided else Explanation.HELD,
            )
        elif record.is_waiting:
            yield Difference(
                check=Check.STATEMENTS,
                kind=Kind.WAITING,
                about=about,
                expected=_text(record.net_minor, record.currency),
                amount=Money.from_minor(record.net_minor, record.currency),
                explanation=Explanation.LATE if facts.is_closed else Explanation.NOT_CLOSED,
            )
        elif not record.is_settled:
            yield Difference(
                check=Check.STATEMENTS,
                kind=Kind.ON_NO_STATEMENT,
                about=about,
                expected=_text(record.net_minor, record.currency),
                amount=Money.from_minor(record.net_minor, record.currency),
            )


def _statements(facts: Facts) -> Iterator[Difference]:
    for each in facts.statements:
        about = f"statement/{each.statement_id}"
        if (each.lines, each.lines_payout) != (each.sessions, each.payout_net):
            yield Difference(
                check=Check.STATEMENTS,
                kind=Kind.OTHER_LINES,
                about=about,
                expected=_text(each.payout_net, each.currency),
                found=_text(each.lines_payout, each.currency),
                amount=Money.from_minor(each.lines_payout - each.payout_net, each.currency),
            )
        for expected, found in (
            (each.lines_net, each.entries_net),
            (each.payout_gross, each.entries_payable),
        ):
            if expected != found:
                yield Difference(
                    check=Check.STATEMENTS,
                    kind=Kind.OTHER_ENTRIES,
                    about=about,
                    expected=_text(expected, each.currency),
                    found=_text(found, each.currency),
                    amount=Money.from_minor(found - expected, each.currency),
                )


def _balances(balances: Sequence[Balance]) -> Iterator[Difference]:
    for each in balances:
        if each.balance != each.parts:
            yield Difference(
                check=Check.LEDGER,
                kind=Kind.OTHER_BALANCE,
                about=f"account/{each.account}",
                expected=_text(each.parts, each.currency),
                found=_text(each.balance, each.currency),
                amount=Money.from_minor(each.balance - each.parts, each.currency),
            )


def _documents(facts: Facts) -> Iterator[Difference]:
    for each in facts.statements:
        about = f"statement/{each.statement_id}"
        if each.document_gross is None:
            explanation = None if facts.makes_documents else Explanation.NOT_INVOICED
            if each.payout_gross <= 0:
                explanation = Explanation.NOTHING_TO_PAY
            yield Difference(
                check=Check.DOCUMENTS,
                kind=Kind.WITHOUT_DOCUMENT,
                about=about,
                expected=_text(each.payout_gross, each.currency),
                amount=Money.from_minor(each.payout_gross, each.currency),
                explanation=explanation,
            )
        elif each.document_gross != each.payout_gross:
            yield Difference(
                check=Check.DOCUMENTS,
                kind=Kind.OTHER_DOCUMENT,
                about=f"document/{each.document}",
                expected=_text(each.payout_gross, each.currency),
                found=_text(each.document_gross, each.currency),
                amount=Money.from_minor(each.document_gross - each.payout_gross, each.currency),
            )


def _payouts(statements: Sequence[Issued]) -> Iterator[Difference]:
    for each in statements:
        if each.paid == each.payout_gross:
            continue
        if each.payout_gross <= 0 and each.paid == 0:
            explanation: Explanation | None = Explanation.NOTHING_TO_PAY
        elif each.is_paid:
            less = 0 <= each.paid < each.payout_gross
            explanation = Explanation.CARRIED_FORWARD if less else None
        elif each.paid:
            explanation = None  # money went out, and nobody says so
        else:
            explanation = Explanation.IN_A_RUN if each.in_run else Explanation.NOT_DUE
        yield Difference(
            check=Check.PAYOUTS,
            kind=Kind.NOT_PAID,
            about=f"statement/{each.statement_id}",
            expected=_text(each.payout_gross, each.currency),
            found=_text(each.paid, each.currency),
            amount=Money.from_minor(each.payout_gross - each.paid, each.currency),
            explanation=explanation,
        )


def _text(minor: int, currency: str) -> str:
    money = Money.from_minor(minor, currency)
    return f"{money.text} {money.currency}"


def _energy(energy_wh: Decimal | None) -> str | None:
    return None if energy_wh is None else f"{energy_wh.normalize():f} Wh"
