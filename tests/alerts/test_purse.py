"""What pays is joined to a database, and everything commits with who asks."""

import pytest

from alerts import purse
from billing.sms_purse import SmsPurse
from foundation.database import Database
from foundation.errors import Unavailable


async def test_who_pays_is_found_from_the_unit_of_work(database: Database) -> None:
    async with database.unit_of_work() as db:
        with pytest.raises(Unavailable):
            purse.of(db)
    pays = SmsPurse()
    purse.join(database, pays)
    async with database.unit_of_work() as db:
        assert purse.of(db) is pays
