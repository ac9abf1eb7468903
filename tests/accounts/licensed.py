"""Accounts for tests: applied for by one, approved by another; metering points that are counted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import approvals, directory, licensing
from accounts.applications import Application, NewAccount, Wanted
from accounts.audit import Actor
from accounts.licences import Licence
from accounts.tiers import MeteringPoint, PointKind
from foundation.identifiers import OrganisationKey

APPLICANT = Actor("person/1", "Anna", "portal", None)
DECIDER = Actor("person/2", "Ben", "portal", None)
NORTH = OrganisationKey("north")


@dataclass
class Points:
    """What is metered, as the test says."""

    found: list[MeteringPoint] = field(default_factory=list)

    async def points(
        self, db: AsyncSession, organisations: Collection[OrganisationKey]
    ) -> Sequence[MeteringPoint]:
        return self.found


def connectors(count: int, *, datapoints: int = 1) -> Points:
    """So many connectors of charging stations."""
    return Points(
        [
            MeteringPoint(f"CS-{number}/1/1", PointKind.OCPP_POINT, datapoints=datapoints)
            for number in range(count)
        ]
    )


def new_account(**facts: object) -> NewAccount:
    """A plain account with some facts changed."""
    given: dict[str, object] = {
        "name": "North",
        "customer": "North GmbH",
        "licence": Licence.BUSINESS,
        **facts,
    }
    return NewAccount(**given)  # type: ignore[arg-type]


async def made_north(db: AsyncSession, now: datetime, *, country: str = "DE") -> None:
    """A root organisation and `north` below it, which has a mail address."""
    await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=now,
    )
    await directory.create_organisation(
        db, "north", {"name": "North", "country": country, "email": "office@north.example"}, now=now
    )


async def granted(
    db: AsyncSession,
    wanted: Wanted,
    now: datetime,
    *,
    points: Points | None = None,
    organisation: OrganisationKey = NORTH,
) -> Application:
    """What was applied for, and approved by somebody else."""
    source = points or Points()
    made = await licensing.apply(db, source, organisation, wanted, by=APPLICANT, now=now)
    return await approvals.approve(db, source, made.id, by=DECIDER, now=now)
