"""Billing's tables of services: what they cost, who has them since when, and what they include.

All of it is dated, and nothing is edited: a new price, package or assignment is a further row.
"""

from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class MonitoringSwitchRow(Base):
    """A station's monitoring was switched on or off for an organisation; `id` is the event's.

    Which of several holds at a moment follows from their moments, in whatever order they came.
    """

    __tablename__ = "monitoring_switches"
    __table_args__ = (Index(None, "organisation", "station", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    station: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    is_on: Mapped[bool] = mapped_column(Boolean)


class ServicePriceListRow(Base):
    """A list of prices of services, in one currency."""

    __tablename__ = "service_price_lists"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)


class ServicePriceRow(Base):
    """What a service costs by a list, from `valid_from` until the next row of the same kind."""

    __tablename__ = "service_prices"
    __table_args__ = (
        UniqueConstraint("price_list", "kind", "valid_from"),
        CheckConstraint("price >= 0", name="price"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    price_list: Mapped[str] = mapped_column(Text, ForeignKey("service_price_lists.key"))
    kind: Mapped[str] = mapped_column(Text)
    per: Mapped[str] = mapped_column(Text)
    price: Mapped[Decimal] = mapped_column(Numeric)
    policy: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)


class ServicePriceAssignmentRow(Base):
    """By which list somebody pays, from `valid_from` until his next row.

    An organisation without rows pays by the list of the nearest one above it.
    """

    __tablename__ = "service_price_assignments"
    __table_args__ = (UniqueConstraint("debtor", "valid_from"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    debtor: Mapped[str] = mapped_column(Text)
    price_list: Mapped[str] = mapped_column(Text, ForeignKey("service_price_lists.key"))
    valid_from: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)


class ServiceSubscriptionRow(Base):
    """Somebody has a service in [active_from, active_to): automated invoicing, roaming …"""

    __tablename__ = "service_subscriptions"
    __table_args__ = (
        Index(
            "uq_service_subscriptions_active",
            "debtor",
            "kind",
            unique=True,
            postgresql_where=text("active_to is null"),
        ),
        Index(None, "debtor", "active_from"),
        CheckConstraint("active_to >= active_from", name="period"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    debtor: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    active_from: Mapped[datetime]
    active_to: Mapped[datetime | None]
    started_by: Mapped[str] = mapped_column(Text)
    ended_by: Mapped[str | None] = mapped_column(Text)


class ServicePackageRow(Base):
    """What a service package includes, from `valid_from` until its next row.

    `maintenance` is none, free or chargeable; hours are local times of `time_zone`, weekdays count
    from Monday, 0.
    """

    __tablename__ = "service_packages"
    __table_args__ = (
        UniqueConstraint("key", "valid_from"),
        CheckConstraint("closes > opens", name="hours"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    first_aid: Mapped[bool] = mapped_column(Boolean)
    hotline: Mapped[bool] = mapped_column(Boolean)
    dispatch: Mapped[bool] = mapped_column(Boolean)
    maintenance: Mapped[str] = mapped_column(Text)
    remote_within_h: Mapped[int] = mapped_column(Integer)
    answer_within_days: Mapped[int] = mapped_column(Integer)
    on_site_within_days: Mapped[int] = mapped_column(Integer)
    time_zone: Mapped[str] = mapped_column(Text)
    opens: Mapped[time] = mapped_column(Time)
    closes: Mapped[time] = mapped_column(Time)
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    holidays: Mapped[list[date]] = mapped_column(ARRAY(Date))
    valid_from: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)


class PackageAssignmentRow(Base):
    """Which package a station or an organisation has, in [valid_from, valid_to)."""

    __tablename__ = "service_package_assignments"
    __table_args__ = (
        UniqueConstraint("scope", "target", "valid_from"),
        CheckConstraint("valid_to >= valid_from", name="period"),
        CheckConstraint("scope IN ('station', 'organisation')", name="scope"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text, index=True)
    """Who pays for it: the station's owner, or the organisation itself."""
    package: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)


class MaintenanceJobRow(Base):
    """A yearly maintenance that was done, and what it cost by the package of that day."""

    __tablename__ = "maintenance_jobs"
    __table_args__ = (UniqueConstraint("station", "done_on"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text, index=True)
    done_on: Mapped[date] = mapped_column(Date)
    package: Mapped[str | None] = mapped_column(Text)
    is_free: Mapped[bool] = mapped_column(Boolean)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(Text)
