"""Which numbers our charging profiles may have: above those that an energy manager beside us uses.

Source: OCPP 2.1 part 2, K01 and SmartChargingCtrlr.MaxExternalConstraintsId (2.0.1 has it, too).
"""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


def highest_external(station: str) -> str:
    """Return SQL for the highest number that is not ours; 0 where the station named none.

    Args:
        station: SQL for the station's identity: a column's name, never anybody's words.
    """
    return f"""coalesce((
        select max(cast(x.value as bigint)) from station_variables x
        where x.station = {station} and lower(x.component) = 'smartchargingctrlr'
            and lower(x.variable) = 'maxexternalconstraintsid' and x.attribute = 'Actual'
            and x.value ~ '^[0-9]{{1,9}}$'), 0)"""  # noqa: S608


_ASKED: Final = text(f"select {highest_external(':station')}")


async def numbers_from(db: AsyncSession, station: str) -> int:
    """Return the number that those of our profiles at a station must be above."""
    return int(await db.scalar(_ASKED, {"station": station}) or 0)
