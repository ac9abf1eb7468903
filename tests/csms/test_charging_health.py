"""What people got from charge points, read off their sessions."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import text

from csms.charging_health import ChargingHealth, PointHealth
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_job_facts import CS_1, past, two_points
from tests.csms.test_reading_store import kept, reading
from tests.csms.test_transaction_store import added, new


async def points(work: Work) -> dict[tuple[str, int], PointHealth]:
    """The health of all charge points."""
    found = await ChargingHealth().points(work.db, starts=4, gaps=50, no_energy_wh=Decimal(10))
    return {(each.station, each.evse_id): each for each in found}


async def test_the_newest_sessions_and_their_gaps(work: Work) -> None:
    await two_points(work)
    empty = {"energy_wh": Decimal(0), "meter_stop_wh": Decimal(1000)}
    sessions = [
        past(0, 10),
        *[past(60 * n, 60 * n + 5, token_key=f"T{n % 2}", **empty) for n in (1, 2, 3, 5)],
        new(ref="1|now", started_at=moment(600)),
    ]
    sessions[-2].stop_reason = "EmergencyStop"
    await added(work, sessions)
    found = await points(work)
    assert list(found) == [(CS_1, 1)]
    point = found[CS_1, 1]
    assert (point.starts, point.empty, point.tokens) == (4, 4, 2)
    assert (point.gaps, point.longest_gap) == (5, timedelta(hours=5))
    assert (point.last_started_at, point.last_ended_at) == (moment(600), moment(305))
    assert point.last_stop_reason == "EmergencyStop"
    assert not point.is_ready  # it never connected
    await work.db.execute(
        text("""
            insert into station_connections (station, node, epoch, version, connected_at,
                last_heard_at, silence)
            values ('CS-1', 'node', 1, 'ocpp1.6', :at, :at, 'online')
        """),
        {"at": moment(0)},
    )
    assert not (await points(work))[CS_1, 1].is_ready
    await work.db.execute(text("update connectors set status = 'Available' where evse_id = 1"))
    assert (await points(work))[CS_1, 1].is_ready


async def test_running_sessions_with_what_their_register_rose(work: Work) -> None:
    await two_points(work)
    first, _, _ = await added(
        work,
        [
            new(ref="1|a", started_at=moment(0), charging_state="Charging"),
            new(ref="1|b", evse_id=2, started_at=moment(50)),
            past(0, 10, evse_id=2),
        ],
    )
    await kept(work, [reading(30, 1_200, number=first.id), reading(40, 1_400, number=first.id)])
    [running] = await ChargingHealth().running(work.db, begun_before=moment(50))
    assert (running.transaction_id, running.charging_state) == (first.id, "Charging")
    assert running.risen_wh == 400
    assert running.read_at == moment(40)
