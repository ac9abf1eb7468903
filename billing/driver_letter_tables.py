"""The table of what drivers were told about single sessions."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class DriverLetterRow(Base):
    """That a driver was told about a session, or why he could not be; written once for each."""

    __tablename__ = "driver_letters"
    __table_args__ = (UniqueConstraint("transaction_id", "about"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    about: Mapped[str] = mapped_column(Text)
    """no_energy or impossible."""
    outcome: Mapped[str] = mapped_column(Text)
    """mailed, or why not: no_card, of_provider, no_contract, no_address."""
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    language: Mapped[str | None] = mapped_column(Text)
    mail_id: Mapped[int | None] = mapped_column(BigInteger)
    noted_at: Mapped[datetime]
