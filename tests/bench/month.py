"""Money: closing a month of a whole installation, and statements on paper."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import psutil
from sqlalchemy import text

from accounts import directory
from billing.closing import Closing
from billing.month_end import MonthEnd
from billing.month_steps import statements_step
from billing.statement_pdf import statement_pdf
from csms.registers import Registers
from foundation.clock import SetClock
from foundation.database import Database
from roaming.handlers import Reimbursement
from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.machine import family_cpu_s
from tests.bench.stage import BenchFailed, Stage
from tests.billing import many
from tests.billing.builders import payable, statement

_MONTH = "2026-10"
_CLOSED_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
_FULL, _QUICK = (1_000_000, 1_000), (20_000, 20)
_SMALL_GOAL_S = 40.0
_PAPER_ROWS = 40
_MEMORY_GOAL_MIB = 200.0

# Rated, booked transactions as `billing.booking` leaves them, made by SQL: the close reads no more.
_FILL = (
    """
    insert into cdrs (id, transaction_id, revision, attempt, issued_at, payee, charge_class, payer,
        share_bps, basis, tariff_number, station, evse_id, connector_id, location, time_zone,
        id_token, id_token_type, started_at, ended_at, meter_start_wh, meter_stop_wh, energy_wh,
        energy_before_wh, energy_basis, currency, net_minor, vat_minor, lines, hold_reasons)
    select n, n, 1, 0, at + interval '1 hour', payee,
        case when n % 3 = 0 then 'external' else 'internal' end,
        case when n % 3 = 0 then 'receivable/DE*BEN' else 'clearing/' || payee end,
        case when n % 3 = 0 then 9000 else 10000 end, 'net', 1, 'BENCH-' || n % :owners, 1, 1,
        null, 'Europe/Berlin', 'TOKEN', 'ISO14443', at, at + interval '1 hour', n * 10, n * 10 + wh,
        wh, 0, 'registers', 'EUR', round(wh * 0.049), round(wh * 0.049 * 0.19), '[]', '{}'
    from (select n, 'owner-' || lpad((n % :owners)::text, 4, '0') as payee,
            timestamptz '2026-10-01 06:00+00' + n % 40000 * interval '1 minute' as at,
            5000 + n % 30000 as wh
        from generate_series(1, :count) as n) as made
    """,
    """
    insert into unsettled_lines (cdr_id, sign, transaction_id, payee, currency, ended_at)
    select id, 1, transaction_id, payee, currency, ended_at from cdrs order by id
    """,
    "analyze",
)


def month(stage: Stage) -> Iterator[Figure]:
    """Closing a month: lines and statements of all owners, without papers."""
    count, owners = _QUICK if stage.quick else _FULL
    url = stage.fresh_database()
    wall_s, lines = asyncio.run(_close(url, count, owners))
    if lines != count:
        raise BenchFailed(f"{count} transactions waited, {lines} stand on statements")
    assert stage.postgres().pid is not None
    goal = _SMALL_GOAL_S * count / _FULL[0]
    yield Figure(
        f"month close, {count:,} transactions of {owners:,} owners",
        wall_s,
        "s",
        goal,
        beside={"lines_per_s": round(count / wall_s)},
    )


async def _close(url: str, count: int, owners: int) -> tuple[float, int]:
    """Fill a month, close it for every owner; return how long the close took, and its lines."""
    database = Database(url, pool_size=2)
    closing = Closing(Registers(), Reimbursement())
    try:
        async with database.unit_of_work() as db:
            await directory.ensure_root(
                db,
                key=world.ROOT,
                name="Operator",
                time_zone="Europe/Berlin",
                currency="EUR",
                country="DE",
                language="en",
                now=world.LONG_AGO,
            )
            await world.owners(db, owners)
            for query in _FILL:
                bound = {"count": count, "owners": owners}
                await db.execute(
                    text(query), {name: bound[name] for name in bound if f":{name}" in query}
                )
        month_end = MonthEnd(database, closing, SetClock(_CLOSED_AT), (statements_step(closing),))
        began = time.perf_counter()
        outcome = await month_end.run(_MONTH, [*map(world.owner, range(owners))])
        wall_s = time.perf_counter() - began
        if outcome.refused:
            raise BenchFailed(f"{len(outcome.refused)} months were refused: {outcome.refused[0]}")
        async with database.unit_of_work() as db:
            found = await db.execute(text("select count(*) from statement_lines"))
            return wall_s, int(found.scalar_one())
    finally:
        await database.close()


def documents(stage: Stage) -> Iterator[Figure]:
    """The whole month end: services, statements and documents of all owners, memory bounded."""
    count, owners = _QUICK if stage.quick else _FULL
    wall_s, grown = asyncio.run(_run(stage.fresh_database(), count, owners))
    yield Figure(
        f"month end with documents, {count:,} transactions of {owners:,} owners",
        wall_s,
        "s",
        beside={"lines_per_s": round(count / wall_s), "owners_per_s": round(owners / wall_s, 1)},
    )
    yield Figure("memory that the month end takes", grown / 1024**2, "MiB", _MEMORY_GOAL_MIB)


async def _run(url: str, count: int, owners: int) -> tuple[float, int]:
    """Fill a month, run it; return how long that took, and by how much the process grew."""
    database = Database(url, pool_size=2)
    closing = Closing(Registers(), Reimbursement())
    process = psutil.Process()
    try:
        async with database.unit_of_work() as db:
            await many.fill(db, count, owners)
            await many.write_papers(db)
        before, most = process.memory_info().rss, 0

        def told(_: int, __: int) -> None:
            nonlocal most
            most = max(most, process.memory_info().rss - before)

        month_end = MonthEnd(database, closing, SetClock(_CLOSED_AT))
        began = time.perf_counter()
        payees = [*map(many.owner, range(owners)), many.ROOT]
        outcome = await month_end.run(_MONTH, payees, told=told)
        wall_s = time.perf_counter() - began
        if outcome.refused:
            raise BenchFailed(f"{len(outcome.refused)} steps were refused: {outcome.refused[0]}")
        return wall_s, most
    finally:
        await database.close()


def papers(stage: Stage) -> Iterator[Figure]:
    """Statements as PDF: a page of 40 rows, with the embedded typeface, per second of one core."""
    made = statement(
        cdrs=[
            payable(1000 + row, f"{row % 30 + 3}.{row:02}", energy_wh=Decimal(9000 + row))
            for row in range(_PAPER_ROWS)
        ]
    )
    statement_pdf(made)  # the fonts are read once
    me = psutil.Process().pid
    papers_wanted = 50 if stage.quick else 300
    before = family_cpu_s(me)
    size = sum(len(statement_pdf(made)) for _ in range(papers_wanted)) / papers_wanted
    used = family_cpu_s(me) - before
    yield Figure(
        f"statements as PDF, {_PAPER_ROWS} rows",
        papers_wanted / used,
        "1/s and core",
        100.0,
        at_least=True,
        beside={"bytes": round(size)},
    )
