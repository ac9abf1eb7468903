"""How often somebody without a login may look at a public page.

A bucket of one minute's visits for each address, and one for all together, so that neither one
visitor nor many make work without end. Counted by this process alone. An IPv6 network of 64 bits is
one visitor: whoever has one has all its addresses (RFC 6177).
"""

import ipaddress
import math
import time
from collections.abc import Callable

from portal.limits import TooManyCalls

PER_MINUTE = 30
ALL_PER_MINUTE = 1200
_WINDOW_S = 60
_FORGET_ABOVE = 10_000


class TooManyVisits(TooManyCalls):
    """Somebody loaded public pages too often in a minute, or everybody together did."""

    code = "too_many_visits"

    def __init__(self, wait_s: int) -> None:
        super().__init__(0, wait_s)
        self.args = (f"Too many visits. Come back in {wait_s} s.",)


class Visits:
    """The buckets of this process.

    Args:
        per_minute: What one visitor may load.
        all_per_minute: What all may together.
        elapsed_s: Monotonic seconds.
    """

    def __init__(
        self,
        per_minute: int = PER_MINUTE,
        all_per_minute: int = ALL_PER_MINUTE,
        *,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute = per_minute
        self._all_per_minute = all_per_minute
        self._elapsed_s = elapsed_s
        self._whole_at: dict[str, float] = {}
        """By visitor: when his bucket is full again; that of all has no name."""

    def take(self, address: str | None) -> None:
        """Count a visit.

        Raises:
            TooManyVisits: If it is one too many; it is not counted then.
        """
        now = self._elapsed_s()
        wanted = ((visitor_of(address), self._per_minute), ("", self._all_per_minute))
        for name, most in wanted:
            missing_s = max(0.0, self._whole_at.get(name, 0.0) - now)
            wait_s = missing_s + _WINDOW_S / most - _WINDOW_S
            if wait_s > 1e-6:
                raise TooManyVisits(max(1, math.ceil(wait_s)))
        for name, most in wanted:
            self._whole_at[name] = max(now, self._whole_at.get(name, 0.0)) + _WINDOW_S / most
        if len(self._whole_at) > _FORGET_ABOVE:
            self._whole_at = {name: at for name, at in self._whole_at.items() if at > now}


def visitor_of(address: str | None) -> str:
    """Return whom an address counts for."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
