"""The tab of payments is one of a station's; `test_paying` drives it."""

from portal.pages.station_payments import router


def test_its_ways_are_below_the_station() -> None:
    assert {each.path for each in router.routes} == {  # type: ignore[attr-defined]
        "/stations/{identity:segment}/payments",
        "/stations/{identity:segment}/payments/{number}/close",
    }
