"""What becomes of a command: after an answer, without one, by evidence, when its time is over.

Every function takes the command as it is and returns the change that shall be made; nothing is
asked, stored or sent here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from csms.answers import AnswerMeaning, meaning
from csms.evidence import (
    LATE_FOR,
    READ_BACK,
    Asked,
    Effect,
    Facts,
    Shown,
    Verdict,
    deadline,
    rule_of,
)
from csms.queue import CommandState, Failure, may_be_asked_again, may_become
from csms.secrecy import without_secrets
from foundation.identifiers import StationId

MOST_ATTEMPTS = 5
"""How often a command is sent whose outcome stays unknown."""

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=10)
_READ_AGAIN_AFTER = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Open:
    """A command that is not over for good, as the shell decides about it."""

    id: int
    station: StationId
    state: CommandState
    failure: Failure | None
    asked: Asked
    due_at: datetime | None
    expires_at: datetime
    unknown_since: datetime | None
    read_back: dict[str, Any] | None
    read_back_at: datetime | None
    until_ended: bool
    attempts: int
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A state that a command comes into."""

    state: CommandState
    note: str | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class Change:
    """What becomes of a command that is in the state `before`.

    `steps` go into its history; the last one is its state then (none: it stays). What is None
    among the facts stays as it is. With a `message_id` only that very sending is meant.
    """

    id: int
    before: CommandState
    due_at: datetime | None
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    message_id: str | None = None
    earliest_at: datetime | None = None
    unknown_since: datetime | None = None
    answer: dict[str, Any] | None = None
    answered_at: datetime | None = None
    read_back: dict[str, Any] | None = None
    read_back_at: datetime | None = None
    transaction_id: int | None = None
    after: CommandState = field(init=False)

    def __post_init__(self) -> None:
        self.after = self.steps[-1].state if self.steps else self.before
        if self.steps:
            self.failure = self.steps[-1].failure


def _change(command: Open, due_at: datetime | None, *steps: Step, **facts: Any) -> Change:
    state = command.state
    for step in steps:
        assert step.state == state or may_become(state, step.state), f"{state} to {step.state}"
        state = step.state
    failure = steps[-1].failure if steps else command.failure
    unknown = command.unknown_since if not steps else None
    return Change(
        command.id,
        command.state,
        due_at,
        steps,
        failure,
        **{"unknown_since": unknown, **facts},
    )


def _again(command: Open, now: datetime, note: str, **facts: Any) -> Change | None:
    """Return how a stop whose transaction runs on is asked again; None for any other command."""
    if not command.until_ended or now >= command.expires_at:
        return None
    pause = min(_FIRST_PAUSE * 2 ** min(command.attempts, 10), _LONGEST_PAUSE)
    step = Step(CommandState.QUEUED, f"{note}; asked again until the transaction ends")
    return _change(command, command.expires_at, step, earliest_at=now + pause, **facts)


# --------------------------------------------------------------------------- after an answer


@dataclass(frozen=True, slots=True)
class CallErrorSaid:
    """A CALLERROR, or an answer that has lost its meaning."""

    code: str
    description: str


def answered(
    command: Open,
    said: Mapping[str, Any] | CallErrorSaid,
    at: datetime,
    *,
    most_s: float | None = None,
) -> Change | None:
    """Return what an answer makes of a command; None if it makes nothing.

    Args:
        command: As it is now: still sent, or given up already.
        said: The answer.
        at: When it came.
        most_s: The limit to the wait for evidence, in seconds.
    """
    if isinstance(said, CallErrorSaid):
        answer = {"error_code": said.code, "error_description": said.description}
        found = AnswerMeaning(False, note=f"CALLERROR {said.code} {said.description}".strip())
    else:
        found = meaning(command.asked.action, dict(said))
        answer = without_secrets(said)
    facts: dict[str, Any] = {"answer": answer, "answered_at": at}
    if command.state is CommandState.SENT:
        if isinstance(said, CallErrorSaid):
            step = Step(CommandState.FAILED, found.note, Failure.CALL_ERROR)
            again = _again(command, at, found.note or "", **facts)
            return again or _change(command, None, step, **facts)
        return _taken(command, found, at, facts, most_s)
    if command.asked.answered_at is not None:
        return None
    if command.state is CommandState.FAILED:
        return _taken_late(command, found, at, facts, most_s)
    if command.state is CommandState.EFFECTIVE:  # the evidence was faster
        return _change(command, None, **facts)
    return None


