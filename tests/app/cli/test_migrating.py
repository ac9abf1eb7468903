"""Bringing the tables up to date by command, and refusing to work on others."""

import psycopg
import pytest

from foundation import migrate
from foundation.postgres import EmbeddedPostgres
from tests.app.conftest import Cli


@pytest.fixture
def empty(bare: Cli, monkeypatch: pytest.MonkeyPatch, postgres: EmbeddedPostgres) -> Cli:
    """A database without any table."""
    name = "without_tables"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name}")
    monkeypatch.setenv("LEITSTAND_DATABASE_URL", postgres.url_of(name))
    return bare


def test_tables_are_made_once(empty: Cli) -> None:
    first = empty("migrate", "--json").json
    assert first == {"before": None, "after": migrate.head(), "changed": True}
    again = empty("migrate")
    assert (again.status, again.out) == (0, f"The database is up to date: {migrate.head()}.\n")


def test_any_command_makes_the_tables_of_an_empty_database(empty: Cli) -> None:
    assert [each["key"] for each in empty("organisation", "list", "--json").json] == ["root"]


def test_a_database_that_is_behind_is_left_to_migrate(cli: Cli, database_url: str) -> None:
    migrate.downgrade(database_url, "accounts_1")

    refused = cli("organisation", "list")
    assert refused.status == 1
    assert "`leitstand migrate`" in refused.err
    assert cli("migrate", "--json").json["before"] == "accounts_1"
    assert cli("organisation", "list").status == 0


def test_a_database_of_a_newer_version_is_not_touched(cli: Cli, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = 'from_the_future'")

    for command in (("organisation", "list"), ("migrate",), ("serve",)):
        refused = cli(*command)
        assert refused.status == 1
        assert "a newer version of Leitstand" in refused.err


def test_a_database_that_is_not_there_is_said_without_its_password(
    bare: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEITSTAND_DATABASE_URL", "postgresql://me:geheim@127.0.0.1:1/x")

    for command in (("migrate",), ("station", "list"), ("serve",)):
        refused = bare(*command)
        assert refused.status == 1
        assert refused.err.startswith("leitstand: The database cannot be reached: ")
        assert "geheim" not in refused.err
