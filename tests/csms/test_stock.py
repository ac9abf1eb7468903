"""Which stations there are, and whose."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms.stock import stock
from foundation.clock import SetClock
from tests.support.conftest import N1, N2, NORTH, S1, SOUTH, fill


async def test_the_stock_is_of_accepted_stations_and_their_owners_of_now(
    db: AsyncSession, clock: SetClock
) -> None:
    await fill(db, clock.now())
    found = await stock(db, WHOLE)
    assert [(each.station, each.owner) for each in found] == [(N1, NORTH), (N2, NORTH), (S1, SOUTH)]
    assert {each.entered_at for each in found} == {clock.now()}
    assert [each.station for each in await stock(db, Scope(frozenset({SOUTH})))] == [S1]
    assert [each.station for each in await stock(db, WHOLE, [N2, S1])] == [N2, S1]
    await db.execute(text("update stations set admission = 'refused' where identity = 'N-1'"))
    assert N1 not in [each.station for each in await stock(db, WHOLE)]
    assert await stock(db, Scope(frozenset())) == []
