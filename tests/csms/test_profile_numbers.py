"""Which numbers our charging profiles may have."""

import pytest
from sqlalchemy import insert

from csms.equipment_tables import StationVariableRow
from csms.profile_numbers import numbers_from
from tests.csms.central import EVENING
from tests.csms.handlers.work import Work


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ([], 0),
        ([("SmartChargingCtrlr", "5000")], 5000),
        ([("SmartChargingCtrlr", "5000"), ("Other", "999")], 5000),
        ([("smartchargingctrlr", "12"), ("Other", "9999")], 12),
        ([("SmartChargingCtrlr", "many")], 0),
        ([("SmartChargingCtrlr", "99999999999")], 0),
    ],
)
async def test_an_energy_managers_numbers_are_as_its_controller_says(
    work: Work, told: list[tuple[str, str]], number: int
) -> None:
    for component, value in told:
        await work.db.execute(
            insert(StationVariableRow).values(
                station="CS-1",
                component=component,
                variable="MaxExternalConstraintsId",
                attribute="Actual",
                value=value,
                is_known=True,
                changed_at=EVENING,
                read_at=EVENING,
            )
        )
    assert await numbers_from(work.db, "CS-1") == number
    assert await numbers_from(work.db, "CS-2") == 0
