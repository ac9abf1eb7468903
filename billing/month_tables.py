"""Tables of the month end: how far a month's run has come for each payee, and shadow statements."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class MonthRunRow(Base):
    """The run of a month: one for all payees, each from when the month is over where he is."""

    __tablename__ = "month_runs"

    month: Mapped[str] = mapped_column(Text, primary_key=True)
    asked_by: Mapped[str] = mapped_column(Text)
    """Who asked for it last: `schedule`, or a person or program as the audit names them."""
    asked_at: Mapped[datetime]
    begun_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    """When nothing was left to do for those that had come in; None while something is."""


class MonthStepRow(Base):
    """One step of a payee's month end; done once, in the unit of work that says so here."""

    __tablename__ = "month_steps"

    month: Mapped[str] = mapped_column(Text, primary_key=True)
    payee: Mapped[str] = mapped_column(Text, primary_key=True)
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(Integer)
    tried_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(Text)
    """Why it could not be done at the last try."""
    detail: Mapped[str | None] = mapped_column(Text)
    made: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """What it made: the ids of statements, the numbers of documents, the keys of charges."""


class ShadowStatementRow(Base):
    """A statement as it would have been at a moment; nothing is booked by it."""

    __tablename__ = "shadow_statements"
    __table_args__ = (Index(None, "payee", "month", "drawn_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    payee: Mapped[str] = mapped_column(Text)
    month: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[str] = mapped_column(Text)
    pending: Mapped[int] = mapped_column(Integer)
    """How many events of the month had not reached billing then."""
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
