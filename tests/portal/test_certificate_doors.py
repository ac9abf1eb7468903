"""Doors of certificates: who sees the authorities; what they do is in the tests of the API."""

from datetime import timedelta

import pytest

from csms.certificate_tables import StationCertificateRow
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from portal import certificate_doors
from portal.certificate_doors import TOLD_DAYS, Wanted
from tests.portal.pages.conftest import (  # noqa: F401 - fixtures, taken by their names
    database_url,
    lively,
    lively_template,
    quiet_template,
)


async def test_how_far_ahead_one_looks_is_limited(
    lively: None,  # noqa: F811
    database: Database,
    clock: SetClock,
) -> None:
    async with database.unit_of_work() as db:
        for days in (0, 3661):
            with pytest.raises(InvalidInput):
                await certificate_doors.ending(db, clock.now(), None, days)  # type: ignore[arg-type]
        db.add(
            StationCertificateRow(
                station="DE-HN-002",
                kind="CSMSRootCertificate",
                place=0,
                serial_number="1",
                source="reported",
                not_after=clock.now() + timedelta(days=TOLD_DAYS + 1),
                first_seen_at=clock.now(),
                last_seen_at=clock.now(),
            )
        )
        await db.flush()
        # Nobody's certificate ends so soon: so nobody is asked what he sees.
        assert await certificate_doors.ending(db, clock.now(), None) == []  # type: ignore[arg-type]
    assert Wanted().change_order is None
