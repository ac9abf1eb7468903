"""The tables of alerts: whose stations are watched, and whom a station's faults are told."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from alerts import alert_tables as alert_tables  # the rest of the room's tables
from alerts import job_tables as job_tables
from alerts import notice_tables as notice_tables
from alerts import task_tables as task_tables
from foundation.database import Base


class MonitoringActivationRow(Base):
    """A station is monitored for an organisation in [active_from, active_to): a dated fact.

    The moments are those at which the server took the click, whatever the station's clock says.
    """

    __tablename__ = "monitoring_activations"
    __table_args__ = (
        Index(
            "uq_monitoring_activations_active",
            "station",
            unique=True,
            postgresql_where=text("active_to is null"),
        ),
        Index(None, "station", "active_from"),
        Index(None, "organisation", "active_from"),
        CheckConstraint("active_to >= active_from", name="period"),
        CheckConstraint(
            "(active_to is null) = (ended_by is null)"
            " and (active_to is null) = (ended_because is null)",
            name="end",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    active_from: Mapped[datetime]
    active_to: Mapped[datetime | None]
    started_by: Mapped[str] = mapped_column(Text)
    started_by_name: Mapped[str] = mapped_column(Text)
    ended_by: Mapped[str | None] = mapped_column(Text)
    ended_by_name: Mapped[str | None] = mapped_column(Text)
    ended_because: Mapped[str | None] = mapped_column(Text)


class TechnicianRow(Base):
    """Who is sent to a station when a fault cannot be cleared from afar."""

    __tablename__ = "station_technicians"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """Who entered it: another owner of the station enters his own."""
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
