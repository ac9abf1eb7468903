"""What an HTTP status says about a message."""

import pytest

from alerts.channels.way import Away, Refused, judge


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_message_is_taken_by_2xx(status: int) -> None:
    judge(status)


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_what_the_other_side_does_not_want_is_not_tried_again(status: int) -> None:
    with pytest.raises(Refused):
        judge(status)


@pytest.mark.parametrize("status", [302, 401, 403, 408, 425, 429, 500, 503])
def test_what_may_get_better_is_tried_again(status: int) -> None:
    with pytest.raises(Away):
        judge(status)
