"""Face, read: what stations are set to, as far as they last told us."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from csms import secrecy
from csms.equipment_tables import StationVariableRow
from csms.tables import StationRow
from foundation.identifiers import StationId


async def known_settings(
    db: AsyncSession, stations: Iterable[str]
) -> dict[StationId, dict[str, str]]:
    """Return by station what it last told of its settings; secrets are masked.

    A 1.6 key is named as it is; a 2.x variable as in `Component[instance][evse,connector].Variable
    [instance]`, with the attribute behind it unless that is the actual value. The firmware's
    version stands under `firmware`.
    """
    wanted = sorted(set(stations))
    found: dict[StationId, dict[str, str]] = {StationId(each): {} for each in wanted}
    firmware = await db.execute(
        select(StationRow.identity, StationRow.firmware).where(
            StationRow.identity.in_(wanted), StationRow.firmware.is_not(None)
        )
    )
    for station, version in firmware:
        found[StationId(station)]["firmware"] = version or ""
    rows = await db.scalars(
        select(StationVariableRow).where(
            StationVariableRow.station.in_(wanted), StationVariableRow.value.is_not(None)
        )
    )
    for row in rows:
        found[StationId(row.station)][_name(row)] = secrecy.shown(row.variable, row.value) or ""
    return found


def _name(row: StationVariableRow) -> str:
    if not row.component:
        return row.variable
    name = row.component
    if row.component_instance:
        name += f"[{row.component_instance}]"
    where = [str(each) for each in (row.evse_id, row.connector_id) if each is not None]
    if where:
        name += f"[{','.join(where)}]"
    name += f".{row.variable}"
    if row.variable_instance:
        name += f"[{row.variable_instance}]"
    return name if row.attribute == "Actual" else f"{name} ({row.attribute})"
