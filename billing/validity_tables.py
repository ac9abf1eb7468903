"""What the plausibility monitor is set to, per organisation."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class PlausibilitySettingsRow(Base):
    """The checks of an organisation's sessions; those below it without a row have them too."""

    __tablename__ = "plausibility_settings"

    organisation: Mapped[str] = mapped_column(Text, primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
