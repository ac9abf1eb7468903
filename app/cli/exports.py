"""`export`: transactions as CSV, and statements as files."""

import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from app.cli.frame import Json, Opened, group, named_organisation, progress, run, say, show_json
from billing import books
from billing.months import Month
from billing.statement_forms import statement_csv, statement_json_text
from billing.statement_pdf import statement_pdf
from billing.statements import Statement
from foundation.errors import Unavailable

commands = group("Data for other programs.")

MonthOption = Annotated[str, typer.Option(metavar="YYYY-MM", help="Which month.")]
PayeeOption = Annotated[
    str | None, typer.Option(metavar="KEY", help="Only this payee's. [default: everybody's]")
]


class CannotWrite(Unavailable):
    """The file system refused; nothing is left half-written."""

    code = "cannot_write"

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror or error}.")


class Form(StrEnum):
    """The forms of a statement, which agree to the cent."""

    JSON = "json"
    CSV = "csv"
    PDF = "pdf"


_MAKE: dict[Form, Callable[[Statement], bytes]] = {
    Form.JSON: lambda statement: statement_json_text(statement).encode(),
    Form.CSV: lambda statement: statement_csv(statement).encode(),
    Form.PDF: statement_pdf,
}


@commands.command("transactions")
def export_transactions(
    month: MonthOption,
    payee: PayeeOption = None,
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A file. [default: standard output]")
    ] = None,
) -> None:
    """Write a row for each transaction that ended in the month, or is paid with it, as CSV."""
    Month.parse(month)

    async def work(opened: Opened) -> int:
        count = 0
        with _written(output) as file:
            writer = csv.DictWriter(file, books.TRANSACTION_COLUMNS, lineterminator="\n")
            writer.writeheader()
            async with opened.unit_of_work() as (db, _):
                key = None if payee is None else (await named_organisation(db, payee)).key
                async for row in books.transactions_of(db, month, payee=key):
                    writer.writerow(row)
                    count += 1
        return count

    count = run(work)
    if output is not None:
        say(f"{count} transactions were written to {output}.")


@commands.command("statements")
def export_statements(
    month: MonthOption,
    payee: PayeeOption = None,
    form: Annotated[
        list[Form] | None,
        typer.Option("--format", help="May be given several times. [default: all]"),
    ] = None,
    output: Annotated[
        Path, typer.Option(file_okay=False, help="The folder to write into; made if missing.")
    ] = Path("statements"),
    json: Json = False,
) -> None:
    """Write a month's statements, each in all its forms; files that exist are replaced."""
    Month.parse(month)
    forms = list(dict.fromkeys(form or Form))

    async def work(opened: Opened) -> list[Path]:
        files: list[Path] = []
        async with opened.unit_of_work() as (db, _):
            key = None if payee is None else (await named_organisation(db, payee)).key
            heads = await books.statements(db, payee=key, month=month)
            with progress("Writing statements", len(heads)) as step:
                for head in heads:
                    statement = await books.statement(db, head.statement_id)
                    files += _write(statement, forms, output)
                    step()
        return files

    files = run(work)
    if json:
        show_json([str(each) for each in files])
    elif files:
        print(f"{len(files)} files were written to {output}.")
    else:
        print(f"There are no statements of {month}. `leitstand close-month {month}` makes them.")


def _write(statement: Statement, forms: list[Form], folder: Path) -> Iterator[Path]:
    for each in forms:
        path = folder / f"{statement.statement_id}.{each}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _replace(path, _MAKE[each](statement))
        except OSError as error:
            raise CannotWrite(path, error) from None
        yield path


def _replace(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _written(path: Path | None) -> Iterator[TextIO]:
    """Give a file to write; it appears, whole, when all is written."""
    if path is None:
        yield sys.stdout
        return
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise CannotWrite(path, error) from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
