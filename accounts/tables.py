"""The tables of accounts: organisations, people, API keys, logins and answered requests."""

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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class OrganisationRow(Base):
    """An organisation; the one without a parent is the root of the tree."""

    __tablename__ = "organisations"
    __table_args__ = (
        Index(
            "uq_organisations_one_root",
            "parent",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("parent IS NULL"),
        ),
        Index(None, "parent"),
    )

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(Text, ForeignKey("organisations.key"))
    time_zone: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    tax_status: Mapped[str] = mapped_column(Text)
    vat_id: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    iban: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class PersonRow(Base):
    """Somebody who may sign in; never deleted, so that what he did stays his."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "organisation"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_name: Mapped[str] = mapped_column(Text, unique=True)
    email: Mapped[str | None] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    language: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]


class ApiKeyRow(Base):
    """A key for programs; only a hash of its secret is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "organisation"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    prefix: Mapped[str] = mapped_column(Text, unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LoginRow(Base):
    """A browser that is signed in; `id_hash` is the SHA-256 of the secret in its cookie."""

    __tablename__ = "logins"
    __table_args__ = (Index(None, "person_id"), Index(None, "expires_at"))

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("people.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    user_agent: Mapped[str] = mapped_column(Text)


class LoginAttemptRow(Base):
    """What is known of tries to sign in for an account, from an address, or for both together."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index(None, "counted_at"),)

    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    counted_at: Mapped[datetime]
    blocked_until: Mapped[datetime]
    succeeded_at: Mapped[datetime | None]


class AnsweredRequestRow(Base):
    """A writing call that was answered, so that its repetition gets the same answer."""

    __tablename__ = "answered_requests"
    __table_args__ = (Index(None, "answered_at"),)

    principal: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime]
