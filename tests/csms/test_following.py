"""What follows an answer: only what concerns security; each effect is in `tests/conformance`."""

from csms.following import ACTIONS, follows
from csms.passwords import tells_password


def test_commands_of_daily_life_lead_to_nothing() -> None:
    for action in ("RemoteStartTransaction", "UnlockConnector", "GetConfiguration"):
        assert not follows(action, {"connectorId": 1})
    assert follows("RemoteStartTransaction", {"connectorId": 1, "chargingProfile": {}})
    assert follows("SetChargingProfile", {})


def test_whatever_tells_a_password_is_followed() -> None:
    told: dict[str, dict[str, object]] = {
        "ChangeConfiguration": {"key": "AuthorizationKey", "value": "********"},
        "SetVariables": {"setVariableData": [{"variable": {"name": "BasicAuthPassword"}}]},
        "SetNetworkProfile": {"connectionData": {"basicAuthPassword": "********"}},
    }
    for action, payload in told.items():
        assert tells_password(action, payload)
        assert action in ACTIONS
    assert not tells_password("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "1"})
