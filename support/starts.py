"""Whether charging began when somebody wanted it to: the last starts at a station, judged.

A station can be green and still fail everybody. So a start counts as a success only if energy
flowed, and every other one says why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

ENOUGH_WH: Final = Decimal(50)
"""Less energy than this is no charging: relays that click, a car that wakes and sleeps again."""

BEGINS_WITHIN: Final = timedelta(minutes=10)
"""How long a running transaction may be without energy before that is a failure."""


class StartOutcome(StrEnum):
    """What came of a start; all but the first three are failures."""

    CHARGED = "charged"
    CHARGING = "charging"
    BEGINNING = "beginning"
    """It began just now; no energy yet."""
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - not a password
    NO_ENERGY = "no_energy"
    """It began, and ended or goes on without energy."""
    FAULT = "fault"
    """It ended by a fault of the station."""
    STATION_REFUSED = "station_refused"
    """A start by us was rejected by the station."""
    NO_ANSWER = "no_answer"
    """A start by us was never answered."""
    NOT_BEGUN = "not_begun"
    """A start by us was accepted, and no transaction followed."""


SUCCESSES: Final = frozenset({StartOutcome.CHARGED, StartOutcome.CHARGING})
UNDECIDED: Final = frozenset({StartOutcome.BEGINNING})

_FAULTS: Final = frozenset(
    {"EmergencyStop", "GroundFault", "OvercurrentFault", "PowerLoss", "PowerQuality", "Reboot"}
)
_GOOD: Final = frozenset({None, "Accepted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """A transaction as far as it matters here; energy in Wh, None if nobody knows yet."""

    transaction_id: int
    evse_id: int
    started_at: datetime
    ended: bool
    energy_wh: Decimal | None
    authorization_status: str | None
    stop_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A start that we asked for: its command's state and failure, and what it led to."""

    command_id: str
    evse_id: int | None
    asked_at: datetime
    state: str
    failure: str | None
    transaction_id: int | None


@dataclass(frozen=True, slots=True)
class Start:
    """One start, judged."""

    at: datetime
    evse_id: int | None
    outcome: StartOutcome
    transaction_id: int | None = None
    command_id: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether charging began."""
        return self.outcome in SUCCESSES

    @property
    def is_failure(self) -> bool:
        """Whether it is known that it did not."""
        return self.outcome not in SUCCESSES | UNDECIDED


def last_starts(
    began: Iterable[Began], asked: Iterable[Asked], *, now: datetime, most: int = 5
) -> tuple[Start, ...]:
    """Return the last starts, the newest first; a start by us and what it led to are one."""
    found = [_of_transaction(each, now) for each in began]
    known = {each.transaction_id for each in found}
    for each in asked:
        if each.transaction_id is None or each.transaction_id not in known:
            judged = _of_command(each)
            if judged is not None:
                found.append(judged)
    return tuple(sorted(found, key=lambda each: each.at, reverse=True)[:most])


def success_rate(starts: Sequence[Start]) -> tuple[int, int]:
    """Return how many starts were successes, of how many whose outcome is known."""
    decided = [each for each in starts if each.outcome not in UNDECIDED]
    return sum(each.is_success for each in decided), len(decided)


def _of_transaction(each: Began, now: datetime) -> Start:
    energy = each.energy_wh or Decimal(0)
    if energy >= ENOUGH_WH:
        outcome = StartOutcome.CHARGED if each.ended else StartOutcome.CHARGING
    elif each.authorization_status not in _GOOD:
        outcome = StartOutcome.TOKEN_REFUSED
    elif each.stop_reason in _FAULTS:
        outcome = StartOutcome.FAULT
    elif not each.ended and now - each.started_at < BEGINS_WITHIN:
        outcome = StartOutcome.BEGINNING
    else:
        outcome = StartOutcome.NO_ENERGY
    return Start(each.started_at, each.evse_id, outcome, each.transaction_id)


def _of_command(each: Asked) -> Start | None:
    """Judge a start by us that led to no transaction; None while it is open or was never sent."""
    if each.state == "rejected":
        outcome = StartOutcome.STATION_REFUSED
    elif each.state == "failed":
        no_answer = each.failure in ("no_answer", "outcome_unknown")
        outcome = StartOutcome.NO_ANSWER if no_answer else StartOutcome.NOT_BEGUN
        if each.failure == "call_error":
            outcome = StartOutcome.STATION_REFUSED
    else:
        return None
    return Start(each.asked_at, each.evse_id, outcome, None, each.command_id)
