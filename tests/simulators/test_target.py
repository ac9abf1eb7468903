"""What scenarios are played against."""

from datetime import UTC, datetime, timedelta

import pytest

from simulators.book import Book
from simulators.clock import HandClock
from simulators.link import LinkLost
from simulators.target import NotAdmitted, Target, charge, come_up, tell
from tests.simulators.csms import TinyCsms

MORNING = datetime(2026, 10, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "third"),
    [("SIM00001", "SIM00003"), ("A9", "A11"), ("04A1B2C3", "04A1B2C5"), ("CARD", "CARD")],
)
def test_tokens_are_numbered_on_from_the_first(first: str, third: str) -> None:
    target = Target(url="ws://127.0.0.1:1", id_token=first)
    assert (target.token(0), target.token(2)) == (first, third)


def test_the_past_begins_before_now() -> None:
    target = Target(url="ws://127.0.0.1:1", clock=HandClock(MORNING))
    assert target.past(timedelta(hours=11)).now() == MORNING - timedelta(hours=11)


async def test_a_station_that_is_not_let_in_says_so_and_one_that_is_charges(
    csms: TinyCsms,
) -> None:
    target = Target(url=csms.url, clock=HandClock(MORNING), book=Book())
    csms.admission["SIM-STORY"] = "Rejected"
    station = target.station()
    with pytest.raises(NotAdmitted, match="Rejected"):
        await come_up(station)
    csms.admission.clear()
    await come_up(station)
    await charge(station, 1, "04A1", hours=1)
    await station.disconnect()
    assert len(csms.transactions) == 1


async def test_without_a_line_nothing_is_told_and_nothing_fails(csms: TinyCsms) -> None:
    station = Target(url=csms.url, clock=HandClock(MORNING)).station()
    await charge(station, 1, "04A1", hours=1)
    await tell(station)
    assert station.waiting == 6
    with pytest.raises(LinkLost):
        await station.deliver()


async def test_a_bad_token_ends_the_charging_early_and_the_story_goes_on(csms: TinyCsms) -> None:
    csms.bad_tokens = {"04A1": "Invalid"}
    station = Target(url=csms.url, clock=HandClock(MORNING)).station()
    await come_up(station)
    await charge(station, 1, "04A1", hours=1)
    await station.disconnect()
    [record] = station.book.records.values()
    assert (record.stop_reason, record.end_acknowledged) == ("DeAuthorized", True)
