"""The trail of first aid in lines, in both languages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from foundation.identifiers import OrganisationKey, StationId
from portal.first_aid_words import trail
from portal.words import words
from support.first_aid import Outcome, Result, Run, Step, Tried

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
RUN = Run(
    id=1,
    alert=1,
    organisation=OrganisationKey("north"),
    station=StationId("N-1"),
    evse_id=1,
    connector_id=1,
    playbook=1,
    steps=(Step.UNLOCK, Step.SOFT_RESET),
    per_day=3,
    began_at=AT,
    due_at=AT,
    tried=(
        Tried(Step.UNLOCK, AT, Result.FAILED, AT, "7", "no_effect"),
        Tried(Step.SOFT_RESET, AT + timedelta(minutes=5), None, None, "8"),
    ),
)
BERLIN = ZoneInfo("Europe/Berlin")


def test_each_step_is_a_line_with_its_time_its_command_and_its_effect() -> None:
    first, second = trail([RUN], BERLIN, words("en"))
    assert first.endswith("N-1/1: Unlock the connector – Without effect (Command 7)")
    assert "09:00" in first or "9:00" in first
    assert second.endswith("N-1/1: Restart (soft) – Under way (Command 8)")
    german = trail([RUN], BERLIN, words("de"))
    assert "Ohne Wirkung" in german[0]


def test_how_it_ended_stands_last_and_who_tried_nothing_says_nothing() -> None:
    over = replace(RUN, outcome=Outcome.NOT_CURED)
    nothing = replace(RUN, id=2, tried=(), outcome=Outcome.BY_ITSELF)
    lines = trail([nothing, over], BERLIN, words("en"))
    assert (len(lines), lines[-1]) == (3, "N-1/1: Not cured")
