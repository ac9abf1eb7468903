"""A step at a station that the program asks for by itself, under somebody's setting.

The setting is the order, and its command names it; a step needs none that is written, either.
"""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import remote
from csms.queue import Command, Request
from csms.registry import Station
from foundation.identifiers import OrganisationKey
from support.first_aid import Step, command_for

_EXPIRES_IN_S: Final = 60
"""A step is for this moment: somebody may plug in soon."""
_HOUR_S: Final = 3600


async def ask_step(
    db: AsyncSession,
    step: Step,
    station: Station,
    *,
    evse_id: int | None,
    connector_id: int | None,
    hours: int,
    asker: str,
    asker_name: str,
    organisation: OrganisationKey,
    reference: str,
    key: str,
    now: datetime,
) -> Command | None:
    """Ask a station for a step; None where it means nothing.

    Args:
        db: The unit of work.
        step: Which.
        station: Which.
        evse_id: Where; 0 or None: the station itself.
        connector_id: Its connector; None: unknown.
        hours: After how many a station that is put out of service is put back.
        asker: Which part of the program.
        asker_name: What it is called.
        organisation: Whose setting it is.
        reference: The setting, and what it is about.
        key: The same for the same step.
        now: The moment.

    Raises:
        ExpectedError: As `csms.remote.ask` says.
    """
    wanted = command_for(step, station.ocpp_version, evse_id=evse_id, connector_id=connector_id)
    if wanted is None:
        return None
    action, payload = wanted
    return await remote.ask(
        db,
        Request(
            station=station.identity,
            action=action,
            payload=payload,
            asked_by=asker,
            asked_by_name=asker_name,
            door="system",
            asker_organisation=organisation,
            reason="system",
            reference=reference,
            expires_in_s=_EXPIRES_IN_S,
            idempotency_key=key,
            ends_in_s=hours * _HOUR_S if step is Step.OUT_OF_SERVICE else None,
        ),
        now=now,
    )
