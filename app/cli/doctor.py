"""`doctor`: every setting with its source, and what is wrong or doubtful here."""

import importlib.metadata
import locale
import platform
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer
import uvloop
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit
from accounts.directory import WHOLE
from app import compose, installation
from app.cli.frame import Json, database_url, show_json
from app.cli.server import is_loopback
from billing import books
from billing.closing import Closing
from billing.reconciling import last_closed_months, reconciled
from csms import registry
from csms.registers import Registers
from foundation import migrate, outbox
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.errors import ExpectedError
from foundation.log import configure_log
from foundation.money import Money
from foundation.settings import Settings, SettingSource
from roaming.handlers import Reimbursement

_NAMED_MAX = 5
_DISK_WARNING_BYTES = 5 * 1024**3
_DISK_FAILURE_BYTES = 500 * 1024**2
_CLOCK_WARNING_S = 5.0
_OPEN_FILES_WARNING = 4096


class State(StrEnum):
    """How a check came out; only `failed` makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str


def doctor(json: Json = False) -> None:
    """Print every setting with its source, and look at everything that can be looked at."""
    settings = Settings.read()
    configure_log("error")
    sources = settings.sources()
    checks = [*_surroundings(settings), *uvloop.run(_database_checks(settings))]
    if json:
        show_json({"settings": sources, "checks": checks})
    else:
        _show(sources, checks)
    if any(each.state is State.FAILED for each in checks):
        raise typer.Exit(1)


# ------------------------------------------------------------------------ without the database


def _surroundings(settings: Settings) -> Iterator[Check]:
    yield Check(
        "versions",
        State.OK,
        f"Leitstand {_version()}, Python"
        f" {platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    unknown = Settings.unknown_variables()
    yield Check(
        "variables",
        State.WARNING if unknown else State.OK,
        f"There are no such settings: {', '.join(unknown)}" if unknown else "All are known.",
    )
    encoding = locale.getpreferredencoding(do_setlocale=False)
    yield Check(
        "locale",
        State.OK if encoding.lower().replace("-", "") == "utf8" else State.WARNING,
        f"Texts are read and written as {encoding}.",
    )
    shares_key = settings.database_url is None or settings.secret_key is not None
    yield Check(
        "secret key",
        State.OK if shares_key else State.WARNING,
        "Second factors are sealed with one key."
        if shares_key
        else "LEITSTAND_SECRET_KEY is not set: with a second machine, each would have its own.",
    )
    yield _disk(settings.data_dir)
    yield _open_files()
    yield _listener(settings)
    yield Check(
        "mail server",
        State.OK if settings.smtp_url else State.WARNING,
        "It is set."
        if settings.smtp_url
        else "LEITSTAND_SMTP_URL is not set: mails are kept, and shown in the portal's outbox.",
    )


def _version() -> str:
    try:
        return importlib.metadata.version("leitstand")
    except importlib.metadata.PackageNotFoundError:
        return "(run from its sources, not installed)"


def _disk(folder: Path) -> Check:
    there = folder.resolve()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    state = State.OK
    if free < _DISK_WARNING_BYTES:
        state = State.WARNING if free >= _DISK_FAILURE_BYTES else State.FAILED
    return Check("disk", state, f"{free / 1024**3:.1f} GiB are free at {there}.")


def _open_files() -> Check:
    if sys.platform == "win32":
        return Check("open files", State.OK, "There is no limit to look at.")
    import resource  # which only Unix has

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    state = State.OK if limit >= _OPEN_FILES_WARNING else State.WARNING
    return Check("open files", state, f"At most {limit}; every connected station needs one.")


def _listener(settings: Settings) -> Check:
    address = f"{settings.ocpp_host}:{settings.ocpp_port}"
    if is_loopback(settings.ocpp_host):
        return Check("listener", State.OK, f"Only this machine reaches {address}.")
    if settings.ocpp_tls_port is None:
        return Check(
            "listener",
            State.WARNING,
            f"The network reaches {address} without TLS; LEITSTAND_OCPP_TLS_PORT is not set.",
        )
    return Check("listener", State.OK, f"{address}, with TLS on port {settings.ocpp_tls_port}.")


# --------------------------------------------------------------------------------- the database


async def _database_checks(settings: Settings) -> list[Check]:
    if settings.database_url is None and not _has_embedded(settings.data_dir):
        detail = "There is none yet; `leitstand serve` makes it."
        return [Check("database", State.WARNING, detail)]
    checks: list[Check] = []
    try:
        async with database_url(settings) as url:
            found = await installation.revision(url)
            database = compose.open_database(settings, url)
            try:
                checks += [each async for each in _server(database)]
                checks.append(_tables(found))
                if found == migrate.head():
                    checks += [each async for each in _contents(database)]
            finally:
                await database.close()
    except ExpectedError as error:
        checks.append(Check("database", State.FAILED, str(error)))
    return checks


def _has_embedded(data_dir: Path) -> bool:
    """Tell whether an embedded database was ever made: to look must not make one."""
    return any(data_dir.glob("postgres*"))


async def _server(database: Database) -> AsyncIterator[Check]:
    async with database.unit_of_work() as db:
        before = SystemClock().now()
        version, encoding, size, moment = (
            await db.execute(
                text(
                    "select current_setting('server_version'), current_setting('server_encoding'),"
                    " pg_database_size(current_database()), clock_timestamp()"
                )
            )
        ).one()
    yield Check(
        "database",
        State.OK if encoding == "UTF8" else State.FAILED,
        f"PostgreSQL {version.partition(' ')[0]}, {encoding}, {size / 1024**2:.0f} MiB.",
    )
    behind = abs((moment - before).total_seconds())
    yield Check(
        "clocks",
        State.OK if behind < _CLOCK_WARNING_S else State.WARNING,
        f"The database's clock and ours are {behind:.1f} s apart.",
    )


def _tables(found: str | None) -> Check:
    if found == migrate.head():
        return Check("migrations", State.OK, f"At head: {found}.")
    if found is None:
        return Check("migrations", State.WARNING, "There are no tables yet.")
    known = migrate.is_known(found)
    error = installation.DatabaseBehind() if known else installation.DatabaseNewer()
    return Check("migrations", State.FAILED, str(error))


async def _contents(database: Database) -> AsyncIterator[Check]:
    async with database.unit_of_work() as db:
        yield await _ledger(db)
        yield await _reconciliation(db)
        yield await _audit(db)
        parked = await outbox.parked(db)
        named = "; ".join(
            f"event {each.event_id} for {each.reader}: {each.last_error}"
            for each in parked[:_NAMED_MAX]
        )
        yield Check(
            "parked events",
            State.WARNING if parked else State.OK,
            f"{len(parked)} wait for a decision: {named}" if parked else "There are none.",
        )
        unguarded = await registry.stations_without_password(db, WHOLE)
        yield Check(
            "stations without a password",
            State.WARNING if unguarded else State.OK,
            f"Security profile 0: {', '.join(unguarded)}" if unguarded else "There are none.",
        )


async def _reconciliation(db: AsyncSession) -> Check:
    """Check the last closed month of each payee, from the meter to the bank."""
    closing = Closing(Registers(), Reimbursement())
    closed = await last_closed_months(db)
    now = SystemClock().now()
    wrong: list[str] = []
    explained = 0
    for payee, month in closed.items():
        report = await reconciled(db, closing, payee, month, now=now)
        explained += len(report.differences) - len(report.unexplained)
        if report.unexplained:
            wrong.append(f"{payee} {month}: {len(report.unexplained)}")
    if wrong:
        named = "; ".join(wrong[:_NAMED_MAX])
        detail = f"Differences without an explanation, see `leitstand reconcile`: {named}"
        return Check("reconciliation", State.FAILED, detail)
    return Check(
        "reconciliation",
        State.OK,
        f"The last closed months of {len(closed)} payees agree; {explained} differences are"
        " explained.",
    )


async def _audit(db: AsyncSession) -> Check:
    """Walk the chains of the audit: a changed row is named."""
    chains = await audit.chains(db)
    for chain in chains:
        broken = await audit.verify_chain(db, chain)
        if broken is not None:
            detail = f"Chain {broken.chain!r}, entry {broken.number}: {broken.reason}"
            return Check("audit", State.FAILED, detail)
    return Check("audit", State.OK, f"{len(chains)} chains are as they were written.")


async def _ledger(db: AsyncSession) -> Check:
    sums: dict[str, Money] = {}
    for by_currency in (await books.balances(db)).values():
        for currency, balance in by_currency.items():
            sums[currency] = sums.get(currency, Money.zero(currency)) + balance
    wrong = [each for each in sums.values() if each.amount != 0]
    if wrong:
        left = ", ".join(f"{each.text} {each.currency}" for each in wrong)
        return Check("ledger", State.FAILED, f"Its accounts do not add up to zero: {left} is left.")
    return Check("ledger", State.OK, "Its accounts add up to zero.")


# --------------------------------------------------------------------------------------- showing


def _show(sources: list[SettingSource], checks: list[Check]) -> None:
    if not sys.stdout.isatty():
        for source in sources:
            print(f"{source.variable}={source.value}\t{source.source}")
        for check in checks:
            print(f"{check.state}\t{check.name}\t{check.detail}")
        return
    console = Console()
    settings = Table("setting", "value", "from", box=None, header_style="bold")
    for source in sources:
        style = "dim" if source.source == "default" else ""
        settings.add_row(source.variable, Text(source.value), source.source, style=style)
    console.print(settings)
    console.print()
    colours = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red"}
    table = Table("", "", "", box=None, show_header=False)
    for check in checks:
        table.add_row(Text(check.state, colours[check.state]), check.name, Text(check.detail))
    console.print(table)
