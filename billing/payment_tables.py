"""The tables of what drivers pay without a contract: direct payments, and prepaid cards."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, Numeric, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class DirectPaymentRow(Base):
    """A driver's payment for one transaction, through the payment port."""

    __tablename__ = "direct_payments"
    __table_args__ = (
        Index(None, "provider_ref", unique=True),
        Index(None, "token_key", unique=True),
        Index(None, "code_mark", unique=True),
        Index(None, "station", "begun_at"),
        Index(None, "begun_at"),
        Index(None, "state"),
    )

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    """Names it in the driver's address: nobody guesses it."""
    station: Mapped[str] = mapped_column(Text)
    evse_id: Mapped[int] = mapped_column(Integer)
    provider: Mapped[str] = mapped_column(Text)
    provider_ref: Mapped[str | None] = mapped_column(Text)
    token_key: Mapped[str | None] = mapped_column(Text)
    """Of the token of type DirectPayment that it starts with."""
    code_mark: Mapped[str | None] = mapped_column(Text)
    """The one-time code that it was begun with: each begins one payment."""
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    wanted_minor: Mapped[int] = mapped_column(BigInteger)
    """What is to be authorised: the most that the transaction may cost."""
    authorised_minor: Mapped[int] = mapped_column(BigInteger)
    captured_minor: Mapped[int] = mapped_column(BigInteger)
    released_minor: Mapped[int] = mapped_column(BigInteger)
    due_minor: Mapped[int | None] = mapped_column(BigInteger)
    """What the transaction came to; None: it is not over."""
    max_energy_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    max_time_s: Mapped[int | None] = mapped_column(BigInteger)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    begun_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class PaymentFactRow(Base):
    """Something that happened to money at a payment provider, told once or often, kept once."""

    __tablename__ = "payment_facts"
    __table_args__ = (Index(None, "payment"),)

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    """Natural: the provider, its reference, what happened and its own id for it."""
    payment: Mapped[str | None] = mapped_column(Text, ForeignKey("direct_payments.key"))
    """None: paid at a station's terminal."""
    kind: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    happened_at: Mapped[datetime]
    taken_at: Mapped[datetime]
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    """The ledger's, where money moved."""


class PrepaidCardRow(Base):
    """A card with money on it; its token belongs to the provider of prepaid cards."""

    __tablename__ = "prepaid_cards"

    token_key: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[str] = mapped_column(Text)
    balance_minor: Mapped[int] = mapped_column(BigInteger)
    """After the last booking; whoever books locks it first."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Text)


class PrepaidBookingRow(Base):
    """Money that came onto a card or went off it; only ever added to."""

    __tablename__ = "prepaid_bookings"
    __table_args__ = (Index(None, "token_key", "id"), Index(None, "key", unique=True))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    token_key: Mapped[str] = mapped_column(Text, ForeignKey("prepaid_cards.token_key"))
    key: Mapped[str] = mapped_column(Text)
    """Natural: a top-up's own, or the CDR's number."""
    kind: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    balance_minor: Mapped[int] = mapped_column(BigInteger)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    booked_at: Mapped[datetime]
    booked_by: Mapped[str] = mapped_column(Text)
