"""Security events, rated; how they are kept is in `tests/conformance`."""

from datetime import timedelta

import pytest

from accounts.directory import WHOLE
from csms.security_events import CRITICAL, NOT_CRITICAL, OURS, events, is_critical
from foundation.errors import NotFound
from tests.csms.central import Central


@pytest.mark.parametrize(
    ("kind", "rated"),
    [
        ("FirmwareUpdated", True),
        ("TamperDetectionActivated", True),
        ("InvalidMessages", False),
        ("InvalidTLSVersion", False),
        ("ConnectionBelowSecurityProfile", True),
        ("VendorsOwn", None),
    ],
)
def test_a_type_is_rated_as_the_standards_list_has_it(kind: str, rated: bool | None) -> None:
    assert is_critical(kind) is rated


def test_no_type_is_rated_twice() -> None:
    assert not CRITICAL & NOT_CRITICAL
    assert not OURS & (CRITICAL | NOT_CRITICAL)


async def test_what_a_station_told_is_listed_the_newest_first(central: Central) -> None:
    station = await central.here()
    for kind in ("FirmwareUpdated", "InvalidMessages"):
        central.clock.at += timedelta(seconds=1)
        await station.call(
            "SecurityEventNotification",
            {"type": kind, "timestamp": central.clock.now().isoformat()},
        )
    async with central.database.unit_of_work() as db:
        found = await events(db, WHOLE, station.identity)
        assert [(each.type, each.is_critical) for each in found] == [
            ("InvalidMessages", False),
            ("FirmwareUpdated", True),
        ]
        assert not any(each.is_ours for each in found)
        with pytest.raises(NotFound):
            await events(db, WHOLE, "NOBODY")
