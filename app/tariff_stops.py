"""Joins billing's due stops and the stations that are asked for them."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from accounts.directory import WHOLE
from billing import stops
from csms import charging, remote
from csms.remote import Request
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError

log = structlog.get_logger(__name__)

CRON: Final = "* * * * *"
BY: Final = "tariff"


def stop_due(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job that asks stations to stop what its tariff or its place's hours end."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            for due in await stops.take_due(db, now=clock.now()):
                running = await charging.transaction(db, WHOLE, due.transaction_id)
                if running.ended_at is not None:
                    continue
                if running.ocpp_version == "1.6":
                    payload: dict[str, Any] = {"transactionId": int(due.transaction_id)}
                    action = "RemoteStopTransaction"
                else:
                    payload, action = {"transactionId": running.ref}, "RequestStopTransaction"
                try:
                    await remote.ask(
                        db,
                        Request(
                            station=running.station,
                            action=action,
                            payload=payload,
                            asked_by=BY,
                            asked_by_name="Tariff",
                            door="system",
                            asker_organisation=running.owner,
                            reason="system",
                            until_ended=True,
                            idempotency_key=f"tariff/{due.transaction_id}",
                        ),
                        now=clock.now(),
                    )
                except ExpectedError as refused:
                    log.warning(
                        "tariff_stop.refused",
                        transaction=due.transaction_id,
                        reason=str(refused),
                    )

    return run
