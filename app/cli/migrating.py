"""`migrate`: bring the database's tables up to date."""

import uvloop

from app import installation
from app.cli.frame import Json, database_url, show_json
from foundation import migrate as migrations
from foundation.log import configure_log
from foundation.settings import Settings


def migrate(json: Json = False) -> None:
    """Bring the database up to date; make a backup first. `serve` does it at every start, too."""
    settings = Settings.read()
    configure_log("warning")

    async def work() -> tuple[str | None, bool]:
        async with database_url(settings) as url:
            before = await installation.revision(url)
            return before, await installation.upgrade(url)

    before, has_changed = uvloop.run(work())
    after = migrations.head()
    if json:
        show_json({"before": before, "after": after, "changed": has_changed})
    elif has_changed:
        print(f"The database is up to date now: from {before or 'no tables at all'} to {after}.")
    else:
        print(f"The database is up to date: {after}.")
