"""Steps that the program asks for: by the setting, for a moment, out of service with an end."""

from datetime import timedelta

import pytest

from foundation.clock import SetClock
from foundation.database import Database
from support.first_aid import Outcome, Step
from tests.support.aid import aid


@pytest.mark.parametrize(
    ("version", "out", "back"),
    [
        (
            "ocpp1.6",
            {"connectorId": 1, "type": "Inoperative"},
            {"connectorId": 1, "type": "Operative"},
        ),
        (
            "ocpp2.0.1",
            {"operationalStatus": "Inoperative", "evse": {"id": 1}},
            {"operationalStatus": "Operative", "evse": {"id": 1}},
        ),
    ],
)
async def test_availability_is_a_step_with_an_end(
    database: Database,
    clock: SetClock,
    version: str,
    out: dict[str, object],
    back: dict[str, object],
) -> None:
    at_work = await aid(database, clock)
    await at_work.execute("update stations set ocpp_version = :version", version=version)
    await at_work.execute("update station_connections set version = :version", version=version)
    await at_work.playbook(steps=(Step.OUT_OF_SERVICE,), out_hours=3)
    began = clock.now()
    await at_work.fault()
    await at_work.look()
    [asked] = await at_work.asked()
    assert (asked.payload, asked.set_back_at) == (out, began + timedelta(hours=3))
    await at_work.settle("effective")
    await at_work.minutes(1)
    await at_work.minutes(2)
    assert (await at_work.trail()).outcome is Outcome.NOT_CURED
    await at_work.fault(is_present=False)
    await at_work.settle_alerts()
    await at_work.playbook(id=(await at_work.trail()).playbook, steps=(Step.IN_SERVICE,))
    await at_work.fault()
    await at_work.look()
    _, asked = await at_work.asked()
    assert (asked.payload, asked.set_back_at) == (back, None)
