"""Up, down, and no difference to the tables in the code."""

from collections.abc import Iterator

import psycopg
import pytest

from foundation import migrate
from foundation.postgres import EmbeddedPostgres


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create database empty_one")
        yield postgres.url_of("empty_one")
        connection.execute("drop database empty_one with (force)")


def test_the_migrations_lead_exactly_to_the_tables(database_url: str) -> None:
    assert migrate.is_current(database_url)
    assert migrate.differences(database_url) == []


def test_all_the_way_up_and_down_leaves_nothing_of_ours(empty_database: str) -> None:
    assert not migrate.is_current(empty_database)
    migrate.upgrade(empty_database)
    migrate.upgrade(empty_database)
    assert migrate.is_current(empty_database)
    migrate.downgrade(empty_database, "base")
    with psycopg.connect(empty_database) as connection:
        left = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p', 'S') and relname not like 'alembic%'"
        ).fetchall()
    assert left == []
