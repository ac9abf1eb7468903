"""Report → handler: one table, one line per report; answered after the commit.

What needs no storing (a heartbeat) is answered at once; everything else goes through the lanes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from csms import store
from csms.certificates import CertificateFacts
from csms.handlers.availability import statuses_reported
from csms.handlers.certificates import certificates_wished
from csms.handlers.charging_needs import needs_told, schedules_told
from csms.handlers.connecting import (
    certificates_shown,
    connections_turned_away,
    higher_profiles_met,
)
from csms.handlers.context import HandlerContext
from csms.handlers.data_transfer import data_transferred
from csms.handlers.diagnostics import log_statuses_reported
from csms.handlers.dynamic_schedules import schedules_asked_for
from csms.handlers.firmware import firmware_statuses_reported, publications_reported
from csms.handlers.metering import meter_values
from csms.handlers.paying import (
    authorize,
    settlements_reported,
    transactions_ended,
    transactions_started,
    transactions_updated,
)
from csms.handlers.provisioning import heartbeat, stations_booted
from csms.handlers.records import records_told
from csms.handlers.reporting import variables_reported
from csms.handlers.reservations import reservations_ended
from csms.handlers.security import events_notified, security_events_reported
from csms.lanes import Done, Handler, Lanes
from csms.ocpp.errors import ErrorCode, OcppError
from csms.reports import (
    Acknowledged,
    Answer,
    AuthorizationStatus,
    AuthorizeReport,
    BootReport,
    CertificateChainReport,
    CertificateStatusReport,
    CertificateWishReport,
    ChargingNeedsReport,
    ContractAuthorizeReport,
    ContractCertificateReport,
    DataTransferReport,
    DynamicScheduleReport,
    FirmwareStatusReport,
    HeartbeatReport,
    IdTokenInfo,
    KeptReport,
    LogStatusReport,
    MeterReport,
    NotificationReport,
    Origin,
    PublicationStatusReport,
    RecordReport,
    Report,
    ReservationReport,
    SecurityEventReport,
    SettlementReport,
    StatusReport,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
    VariablesReport,
    VatNumberReport,
    VehicleScheduleReport,
)
from csms.store import Access, Closed, NewStation, Opened
from foundation import metrics, outbox
from foundation.database import Database
from foundation.events import StationConnected, StationDisconnected
from foundation.identifiers import StationId, TransactionId

log = structlog.get_logger(__name__)

MONEY = (
    TransactionStartReport,
    TransactionUpdateReport,
    TransactionEndReport,
    MeterReport,
)
"""Reports that carry money: a defect of ours never refuses them, it quarantines them."""

_HANDLERS: Mapping[type, Callable[..., Any]] = {
    BootReport: stations_booted,
    StatusReport: statuses_reported,
    AuthorizeReport: authorize,
    TransactionStartReport: transactions_started,
    TransactionUpdateReport: transactions_updated,
    MeterReport: meter_values,
    TransactionEndReport: transactions_ended,
    SecurityEventReport: security_events_reported,
    NotificationReport: events_notified,
    FirmwareStatusReport: firmware_statuses_reported,
    LogStatusReport: log_statuses_reported,
    PublicationStatusReport: publications_reported,
    ReservationReport: reservations_ended,
    VariablesReport: variables_reported,
    CertificateWishReport: certificates_wished,
    SettlementReport: settlements_reported,
    RecordReport: records_told,
    ChargingNeedsReport: needs_told,
    VehicleScheduleReport: schedules_told,
    DynamicScheduleReport: schedules_asked_for,
}


@dataclass(frozen=True, slots=True)
class Knock:
    """Somebody asks to connect as this station."""

    identity: str


@dataclass(frozen=True, slots=True)
class Introduction:
    """An unknown station that may announce itself; `password` is the record of what it offered."""

    identity: str
    password: bytes | None
    at: datetime


@dataclass(frozen=True, slots=True)
class NewPasswordUsed:
    """The station came with the password that it was told over the wire."""

    identity: str


@dataclass(frozen=True, slots=True)
class CertificateShown:
    """The station came by TLS and showed a certificate whose authority is trusted.

    `is_ours`: it names the organisation that it must name.
    """

    station: StationId
    facts: CertificateFacts
    is_ours: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class MetHigher:
    """The station came up to a higher security profile than it must."""

    station: StationId
    profile: int
    at: datetime


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A connection was below its station's security profile; `type` names the security event."""

    station: StationId
    type: str
    about: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unread:
    """A message about money that a defect of ours kept from even being read."""

    origin: Origin
    error: str


