"""Face: what stations told of a customer, when they were asked for it.

A station that is asked (CustomerInformation) tells in parts what it keeps of a token's holder, a
certificate's or somebody else whom it knows by a name. These are personal data: kept apart from
everything else, for `customer_data_kept_days`, and shown to nobody without a trace.

Source: OCPP 2.0.1 edition 3 and 2.1, part 2, N09 and N10.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.queue import Command
from csms.record_tables import CustomerInformationRow
from csms.tables import CommandRow
from foundation.clock import Clock
from foundation.database import Database

ACTION: Final = "CustomerInformation"
CRON: Final = "53 3 * * *"
_FORGOTTEN_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report: a NotifyCustomerInformation."""

    station: str
    request_id: int
    seq_no: int
    data: str
    is_last: bool
    at: datetime
    """When it came, by our clock."""


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """What a station told of a customer, as far as it has come."""

    data: str
    """The parts in their order, put together."""
    parts: int
    is_whole: bool
    """Every part up to the last is there."""
    received_at: datetime
    """When the newest part came."""


def part_of(station: str, said: Mapping[str, Any], at: datetime) -> Part:
    """Read a NotifyCustomerInformation."""
    return Part(
        station, said["requestId"], said["seqNo"], said["data"], not said.get("tbc", False), at
    )


def report_of(parts: Sequence[Part]) -> CustomerReport | None:
    """Put together what came, whatever order it came in; None where nothing did.

    Parts behind the last one belong to an older report under the same number, and are left out.
    """
    ordered = sorted(parts, key=lambda each: each.seq_no)
    last = next((place for place, each in enumerate(ordered) if each.is_last), None)
    found = ordered if last is None else ordered[: last + 1]
    if not found:
        return None
    return CustomerReport(
        data="".join(each.data for each in found),
        parts=len(found),
        is_whole=last is not None and [each.seq_no for each in found] == list(range(last + 1)),
        received_at=max(each.at for each in found),
    )


async def keep(db: AsyncSession, parts: Sequence[Part]) -> None:
    """Keep parts, by one statement; a part that is told again takes the place of the former."""
    latest = {(each.station, each.request_id, each.seq_no): each for each in parts}
    some = [latest[name] for name in sorted(latest)]
    await db.execute(
        text("""
            insert into customer_information
                (station, request_id, seq_no, data, is_last, received_at)
            select * from unnest(cast(:stations as text[]), cast(:requests as bigint[]),
                cast(:numbers as bigint[]), cast(:data as text[]), cast(:lasts as boolean[]),
                cast(:moments as timestamptz[]))
            on conflict (station, request_id, seq_no) do update
            set data = excluded.data, is_last = excluded.is_last,
                received_at = excluded.received_at
        """),
        {
            "stations": [each.station for each in some],
            "requests": [each.request_id for each in some],
            "numbers": [each.seq_no for each in some],
            "data": [each.data for each in some],
            "lasts": [each.is_last for each in some],
            "moments": [each.at for each in some],
        },
    )


async def told_for(db: AsyncSession, command: Command) -> CustomerReport | None:
    """Return what a station told when it was asked by this command; None where it told nothing.

    A number that a later command uses again leaves nothing of what the earlier one brought, and
    what came since is the later one's alone: it may be about somebody else.
    """
    number = command.payload.get("requestId")
    if command.action != ACTION or command.sent_at is None or not isinstance(number, int):
        return None
    later = await db.scalar(
        select(func.min(CommandRow.sent_at)).where(
            CommandRow.station == command.station,
            CommandRow.action == ACTION,
            CommandRow.id > int(command.id),
            CommandRow.payload["requestId"].as_integer() == number,
        )
    )
    its = CustomerInformationRow.received_at >= command.sent_at
    if later is not None:
        its &= CustomerInformationRow.received_at < later
    rows = await db.scalars(
        select(CustomerInformationRow).where(
            CustomerInformationRow.station == command.station,
            CustomerInformationRow.request_id == number,
            its,
        )
    )
    return report_of(
        [
            Part(each.station, number, each.seq_no, each.data, each.is_last, each.received_at)
            for each in rows
        ]
    )


async def forget(db: AsyncSession, before: datetime) -> int:
    """Forget some of what came before a moment; return how many parts, 0 once there is no more."""
    gone = text("""
        with gone as (
            delete from customer_information
            where (station, request_id, seq_no) in (
                select station, request_id, seq_no from customer_information
                where received_at < :before limit :most for update skip locked)
            returning 1)
        select count(*) from gone
    """)
    found = await db.scalar(gone, {"before": before, "most": _FORGOTTEN_AT_ONCE})
    return int(found or 0)


def forgetting(
    database: Database, clock: Clock, *, kept: timedelta
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the forgetting as periodic work; `kept`: for how long after a part came."""

    async def run() -> None:
        before = clock.now() - kept
        while True:
            async with database.unit_of_work() as db:
                if not await forget(db, before):
                    return

    return run
