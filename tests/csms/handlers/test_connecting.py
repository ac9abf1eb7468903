"""What is kept of connections that were turned away."""

from datetime import timedelta

from csms.handlers.connecting import keep_own_events
from foundation.identifiers import StationId
from tests.csms.handlers.work import Work


async def test_the_same_of_a_station_is_one_event_an_hour(work: Work) -> None:
    at = work.clock.now()
    told = [(StationId("CS-1"), "ForeignCertificateShown", "From 127.0.0.1.", at)]
    assert await keep_own_events(work.db, work.context, told) == [True]
    assert await keep_own_events(work.db, work.context, told) == [False]
    elsewhere = [(*told[0][:2], "From 127.0.0.2.", at)]
    assert await keep_own_events(work.db, work.context, elsewhere) == [False]
    later = [(*told[0][:3], at + timedelta(hours=1))]
    assert await keep_own_events(work.db, work.context, later) == [True]
