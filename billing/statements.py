"""What a payee gets for a month: one value from which all forms of the statement are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from billing.cdr import ChargeClass
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from foundation.money import Money


class TaxStatus(StrEnum):
    """How a payee stands to VAT; the API's words."""

    STANDARD = "standard"
    SMALL_BUSINESS = "small_business"
    REVERSE_CHARGE = "reverse_charge"
    PRIVATE = "private"


class StatementState(StrEnum):
    """How far a statement has come."""

    OPEN = "open"
    SENT = "sent"
    PAID = "paid"


class GapExplanation(StrEnum):
    """What explains the energy between a register and its sessions."""

    NONE = "none"
    BETWEEN_SESSIONS = "between_sessions"
    LATE = "late"
    HELD = "held"
    RESET = "reset"
    NO_LIFETIME_REGISTER = "no_lifetime_register"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who stands on a paper, with the lines of the address as they are printed."""

    key: OrganisationKey
    name: str
    address: tuple[str, ...] = ()
    vat_id: str | None = None
    iban: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableCdr:
    """A CDR, or the correction of one, that this statement pays.

    Attributes:
        net: Net revenue, rounded; negative for a correction.
        month: The month (YYYY-MM) in which it ended, in the payee's zone.
    """

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    charge_class: ChargeClass
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    share_bps: int
    month: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One paid session; `late_from_month` is None unless it ended in an earlier month."""

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    charge_class: ChargeClass
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    share_bps: int
    payout: Money
    late_from_month: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTotal:
    """The paid lines of one class."""

    sessions: int
    energy_wh: Decimal
    net: Money
    payout: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTotal:
    """The paid lines of one class and share: what the payout is computed on."""

    charge_class: ChargeClass
    share_bps: int
    sessions: int
    net: Money
    payout: Money


@dataclass(frozen=True, slots=True)
class VatLine:
    """VAT on the payout; `rate` is a percentage."""

    rate: Decimal
    net: Money
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaid:
    """A session of the month that is not paid; `reason` is a hold reason, or `no_payer`, `void`."""

    transaction_id: TransactionId
    reason: str
    station: StationId
    evse_id: EvseId
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRow:
    """An EVSE's register over the month beside the sum of its sessions.

    The gap is what the register counted beyond the sessions; None without a register.
    """

    station: StationId
    evse_id: EvseId
    register_start_wh: Decimal | None
    register_end_wh: Decimal | None
    sessions_wh: Decimal
    gap_wh: Decimal | None
    explanation: GapExplanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that stands on a statement, in whatever form.

    Attributes:
        month: YYYY-MM, in `time_zone`, the payee's (IANA).
        issuer: Who pays it out.
        language: `en` or `de`, the payee's.
        lines: Those of the month first, then the late ones; each by end, then by number.
        vat: By rate; one line of rate 0 where none is due.
    """

    statement_id: str
    payee: Party
    issuer: Party
    month: str
    time_zone: str
    language: str
    currency: str
    issued_at: datetime
    due_on: date
    state: StatementState
    tax_status: TaxStatus
    lines: tuple[StatementLine, ...]
    groups: tuple[GroupTotal, ...]
    totals: Mapping[ChargeClass, ClassTotal]
    payout_net: Money
    vat: tuple[VatLine, ...]
    payout_gross: Money
    unpaid: tuple[Unpaid, ...]
    proof: tuple[ProofRow, ...]
