"""What happens to tickets by itself: from alerts, at a deactivation, when a time is over."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from alerts import alert_tables, monitoring, open_tickets
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.identifiers import StationId
from support import ticket_clock, ticket_rounds, tickets, visits
from support.ticket_clock import Target
from support.ticket_rounds import READER, ServiceTickets
from support.tickets import Ticket, TicketNoteKind
from support.visits import VisitKind, VisitState
from tests.support.conftest import HELEN, N1, NORTH, fill


@pytest.fixture
async def installation(database_url: str, clock: SetClock) -> AsyncIterator[Database]:
    """Stations of two owners; N-1 is monitored."""
    database = Database(database_url, routes={AlertChanged.kind: (READER,)}, pool_size=5)
    open_tickets.join_tickets(database, ServiceTickets())
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await monitoring.switch_on(db, N1, NORTH, by=HELEN, per_month=None, now=clock.now())
    yield database
    await database.close()


async def told(
    database: Database, clock: SetClock, change: str, *, monitored: bool = True, **more: object
) -> None:
    """Let an alert change, and the reader hear of it."""
    async with database.unit_of_work() as db:
        known = await db.get(alert_tables.AlertRow, 1)
        if known is None:
            db.add(_alert(clock))
            await db.flush()
        event = AlertChanged(
            happened_at=clock.now(),
            alert_id=1,
            organisation=NORTH,
            detection="fault",
            cause="GroundFailure",
            severity=str(more.get("severity", "fault")),
            change=change,
            stations=(N1,),
            location=None,
            monitored=monitored,
            by=HELEN.id if change == "escalated" else None,
            by_name=HELEN.name if change == "escalated" else None,
            note="please go there" if change == "escalated" else None,
        )
        await outbox.append(db, [event], recorded_at=clock.now())
    await outbox.deliver(database, ticket_rounds.subscription(clock), clock)


def _alert(clock: SetClock) -> alert_tables.AlertRow:
    at = clock.now()
    return alert_tables.AlertRow(
        organisation=NORTH,
        detection="fault",
        cause="GroundFailure",
        severity="fault",
        state="open",
        station=N1,
        raised_at=at,
        grown_at=at,
        repeated_at=at,
        repeats=0,
    )


async def all_tickets(database: Database) -> list[Ticket]:
    async with database.unit_of_work() as db:
        return [
            await tickets.ticket(db, WHOLE, each.id) for each in await tickets.tickets(db, WHOLE)
        ]


async def test_a_monitored_alert_opens_one_ticket_and_its_end_is_a_line(
    installation: Database, clock: SetClock
) -> None:
    for change in ("raised", "repeated", "grown", "escalated"):
        await told(installation, clock, change)
    [ticket] = await all_tickets(installation)
    assert (ticket.alert_id, ticket.station, ticket.organisation) == (1, N1, NORTH)
    assert ticket.title == "Störung: Erdschluss"  # the owner reads German
    assert ticket.of_service
    await told(installation, clock, "recovered")
    [ticket] = await all_tickets(installation)
    assert ticket.state == "open"
    assert ticket.notes[-1].text == "Der Alarm hat sich von selbst erledigt."


@pytest.mark.parametrize(
    ("change", "monitored", "severity", "opens"),
    [
        ("raised", True, "warning", True),
        ("raised", True, "info", False),
        ("raised", False, "fault", False),
        ("acknowledged", True, "fault", False),
        ("escalated", False, "info", True),
        ("recovered", True, "fault", False),
    ],
)
async def test_which_alerts_are_somebodys_to_see_to(
    installation: Database,
    clock: SetClock,
    change: str,
    monitored: bool,
    severity: str,
    opens: bool,
) -> None:
    await told(installation, clock, change, monitored=monitored, severity=severity)
    assert len(await all_tickets(installation)) == opens


async def opened(db: AsyncSession, clock: SetClock, station: StationId = N1) -> Ticket:
    return await tickets.open_ticket(
        db,
        WHOLE,
        title="Dark",
        station=station,
        organisation=NORTH,
        by=HELEN,
        now=clock.now(),
    )


async def test_at_a_deactivation_tickets_of_the_service_go_back_in_the_same_unit_of_work(
    installation: Database, clock: SetClock
) -> None:
    async with installation.unit_of_work() as db:
        open_one = await opened(db, clock)
        visit = await visits.plan(db, open_one, VisitKind.REPAIR, by=HELEN, now=clock.now())
        done = await opened(db, clock)
        await tickets.close(db, done.id, "Lamp", by=HELEN, now=clock.now())

    async def broken_off() -> None:
        async with installation.unit_of_work() as db:
            await monitoring.switch_off(db, N1, by=HELEN, now=clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken_off()
    assert all(each.of_service for each in await all_tickets(installation))
    async with installation.unit_of_work() as db:
        await monitoring.switch_off(db, N1, by=HELEN, now=clock.now())
        found = await tickets.ticket(db, WHOLE, open_one.id)
        assert not found.of_service
        assert found.assigned_to is None
        assert found.notes[-1].kind is TicketNoteKind.HANDED_BACK
        assert "Betreiber" in found.notes[-1].text
        assert (await ticket_clock.read(db, open_one.id, clock.now())).promises == ()
        assert (await visits.visit(db, WHOLE, visit.id)).state is VisitState.CANCELLED
        assert (await tickets.ticket(db, WHOLE, done.id)).of_service  # it was done by it


async def test_a_promised_time_that_is_over_is_noted_once_and_not_while_the_customer_has_to_act(
    installation: Database, clock: SetClock
) -> None:
    async with installation.unit_of_work() as db:
        first, second = await opened(db, clock), await opened(db, clock)
        await ticket_clock.stop(db, second.id, "Give us a key", by=HELEN, now=clock.now())
    watch = ticket_rounds.watching(installation, clock)
    clock.advance(timedelta(hours=4, seconds=1))
    await watch()
    await watch()
    async with installation.unit_of_work() as db:
        assert len((await tickets.ticket(db, WHOLE, first.id)).notes) == 1
        assert (await tickets.ticket(db, WHOLE, second.id)).notes == ()
        await ticket_clock.resume(db, second.id, by=HELEN, now=clock.now())
        await ticket_clock.met(db, second.id, Target.REMOTE, clock.now())
        remote, _ = (await ticket_clock.read(db, second.id, clock.now())).promises
        assert remote.standing == "met"
