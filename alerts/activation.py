"""Whether a station's monitoring may be switched, and what to tell whoever does it.

Monitoring is the provider's watch over a station: fault detection, first aid, hotline, dispatch.
It is switched per station; who may do so is decided at the door.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from foundation.errors import Conflict
from foundation.identifiers import EvseId, OrganisationKey, StationId


class Ending(StrEnum):
    """Why monitoring ended."""

    ASKED = "asked"
    MOVED = "moved"
    """The station became another organisation's, which needs an activation of its own."""
    DECOMMISSIONED = "decommissioned"
    """The station was refused."""


class Hint(StrEnum):
    """What whoever switches monitoring on should see to; it is on all the same."""

    NO_TECHNICIAN = "no_technician"
    """Nobody can be sent when a fault cannot be cleared from afar."""
    NO_CHARGE_POINTS = "no_charge_points"
    """The station has not told of a charge point yet."""
    NO_PRICE = "no_price"
    """No price was agreed: nothing is charged."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A station is monitored for an organisation in [active_from, active_to)."""

    station: StationId
    organisation: OrganisationKey
    active_from: datetime
    active_to: datetime | None
    started_by: str
    started_by_name: str
    ended_because: Ending | None = None


class EvseIdsMissing(Conflict):
    """Charge points without an EVSE ID: a caller could not say which one he means."""

    code = "evse_ids_missing"

    def __init__(self, station: str, missing: Sequence[EvseId]) -> None:
        self.missing = tuple(missing)
        named = ", ".join(str(each) for each in missing)
        super().__init__(
            f"These charge points of {station} have no EVSE ID: {named}. Enter them first, or ask"
            " support for an EVSE ID."
        )


class StationNotAccepted(Conflict):
    """Only a station that is accepted is monitored."""

    code = "station_not_accepted"

    def __init__(self, station: str) -> None:
        super().__init__(f"{station} is not accepted. Accept it first.")


def check_activation(
    station: str, *, is_accepted: bool, charge_points: Mapping[EvseId, str | None]
) -> None:
    """Refuse to monitor a station that cannot be spoken of.

    Args:
        station: Its identity.
        is_accepted: Whether it was let in.
        charge_points: Their EVSE IDs.

    Raises:
        StationNotAccepted: If it was not.
        EvseIdsMissing: If a charge point has no EVSE ID; it names them.
    """
    if not is_accepted:
        raise StationNotAccepted(station)
    missing = without_evse_id(charge_points)
    if missing:
        raise EvseIdsMissing(station, missing)


def without_evse_id(charge_points: Mapping[EvseId, str | None]) -> list[EvseId]:
    """Return the charge points that have no EVSE ID yet, by number."""
    return [each for each, emi3_id in sorted(charge_points.items()) if not emi3_id]


def hints(*, has_technician: bool, has_charge_points: bool, has_price: bool) -> list[Hint]:
    """Return what is to be seen to after switching on."""
    told = {
        Hint.NO_TECHNICIAN: has_technician,
        Hint.NO_CHARGE_POINTS: has_charge_points,
        Hint.NO_PRICE: has_price,
    }
    return [hint for hint, is_there in told.items() if not is_there]
