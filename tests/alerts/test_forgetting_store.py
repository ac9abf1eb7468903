"""What is deleted leaves nothing that points at it."""

from sqlalchemy import text

from alerts import forgetting_store
from alerts.detections import Detection
from tests.alerts.telling import Telling
from tests.alerts.telling import telling as telling
from tests.alerts.watch import MINUTE, T0, finding
from tests.alerts.watch import watch as watch


async def test_what_went_along_with_a_forgotten_message_stays_with_its_alert(
    telling: Telling,
) -> None:
    await telling.credit(2)
    await telling.enter(bundles=True)
    for cause in ("A", "B"):
        await telling.happens(finding(detection=Detection.SECURITY, cause=cause))
    await telling.passes(T0 + 10 * MINUTE)
    async with telling.database.unit_of_work() as db:
        assert await forgetting_store.notices_of(db, [1, 2]) == {1: 1, 2: 2}
        assert await forgetting_store.still_telling(db, [1, 2]) == set()
        await db.execute(text("update alerts set state = 'recovered', over_at = raised_at"))
        over = await forgetting_store.over(db, T0 + MINUTE, after=0, limit=9)
        assert over == [1, 2]
        await forgetting_store.forget(db, [1])
        left = await db.execute(text("select alert, state, carried_by from alert_notices"))
        assert [tuple(each) for each in left] == [(2, "sent", None)]
