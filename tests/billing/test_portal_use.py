"""Portal use paid with credits: who pays, and who never does."""

from billing import credit_prices, portal_use
from billing.credits import CreditService
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.billing.purses import NORTH, balance, customers, fill


async def test_each_user_is_booked_and_the_operators_own_people_are_not(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 10, clock.now())
    async with database.unit_of_work() as db:
        await credit_prices.set_price(
            db, CreditService.PORTAL_USE, 4, valid_from=clock.now(), now=clock.now()
        )

    async def is_paid(account: str, person_id: int) -> bool:
        async with database.unit_of_work() as db:
            return await portal_use.is_paid(
                db, OrganisationKey(account), person_id, letters=made.letters, now=clock.now()
            )

    assert await is_paid("root", 99)
    assert [await is_paid(NORTH, person) for person in (1, 2, 3)] == [True, True, False]
    assert await balance(database) == 2
