"""The tables of the portal: webhooks, and how far outsiders have read the journal."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class JournalCursorRow(Base):
    """How far an outsider has read the journal; `name` as in `feed` or `webhooks`."""

    __tablename__ = "journal_cursors"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[datetime]


class FeedTopicRow(Base):
    """A topic for which the broker may hold a retained message: so that it can be cleared."""

    __tablename__ = "feed_topics"

    topic: Mapped[str] = mapped_column(Text, primary_key=True)


class WebhookRow(Base):
    """A place that hears of events, as far as its maker did: kinds, reach and personal data.

    Events are signed with `secret`; until `old_secret_until` also with the one before it. Both
    are sealed.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "organisation"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    reach: Mapped[str] = mapped_column(Text)
    sees_personal: Mapped[bool] = mapped_column(Boolean)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(Boolean)
    inactive_because: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(Integer)
    failing_since: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)


class WebhookDeliveryRow(Base):
    """An event on its way to a webhook; `asked_by` names who had it sent once more.

    `event_id` is no foreign key: the journal forgets sooner than this does.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "uq_webhook_deliveries_webhook_event",
            "webhook",
            "event_id",
            unique=True,
            postgresql_where=text("asked_by IS NULL"),
        ),
        Index(None, "webhook", "id"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    webhook: Mapped[int] = mapped_column(BigInteger, ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    response_status: Mapped[int | None] = mapped_column(SmallInteger)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    attempted_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    asked_by: Mapped[str | None] = mapped_column(Text)