class Elsewhere(Protocol):
    """Answers what only others know; fulfilled by `csms.plug_and_charge`."""

    def submit(self, report: Report, done: Done, go_on: Callable[[Report, Done], None]) -> None:
        """Ask others, then answer, or let a report go on its usual way."""
        ...


class Dispatch:
    """Takes reports and brings answers back, each after its commit."""

    def __init__(
        self,
        database: Database,
        context: HandlerContext,
        *,
        lanes: int,
        batch: int,
        most: int,
        others: Elsewhere | None = None,
        vat_numbers: Elsewhere | None = None,
    ) -> None:
        self._database = database
        self._context = context
        self._others = others
        self._vat_numbers = vat_numbers
        self._otherwise: Mapping[type, Callable[[Any, Done], None]] = {
            HeartbeatReport: lambda report, done: done(heartbeat(context, report), None),
            DataTransferReport: lambda report, done: done(data_transferred(report), None),
            KeptReport: lambda _, done: done(Acknowledged(), None),
            ContractAuthorizeReport: self._ask_others,
            ContractCertificateReport: self._ask_others,
            CertificateStatusReport: self._ask_others,
            CertificateChainReport: self._ask_others,
            VatNumberReport: self._ask_register,
        }
        handlers: dict[type, Handler] = {
            Knock: self._access,
            Introduction: self._introduced,
            NewPasswordUsed: self._new_password_used,
            CertificateShown: self._bound(certificates_shown),
            MetHigher: self._bound(higher_profiles_met),
            TurnedAway: self._bound(connections_turned_away),
            Opened: self._opened,
            **{kind: self._bound(handler) for kind, handler in _HANDLERS.items()},
            Unread: self._unread,
            Closed: self._closed,
        }
        self.lanes = Lanes(database, handlers, self._rescue, number=lanes, batch=batch, most=most)

    def _bound(self, handler: Callable[..., Any]) -> Handler:
        async def handle(db: AsyncSession, reports: Sequence[Any]) -> Sequence[Any]:
            answers: Sequence[Any] = await handler(db, self._context, reports)
            return answers

        return handle

    def submit(self, report: Report, done: Done) -> None:
        """Handle a report; `done` gets the answer after the commit, or why there is none."""
        otherwise = self._otherwise.get(type(report))
        if otherwise is None:
            self.lanes.submit(report.origin.station, report, done)
        else:
            otherwise(report, done)

    def _ask_others(self, report: Report, done: Done) -> None:
        """Answer what only others know; without any, a contract is a token like others."""
        if self._others is not None:
            self._others.submit(report, done, self.submit)
        elif isinstance(report, ContractAuthorizeReport):
            self.submit(AuthorizeReport(report.origin, report.id_token), done)
        else:
            done(None, OcppError(ErrorCode.NOT_SUPPORTED))

    def _ask_register(self, report: Report, done: Done) -> None:
        if self._vat_numbers is None:
            done(None, OcppError(ErrorCode.NOT_SUPPORTED))
        else:
            self._vat_numbers.submit(report, done, self.submit)

    async def ask(
        self,
        station: str,
        item: Knock
        | Introduction
        | NewPasswordUsed
        | CertificateShown
        | MetHigher
        | TurnedAway
        | Opened
        | Closed,
    ) -> Any:
        """Do one of the connection's own errands in the station's lane."""
        return await self.lanes.ask(station, item)

    # --------------------------------------------------------------- the connection's errands

    async def _access(self, db: AsyncSession, knocks: Sequence[Knock]) -> Sequence[Access | None]:
        known = await store.access_of(db, [knock.identity for knock in knocks])
        return [known.get(knock.identity) for knock in knocks]

    async def _introduced(
        self, db: AsyncSession, unknown: Sequence[Introduction]
    ) -> Sequence[Access | None]:
        """Take unknown stations down, unless too many wait already (None)."""
        admission = "accepted" if self._context.admit_unknown == "accept" else "waiting"
        room = self._context.waiting_stations_max - await store.waiting_stations(db)
        if admission == "accepted":
            room = len(unknown)
        new = [
            NewStation(
                each.identity,
                admission,
                each.password,
                self._context.default_organisation,
                each.at,
            )
            for each in unknown[: max(0, room)]
        ]
        if new:
            await store.add_stations(db, new)
        return await self._access(db, [Knock(each.identity) for each in unknown])

    async def _new_password_used(
        self, db: AsyncSession, used: Sequence[NewPasswordUsed]
    ) -> Sequence[bool]:
        await store.take_next_passwords(db, [each.identity for each in used])
        return [True for _ in used]

    async def _opened(self, db: AsyncSession, opened: Sequence[Opened]) -> Sequence[int]:
        epochs = await store.open_connections(db, opened)
        await outbox.append(
            db,
            [
                StationConnected(
                    happened_at=each.at,
                    station=each.station,
                    ocpp_version=each.version,
                    epoch=epochs[each.station],
                )
                for each in opened
            ],
            recorded_at=self._context.clock.now(),
        )
        return [epochs[each.station] for each in opened]

    async def _closed(self, db: AsyncSession, closed: Sequence[Closed]) -> Sequence[bool]:
        gone = await store.close_connections(db, closed)
        await outbox.append(
            db,
            [
                StationDisconnected(
                    happened_at=each.at,
                    station=each.station,
                    epoch=each.epoch,
                    reason=each.reason,
                )
                for each in closed
                if each.station in gone
            ],
            recorded_at=self._context.clock.now(),
        )
        return [each.station in gone for each in closed]

    # -------------------------------------------------------------------------- last resort

    def quarantine_unread(self, origin: Origin, error: Exception, done: Done) -> None:
        """Keep a message that could not even be read, and answer it so that the station goes on."""
        log.error("report.unread", station_id=origin.station, action=origin.action, exc_info=error)
        self.lanes.submit(origin.station, Unread(origin, repr(error)), done)

    async def _unread(self, db: AsyncSession, items: Sequence[Unread]) -> Sequence[Answer]:
        answers: list[Answer] = []
        accepted = IdTokenInfo(AuthorizationStatus.ACCEPTED)
        for item in items:
            metrics.quarantined.inc()
            number = await store.quarantine(
                db,
                station=item.origin.station,
                received_at=item.origin.received_at,
                action=item.origin.action,
                raw=item.origin.raw,
                error=item.error,
                numbered=item.origin.action == "StartTransaction",
            )
            match item.origin.action:
                case "StartTransaction":
                    assert number is not None
                    answers.append(TransactionStartAnswer(TransactionId(number), accepted))
                case "StopTransaction":
                    answers.append(TransactionEndAnswer())
                case "TransactionEvent":
                    answers.append(TransactionUpdateAnswer())
                case _:
                    answers.append(Acknowledged())
        return answers

    async def _rescue(self, item: Any, error: Exception) -> Answer:
        """Quarantine what carries money and answer it; anything else is refused."""
        if not isinstance(item, MONEY):
            raise error
        number = await self.quarantine(
            item.origin.station,
            item.origin.received_at,
            item.origin.action,
            item.origin.raw,
            error,
            numbered=isinstance(item, TransactionStartReport),
        )
        return neutral_answer(item, number)

    async def quarantine(
        self,
        station: StationId,
        received_at: datetime,
        action: str,
        raw: str,
        error: Exception,
        *,
        numbered: bool,
    ) -> int | None:
        """Keep a raw message for people to look at, in a unit of work of its own."""
        log.error("report.quarantined", station_id=station, action=action, exc_info=error)
        metrics.quarantined.inc()
        async with self._database.unit_of_work() as db:
            return await store.quarantine(
                db,
                station=station,
                received_at=received_at,
                action=action,
                raw=raw,
                error=repr(error),
                numbered=numbered,
            )


def neutral_answer(report: Report, number: int | None) -> Answer:
    """Return the answer that lets a station go on although its report was quarantined."""
    accepted = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    if isinstance(report, TransactionStartReport):
        assert number is not None
        return TransactionStartAnswer(TransactionId(number), accepted if report.id_token else None)
    if isinstance(report, TransactionUpdateReport):
        return TransactionUpdateAnswer(accepted if report.id_token else None)
    if isinstance(report, TransactionEndReport):
        return TransactionEndAnswer(accepted if report.id_token else None)
    return Acknowledged()
