"""Probes are forgotten when they are old; one that goes on is not, however old."""

from datetime import timedelta

from sqlalchemy import text

from csms import probes_kept
from tests.csms.handlers.work import Work


async def test_old_probes_go_in_pieces_and_one_that_goes_on_stays(work: Work) -> None:
    now = work.clock.now()
    await work.db.execute(
        text("""
            insert into station_probes (station, silent_since, began_at, ended_at, outcome)
            select 'CS-1', :old, :old, :old, 'heard' from generate_series(1, 5)
            union all select 'CS-1', :now, :now, :now, 'heard'
            union all select 'CS-1', :old, :old, cast(null as timestamptz), null
        """),
        {"old": now - timedelta(days=400), "now": now},
    )
    before = now - timedelta(days=366)
    assert [await probes_kept.forget(work.db, before, most=3) for _ in range(3)] == [3, 2, 0]
    left = await work.db.scalars(text("select outcome from station_probes order by id"))
    assert list(left) == ["heard", None]
