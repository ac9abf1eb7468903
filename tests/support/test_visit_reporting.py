"""The report of a closed visit reaches the owner once."""

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from support import visit_ends, visit_papers, visit_reporting, visits
from support.visit_papers import Exchanged
from support.visits import WrongVisitState
from tests.support.conftest import HELEN
from tests.support.test_visit_pictures import picture
from tests.support.visiting import documented


async def test_a_closed_visit_is_reported_once_with_its_photos_and_its_price(
    world: AsyncSession, clock: SetClock, database: Database
) -> None:
    visit = await documented(world, clock)
    now = clock.now()
    for number in range(visit_reporting.PICTURES_AT_MOST + 2):
        content = picture("PNG", (10 + number, 10))
        await visit_papers.add_photo(
            world, visit.id, content, f"No. {number}", by_name="Tom", now=now
        )
    await visit_papers.add_photo(world, visit.id, b"\xff\xd8\xff", "", by_name="Tom", now=now)
    await visit_papers.add_exchange(
        world,
        visit.id,
        Exchanged.METER,
        1,
        last_wh=Decimal(1000),
        first_wh=Decimal(0),
        serial_number=None,
        by_name="Tom",
        now=now,
    )
    open_one = await visits.visit(world, WHOLE, visit.id)
    with pytest.raises(WrongVisitState):
        await visit_reporting.report_of(world, open_one)
    await visit_ends.close(world, visit, "Fine", work=Decimal("99.5"), by=HELEN, now=now)
    closed = await visits.visit(world, WHOLE, visit.id)

    report = await visit_reporting.report_of(world, closed)
    assert (report.language, str(report.work), report.parts) == ("de", "99.50 EUR", None)
    assert len(report.pictures) == visit_reporting.PICTURES_AT_MOST
    assert report.more_pictures == 3  # the broken one among them
    assert len(closed.exchanges) == 1
    assert (await visit_reporting.report_of(world, closed, language="en")).language == "en"

    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings.read())
    for _ in range(2):
        await visit_reporting.send(world, mails, closed, link="https://x.example/visit")
    found = (await world.execute(text("select recipient, subject, language from mails"))).all()
    assert [tuple(each)[::2] for each in found] == [("leitung@nord.example", "de")]
