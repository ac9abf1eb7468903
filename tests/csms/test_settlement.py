"""What becomes of a command: every way in which an answer, its absence or evidence can come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms import settlement
from csms.evidence import LATE_FOR, Asked, Effect, Facts, Verdict
from csms.queue import FINAL, CommandState, Failure, may_become
from csms.reports import OcppVersion
from csms.settlement import CallErrorSaid, Change, Open
from foundation.identifiers import StationId, TransactionId

V16 = OcppVersion.V16
SENT = datetime(2026, 10, 15, 12, tzinfo=UTC)
NOW = SENT + timedelta(seconds=10)
YES, NO = {"status": "Accepted"}, {"status": "Rejected"}
QUEUED, ON_THE_WIRE, ACCEPTED = CommandState.QUEUED, CommandState.SENT, CommandState.ACCEPTED
REJECTED, EFFECTIVE, FAILED = CommandState.REJECTED, CommandState.EFFECTIVE, CommandState.FAILED

SHOWN = Verdict(Effect.SHOWN, transaction_id=TransactionId(7))
NOT_YET = Verdict(Effect.NOT_YET, "A is '1'")
NEVER = Verdict(Effect.NEVER, "InstallationFailed")


def command(state: CommandState = ON_THE_WIRE, action: str = "Reset", **changed: Any) -> Open:
    about: dict[str, Any] = {
        "version": V16,
        "action": action,
        "payload": {},
        "sent_at": SENT,
        "answered_at": None,
        "answer": None,
        "firmware": None,
    }
    asked = {name: changed.pop(name) for name in list(changed) if name in about}
    usual: dict[str, Any] = {
        "id": 1,
        "station": StationId("CS-1"),
        "state": state,
        "failure": None,
        "asked": Asked(**(about | asked)),
        "due_at": NOW + timedelta(minutes=5),
        "expires_at": NOW + timedelta(minutes=5),
        "unknown_since": None,
        "read_back": None,
        "read_back_at": None,
        "until_ended": False,
        "attempts": 1,
        "message_id": "m1",
    }
    return Open(**(usual | changed))


def made(change: Change | None) -> Change:
    assert change is not None
    return change


def path(change: Change | None) -> list[CommandState]:
    return [each.state for each in made(change).steps]


# -------------------------------------------------------------------------------- answers


def test_a_yes_to_what_shows_by_its_answer_is_the_effect() -> None:
    change = made(settlement.answered(command(action="ClearCache"), YES, NOW))
    assert path(change) == [ACCEPTED, EFFECTIVE]
    assert (change.due_at, change.answer, change.answered_at) == (None, YES, NOW)


def test_a_yes_to_anything_else_waits_for_its_evidence() -> None:
    change = made(settlement.answered(command(), YES, NOW))
    assert path(change) == [ACCEPTED]
    assert change.due_at == NOW + timedelta(minutes=10)
    assert made(settlement.answered(command(), YES, NOW, most_s=5)).due_at == NOW + timedelta(
        seconds=5
    )


def test_a_no_and_a_callerror_are_the_end() -> None:
    assert path(settlement.answered(command(), NO, NOW)) == [REJECTED]
    change = made(settlement.answered(command(), CallErrorSaid("NotSupported", "no"), NOW))
    assert (path(change), change.failure) == ([FAILED], Failure.CALL_ERROR)
    assert change.answer == {"error_code": "NotSupported", "error_description": "no"}
    assert change.due_at is None


def test_a_late_yes_is_looked_into_and_a_late_no_is_noted() -> None:
    given_up: dict[str, Any] = {"state": FAILED, "failure": Failure.NO_ANSWER}
    change = made(settlement.answered(command(**given_up), YES, NOW))
    assert (path(change), change.failure) == ([FAILED], Failure.NO_ANSWER)
    assert change.due_at == NOW + timedelta(minutes=10) + LATE_FOR
    no = made(settlement.answered(command(**given_up), NO, NOW))
    assert (no.due_at, no.steps[0].note) == (None, "late answer: no")
    cache = command(**given_up, action="ClearCache")
    assert path(settlement.answered(cache, YES, NOW)) == [EFFECTIVE]


def test_an_answer_is_taken_once() -> None:
    given_up = command(FAILED, failure=Failure.NO_ANSWER, answered_at=NOW, answer=YES)
    assert settlement.answered(given_up, NO, NOW) is None
    assert settlement.answered(command(REJECTED), YES, NOW) is None


def test_an_answer_behind_the_evidence_is_kept() -> None:
    change = made(settlement.answered(command(EFFECTIVE), YES, NOW))
    assert (change.steps, change.answer, change.after) == ((), YES, EFFECTIVE)


# ----------------------------------------------------------------------- without an answer


def test_silence_is_a_failure_that_evidence_may_still_turn() -> None:
    change = made(settlement.silent(command(), NOW))
    assert (path(change), change.failure) == ([FAILED], Failure.NO_ANSWER)
    assert change.due_at == NOW + LATE_FOR
    assert made(settlement.silent(command(action="ClearCache"), NOW)).due_at is None
    assert settlement.silent(command(ACCEPTED), NOW) is None


def test_a_lost_connection_leaves_the_outcome_of_a_start_unknown() -> None:
    start = command(action="RemoteStartTransaction")
    change = made(settlement.lost(start, NOW))
    assert (path(change), change.unknown_since) == ([ON_THE_WIRE], NOW)
    assert change.due_at == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("action", ["RemoteStartTransaction", "RemoteStopTransaction", "Reset"])
def test_what_is_never_replayed_is_not_asked_again(action: str) -> None:
    assert QUEUED not in path(settlement.lost(command(action=action), NOW))


def test_what_may_be_done_twice_is_asked_again_as_long_as_it_is_wanted() -> None:
    cache = command(action="ClearCache")
    assert path(settlement.lost(cache, NOW)) == [QUEUED]
    late = made(settlement.lost(cache, cache.expires_at))
    assert (path(late), late.failure) == ([FAILED], Failure.OUTCOME_UNKNOWN)
    often = command(action="ClearCache", attempts=settlement.MOST_ATTEMPTS)
    assert path(settlement.lost(often, NOW)) == [FAILED]


def test_an_unknown_outcome_that_nothing_can_show_is_a_failure_at_once() -> None:
    change = made(settlement.lost(command(action="DataTransfer"), NOW))
    assert (path(change), change.failure) == ([FAILED], Failure.OUTCOME_UNKNOWN)


def test_a_loss_is_noted_once() -> None:
    assert settlement.lost(command(unknown_since=SENT), NOW) is None
    assert settlement.lost(command(ACCEPTED), NOW) is None


def test_a_frame_that_was_never_written_waits_again() -> None:
    assert path(settlement.not_sent(command())) == [QUEUED]
    assert settlement.not_sent(command(FAILED)) is None


# ------------------------------------------------------------------------------- evidence


@pytest.mark.parametrize(
    ("state", "more"),
    [(ACCEPTED, {}), (FAILED, {"failure": Failure.NO_EFFECT}), (ON_THE_WIRE, {})],
)
def test_evidence_makes_a_command_effective(state: CommandState, more: dict[str, Any]) -> None:
    change = made(settlement.judged(command(state, unknown_since=SENT, **more), SHOWN))
    assert (path(change), change.transaction_id, change.due_at) == ([EFFECTIVE], 7, None)
    assert change.failure is None
    late = change.steps[0].note
    assert (late == "late evidence") is (state is FAILED)


def test_evidence_does_not_turn_what_was_refused() -> None:
    assert settlement.judged(command(REJECTED), SHOWN) is None
    assert settlement.judged(command(ACCEPTED), NOT_YET) is None


def test_the_station_s_own_word_that_it_failed_counts_at_once() -> None:
    change = made(settlement.judged(command(ACCEPTED), NEVER))
    assert (path(change), change.failure) == ([FAILED], Failure.NO_EFFECT)
    again = made(settlement.judged(command(FAILED, failure=Failure.NO_ANSWER), NEVER))
    assert (again.steps, again.failure, again.due_at) == ((), Failure.NO_ANSWER, None)


@pytest.mark.parametrize(
    ("state", "more", "after", "failure"),
    [
        (QUEUED, {}, CommandState.EXPIRED, None),
        (ACCEPTED, {}, FAILED, Failure.NO_EFFECT),
        (ON_THE_WIRE, {"unknown_since": SENT}, FAILED, Failure.OUTCOME_UNKNOWN),
        (FAILED, {"failure": Failure.NO_ANSWER}, FAILED, Failure.NO_ANSWER),
    ],
)
def test_what_does_not_show_in_time_has_failed(
    state: CommandState, more: dict[str, Any], after: CommandState, failure: Failure | None
) -> None:
    change = made(settlement.overdue(command(state, **more), NOW, NOT_YET))
    assert (change.after, change.failure) == (after, failure)
    if state in (QUEUED, FAILED):
        assert change.due_at is None
    else:
        assert change.due_at == NOW + LATE_FOR


def test_a_sending_that_nobody_remembers_is_looked_into() -> None:
    change = made(settlement.overdue(command(), NOW, None))
    assert change.unknown_since == NOW


def test_what_may_not_wait_for_another_connection_expires() -> None:
    assert path(settlement.overtaken(command(QUEUED))) == [CommandState.EXPIRED]


# ------------------------------------------------------------ a stop bound to its transaction

STOP: dict[str, Any] = {"action": "RemoteStopTransaction", "until_ended": True}


@pytest.mark.parametrize(
    "change",
    [
        settlement.answered(command(**STOP), NO, NOW),
        settlement.answered(command(**STOP), CallErrorSaid("InternalError", ""), NOW),
        settlement.silent(command(**STOP), NOW),
        settlement.lost(command(**STOP), NOW),
        settlement.overdue(command(ACCEPTED, **STOP), NOW, NOT_YET),
        settlement.overdue(command(unknown_since=SENT, **STOP), NOW, NOT_YET),
    ],
)
def test_a_bound_stop_is_asked_again_whatever_happened(change: Change | None) -> None:
    assert path(change) == [QUEUED]
    assert made(change).earliest_at == NOW + timedelta(seconds=60)


def test_a_bound_stop_is_asked_less_and_less_often_and_not_for_ever() -> None:
    tenth = made(settlement.silent(command(attempts=10, **STOP), NOW))
    assert tenth.earliest_at == NOW + timedelta(minutes=10)
    assert path(settlement.silent(command(expires_at=NOW, **STOP), NOW)) == [FAILED]


def test_a_bound_stop_that_waits_is_over_when_the_transaction_is() -> None:
    assert path(settlement.judged(command(QUEUED, **STOP), SHOWN)) == [EFFECTIVE]


# ------------------------------------------------------------------------------ reading back

CHANGED: dict[str, Any] = {"action": "ChangeConfiguration", "answered_at": SENT, "answer": YES}


def test_a_setting_is_read_back_at_once_and_then_in_growing_pauses() -> None:
    first = command(ACCEPTED, **CHANGED)
    assert settlement.must_be_read(first, Facts(), NOW)

    def read(after_s: float, last_s: float, facts: Facts) -> bool:
        last = SENT + timedelta(seconds=last_s)
        again = command(ACCEPTED, read_back_at=last, **CHANGED)
        return settlement.must_be_read(again, facts, SENT + timedelta(seconds=after_s))

    assert not read(1.5, 0, Facts())
    assert read(2, 0, Facts())
    assert not read(20, 10, Facts())
    assert read(22, 10, Facts())
    assert read(11, 10, Facts(booted_at=SENT + timedelta(seconds=10.5)))


def test_nothing_else_is_read_back() -> None:
    assert not settlement.must_be_read(command(ACCEPTED), Facts(), NOW)
    assert not settlement.must_be_read(command(FAILED, **CHANGED), Facts(), NOW)
    assert settlement.read_back(command(FAILED, **CHANGED), {}, NOW) is None
    change = made(settlement.read_back(command(ACCEPTED, **CHANGED), {"a": 1}, NOW))
    assert (change.steps, change.read_back, change.read_back_at) == ((), {"a": 1}, NOW)


def test_a_late_yes_is_read_back_as_one_in_time_and_a_late_no_is_not() -> None:
    late = {**CHANGED, "failure": Failure.NO_ANSWER}
    yes = command(FAILED, **late)
    assert settlement.must_be_read(yes, Facts(), NOW)
    change = made(settlement.read_back(yes, {"a": 1}, NOW))
    assert (change.after, change.failure, change.due_at) == (FAILED, Failure.NO_ANSWER, yes.due_at)
    assert (change.steps, change.read_back) == ((), {"a": 1})
    for no in ({**late, "due_at": None}, {**late, "answered_at": None, "answer": None}):
        assert not settlement.must_be_read(command(FAILED, **no), Facts(), NOW)
        assert settlement.read_back(command(FAILED, **no), {}, NOW) is None


# ---------------------------------------------------------------------------------- the law

ACTIONS = ("Reset", "ClearCache", "RemoteStartTransaction", "ChangeConfiguration", "DataTransfer")
HAPPENINGS = st.sampled_from(
    ("yes", "no", "error", "silent", "lost", "not_sent", "shown", "never", "overdue")
)


@given(st.sampled_from(ACTIONS), st.lists(HAPPENINGS, max_size=12), st.booleans())
def test_whatever_happens_in_whatever_order_the_states_follow_each_other(
    action: str, happenings: list[str], bound: bool
) -> None:
    action = "RemoteStopTransaction" if bound else action
    one = command(action=action, until_ended=bound)
    for happening in happenings:
        outcomes: dict[str, Callable[[Open], Change | None]] = {
            "yes": lambda c: settlement.answered(c, YES, NOW),
            "no": lambda c: settlement.answered(c, NO, NOW),
            "error": lambda c: settlement.answered(c, CallErrorSaid("E", ""), NOW),
            "silent": lambda c: settlement.silent(c, NOW),
            "lost": lambda c: settlement.lost(c, NOW),
            "not_sent": settlement.not_sent,
            "shown": lambda c: settlement.judged(c, SHOWN),
            "never": lambda c: settlement.judged(c, NEVER),
            "overdue": lambda c: settlement.overdue(c, NOW, NOT_YET),
        }
        change = outcomes[happening](one)
        if change is None:
            continue
        state = one.state
        for step in change.steps:
            assert step.state == state or may_become(state, step.state)
            state = step.state
        assert change.after is state
        assert (change.failure is not None) is (state is FAILED)
        if state in FINAL - {FAILED}:
            assert change.due_at is None
        elif state not in FINAL:
            assert change.due_at is not None
        answered = change.answered_at or one.asked.answered_at
        one = command(
            state,
            action,
            failure=change.failure,
            unknown_since=change.unknown_since,
            due_at=change.due_at,
            until_ended=bound,
            answered_at=answered,
            answer=change.answer or one.asked.answer,
        )
