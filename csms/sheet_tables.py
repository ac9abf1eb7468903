"""The tables of what people write down on a station's data sheet.

Whoever owned the station wrote for his own side: each row names the organisation, and the next
owner does not read it.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class StationFactRow(Base):
    """A free pair of description and value."""

    __tablename__ = "station_facts"
    __table_args__ = (UniqueConstraint("station", "organisation", "name"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)


class StationPartRow(Base):
    """A component of a station that somebody entered: built in, or beside it, as a router is."""

    __tablename__ = "station_parts"
    __table_args__ = (Index(None, "station", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    is_external: Mapped[bool] = mapped_column(Boolean)
    model: Mapped[str | None] = mapped_column(Text)
    serial_number: Mapped[str | None] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime]
    """When somebody last entered something of it."""
    updated_by: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None]


class StationDocumentRow(Base):
    """A file that somebody put to a station; what was removed keeps its name and no content."""

    __tablename__ = "station_documents"
    __table_args__ = (
        Index(None, "station", "id"),
        CheckConstraint("(removed_at is null) = (content is not null)", name="content"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    file_name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    about: Mapped[str | None] = mapped_column(Text)
    stored_at: Mapped[datetime]
    stored_by: Mapped[str] = mapped_column(Text)
    stored_by_name: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None] = mapped_column(Text)


class StationEntryRow(Base):
    """Something that happened at a station, as somebody wrote it down; never edited."""

    __tablename__ = "station_entries"
    __table_args__ = (Index(None, "station", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    kind: Mapped[str | None] = mapped_column(Text)
    """The kind's name, as it was called then."""
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)


class StationEntryKindRow(Base):
    """A kind of entry that an organisation offers to choose from."""

    __tablename__ = "station_entry_kinds"

    organisation: Mapped[str] = mapped_column(
        Text, ForeignKey("organisations.key"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Text)
