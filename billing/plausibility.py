"""Which transactions are held back until a person has looked at them, and why.

A held transaction is rated and recorded like any other, but nobody is paid for it until somebody
releases or voids it with a reason. These checks need no setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from foundation.events import Doubt, EndBasis, TransactionEnded
from foundation.quantities import energy_at_power_wh, seconds


class HoldReason(StrEnum):
    """Why a transaction is held; the words of the API, in the order in which one is shown.

    First what no release could mend (nobody to pay, no station of ours), then what the others may
    only follow from: a transaction without a start or with a wrong clock has all kinds of other
    oddities.
    """

    STATION_WAITING = "station_waiting"
    NO_PAYER = "no_payer"
    MISSING_START = "missing_start"
    CLOCK_WRONG = "clock_wrong"
    END_BEFORE_START = "end_before_start"
    INFERRED_END = "inferred_end"
    NEGATIVE_ENERGY = "negative_energy"
    IMPOSSIBLE_ENERGY = "impossible_energy"
    NO_TARIFF = "no_tariff"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much more than possible is still taken for a matter of clocks and meters.

    Attributes:
        tolerance: Share of the possible energy that may come on top: charging above the nominal
            power by a few percent is everyday life.
        slack_wh: Energy that may come on top whatever the duration, for meters that count in
            steps and clocks that count in seconds.
        unknown_max_power_w: The power taken for possible where the connector's is not known;
            above what any AC connector gives, and near the most that DC gives today.
    """

    tolerance: Decimal = Decimal("0.10")
    slack_wh: Decimal = Decimal(100)
    unknown_max_power_w: Decimal = Decimal(400_000)


DEFAULT_LIMITS: Final = Limits()

_DOUBTS: Final[Mapping[Doubt, HoldReason]] = {doubt: HoldReason(doubt.value) for doubt in Doubt}


def holds(
    ended: TransactionEnded,
    *,
    has_tariff: bool,
    has_payer: bool,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[HoldReason, ...]:
    """Return every reason to hold the transaction, the one to be shown first; empty if none.

    Args:
        ended: What the central system holds true about the transaction, with its doubts.
        has_tariff: Whether a tariff was assigned at its start; a free one is a tariff.
        has_payer: Whether somebody pays for it, or nobody has to (free vend).
        limits: What counts as impossible.
    """
    reasons = {_DOUBTS[doubt] for doubt in ended.doubts}
    if ended.basis is EndBasis.ADOPTED:
        reasons.add(HoldReason.MISSING_START)
    if ended.basis is EndBasis.INFERRED:
        reasons.add(HoldReason.INFERRED_END)
    if ended.ended_at < ended.started_at:
        reasons.add(HoldReason.END_BEFORE_START)
    if ended.energy_wh < 0:
        reasons.add(HoldReason.NEGATIVE_ENERGY)
    if ended.energy_wh > possible_energy_wh(ended, limits):
        reasons.add(HoldReason.IMPOSSIBLE_ENERGY)
    if not has_tariff:
        reasons.add(HoldReason.NO_TARIFF)
    if not has_payer:
        reasons.add(HoldReason.NO_PAYER)
    return tuple(reason for reason in HoldReason if reason in reasons) if reasons else ()


def possible_energy_wh(ended: TransactionEnded, limits: Limits = DEFAULT_LIMITS) -> Decimal:
    """Return the most energy that the connector can have given in the transaction's time.

    A transaction that ends before it starts has no time to judge by; its end is the doubt then,
    and the slack is all that is possible.
    """
    duration_s = max(Decimal(0), seconds(ended.ended_at - ended.started_at))
    power_w = limits.unknown_max_power_w if ended.max_power_w is None else ended.max_power_w
    return energy_at_power_wh(power_w, duration_s) * (1 + limits.tolerance) + limits.slack_wh
