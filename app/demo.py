"""The demo: a whole month with a simulated fleet, its close, and its statements.

Server and fleet share a clock that runs fast and ends at the real time. The fleet is another
program (`python -m simulators`), reached over real sockets only.
"""

import asyncio
import contextlib
import csv
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from accounts import directory
from accounts.directory import WHOLE
from app import demo_checks, demo_support, demo_world
from app.demo_checks import Check
from app.ports import PortBusy
from app.serve import Running, running, stop_requested
from billing import books
from billing.month_end import MonthEnd
from billing.statement_document import statement_xml
from billing.statement_forms import statement_csv, statement_json
from billing.statement_pdf import statement_pdf
from billing.statements import Statement
from csms.charging import transactions
from foundation import outbox
from foundation.clock import SharedClock, SystemClock, write_shared_clock
from foundation.money import Money
from foundation.postgres import EmbeddedPostgres
from foundation.settings import Onboarding, Settings

SEED: Final = 2026
_ROOT: Final = Path(__file__).resolve().parent.parent
_DRAIN_S: Final = 120
_FLEET_S: Final = 900


class FleetFailed(Exception):
    """The simulated fleet ended before its month was over."""


def last_month(now: datetime) -> str:
    """Return the calendar month before the present one."""
    first = now.replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


async def demo(
    *,
    settings: Settings,
    output: Path,
    month: str | None = None,
    stations: int = 24,
    sessions: int = 600,
    exit_after: bool = False,
) -> int:
    """Live through last month, close it, write everything, and show it.

    Args:
        settings: Host and ports are taken from it; the database is always a fresh one of ours.
        output: Where summary, transactions and statements are written.
        month: Another month than the last one, `YYYY-MM`.
        stations: How many stations, at least one.
        sessions: About how many transactions end in the month.
        exit_after: End after the summary instead of staying up until Ctrl-C.

    Returns:
        The exit status: 0 only if every check of the summary holds.
    """
    console = Console()
    now = SystemClock().now()
    month = month or last_month(now)
    begin = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC) - timedelta(days=3)
    _make_room(output)
    clock_file = output / "clock"
    write_shared_clock(clock_file, begin)
    settings = settings.model_copy(
        update={
            "data_dir": output / "data",
            "database_url": None,
            "onboarding": Onboarding.PENDING,
            "close_automatically": False,
            "admin_email": "admin@leitstand.example",
            "admin_password": SecretStr(demo_world.PASSWORD),
            "organisation": "leitstand",
            "organisation_name": "Leitstand Demo Operator GmbH",
        }
    )
    async with _up(settings, clock_file, console) as program:
        async with program.database.unit_of_work() as db:
            world = await demo_world.build(db, number_of_stations=stations, seed=SEED, begin=begin)
            await demo_support.prepare(db, (await directory.root(db)).key, begin)
        plan = {
            "url": program.ocpp_url,
            "month": month,
            "now": now.isoformat(),
            "seed": SEED,
            "sessions": round(sessions * 1.1),
            "clock_file": str(clock_file),
            "heartbeat_hours": 12,
            "stations": world.stations,
            "tokens": world.tokens,
            "breakable": [
                each["identity"]
                for each in world.stations
                if each["owner"] in demo_support.MONITORED
            ],
        }
        (output / "plan.json").write_text(json.dumps(plan, indent=1))
        console.print(
            f"{stations} stations of {len(demo_world.OWNERS)} owners live through {month} …"
        )
        async with _fleet(output, console) as fleet:
            checks = await _close_and_check(program, fleet, output, month, sessions)
            ok = _show(console, checks, output, program)
            if not exit_after:
                console.print("\nPress Ctrl-C to end.")
                await stop_requested().wait()
    return 0 if ok else 1


def _make_room(output: Path) -> None:
    """Remove what an earlier demo left; its database is another one's by now."""
    data = output / "data"
    if data.exists():
        server = EmbeddedPostgres(data, say=lambda _: None)
        server.start()
        server.discard()
    shutil.rmtree(output, ignore_errors=True)
    (output / "statements").mkdir(parents=True)


@contextlib.asynccontextmanager
async def _up(settings: Settings, clock_file: Path, console: Console) -> AsyncIterator[Running]:
    """Bring the program up; on other ports if the usual ones are taken."""
    clock = SharedClock(clock_file)
    async with contextlib.AsyncExitStack() as stack:
        try:
            program = await stack.enter_async_context(running(settings, clock, say=console.print))
        except PortBusy as busy:
            console.print(f"{busy} The demo takes free ports instead.")
            other = settings.model_copy(update={"ocpp_port": 0, "http_port": 0})
            program = await stack.enter_async_context(running(other, clock, say=console.print))
        yield program


