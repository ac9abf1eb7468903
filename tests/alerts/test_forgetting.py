"""Alerts are forgotten once nobody needs them; what somebody refers to never is."""

from collections.abc import Collection
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from alerts import forgetting
from alerts.detections import Detection
from alerts.notices import Channel
from tests.alerts.telling import Telling
from tests.alerts.telling import telling as telling
from tests.alerts.watch import HOUR, MINUTE, T0, finding
from tests.alerts.watch import watch as watch

YEAR = timedelta(days=366)
TABLES = ("alerts", "alert_faults", "alert_changes", "alert_notices")


class Referring:
    """What somebody refers to."""

    def __init__(self, *alerts: int) -> None:
        self.alerts = set(alerts)

    async def referred(self, db: AsyncSession, alerts: Collection[int]) -> set[int]:
        return self.alerts & set(alerts)


async def left(telling: Telling, table: str = "alerts") -> int:
    async with telling.database.unit_of_work() as db:
        return int(await db.scalar(text(f"select count(*) from {table}")) or 0)


async def comes_and_goes(telling: Telling, *causes: str, hours: int = 0) -> None:
    """Let faults be found and be over again: an alert each."""
    at = T0 + hours * HOUR
    for is_present in (True, False):
        telling.clock.at = at if is_present else at + MINUTE
        await telling.happens(
            *(
                finding(
                    detection=Detection.FAULT,
                    cause=each,
                    at=telling.clock.now(),
                    is_present=is_present,
                )
                for each in causes
            )
        )
    telling.clock.at = at + HOUR
    await telling.watch.settle(telling.clock.now())
    await telling.hear()


async def nights(telling: Telling, count: int = 1, *, later: timedelta = YEAR) -> None:
    telling.clock.at = T0 + later
    for _ in range(count):
        await forgetting.forgetting(telling.database, telling.clock, kept=timedelta(days=300))()


async def test_what_is_over_for_long_is_forgotten_whole_and_what_is_referred_to_stays(
    telling: Telling,
) -> None:
    forgetting.join(telling.database, Referring(2))
    await telling.enter("lea@north.example", channel=Channel.MAIL)
    await comes_and_goes(telling, "A", "B", "C")
    await telling.happens(finding(detection=Detection.FAULT, cause="D", at=telling.clock.now()))
    await nights(telling, later=timedelta(days=299))
    assert await left(telling) == 4
    await nights(telling, 2)
    async with telling.database.unit_of_work() as db:
        kept = list(await db.scalars(text("select id from alerts order by id")))
        about = {
            table: sorted(set(await db.scalars(text(f"select alert from {table}"))))
            for table in TABLES[1:]
        }
    assert kept == [2, 4], "referred to; and open, however old it is"
    assert about == {each: [2, 4] for each in TABLES[1:]}


async def test_what_credits_were_taken_for_or_is_still_to_be_told_stays(telling: Telling) -> None:
    forgetting.join(telling.database, Referring())
    await telling.credit(1)
    entry = await telling.enter()
    await telling.happens(finding(detection=Detection.FAULT, cause="A"))
    await telling.send()  # paid
    await comes_and_goes(telling, "A")
    await comes_and_goes(telling, "B", hours=2)  # no credit: it was dropped when it was over
    assert (await left(telling), await left(telling, "alert_notices")) == (2, 2)
    async with telling.database.unit_of_work() as db:
        await db.execute(text("update alert_notices set state = 'waiting' where alert = 2"))
    await nights(telling)
    assert await left(telling) == 2
    async with telling.database.unit_of_work() as db:
        await db.execute(text("update alert_notices set state = 'dropped' where alert = 2"))
    await nights(telling)
    assert await left(telling) == 1
    assert await telling.balance() == (0, 0)
    async with telling.database.unit_of_work() as db:
        [booked] = await db.scalars(text("select about from credit_bookings where quantity < 0"))
    assert booked == "alert/1"
    assert entry.target


async def test_it_is_done_in_pieces_and_goes_on_behind_what_stays(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetting.join(telling.database, Referring(1, 2))
    await comes_and_goes(telling, *"ABCDE")
    async with telling.database.unit_of_work() as db:
        assert await forgetting.forget_alerts(db, T0 + YEAR, most=2) == (0, 2)
        assert await forgetting.forget_alerts(db, T0 + YEAR, after=2, most=2) == (2, 4)
        assert await forgetting.forget_alerts(db, T0 + YEAR, after=4, most=2) == (1, None)
    assert await left(telling) == 2


async def test_without_anybody_who_knows_of_references_nothing_is_forgotten(
    telling: Telling,
) -> None:
    await comes_and_goes(telling, "A")
    await nights(telling)
    assert await left(telling) == 1


async def test_faults_that_were_never_raised_go_too(telling: Telling) -> None:
    forgetting.join(telling.database, Referring())
    telling.watch.windows.until[finding().station, None] = T0 + HOUR  # type: ignore[index]
    await comes_and_goes(telling, "A")
    assert (await left(telling), await left(telling, "alert_faults")) == (0, 1)
    await nights(telling)
    assert await left(telling, "alert_faults") == 0
