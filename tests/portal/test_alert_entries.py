"""What doors of alert recipients share: one's own entry is one's own to see and to change."""

from portal.alert_entries import NotTheirs


def test_who_may_change_an_entry_is_named() -> None:
    error = NotTheirs("Lea")
    assert error.code == "not_your_entry"
    assert "Lea" in str(error)
