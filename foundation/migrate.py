"""Bring the database's tables up to date: the only file that runs alembic."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from foundation.database import Base, engine_url

_FOLDER = Path(__file__).resolve().parent.parent / "migrations"
_LOCK = 7_219_001
"""One migration at a time, whoever starts it: the key of an advisory lock."""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str) -> None:
    """Bring the database to the newest revision; does nothing if it is there already."""
    _run(url, "head", up=True)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to a revision (`base`: no tables of ours at all)."""
    _run(url, revision, up=False)


def _run(url: str, revision: str, *, up: bool) -> None:
    engine = create_engine(engine_url(url))
    try:
        with engine.connect() as guard:
            guard.exec_driver_sql("select pg_advisory_lock(%s)", (_LOCK,))
            with engine.connect() as connection:
                config = _config(connection)
                if up:
                    command.upgrade(config, revision)
                else:
                    command.downgrade(config, revision)
                connection.commit()
    finally:
        engine.dispose()


@cache
def head() -> str:
    """Return the newest revision that the code knows."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    newest = ScriptDirectory.from_config(config).get_current_head()
    assert newest is not None
    return newest


def revision(url: str) -> str | None:
    """Return the revision that the database is at; None if it has no tables of ours."""
    engine = create_engine(engine_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def is_known(wanted: str) -> bool:
    """Tell whether the code knows a revision; it does not know those of newer code."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    scripts = ScriptDirectory.from_config(config)
    return wanted in {each.revision for each in scripts.walk_revisions()}


def is_current(url: str) -> bool:
    """Tell whether the database is at the newest revision."""
    engine = create_engine(engine_url(url))
    try:
        with engine.connect() as connection:
            script = ScriptDirectory.from_config(_config(connection))
            found = MigrationContext.configure(connection).get_current_heads()
            return set(found) == set(script.get_heads())
    finally:
        engine.dispose()


def differences(url: str) -> list[object]:
    """Return how the database differs from the tables in the code; empty if it does not."""
    engine = create_engine(engine_url(url))
    try:
        with engine.connect() as connection:
            known = Base.metadata.tables

            def ours(name: str | None, kind: str, _parents: object) -> bool:
                return kind != "table" or name in known

            migration = MigrationContext.configure(
                connection, opts={"include_name": ours, "compare_type": True}
            )
            return list(compare_metadata(migration, Base.metadata))
    finally:
        engine.dispose()
