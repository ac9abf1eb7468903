"""How often the values of a metering point may be read by the API, by the account's tier.

Counted per metering point, whoever of the account reads, by this process alone. What stations say
of their sessions never comes here.

Source: RFC 9110, 10.2.3 (Retry-After).
"""

from datetime import datetime

from accounts.entitlements import Entitlement
from accounts.tiers import INTERVALS, Tier, wait_s
from foundation.errors import ExpectedError

_FORGET_ABOVE = 50_000


class ReadTooOften(ExpectedError):
    """The values of this metering point were read too short a time ago for the account's tier."""

    code = "read_too_often"

    def __init__(self, tier: Tier, wait: int) -> None:
        self.tier, self.wait_s = tier, wait
        super().__init__(
            f"With the tier {tier.value} the values of a metering point can be read every"
            f" {int(INTERVALS[tier].total_seconds())} s. Come back in {wait} s."
        )


class PointReads:
    """When each metering point was read last in this process."""

    def __init__(self) -> None:
        self._read_at: dict[str, datetime] = {}

    def take(self, point: str, granted: Entitlement | None, *, now: datetime) -> None:
        """Note that a point is read; without an account as often as one likes.

        Raises:
            ReadTooOften: If it was read too short a time ago.
        """
        if granted is None:
            return
        key = f"{granted.account}/{point}"
        wait = wait_s(self._read_at.get(key), now, granted.tier)
        if wait:
            raise ReadTooOften(granted.tier, wait)
        self._read_at[key] = now
        if len(self._read_at) > _FORGET_ABOVE:
            longest = max(INTERVALS.values())
            self._read_at = {key: at for key, at in self._read_at.items() if now - at < longest}