def _taken(
    command: Open,
    found: AnswerMeaning,
    at: datetime,
    facts: dict[str, Any],
    most_s: float | None,
) -> Change:
    if not found.is_yes:
        again = _again(command, at, found.note or "rejected", **facts)
        step = Step(CommandState.REJECTED, found.note)
        return again or _change(command, None, step, **facts)
    accepted = Step(CommandState.ACCEPTED, found.note)
    rule = rule_of(command.asked.version, command.asked.action)
    if rule.shown is Shown.ANSWER:
        return _change(command, None, accepted, Step(CommandState.EFFECTIVE), **facts)
    until = deadline(rule, _with(command.asked, facts), now=at, most_s=most_s)
    return _change(command, until, accepted, **facts)


def _taken_late(
    command: Open,
    found: AnswerMeaning,
    at: datetime,
    facts: dict[str, Any],
    most_s: float | None,
) -> Change:
    """A late yes is looked into like one in time; the command stays failed until that shows."""
    word = "yes" if found.is_yes else "no"
    note = f"late answer: {found.note or word}"
    rule = rule_of(command.asked.version, command.asked.action)
    if found.is_yes and rule.shown is Shown.ANSWER:
        return _change(command, None, Step(CommandState.EFFECTIVE, note), **facts)
    until = None
    if found.is_yes:
        until = deadline(rule, _with(command.asked, facts), now=at, most_s=most_s) + LATE_FOR
    step = Step(CommandState.FAILED, note, command.failure)
    return _change(command, until, step, **facts)


def _with(asked: Asked, facts: Mapping[str, Any]) -> Asked:
    return Asked(
        version=asked.version,
        action=asked.action,
        payload=asked.payload,
        sent_at=asked.sent_at,
        answered_at=facts["answered_at"],
        answer=facts["answer"],
        firmware=asked.firmware,
        remote_start_id=asked.remote_start_id,
    )


# ------------------------------------------------------------------------- without an answer


def silent(command: Open, now: datetime) -> Change | None:
    """Return what the time-out of a call makes of a command."""
    if command.state is not CommandState.SENT:
        return None
    note = "no answer in time"
    step = Step(CommandState.FAILED, note, Failure.NO_ANSWER)
    return _again(command, now, note) or _change(command, _late_until(command, now), step)


def _late_until(command: Open, now: datetime) -> datetime | None:
    rule = rule_of(command.asked.version, command.asked.action)
    return None if rule.shown is Shown.ANSWER else now + LATE_FOR


def not_sent(command: Open) -> Change | None:
    """Return what becomes of a command whose frame was never written: it waits again."""
    if command.state is not CommandState.SENT:
        return None
    step = Step(CommandState.QUEUED, "the connection ended before it was sent")
    return _change(command, command.expires_at, step)


def lost(command: Open, now: datetime, *, most_s: float | None = None) -> Change | None:
    """Return what becomes of a command whose connection or process was lost before the answer.

    Whether it was done, nobody knows: what has the same result when done twice is asked again,
    for the rest evidence is awaited.
    """
    if command.state is not CommandState.SENT or command.unknown_since is not None:
        return None
    asked = command.asked
    note = "the connection was lost before the answer"
    again = _again(command, now, note)
    if again is not None:
        return again
    may_again = may_be_asked_again(asked.action, asked.payload)
    if may_again and now < command.expires_at and command.attempts < MOST_ATTEMPTS:
        step = Step(CommandState.QUEUED, f"{note}; asked again")
        return _change(command, command.expires_at, step)
    rule = rule_of(asked.version, asked.action)
    if rule.shown is Shown.ANSWER:
        return _change(command, None, Step(CommandState.FAILED, note, Failure.OUTCOME_UNKNOWN))
    step = Step(CommandState.SENT, f"{note}; the outcome is unknown")
    until = deadline(rule, asked, now=now, most_s=most_s)
    return _change(command, until, step, unknown_since=now)


