"""The tables of a station's equipment: what it does for us, what it is set to, and its files.

Words are OCPP 2.0.1's. A 1.6 configuration key is a variable whose component is empty.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class StationProgressRow(Base):
    """How far a station is with something it does for us: firmware, a log, a publication.

    `request_id` is what our request named; None where the station or its version has none, so
    that all such reports of a station are one row.
    """

    __tablename__ = "station_progress"
    __table_args__ = (
        Index(
            "uq_station_progress_station_kind_request_id",
            "station",
            "kind",
            "request_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    kind: Mapped[str] = mapped_column(Text)
    """firmware, log or publication."""
    request_id: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    """A reason that the station gave, or where it published."""
    changed_at: Mapped[datetime]
    """When the station first reported this status; a repeat changes nothing."""


class StationProgressStepRow(Base):
    """A status that a station reported; written once for each change."""

    __tablename__ = "station_progress_steps"
    __table_args__ = (Index(None, "progress_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    progress_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("station_progress.id", ondelete="CASCADE")
    )
    status: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class ReservationRow(Base):
    """A place that a station keeps for somebody; at most one open row for each number."""

    __tablename__ = "reservations"
    __table_args__ = (
        Index(
            "uq_reservations_open",
            "station",
            "reservation_id",
            unique=True,
            postgresql_where="ended_at is null",
        ),
        Index(None, "station", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    reservation_id: Mapped[int] = mapped_column(BigInteger)
    evse_id: Mapped[int | None] = mapped_column(Integer)
    """None: any EVSE of the station."""
    connector_type: Mapped[str | None] = mapped_column(Text)
    id_token: Mapped[str | None] = mapped_column(Text)
    group_id: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(Text)
    """Cancelled, or the station's word: Expired, Removed, NoTransaction."""


class StationVariableRow(Base):
    """A setting or reading of a station's device model; a 1.6 key has an empty component."""

    __tablename__ = "station_variables"
    __table_args__ = (
        Index(
            "uq_station_variables_place",
            "station",
            "component",
            "component_instance",
            "evse_id",
            "connector_id",
            "variable",
            "variable_instance",
            "attribute",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    component: Mapped[str] = mapped_column(Text)
    component_instance: Mapped[str | None] = mapped_column(Text)
    evse_id: Mapped[int | None] = mapped_column(Integer)
    connector_id: Mapped[int | None] = mapped_column(Integer)
    variable: Mapped[str] = mapped_column(Text)
    variable_instance: Mapped[str | None] = mapped_column(Text)
    attribute: Mapped[str] = mapped_column(Text)
    """Actual, Target, MinSet or MaxSet."""
    value: Mapped[str | None] = mapped_column(Text)
    """None: the station has none, or does not tell it."""
    is_known: Mapped[bool] = mapped_column(Boolean)
    """False: the station says that it has no such thing."""
    mutability: Mapped[str | None] = mapped_column(Text)
    """ReadOnly, ReadWrite or WriteOnly; None where nobody said."""
    data_type: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    min_limit: Mapped[Decimal | None] = mapped_column(Numeric)
    max_limit: Mapped[Decimal | None] = mapped_column(Numeric)
    values_list: Mapped[str | None] = mapped_column(Text)
    """The values it may have, separated by commas."""
    changed_at: Mapped[datetime]
    """When the station first told this value."""
    read_at: Mapped[datetime]
    """When the station last told it."""


class StationVariableValueRow(Base):
    """A value that a variable had from a moment on; written once for each change."""

    __tablename__ = "station_variable_values"
    __table_args__ = (Index(None, "variable_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    variable_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("station_variables.id", ondelete="CASCADE")
    )
    value: Mapped[str | None] = mapped_column(Text)
    is_known: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime]


class VariableReportPartRow(Base):
    """One NotifyReport of several that make a report; it is whole when no number is missing."""

    __tablename__ = "variable_report_parts"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    request_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq_no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    is_last: Mapped[bool] = mapped_column(Boolean)
    variables: Mapped[int] = mapped_column(Integer)
    """How many it held."""
    received_at: Mapped[datetime]


# ------------------------------------------------------------------------------------- files


class StationFileRow(Base):
    """A file that a station sent, or that is kept for stations to fetch."""

    __tablename__ = "station_files"
    __table_args__ = (Index(None, "station", "id"), Index(None, "organisation", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    """log (from a station) or firmware (for stations)."""
    station: Mapped[str | None] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """The station's owner when it was sent, or whoever put the file there."""
    file_name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    """Of the parts that are there so far."""
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    begun_at: Mapped[datetime]
    stored_at: Mapped[datetime | None]
    """When it was whole; None: it is on its way, or was given up."""
    stored_by: Mapped[str | None] = mapped_column(Text)
    """The id of the person or key; None: the station itself."""
    stored_from: Mapped[str | None] = mapped_column(Text)
    """The network address that sent it."""


class StationFilePartRow(Base):
    """A piece of a file; all but the last have the same size."""

    __tablename__ = "station_file_parts"

    file_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("station_files.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class FilePlaceRow(Base):
    """A name below which a station may send one file, or fetch one; only its digest is kept."""

    __tablename__ = "file_places"
    __table_args__ = (Index(None, "station", "id"), Index(None, "file_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    password: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What is kept of the password of Basic authentication; None: the name alone permits."""
    direction: Mapped[str] = mapped_column(Text)
    """up (to us) or down (to the station)."""
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    file_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("station_files.id"))
    """What was sent, once it is there; what is to be fetched."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    """When the file came, or was last fetched."""
    uses: Mapped[int] = mapped_column(Integer)
