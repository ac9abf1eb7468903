"""The tables of remote pages: addresses of stations' own pages, and who opened them through us."""

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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class RemotePageRow(Base):
    """A page of a station, or of a logger beside it, by its address in the operator's network."""

    __tablename__ = "remote_pages"
    __table_args__ = (UniqueConstraint("station", "title"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    title: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    checks_certificate: Mapped[bool] = mapped_column(Boolean)
    """Whether its certificate has to be one of a known authority; loggers sign their own."""
    entered_at: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(Text)
    entered_by_name: Mapped[str] = mapped_column(Text)


class RemoteOpeningRow(Base):
    """Somebody opened a page: by a ticket of one use, then by a secret that his browser keeps.

    Of both only the SHA-256 is kept, as of the login by which he did. `url` is the address as it
    was. It is a record for as long as the account has records: a page that is gone leaves it.
    """

    __tablename__ = "remote_openings"
    __table_args__ = (
        UniqueConstraint("label"),
        UniqueConstraint("ticket_sha256"),
        Index(None, "station", "account", "id"),
        Index("ix_remote_openings_open", "last_used_at", postgresql_where=text("ended_at is null")),
        CheckConstraint("(ended_at is null) = (ended_why is null)", name="ended"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    page: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("remote_pages.id", ondelete="SET NULL")
    )
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    account: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    owner: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    title: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    checks_certificate: Mapped[bool] = mapped_column(Boolean)
    label: Mapped[str] = mapped_column(Text)
    """The first part of the host name under which it is shown; of no other opening, ever."""
    ticket_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    ticket_until: Mapped[datetime]
    secret_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    login_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    """Whence he opened it."""
    opened_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(Text)
    requests: Mapped[int] = mapped_column(BigInteger)
    bytes_up: Mapped[int] = mapped_column(BigInteger)
    """What he sent to the page, without heads."""
    bytes_down: Mapped[int] = mapped_column(BigInteger)
