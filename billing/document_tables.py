"""Contacts, contracts, and the papers that go to them.

Documents, the sessions on them and their files are written once. What happens to a document
afterwards (sent, paid, taken back) stands beside it in `document_states`.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class ContactRow(Base):
    """A person or a company that papers go to; `managing` owns it and decides who sees it."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("represents"),
        CheckConstraint("kind IN ('person', 'company')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    managing: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    street: Mapped[str] = mapped_column(Text)
    postcode: Mapped[str] = mapped_column(Text)
    city: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    tax_country: Mapped[str] = mapped_column(Text)
    tax_status: Mapped[str] = mapped_column(Text)
    vat_id: Mapped[str | None] = mapped_column(Text)
    tax_number: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    iban: Mapped[str | None] = mapped_column(Text)
    bic: Mapped[str | None] = mapped_column(Text)
    represents: Mapped[str | None] = mapped_column(Text)
    """The organisation or provider whose papers go to it: `organisation/bakery`."""
    is_active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]


class ContractRow(Base):
    """What a contact charges by, from a day on; what is agreed is never edited."""

    __tablename__ = "contracts"
    __table_args__ = (CheckConstraint("valid_to > valid_from", name="period"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("contacts.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    base_fee_minor: Mapped[int] = mapped_column(BigInteger)
    """Net, for a month, in minor units; 0 for none."""
    currency: Mapped[str] = mapped_column(Text)
    tokens_of: Mapped[str | None] = mapped_column(Text, index=True)
    """An organisation all of whose tokens it covers, where no contract names one itself."""
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    """The first day on which it no longer holds."""
    created_at: Mapped[datetime]


class ContractTokenRow(Base):
    """A token that charges on a contract, in [valid_from, valid_to)."""

    __tablename__ = "contract_tokens"
    __table_args__ = (
        UniqueConstraint("token", "valid_from"),
        CheckConstraint("valid_to > valid_from", name="period"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    contract_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("contracts.id"), index=True)
    token: Mapped[str] = mapped_column(Text)
    """As tokens are compared: upper case, without separators."""
    label: Mapped[str] = mapped_column(Text)
    """As it was entered."""
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class InvoicingSettingsRow(Base):
    """How an issuer invoices; without a row the defaults hold."""

    __tablename__ = "invoicing_settings"

    issuer: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]


class NumberRangeRow(Base):
    """The last number given in a range; locked while documents are issued, so no number is lost."""

    __tablename__ = "number_ranges"

    issuer: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"), primary_key=True)
    prefix: Mapped[str] = mapped_column(Text, primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_number: Mapped[int] = mapped_column(BigInteger)
    last_issued_on: Mapped[date | None] = mapped_column(Date)


class DocumentRow(Base):
    """A document as it was issued; never changed."""

    __tablename__ = "documents"
    __table_args__ = (
        Index(None, "issuer", "issued_on", "number"),
        Index(None, "recipient", "month"),
        Index(None, "contact_id"),
    )

    number: Mapped[str] = mapped_column(Text, primary_key=True)
    issuer: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    """Whose open item it is: `contact/17`, `organisation/bakery`, `provider/DE*MSP`."""
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    managing: Mapped[str] = mapped_column(Text)
    """The organisation that decides who sees it, as it was when it was issued."""
    organisation: Mapped[str | None] = mapped_column(Text)
    """The recipient, where it is an organisation."""
    month: Mapped[str | None] = mapped_column(Text)
    """The month of the run that made it."""
    currency: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime]
    issued_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date | None] = mapped_column(Date)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    language: Mapped[str] = mapped_column(Text)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    cancels: Mapped[str | None] = mapped_column(Text, index=True)
    statement_id: Mapped[str | None] = mapped_column(Text, index=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    """Of the canonical JSON of `document`."""


class DocumentStateRow(Base):
    """How far a document has got."""

    __tablename__ = "document_states"
    __table_args__ = (UniqueConstraint("run_key"),)

    number: Mapped[str] = mapped_column(Text, ForeignKey("documents.number"), primary_key=True)
    run_key: Mapped[str | None] = mapped_column(Text)
    """What it is the one document of; freed when it is taken back, so that it can be made anew."""
    mail_id: Mapped[int | None] = mapped_column(BigInteger)
    sent_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    """When nothing of it was left to pay."""
    paid_minor: Mapped[int] = mapped_column(BigInteger)
    """What came in for it, in minor units."""
    credited_minor: Mapped[int] = mapped_column(BigInteger)
    """What counter-documents have taken back of its gross amount, in minor units."""
    cancelled_at: Mapped[datetime | None]
    """When nothing of it was left."""


class DocumentSessionRow(Base):
    """A CDR on a document (`sign` 1), or the taking back of one (-1)."""

    __tablename__ = "document_sessions"
    __table_args__ = (
        Index(
            "uq_document_sessions_cdr",
            "cdr_id",
            "sign",
            unique=True,
            postgresql_where=text("not is_released"),
        ),
        Index(None, "transaction_id"),
    )

    document: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(Integer)
    """The position of the line that it is part of."""
    cdr_id: Mapped[int] = mapped_column(BigInteger)
    sign: Mapped[int] = mapped_column(SmallInteger)
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    vat_rate: Mapped[Decimal] = mapped_column(Numeric)
    is_released: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Whether the document was taken back, so that the session waits for another one."""


class DocumentFileRow(Base):
    """A form of a document as it went out; never changed."""

    __tablename__ = "document_files"

    document: Mapped[str] = mapped_column(Text, ForeignKey("documents.number"), primary_key=True)
    form: Mapped[str] = mapped_column(Text, primary_key=True)
    """`pdf`, `xml`, `csv`, or `sessions.csv`."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]


class DocumentEntryRow(Base):
    """A ledger entry that a document made."""

    __tablename__ = "document_entries"

    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(Text, ForeignKey("documents.number"), index=True)
