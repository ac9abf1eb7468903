"""Stations' files: by which address stations reach us with them, and how long logs are kept."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from csms import file_places, files
from foundation.clock import Clock
from foundation.database import Database
from foundation.settings import Settings


def join_files(settings: Settings, database: Database) -> None:
    """Say how stations reach us with their files, and for how long."""
    file_places.join(
        database,
        public_url=settings.reached_at,
        upload_lasts=timedelta(seconds=settings.file_upload_lasts_s),
        download_lasts=timedelta(seconds=settings.file_download_lasts_s),
    )


def forget_files(
    settings: Settings, database: Database, clock: Clock
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the deletion of logs that were kept long enough as a job."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            kept = timedelta(days=settings.station_files_kept_days)
            await files.forget(db, kept=kept, now=clock.now())

    return run
