"""What stations are set to, by name."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from csms.equipment_tables import StationVariableRow
from csms.known_settings import known_settings
from csms.queue import MASK
from csms.tables import StationRow
from foundation.clock import SetClock
from tests.support.conftest import N1, N2, fill


async def test_settings_are_named_as_orders_name_them(db: AsyncSession, clock: SetClock) -> None:
    await fill(db, clock.now())

    def told(**said: Any) -> StationVariableRow:
        given: dict[str, Any] = {
            "station": N1,
            "component": "",
            "component_instance": None,
            "evse_id": None,
            "connector_id": None,
            "variable_instance": None,
            "attribute": "Actual",
            "is_known": True,
            "mutability": None,
            "data_type": None,
            "unit": None,
            "min_limit": None,
            "max_limit": None,
            "values_list": None,
            "changed_at": clock.now(),
            "read_at": clock.now(),
            **said,
        }
        return StationVariableRow(**given)

    db.add_all(
        [
            told(variable="HeartbeatInterval", value="300"),
            told(variable="AuthorizationKey", value="secret"),
            told(variable="Unheard", value=None, is_known=False),
            told(
                component="Connector", evse_id=1, connector_id=2, variable="Enabled", value="true"
            ),
            told(
                component="TxCtrlr",
                component_instance="a",
                variable="Limit",
                variable_instance="b",
                attribute="Target",
                value="7",
            ),
        ]
    )
    await db.flush()
    await db.execute(update(StationRow).where(StationRow.identity == N2).values(firmware="1.9"))
    assert await known_settings(db, [N1, N2]) == {
        N1: {
            "HeartbeatInterval": "300",
            "AuthorizationKey": MASK,
            "Connector[1,2].Enabled": "true",
            "TxCtrlr[a].Limit[b] (Target)": "7",
        },
        N2: {"firmware": "1.9"},
    }
