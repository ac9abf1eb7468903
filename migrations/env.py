"""How alembic reaches the database and which tables it compares with.

The connection is given by whoever runs the migrations (`foundation.migrate`); nothing is read from
an ini file.
"""

import importlib

from alembic import context
from sqlalchemy import Connection

from foundation.database import Base

for room in ("foundation", "accounts", "csms", "alerts", "billing", "roaming", "support", "portal"):
    importlib.import_module(f"{room}.tables")


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """Leave out what is not described by our metadata: procrastinate's tables, partitions."""
    if kind == "table" and name is not None:
        return name in Base.metadata.tables
    return True


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=_ours,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
