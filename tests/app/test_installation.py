"""Tables that are missing, current, behind and from the future."""

import psycopg
import pytest

from app import installation
from app.installation import DatabaseBehind, DatabaseNewer, DatabaseUnreachable
from foundation import migrate


async def test_current_tables_need_nothing(database_url: str) -> None:
    assert await installation.revision(database_url) == migrate.head()
    assert await installation.upgrade(database_url) is False
    await installation.ensure_current(database_url)


async def test_tables_that_are_missing_are_made(database_url: str) -> None:
    migrate.downgrade(database_url, "base")
    assert await installation.revision(database_url) is None

    await installation.ensure_current(database_url)
    assert migrate.is_current(database_url)


async def test_tables_that_are_behind_are_changed_only_on_request(database_url: str) -> None:
    migrate.downgrade(database_url, "csms_1")

    with pytest.raises(DatabaseBehind):
        await installation.ensure_current(database_url)
    assert await installation.revision(database_url) == "csms_1"
    assert await installation.upgrade(database_url) is True
    assert migrate.is_current(database_url)


async def test_tables_of_a_newer_version_are_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = 'from_the_future'")

    with pytest.raises(DatabaseNewer):
        await installation.ensure_current(database_url)
    with pytest.raises(DatabaseNewer):
        await installation.upgrade(database_url)


async def test_a_database_that_is_not_there_is_said_with_the_drivers_reason() -> None:
    with pytest.raises(DatabaseUnreachable, match="Connection refused"):
        await installation.revision("postgresql://me:geheim@127.0.0.1:1/x")
