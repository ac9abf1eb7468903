"""Which session an end without a start may belong to, with what speaks for and against each.

A station that was offline, or was reset, may name a transaction that nobody knows; what fits for
certain is matched by itself (`csms.handlers.ending`). What is left is offered to a person.

Source: rules of the business, 6 (StopTransaction edge cases) and 8 (idea 19).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

LONGEST: Final = timedelta(days=7)
"""Sessions that began longer before the end are not offered."""
_USUAL: Final = timedelta(hours=24)


class Sign(StrEnum):
    """What speaks for or against a session."""

    SAME_EVSE = "same_evse"
    SAME_TOKEN = "same_token"  # noqa: S105 (no password)
    OTHER_TOKEN = "other_token"  # noqa: S105
    REGISTER_CONTINUES = "register_continues"
    """The end's register is not below what the session reached."""
    REGISTER_BELOW = "register_below"
    SAME_DAY = "same_day"
    """It began at most 24 hours before the end."""
    LONG_BEFORE = "long_before"
    READ_AFTERWARDS = "read_afterwards"
    """It was still charging after this end."""
    ONLY_ONE = "only_one"
    """No other session of the station has no end."""


AGAINST: Final = frozenset(
    {Sign.OTHER_TOKEN, Sign.REGISTER_BELOW, Sign.LONG_BEFORE, Sign.READ_AFTERWARDS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseEnd:
    """An end whose start was never seen; `evse_id` is 0 where it names none."""

    evse_id: int
    token_key: str | None
    ended_at: datetime
    stop_wh: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unended:
    """A session of the same station whose end was never reported.

    Attributes:
        reached_wh: The highest register that it was read at, its start included; None: none was.
        read_at: When it was read last.
    """

    transaction_id: int
    evse_id: int
    token_key: str | None
    started_at: datetime
    start_wh: Decimal | None
    reached_wh: Decimal | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A session that an end may belong to.

    Attributes:
        signs: What speaks for it and against it, in the order of `Sign`.
        energy_wh: What it would have taken; None where a register is missing or fell.
    """

    transaction_id: int
    signs: tuple[Sign, ...]
    energy_wh: Decimal | None

    @property
    def is_likely(self) -> bool:
        """Whether its token or register speaks for it, and nothing against it."""
        certain = {Sign.SAME_TOKEN, Sign.REGISTER_CONTINUES}
        return bool(certain & {*self.signs}) and not AGAINST & {*self.signs}


def suggestions(end: LooseEnd, sessions: Iterable[Unended]) -> list[Suggestion]:
    """Return the sessions that an end may belong to, the likeliest first.

    What began after it, or longer than `LONGEST` before it, or at another EVSE, is none of them.
    """
    fitting = [
        each
        for each in sessions
        if each.started_at < end.ended_at <= each.started_at + LONGEST
        and (not end.evse_id or not each.evse_id or end.evse_id == each.evse_id)
    ]
    found = [
        (each, Suggestion(each.transaction_id, _signs(end, each, len(fitting)), _energy(end, each)))
        for each in fitting
    ]
    found.sort(key=lambda pair: (_weight(pair[1]), pair[0].started_at), reverse=True)
    return [suggestion for _, suggestion in found]


def _signs(end: LooseEnd, session: Unended, of: int) -> tuple[Sign, ...]:
    signs = set()
    if end.evse_id and end.evse_id == session.evse_id:
        signs.add(Sign.SAME_EVSE)
    if end.token_key is not None and session.token_key is not None:
        is_same = end.token_key == session.token_key
        signs.add(Sign.SAME_TOKEN if is_same else Sign.OTHER_TOKEN)
    if end.stop_wh is not None and session.reached_wh is not None:
        rises = end.stop_wh >= session.reached_wh
        signs.add(Sign.REGISTER_CONTINUES if rises else Sign.REGISTER_BELOW)
    is_usual = end.ended_at - session.started_at <= _USUAL
    signs.add(Sign.SAME_DAY if is_usual else Sign.LONG_BEFORE)
    if session.read_at is not None and session.read_at > end.ended_at:
        signs.add(Sign.READ_AFTERWARDS)
    if of == 1:
        signs.add(Sign.ONLY_ONE)
    return tuple(each for each in Sign if each in signs)


def _energy(end: LooseEnd, session: Unended) -> Decimal | None:
    if end.stop_wh is None or session.start_wh is None or end.stop_wh < session.start_wh:
        return None
    return end.stop_wh - session.start_wh


def _weight(suggestion: Suggestion) -> int:
    against = sum(each in AGAINST for each in suggestion.signs)
    return len(suggestion.signs) - 3 * against
