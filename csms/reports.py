"""What a station says, and how we answer, whatever its version.

We speak OCPP 2.0.1 inside; `csms.ocpp.v16.translate` brings 1.6 up to it at the door, and no
handler knows a version. A report is a claim: late, doubled and impossible reports are everyday
life, so nothing here is checked against what we know.

Reports and answers are structs: a frozen dataclass would take nine times as long to make.

Units: energy in Wh, power in W, moments aware and in UTC. Moments that a station reports are its
own clock's; `Origin.received_at` is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

from foundation.charging_limits import ChargingLimits
from foundation.identifiers import ConnectorId, EvseId, IdToken, StationId, TransactionId


class OcppVersion(StrEnum):
    """A subprotocol name, which is also what the API shows without its prefix."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"

    __hash__ = str.__hash__  # an enum's own is a call of Python's, for each message


class Origin(Struct, frozen=True, gc=False):
    """Where a report comes from.

    `raw` is the frame's text as it arrived. `repairs` names the rules that were needed to
    understand it. `epoch` is the connection's. `action` is the OCPP action. `skew_s` is how far
    the connection's clock is ahead of ours, in seconds, as far as it is known (0: not at all).
    """

    station: StationId
    version: OcppVersion
    epoch: int
    received_at: datetime
    message_id: str
    action: str
    raw: str
    repairs: tuple[str, ...] = ()
    skew_s: int = 0


class Report(Struct, frozen=True, gc=False):
    """A claim of a station."""

    origin: Origin


# ------------------------------------------------------------------------------------ values


class ConnectorStatus(StrEnum):
    """`ConnectorStatusEnumType` of OCPP 2.0.1."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class ChargingState(StrEnum):
    """`ChargingStateEnumType` of OCPP 2.0.1.

    From 1.6: Preparing and Finishing are EV_CONNECTED, Charging is CHARGING, SuspendedEV and
    SuspendedEVSE are theirs.
    """

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    IDLE = "Idle"


class AuthorizationStatus(StrEnum):
    """`AuthorizationStatusEnumType` of OCPP 2.0.1, as far as we answer it."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"

    __hash__ = str.__hash__  # as above: answers are remembered by it


