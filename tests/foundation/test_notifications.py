"""What other processes tell through the database."""

import asyncio

from sqlalchemy import text

from foundation.database import Database
from foundation.notifications import listen
from foundation.tasks import Tasks


class Ear:
    """Hears notifications, and waits for them."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.losses = 0
        self._changed = asyncio.Event()

    def hear(self, payload: str) -> None:
        self.heard.append(payload)
        self._changed.set()

    def lose(self) -> None:
        self.losses += 1
        self._changed.set()

    async def something(self) -> None:
        async with asyncio.timeout(30):
            await self._changed.wait()
        self._changed.clear()


async def tell(database: Database, channel: str, payload: str) -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            text("select pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload}
        )


async def until_heard(database: Database, ear: Ear, channel: str, payload: str) -> None:
    """Tell again until it is heard: nobody is told when a listener is ready."""
    async with asyncio.timeout(30):
        while payload not in ear.heard:
            await tell(database, channel, payload)
            await asyncio.sleep(0.01)


async def test_each_channel_is_heard_by_its_own_listener(database: Database) -> None:
    tokens, stations = Ear(), Ear()
    async with Tasks() as tasks:
        channels = {"tokens": tokens.hear, "stations": stations.hear}
        tasks.start("listen", lambda: listen(database, channels))
        await until_heard(database, tokens, "tokens", "ready")
        await tell(database, "stations", "CS-1")
        await stations.something()
    assert stations.heard == ["CS-1"]
    assert set(tokens.heard) == {"ready"}


async def test_a_lost_connection_is_told_and_made_again(database: Database) -> None:
    ear = Ear()
    async with Tasks() as tasks:
        tasks.start("listen", lambda: listen(database, {"tokens": ear.hear}, lost=ear.lose))
        await until_heard(database, ear, "tokens", "before")
        async with database.unit_of_work() as db:
            await db.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and query ilike 'listen %'"
                )
            )
        while ear.losses == 0:
            await ear.something()
        await until_heard(database, ear, "tokens", "after")
    assert ear.losses == 1
