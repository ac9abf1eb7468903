"""Jobs on the real database: set up, due by the site's clock, run once, found and over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import detecting
from alerts.detecting import (
    GroupInUse,
    GroupNameTaken,
    Rounds,
    Span,
    UnknownChargePoint,
    point_of,
)
from alerts.detection_jobs import (
    Check,
    Group,
    Job,
    NothingToCompare,
    Point,
    PointFacts,
    Remark,
    RemarkKind,
)
from alerts.job_store import Run
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from tests.alerts.watch import NORTH, SOUTH, Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name

BERLIN, LONDON = "Europe/Berlin", "Europe/London"
SOMEBODY = Actor("person/1", "Somebody", "portal", None)
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
A, B = StationId("A"), StationId("B")


@dataclass
class Yard:
    """What charge points did, as a test says it."""

    points: dict[str, list[PointFacts]] = field(default_factory=dict)
    """By time zone."""
    heard: datetime | None = NOON + timedelta(days=30)
    asked: list[tuple[str, Span]] = field(default_factory=list)

    async def time_zones(self, db: AsyncSession, organisations: Any, **_: Any) -> Sequence[str]:
        """Return the zones in which there are some."""
        return sorted(self.points)

    async def sizes(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        points: Sequence[tuple[int, StationId, int]],
    ) -> Mapping[int, int]:
        """Return that every entry is one charge point."""
        found: dict[int, int] = {}
        for number, _, _ in points:
            found[number] = found.get(number, 0) + 1
        return found

    async def heard_at(self, db: AsyncSession) -> datetime | None:
        """Return when anybody was heard."""
        return self.heard

    async def facts(
        self, db: AsyncSession, organisations: Any, *, time_zone: str, span: Span, **_: Any
    ) -> Sequence[PointFacts]:
        """Return what was said of a zone."""
        self.asked.append((time_zone, span))
        return self.points.get(time_zone, [])


def silent(station: StationId = A) -> PointFacts:
    """A charge point that was last heard the day before."""
    return PointFacts(
        station=station,
        evse_id=1,
        organisation=NORTH,
        location=None,
        rated_power_w=Decimal(11_000),
        last_heard_at=NOON - timedelta(days=1),
        known_since=NOON - timedelta(days=100),
    )


def job(**changes: Any) -> Job:
    """Every day at ten, of the last four hours."""
    usual: dict[str, Any] = {
        "organisation": NORTH,
        "name": "Morning",
        "execute_at": time(10),
        "hours": 4,
        "checks": frozenset({Check.NO_MESSAGE}),
    }
    return Job(**(usual | changes))


@dataclass
class Desk:
    """The watch with its charge points, and a clock that is moved."""

    watch: Watch
    yard: Yard
    clock: SetClock
    rounds: Rounds

    async def set(self, wanted: Job) -> Job:
        """Set a job up."""
        async with self.watch.database.unit_of_work() as db:
            return (await detecting.set_job(db, wanted, by=SOMEBODY, now=self.clock.now())).job

    async def group(self, *points: Point, name: str = "Roof", number: int = 0) -> Group:
        """Make or change a group."""
        async with self.watch.database.unit_of_work() as db:
            return await detecting.set_group(
                db, Group(number, NORTH, name, points), by=SOMEBODY, now=self.clock.now()
            )

    async def at(self, moment: datetime) -> list[str]:
        """Let a round come at a moment; return what was told."""
        self.clock.at = moment
        await self.rounds()
        return await self.watch.changes()

    async def ran(self, number: int) -> list[Run]:
        """Return the runs of a job, the newest first."""
        async with self.watch.database.unit_of_work() as db:
            return await detecting.runs(db, number)

    async def next_at(self, number: int) -> datetime | None:
        """Return when a job runs next."""
        async with self.watch.database.unit_of_work() as db:
            return (await detecting.job(db, WHOLE, number)).next_at


@pytest.fixture
async def desk(watch: Watch, clock: SetClock) -> Desk:
    """Station A is silent in Berlin; it is noon UTC of 15 October."""
    yard = Yard({BERLIN: [silent()]})
    detecting.join(watch.database, yard)
    async with watch.database.unit_of_work() as db:
        for each in (A, B):
            await db.execute(
                text("""
                    insert into stations (identity, time_zone, admission, boot_policy,
                        security_profile, aliases, items_per_message, free_vend, created_at)
                    values (:identity, 'Europe/Berlin', 'accepted', 'accept', 1, '{}', '{}',
                        false, :now)
                """),
                {"identity": each, "now": clock.now()},
            )
    return Desk(watch, yard, clock, Rounds(watch.database, clock))


async def test_a_job_runs_at_its_time_looks_at_its_hours_and_keeps_its_run(desk: Desk) -> None:
    made = await desk.set(job())
    due = datetime(2026, 10, 16, 8, tzinfo=UTC)  # ten o'clock in Berlin
    assert await desk.next_at(made.id) == due
    assert await desk.at(due - timedelta(minutes=1)) == []
    assert await desk.at(due) == ["raised"]
    assert await desk.at(due + timedelta(minutes=1)) == []
    assert desk.yard.asked == [(BERLIN, (due - timedelta(hours=4), due))]
    [run] = await desk.ran(made.id)
    assert (run.due_at, run.ran_at, run.points) == (due, due, 1)
    assert [(each.station, each.checks) for each in run.found] == [(A, (Check.NO_MESSAGE,))]
    assert await desk.next_at(made.id) == due + timedelta(days=1)


async def test_what_a_job_found_is_over_when_its_next_run_does_not_find_it(desk: Desk) -> None:
    await desk.set(job())
    assert await desk.at(datetime(2026, 10, 16, 8, tzinfo=UTC)) == ["raised"]
    assert "recovered" not in await desk.at(datetime(2026, 10, 17, 8, tzinfo=UTC))
    desk.yard.points[BERLIN] = []
    back = datetime(2026, 10, 18, 8, tzinfo=UTC)
    told = await desk.at(back)
    await desk.watch.settle(back + timedelta(hours=3))
    assert [*told, *await desk.watch.changes()] == ["recovered"]


async def test_a_job_that_was_missed_for_days_runs_once_on_return_and_when_all_settled(
    desk: Desk,
) -> None:
    made = await desk.set(job())
    back = datetime(2026, 10, 19, 9, tzinfo=UTC)
    desk.clock.at = back
    desk.rounds = Rounds(desk.watch.database, desk.clock)
    assert await desk.at(back + timedelta(minutes=14)) == []
    assert await desk.at(back + timedelta(minutes=15)) == ["raised"]
    assert await desk.at(back + timedelta(minutes=16)) == []
    [run] = await desk.ran(made.id)
    assert run.due_at == datetime(2026, 10, 19, 8, tzinfo=UTC)
    assert await desk.next_at(made.id) == datetime(2026, 10, 20, 8, tzinfo=UTC)


async def test_a_job_is_due_by_the_clock_of_each_site(desk: Desk) -> None:
    desk.yard.points[LONDON] = [silent(B)]
    made = await desk.set(job())
    eight, nine = (datetime(2026, 10, 16, each, tzinfo=UTC) for each in (8, 9))
    assert await desk.at(eight) == ["raised"]
    assert await desk.at(nine) == ["raised"]  # another station; A's fault stays
    assert [each.time_zone for each in await desk.ran(made.id)] == [LONDON, BERLIN]
    assert [each[0] for each in desk.yard.asked] == [BERLIN, LONDON]


async def test_a_job_that_is_changed_switched_off_or_taken_away(desk: Desk) -> None:
    made = await desk.set(job())
    await desk.at(datetime(2026, 10, 16, 8, tzinfo=UTC))
    later = await desk.set(replace(made, execute_at=time(22)))
    assert await desk.next_at(made.id) == datetime(2026, 10, 16, 20, tzinfo=UTC)
    await desk.set(replace(later, is_active=False))
    assert await desk.next_at(made.id) is None
    now = desk.clock.now()
    await desk.watch.settle(now + timedelta(hours=3))
    assert await desk.watch.changes() == ["recovered"]
    async with desk.watch.database.unit_of_work() as db:
        await detecting.remove_job(db, made.id, by=SOMEBODY, now=now)
        with pytest.raises(NotFound):
            await detecting.job(db, WHOLE, made.id)
    assert len(await desk.ran(made.id)) == 1
    assert await desk.at(datetime(2026, 10, 16, 20, tzinfo=UTC)) == []


async def test_groups_have_stations_of_their_own_side_and_one_name(desk: Desk) -> None:
    roof = await desk.group(Point(A), Point(B, 2), Point(A))
    assert [(each.station, each.evse_id) for each in roof.points] == [(A, 0), (B, 2)]
    with pytest.raises(GroupNameTaken):
        await desk.group(Point(A), name="ROOF")
    desk.watch.places.moved["B"] = SOUTH
    with pytest.raises(UnknownChargePoint, match="'B'"):
        await desk.group(Point(B), name="Other")
    for name, points in (("", (Point(A),)), ("Empty", ())):
        with pytest.raises(InvalidInput):
            await desk.group(*points, name=name)


async def test_a_comparison_by_a_group_of_one_is_refused_and_a_group_in_use_stays(
    desk: Desk,
) -> None:
    one = await desk.group(Point(A))
    wanted = job(checks=frozenset({Check.COMPARISON}), groups=(one,))
    with pytest.raises(NothingToCompare):
        await desk.set(wanted)
    two = await desk.group(Point(A), Point(B), number=one.id)
    made = await desk.set(replace(wanted, groups=(two,)))
    with pytest.raises(NothingToCompare):
        await desk.group(Point(A), number=one.id)
    async with desk.watch.database.unit_of_work() as db:
        with pytest.raises(GroupInUse, match="Morning"):
            await detecting.remove_group(db, one.id)
        await detecting.remove_job(db, made.id, by=SOMEBODY, now=NOON)
        await detecting.remove_group(db, one.id)
        assert await detecting.groups(db, WHOLE) == []


async def test_a_group_of_somebody_else_and_an_unknown_site_meter_are_refused(desk: Desk) -> None:
    roof = await desk.group(Point(A), Point(B))
    with pytest.raises(NotFound):
        await desk.set(job(organisation=SOUTH, groups=(roof,)))
    desk.watch.places.moved["B"] = SOUTH
    with pytest.raises(InvalidInput) as refused:
        await desk.set(job(site_meter=B))
    assert refused.value.field == "site_meter"
    assert (await desk.set(job(site_meter=A))).site_meter == A


async def test_what_could_not_be_said_is_kept_with_the_run(desk: Desk) -> None:
    desk.yard.heard = NOON - timedelta(days=2)
    made = await desk.set(job())
    assert await desk.at(datetime(2026, 10, 16, 8, tzinfo=UTC)) == []
    [run] = await desk.ran(made.id)
    assert run.remarks == (Remark(RemarkKind.NOTHING_HEARD, ""),)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("A", Point(A)),
        (" A/2 ", Point(A, 2)),
        ("A/B", Point(StationId("A/B"))),
        ("A/B/1", Point(StationId("A/B"), 1)),
    ],
)
def test_charge_points_are_written_as_station_and_number(text: str, point: Point) -> None:
    assert point_of(text) == point
