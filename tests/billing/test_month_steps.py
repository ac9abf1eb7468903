"""What is done at month end: services, statements, documents, and each of them once."""

from sqlalchemy.ext.asyncio import AsyncSession

from billing.month_steps import DOCUMENTS, SERVICES, STATEMENTS, standard_steps
from tests.billing.story import BAKERY, NOVEMBER, closing, ended, happen, settle_in


async def test_charges_come_before_the_documents_that_they_stand_on(db: AsyncSession) -> None:
    steps = standard_steps(closing())
    assert [each.name for each in steps] == [SERVICES, STATEMENTS, DOCUMENTS]
    names: set[str] = set()
    for each in steps:
        assert names.issuperset(each.needs)
        names.add(each.name)


async def test_every_step_bears_being_done_again(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    steps = standard_steps(closing())
    first = {each.name: list(await each.work(db, BAKERY, "2026-10", NOVEMBER)) for each in steps}
    again = {each.name: list(await each.work(db, BAKERY, "2026-10", NOVEMBER)) for each in steps}
    assert first[STATEMENTS] == again[STATEMENTS] == ["bakery-2026-10-EUR"]
    assert again[SERVICES] == again[DOCUMENTS] == []