class _Fleet:
    """The fleet's process: lines of JSON come out, words go in."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def until(self, event: str) -> dict[str, Any]:
        """Wait for a line of this kind.

        Raises:
            FleetFailed: If the process ends first, or takes far too long.
        """
        assert self._process.stdout is not None
        async with asyncio.timeout(_FLEET_S):
            while line := await self._process.stdout.readline():
                with contextlib.suppress(ValueError):
                    told = json.loads(line)
                    if isinstance(told, dict) and told.get("event") == event:
                        return told
        raise FleetFailed(f"The fleet ended before it said {event}.")

    async def say(self, word: str) -> None:
        """Tell it something."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()


@contextlib.asynccontextmanager
async def _fleet(output: Path, console: Console) -> AsyncIterator[_Fleet]:
    with (output / "fleet.log").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulators",
            "month",
            "--plan",
            str(output / "plan.json"),
            "--book",
            str(output / "book.jsonl"),
            "--stay",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None if console.is_terminal else errors,
            cwd=_ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            yield _Fleet(process)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(10):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


# -------------------------------------------------------------------------- closing, checking


async def _close_and_check(
    program: Running, fleet: _Fleet, output: Path, month: str, sessions: int
) -> list[Check]:
    lived = await fleet.until("month_done")
    await _drained(program)
    dry = await _close(program, month, dry_run=True)
    refused = await _run(program, month)
    closed = await _close(program, month, dry_run=False)
    await _run(program, month)
    again = await _close(program, month, dry_run=False)
    rows = await _write(program, output, month, closed)

    documents = [statement_json(each) for each in closed]
    checks = [
        Check(
            "the month has the sessions it should have",
            len(rows) >= sessions,
            f"{len(rows)} ended in {month} or are paid with it",
        ),
        await _books(program, output),
        demo_checks.same_sums(documents, rows),
        *[
            demo_checks.same_forms(
                document, statement_csv(each), statement_pdf(each), statement_xml(each)
            )
            for document, each in zip(documents, closed, strict=True)
        ],
        Check(
            "every step of the month end was done",
            not refused,
            "; ".join(refused) or f"{len(demo_world.owner_keys())} owners, and the operator",
        ),
        Check(
            "the dry run gave the same figures",
            [_figures(each) for each in dry] == [_figures(each) for each in closed],
            f"{len(dry)} statements",
        ),
        Check(
            "closing again gave the same papers",
            [(each.statement_id, _figures(each)) for each in again]
            == [(each.statement_id, _figures(each)) for each in closed],
            f"{len(again)} statements",
        ),
        await _ledger(program),
        await _nothing_lost(program),
    ]
    checks.append(await _watched(program))
    await fleet.say("late")
    late = await fleet.until("late_done")
    await _drained(program)
    checks.append(
        Check(
            "what came after the close waits for the next statement",
            await _late(program, month) > 0 or not lived.get("late"),
            f"{len(late.get('stations', []))} stations reported late",
        )
    )
    return checks


async def _drained(program: Running) -> None:
    """Wait until every event has reached its readers."""
    async with asyncio.timeout(_DRAIN_S):
        while True:
            async with program.database.unit_of_work() as db:
                found = await db.execute(
                    text("select count(*) from deliveries where state = 'waiting'")
                )
                if found.scalar_one() == 0:
                    return
            program.house.deliveries.wake()
            await asyncio.sleep(0.1)


async def _run(program: Running, month: str) -> list[str]:
    """Run the month's end for everybody; return what could not be done."""
    async with program.database.unit_of_work() as db:
        operator = (await directory.root(db)).key
    month_end = MonthEnd(program.database, program.house.closing, program.clock)
    outcome = await month_end.run(month, [*demo_world.owner_keys(), operator])
    return [f"{each.payee}, {each.step}: {each.error}" for each in outcome.refused]


async def _close(program: Running, month: str, *, dry_run: bool) -> list[Statement]:
    statements: list[Statement] = []
    for payee in demo_world.owner_keys():
        async with program.database.unit_of_work() as db:
            statements += await program.house.closing.close(
                db, payee, month, now=program.clock.now(), dry_run=dry_run
            )
    return statements


def _figures(statement: Statement) -> dict[str, Any]:
    document = statement_json(statement)
    for name in ("statement_id", "issued_at", "due_on", "state"):
        document.pop(name)
    return document


