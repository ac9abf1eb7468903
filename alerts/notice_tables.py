"""Who hears of alerts, and what they were told."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class AlertRecipientRow(Base):
    """Where somebody wants to hear of an organisation's alerts; never deleted, only ended."""

    __tablename__ = "alert_recipients"
    __table_args__ = (
        CheckConstraint("channel in ('mail', 'sms', 'chat', 'webhook')", name="channel"),
        CheckConstraint("(ended_at is null) = (ended_because is null)", name="end"),
        CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="quiet"),
        CheckConstraint("after_s >= 0", name="after"),
        CheckConstraint("repeat_s > 0", name="repeat"),
        CheckConstraint("(sealed is not null) = (channel in ('chat', 'webhook'))", name="sealed"),
        Index(
            "ix_alert_recipients_active",
            "organisation",
            "id",
            postgresql_where=text("ended_at is null"),
        ),
        Index(None, "account"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """Whose alerts."""
    account: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """Who pays: the organisation of who entered it."""
    person: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("people.id"))
    """Who entered it; null: an API key."""
    entered_by: Mapped[str] = mapped_column(Text)
    entered_by_name: Mapped[str] = mapped_column(Text)
    entered_at: Mapped[datetime]
    channel: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    """The address or number; of a URL, which may hold a secret, only what may be shown."""
    sealed: Mapped[bytes | None]
    label: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    zone: Mapped[str] = mapped_column(Text)
    detections: Mapped[list[str]] = mapped_column(ARRAY(Text))
    stations: Mapped[list[str]] = mapped_column(ARRAY(Text))
    locations: Mapped[list[str]] = mapped_column(ARRAY(Text))
    least: Mapped[str] = mapped_column(Text)
    monitored_only: Mapped[bool]
    after_s: Mapped[int] = mapped_column(Integer)
    repeat_s: Mapped[int | None] = mapped_column(Integer)
    tells_end: Mapped[bool]
    quiet_from: Mapped[str | None] = mapped_column(Text)
    quiet_until: Mapped[str | None] = mapped_column(Text)
    breaks_quiet: Mapped[str | None] = mapped_column(Text)
    shifts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    bundles: Mapped[bool]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(Text)
    """removed, or access: whoever entered it does not see the stations any more."""


class AlertNoticeRow(Base):
    """Something that somebody is, was or will be told of an alert."""

    __tablename__ = "alert_notices"
    __table_args__ = (
        CheckConstraint(
            "state in ('waiting', 'handed', 'sent', 'unpaid', 'failed', 'dropped')", name="state"
        ),
        Index("uq_alert_notices_once", "alert", "recipient", "occasion", "number", unique=True),
        Index("ix_alert_notices_due", "due_at", postgresql_where=text("state = 'waiting'")),
        Index(None, "recipient", "id"),
        Index(
            "ix_alert_notices_carried_by",
            "carried_by",
            postgresql_where=text("carried_by is not null"),
        ),
        Index(
            "ix_alert_notices_unpaid",
            "id",
            postgresql_where=text("state = 'unpaid' and letter_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert: Mapped[int] = mapped_column(BigInteger, ForeignKey("alerts.id"))
    recipient: Mapped[int] = mapped_column(BigInteger, ForeignKey("alert_recipients.id"))
    occasion: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(Integer)
    """Which reminder; 0: the first time."""
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """When it was sent, failed, or became needless."""
    carried_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("alert_notices.id"))
    """The notice in whose message it went along."""
    error: Mapped[str | None] = mapped_column(Text)
    letter_at: Mapped[datetime | None]
    """When a mail told that there was no credit for it."""


class UnpaidLetterRow(Base):
    """When an account was last written to about messages that it had no credits for."""

    __tablename__ = "alert_unpaid_letters"

    account: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"), primary_key=True)
    written_at: Mapped[datetime | None]
