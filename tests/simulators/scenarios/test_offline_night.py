"""A night without a line."""

from simulators.scenarios import offline_night
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play


@VERSIONS
async def test_the_night_is_told_in_the_morning_with_its_own_times(
    csms: TinyCsms, version: str
) -> None:
    first, second, third = await play(csms, version, offline_night.run)
    assert (first.started_at, first.ended_at) == (
        "2026-10-14T21:00:00.000Z",
        "2026-10-15T00:00:00.000Z",
    )
    assert first.started_offline
    assert first.energy_wh == 33_000
    assert second.energy_wh is not None
    assert 41_000 < second.energy_wh < 44_000  # four hours, nearly full at the end
    assert third.ended_at == "2026-10-15T08:30:00.000Z"