class RegistrationStatus(StrEnum):
    """`RegistrationStatusEnumType`."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class Sample(Struct, frozen=True, gc=False):
    """One sampled value in base units (Wh, W, A, V, Celsius, Percent, Hz, ...).

    `measurand` and `context` have OCPP's words with its defaults filled in
    (Energy.Active.Import.Register, Sample.Periodic). `value` is None only for signed data, whose
    text is kept byte by byte in `signed`.
    """

    measurand: str
    value: Decimal | None
    unit: str | None
    phase: str | None = None
    location: str | None = None
    signed: str | None = None


class Reading(Struct, frozen=True, gc=False):
    """The values of one moment and context.

    `measured_at` is None where the station named no time. `energy_register_wh` is the EVSE's
    total import register: the sample without phase (Outlet, or no location), or the sum of all
    three phases if only these were sent; None if there was none.
    """

    measured_at: datetime | None
    context: str
    energy_register_wh: Decimal | None
    samples: tuple[Sample, ...]


class IdTokenInfo(Struct, frozen=True, gc=False):
    """How an id token is answered; `group` is 1.6's parentIdTag.

    `languages` are at most two in which the driver wants to be spoken to, the first one first
    (2.x).
    """

    status: AuthorizationStatus
    group: IdToken | None = None
    valid_until: datetime | None = None
    languages: tuple[str, ...] = ()


# ----------------------------------------------------------------- what a station says


class BootReport(Report, frozen=True, gc=False):
    vendor: str
    model: str
    serial_number: str | None
    firmware: str | None
    iccid: str | None
    imsi: str | None
    reason: str | None
    """2.x BootReasonEnumType; in 1.6 Triggered for one that we asked for, else None."""


class HeartbeatReport(Report, frozen=True, gc=False):
    pass


class StatusReport(Report, frozen=True, gc=False):
    """The status of a connector; 1.6's connector n is EVSE n, connector 1.

    1.6's connector 0 is EVSE 0, connector 0: the station itself. `original_status` is the
    station's own word (1.6: Preparing, SuspendedEV, ...). `error_code` is None for NoError; 2.x
    names none, there it is `OtherError` while the connector is Faulted.
    """

    evse_id: EvseId
    connector_id: ConnectorId
    status: ConnectorStatus
    charging_state: ChargingState | None
    original_status: str
    reported_at: datetime | None
    error_code: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None


class AuthorizeReport(Report, frozen=True, gc=False):
    id_token: IdToken | None
    """None for an empty token."""


class TransactionReport(Report, frozen=True, gc=False):
    """What all reports about a transaction have.

    `ref` is a 2.x station's own transaction id; `number` is the integer that a 1.6 station sent
    back (any integer: -1, 0 and 2^63-1 occur); each is None in the other version, and both are
    None in a 1.6 start. `at` is the station's moment of what is reported. `offline` is 2.x's flag.
    """

    ref: str | None
    number: int | None
    evse_id: EvseId | None
    connector_id: ConnectorId | None
    at: datetime
    seq_no: int | None
    id_token: IdToken | None
    readings: tuple[Reading, ...]
    offline: bool
    trigger: str | None
    charging_state: ChargingState | None


class StationCost(Struct, frozen=True, gc=False):
    """What a station that counts the cost itself came to (2.1, costDetails).

    Amounts are in `currency`; `details` is all that it said, as JSON. `failure` is why it could
    not count; the amounts say nothing then.
    """

    currency: str
    excl_tax: Decimal | None
    incl_tax: Decimal | None
    energy_wh: Decimal
    details: str
    failure: str | None


class PaymentWords(Struct, frozen=True, gc=False):
    """What a 2.1 station says of money with a transaction: its limits, its tariff, its cost."""

    limits: ChargingLimits | None
    tariff_id: str | None
    cost: StationCost | None


class TransactionStartReport(TransactionReport, frozen=True, gc=False):
    """StartTransaction, or TransactionEvent(Started).

    `meter_start_wh` is 1.6's meterStart, in 2.x the register with context Transaction.Begin.
    """

    meter_start_wh: Decimal | None
    remote_start_id: int | None
    reservation_id: int | None
    payment: PaymentWords | None = None


class TransactionUpdateReport(TransactionReport, frozen=True, gc=False):
    """TransactionEvent(Updated). 1.6 has no such message; its MeterValues are `MeterReport`.

    `remote_start_id` names the command that released what had begun by itself (2.0.1, F01).
    """

    remote_start_id: int | None = None
    payment: PaymentWords | None = None


class TransactionEndReport(TransactionReport, frozen=True, gc=False):
    """StopTransaction, or TransactionEvent(Ended).

    `meter_stop_wh` is 1.6's meterStop, in 2.x the register with context Transaction.End.
    `reason` has 2.0.1's words (ReasonEnumType), Local where 1.6 left it out. `ref`/`number` name
    the transaction; the EVSE may be missing.
    """

    meter_stop_wh: Decimal | None
    reason: str
    payment: PaymentWords | None = None


class MeterReport(Report, frozen=True, gc=False):
    """MeterValues of 1.6 and of 2.x; EVSE 0 is the whole station's meter.

    `number` is 1.6's transactionId; None if the station named none (2.x never does).
    """

    evse_id: EvseId
    number: int | None
    readings: tuple[Reading, ...]


class DataTransferReport(Report, frozen=True, gc=False):
    vendor_id: str
    message_id: str | None
    data: Any


class SecurityEventReport(Report, frozen=True, gc=False):
    type: str
    at: datetime
    tech_info: str | None


@dataclass(frozen=True, slots=True)
class MonitoredEvent:
    """One element of a NotifyEvent's eventData."""

    event_id: int
    at: datetime
    trigger: str
    component: str
    variable: str
    actual_value: str
    cleared: bool
    evse_id: EvseId | None
    connector_id: ConnectorId | None
    tech_code: str | None
    tech_info: str | None
    severity: int | None
    """0 (danger) to 9 (debug), where the station says it (2.1); else None."""
    cause: int | None = None
    """The event, by its `event_id`, that the station takes for the cause of this one."""


class NotificationReport(Report, frozen=True, gc=False):
    """NotifyEvent."""

    events: tuple[MonitoredEvent, ...]


class ProgressReport(Report, frozen=True, gc=False):
    """How far a station is with what we asked of it; the words are 2.0.1's or its own.

    `request_id` is that of our request, None where the station names none (Idle; plain 1.6).
    """

    request_id: int | None
    status: str
    note: str | None
    """The reason that 2.1 stations give, or where firmware was published."""


class FirmwareStatusReport(ProgressReport, frozen=True, gc=False):
    """FirmwareStatusNotification, and 1.6's SignedFirmwareStatusNotification."""


class LogStatusReport(ProgressReport, frozen=True, gc=False):
    """LogStatusNotification, and 1.6's DiagnosticsStatusNotification."""


