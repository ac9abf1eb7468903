"""The table of meters that were exchanged."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Identity, Integer, Numeric, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class MeterExchangeRow(Base):
    """An EVSE's register ended at `last_wh`, and went on from `first_wh`: another meter counts."""

    __tablename__ = "meter_exchanges"
    __table_args__ = (UniqueConstraint("station", "evse_id", "exchanged_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    evse_id: Mapped[int] = mapped_column(Integer)
    exchanged_at: Mapped[datetime]
    last_wh: Mapped[Decimal] = mapped_column(Numeric)
    first_wh: Mapped[Decimal] = mapped_column(Numeric)
    serial_number: Mapped[str | None] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(Text)
