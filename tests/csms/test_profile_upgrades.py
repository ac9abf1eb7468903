"""When an upgrade may begin; the way itself is in `tests/conformance`."""

import pytest

from accounts.directory import WHOLE
from csms import profile_upgrades
from foundation.errors import InvalidInput
from tests.csms.central import Central


async def test_only_a_higher_profile_is_asked_for_and_2_x_must_know_where_to(
    central: Central,
) -> None:
    identity = await central.station(security_profile=2, password="0123456789abcdef")
    async with central.database.unit_of_work() as db:
        for version, profile in (("ocpp1.6", 2), ("ocpp1.6", 4), ("ocpp2.0.1", 3)):
            with pytest.raises(InvalidInput):
                await profile_upgrades.first_step(db, identity, version, profile)
        step, asked = await profile_upgrades.first_step(db, identity, "ocpp1.6", 3)
        assert (step, asked.action) == ("set", "ChangeConfiguration")
        assert await profile_upgrades.upgrades(db, WHOLE, identity) == []
        # An answer to a command of no upgrade changes nothing.
        await profile_upgrades.go_on(
            db, identity, 1, is_yes=True, note=None, now=central.clock.now()
        )
