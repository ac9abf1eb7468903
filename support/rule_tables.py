"""What if/then rules had done besides their alerts."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class WatchRuleDeedRow(Base):
    """A ticket that a rule opened, or a step that it had tried: once each time that it fired."""

    __tablename__ = "watch_rule_deeds"
    __table_args__ = (
        UniqueConstraint("fault", "deed"),
        CheckConstraint("(reference is null) <> (refused is null)", name="result"),
        Index(None, "rule", "id"),
        Index(None, "station", "done_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    rule: Mapped[int] = mapped_column(BigInteger, ForeignKey("watch_rules.id"))
    alert: Mapped[int] = mapped_column(BigInteger, ForeignKey("alerts.id"))
    fault: Mapped[int] = mapped_column(BigInteger, ForeignKey("alert_faults.id"))
    """Where it was met, from when it fired until it was over."""
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    deed: Mapped[str] = mapped_column(Text)
    """ticket, or the step."""
    done_at: Mapped[datetime]
    reference: Mapped[str | None] = mapped_column(Text)
    """The number of the ticket or of the command."""
    refused: Mapped[str | None] = mapped_column(Text)
    """Why it was not done."""
