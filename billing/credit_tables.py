"""The prepaid wallet: prices, balances, bookings, orders, and what was bought with credits."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class CreditTierRow(Base):
    """One line of a price list of credits; all lines of one `valid_from` are one list."""

    __tablename__ = "credit_tiers"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("unit_price_micro > 0", name="price"),
    )

    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_price_micro: Mapped[int] = mapped_column(BigInteger)
    """In millionths of a euro, without tax."""


class CreditPriceRow(Base):
    """What a service costs in credits, from a moment on until the next line of the service."""

    __tablename__ = "credit_prices"
    __table_args__ = (CheckConstraint("credits >= 0", name="credits"),)

    service: Mapped[str] = mapped_column(Text, primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    credits: Mapped[int] = mapped_column(BigInteger)


class CreditWalletRow(Base):
    """An account's balance, and the row whose lock lets one at a time spend of it."""

    __tablename__ = "credit_wallets"
    __table_args__ = (CheckConstraint("0 <= reserved and reserved <= balance", name="balance"),)

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    balance: Mapped[int] = mapped_column(BigInteger)
    reserved: Mapped[int] = mapped_column(BigInteger)


class CreditBookingRow(Base):
    """Credits that came or went; a trigger refuses every change."""

    __tablename__ = "credit_bookings"
    __table_args__ = (
        Index(None, "account", "id"),
        CheckConstraint("quantity <> 0", name="quantity"),
        CheckConstraint("balance_after >= 0", name="balance_after"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account: Mapped[str] = mapped_column(Text)
    booked_at: Mapped[datetime]
    service: Mapped[str] = mapped_column(Text)
    about: Mapped[str | None] = mapped_column(Text)
    """The plant or station, such as `station/CS-1`."""
    quantity: Mapped[int] = mapped_column(BigInteger)
    """Positive where credits came, negative where they went."""
    balance_after: Mapped[int] = mapped_column(BigInteger)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    by: Mapped[str] = mapped_column("booked_by", Text)


class CreditReservationRow(Base):
    """Credits set aside for something that is being handed over."""

    __tablename__ = "credit_reservations"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("state in ('open', 'captured', 'released')", name="state"),
        Index(
            "ix_credit_reservations_open", "reserved_at", postgresql_where=text("state = 'open'")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(Text)
    about: Mapped[str | None] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(BigInteger)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    by: Mapped[str] = mapped_column("reserved_by", Text)
    state: Mapped[str] = mapped_column(Text)
    reserved_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class CreditOrderRow(Base):
    """An order of credits, of the portal or of a shop; one without an account is in the queue."""

    __tablename__ = "credit_orders"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("state in ('unmatched', 'open', 'booked', 'cancelled')", name="state"),
        CheckConstraint("(state = 'booked') = (booked_at is not null)", name="booked"),
        CheckConstraint(
            "account is not null or state in ('unmatched', 'cancelled')", name="account"
        ),
        Index(None, "account", "id"),
        Index(
            "ix_credit_orders_to_do", "id", postgresql_where=text("state in ('unmatched', 'open')")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    account: Mapped[str | None] = mapped_column(Text)
    user_name: Mapped[str | None] = mapped_column(Text)
    """As the shop's comment field had it."""
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    """Who hears of it, in his language."""
    source: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(BigInteger)
    unit_price_micro: Mapped[int] = mapped_column(BigInteger)
    list_price_micro: Mapped[int] = mapped_column(BigInteger)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    is_invoiced_elsewhere: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(Text)
    ordered_at: Mapped[datetime]
    ordered_by: Mapped[str] = mapped_column(Text)
    booked_at: Mapped[datetime | None]
    booked_by: Mapped[str | None] = mapped_column(Text)
    paid_at: Mapped[datetime | None]
    payment: Mapped[str | None] = mapped_column(Text)
    """The payment's reference, as the bank or the shop has it."""
    prepaid_entry: Mapped[int | None] = mapped_column(BigInteger)
    """The ledger entry of a payment that came before the order's invoice, until there is one."""


class RemoteAccessRow(Base):
    """An account's remote access to a station as it is set now; what was paid are its terms."""

    __tablename__ = "remote_accesses"
    __table_args__ = (
        CheckConstraint("months in (1, 12)", name="months"),
        Index("ix_remote_accesses_due", "until", postgresql_where=text("is_on and renews")),
        Index(None, "station"),
    )

    account: Mapped[str] = mapped_column(Text, primary_key=True)
    station: Mapped[str] = mapped_column(Text, primary_key=True)
    is_on: Mapped[bool] = mapped_column(Boolean)
    renews: Mapped[bool] = mapped_column(Boolean)
    months: Mapped[int] = mapped_column(SmallInteger)
    """The runtime, which a renewal repeats."""
    until: Mapped[datetime]
    """Where the newest term ends, not included."""
    warned_days: Mapped[int | None] = mapped_column(Integer)
    """Which warning of this end was sent last: 7 or 1 days before."""
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    """Who bought it and hears of it."""
    by: Mapped[str] = mapped_column("changed_by", Text)
    changed_at: Mapped[datetime]


class RemoteTermRow(Base):
    """A term of remote access that was paid, valid in [valid_from, valid_to); never changed."""

    __tablename__ = "remote_terms"
    __table_args__ = (
        Index(None, "account", "station", "valid_to"),
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint("months in (1, 12)", name="months"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account: Mapped[str] = mapped_column(Text)
    station: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime]
    months: Mapped[int] = mapped_column(SmallInteger)
    origin_at: Mapped[datetime]
    """When the first term of the chain began: ends are counted from there and do not drift."""
    months_before: Mapped[int] = mapped_column(Integer)
    """How many months of the chain lie before this term."""
    credits: Mapped[int] = mapped_column(BigInteger)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    """The booking's reference."""
