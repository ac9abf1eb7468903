"""What people released that costs something, and by which zone an organisation counts its months.

Rows that are never edited, but for a release that a second person completes.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class CostReleaseRow(Base):
    """A click that costs something: who released it, and what he was told it would cost.

    `waiting`: the first of two people has released it, and nothing has happened yet.
    """

    __tablename__ = "cost_releases"
    __table_args__ = (
        Index(None, "organisation", "id"),
        Index(None, "subject"),
        Index(
            "uq_cost_releases_waiting",
            "deed",
            "subject",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
        CheckConstraint("state IN ('released', 'waiting', 'withdrawn')", name="state"),
        CheckConstraint("confirmed_by <> released_by", name="second_person"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    deed: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    released_by: Mapped[str] = mapped_column(Text)
    released_by_name: Mapped[str] = mapped_column(Text)
    this_month_minor: Mapped[int] = mapped_column(BigInteger)
    per_year_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    confirmed_by_name: Mapped[str | None] = mapped_column(Text)


class CostLimitRow(Base):
    """Above so much a year an organisation wants two people to release a cost."""

    __tablename__ = "cost_limits"

    organisation: Mapped[str] = mapped_column(
        Text, ForeignKey("organisations.key"), primary_key=True
    )
    per_year_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(Text)


class ZoneChangeRow(Base):
    """An organisation's time zone was changed: its months follow from the next one on."""

    __tablename__ = "zone_changes"

    organisation: Mapped[str] = mapped_column(
        Text, ForeignKey("organisations.key"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(primary_key=True)
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
