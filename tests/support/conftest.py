"""An operator, two owners who know nothing of each other, and their stations."""

from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import OrganisationFacts
from csms import administration
from csms.administration import ConnectorSettings, EvseSettings, StationSettings
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey, StationId

OPERATOR, NORTH, SOUTH = (OrganisationKey(key) for key in ("operator", "north", "south"))
N1, N2, S1 = (StationId(key) for key in ("N-1", "N-2", "S-1"))

HELEN = Actor("person/2", "Helen", "portal", None)
"""An agent of the operator."""
NORA = Actor("person/3", "Nora", "portal", None)
"""An authorised person of north."""


async def fill(db: AsyncSession, now: datetime) -> None:
    """Write the organisations and stations."""
    await directory.ensure_root(
        db,
        key=OPERATOR,
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=now,
    )
    north: OrganisationFacts = {
        "name": "Stadtwerke Nord",
        "email": "leitung@nord.example",
        "language": "de",
    }
    await directory.create_organisation(db, NORTH, north, now=now)
    await directory.create_organisation(
        db, SOUTH, {"name": "South Parking", "email": "desk@south.example"}, now=now
    )
    for identity, owner, emi3 in (
        (N1, NORTH, "DE*ABC*E1001"),
        (N2, NORTH, "DE*ABC*E1002"),
        (S1, SOUTH, "DE*XYZ*E9*1"),
    ):
        await administration.create_station(
            db,
            identity,
            owner,
            StationSettings(
                evses=[
                    EvseSettings(
                        evse_id=1, emi3_id=emi3, connectors=[ConnectorSettings(connector_id=1)]
                    )
                ]
            ),
            password=None,
            time_zone="Europe/Berlin",
            now=now,
        )


@pytest.fixture
async def world(db: AsyncSession, clock: SetClock) -> AsyncSession:
    """The test's unit of work with organisations and stations."""
    await fill(db, clock.now())
    return db
