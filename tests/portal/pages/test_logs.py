"""Raw messages as lines of a log."""

import pytest

from portal.pages.logs import action_of, shortened


@pytest.mark.parametrize(
    ("raw", "action"),
    [
        ('[2, "1", "Heartbeat", {}]', "Heartbeat"),
        ('[3, "1", {}]', "CALLRESULT"),
        ('[4, "1", "NotSupported", "", {}]', "CALLERROR NotSupported"),
        ("[2]", "?"),
        ("[]", "?"),
        ('{"a": 1}', "?"),
        ("no json", "?"),
        ("[" * 100_000, "?"),
        ('[2, "1", 7, {}]', "?"),
    ],
)
def test_a_message_is_named_by_its_action_whatever_it_is(raw: str, action: str) -> None:
    assert action_of(raw) == action


def test_a_long_message_is_cut_and_says_so() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc …"
