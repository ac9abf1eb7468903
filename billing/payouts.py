"""What payees are paid, how much of which statement, and the steps that a payout run goes through.

A payment settles a payee's open statements in one currency. It is never more than the ledger says
that the payee is owed: what is owed by him (a correction that took more back than a month brought)
is taken off, and where nothing remains, nothing is paid and the balance is carried forward.

A run is prepared, released by two different people, sent to the bank, and paid. Whoever prepared it
may be one of the two. Before it is sent it may be discarded, which lets go of its statements.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from billing.sepa import Account
from foundation.errors import Conflict, InvalidInput, NotPermitted
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total


class PayoutState(StrEnum):
    """How far a payout run has come."""

    DRAFT = "draft"
    RELEASED_ONCE = "released_once"
    RELEASED = "released"
    SENT = "sent"
    PAID = "paid"
    DISCARDED = "discarded"


class Step(StrEnum):
    """What somebody does with a run."""

    RELEASE = "release"
    SEND = "send"
    PAY = "pay"
    DISCARD = "discard"


_NEXT: Final[Mapping[Step, Mapping[PayoutState, PayoutState]]] = {
    Step.RELEASE: {
        PayoutState.DRAFT: PayoutState.RELEASED_ONCE,
        PayoutState.RELEASED_ONCE: PayoutState.RELEASED,
    },
    Step.SEND: {PayoutState.RELEASED: PayoutState.SENT},
    Step.PAY: {PayoutState.SENT: PayoutState.PAID},
    Step.DISCARD: {
        PayoutState.DRAFT: PayoutState.DISCARDED,
        PayoutState.RELEASED_ONCE: PayoutState.DISCARDED,
        PayoutState.RELEASED: PayoutState.DISCARDED,
    },
}


class Hindrance(StrEnum):
    """Why a payee with open statements is not paid."""

    OWN = "own"
    CARRIED_FORWARD = "carried_forward"
    NOT_DUE = "not_due"
    TAKEN_BACK = "taken_back"
    AWAITING_RECEIPT = "awaiting_receipt"
    NOT_ACCEPTED = "not_accepted"
    NO_IBAN = "no_iban"
    WRONG_IBAN = "wrong_iban"
    NOT_SEPA = "not_sepa"
    IBAN_CHANGED = "iban_changed"
    IBAN_RETURNED = "iban_returned"
    NO_VAT_ID = "no_vat_id"
    WRONG_VAT_ID = "wrong_vat_id"


REMEDIES: Final[Mapping[Hindrance, str]] = {
    Hindrance.OWN: "These are the operator's own stations: nobody is to be paid.",
    Hindrance.CARRIED_FORWARD: (
        "Nothing is owed: the balance is taken off the next payout, nothing is debited."
    ),
    Hindrance.NOT_DUE: "No statement is due by the chosen day.",
    Hindrance.TAKEN_BACK: (
        "The credit note over the statement was taken back: it is paid when it is written again."
    ),
    Hindrance.AWAITING_RECEIPT: (
        "The share of external sessions is due when the provider has paid its invoice: what waits"
        " comes with the next run after that."
    ),
    Hindrance.NOT_ACCEPTED: (
        "Before the first payout an authorised person of the owner accepts self-billing:"
        " ask the owner to do so under Payouts."
    ),
    Hindrance.NO_IBAN: "There is no IBAN: ask the owner for it and enter it.",
    Hindrance.WRONG_IBAN: (
        "The IBAN is wrong, its length or check digits do not fit: ask the owner and correct it."
    ),
    Hindrance.NOT_SEPA: (
        "The account is outside of the SEPA area: ask the owner for an IBAN within it."
    ),
    Hindrance.IBAN_CHANGED: (
        "The IBAN is not the one that the owner accepted: ask the owner, by a way that you know,"
        " to accept self-billing again with the new one."
    ),
    Hindrance.IBAN_RETURNED: (
        "The bank sent a payment to this account back: ask the owner, by a way that you know, to"
        " check it and to accept self-billing again."
    ),
    Hindrance.NO_VAT_ID: (
        "The owner charges VAT or reverse charge applies, but the VAT id is missing: enter it."
    ),
    Hindrance.WRONG_VAT_ID: (
        "The VAT id is wrong, its form or check digits do not fit the country: correct it."
    ),
}
"""What is to be done about each, in whole sentences."""


class PayeeNotPayable(Conflict):
    """The payee cannot be paid yet; the sentence says what is to be done. Nothing was changed."""

    code = "payee_not_payable"

    def __init__(self, payee: OrganisationKey, hindrance: Hindrance) -> None:
        self.payee = payee
        self.hindrance = hindrance
        super().__init__(f"{payee} cannot be paid ({hindrance}). {REMEDIES[hindrance]}")


class NothingToPay(Conflict):
    """No payee is to be paid: nothing is open, or every one of them is hindered."""

    code = "nothing_to_pay"

    def __init__(self, hindered: Mapping[OrganisationKey, Hindrance]) -> None:
        self.hindered = dict(hindered)
        why = "; ".join(f"{payee}: {each}" for payee, each in sorted(hindered.items()))
        super().__init__(f"There is nothing to pay. {why}".rstrip() + ("." if why else ""))


class WrongPayoutState(Conflict):
    """The run has not come so far, or farther already."""

    code = "wrong_payout_state"

    def __init__(self, run_id: int, state: PayoutState, step: Step) -> None:
        self.state = state
        super().__init__(f"Payout run {run_id} is {state}: it cannot {step} now.")


class ReleasedBySamePerson(NotPermitted):
    """The second release of a run is by somebody else than the first."""

    code = "released_by_same_person"

    def __init__(self, run_id: int) -> None:
        super().__init__(
            f"You have released payout run {run_id} already. The second release is by somebody"
            " else."
        )


class PersonNeeded(NotPermitted):
    """Only a person releases payouts or accepts self-billing, never a program."""

    code = "person_needed"

    def __init__(self) -> None:
        super().__init__("A person does this, signed in; an API key cannot.")


class PayoutOutdated(Conflict):
    """The ledger owes a payee less than the run would pay, since something was booked meanwhile."""

    code = "payout_outdated"

    def __init__(self, run_id: int, payees: Iterable[OrganisationKey]) -> None:
        self.payees = tuple(payees)
        super().__init__(
            f"Payout run {run_id} would pay more than is owed, or to another account than is known"
            f" now: {', '.join(self.payees)}. Discard it and prepare a new one."
        )


class NotReturnable(Conflict):
    """Only a payment that the bank has comes back, and once."""

    code = "payment_not_returnable"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"Payment {reference} cannot come back: the bank does not have it, or it did before."
        )


class InPayoutRun(Conflict):
    """The statement is in a payout run that is under way."""

    code = "in_payout_run"

    def __init__(self, statement_id: str, run_id: int) -> None:
        self.run_id = run_id
        super().__init__(
            f"Statement {statement_id} is in payout run {run_id}: it is paid with it, or the run is"
            " discarded."
        )


class CreditNoteTakenBack(Conflict):
    """The statement's credit note was taken back: without a paper nothing is paid."""

    code = "credit_note_taken_back"

    def __init__(self, statement_id: str) -> None:
        super().__init__(
            f"The credit note over statement {statement_id} was taken back: write it again first."
        )


