"""Which numbers our charging profiles may have: above those that an energy manager beside us uses.

Source: OCPP 2.1 part 2, K01 and SmartChargingCtrlr.MaxExternalConstraintsId (2.0.1 has it, too).
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import known_profiles, records
from csms.charging_profiles import profile_of
from foundation.errors import InvalidInput
from foundation.identifiers import StationId


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


async def must_be_free(db: AsyncSession, station: str, payload: Mapping[str, Any]) -> None:
    """Make sure that a profile which a person numbered himself takes the place of no other's.

    Args:
        db: The unit of work.
        station: Whose profile it shall be.
        payload: SetChargingProfile, of any version.

    Raises:
        InvalidInput: The number is an energy manager's, or a profile with another purpose has it.
    """
    number, content = records.profile_in(payload)
    is_old = "csChargingProfiles" in payload
    field = "$.csChargingProfiles.chargingProfileId" if is_old else "$.chargingProfile.id"
    above = await numbers_from(db, station)
    if int(number) <= above:
        raise InvalidInput(
            f"Numbers up to {above} are an energy manager's: take a higher one.", field=field
        )
    purpose = profile_of(0, content["chargingProfile"]).purpose
    for each in await known_profiles.known(db, StationId(station)):
        if each.profile.number == number and each.profile.purpose is not purpose:
            raise InvalidInput(
                f"Profile {number} is there for {each.profile.purpose}: take another number.",
                field=field,
            )
