"""Alerts that a ticket, first aid or a rule's deed refers to are named."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from support.alert_references import AlertReferences
from tests.support.conftest import NORTH, fill


async def test_what_a_ticket_came_from_is_referred_to_and_nothing_else(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await fill(db, now)
    for cause in ("A", "B"):
        await db.execute(
            text("""
                insert into alerts (organisation, detection, cause, severity, state, raised_at,
                    grown_at, repeated_at, repeats)
                values (:north, 'fault', :cause, 'fault', 'open', :now, :now, :now, 0)
            """),
            {"north": NORTH, "cause": cause, "now": now},
        )
    first, second = await db.scalars(text("select id from alerts order by id"))
    await db.execute(
        text("""
            insert into tickets (organisation, title, text, state, opened_at, opened_by,
                opened_by_name, alert_id, of_service)
            values (:north, 'x', 'x', 'open', :now, 'person/1', 'Lea', :alert, false)
        """),
        {"north": NORTH, "now": now, "alert": second},
    )
    assert await AlertReferences().referred(db, [first, second]) == {second}
    assert await AlertReferences().referred(db, []) == set()
