"""A transaction without energy is stopped where the station is set so, and nowhere else."""

from datetime import timedelta
from decimal import Decimal

import pytest

from csms import ghosts
from csms.ghosts import Ghost, guard_of, set_guard, stop_of
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_reading_store import kept, reading
from tests.csms.test_transaction_store import added
from tests.csms.test_transactions import facts

CS_1 = StationId("CS-1")


async def test_only_a_guarded_transaction_that_shows_no_energy_is_a_ghost(work: Work) -> None:
    [ghost, charging, silent, young, elsewhere] = await added(
        work,
        [
            facts(ref="1|a", owner="root", location=None),
            facts(ref="1|b", owner="root", location=None, evse_id=2),
            facts(ref="1|c", owner="root", location=None, evse_id=3),
            facts(ref="1|d", owner="root", location=None, evse_id=4, started_at=moment(20)),
            facts(ref="1|e", owner="root", location=None, station="CS-2"),
        ],
    )
    await kept(
        work,
        [
            reading(20, 1003, number=ghost.id),
            reading(20, 1500, number=charging.id, evse_id=2),
            reading(5, 1000, number=silent.id, evse_id=3),
            reading(25, 1000, number=young.id, evse_id=4),
        ],
    )
    assert elsewhere.id
    assert await ghosts.ghosts(work.db, moment(30)) == []
    await set_guard(work.db, CS_1, 15, by="person/1", now=moment(0))

    [found] = await ghosts.ghosts(work.db, moment(30))

    assert (found.transaction_id, found.station, found.minutes) == (ghost.id, CS_1, 15)
    assert await ghosts.ghosts(work.db, moment(14)) == []


async def test_where_the_start_was_not_seen_nobody_knows_whether_energy_flowed_before(
    work: Work,
) -> None:
    """It may have charged for hours while its station was offline, and be full now."""
    [unseen] = await added(
        work, [facts(ref="2|a", owner="root", location=None, start_seen=False, meter_start_wh=None)]
    )
    await kept(work, [reading(0, 9000, number=unseen.id), reading(20, 9000, number=unseen.id)])
    await set_guard(work.db, CS_1, 15, by="person/1", now=moment(0))
    assert await ghosts.ghosts(work.db, moment(30)) == []


async def test_the_guard_is_switched_by_station(work: Work) -> None:
    assert await guard_of(work.db, CS_1) is None
    await set_guard(work.db, CS_1, 15, by="person/1", now=moment(0))
    await set_guard(work.db, CS_1, 20, by="person/1", now=moment(0))
    assert await guard_of(work.db, CS_1) == 20
    for minutes in (1, 1441):
        with pytest.raises(InvalidInput):
            await set_guard(work.db, CS_1, minutes, by="person/1", now=moment(0))
    await set_guard(work.db, CS_1, None, by="person/1", now=moment(0))
    await set_guard(work.db, CS_1, None, by="person/1", now=moment(0))
    assert await guard_of(work.db, CS_1) is None


def test_a_ghost_is_stopped_once_by_the_words_of_its_stations_version() -> None:
    ghost = Ghost(7, CS_1, OcppVersion.V16, "x", OrganisationKey("root"), 15)
    request = stop_of(ghost)
    assert (request.action, request.payload) == ("RemoteStopTransaction", {"transactionId": 7})
    assert request.until_ended
    assert request.idempotency_key == "ghost-7"
    newer = Ghost(7, CS_1, OcppVersion.V201, "abc", OrganisationKey("root"), 15)
    assert stop_of(newer).payload == {"transactionId": "abc"}
    assert stop_of(newer).action == "RequestStopTransaction"
    assert Decimal(0) <= ghosts._NO_ENERGY_WH <= Decimal(50)
    assert timedelta(minutes=ghosts.MINUTES) < timedelta(hours=1)
