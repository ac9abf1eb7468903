"""Transactions as values: natural keys, repeats, conflicts, and the events they become."""

from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from msgspec import Struct

from csms.assembly import Assembled
from csms.corrections import from_text
from csms.reports import (
    MeterReport,
    Origin,
    Reading,
    TransactionEndReport,
    TransactionReport,
    TransactionStartReport,
)
from csms.skew import CorrectedMoment, corrected, is_implausible
from foundation.events import (
    Doubt,
    EndBasis,
    EnergyBasis,
    TokenStatus,
    TransactionEnded,
    TransactionStarted,
)
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    PartyId,
    StationId,
    TransactionId,
)

_NO_SKEW = timedelta(0)


class TransactionFacts(Struct):
    """One transaction as stored; the fields are `csms.tables.TransactionRow`'s."""

    id: int
    station: str
    ref: str
    generation: int
    station_number: Decimal | None
    version: str
    evse_id: int
    connector_id: int
    state: str
    revision: int
    basis: str | None
    owner: str
    location: str | None
    time_zone: str
    free_vend: bool
    station_waiting: bool
    max_power_w: Decimal | None
    id_token: str | None
    id_token_type: str | None
    token_key: str | None
    token_status: str | None
    token_organisation: str | None
    token_provider: str | None
    authorization_status: str | None
    start_seen: bool
    offline: bool
    started_at: datetime
    start_reported_at: datetime
    start_received_at: datetime
    reported_start_wh: Decimal | None
    meter_start_wh: Decimal | None
    remote_start_id: int | None
    reservation_id: int | None
    first_seq_no: int | None
    clock_wrong: bool
    charging_state: str | None
    available_since: datetime | None
    queue_asked_at: datetime | None
    ended_at: datetime | None
    end_reported_at: datetime | None
    end_received_at: datetime | None
    end_seq_no: int | None
    reported_stop_wh: Decimal | None
    meter_stop_wh: Decimal | None
    stop_reason: str | None
    energy_wh: Decimal | None
    energy_basis: str | None
    doubts: list[str]
    conflicting_ends: int
    billing_decision: str | None = None
    token_group: str | None = None
    correction: str | None = None

    @property
    def token(self) -> IdToken | None:
        if self.id_token is None:
            return None
        return IdToken(self.id_token, self.id_token_type or "ISO14443")


def start_ref(report: TransactionStartReport) -> str:
    """Return the natural key of a start within its station.

    2.x stations name their transactions. A 1.6 start is known by connector, time, register and
    token; its message id changes with each retry and says nothing.
    """
    if report.ref is not None:
        return f"2|{report.ref}"
    token = report.id_token.key if report.id_token else ""
    return f"1|{report.evse_id}|{report.at.isoformat()}|{report.meter_start_wh}|{token}"


def unknown_end_ref(report: TransactionEndReport) -> str:
    """Return the natural key of an end whose transaction nobody knows."""
    if report.ref is not None:
        return f"2|{report.ref}"
    return f"end|{report.number}|{report.at.isoformat()}|{report.meter_stop_wh}"


def is_repeated_start(known: TransactionFacts, report: TransactionStartReport) -> bool:
    """Tell whether a start with a known key is a repeat rather than a new transaction.

    While the first one has no end it always is. After that, a station without a clock or with a
    register that begins at zero each time can truly begin anew with the same words.
    """
    if report.ref is not None or known.state == "active":
        return True
    unset_clock = is_implausible(report.at, report.origin.received_at)
    counts_anew = report.meter_start_wh is None or report.meter_start_wh <= 0
    return not (unset_clock or counts_anew)


def is_own_number(number: int | None) -> bool:
    """Tell whether a transaction number cannot be one of ours: the station made it up.

    Stations that were offline at a start name -1, 0, 2^63-1 or an id of their own for it, often
    the same one for every transaction.
    """
    return number is None or not 0 < number < 2**31


def moment_of(report: TransactionReport) -> CorrectedMoment:
    """Return when what is reported happened, corrected."""
    skew = timedelta(seconds=report.origin.skew_s) if report.origin.skew_s else _NO_SKEW
    return corrected(report.at, report.origin.received_at, skew)


def measured_at(reading: Reading, report: TransactionReport | MeterReport) -> datetime:
    """Return when a reading was taken, corrected; without a time of its own, its message's."""
    origin = report.origin
    reported = reading.measured_at
    if reported is None:
        if not isinstance(report, TransactionReport):
            return origin.received_at
        reported = report.at
    skew = timedelta(seconds=origin.skew_s) if origin.skew_s else _NO_SKEW
    return corrected(reported, origin.received_at, skew).at


def digest(origin: Origin) -> bytes:
    """Return a digest of what was said, without the message id, which differs between retries."""
    raw = origin.raw
    begin = raw.find("{", raw.find(origin.action))
    payload = raw[begin:-1] if raw.endswith("}]") else raw[begin:].rstrip(" ]\t\r\n")
    said = f"{origin.action} {payload}".encode("utf-8", "surrogatepass")
    return blake2b(said, digest_size=16).digest()


def may_hold_signed_values(raw: str) -> bool:
    """Tell quickly whether a message may hold values that its meter signed."""
    return "igned" in raw or "OCMF" in raw


def started_event(facts: TransactionFacts) -> TransactionStarted:
    """Return what the outside is told of a start."""
    return TransactionStarted(
        happened_at=facts.started_at,
        meter_start_wh=facts.meter_start_wh,
        **_frozen(facts),  # type: ignore[arg-type]
    )


def ended_event(facts: TransactionFacts, assembled: Assembled) -> TransactionEnded:
    """Return what the outside is told of an end, in the transaction's present revision."""
    ended_at = facts.ended_at or assembled.usage[-1].at
    return TransactionEnded(
        happened_at=ended_at,
        revision=facts.revision,
        basis=EndBasis(facts.basis or EndBasis.REPORTED),
        ended_at=ended_at,
        meter_start_wh=assembled.meter_start_wh,
        meter_stop_wh=assembled.meter_stop_wh,
        energy_wh=assembled.energy_wh,
        energy_basis=EnergyBasis(assembled.energy_basis),
        max_power_w=facts.max_power_w,
        usage=assembled.usage,
        doubts=tuple(Doubt(each) for each in assembled.doubts),
        stop_reason=facts.stop_reason,
        billing_decision=facts.billing_decision,
        corrected_by=None if facts.correction is None else from_text(facts.correction).by,
        **_frozen(facts),  # type: ignore[arg-type]
    )


def _frozen(facts: TransactionFacts) -> dict[str, object]:
    return {
        "transaction_id": TransactionId(facts.id),
        "station": StationId(facts.station),
        "evse_id": EvseId(facts.evse_id),
        "connector_id": ConnectorId(facts.connector_id),
        "location": facts.location,
        "owner": OrganisationKey(facts.owner),
        "time_zone": facts.time_zone,
        "id_token": facts.token,
        "token_status": TokenStatus(facts.token_status) if facts.token_status else None,
        "token_organisation": (
            OrganisationKey(facts.token_organisation) if facts.token_organisation else None
        ),
        "token_provider": PartyId(facts.token_provider) if facts.token_provider else None,
        "token_group": facts.token_group,
        "free_vend": facts.free_vend,
        "started_at": facts.started_at,
    }