async def _write(
    program: Running, output: Path, month: str, statements: Sequence[Statement]
) -> list[Mapping[str, str]]:
    """Write every statement in its forms, and transactions.csv; return its rows."""
    folder = output / "statements"
    for statement in statements:
        name = statement.statement_id
        (folder / f"{name}.json").write_text(
            json.dumps(statement_json(statement), indent=1, ensure_ascii=False) + "\n"
        )
        (folder / f"{name}.csv").write_text(statement_csv(statement), newline="")
        (folder / f"{name}.pdf").write_bytes(statement_pdf(statement))
        (folder / f"{name}.xml").write_bytes(statement_xml(statement))
    async with program.database.unit_of_work() as db:
        rows = [row async for row in books.transactions_of(db, month)]
    with (output / "transactions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, books.TRANSACTION_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


async def _books(program: Running, output: Path) -> Check:
    """Compare the fleet's own book with what is stored, whatever the month."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulators",
        "book",
        str(output / "book.jsonl"),
        stdout=asyncio.subprocess.PIPE,
        cwd=_ROOT,
    )
    printed, _ = await process.communicate()
    records = json.loads(printed)["sessions"]
    async with program.database.unit_of_work() as db:
        stored = await transactions(db, WHOLE, limit=1_000_000)
    return demo_checks.books_agree(
        records,
        [
            {
                "station": each.station,
                "evse_id": each.evse_id,
                "key": each.ref if each.ocpp_version != "1.6" else _said(each.start_reported_at),
                "energy_wh": each.energy_wh,
                "state": each.state,
            }
            for each in stored
        ],
    )


def _said(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


async def _ledger(program: Running) -> Check:
    async with program.database.unit_of_work() as db:
        balances = await books.balances(db)
    sums: dict[str, Money] = {}
    for by_currency in balances.values():
        for currency, money in by_currency.items():
            sums[currency] = sums.get(currency, Money.zero(currency)) + money
    return Check(
        "the ledger balances",
        bool(sums) and all(not money.amount for money in sums.values()),
        f"{len(balances)} accounts, sum {', '.join(str(money) for money in sums.values())}",
    )


async def _nothing_lost(program: Running) -> Check:
    async with program.database.unit_of_work() as db:
        quarantined = (await db.execute(text("select count(*) from quarantine"))).scalar_one()
        parked = len(await outbox.parked(db))
    return Check(
        "nothing is quarantined or parked",
        quarantined == 0 and parked == 0,
        f"{quarantined} quarantined, {parked} parked",
    )


async def _watched(program: Running) -> Check:
    """See to what the month left, and tell what it was: faults are alerts, and were seen to."""
    async with program.database.unit_of_work() as db:
        visits = await demo_support.see_to(db, program.clock.now())
    await _drained(program)
    async with program.database.unit_of_work() as db:
        alerts, still_open = (
            await db.execute(
                text("select count(*), count(*) filter (where state = 'open') from alerts")
            )
        ).one()
        charged = (
            await db.execute(text("select count(*) from charges where kind = 'intervention'"))
        ).scalar_one()
    return Check(
        "faults became alerts, and somebody saw to them",
        alerts > 0 and still_open > 0 and visits > 0 and charged > 0,
        f"{alerts} alerts, {still_open} of them open; {visits} visits, {charged} charges for them",
    )


async def _late(program: Running, month: str) -> int:
    """Count the transactions of the month that no statement pays yet and nobody holds."""
    async with program.database.unit_of_work() as db:
        return sum(
            [
                1
                async for row in books.transactions_of(db, month)
                if not row["statement_id"] and not row["hold_reason"]
            ]
        )


def _show(console: Console, checks: Sequence[Check], output: Path, program: Running) -> bool:
    """Print the summary, write it as JSON, and tell whether every check holds."""
    ok = all(check.holds for check in checks)
    table = Table(title="Summary", title_justify="left")
    table.add_column("")
    table.add_column("Check")
    table.add_column("Found")
    for check in checks:
        table.add_row("✓" if check.holds else "✗", check.name, check.found)
    console.print(table)
    people = ["admin", "support", *demo_world.OWNERS]
    summary = {
        "ok": ok,
        "checks": [
            {"name": each.name, "holds": each.holds, "found": each.found} for each in checks
        ],
        "portal": program.portal_url,
        "ocpp": program.ocpp_url,
        "logins": people,
    }
    (output / "summary.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    console.print(f"Written: {output}/summary.json, transactions.csv, statements/")
    console.print(f"Portal:  {program.portal_url}   OCPP: {program.ocpp_url}")
    console.print(f"Sign in as {', '.join(people)} with the password {demo_world.PASSWORD}")
    return ok
