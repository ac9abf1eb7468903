"""The card of a session's money: a difference is shown, and only a real one."""

from decimal import Decimal

from csms.payments import Limits
from foundation.charging_limits import ChargingLimits
from portal.pages.session_money import _lines
from portal.words import words


def test_each_limit_shows_both_sides_and_what_holds() -> None:
    limits = Limits(
        ChargingLimits(max_cost=Decimal(15), max_soc=80), ChargingLimits(Decimal(20)), None, None
    )
    found = [(each.stations, each.ours, each.holds) for each in _lines(limits, words("en"))]
    assert found == [("15", "20", "15"), ("80", "", "80")]
