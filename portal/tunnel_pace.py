"""How much an opening of a station's page may carry: a bucket that fills by the second."""

from collections.abc import Callable


class Pace:
    """A bucket; whoever takes more than is in it owes the rest, and waits until it is filled.

    Args:
        per_second: What flows in.
        most: What it holds; it begins full.
        elapsed_s: Monotonic seconds.
    """

    def __init__(self, per_second: float, most: float, *, elapsed_s: Callable[[], float]) -> None:
        assert per_second > 0
        assert most > 0
        self._per_second = per_second
        self._most = most
        self._elapsed_s = elapsed_s
        self._held = most
        self._at_s = elapsed_s()

    def take(self, amount: float) -> float:
        """Take an amount; return the seconds to wait until it is paid for."""
        self._fill()
        self._held -= amount
        return max(0.0, -self._held / self._per_second)

    def take_if_there(self, amount: float) -> bool:
        """Take an amount if there is as much, and tell."""
        self._fill()
        if self._held < amount:
            return False
        self._held -= amount
        return True

    def _fill(self) -> None:
        now_s = self._elapsed_s()
        self._held = min(self._most, self._held + (now_s - self._at_s) * self._per_second)
        self._at_s = now_s