class PublicationStatusReport(ProgressReport, frozen=True, gc=False):
    """PublishFirmwareStatusNotification (2.x)."""


class ReservationReport(Report, frozen=True, gc=False):
    """ReservationStatusUpdate: a reservation ended by itself."""

    reservation_id: int
    status: str


class ReportedVariable(Struct, frozen=True, gc=False):
    """One attribute of one variable, as a station tells it; 1.6 keys have an empty component.

    `is_known` is False where the station says that it has no such thing. `mutability` is
    ReadOnly, ReadWrite or WriteOnly.
    """

    component: str
    variable: str
    value: str | None
    component_instance: str | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    variable_instance: str | None = None
    attribute: str = "Actual"
    is_known: bool = True
    mutability: str | None = None
    data_type: str | None = None
    unit: str | None = None
    min_limit: Decimal | None = None
    max_limit: Decimal | None = None
    values_list: str | None = None


class VariablesReport(Report, frozen=True, gc=False):
    """NotifyReport: one part of a report; the parts are numbered from 0."""

    request_id: int
    seq_no: int
    is_last: bool
    variables: tuple[ReportedVariable, ...]


class CertificateWishReport(Report, frozen=True, gc=False):
    """SignCertificate: the station wants its request (CSR, PEM) signed.

    `request_id` is its own number (2.1).
    """

    csr: str
    kind: str
    request_id: int | None


class OcspQuestion(Struct, frozen=True, gc=False):
    """OCSPRequestData: which certificate, and who answers for it."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    responder_url: str


class ContractAuthorizeReport(AuthorizeReport, frozen=True, gc=False):
    """Authorize by a contract (ISO 15118): its certificates' hashes, or the chain itself (PEM)."""

    certificate: str | None
    questions: tuple[OcspQuestion, ...]


class ContractCertificateReport(Report, frozen=True, gc=False):
    """Get15118EVCertificate: a vehicle wants its contract's certificates.

    `exi_request` is its own message, which nobody here reads.
    """

    action: str
    """Install or Update."""
    schema: str
    exi_request: str
    chains_most: int | None
    wanted: tuple[str, ...]


class CertificateStatusReport(Report, frozen=True, gc=False):
    """GetCertificateStatus: whether a certificate is revoked."""

    question: OcspQuestion


class ChainQuestion(Struct, frozen=True, gc=False):
    """What a station asks of one certificate of a chain; `source` is OCSP or CRL."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    source: str
    urls: tuple[str, ...]


class CertificateChainReport(Report, frozen=True, gc=False):
    """GetCertificateChainStatus (2.1): which of these certificates are revoked."""

    questions: tuple[ChainQuestion, ...]


class SettlementReport(Report, frozen=True, gc=False):
    """NotifySettlement (2.1): what became of a payment at the station's own terminal.

    `amount` is in the currency of the station's owner: the message names none. `status` is
    Settled, Canceled, Rejected or Failed.
    """

    ref: str | None
    """The transaction's, in the station's words."""
    psp_ref: str
    status: str
    note: str | None
    amount: Decimal
    settled_at: datetime
    receipt_id: str | None
    receipt_url: str | None
    vat_number: str | None
    vat_company: str | None


class VatNumberReport(Report, frozen=True, gc=False):
    """VatNumberValidation (2.1): a driver wants a receipt for his company."""

    vat_number: str
    evse_id: int | None


class KeptReport(Report, frozen=True, gc=False):
    """Any other message: kept raw in the frames, answered neutrally by `translate`."""

    payload: Mapping[str, Any]


class RecordReport(Report, frozen=True, gc=False):
    """What a station holds beside its sessions, or what came of it; in OCPP's own words."""

    payload: Mapping[str, Any]


class ChargingNeedsReport(Report, frozen=True, gc=False):
    """NotifyEVChargingNeeds (2.x), in OCPP's own words."""

    payload: Mapping[str, Any]


class VehicleScheduleReport(Report, frozen=True, gc=False):
    """NotifyEVChargingSchedule (2.x), in OCPP's own words."""

    payload: Mapping[str, Any]


class DynamicScheduleReport(Report, frozen=True, gc=False):
    """PullDynamicScheduleUpdate (2.1): what shall hold of this profile?"""

    profile_id: int


# ----------------------------------------------------------------- how we answer


class BootAnswer(Struct, frozen=True, gc=False):
    status: RegistrationStatus
    current_time: datetime
    interval_s: int


class HeartbeatAnswer(Struct, frozen=True, gc=False):
    current_time: datetime


class Acknowledged(Struct, frozen=True, gc=False):
    """The empty answer: status, meter values, security events, notifications, kept messages."""


