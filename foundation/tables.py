"""The tables of the outbox and of mails."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from foundation.database import Base


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit id of a database transaction."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


ischema_names["xid8"] = Xid8  # so that the migrations' check knows the type when it sees it


class JournalRow(Base):
    """An event, written once, in the unit of work of what it tells of."""

    __tablename__ = "journal"
    __table_args__ = (Index(None, "xid", "id"), Index(None, "subject"), Index(None, "happened_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


class DeliveryRow(Base):
    """An event that one reader has not taken yet; the row goes when it has."""

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "reader", "lane", "subject", "event_id"),)

    reader: Mapped[str] = mapped_column(Text, primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    lane: Mapped[int] = mapped_column(SmallInteger)
    subject: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime]
    last_error: Mapped[str | None] = mapped_column(Text)


class MailRow(Base):
    """A mail, from the moment that it was written; `state` is a `MailState`."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime]
    recipient: Mapped[str] = mapped_column(Text)
    sender: Mapped[str | None] = mapped_column(Text)
    """Whom it is from; None: the installation's own sender."""
    subject: Mapped[str] = mapped_column(Text)
    body_text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    last_error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]


class MailAttachmentRow(Base):
    """A file that goes with a mail."""

    __tablename__ = "mail_attachments"

    mail_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("mails.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
