"""How many calls a minute an API key may make, and the header fields that tell of it.

A bucket of one minute's calls that fills steadily: a key may spend it at once, and then as fast as
it fills. Counted by this process alone; several machines allow as many times as much.

Source: IETF draft-ietf-httpapi-ratelimit-headers-10 (RateLimit, RateLimit-Policy); RFC 9110, 10.2.3
(Retry-After).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from accounts.directory import Principal
from foundation.errors import ExpectedError

_FORGET_ABOVE = 10_000
_WINDOW_S = 60


class TooManyCalls(ExpectedError):
    """The API key spent what it may spend in a minute."""

    code = "too_many_calls"

    def __init__(self, per_minute: int, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(
            f"This API key may make {per_minute} calls a minute. Come back in {wait_s} s."
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a key's minute, in calls, and in how many seconds it is whole again."""

    per_minute: int
    left: int
    whole_in_s: int

    def headers(self) -> dict[str, str]:
        """Return the header fields that tell of it, in the draft's form and in the usual one."""
        return {
            "ratelimit-policy": f'"minute";q={self.per_minute};w={_WINDOW_S}',
            "ratelimit": f'"minute";r={self.left};t={self.whole_in_s}',
            "x-ratelimit-limit": str(self.per_minute),
            "x-ratelimit-remaining": str(self.left),
            "x-ratelimit-reset": str(self.whole_in_s),
        }


class Limits:
    """The buckets of this process.

    Args:
        per_minute: What a key may spend for which nothing else is set.
        elapsed_s: Monotonic seconds.
    """

    def __init__(
        self, per_minute: int = 6000, *, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute = per_minute
        self._elapsed_s = elapsed_s
        self._whole_at: dict[str, float] = {}
        """By principal: when its bucket is full again."""

    def quota(self, principal: Principal) -> Quota | None:
        """Return what is left; None for people, who are not counted."""
        if principal.person_id is not None:
            return None
        per_minute = principal.rate_per_minute or self._per_minute
        missing_s = max(0.0, self._whole_at.get(principal.id, 0.0) - self._elapsed_s())
        left = math.floor(per_minute * (1 - missing_s / _WINDOW_S) + 1e-6)
        return Quota(per_minute, max(0, left), math.ceil(missing_s))

    def spend(self, principal: Principal) -> Quota | None:
        """Take one call out of the bucket; return what is left.

        Raises:
            TooManyCalls: If there is none in it.
        """
        before = self.quota(principal)
        if before is None:
            return None
        now = self._elapsed_s()
        per_call_s = _WINDOW_S / before.per_minute
        if before.left < 1:
            whole_at = self._whole_at[principal.id]
            raise TooManyCalls(
                before.per_minute, max(1, math.ceil(whole_at - now + per_call_s - _WINDOW_S))
            )
        self._whole_at[principal.id] = max(now, self._whole_at.get(principal.id, 0.0)) + per_call_s
        if len(self._whole_at) > _FORGET_ABOVE:
            self._whole_at = {key: at for key, at in self._whole_at.items() if at > now}
        return self.quota(principal)
