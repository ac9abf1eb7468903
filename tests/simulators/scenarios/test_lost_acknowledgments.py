"""Answers get lost on their way back."""

from simulators.scenarios import lost_acknowledgments
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play, stored_as


@VERSIONS
async def test_what_was_not_acknowledged_is_told_again_under_a_new_id(
    csms: TinyCsms, version: str
) -> None:
    first, second = await play(csms, version, lost_acknowledgments.run)
    assert (first.start_sent, first.end_sent) == (3, 3)
    assert (second.start_sent, second.end_sent) == (1, 2)
    assert stored_as(csms, second).ends_heard == 2
    assert csms.connections["SIM-STORY"] == 2
