"""The vocabulary of what happened: the only language between rooms.

Events are in the past tense, frozen, and carry all that their readers need, so that billing never
reads csms's tables. Reports (`csms.reports`) are what a station claims; events are what we hold
true. They are stored as JSON by `foundation.outbox`; a field that is added later needs a default.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import msgspec

from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    PartyId,
    StationId,
    TransactionId,
)
from foundation.money import Money


class EndBasis(StrEnum):
    """How we know that a transaction ended."""

    REPORTED = "reported"
    """The station said so, and we know the start."""
    ADOPTED = "adopted"
    """The station said so, but its start was never seen."""
    INFERRED = "inferred"
    """We conclude it from other signs; a late real end overrides it."""


class EnergyBasis(StrEnum):
    """What the energy of a transaction was computed from."""

    REGISTERS = "registers"
    """Stop register minus start register."""
    SEGMENTS = "segments"
    """The sum of the rises of a register that was reset in between."""


class Doubt(StrEnum):
    """Why a transaction's facts need a person's eye; the values are the API's hold reasons."""

    NEGATIVE_ENERGY = "negative_energy"
    IMPOSSIBLE_ENERGY = "impossible_energy"
    END_BEFORE_START = "end_before_start"
    MISSING_START = "missing_start"
    INFERRED_END = "inferred_end"
    STATION_WAITING = "station_waiting"
    CLOCK_WRONG = "clock_wrong"


class TokenStatus(StrEnum):
    """What is known of an id token: the API's and the table's words."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    NO_CREDIT = "no_credit"


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened; `happened_at` is when in the world, not when it was told."""

    kind: ClassVar[str]
    happened_at: datetime

    @property
    def subject(self) -> str:
        """What the order of events is kept for: events of one subject are handled in order."""
        raise NotImplementedError


class StationEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about a station as a whole."""

    station: StationId

    @property
    def subject(self) -> str:
        return f"station/{self.station}"


class StationBooted(StationEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "station_booted"
    vendor: str
    model: str
    firmware: str | None
    reason: str | None


class StationConnected(StationEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "station_connected"
    ocpp_version: str
    epoch: int


class StationDisconnected(StationEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "station_disconnected"
    epoch: int
    reason: str


class StationWentOffline(StationEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "station_went_offline"
    last_heard_at: datetime


class StationCameBack(StationEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "station_came_back"


class SecurityEventReported(StationEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "security_event_reported"
    type: str
    tech_info: str | None


class FirmwareStatusChanged(StationEvent, frozen=True, kw_only=True, gc=False):
    """How far an update is; the words are OCPP 2.0.1's, or the station's own.

    `request_id` is that of the request; None where the station names none (1.6 never does).
    """

    kind: ClassVar[str] = "firmware_status_changed"
    status: str
    request_id: int | None


class LogStatusChanged(StationEvent, frozen=True, kw_only=True, gc=False):
    """How far the upload of a log or of diagnostics is; words and `request_id` as above."""

    kind: ClassVar[str] = "log_status_changed"
    status: str
    request_id: int | None


class ReservationEnded(StationEvent, frozen=True, kw_only=True, gc=False):
    """A reservation is over without a transaction: Cancelled, Expired, Removed, NoTransaction."""

    kind: ClassVar[str] = "reservation_ended"
    reservation_id: int
    ending: str


class VariablesReported(StationEvent, frozen=True, kw_only=True, gc=False):
    """The last missing part of a report on a station's variables is there."""

    kind: ClassVar[str] = "variables_reported"
    request_id: int
    parts: int


class StationFileReceived(StationEvent, frozen=True, kw_only=True, gc=False):
    """A file that a station sent is there as a whole."""

    kind: ClassVar[str] = "station_file_received"
    file_id: int
    file_name: str
    size_bytes: int


class MonitoringActivated(StationEvent, frozen=True, kw_only=True, gc=False):
    """A station's monitoring was switched on for an organisation, by whom, at what price."""

    kind: ClassVar[str] = "monitoring_activated"
    organisation: OrganisationKey
    by: str
    by_name: str
    per_month: Money | None


class MonitoringDeactivated(StationEvent, frozen=True, kw_only=True, gc=False):
    """A station's monitoring ended for an organisation: asked, moved or decommissioned."""

    kind: ClassVar[str] = "monitoring_deactivated"
    organisation: OrganisationKey
    by: str
    by_name: str
    because: str


class EvseEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one EVSE."""

    station: StationId
    evse_id: EvseId
    connector_id: ConnectorId

    @property
    def subject(self) -> str:
        return f"evse/{self.station}/{self.evse_id}"


class ConnectorStatusChanged(EvseEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "connector_status_changed"
    status: str
    charging_state: str | None


class FaultReported(EvseEvent, frozen=True, kw_only=True, gc=False):
    """A connector told of an error; told again where it becomes a fault, or only a warning.

    `faulted` says whether the connector's status is Faulted: with any other the error does not
    prevent charging (OCPP 1.6, 4.9).
    """

    kind: ClassVar[str] = "fault_reported"
    error_code: str
    info: str | None
    vendor_error_code: str | None
    faulted: bool = True
    monitor: str | None = None
    """Which component and variable told it (2.x's NotifyEvent); None: a status."""
    event_id: int | None = None
    """The number that the station gave what its monitor noticed."""
    caused_by: int | None = None
    """The number of the event that the station takes for its cause."""


class FaultCleared(EvseEvent, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "fault_cleared"
    error_code: str
    monitor: str | None = None


class TransactionEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one transaction, with what was frozen on it at its corrected start.

    `owner` is the station owner's organisation, `token_organisation`, `token_provider` and
    `token_group` whose token it was, all as of `started_at`. `time_zone` is the station's (IANA),
    for tariffs.
    """

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    connector_id: ConnectorId
    location: str | None
    owner: OrganisationKey
    time_zone: str
    id_token: IdToken | None
    token_status: TokenStatus | None
    token_organisation: OrganisationKey | None
    token_provider: PartyId | None
    free_vend: bool
    started_at: datetime
    token_group: str | None = None

    @property
    def subject(self) -> str:
        return f"transaction/{self.transaction_id}"


class TransactionStarted(TransactionEvent, frozen=True, kw_only=True, gc=False):
    """Emitted once; and again where a running transaction's token is presented after its start."""

    kind: ClassVar[str] = "transaction_started"
    meter_start_wh: Decimal | None


class UsagePoint(msgspec.Struct, frozen=True, gc=False):
    """Where a transaction's energy stood at a moment.

    `energy_wh` counts from the transaction's start and never falls. `charging` tells whether
    energy flowed in the span that *begins* here (False: parked without charging).
    """

    at: datetime
    energy_wh: Decimal
    charging: bool


class TransactionEnded(TransactionEvent, frozen=True, kw_only=True, gc=False):
    """Emitted once per revision; a later revision replaces the earlier ones.

    `energy_wh` is what may be billed, never negative: with NEGATIVE_ENERGY among the doubts it is
    the best estimate (0 if there is none). `usage` starts with `(started_at, 0)` and ends with
    `(ended_at, energy_wh)`; its times rise strictly, unless the end lies before the start, when
    it holds the one point of the start.
    """

    kind: ClassVar[str] = "transaction_ended"
    revision: int
    basis: EndBasis
    ended_at: datetime
    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    energy_wh: Decimal
    energy_basis: EnergyBasis
    max_power_w: Decimal | None
    usage: tuple[UsagePoint, ...]
    doubts: tuple[Doubt, ...] = ()
    stop_reason: str | None = None
    billing_decision: str | None = None
    """Of a start by staff: `token` (as usual) or `free` (it costs nothing); else None."""
    corrected_by: str | None = None
    """Who corrected times or energy by hand, as in `person/7`; else None."""


class CommandChanged(Event, frozen=True, kw_only=True, gc=False):
    """A remote command came into a state; `failure` says why one failed.

    `owner` is the station's organisation when it was asked, `asked_by` who did.
    """

    kind: ClassVar[str] = "command_changed"
    command_id: str
    station: StationId
    owner: OrganisationKey
    action: str
    state: str
    failure: str | None
    asked_by: str
    asked_by_name: str
    reason: str
    note: str | None
    transaction_id: TransactionId | None

    @property
    def subject(self) -> str:
        return f"command/{self.command_id}"


class CdrIssued(Event, frozen=True, kw_only=True, gc=False):
    """A charge detail record was booked (`replaces` names the one it takes the place of)."""

    kind: ClassVar[str] = "cdr_issued"
    cdr_id: int
    transaction_id: TransactionId
    revision: int
    payee: OrganisationKey
    hold_reason: str | None
    replaces: int | None

    @property
    def subject(self) -> str:
        return f"transaction/{self.transaction_id}"


class DriverConcerned(Event, frozen=True, kw_only=True, gc=False):
    """What became of a transaction is something that its driver is told, if he is known."""

    kind: ClassVar[str] = "driver_concerned"
    transaction_id: TransactionId
    cdr_id: int
    payee: OrganisationKey

    @property
    def subject(self) -> str:
        return f"transaction/{self.transaction_id}"


class SettlementReported(Event, frozen=True, kw_only=True, gc=False):
    """A station told what became of a payment at its terminal.

    `status` is Settled, Canceled, Rejected or Failed; `settlement_id` is its number here.
    """

    kind: ClassVar[str] = "settlement_reported"
    station: StationId
    settlement_id: int
    transaction_id: TransactionId | None
    psp_ref: str
    status: str
    amount_minor: int
    currency: str

    @property
    def subject(self) -> str:
        return f"settlement/{self.station}/{self.psp_ref}"


class StatementIssued(Event, frozen=True, kw_only=True, gc=False):
    kind: ClassVar[str] = "statement_issued"
    statement_id: str
    payee: OrganisationKey
    month: str

    @property
    def subject(self) -> str:
        return f"payee/{self.payee}"


class DocumentIssued(Event, frozen=True, kw_only=True, gc=False):
    """An invoice, credit note or counter-document was issued.

    `organisation` is the recipient, or the one that manages the contact it goes to.
    """

    kind: ClassVar[str] = "document_issued"
    number: str
    document_kind: str
    organisation: OrganisationKey
    gross: str
    currency: str
    mailed: bool

    @property
    def subject(self) -> str:
        return f"document/{self.number}"


class LicenceCharge(msgspec.Struct, frozen=True, gc=False):
    """What a licence costs: `count` things for so many months, each at a price for a month.

    `item` is `account`, `datapoints` or `metering_points`, `about` which licence. The amount is
    rounded, without tax; the days are the organisation's, both included.
    """

    item: str
    about: str
    count: int
    months: int
    unit_price: Decimal
    net: Decimal
    currency: str
    first_day: date
    last_day: date


class AccountApproved(Event, frozen=True, kw_only=True, gc=False):
    """An application was approved; `what` is its kind, `charges` what it costs, if anything."""

    kind: ClassVar[str] = "account_approved"
    organisation: OrganisationKey
    application_id: int
    what: str
    charges: tuple[LicenceCharge, ...]

    @property
    def subject(self) -> str:
        return f"account/{self.organisation}"


class LicenceMonthBegan(Event, frozen=True, kw_only=True, gc=False):
    """A month of a monthly licence began, and is charged at the price list of its first day."""

    kind: ClassVar[str] = "licence_month_began"
    organisation: OrganisationKey
    licence_id: int
    charges: tuple[LicenceCharge, ...]

    @property
    def subject(self) -> str:
        return f"account/{self.organisation}"


class AlertChanged(Event, frozen=True, kw_only=True, gc=False):
    """Something that deserves attention changed: it was raised, grew, was taken on, is over.

    `detection` is which watch found it, `cause` what it found; `stations` are all that it is about
    now, none where it is about the installation itself. `monitored` says whether the provider's
    watch was on for one of them: only then does it enter the support queue.
    """

    kind: ClassVar[str] = "alert_changed"
    alert_id: int
    organisation: OrganisationKey
    detection: str
    cause: str
    severity: str
    change: str
    """raised, repeated, grown, acknowledged, escalated, recovered or closed."""
    stations: tuple[StationId, ...]
    location: str | None
    monitored: bool
    by: str | None = None
    by_name: str | None = None
    note: str | None = None

    @property
    def subject(self) -> str:
        return f"alert/{self.alert_id}"


EVENTS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        StationBooted,
        StationConnected,
        StationDisconnected,
        StationWentOffline,
        StationCameBack,
        SecurityEventReported,
        FirmwareStatusChanged,
        LogStatusChanged,
        ReservationEnded,
        VariablesReported,
        StationFileReceived,
        MonitoringActivated,
        MonitoringDeactivated,
        ConnectorStatusChanged,
        FaultReported,
        FaultCleared,
        TransactionStarted,
        TransactionEnded,
        CommandChanged,
        CdrIssued,
        DriverConcerned,
        SettlementReported,
        StatementIssued,
        DocumentIssued,
        AccountApproved,
        LicenceMonthBegan,
        AlertChanged,
    )
}
"""Every kind of event by its stored name."""