class ReceiptAwaited(Conflict):
    """Part of the statement waits for a provider's money, and outside of runs it is paid whole."""

    code = "receipt_awaited"

    def __init__(self, statement_id: str) -> None:
        super().__init__(
            f"Part of statement {statement_id} is due when a provider has paid its invoice: enter"
            " that payment first."
        )


class NoDebtorAccount(Conflict):
    """The operator has no account to pay from."""

    code = "no_debtor_account"

    def __init__(self) -> None:
        super().__init__("The operator's IBAN is missing or wrong: enter it at the organisation.")


class DayOver(InvalidInput):
    """The bank cannot pay on a day that is over."""

    code = "day_over"

    def __init__(self) -> None:
        super().__init__("execute_on lies in the past.", field="execute_on")


class NotSepaCurrency(InvalidInput):
    """SEPA moves euro only."""

    code = "not_sepa_currency"

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"SEPA credit transfers are in EUR; statements in {currency} are paid otherwise.",
            field="currency",
        )


class PaidByRun(Conflict):
    """A statement in euro is paid by a payout run, which two people release."""

    code = "paid_by_run"

    def __init__(self, statement_id: str) -> None:
        super().__init__(f"Statement {statement_id} is in EUR: it is paid by a payout run.")


class ConfirmedBySamePerson(NotPermitted):
    """The second of two who say that a statement was paid is somebody else than the first."""

    code = "confirmed_by_same_person"

    def __init__(self, statement_id: str) -> None:
        super().__init__(
            f"You have said that statement {statement_id} was paid. Somebody else says so now."
        )


