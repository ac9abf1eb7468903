"""What all commands have in common: settings, the database, the loop, tables, JSON, progress.

Results go to standard output, everything else to standard error. On a terminal lists are tables;
elsewhere they are lines of tab-separated values, and `--json` gives JSON.
"""

import contextlib
import dataclasses
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from getpass import getpass, getuser
from time import monotonic
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, directory
from accounts.audit import Actor
from accounts.directory import Organisation
from app import compose, installation
from foundation.clock import Clock, SystemClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.log import configure_log
from foundation.money import Money
from foundation.postgres import EmbeddedPostgres
from foundation.settings import Settings

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The option of every command that prints data."""

_SHOW_PROGRESS_AFTER_S = 2.0


PasswordFromInput = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the first line of the input."),
]
"""Passwords are never options: the list of processes shows those."""


def group(help_text: str) -> typer.Typer:
    """Return an empty group of commands; named without a command, it shows its help."""
    return typer.Typer(help=help_text, no_args_is_help=True, rich_markup_mode=None)


def say(text: str) -> None:
    """Tell a person something that is no result."""
    print(text, file=sys.stderr, flush=True)


def read_password() -> str:
    """Return the first line of standard input; a terminal is asked without an echo."""
    if sys.stdin.isatty():
        return getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


# --------------------------------------------------------------------------------- the database


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    settings: Settings
    database: Database
    clock: Clock

    @contextlib.asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        """Open a unit of work; the second value is now."""
        async with self.database.unit_of_work() as db:
            yield db, self.clock.now()


@contextlib.asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Give the database's URL; the embedded server is started if need be, and left as found."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    starting = True

    def tell(text: str) -> None:
        # That a server which somebody else uses goes on running is nothing to tell.
        if starting:
            say(text)

    async with EmbeddedPostgres(settings.data_dir, say=tell) as server:
        starting = False
        yield server.url


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """Give the database with everything that an installation has from the start.

    A database without any tables gets them; one that is behind is left to `leitstand migrate`.

    Raises:
        DatabaseBehind, DatabaseNewer: If its tables are of another version.
        DatabaseUnreachable: If it cannot be reached.
    """
    async with database_url(settings) as url:
        await installation.ensure_current(url)
        database = compose.open_database(settings, url)
        try:
            clock = SystemClock()
            await compose.prepare_root(database, settings, clock)
            yield Opened(settings, database, clock)
        finally:
            await database.close()


def run(work: Callable[[Opened], Awaitable[T]]) -> T:
    """Do a command's work on the database, and return its result."""
    settings = Settings.read()
    configure_log("warning")

    async def whole() -> T:
        async with opened(settings) as everything:
            return await work(everything)

    return uvloop.run(whole())


def operator() -> Actor:
    """Who sits at the machine: what the audit names for a command."""
    try:
        name = getuser()
    except (OSError, KeyError):  # a container may have a user without a name
        name = "unknown"
    return Actor(f"cli/{name}", name, "cli", None)


async def note(
    db: AsyncSession,
    deed: str,
    subject: str,
    *,
    organisation: OrganisationKey | None,
    before: object = None,
    after: object = None,
    now: datetime,
) -> None:
    """Write into the audit what a command did, in the unit of work of the deed."""
    await audit.record(
        db,
        operator(),
        deed,
        subject,
        organisation=organisation,
        before=before,
        after=after,
        now=now,
    )


# ------------------------------------------------------------------------------------- results


def as_json(value: Any) -> Any:
    """Return a value as the REST API writes it: UTC moments with Z, exact amounts as texts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_json(getattr(value, each.name)) for each in dataclasses.fields(value)}
    match value:
        case Money():
            return {"amount": value.text, "currency": value.currency}
        case msgspec.Struct():
            return {name: as_json(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {str(key): as_json(each) for key, each in value.items()}
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case frozenset() | set():
            return sorted(as_json(each) for each in value)
        case list() | tuple():
            return [as_json(each) for each in value]
    return value


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(as_json(value), ensure_ascii=False, indent=2))


def show(found: Sequence[Any], columns: Sequence[str], *, json: bool) -> None:
    """Print a list: all of each item as JSON, or the named columns for a person."""
    rows = as_json(list(found))
    if json:
        show_json(rows)
        return
    lines = [[_cell(row[name]) for name in columns] for row in rows]
    if not sys.stdout.isatty():
        for line in [list(columns), *lines]:
            print("\t".join(" ".join(cell.split()) for cell in line))
        return
    table = Table(*[name.replace("_", " ") for name in columns], box=None, header_style="bold")
    for line in lines:
        # As texts: what a station calls itself must not be taken for markup.
        table.add_row(*[Text(cell) for cell in line])
    Console().print(table if lines else "There are none.")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict() if value.keys() == {"amount", "currency"}:
            return f"{value['amount']} {value['currency']}"
        case list():
            return ", ".join(_cell(each) for each in value)
    return str(value)


@contextlib.contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Give what to call after each of `total` steps; a bar is shown after two seconds.

    Only where standard error is a terminal: a log is not to be filled with bars.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    began, is_shown = monotonic(), False

    def step() -> None:
        nonlocal is_shown
        bar.advance(task)
        if not is_shown and monotonic() - began > _SHOW_PROGRESS_AFTER_S:
            is_shown = True
            bar.start()

    try:
        yield step
    finally:
        if is_shown:
            bar.stop()


# -------------------------------------------------------------------------------------- options


async def named_organisation(db: AsyncSession, key: str | None) -> Organisation:
    """Return the organisation that was named, or the root.

    Raises:
        InvalidInput: If there is none with this key.
    """
    if key is None:
        return await directory.root(db)
    try:
        return await directory.organisation(db, OrganisationKey(key))
    except NotFound:
        raise InvalidInput(f"There is no organisation {key!r}.", field="organisation") from None


def moment_from(written: str, time_zone: str, *, field: str) -> datetime:
    """Read a moment with its zone, or a day, which begins at midnight in the time zone given.

    Raises:
        InvalidInput: If it is neither.
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if moment is not None and len(written) == len("2026-01-01"):
        return datetime.combine(moment.date(), time(), ZoneInfo(time_zone)).astimezone(UTC)
    raise InvalidInput(
        f"{field} is written as a day, 2026-01-01, or as a moment with its zone,"
        f" 2026-01-01T12:00:00Z; not {written!r}.",
        field=field,
    )


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given on the command line, without the options that were left out."""
    return {name: value for name, value in values.items() if value is not None}
