"""The run at month end: closes every payee's last month once it is over in his zone.

It comes round every few minutes and does what is due by the Clock, so a run that was missed, or
that found events still on their way, is made up for by the next one, for a week; an older month is
closed by a person, who knows why it was not. Closing is idempotent: two processes at once issue
one statement.
"""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from accounts import directory
from billing.closing import Closing, DeliveriesPending
from billing.months import Month
from billing.vat import UnknownVatRate
from foundation.clock import Clock
from foundation.database import Database

log = structlog.get_logger(__name__)

CRON: Final = "*/10 * * * *"

MADE_UP_FOR: Final = timedelta(days=7)
"""How long after a month's end the run still closes it by itself."""


async def close_due(database: Database, closing: Closing, clock: Clock) -> list[str]:
    """Close what is due now; return the ids of the statements that were issued or stood already.

    Each payee's month is closed in a unit of work of its own: one that cannot be closed yet, or
    that a person must look into, holds back no other.
    """
    async with database.unit_of_work() as db:
        payees = await directory.organisations(db)
    issued: list[str] = []
    for payee in payees:
        zone = ZoneInfo(payee.time_zone)
        month = Month.of(clock.now(), zone).previous
        if clock.now() - month.end(zone) > MADE_UP_FOR:
            continue
        try:
            async with database.unit_of_work() as db:
                statements = await closing.close(db, payee.key, str(month), now=clock.now())
        except DeliveriesPending as pending:
            log.info("month_end.waits", payee=payee.key, month=str(month), reason=str(pending))
        except UnknownVatRate as unknown:
            log.error("month_end.refused", payee=payee.key, month=str(month), reason=str(unknown))
        else:
            issued += [each.statement_id for each in statements]
    return issued
