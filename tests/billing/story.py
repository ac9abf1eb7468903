"""A small world to bill in (an operator, two owners, a tariff), and what happens there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import pricing
from billing.closing import Closing
from billing.handlers import TransactionReader
from billing.pricing import NewAssignment, place_from
from foundation.clock import SetClock
from foundation.events import (
    Doubt,
    EndBasis,
    EnergyBasis,
    Event,
    TokenStatus,
    TransactionEnded,
    TransactionStarted,
    UsagePoint,
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
from foundation.outbox import Delivery
from roaming.handlers import Reimbursement

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 2, 8, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 8, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

BAKERY = OrganisationKey("bakery")
STAFF = OrganisationKey("bakery-staff")
HOTEL = OrganisationKey("hotel")
EMP = PartyId("DE*EMP")


def tariff(id_: str = "T1", *, per_kwh: float = 0.40, currency: str = "EUR") -> dict[str, Any]:
    """A tariff of so much per kWh, with 19 % VAT."""
    component = {"type": "ENERGY", "price": per_kwh, "vat": 19, "step_size": 1}
    return {"id": id_, "currency": currency, "elements": [{"price_components": [component]}]}


async def settle_in(db: AsyncSession) -> None:
    """Create the organisations (the bakery in Berlin) and a tariff for all."""
    await directory.ensure_root(
        db,
        key="operator",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="de",
        now=LONG_AGO,
    )
    await directory.create_organisation(db, BAKERY, {"name": "Bakery"}, now=LONG_AGO)
    await directory.create_organisation(
        db, STAFF, {"name": "Staff", "parent": BAKERY}, now=LONG_AGO
    )
    await directory.create_organisation(db, HOTEL, {"name": "Hotel"}, now=LONG_AGO)
    await pricing.create_tariff(
        db,
        tariff(),
        [NewAssignment(place_from("organisation", "operator"), LONG_AGO)],
        organisation=None,
        now=LONG_AGO,
    )


def started(number: int, at: datetime = NOW, **changed: Any) -> TransactionStarted:
    """A transaction of the bakery's staff begins at the bakery's station S1."""
    event = TransactionStarted(
        happened_at=at,
        transaction_id=TransactionId(number),
        station=StationId("S1"),
        evse_id=EvseId(1),
        connector_id=ConnectorId(1),
        location="loc-1",
        owner=BAKERY,
        time_zone="Europe/Berlin",
        id_token=IdToken("04A2"),
        token_status=TokenStatus.ACCEPTED,
        token_organisation=STAFF,
        token_provider=None,
        free_vend=False,
        started_at=at,
        meter_start_wh=Decimal(1000),
    )
    return replace(event, **changed)


def ended(
    number: int,
    at: datetime = NOW,
    *,
    kwh: str = "10",
    hours: int = 1,
    revision: int = 1,
    **changed: Any,
) -> TransactionEnded:
    """The transaction that began at `at` ends after some hours with some energy."""
    start = started(number, at)
    energy_wh = Decimal(kwh) * 1000
    end = at + timedelta(hours=hours)
    event = TransactionEnded(
        happened_at=end,
        transaction_id=start.transaction_id,
        station=start.station,
        evse_id=start.evse_id,
        connector_id=start.connector_id,
        location=start.location,
        owner=start.owner,
        time_zone=start.time_zone,
        id_token=start.id_token,
        token_status=start.token_status,
        token_organisation=start.token_organisation,
        token_provider=start.token_provider,
        free_vend=start.free_vend,
        started_at=at,
        revision=revision,
        basis=EndBasis.REPORTED,
        ended_at=end,
        meter_start_wh=Decimal(1000),
        meter_stop_wh=Decimal(1000) + energy_wh,
        energy_wh=energy_wh,
        energy_basis=EnergyBasis.REGISTERS,
        max_power_w=Decimal(22_000),
        usage=(
            UsagePoint(at, Decimal(0), charging=True),
            UsagePoint(end, energy_wh, charging=True),
        ),
    )
    return replace(event, **changed)


EXTERNAL: dict[str, Any] = {"token_organisation": None, "token_provider": EMP}
"""What differs where a provider answers for the token."""

UNKNOWN: dict[str, Any] = {"token_organisation": None, "token_status": TokenStatus.INVALID}
"""What differs where nobody answers for the token."""

INFERRED: dict[str, Any] = {"basis": EndBasis.INFERRED, "doubts": (Doubt.INFERRED_END,)}
"""What differs where we conclude the end."""


async def happen(db: AsyncSession, *events: Event, clock: SetClock | None = None) -> None:
    """Let billing read events as one batch."""
    reader = TransactionReader(Reimbursement(), clock or SetClock(NOW))
    await reader(db, [Delivery(n, event, NOW) for n, event in enumerate(events, start=1)])


@dataclass(frozen=True)
class Span:
    """A register at both ends of a month, as csms tells of it."""

    station: StationId
    evse_id: EvseId
    register_start_wh: Decimal | None
    register_end_wh: Decimal | None
    lifetime: bool = True
    running_wh: Decimal = Decimal(0)
    was_reset: bool = False
    offline_wh: Decimal = Decimal(0)
    exchanged_wh: Decimal | None = None


@dataclass(frozen=True)
class Ended:
    """A transaction that ended, as csms tells of it."""

    transaction_id: TransactionId
    revision: int
    energy_wh: Decimal


@dataclass(frozen=True)
class SetRegisters:
    """Registers and ended transactions that say what a test wants."""

    spans: Sequence[Span] = ()
    told: Sequence[Ended] = ()

    async def registers(
        self, db: AsyncSession, owner: OrganisationKey, start: datetime, end: datetime
    ) -> Sequence[Span]:
        return self.spans

    async def ended_transactions(
        self, db: AsyncSession, owner: OrganisationKey, start: datetime, end: datetime
    ) -> Sequence[Ended]:
        return self.told


def closing(*spans: Span) -> Closing:
    """The month close with some registers."""
    return Closing(registers=SetRegisters(spans), sharing=Reimbursement())