_LONGEST_REASON: Final = 140


def check_return(returned_on: date, reason: str, today: date) -> str:
    """Return the reason why a payment came back, in one line.

    Args:
        returned_on: When the bank sent it back.
        reason: As the bank says, such as `AC04 account closed`.
        today: In the operator's zone.

    Raises:
        InvalidInput: If the day is to come, or the reason is none.
    """
    if returned_on > today:
        raise InvalidInput("A payment comes back on a day that has come.", field="returned_on")
    said = " ".join(reason.split())
    if not said or len(said) > _LONGEST_REASON:
        raise InvalidInput("A reason is a line of at most 140 characters.", field="reason")
    return said


def after(run_id: int, state: PayoutState, step: Step) -> PayoutState:
    """Return the state that a step leads to.

    Raises:
        WrongPayoutState: If the run is not where the step begins.
    """
    found = _NEXT[step].get(state)
    if found is None:
        raise WrongPayoutState(run_id, state, step)
    return found


def steps_of(state: PayoutState) -> frozenset[Step]:
    """Return what can be done in a state."""
    return frozenset(step for step, froms in _NEXT.items() if state in froms)


def check_release(run_id: int, released_by: Iterable[str], by: str) -> None:
    """Make sure that a release is by a person, and by another one than the first.

    Args:
        run_id: Of the run.
        released_by: Who released it before.
        by: Who would release it now, as in `person/7`.

    Raises:
        PersonNeeded: If it is a program.
        ReleasedBySamePerson: If he did so before.
    """
    if not by.startswith("person/"):
        raise PersonNeeded
    if by in released_by:
        raise ReleasedBySamePerson(run_id)


