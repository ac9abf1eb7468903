"""Billing's tables.

Written once and never changed: tariff versions, assignments, terms, CDRs, ledger, statement lines.
Work lists that change: `unsettled_lines` (booked, waiting for a close) and `holds` (not booked,
waiting for a person). The lists of millions (`cdrs`, `unsettled_lines`, `statement_lines`) carry no
foreign keys: a check per row would cost the month close more than the close itself.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from billing import charge_tables as charge_tables  # the rest of the room's tables
from billing import credit_tables as credit_tables
from billing import document_tables as document_tables
from billing import driver_letter_tables as driver_letter_tables
from billing import month_tables as month_tables
from billing import payment_tables as payment_tables
from billing import payout_tables as payout_tables
from billing import service_tables as service_tables
from billing import tariff_rule_tables as tariff_rule_tables
from billing import validity_tables as validity_tables
from foundation.database import Base


class TariffVersionRow(Base):
    """A tariff as it holds from a moment on; a change is a further version."""

    __tablename__ = "tariff_versions"
    __table_args__ = (
        UniqueConstraint("tariff_id", "version"),
        UniqueConstraint("tariff_id", "valid_from"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tariff_id: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[datetime]
    organisation: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]


class TariffAssignmentRow(Base):
    """Where a tariff holds, in [valid_from, valid_to); without an end: until the next one."""

    __tablename__ = "tariff_assignments"
    __table_args__ = (
        UniqueConstraint(
            "scope",
            "scope_id",
            "side",
            "priority",
            "conditions_key",
            "valid_from",
            name="uq_tariff_assignments_lane",
        ),
        CheckConstraint("valid_to > valid_from", name="period"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    scope_id: Mapped[str] = mapped_column(Text)
    tariff_id: Mapped[str] = mapped_column(Text, index=True)
    side: Mapped[str] = mapped_column(Text)
    """sale: what is paid for a session; purchase: what the owner's credit is computed on."""
    priority: Mapped[int] = mapped_column(Integer)
    conditions: Mapped[dict[str, Any]] = mapped_column(JSONB)
    conditions_key: Mapped[str] = mapped_column(Text)
    """A digest of the conditions; empty for none."""
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    created_at: Mapped[datetime]


class TransactionTermsRow(Base):
    """What was found to hold at a transaction's start, frozen."""

    __tablename__ = "transaction_terms"
    __table_args__ = (
        Index(
            "ix_transaction_terms_stop_at",
            "stop_at",
            postgresql_where=text("stop_at is not null and stop_asked_at is null"),
        ),
    )

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What they were found by; other facts in a later revision are looked up again."""
    payee: Mapped[str] = mapped_column(Text)
    charge_class: Mapped[str] = mapped_column(Text)
    payer: Mapped[str | None] = mapped_column(Text)
    agreement_id: Mapped[int | None] = mapped_column(BigInteger)
    share_bps: Mapped[int] = mapped_column(Integer)
    basis: Mapped[str] = mapped_column(Text)
    tariff_number: Mapped[int | None] = mapped_column(BigInteger)
    purchase_number: Mapped[int | None] = mapped_column(BigInteger)
    """The tariff that the owner's credit is computed by; None: by what the session is sold for."""
    stop_at: Mapped[datetime | None]
    """When the session is to be stopped by its tariff or the place's hours; None: never."""
    stop_asked_at: Mapped[datetime | None]
    frozen_at: Mapped[datetime]


