"""First aid: which playbooks may be, which is chosen, and what is done next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detections import Detection
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from support import first_aid
from support.first_aid import (
    RESETS,
    End,
    Facts,
    Outcome,
    Playbook,
    Result,
    Run,
    Step,
    TakesTurns,
    Tried,
    Try,
    Wait,
    WaitsFor,
    WouldLoop,
)

NORTH, OPERATOR = OrganisationKey("north"), OrganisationKey("operator")
NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALL = tuple(Step)


def playbook(**said: Any) -> Playbook:
    facts: dict[str, Any] = {
        "organisation": NORTH,
        "name": "Locks",
        "detection": Detection.FAULT,
        "steps": (Step.UNLOCK, Step.SOFT_RESET),
        "per_day": 3,
        "is_on": True,
    }
    return Playbook(**(facts | said))


def run(*tried: Tried, **said: Any) -> Run:
    facts: dict[str, Any] = {
        "id": 1,
        "alert": 1,
        "organisation": NORTH,
        "station": StationId("N-1"),
        "evse_id": 1,
        "connector_id": 1,
        "playbook": 1,
        "steps": ALL,
        "per_day": 3,
        "began_at": NOW,
        "due_at": NOW,
        "tried": tried,
    }
    return Run(**(facts | said))


def facts(**said: Any) -> Facts:
    usual: dict[str, Any] = {
        "is_present": True,
        "is_taken": False,
        "is_allowed": True,
        "is_charging": False,
        "is_worked_at": False,
        "is_connected": True,
        "is_busy": False,
        "used_today": 0,
    }
    return Facts(**(usual | said))


def tried(step: Step = Step.TRIGGER, result: Result | None = Result.EFFECTIVE) -> Tried:
    return Tried(step, NOW, result, None if result is None else NOW, "7")


@pytest.mark.parametrize(
    ("wrong", "field", "right"),
    [
        ({"name": " "}, "name", {"name": " Locks "}),
        ({"model": "X"}, "vendor", {"model": "X", "vendor": "Y"}),
        ({"steps": ()}, "steps", {"steps": (Step.TRIGGER,)}),
        ({"per_day": 0}, "per_day", {"per_day": 1}),
        ({"per_day": 21}, "per_day", {"per_day": 20}),
        ({"detection": Detection.BACKLOG}, "detection", {"detection": Detection.FAILING}),
        ({"causes": tuple(map(str, range(51)))}, "causes", {"causes": tuple(map(str, range(50)))}),
    ],
)
def test_what_is_no_playbook_is_refused_beside_what_is(
    wrong: dict[str, Any], field: str, right: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        first_aid.checked(playbook(**wrong))
    assert refused.value.field == field
    first_aid.checked(playbook(**right))


@pytest.mark.parametrize(
    ("looping", "ending"),
    [
        ({"steps": (Step.SOFT_RESET, Step.SOFT_RESET)}, {"steps": (Step.SOFT_RESET,)}),
        (
            {"steps": (Step.SOFT_RESET, Step.UNLOCK)},
            {"steps": (Step.UNLOCK, Step.SOFT_RESET, Step.HARD_RESET)},
        ),
        ({"detection": Detection.OFFLINE}, {"detection": Detection.OFFLINE, "steps": ALL[:1]}),
        (
            {"detection": Detection.SECURITY, "causes": ("ResetOrReboot",)},
            {"detection": Detection.SECURITY, "causes": ("TamperDetectionActivated",)},
        ),
        ({"detection": Detection.SECURITY}, {"detection": Detection.SECURITY, "steps": ALL[:2]}),
        (
            {"steps": (Step.IN_SERVICE, Step.OUT_OF_SERVICE)},
            {"steps": (Step.UNLOCK, Step.OUT_OF_SERVICE)},
        ),
        (
            {"detection": Detection.FAILING, "steps": (Step.OUT_OF_SERVICE,)},
            {
                "detection": Detection.FAILING,
                "steps": (Step.OUT_OF_SERVICE,),
                "causes": ("starts_without_energy",),
            },
        ),
    ],
)
def test_a_playbook_that_would_loop_is_refused(
    looping: dict[str, Any], ending: dict[str, Any]
) -> None:
    with pytest.raises(WouldLoop):
        first_aid.checked(playbook(**looping))
    first_aid.checked(playbook(**ending))


@given(st.lists(st.sampled_from(ALL), max_size=8))
def test_no_playbook_that_is_taken_has_a_step_twice(steps: list[Step]) -> None:
    try:
        found = first_aid.checked(playbook(steps=tuple(steps)))
    except InvalidInput:
        return
    assert len(set(found.steps)) == len(found.steps)
    assert list(found.steps) == [each for each in ALL if each in steps]


def test_two_that_are_on_for_the_same_thing_are_refused() -> None:
    on = playbook(id=1)
    with pytest.raises(TakesTurns):
        first_aid.must_not_take_turns(playbook(), [on])
    for other in (
        playbook(is_on=False),
        playbook(id=1),
        playbook(causes=("GroundFailure",)),
        playbook(vendor="ACME"),
        playbook(organisation=OPERATOR),
        playbook(detection=Detection.FAILING),
    ):
        first_aid.must_not_take_turns(other, [on])


def test_the_nearest_organisations_playbook_that_says_most_is_chosen() -> None:
    def chosen(*known: Playbook, **said: Any) -> int | None:
        asked: dict[str, Any] = {
            "organisations": [NORTH, OPERATOR],
            "detection": "fault",
            "cause": "ConnectorLockFailure",
            "vendor": "acme",
            "model": "one",
        }
        found = first_aid.chosen(known, **(asked | said))
        return None if found is None else found.id

    above = playbook(id=1, organisation=OPERATOR, vendor="ACME", model="ONE")
    own = playbook(id=2)
    of_cause = playbook(id=3, causes=("ConnectorLockFailure",))
    of_vendor = playbook(id=4, vendor="ACME")
    assert chosen(above, own) == 2
    assert chosen(above) == 1
    assert chosen(own, of_cause) == 3
    assert chosen(own, of_cause, of_vendor) == 4
    assert chosen(own, of_cause, of_vendor, cause="Other", vendor=None) == 2
    assert chosen(playbook(id=5, is_on=False), above, vendor="Other") is None
    assert chosen(above, organisations=[NORTH]) is None


def test_steps_come_one_after_the_other_each_after_the_one_before_had_its_time() -> None:
    assert first_aid.next_deed(run(), facts(), NOW) == Try(Step.TRIGGER)
    under_way = run(tried(result=None))
    assert first_aid.next_deed(under_way, facts(), NOW) == Wait(WaitsFor.ANSWER, NOW + MINUTE)
    done = run(tried())
    assert first_aid.next_deed(done, facts(), NOW) == Wait(WaitsFor.EFFECT, NOW + 2 * MINUTE)
    assert first_aid.next_deed(done, facts(), NOW + 2 * MINUTE) == Try(Step.CLEAR_CACHE)
    refused = run(tried(result=Result.REJECTED))
    assert first_aid.next_deed(refused, facts(), NOW) == Try(Step.CLEAR_CACHE)


@pytest.mark.parametrize(
    ("is_so", "outcome"),
    [
        ({"is_present": False}, Outcome.BY_ITSELF),
        ({"is_taken": True}, Outcome.TAKEN_ON),
        ({"is_allowed": False}, Outcome.SWITCHED_OFF),
        ({"used_today": 3}, Outcome.BUDGET_SPENT),
    ],
)
def test_it_ends_where_nothing_is_to_be_done(is_so: dict[str, Any], outcome: Outcome) -> None:
    assert first_aid.next_deed(run(), facts(**is_so), NOW) == End(outcome)


def test_it_is_cured_only_if_a_step_worked_and_not_cured_when_all_was_tried() -> None:
    gone = facts(is_present=False)
    assert first_aid.next_deed(run(tried()), gone, NOW) == End(Outcome.CURED)
    rejected = run(tried(result=Result.REJECTED))
    assert first_aid.next_deed(rejected, gone, NOW) == End(Outcome.BY_ITSELF)
    all_tried = run(*(tried(each) for each in ALL))
    later = NOW + 2 * MINUTE
    assert first_aid.next_deed(all_tried, facts(), later) == End(Outcome.NOT_CURED)


@pytest.mark.parametrize(
    ("is_so", "why"),
    [
        ({"is_worked_at": True}, WaitsFor.WINDOW),
        ({"is_charging": True}, WaitsFor.SESSION),
        ({"is_busy": True}, WaitsFor.OTHER),
        ({"is_connected": False}, WaitsFor.CONNECTION),
    ],
)
def test_it_waits_for_its_moment_but_not_for_ever(is_so: dict[str, Any], why: WaitsFor) -> None:
    assert first_aid.next_deed(run(), facts(**is_so), NOW) == Wait(why, NOW + MINUTE)
    late = NOW + timedelta(hours=24)
    assert first_aid.next_deed(run(), facts(**is_so), late) == End(Outcome.GIVEN_UP)


@given(
    st.builds(
        Facts,
        is_present=st.booleans(),
        is_taken=st.booleans(),
        is_allowed=st.booleans(),
        is_charging=st.just(value=True),
        is_worked_at=st.booleans(),
        is_connected=st.booleans(),
        is_busy=st.booleans(),
        used_today=st.integers(0, 9),
    ),
    st.integers(0, 3000),
)
def test_nothing_is_ever_tried_during_a_session(found: Facts, minutes: int) -> None:
    deed = first_aid.next_deed(run(tried()), found, NOW + minutes * MINUTE)
    assert not isinstance(deed, Try)


@given(st.integers(0, 9), st.integers(1, 9))
def test_the_budget_of_a_day_is_never_exceeded(used: int, per_day: int) -> None:
    deed = first_aid.next_deed(run(per_day=per_day), facts(used_today=used), NOW)
    assert isinstance(deed, Try) == (used < per_day)


def test_each_step_is_said_in_the_words_of_the_stations_version() -> None:
    def said(step: Step, version: str, evse_id: int | None = 2, **more: Any) -> Any:
        connector = more.get("connector_id")
        return first_aid.command_for(step, version, evse_id=evse_id, connector_id=connector)

    assert said(Step.UNLOCK, "1.6") == ("UnlockConnector", {"connectorId": 2})
    assert said(Step.UNLOCK, "2.0.1", connector_id=3) == (
        "UnlockConnector",
        {"evseId": 2, "connectorId": 3},
    )
    assert said(Step.UNLOCK, "1.6", None) is None
    assert said(Step.SOFT_RESET, "1.6") == ("Reset", {"type": "Soft"})
    assert said(Step.HARD_RESET, "2.0.1") == ("Reset", {"type": "Immediate"})
    assert said(Step.CLEAR_CACHE, "2.1") == ("ClearCache", {})
    status = {"requestedMessage": "StatusNotification"}
    assert said(Step.TRIGGER, "1.6") == ("TriggerMessage", {**status, "connectorId": 2})
    assert said(Step.TRIGGER, "1.6", 0) == ("TriggerMessage", status)
    assert said(Step.TRIGGER, "2.0.1") == (
        "TriggerMessage",
        {**status, "evse": {"id": 2, "connectorId": 1}},
    )
    assert said(Step.TRIGGER, "2.0.1", 0) == (
        "TriggerMessage",
        {"requestedMessage": "Heartbeat"},
    )


def test_what_became_of_a_command_is_what_came_of_its_step() -> None:
    known = {state: first_aid.result_of(state) for state in ("queued", "sent", "accepted")}
    assert set(known.values()) == {None}
    assert first_aid.result_of("effective") is Result.EFFECTIVE
    assert first_aid.result_of("expired") is Result.NOT_SENT
    assert set(Step) > RESETS
    assert replace(run(), tried=()) == run()
