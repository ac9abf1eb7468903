"""Firmware that is put here: whole with its checksum and its entry in the audit, or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from accounts import audit
from accounts.permissions import Permission
from foundation.database import Database
from foundation.errors import InvalidInput
from portal import firmware_doors
from portal.context import PortalContext
from tests.portal.conftest import Keys
from tests.portal.test_contact_doors import caller

WRITER = caller(Permission.STATIONS_WRITE)


async def body(*parts: bytes, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(pause_s)
        yield part


async def left(database: Database) -> list[tuple[str, str]]:
    async with database.unit_of_work() as db:
        found = await db.execute(text("select file_name, sha256 from station_files"))
        return [(name, str(digest)) for name, digest in found]


async def test_a_file_is_kept_and_told_in_the_audit(
    context: PortalContext, database: Database, keys: Keys
) -> None:
    file = await firmware_doors.take(context, WRITER, "box.bin", body(b"one", b"two"))
    assert (file.file_name, file.size_bytes) == ("box.bin", 6)
    assert file.sha256 == hashlib.sha256(b"onetwo").hexdigest()
    async with database.unit_of_work() as db:
        [entry] = await audit.entries(db, None, deed="firmware_file")
    assert (entry.subject, entry.organisation) == (f"file/{file.id}", "north")


@pytest.mark.parametrize(
    ("name", "parts", "pause_s", "said"),
    [
        ("..", (b"x",), 0.0, "no name of a file"),
        ("box.bin", (), 0.0, "empty"),
        ("box.bin", (b"12", b"34"), 0.0, "at most|larger|more"),
        ("box.bin", (b"1", b"2"), 0.2, "too long"),
    ],
)
async def test_what_cannot_be_kept_leaves_nothing(
    context: PortalContext,
    database: Database,
    keys: Keys,
    name: str,
    parts: tuple[bytes, ...],
    pause_s: float,
    said: str,
) -> None:
    settings = context.settings.model_copy(
        update={"station_file_max_bytes": 3, "file_transfer_timeout_s": 0.1}
    )
    narrow = replace(context, settings=settings)
    with pytest.raises(InvalidInput, match=said):
        await firmware_doors.take(narrow, WRITER, name, body(*parts, pause_s=pause_s))
    assert await left(database) == []