class CdrRow(Base):
    """A charge detail record; a later revision of the transaction makes a further one."""

    __tablename__ = "cdrs"
    __table_args__ = (
        UniqueConstraint("transaction_id", "revision", "attempt"),
        Index(None, "payee", "ended_at"),
        Index(
            "ix_cdrs_id_token_started_at",
            "id_token",
            "started_at",
            postgresql_where=text("id_token is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[int] = mapped_column(Integer)
    attempt: Mapped[int] = mapped_column(Integer)
    """Above 0 where a release rated the same revision again."""
    replaces: Mapped[int | None] = mapped_column(BigInteger)
    issued_at: Mapped[datetime]
    payee: Mapped[str] = mapped_column(Text)
    charge_class: Mapped[str] = mapped_column(Text)
    payer: Mapped[str | None] = mapped_column(Text)
    """The name of the ledger account that owes it."""
    share_bps: Mapped[int] = mapped_column(Integer)
    basis: Mapped[str] = mapped_column(Text)
    tariff_number: Mapped[int | None] = mapped_column(BigInteger)
    station: Mapped[str] = mapped_column(Text)
    evse_id: Mapped[int] = mapped_column(Integer)
    connector_id: Mapped[int] = mapped_column(Integer)
    location: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    id_token: Mapped[str | None] = mapped_column(Text)
    id_token_type: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    meter_start_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    meter_stop_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    energy_wh: Mapped[Decimal] = mapped_column(Numeric)
    energy_before_wh: Mapped[Decimal] = mapped_column(Numeric)
    """What of it was read before the month in which it ended, in the payee's zone."""
    energy_basis: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    """The tariff's; without one the payee's, beside amounts of 0."""
    net_minor: Mapped[int] = mapped_column(BigInteger)
    vat_minor: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    hold_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    purchase_number: Mapped[int | None] = mapped_column(BigInteger)
    purchase_net_minor: Mapped[int | None] = mapped_column(BigInteger)
    """What the owner's share is taken of where a purchase price exists; else None."""
    purchase_lines: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))


class UnsettledLineRow(Base):
    """A booked CDR (`sign` 1), or the taking back of a settled one (-1), before its close."""

    __tablename__ = "unsettled_lines"
    __table_args__ = (
        UniqueConstraint("cdr_id", "sign"),
        Index(None, "payee", "currency", "ended_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    cdr_id: Mapped[int] = mapped_column(BigInteger)
    sign: Mapped[int] = mapped_column(SmallInteger)
    transaction_id: Mapped[int] = mapped_column(BigInteger, index=True)
    payee: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime]


class HoldRow(Base):
    """A transaction that is not booked, and what a person decided about it."""

    __tablename__ = "holds"
    __table_args__ = (
        Index("ix_holds_unshown", "payee", "ended_at", postgresql_where=text("shown_in is null")),
    )

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    cdr_id: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    payee: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime]
    held_at: Mapped[datetime]
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The event, for rating it again; None where the CDR says all there is."""
    decision: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_why: Mapped[str | None] = mapped_column(Text)
    shown_in: Mapped[str | None] = mapped_column(Text)
    """The statement that listed it as unpaid since the last change."""
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    """What the plausibility monitor found, with its evidence, reason by reason."""


class LedgerEntryRow(Base):
    """A journal entry; append-only."""

    __tablename__ = "ledger_entries"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    booked_at: Mapped[datetime]
    narration: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    statement_id: Mapped[str | None] = mapped_column(Text, index=True)
    corrects: Mapped[int | None] = mapped_column(BigInteger)


class LedgerPostingRow(Base):
    """A posting; append-only, and the postings of an entry add up to zero."""

    __tablename__ = "ledger_postings"
    __table_args__ = (Index(None, "account", "entry_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entry_id: Mapped[int] = mapped_column(BigInteger, index=True)
    account: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)


class ClosedMonthRow(Base):
    """A month that was closed for a payee, with or without a statement."""

    __tablename__ = "closed_months"

    payee: Mapped[str] = mapped_column(Text, primary_key=True)
    month: Mapped[str] = mapped_column(Text, primary_key=True)
    closed_at: Mapped[datetime]


class StatementRow(Base):
    """A statement without its lines: what was printed, and how far it has got."""

    __tablename__ = "statements"
    __table_args__ = (UniqueConstraint("payee", "month", "currency"),)

    statement_id: Mapped[str] = mapped_column(Text, primary_key=True)
    payee: Mapped[str] = mapped_column(Text)
    month: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime]
    due_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    payout_net_minor: Mapped[int] = mapped_column(BigInteger)
    payout_gross_minor: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)


class StatementLineRow(Base):
    """One transaction on a statement; the rest of it stands in its CDR."""

    __tablename__ = "statement_lines"
    __table_args__ = (UniqueConstraint("cdr_id", "sign"),)

    statement_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cdr_id: Mapped[int] = mapped_column(BigInteger)
    sign: Mapped[int] = mapped_column(SmallInteger)
    transaction_id: Mapped[int] = mapped_column(BigInteger, index=True)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    payout_minor: Mapped[int] = mapped_column(BigInteger)
    late_from_month: Mapped[str | None] = mapped_column(Text)
