"""Failings are chosen per action, and read strictly."""

import pytest

from simulators.manners import BadManners, Failing, Manners, failings_of, read_failings


def test_an_action_fails_as_it_was_told_and_others_as_any_does() -> None:
    manners = Manners(read_failings(["Reset=no_answer", "*=reject"]))
    assert manners.failing("Reset") is Failing.NO_ANSWER
    assert manners.failing("ClearCache") is Failing.REJECT
    assert Manners().failing("Reset") is None


@pytest.mark.parametrize("text", ["Reset", "Reset=", "=reject", "Reset=badly"])
def test_what_is_no_failing_is_named(text: str) -> None:
    with pytest.raises(BadManners, match="no_effect"):
        read_failings([text])


def test_a_plan_names_them_as_a_mapping() -> None:
    assert failings_of({"Reset": "late_answer"}) == {"Reset": Failing.LATE_ANSWER}
    with pytest.raises(BadManners):
        failings_of({"Reset": "never"})


def test_a_failing_may_happen_only_once() -> None:
    manners = Manners({"Reset": Failing.REJECT}, is_once=True)
    assert manners.failing("Reset") is Failing.REJECT
    assert manners.failing("Reset") is None
