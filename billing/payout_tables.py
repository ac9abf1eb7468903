"""Payout runs: who is paid what, who released it, and who agreed to be paid by self-billing."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class PayoutRunRow(Base):
    """Payments that leave one account together, as one file for the bank."""

    __tablename__ = "payout_runs"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    state: Mapped[str] = mapped_column(Text, index=True)
    currency: Mapped[str] = mapped_column(Text)
    execute_on: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime]
    debtor_name: Mapped[str] = mapped_column(Text)
    debtor_iban: Mapped[str] = mapped_column(Text)
    debtor_bic: Mapped[str | None] = mapped_column(Text)
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Who is not paid by it although a statement is open, and why; as of its making."""
    file: Mapped[str | None] = mapped_column(Text)
    """The pain.001, from the second release on."""
    file_sha256: Mapped[str | None] = mapped_column(Text)


class PayoutStepRow(Base):
    """A state that a run reached, and by whom; each once, and never the same person twice as the
    one who releases."""

    __tablename__ = "payout_steps"
    __table_args__ = (
        Index(
            "uq_payout_steps_releases",
            "run_id",
            "by",
            unique=True,
            postgresql_where=text("state in ('released_once', 'released')"),
        ),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)


class PayoutPaymentRow(Base):
    """What a payee is paid by a run, and where to."""

    __tablename__ = "payout_payments"
    __table_args__ = (
        UniqueConstraint("run_id", "payee"),
        CheckConstraint("amount_minor > 0", name="amount"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    run_id: Mapped[int] = mapped_column(BigInteger)
    payee: Mapped[str] = mapped_column(Text, index=True)
    name: Mapped[str] = mapped_column(Text)
    iban: Mapped[str] = mapped_column(Text)
    bic: Mapped[str | None] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    remittance: Mapped[str] = mapped_column(Text)


class PayoutStatementRow(Base):
    """A statement that a run settles, in one run at a time; a discarded run lets go of it."""

    __tablename__ = "payout_statements"
    __table_args__ = (
        Index(
            "uq_payout_statements_under_way",
            "statement_id",
            unique=True,
            postgresql_where=text("not is_over"),
        ),
    )

    statement_id: Mapped[str] = mapped_column(Text, primary_key=True)
    run_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, index=True
    )
    payee: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)
    due_on: Mapped[date] = mapped_column(Date)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    paid_minor: Mapped[int] = mapped_column(BigInteger)
    """What of the payment is booked on it: less than its gross where something is carried
    forward."""
    is_last: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    """Whether nothing waits for a provider's money beyond it: the statement is paid with it."""
    is_over: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether it is paid and not the last: what waited comes with another run."""


class AwaitedReceiptRow(Base):
    """A line of a statement that is paid out when the provider's invoice over it is paid."""

    __tablename__ = "awaited_receipts"
    __table_args__ = (Index(None, "statement_id"),)

    cdr_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    statement_id: Mapped[str] = mapped_column(Text)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    """Its payout without tax."""


class PayoutReturnRow(Base):
    """A payment of a run that the bank sent back: its statements wait for another run."""

    __tablename__ = "payout_returns"
    __table_args__ = (Index(None, "payee"),)

    payment_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    payee: Mapped[str] = mapped_column(Text)
    iban: Mapped[str] = mapped_column(Text)
    """Where it did not arrive: nothing is paid there until the owner accepts it again."""
    returned_on: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)


class OtherPaymentRow(Base):
    """What the first of two people said was paid without a run, until the second says so too."""

    __tablename__ = "other_payments"

    statement_id: Mapped[str] = mapped_column(Text, primary_key=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)


class SelfBillingAcceptanceRow(Base):
    """An owner's consent to be paid by credit notes that we write; append-only."""

    __tablename__ = "self_billing_acceptances"
    __table_args__ = (Index(None, "payee", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    payee: Mapped[str] = mapped_column(Text)
    terms: Mapped[str] = mapped_column(Text)
    """The key of the sentences that were accepted."""
    language: Mapped[str] = mapped_column(Text)
    tax_status: Mapped[str] = mapped_column(Text)
    vat_id: Mapped[str | None] = mapped_column(Text)
    iban: Mapped[str] = mapped_column(Text)
    accepted_at: Mapped[datetime]
    accepted_by: Mapped[str] = mapped_column(Text)
    accepted_by_name: Mapped[str] = mapped_column(Text)
