"""Face: meters that were exchanged, so that a register that begins anew is explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from csms.exchange_tables import MeterExchangeRow
from foundation.identifiers import EvseId, StationId


@dataclass(frozen=True, slots=True)
class MeterExchange:
    """An EVSE's register ended at `last_wh`, and another began at `first_wh`, in Wh.

    `about` says where it is on record, such as `visit/7`.
    """

    station: StationId
    evse_id: EvseId
    exchanged_at: datetime
    last_wh: Decimal
    first_wh: Decimal
    serial_number: str | None
    about: str

    @property
    def step_wh(self) -> Decimal:
        """What has to be added to a difference of readings across the exchange."""
        return self.last_wh - self.first_wh


async def record(
    db: AsyncSession, exchanges: Sequence[MeterExchange], *, by: str, now: datetime
) -> None:
    """Record exchanges, each moment of an EVSE once."""
    if not exchanges:
        return
    values = [
        {
            "station": each.station,
            "evse_id": each.evse_id,
            "exchanged_at": each.exchanged_at,
            "last_wh": each.last_wh,
            "first_wh": each.first_wh,
            "serial_number": each.serial_number,
            "about": each.about,
            "recorded_at": now,
            "recorded_by": by,
        }
        for each in exchanges
    ]
    await db.execute(insert(MeterExchangeRow).values(values).on_conflict_do_nothing())


async def exchanges(
    db: AsyncSession, stations: Sequence[str], start: datetime, end: datetime
) -> list[MeterExchange]:
    """Return the exchanges at stations in [start, end), in their order."""
    rows = await db.scalars(
        select(MeterExchangeRow)
        .where(MeterExchangeRow.station.in_(stations))
        .where(MeterExchangeRow.exchanged_at >= start, MeterExchangeRow.exchanged_at < end)
        .order_by(MeterExchangeRow.exchanged_at, MeterExchangeRow.id)
    )
    return [
        MeterExchange(
            StationId(each.station),
            EvseId(each.evse_id),
            each.exchanged_at,
            each.last_wh,
            each.first_wh,
            each.serial_number,
            each.about,
        )
        for each in rows
    ]
