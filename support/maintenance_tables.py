"""Maintenance windows."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class MaintenanceWindowRow(Base):
    """A time in which a station, or some of its EVSEs, is being worked at: [starts_at, ends_at)."""

    __tablename__ = "maintenance_windows"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        CheckConstraint("locks or test_tokens = '{}'", name="tokens"),
        Index(None, "station", "ends_at"),
        Index(
            "ix_maintenance_windows_locks",
            "station",
            postgresql_where=text("locks and withdrawn_at is null and unlocked_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """Whose station it was when the window was made."""
    evses: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Empty: the whole station."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    locks: Mapped[bool] = mapped_column(Boolean)
    test_tokens: Mapped[list[str]] = mapped_column(ARRAY(Text))
    comment: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    created_by_name: Mapped[str] = mapped_column(Text)
    withdrawn_at: Mapped[datetime | None]
    locked_evses: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    """Those that were taken out of service for it; null: not yet."""
    unlocked_at: Mapped[datetime | None]
    """When all that its lock did was undone."""