# --------------------------------------------------------------------------------- by evidence


def judged(command: Open, verdict: Verdict) -> Change | None:
    """Return what the evidence makes of a command; None as long as nothing shows."""
    if command.state not in _MAY_SHOW:
        return None
    if verdict.effect is Effect.SHOWN:
        late = command.state is CommandState.FAILED
        note = "; ".join(each for each in (verdict.note, "late evidence" if late else None) if each)
        step = Step(CommandState.EFFECTIVE, note or None)
        return _change(command, None, step, transaction_id=verdict.transaction_id)
    if verdict.effect is Effect.NEVER:
        if command.state is CommandState.FAILED:
            return _change(command, None)
        if command.state is CommandState.QUEUED:
            return None
        return _change(command, None, Step(CommandState.FAILED, verdict.note, Failure.NO_EFFECT))
    return None


_MAY_SHOW = frozenset(
    {CommandState.QUEUED, CommandState.SENT, CommandState.ACCEPTED, CommandState.FAILED}
)


def overdue(
    command: Open, now: datetime, verdict: Verdict | None, *, most_s: float | None = None
) -> Change | None:
    """Return what becomes of a command whose time is over and whose effect does not show."""
    note = None if verdict is None else verdict.note
    match command.state:
        case CommandState.QUEUED:
            return _change(command, None, Step(CommandState.EXPIRED))
        case CommandState.SENT if command.unknown_since is None:
            return lost(command, now, most_s=most_s)
        case CommandState.SENT:
            step = Step(CommandState.FAILED, note, Failure.OUTCOME_UNKNOWN)
        case CommandState.ACCEPTED:
            step = Step(CommandState.FAILED, note, Failure.NO_EFFECT)
        case _:
            return _change(command, None)
    again = _again(command, now, step.failure.value if step.failure else "")
    return again or _change(command, _late_until(command, now), step)


def overtaken(command: Open) -> Change:
    """Return what becomes of a start, stop or reservation whose connection ended too early."""
    note = "the connection ended; it is never sent after an outage"
    return _change(command, None, Step(CommandState.EXPIRED, note))


# -------------------------------------------------------------------------------- reading back


def _is_readable(command: Open) -> bool:
    """Tell whether a station said yes and what it has now may still show: a late yes is one too."""
    if command.state is CommandState.FAILED:
        is_late = command.failure is Failure.NO_ANSWER and command.asked.answered_at is not None
        return is_late and command.due_at is not None
    return command.state is CommandState.ACCEPTED


def must_be_read(command: Open, facts: Facts, now: datetime) -> bool:
    """Tell whether a station must be asked (again) what it has now.

    At once after the answer, after a boot, and in growing pauses as long as it does not show.
    """
    rule = rule_of(command.asked.version, command.asked.action)
    if rule.shown not in READ_BACK or not _is_readable(command):
        return False
    last, since = command.read_back_at, command.asked.answered_at
    if last is None or since is None:
        return True
    if facts.booted_at is not None and facts.booted_at > last:
        return True
    return now - last >= (last - since) + _READ_AGAIN_AFTER


def read_back(command: Open, said: dict[str, Any] | None, at: datetime) -> Change | None:
    """Return the change that notes what a station has now; None: it did not say."""
    if not _is_readable(command):
        return None
    return _change(command, command.due_at, read_back=said, read_back_at=at)
