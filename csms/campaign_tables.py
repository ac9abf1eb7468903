"""The tables of campaigns: the same command to many stations, at a rate."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Index, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class CampaignRow(Base):
    """What somebody asks many stations for, and how fast."""

    __tablename__ = "campaigns"
    __table_args__ = (
        Index(None, "organisation", "id"),
        Index("ix_campaigns_due", "next_at", postgresql_where="next_at is not null"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """Whose people see it: the asker's."""
    title: Mapped[str] = mapped_column(Text)
    per_minute: Mapped[int] = mapped_column(Integer)
    when_offline: Mapped[str] = mapped_column(Text)
    expires_in_s: Mapped[int] = mapped_column(Integer)
    ends_in_s: Mapped[int | None] = mapped_column(Integer)
    change_order: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(Text)
    asked_by_name: Mapped[str] = mapped_column(Text)
    door: Mapped[str] = mapped_column(Text)
    is_authorised: Mapped[bool] = mapped_column(Boolean)
    next_at: Mapped[datetime | None]
    """When the next station is asked; empty once all were, or it was stopped."""
    stopped_at: Mapped[datetime | None]
    stopped_by_name: Mapped[str | None] = mapped_column(Text)


class CampaignItemRow(Base):
    """One station of a campaign, and what became of asking it."""

    __tablename__ = "campaign_items"
    __table_args__ = (
        Index(
            "ix_campaign_items_waiting",
            "campaign_id",
            "position",
            postgresql_where="asked_at is null",
        ),
    )

    campaign_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    action: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    asked_at: Mapped[datetime | None]
    command_id: Mapped[int | None] = mapped_column(BigInteger)
    refusal: Mapped[str | None] = mapped_column(Text)
    """The code of why it was not even asked."""
