"""How much an opening may carry."""

from portal.tunnel_pace import Pace


class Elapsed:
    """A clock of seconds that is moved by hand."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_who_takes_more_than_there_is_waits_until_it_is_filled() -> None:
    elapsed = Elapsed()
    pace = Pace(10, 20, elapsed_s=elapsed)
    assert pace.take(20) == 0
    assert pace.take(5) == 0.5
    elapsed.s = 0.5
    assert pace.take(1) == 0.1


def test_what_must_be_there_is_refused_until_it_is() -> None:
    elapsed = Elapsed()
    pace = Pace(1, 2, elapsed_s=elapsed)
    assert [pace.take_if_there(1) for _ in range(3)] == [True, True, False]
    elapsed.s = 0.9
    assert not pace.take_if_there(1)
    elapsed.s = 1.0
    assert pace.take_if_there(1)


def test_it_never_holds_more_than_its_size() -> None:
    elapsed = Elapsed()
    pace = Pace(10, 20, elapsed_s=elapsed)
    elapsed.s = 1000.0
    assert pace.take_if_there(20)
    assert not pace.take_if_there(1)
