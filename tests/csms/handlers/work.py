"""What the tests of handlers share: a unit of work with stations, and reports from JSON."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms import administration
from csms.administration import StationSettings, TokenSettings
from csms.handlers.context import CostEstimator, CostPace, HandlerContext
from csms.reports import OcppVersion, Report
from foundation.clock import SetClock
from foundation.events import EVENTS
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import event_from
from tests.csms.ocpp.said import said

R = TypeVar("R", bound=Report)
T = TypeVar("T")

OWNER = OrganisationKey("root")
GOOD, BLOCKED, EXPIRED, NO_CREDIT, INVALID = "GOOD", "BLOCKED", "EXPIRED", "NOCREDIT", "INVALID"


@dataclass
class Work:
    """A unit of work, its clock, and ways to say and to look."""

    db: AsyncSession
    clock: SetClock
    costs: CostEstimator | None = None
    token_concurrency: int = 1
    onboarding: str = "pending"

    @property
    def context(self) -> HandlerContext:
        return HandlerContext(
            clock=self.clock,
            node="node",
            heartbeat_interval_s=300,
            pending_interval_s=60,
            default_organisation=OWNER,
            admit_unknown=self.onboarding,
            waiting_stations_max=10,
            token_concurrency=self.token_concurrency,
            cost_pace=CostPace(timedelta(seconds=60)),
            costs=self.costs,
        )

    def report(
        self,
        version: OcppVersion,
        action: str,
        payload: Any,
        kind: type[R],
        *,
        station: str = "CS-1",
        received_at: datetime | None = None,
    ) -> R:
        """Return the report that a station makes now."""
        made = said(version, action, payload, kind)
        origin = replace(
            made.origin,
            station=StationId(station),
            received_at=received_at or self.clock.now(),
            raw=f'[2,"m","{action}",{payload!r}]',
        )
        return replace(made, origin=origin)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self.db.execute(text(query), values)).mappings()]

    async def told(self, kind: type[T]) -> list[T]:
        """Return the events of a kind that are in the journal."""
        name = kind.kind  # type: ignore[attr-defined]
        assert name in EVENTS
        found = await self.rows("select payload from journal where kind = :k order by id", k=name)
        events: list[Any] = [event_from(name, row["payload"]) for row in found]
        return events


async def set_up(work: Work) -> None:
    now = work.clock.now()
    await directory.ensure_root(
        work.db,
        key=OWNER,
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=now,
    )
    for identity in ("CS-1", "CS-2"):
        await administration.create_station(
            work.db, identity, OWNER, StationSettings(), password=None, time_zone="UTC", now=now
        )
    await administration.set_id_tokens(
        work.db,
        [
            TokenSettings(id_token=GOOD, organisation=OWNER, group_id="FAMILY"),
            TokenSettings(id_token=BLOCKED, organisation=OWNER, status="blocked"),
            TokenSettings(id_token=INVALID, organisation=OWNER, status="invalid"),
            TokenSettings(id_token=NO_CREDIT, provider="DE*ABC", status="no_credit"),
            TokenSettings(
                id_token=EXPIRED, organisation=OWNER, valid_until=now - timedelta(seconds=1)
            ),
        ],
        now=now,
    )
