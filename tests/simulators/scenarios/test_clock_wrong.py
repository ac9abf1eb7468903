"""The station's clock is wrong."""

from simulators.scenarios import clock_wrong
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play, stored_as


@VERSIONS
async def test_a_wrong_clock_is_wrong_in_the_messages_and_right_in_the_book(
    csms: TinyCsms, version: str
) -> None:
    behind, ahead, *_, right = await play(csms, version, clock_wrong.run)
    assert behind.started_at == "2026-10-15T08:00:00.000Z"
    assert behind.said_started_at == "2025-10-15T08:00:00.000Z"
    assert stored_as(csms, behind).start["timestamp"] == behind.said_started_at
    assert ahead.said_started_at > "2027"
    assert right.said_started_at == right.started_at
