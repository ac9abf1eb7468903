"""Steps: from the harmless to the strong, none of them needs a written order."""

from alerts.steps import HARMLESS_TO_SESSIONS, RESETS, STRENGTH, Step
from csms.queue import needs_order
from support.first_aid import command_for


def test_no_step_needs_a_written_order_whatever_the_stations_version() -> None:
    for step in Step:
        for version in ("1.6", "2.0.1"):
            wanted = command_for(step, version, evse_id=1, connector_id=1)
            assert wanted is not None
            action, payload = wanted
            assert not needs_order(action, payload, acts_for_own=False, has_end=True), step


def test_the_stronger_the_later_and_restarts_end_sessions() -> None:
    assert sorted(Step, key=STRENGTH.__getitem__) == list(Step)
    assert not RESETS & HARMLESS_TO_SESSIONS
    assert Step.UNLOCK not in HARMLESS_TO_SESSIONS
