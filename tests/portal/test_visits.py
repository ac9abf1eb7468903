"""How often somebody without a login may look at a public page."""

import pytest

from portal.problems import problem_of
from portal.visits import TooManyVisits, Visits, visitor_of


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_visitor_may_look_so_often_and_is_told_when_to_come_back() -> None:
    seconds = Seconds()
    visits = Visits(3, 100, elapsed_s=seconds)
    for _ in range(3):
        visits.take("192.0.2.1")
    with pytest.raises(TooManyVisits) as refused:
        visits.take("192.0.2.1")
    assert refused.value.wait_s == 20
    told = problem_of(refused.value)
    assert (told.status, dict(told.headers)) == (429, {"Retry-After": "20"})
    assert "API key" not in told.detail
    visits.take("192.0.2.2")
    seconds.now += 20
    visits.take("192.0.2.1")


def test_many_visitors_together_are_limited_too() -> None:
    visits = Visits(3, 5, elapsed_s=Seconds())
    for number in range(5):
        visits.take(f"192.0.2.{number}")
    with pytest.raises(TooManyVisits):
        visits.take("192.0.2.99")


def test_a_network_of_version_6_is_one_visitor() -> None:
    assert visitor_of("2001:db8:1:2::3") == visitor_of("2001:db8:1:2:ffff::9")
    assert visitor_of("2001:db8:1:3::3") != visitor_of("2001:db8:1:2::3")
    assert visitor_of("::ffff:192.0.2.1") == visitor_of("192.0.2.1")
    assert visitor_of(None) == visitor_of("a socket") == "unknown"
