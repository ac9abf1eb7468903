"""Transactions and statements as files."""

import csv
import io
import json
from pathlib import Path

import pytest
import uvloop

from billing.books import TRANSACTION_COLUMNS
from tests.app.cli.story import MONTH, charge, settle
from tests.app.conftest import Cli


@pytest.fixture
def closed(cli: Cli, database_url: str) -> Cli:
    """The bakery's month is closed."""
    settle(cli)
    uvloop.run(charge(database_url))
    assert cli("close-month", MONTH).status == 0
    return cli


def test_transactions_go_to_standard_output_with_the_contracts_columns(closed: Cli) -> None:
    outcome = closed("export", "transactions", "--month", MONTH)
    reader = csv.DictReader(io.StringIO(outcome.out))
    rows = list(reader)

    assert outcome.status == 0
    assert outcome.err == ""
    assert reader.fieldnames == list(TRANSACTION_COLUMNS)
    assert [(row["payee"], row["energy_wh"], row["payout_amount"]) for row in rows] == [
        ("bakery", "10000", "4.00"),
        ("bakery", "20000", "8.00"),
    ]


def test_a_file_has_the_same_rows(closed: Cli, tmp_path: Path) -> None:
    printed = closed("export", "transactions", "--month", MONTH, "--payee", "bakery").out
    file = tmp_path / "new" / "transactions.csv"
    outcome = closed("export", "transactions", "--month", MONTH, "--output", str(file))

    assert outcome.out == ""
    assert "2 transactions" in outcome.err
    assert file.read_text() == printed
    assert list(file.parent.iterdir()) == [file]


def test_a_month_without_transactions_is_a_head_alone(closed: Cli) -> None:
    assert closed("export", "transactions", "--month", "2024-02").out.count("\n") == 1


def test_statements_are_written_in_all_their_forms(closed: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    files = closed("export", "statements", "--month", MONTH, "--output", str(folder), "--json").json

    assert [Path(each).suffix for each in files] == [".json", ".csv", ".pdf"]
    statement = json.loads(Path(files[0]).read_text())
    assert statement["payout_net"] == "12.00"
    assert Path(files[2]).read_bytes().startswith(b"%PDF")
    only = closed("export", "statements", "--month", MONTH, "--format", "csv", "--json").json
    assert [Path(each).suffix for each in only] == [".csv"]


def test_a_month_without_statements_names_the_command_that_makes_them(closed: Cli) -> None:
    outcome = closed("export", "statements", "--month", "2024-02")

    assert outcome.status == 0
    assert "leitstand close-month 2024-02" in outcome.out
    assert not Path("statements").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("transactions",), 2, "--month"),
        (("transactions", "--month", "March"), 1, "A month is written as in"),
        (("transactions", "--month", MONTH, "--payee", "nobody"), 1, "'nobody'"),
        (("transactions", "--month", MONTH, "--output", "file/x.csv"), 1, "cannot be written"),
        (("statements", "--month", MONTH, "--format", "doc"), 2, "--format"),
        (("statements", "--month", MONTH, "--output", "file/papers"), 1, "cannot be written"),
    ],
)
def test_an_export_that_cannot_be_is_refused(
    closed: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    Path("file").write_text("in the way")
    refused = closed("export", *arguments)

    assert refused.status == status
    assert said in refused.err
