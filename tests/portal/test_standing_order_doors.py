"""The doors of standing orders are tried over HTTP; here what can be ordered."""

from portal.standing_order_doors import ACTIONS


def test_whatever_some_version_has_can_be_ordered() -> None:
    assert {"ChangeConfiguration", "SetVariables", "UpdateFirmware"} <= ACTIONS
    assert "BootNotification" not in ACTIONS  # a station's own word
