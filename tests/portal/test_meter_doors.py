"""The doors of meters' keys and of the ghost guard are tried over HTTP; here what is written."""

from datetime import UTC, datetime

from csms.meters import RegisteredKey
from portal import meter_doors

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)


def test_the_audit_is_told_the_whole_key() -> None:
    key = RegisteredKey(7, "CS-1", 1, "3059", "secp256r1", "M-1", BEGIN, None)
    assert meter_doors._told(key) == {
        "key_id": 7,
        "evse_id": 1,
        "public_key": "3059",
        "curve": "secp256r1",
        "meter_serial": "M-1",
        "valid_from": BEGIN,
        "valid_to": None,
    }
