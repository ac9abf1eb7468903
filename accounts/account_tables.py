"""The tables of accounts with their applications and licences; see `accounts.licensing`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class AccountRow(Base):
    """What an organisation, and those below it without an account of their own, may use.

    `months` counts from `anchor_on`, the original first day, so that the end never drifts. What
    was counted last stands with its moment: `datapoints_used` and `tier`.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("datapoints >= 20", name="datapoints"),
        CheckConstraint("months > 0", name="months"),
        CheckConstraint("ends_on > starts_on", name="term"),
        Index(None, "ends_on"),
    )

    organisation: Mapped[str] = mapped_column(
        Text, ForeignKey("organisations.key"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text)
    customer: Mapped[str] = mapped_column(Text)
    licence: Mapped[str] = mapped_column(Text)
    datapoints: Mapped[int] = mapped_column(Integer)
    sector: Mapped[str] = mapped_column(Text)
    rtc_lines: Mapped[int] = mapped_column(Integer)
    mail_domain: Mapped[str | None] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(Text)
    anchor_on: Mapped[date] = mapped_column(Date)
    months: Mapped[int] = mapped_column(Integer)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    datapoints_used: Mapped[int] = mapped_column(Integer)
    tier: Mapped[str] = mapped_column(Text)
    counted_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class AccountApplicationRow(Base):
    """What somebody applied for, and what was decided; `wanted` is all of it as JSON."""

    __tablename__ = "account_applications"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'approved', 'rejected', 'withdrawn')", name="state"),
        CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name="reason"),
        Index(
            "uq_account_applications_pending",
            "organisation",
            "kind",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index(None, "organisation", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    wanted: Mapped[dict[str, Any]] = mapped_column(JSONB)
    applicant: Mapped[str] = mapped_column(Text)
    applicant_name: Mapped[str] = mapped_column(Text)
    applied_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_by_name: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)


class AccountTermRow(Base):
    """A term that was granted, [starts_on, ends_on); never edited."""

    __tablename__ = "account_terms"
    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="term"),
        Index(None, "organisation", "starts_on"),
    )

    application: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("account_applications.id"), primary_key=True, autoincrement=False
    )
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    months: Mapped[int] = mapped_column(Integer)
    licence: Mapped[str] = mapped_column(Text)
    datapoints: Mapped[int] = mapped_column(Integer)


class AccountReminderRow(Base):
    """A reminder that is done with, sent or passed over; `subject` is what expires."""

    __tablename__ = "account_reminders"

    organisation: Mapped[str] = mapped_column(
        Text, ForeignKey("organisations.key"), primary_key=True
    )
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    ends_on: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    done_at: Mapped[datetime]


class PointLicenceRow(Base):
    """Licences for metering points, each of which makes one point Professional.

    A multi-year one has its price per point and month frozen and an end; a monthly one has
    neither, and is charged month by month: the next month that is not charged yet begins on
    `next_month_on`.
    """

    __tablename__ = "point_licences"
    __table_args__ = (
        CheckConstraint("kind IN ('heat_water_gas', 'all')", name="kind"),
        CheckConstraint("model IN ('monthly', 'multi_year')", name="model"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("model = 'monthly' OR ends_on IS NOT NULL", name="term"),
        Index(None, "organisation"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    application: Mapped[int] = mapped_column(BigInteger, ForeignKey("account_applications.id"))
    kind: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(Integer)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    unit_price: Mapped[Decimal | None] = mapped_column(Numeric)
    next_month_on: Mapped[date | None] = mapped_column(Date)


class LicencePriceRow(Base):
    """What something costs a month from a day on: the price list, with its versions."""

    __tablename__ = "licence_prices"
    __table_args__ = (CheckConstraint("price >= 0", name="price"),)

    item: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[str] = mapped_column(Text, primary_key=True)
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True)
    price: Mapped[Decimal] = mapped_column(Numeric)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
