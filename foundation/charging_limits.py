"""What a transaction may come to at most: cost, energy, time, state of charge.

Both sides of a transaction may set limits, the station and whoever pays; the lower one of each
counts.

Source: OCPP 2.1 part 2, E16 and TransactionLimitType.
"""

from decimal import Decimal
from typing import Any, Final

from msgspec import Struct


class ChargingLimits(Struct, frozen=True, gc=False):
    """Limits of one transaction; None where there is none.

    Attributes:
        max_cost: With tax, in the currency of the tariff.
        max_energy_wh: Taken since the start.
        max_time_s: From the start to the end.
        max_soc: Of the vehicle's battery, in percent.
    """

    max_cost: Decimal | None = None
    max_energy_wh: Decimal | None = None
    max_time_s: int | None = None
    max_soc: int | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self != NO_LIMITS


NO_LIMITS: Final = ChargingLimits()


def lower(one: ChargingLimits, other: ChargingLimits) -> ChargingLimits:
    """Return of each limit the lower one; one that only one side sets is that."""
    return ChargingLimits(
        *(
            _lower(getattr(one, name), getattr(other, name))
            for name in ChargingLimits.__struct_fields__
        )
    )


def told(ours: ChargingLimits, stations: ChargingLimits) -> ChargingLimits:
    """Return what a station is told: where we set a limit, the lower one of both.

    What only the station limits is its own affair, and it knows that.
    """
    least = lower(ours, stations)
    return ChargingLimits(
        *(
            None if getattr(ours, name) is None else getattr(least, name)
            for name in ChargingLimits.__struct_fields__
        )
    )


def _lower(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
