"""What a person corrected of a transaction, laid over what its station reported.

What was reported stays as it is: a correction is kept beside it, and is laid over it again
whenever the transaction is assembled, so that a late message does not undo it.
"""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from csms.assembly import Assembled
from foundation.events import Doubt, UsagePoint

_ENERGY_DOUBTS = frozenset({Doubt.NEGATIVE_ENERGY, Doubt.IMPOSSIBLE_ENERGY, Doubt.MISSING_START})
_TIME_DOUBTS = frozenset({Doubt.END_BEFORE_START, Doubt.CLOCK_WRONG, Doubt.INFERRED_END})
_MILLI = Decimal("0.001")


class Correction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What counts instead of what was reported; None: what was reported counts.

    `by` is who says so, as in `person/7`.
    """

    by: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    energy_wh: Decimal | None = None


def as_text(correction: Correction) -> str:
    """Return how a correction is kept on its transaction."""
    return msgspec.json.encode(correction).decode()


def from_text(text: str) -> Correction:
    """Return the correction that was kept."""
    return msgspec.json.decode(text, type=Correction)


def laid_over(assembled: Assembled, correction: Correction) -> Assembled:
    """Return what a transaction came to, corrected.

    The usage keeps its shape: between its corrected ends it rises to the corrected energy. A doubt
    about what was corrected is resolved; others remain.

    Args:
        assembled: What it came to between its corrected start and end.
        correction: What a person said.
    """
    resolved: set[Doubt] = set()
    if correction.started_at is not None or correction.ended_at is not None:
        resolved |= _TIME_DOUBTS
    if correction.energy_wh is None:
        return replace(
            assembled, doubts=tuple(each for each in assembled.doubts if each not in resolved)
        )
    resolved |= _ENERGY_DOUBTS
    return replace(
        assembled,
        energy_wh=correction.energy_wh,
        usage=_scaled(assembled.usage, correction.energy_wh),
        doubts=tuple(each for each in assembled.doubts if each not in resolved),
    )


def _scaled(usage: tuple[UsagePoint, ...], energy_wh: Decimal) -> tuple[UsagePoint, ...]:
    """Return usage that ends with another energy; each point keeps its part of the whole."""
    if len(usage) < 2:
        return usage
    whole = usage[-1].energy_wh
    if whole == 0:  # nothing tells when it was used: evenly, from the start to the end
        first, last = usage[0], usage[-1]
        return (
            UsagePoint(first.at, Decimal(0), charging=energy_wh > 0),
            UsagePoint(last.at, energy_wh, charging=False),
        )
    points = [
        UsagePoint(
            each.at,
            (each.energy_wh * energy_wh / whole).quantize(_MILLI),
            charging=each.charging and energy_wh > 0,
        )
        for each in usage[:-1]
    ]
    return (*points, UsagePoint(usage[-1].at, energy_wh, charging=False))
