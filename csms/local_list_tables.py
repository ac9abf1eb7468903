"""The tables of stations' local authorisation lists: what they hold by our books, and updates."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Index, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class LocalListRow(Base):
    """The list that a station holds, as far as it is known."""

    __tablename__ = "local_lists"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    version: Mapped[int | None] = mapped_column(BigInteger)
    """None: nobody knows; 0: it has none; -1: it knows no lists."""
    is_known: Mapped[bool] = mapped_column(Boolean)
    """Whether `entries` is all that is on it."""
    entries: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    last_version: Mapped[int] = mapped_column(BigInteger)
    """The highest that was ever sent or told."""
    changed_at: Mapped[datetime]


class LocalListUpdateRow(Base):
    """Somebody had a station's list brought up to date; at most one at a time is under way."""

    __tablename__ = "local_list_updates"
    __table_args__ = (
        Index(
            "uq_local_list_updates_under_way",
            "station",
            unique=True,
            postgresql_where="ended_at is null",
        ),
        Index(None, "station", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(Text)
    asked_by_name: Mapped[str] = mapped_column(Text)
    asker_organisation: Mapped[str] = mapped_column(Text)
    door: Mapped[str] = mapped_column(Text)
    is_authorised: Mapped[bool] = mapped_column(Boolean)
    change_order: Mapped[str | None] = mapped_column(Text)
    command: Mapped[int] = mapped_column(BigInteger)
    """The one that is waited for, or was the last."""
    messages: Mapped[int] = mapped_column(Integer)
    """How many messages with entries were sent."""
    restarts: Mapped[int] = mapped_column(Integer)
    """How often it began anew with a full list, because the station refused one."""
    state: Mapped[str] = mapped_column(Text)
    """under_way, done, refused, unsupported or failed."""
    outcome: Mapped[str | None] = mapped_column(Text)
    """The station's word, or ours, where it is not done."""
    ended_at: Mapped[datetime | None]
