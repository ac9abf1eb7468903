"""A transaction made again from the raw messages that it was made of.

What is stored of a transaction is a fold over its messages; this is the same fold without a
database, so that anybody can check at any time that nothing was lost, added or changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from types import ModuleType

from msgspec.structs import replace

from csms.assembly import Assembled, Claims, RegisterReading, assemble
from csms.ocpp import repair, rpc
from csms.ocpp.v16 import translate as v16
from csms.ocpp.v21 import translate as v21
from csms.ocpp.v201 import translate as v201
from csms.reports import (
    MeterReport,
    OcppVersion,
    Origin,
    Report,
    TransactionEndReport,
    TransactionReport,
    TransactionStartReport,
)
from csms.transactions import measured_at, moment_of
from csms.vendors import Profile, adjusted
from foundation.identifiers import StationId

TRANSLATORS: dict[OcppVersion, ModuleType] = {
    OcppVersion.V16: v16,
    OcppVersion.V201: v201,
    OcppVersion.V21: v21,
}


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A raw message as stored; `is_linked` if it named its transaction itself."""

    station: StationId
    version: OcppVersion
    received_at: datetime
    skew_s: int
    raw: str
    is_linked: bool


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What of a transaction no message says.

    `inferred_end_at` is where an end was concluded that no message reported; `profile` are the
    rules of the station's make, `site_zone` is for moments without a zone.
    """

    evse_id: int
    site_zone: tzinfo
    station_waiting: bool
    inferred_end_at: datetime | None = None
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the messages say of a transaction, and what that comes to."""

    claims: Claims
    assembled: Assembled


class NotAMessage(ValueError):
    """A stored raw message can no longer be read: it was changed, or our reading of it was."""

    def __init__(self, raw: str) -> None:
        super().__init__(f"This is no message that makes a transaction: {raw[:200]}")


def report_of(kept: KeptMessage, circumstances: Circumstances) -> Report:
    """Return the report that a stored message makes, read as at its arrival.

    Raises:
        NotAMessage: If it cannot be read.
        MessageError: If its payload has no meaning.
    """
    call = rpc.parse(kept.raw)
    if not isinstance(call, rpc.Call):
        raise NotAMessage(kept.raw)
    message, used = repair.decode(
        kept.version, call.action, call.payload, site_zone=circumstances.site_zone
    )
    origin = Origin(
        kept.station,
        kept.version,
        0,
        kept.received_at,
        call.id,
        call.action,
        kept.raw,
        used,
        kept.skew_s,
    )
    report: Report = TRANSLATORS[kept.version].to_report(message, origin)
    if circumstances.profile is not None:
        report = adjusted(report, circumstances.profile)
    return report


def rebuild(messages: Sequence[KeptMessage], circumstances: Circumstances) -> Rebuilt:
    """Return the transaction that these messages make, in the order in which they were stored.

    Args:
        messages: Those linked to the transaction, and those of its EVSE that named none.
        circumstances: What no message says.
    """
    reports = [(kept, report_of(kept, circumstances)) for kept in messages]
    said = [report for _, report in reports if isinstance(report, TransactionReport)]
    if not said:
        raise NotAMessage(messages[0].raw if messages else "")
    starts = [report for report in said if isinstance(report, TransactionStartReport)]
    ends = [report for report in said if isinstance(report, TransactionEndReport)]
    begun = moment_of(starts[0]) if starts else min(map(moment_of, said), key=lambda each: each.at)
    ended = moment_of(ends[0]) if ends else None
    claims = Claims(
        started_at=begun.at,
        ended_at=ended.at if ended else circumstances.inferred_end_at,
        start_wh=starts[0].meter_start_wh if starts else None,
        stop_wh=ends[0].meter_stop_wh if ends else None,
        start_seen=bool(starts),
        inferred=not ends and circumstances.inferred_end_at is not None,
        clock_wrong=begun.doubtful or bool(ended and ended.doubtful),
        station_waiting=circumstances.station_waiting,
        readings=(),
    )
    claims = replace(claims, readings=_registers(reports, claims, circumstances))
    return Rebuilt(claims, assemble(claims))


def _registers(
    reports: Sequence[tuple[KeptMessage, Report]], claims: Claims, circumstances: Circumstances
) -> list[RegisterReading]:
    """Return the register readings of the transaction, each moment and context once."""
    found: dict[tuple[datetime, str], Decimal] = {}
    for kept, report in reports:
        if not isinstance(report, TransactionReport | MeterReport):
            raise NotAMessage(kept.raw)
        if not kept.is_linked and report.evse_id != circumstances.evse_id:
            continue
        for reading in report.readings:
            at = measured_at(reading, report)
            is_within = claims.started_at <= at and (
                claims.ended_at is None or at <= claims.ended_at
            )
            if reading.energy_register_wh is not None and (kept.is_linked or is_within):
                found.setdefault((at, reading.context), reading.energy_register_wh)
    return [RegisterReading(at, context, wh) for (at, context), wh in found.items()]
