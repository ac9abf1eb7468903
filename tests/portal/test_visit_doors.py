"""Visits and maintenances as people see to them, whatever the door."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from billing.packages import Maintenance
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from portal import visit_doors
from portal.context import PortalContext
from support import visits
from tests.portal.test_credit_doors import owner_of
from tests.support.conftest import N1, NORTH, S1, SOUTH, fill
from tests.support.test_rules_of_visits import packaged
from tests.support.visiting import documented


async def test_maintenances_are_planned_for_what_one_sees_and_a_closed_visit_is_reported(
    database: Database, context: PortalContext, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await fill(db, clock.now() - timedelta(days=1))
        await packaged(db, clock.now(), Maintenance.FREE)
        caller = owner_of("north")
        [(station, ticket, is_new)] = await visit_doors.plan_maintenances(
            db, caller, [N1], now=clock.now()
        )
        assert (station, is_new) == (N1, True)
        again = await visit_doors.plan_maintenances(db, caller, [N1], now=clock.now())
        assert again == [(N1, ticket, False)]
        for stranger, wanted in ((SOUTH, N1), (NORTH, S1), (SOUTH, S1)):
            with pytest.raises(NotFound):
                await visit_doors.plan_maintenances(
                    db, owner_of(stranger), [wanted], now=clock.now()
                )
        visit = await documented(db, clock)
        closed = await visit_doors.close(
            db,
            caller,
            context,
            visit,
            "Fine",
            work=Decimal("99.50"),
            parts=None,
            now=clock.now(),
        )
        assert (await visits.visit(db, WHOLE, closed.id)).state == "closed"
        told = await db.execute(text("select recipient, body_text from mails"))
        [(recipient, body)] = told
        assert recipient == "leitung@nord.example"
        assert f"/support/visits/{closed.id}" in body
        deeds = await db.scalars(text("select deed from audit_entries order by id"))
        assert list(deeds) == ["ticket.open", "visit.plan", "visit.close"]
