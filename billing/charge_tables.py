"""What services cost somebody, before it stands on a paper."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, Identity, Index, Numeric, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class ChargeRow(Base):
    """An amount for a service; never changed but for the document that it stands on."""

    __tablename__ = "charges"
    __table_args__ = (
        CheckConstraint("period_end >= period_start", name="period"),
        Index("ix_charges_open", "debtor", "id", postgresql_where=text("document is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    debtor: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    unit: Mapped[str] = mapped_column(Text)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date] = mapped_column(Date)
    period_end: Mapped[date] = mapped_column(Date)
    about: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    booked_at: Mapped[datetime]
    document: Mapped[str | None] = mapped_column(Text, index=True)
    """The number of the invoice that it stands on; None while it waits for one."""
