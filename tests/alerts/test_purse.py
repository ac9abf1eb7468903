"""What pays is joined to a database, and everything commits with who asks."""

from alerts import purse
from billing.sms_purse import SmsPurse
from foundation.database import Database


async def test_who_pays_is_found_from_the_unit_of_work(database: Database) -> None:
    pays = SmsPurse()
    purse.join(database, pays)
    async with database.unit_of_work() as db:
        assert purse.of(db) is pays