class AuthorizeAnswer(Struct, frozen=True, gc=False):
    """`certificate_status` is what a contract's certificates were found to be (2.x)."""

    id_token_info: IdTokenInfo
    certificate_status: str | None = None
    tariff: Mapping[str, Any] | None = None
    """The driver's, for a station that counts the cost itself (2.1, TariffType)."""


class CertificateWishAnswer(Struct, frozen=True, gc=False):
    """Whether a request for a certificate is signed; the certificate goes by a call of ours."""

    is_accepted: bool
    reason: str | None = None


class ContractCertificateAnswer(Struct, frozen=True, gc=False):
    """A provider's answer to a vehicle, as it came; `remaining` contracts are left (2.1)."""

    is_accepted: bool
    exi_response: str
    remaining: int | None = None
    reason: str | None = None


class CertificateStatusAnswer(Struct, frozen=True, gc=False):
    """`result` is the responder's answer, DER in base64."""

    is_accepted: bool
    result: str | None = None
    reason: str | None = None


class ChainStatus(Struct, frozen=True, gc=False):
    """What is known of one certificate; `status` is Good, Revoked, Unknown or Failed.

    `next_update` is when it is worth asking again.
    """

    question: ChainQuestion
    status: str
    next_update: datetime


class CertificateChainAnswer(Struct, frozen=True, gc=False):
    """What is known of the certificates that a station asked about, in its order."""

    statuses: tuple[ChainStatus, ...]


class TransactionStartAnswer(Struct, frozen=True, gc=False):
    """`id_token_info` is None if the start named no token (1.6 then answers Accepted)."""

    transaction_id: TransactionId
    id_token_info: IdTokenInfo | None
    total_cost: Decimal | None = None
    limits: ChargingLimits | None = None


class TransactionUpdateAnswer(Struct, frozen=True, gc=False):
    """`total_cost` is the running cost including VAT, in the tariff's currency (2.x)."""

    id_token_info: IdTokenInfo | None = None
    total_cost: Decimal | None = None
    limits: ChargingLimits | None = None
    """What the transaction may come to, as far as it is for us to say (2.1)."""


class DisplayMessage(Struct, frozen=True, gc=False):
    """A sentence for the station's display; `language` as in `de`."""

    language: str
    content: str


class TransactionEndAnswer(Struct, frozen=True, gc=False):
    """`total_cost` is the final cost including VAT, in the tariff's currency (2.x).

    `message` is what the driver is to read beside it (2.x).
    """

    id_token_info: IdTokenInfo | None = None
    total_cost: Decimal | None = None
    message: DisplayMessage | None = None


class DataTransferAnswer(Struct, frozen=True, gc=False):
    """`status` is one of Accepted, Rejected, UnknownMessageId, UnknownVendorId."""

    status: str
    data: Any = None


class SettlementAnswer(Struct, frozen=True, gc=False):
    """Where the driver finds his receipt, if it is ours to give."""

    receipt_id: str | None = None
    receipt_url: str | None = None


class Company(Struct, frozen=True, gc=False):
    """Whose VAT number it is, as its register says."""

    name: str
    address: str
    city: str
    country: str
    postal_code: str | None = None


class VatNumberAnswer(Struct, frozen=True, gc=False):
    """What is known of a VAT number; `note` begins with a word for machines, then `: `."""

    vat_number: str
    evse_id: int | None
    is_accepted: bool
    company: Company | None = None
    note: str | None = None


class NeedsAnswer(Struct, frozen=True, gc=False):
    """Whether a charging profile follows: `NotifyEVChargingNeedsStatusEnumType`."""

    status: str


class DynamicScheduleAnswer(Struct, frozen=True, gc=False):
    """What holds of a dynamic profile, a ChargingScheduleUpdateType; empty: it is none of ours."""

    holds: Mapping[str, Any]


class ScheduleAnswer(Struct, frozen=True, gc=False):
    """Whether a vehicle's schedule keeps within what it was given."""

    is_within: bool


Answer = (
    BootAnswer
    | HeartbeatAnswer
    | Acknowledged
    | AuthorizeAnswer
    | TransactionStartAnswer
    | TransactionUpdateAnswer
    | TransactionEndAnswer
    | DataTransferAnswer
    | CertificateChainAnswer
    | CertificateWishAnswer
    | ContractCertificateAnswer
    | CertificateStatusAnswer
    | SettlementAnswer
    | VatNumberAnswer
    | NeedsAnswer
    | ScheduleAnswer
    | DynamicScheduleAnswer
)
