"""The power goes in mid-charge."""

from simulators.scenarios import power_loss
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play


@VERSIONS
async def test_both_cars_stop_when_the_power_goes_and_it_is_told_afterwards(
    csms: TinyCsms, version: str
) -> None:
    first, second, third = await play(csms, version, power_loss.run)
    assert (first.stop_reason, second.stop_reason) == ("PowerLoss", "PowerLoss")
    assert first.ended_at == second.ended_at == "2026-10-15T08:30:00.000Z"
    assert third.stop_reason == "Local"
    assert len(csms.calls("BootNotification")) == 2
