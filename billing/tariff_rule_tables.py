"""When places are open, and who may charge where; both dated, written once and never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Identity, Integer, Text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class PlaceHoursRow(Base):
    """The opening or operating hours of a place from a moment on, until the next row's."""

    __tablename__ = "place_hours"
    __table_args__ = (
        Unique("scope", "scope_id", "kind", "valid_from"),
        CheckConstraint("transition_minutes >= 0", name="transition"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    scope_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    """opening or operating."""
    hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """OCPI's Hours object; None: the place has none of its own any more."""
    transition_minutes: Mapped[int] = mapped_column(Integer)
    stops: Mapped[bool] = mapped_column(Boolean)
    """Whether a session is stopped where its time ends."""
    valid_from: Mapped[datetime]
    created_at: Mapped[datetime]


class AccessControlRow(Base):
    """Where tokens may charge that a condition is about; the latest row of a key counts."""

    __tablename__ = "access_controls"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text, index=True)
    organisation: Mapped[str | None] = mapped_column(Text)
    conditions: Mapped[dict[str, Any]] = mapped_column(JSONB)
    allowed: Mapped[list[str]] = mapped_column(JSONB)
    """Places as `scope/id`; all others are blocked."""
    is_on: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
