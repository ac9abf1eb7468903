"""The rules of on-site service and of the end of a monitoring, each by its row.

Rules of sections 2 (on-site service, options, after the job, yearly maintenance), 7.4 (warranty,
dispatch package, outcome, intervention times, maintenance) and 7.2 (immediate stop).
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from alerts import monitoring, open_tickets
from billing import charges, service_packages
from billing.packages import Maintenance, Package
from billing.services import Service
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours
from support import ticket_clock, tickets, visit_ends, visits, yearly_maintenance
from support.interventions import (
    Cover,
    CoverUndecided,
    MainOutcome,
    NotDocumented,
    SecondPersonNeeded,
)
from support.service_times import Standing
from support.ticket_clock import Target
from support.ticket_rounds import ServiceTickets
from support.tickets import TicketNoteKind, TicketState
from support.visits import VisitKind
from support.yearly_maintenance import MaintenanceState, YearlyMaintenance
from tests.support.conftest import HELEN, N1, NORTH, fill
from tests.support.test_visit_ends import priced
from tests.support.visiting import (
    OTTO,
    PACKAGE,
    TOM,
    documented,
    planned,
    sent,
    ticket_about,
    watched,
)


async def owed(db: AsyncSession) -> list[Decimal]:
    found = await charges.open_charges(db, debtor=charges.organisation(NORTH))
    return [each.charge.net.amount for each in found]


# ------------------------------------------------------------------------------- section 2


async def test_2_on_site_service_hands_over_coordinates_fault_analysis_and_contact(
    world: AsyncSession, clock: SetClock
) -> None:
    visit, secret = await sent(world, clock.now())
    handed = await visits.by_link(world, secret, clock.now())
    assert handed is not None
    assert handed.package == PACKAGE
    promises = (await ticket_clock.read(world, visit.ticket_id, clock.now())).promises
    assert Target.ON_SITE in {each.target for each in promises}  # in time: it has an end


@pytest.mark.parametrize(
    "outcome",
    [MainOutcome.SURROUNDINGS_RESTORED, MainOutcome.PARTS_REPLACED, MainOutcome.RECONFIGURED],
)
async def test_2_three_options_on_site_and_foreign_sources_only_with_consent(
    world: AsyncSession, clock: SetClock, outcome: MainOutcome
) -> None:
    visit, _ = await sent(world, clock.now())
    at = clock.now()
    foreign = [MainOutcome.FOREIGN_SOURCE_REMOVED]
    with pytest.raises(InvalidInput, match="consent"):
        await visits.document(world, visit.id, foreign, text="x", by_name="Tom", now=at)
    made = await visits.document(
        world, visit.id, foreign, text="x", consent="Mr Nord, by mail", by_name="Tom", now=at
    )
    assert made.consent == "Mr Nord, by mail"
    made = await visits.document(world, visit.id, [outcome], text="x", by_name="Tom", now=at)
    assert made.outcome is outcome


@pytest.mark.parametrize(
    ("cover", "charged"),
    [
        (Cover.CHARGEABLE, [Decimal("189.00")]),
        (Cover.WARRANTY, []),
        (Cover.GUARANTEE, []),
    ],
)
async def test_2_after_the_job_both_document_and_it_is_charged_unless_it_is_warranty(
    world: AsyncSession, clock: SetClock, cover: Cover, charged: list[Decimal]
) -> None:
    visit = await documented(world, clock, cover)
    with pytest.raises(InvalidInput):
        await visit_ends.close(world, visit, " ", work=Decimal(189), by=HELEN, now=clock.now())
    assert await owed(world) == []
    closed = await visit_ends.close(
        world, visit, "Asked back", work=Decimal(189), by=HELEN, now=clock.now()
    )
    assert (closed.technician_text, closed.agent_text) == ("Cable replaced", "Asked back")
    assert await owed(world) == charged


@pytest.mark.parametrize(
    ("maintenance", "charged"),
    [(Maintenance.FREE, []), (Maintenance.CHARGEABLE, [Decimal("149.00")])],
)
async def test_2_yearly_maintenance_is_free_or_charged_by_the_package(
    world: AsyncSession, clock: SetClock, maintenance: Maintenance, charged: list[Decimal]
) -> None:
    """The package of the day of the job decides: a later one changes nothing."""
    await priced(world, clock, Service.MAINTENANCE, "149")
    await packaged(world, clock.now() - timedelta(days=1), maintenance)
    visit = await documented(world, clock, kind=VisitKind.MAINTENANCE)
    await visit_ends.close(world, visit, "Done", by=HELEN, now=clock.now())
    assert await owed(world) == charged
    [job] = await service_packages.maintenances(world, N1)
    assert job.package == "comfort"
    assert (job.cost is None) == (not charged)


# ------------------------------------------------------------------------------ section 7.4


async def test_7_4_warranty_decision_before_the_job_later_only_with_a_second_person(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    visit = await planned(world, now)
    with pytest.raises(CoverUndecided):
        await visits.dispatch(world, visit.id, PACKAGE, TOM, by=HELEN, now=now)
    with pytest.raises(InvalidInput):
        await visits.decide(world, visit.id, Cover.WARRANTY, " ", by=HELEN, now=now)
    await visits.decide(world, visit.id, Cover.CHARGEABLE, "By a car", by=HELEN, now=now)
    free = await visits.decide(world, visit.id, Cover.WARRANTY, "New", by=HELEN, now=now)
    assert free.wanted is None  # before the job one person is enough
    await visits.dispatch(world, visit.id, PACKAGE, TOM, by=HELEN, now=now)
    asked = await visits.decide(world, visit.id, Cover.CHARGEABLE, "Car", by=HELEN, now=now)
    assert asked.cover is not None
    assert asked.cover.cover is Cover.WARRANTY
    with pytest.raises(SecondPersonNeeded):
        await visits.confirm_cover(world, visit.id, by=HELEN, now=now)
    await visits.document(
        world, visit.id, [MainOutcome.RECONFIGURED], text="x", by_name="Tom", now=now
    )
    with pytest.raises(SecondPersonNeeded):
        await visits.close(world, visit.id, "x", by=HELEN, now=now)
    changed = await visits.confirm_cover(world, visit.id, by=OTTO, now=now)
    assert changed.cover is not None
    assert (changed.cover.cover, changed.cover.second) == (Cover.CHARGEABLE, OTTO.id)
    assert changed.wanted is None


@pytest.mark.parametrize("missing", ["latitude", "longitude", "fault_analysis", "contact"])
async def test_7_4_dispatch_package_coordinates_fault_analysis_and_contact_are_mandatory(
    world: AsyncSession, clock: SetClock, missing: str
) -> None:
    visit = await planned(world, clock.now())
    await visits.decide(world, visit.id, Cover.WARRANTY, "New", by=HELEN, now=clock.now())
    lacking: dict[str, Any] = {missing: None if missing.endswith("tude") else " "}
    without = replace(PACKAGE, **lacking)
    with pytest.raises(InvalidInput) as refused:
        await visits.dispatch(world, visit.id, without, TOM, by=HELEN, now=clock.now())
    assert refused.value.field == missing
    made, _ = await visits.dispatch(world, visit.id, PACKAGE, TOM, by=HELEN, now=clock.now())
    assert made.package == PACKAGE


async def test_7_4_outcome_exactly_one_and_both_document_before_closing(
    world: AsyncSession, clock: SetClock
) -> None:
    visit, _ = await sent(world, clock.now())
    at = clock.now()
    both = [MainOutcome.RECONFIGURED, MainOutcome.PARTS_REPLACED]
    for wrong in ([], both):
        with pytest.raises(InvalidInput, match="exactly one"):
            await visits.document(world, visit.id, wrong, text="x", by_name="Tom", now=at)
    with pytest.raises(NotDocumented):
        await visits.close(world, visit.id, "Done", by=HELEN, now=at)
    await visits.document(
        world,
        visit.id,
        [MainOutcome.PARTS_REPLACED],
        text="Cable",
        measures="Cleaned, lock greased",
        by_name="Tom",
        now=at,
    )
    closed, _ = await visits.close(world, visit.id, "Done", by=HELEN, now=at)
    assert (closed.outcome, closed.measures) == ("parts_replaced", "Cleaned, lock greased")


async def test_7_4_intervention_times_by_package_with_hours_and_the_clock_stands_for_the_customer(
    world: AsyncSession,
) -> None:
    """The shipped example: 4 hours from afar, an answer next working day, 5 days to the site."""
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    await watched(world, monday)
    ticket = await ticket_about(world, monday)
    await visits.plan(world, ticket, VisitKind.REPAIR, by=HELEN, now=monday)
    read = await ticket_clock.read(world, ticket.id, monday)
    closing = time(17)  # 18 h in Berlin
    assert {each.target: each.due_at for each in read.promises} == {
        Target.REMOTE: monday + timedelta(hours=4),
        Target.ANSWER: datetime.combine(date(2026, 11, 24), closing, UTC),
        Target.ON_SITE: datetime.combine(date(2026, 11, 30), closing, UTC),
    }
    await ticket_clock.stop(world, ticket.id, "Give us a key", by=HELEN, now=monday)
    tuesday = monday + timedelta(days=1)
    stopped = await ticket_clock.read(world, ticket.id, tuesday)
    assert {each.standing for each in stopped.promises} == {Standing.STOPPED}
    await ticket_clock.resume(world, ticket.id, by=HELEN, now=tuesday)
    later = await ticket_clock.read(world, ticket.id, tuesday)
    assert {each.target: each.due_at for each in later.promises} == {
        Target.REMOTE: tuesday + timedelta(hours=4),
        Target.ANSWER: datetime.combine(date(2026, 11, 25), closing, UTC),
        Target.ON_SITE: datetime.combine(date(2026, 12, 1), closing, UTC),
    }


async def test_7_4_yearly_maintenance_is_due_twelve_months_after_the_last(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await world.execute(text("update stations set created_at = created_at - interval '400 days'"))

    async def of_n1() -> list[YearlyMaintenance]:
        return await yearly_maintenance.maintenances(world, WHOLE, now=now, stations=[N1])

    assert await of_n1() == []
    await packaged(world, now, Maintenance.CHARGEABLE)
    [first] = await of_n1()
    assert (first.last_on, first.state) == (None, MaintenanceState.OVERDUE)
    assert first.due_on < now.date()
    number, is_new = await yearly_maintenance.plan(world, first, by=HELEN, now=now)
    assert is_new
    assert await yearly_maintenance.plan(world, first, by=HELEN, now=now) == (number, False)
    [planned] = await of_n1()
    assert (planned.state, planned.ticket) == (MaintenanceState.PLANNED, number)
    assert planned.visit is not None
    await visits.cancel(world, planned.visit, by=HELEN, now=now)
    done = now.date()
    await service_packages.record_maintenance(
        world, N1, NORTH, done_on=done, note="", by=HELEN.id, now=now + timedelta(days=1)
    )
    [after] = await of_n1()
    assert (after.last_on, after.due_on) == (done, done.replace(year=done.year + 1))
    assert after.state is MaintenanceState.DONE


async def packaged(db: AsyncSession, now: datetime, maintenance: Maintenance) -> None:
    """Give the owner a package."""
    package = Package(
        key="comfort",
        name="Comfort",
        first_aid=True,
        hotline=True,
        dispatch=True,
        maintenance=maintenance,
        level=SHIPPED_LEVEL,
        hours=BusinessHours("Europe/Berlin"),
        valid_from=now,
    )
    await service_packages.define(db, package, by=HELEN.id, now=now)
    await service_packages.assign(
        db,
        "organisation",
        NORTH,
        "comfort",
        organisation=NORTH,
        valid_from=now,
        by=HELEN.id,
        now=now,
    )


# ------------------------------------------------------------------------------ section 7.2


async def test_7_2_immediate_stop_tickets_of_the_service_go_back_with_a_note(
    database: Database, clock: SetClock
) -> None:
    open_tickets.join_tickets(database, ServiceTickets())
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await watched(db, clock.now())
        ticket = await ticket_about(db, clock.now())
        assert ticket.of_service
        await monitoring.switch_off(db, StationId(N1), by=HELEN, now=clock.now())
        found = await tickets.ticket(db, WHOLE, ticket.id)  # the same unit of work
        assert (found.of_service, found.assigned_to) == (False, None)
        assert found.state is TicketState.OPEN
        assert found.notes[-1].kind is TicketNoteKind.HANDED_BACK
        later = await ticket_about(db, clock.now())
        assert not later.of_service
