"""The table of what is to be done by hand because a station's monitoring was switched."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class MonitoringTaskRow(Base):
    """Something to be done by hand; of each kind a station has at most one that is open."""

    __tablename__ = "monitoring_tasks"
    __table_args__ = (
        Index(
            "uq_monitoring_tasks_open",
            "station",
            "kind",
            unique=True,
            postgresql_where=sql("ended_at is null"),
        ),
        Index(None, "organisation", "id"),
        CheckConstraint(
            "(ended_at is null) = (ending is null) and (ended_at is null) = (ended_by is null)",
            name="end",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """For whom the station was monitored."""
    kind: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(Text)
    """done, or needless: monitoring was switched the other way meanwhile."""
    ended_by: Mapped[str | None] = mapped_column(Text)
    ended_by_name: Mapped[str | None] = mapped_column(Text)
