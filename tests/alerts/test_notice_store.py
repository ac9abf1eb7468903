"""What was, is or will be told of an alert is read back for its page."""

from alerts import notice_store as store
from alerts.life import Change
from alerts.notices import Notice, NoticeState
from tests.alerts.telling import LEA_NUMBER, Telling
from tests.alerts.telling import telling as telling
from tests.alerts.watch import HOUR, T0, finding
from tests.alerts.watch import watch as watch


async def test_a_notice_is_decided_once_and_its_fate_is_kept(telling: Telling) -> None:
    entry = await telling.enter(after_minutes=60)
    await telling.happens(finding())
    async with telling.database.unit_of_work() as db:
        again = Notice(alert=1, recipient=entry.id, occasion=Change.RAISED, due_at=T0)
        assert await store.add_notices(db, [again], T0) == []
        assert await store.due(db, T0) == []
        [waiting] = await store.due(db, T0 + HOUR)
        assert await store.held(db, waiting.id) == waiting
        assert await store.held(db, 99) is None
        await store.settle(db, [waiting.id], NoticeState.FAILED, T0 + HOUR, error="gone")
        [told] = await store.told(db, 1)
    assert (told.target, told.entered_by_name, told.state) == (LEA_NUMBER, "Lea", "failed")
    assert (told.settled_at, told.error) == (T0 + HOUR, "gone")
