"""What other processes tell this one through the database: LISTEN on a connection of its own."""

import asyncio
from collections.abc import Callable, Mapping

import psycopg
import structlog

from foundation.database import Database

log = structlog.get_logger(__name__)


async def listen(
    database: Database,
    channels: Mapping[str, Callable[[str], None]],
    *,
    lost: Callable[[], None] | None = None,
) -> None:
    """Call back for each notification; runs for ever, connecting again when it must.

    Args:
        database: Whose server is listened to.
        channels: What to call with the payload, by channel.
        lost: Called when the connection is lost: notifications may have been missed.
    """
    pause_s = 0.1
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                database.url, autocommit=True
            ) as connection:
                for channel in channels:
                    await connection.execute(
                        psycopg.sql.SQL("listen {}").format(psycopg.sql.Identifier(channel))
                    )
                pause_s = 0.1
                async for notification in connection.notifies():
                    channels[notification.channel](notification.payload)
        except psycopg.OperationalError as error:
            log.info("notifications.lost", reason=str(error).strip().partition("\n")[0])
        if lost is not None:
            lost()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, 5.0)
