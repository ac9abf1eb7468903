"""Firmware that is put here for stations to fetch, for page and API: written as it comes.

A file may be large: neither memory nor a connection of the database waits for a slow sender.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from accounts import audit
from csms import files
from csms.files import StationFile
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal import files as transfers
from portal.context import PortalContext
from portal.guard import Caller
from portal.words import marked

EMPTY: Final = marked("The file is empty.")
TOO_SLOW: Final = marked("It took too long.")


async def take(
    context: PortalContext, caller: Caller, name: str, body: AsyncIterator[bytes]
) -> StationFile:
    """Keep a file with its checksum, and note who put it here; nothing of half a file stays.

    Raises:
        InvalidInput: It has no name, no bytes or too many, or took too long.
    """
    settings = context.settings
    if not files.safe_name(name):
        raise InvalidInput("This is no name of a file.", field="name")
    async with context.database.unit_of_work() as db:
        owner = OrganisationKey(caller.principal.organisation)
        receiving = await files.receive_firmware(db, owner, context.clock.now())
    try:
        async with asyncio.timeout(settings.file_transfer_timeout_s):
            received = await files.write_parts(
                context.database, receiving, body, most_bytes=settings.station_file_max_bytes
            )
        if not received.size_bytes:
            raise InvalidInput(EMPTY, field="file")
        now = context.clock.now()
        async with context.database.unit_of_work() as db:
            file = await files.finish(
                db,
                receiving,
                received,
                file_name=name,
                media_type="application/octet-stream",
                stored_by=caller.principal.id,
                stored_from=caller.address,
                now=now,
            )
            await audit.record(
                db,
                caller.actor,
                "firmware_file.add",
                f"file/{file.id}",
                organisation=file.organisation,
                after=transfers.told(file),
                now=now,
            )
        return file
    except TimeoutError:
        raise InvalidInput(TOO_SLOW, field="file") from None
    finally:
        async with context.database.unit_of_work() as db:
            await files.give_up(db, receiving)  # nothing, if it is whole
