"""The table of what stations were asked to show a driver at the end of his transaction."""

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class DisplayMessageRow(Base):
    """A sentence that went to the station's display with the answer to a transaction's end."""

    __tablename__ = "display_messages"

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    answered_at: Mapped[datetime]
