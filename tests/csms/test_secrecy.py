"""Nothing secret is kept, in whatever place a station or a person says it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.secrecy import MASK, is_secret, shown, text_without_secrets, without_secrets

SECRET = "hunter2-0f3a"

PLACES: list[Any] = [
    {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": SECRET}]},
    {"configurationKey": [{"key": "Vendor_FtpPassword", "value": SECRET}]},
    {"key": "AUTHORIZATIONKEY", "value": SECRET},
    {"setVariableData": [{"variable": {"name": "BasicAuthPassword"}, "attributeValue": SECRET}]},
    {"getVariableResult": [{"variable": {"name": "VpnKey"}, "attributeValue": SECRET}]},
    {
        "reportData": [
            {
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
                "variableAttribute": [{"type": "Actual", "value": SECRET}],
            }
        ]
    },
    {"eventData": [{"variable": {"name": "ApnPassword"}, "actualValue": SECRET}]},
    {"connectionData": {"basicAuthPassword": SECRET, "apn": {"apnPassword": SECRET}}},
    {"connectionData": {"vpn": {"server": "v", "user": "u", "password": SECRET, "key": SECRET}}},
    {"location": f"ftp://station:{SECRET}@files.example/logs"},
    {"log": {"remoteLocation": f"https://{SECRET}@files.example/logs"}},
    {"firmware": {"location": f"sftp://u:{SECRET}@10.0.0.1:22/fw.bin"}},
    {"vendorId": "x", "data": json.dumps({"adminPassword": SECRET})},
    {"vendorId": "x", "data": json.dumps(json.dumps({"adminPassword": SECRET}))},
    {"configurationKey": [{"key": "Upload", "value": f"ftp://a:{SECRET}@b.example"}]},
]


@pytest.mark.parametrize("said", PLACES)
def test_no_place_shows_a_secret(said: Any) -> None:
    assert SECRET in json.dumps(said)
    assert SECRET not in json.dumps(without_secrets(said))
    frame = json.dumps([3, "1", said])
    kept = text_without_secrets(frame)
    assert SECRET not in kept
    assert json.loads(kept)[1] == "1"
    assert without_secrets(without_secrets(said)) == without_secrets(said)
    # A frame that broke off is no JSON any more.
    assert SECRET not in text_without_secrets(frame[:-3])


def test_what_is_no_secret_stays_as_it_is() -> None:
    plain: list[Any] = [
        {"key": "HeartbeatInterval", "value": "60"},
        {"configurationKey": [{"key": "AuthorizeRemoteTxRequests", "value": "true"}]},
        {"location": "https://files.example/fw.bin", "note": "mail ops@files.example"},
        {"key": "AuthorizationKey", "readonly": True},
        {"variable": {"name": "BasicAuthPassword"}, "attributeStatus": "Rejected"},
    ]
    for each in plain:
        assert without_secrets(each) == each
        frame = json.dumps([2, "1", "X", each], indent=1)
        assert text_without_secrets(frame) == frame


def test_a_setting_is_kept_by_its_name() -> None:
    assert is_secret("AuthorizationKey")
    assert not is_secret("Authorize")
    assert shown("basicauthpassword", SECRET) == MASK
    assert shown("basicauthpassword", "") == ""
    assert shown("Upload", f"ftp://a:{SECRET}@b") == f"ftp://{MASK}@b"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(_JSON)
def test_whatever_is_said_stays_json_and_small_talk_is_left_alone(said: Any) -> None:
    assert without_secrets(said) == said
    assert text_without_secrets(json.dumps(said)) == json.dumps(said)