def check_confirmation(first: "Confirmation | None", statement_id: str, by: str) -> None:
    """Make sure that a payment without a run is said by a person, and by two different ones.

    Args:
        first: Who said so before, of the same amount.
        statement_id: What was paid.
        by: Who says so now, as in `person/7`.

    Raises:
        PersonNeeded: If it is a program.
        ConfirmedBySamePerson: If he said so before.
    """
    if not by.startswith("person/"):
        raise PersonNeeded
    if first is not None and first.by == by:
        raise ConfirmedBySamePerson(statement_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """That somebody says what was paid on a statement without a run."""

    amount: Money
    at: datetime
    by: str
    by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPayment:
    """A statement that SEPA cannot pay, what it comes to, and who says that it was paid.

    Attributes:
        first: The first of two people; None if nobody said so yet, or of another amount.
        is_booked: Whether the second one did.
    """

    statement_id: str
    payee: OrganisationKey
    due_on: date
    amount: Money
    first: Confirmation | None
    is_booked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStatement:
    """A statement that is not paid; `gross` is negative where the payee owes us.

    Attributes:
        gross: What of it is open, without what waits.
        is_taken_back: Whether its credit note was taken back and not written again: it waits.
        waiting: What is due when a provider has paid; None for nothing.
    """

    statement_id: str
    payee: OrganisationKey
    gross: Money
    due_on: date
    issued_at: datetime
    is_taken_back: bool
    waiting: Money | None = None

    @property
    def only_waits(self) -> bool:
        """Whether there is nothing of it to be paid now, and something later."""
        return self.waiting is not None and not self.gross.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a payment is booked on a statement: 0 to its gross.

    With its last one the statement is settled.
    """

    statement: OpenStatement
    paid: Money
    is_last: bool


def due_by(statements: Iterable[OpenStatement], day: date | None) -> list[OpenStatement]:
    """Return what a payment is made of: what is due by a day, and what is to be taken off, always.

    What was taken back waits for its new credit note, what waits as a whole for the provider.

    Args:
        statements: Open ones of a payee.
        day: None for all.
    """
    return [
        each
        for each in statements
        if not (each.is_taken_back or each.only_waits)
        and (day is None or each.gross.amount <= 0 or each.due_on <= day)
    ]


def to_pay(gross: Money, owed: Money) -> Money:
    """Return what is paid on a statement: never more than is owed, and nothing is debited."""
    return max(Money.zero(gross.currency), min(owed, gross))


def payable_now(payable: Money, uncredited: Money, waiting: Money) -> Money:
    """Return what the ledger owes a payee on statements that are not taken back.

    Taking a credit note back moves the whole of its statement from what is payable to what is
    uncredited. For a statement that waits, that leaves what the others come to. For one that was
    paid, or is about to be, it would take the payment off the others, although nothing more was
    paid than is owed: so it is added again.

    Args:
        payable: What is owed with papers; negative where the payee owes us.
        uncredited: What is owed on statements whose credit note was taken back.
        waiting: What of that is neither paid nor about to be.
    """
    return payable + uncredited - waiting


def parts_of(statements: Sequence[OpenStatement], owed: Money) -> tuple[Part, ...]:
    """Return how a payment is spread over a payee's open statements, the oldest due first.

    The whole is what the statements come to, or what the ledger owes if that is less; what is to be
    taken off shortens the youngest. Without anything to pay there is no part at all: the statements
    stay open, and what is negative is carried forward.

    Args:
        statements: Of one payee and currency.
        owed: What the ledger owes the payee; negative where he owes us.
    """
    currency = owed.currency
    nothing = Money.zero(currency)
    # While something waits, what is taken off stays open with it, and so does what it shortened:
    # else it would be taken off again when the rest comes.
    waits = any(each.waiting is not None for each in statements)
    left = min(owed, total((each.gross for each in statements), currency))
    if left <= nothing:
        return ()
    parts = []
    for each in sorted(statements, key=lambda one: (one.due_on, one.issued_at, one.statement_id)):
        paid = max(nothing, min(left, each.gross))
        left -= paid
        is_last = each.waiting is None and (not waits or paid == each.gross)
        parts.append(Part(statement=each, paid=paid, is_last=is_last))
    assert left == nothing, "more to pay than the statements come to"
    return tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPart:
    """A statement in a run, and what of the payment is booked on it."""

    statement_id: str
    payee: OrganisationKey
    due_on: date
    gross: Money
    paid: Money
    is_last: bool = True
    """Whether the statement is paid with it: nothing waits for a provider's money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """That the bank sent a payment back, when, why, and who noted it."""

    iban: str
    returned_on: date
    reason: str
    at: datetime
    by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a payee is paid by a run; the reference is given through to him by the banks.

    Attributes:
        parts: Of which statements; one that came back has let go of them.
        returned: That it came back, if it did.
    """

    id: int
    payee: OrganisationKey
    to: Account
    amount: Money
    remittance: str
    reference: str
    parts: tuple[PaidPart, ...]
    returned: Returned | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """A state that a run reached, when and by whom."""

    state: PayoutState
    at: datetime
    by: str
    by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """A run in a list."""

    id: int
    state: PayoutState
    currency: str
    execute_on: date
    created_at: datetime
    payments: int
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run whole.

    Attributes:
        left_out: Payees with an open statement that it does not pay, and why.
        steps: How it came here, oldest first.
        file: The pain.001, from the second release on.
    """

    head: RunHead
    debtor: Account
    payments: tuple[Payment, ...]
    left_out: Mapping[OrganisationKey, Hindrance]
    steps: tuple[StepTaken, ...]
    file: str | None
    file_sha256: str | None

    @property
    def released_by(self) -> tuple[str, ...]:
        """Who released it so far."""
        states = (PayoutState.RELEASED_ONCE, PayoutState.RELEASED)
        return tuple(each.by for each in self.steps if each.state in states)
