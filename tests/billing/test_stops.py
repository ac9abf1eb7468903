"""What is to be stopped is taken once; the rules' tests tell of limits and hours."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing import pricing
from billing.conditions import Conditions
from billing.pricing import NewAssignment, place_from
from billing.stops import DueStop, take_due
from tests.billing.story import LONG_AGO, NOW, happen, settle_in, started, tariff


async def test_each_stop_is_taken_once_when_its_moment_has_come(db: AsyncSession) -> None:
    await settle_in(db)
    assert await take_due(db, now=NOW) == []
    limited = tariff(per_kwh=1) | {"leitstand": {"session_limit_minutes": 60}}
    await pricing.change_tariff(db, "T1", limited, valid_from=LONG_AGO, now=LONG_AGO)
    await happen(db, started(1), started(2, NOW + timedelta(hours=1)))

    first = await take_due(db, now=NOW + timedelta(hours=1))
    second = await take_due(db, now=NOW + timedelta(hours=9))

    at = NOW + timedelta(hours=1)
    assert first == [DueStop(started(1).transaction_id, at)]
    assert second == [DueStop(started(2).transaction_id, at + timedelta(hours=1))]


async def test_a_card_that_is_shown_after_the_start_is_stopped_by_its_own_tariff(
    db: AsyncSession,
) -> None:
    """The start is told again with the card; until then the tariff of everybody held."""
    await settle_in(db)
    fleet = NewAssignment(
        place_from("station", "S1"), LONG_AGO, conditions=Conditions(token_groups=("FLEET",))
    )
    limited = tariff("T2") | {"leitstand": {"session_limit_minutes": 60}}
    await pricing.create_tariff(db, limited, [fleet], organisation=None, now=LONG_AGO)
    await happen(db, started(1, id_token=None, token_status=None, token_organisation=None))
    assert await take_due(db, now=NOW + timedelta(hours=9)) == []

    await happen(db, started(1, token_group="FLEET"))

    [due] = await take_due(db, now=NOW + timedelta(hours=9))
    assert due.stop_at == NOW + timedelta(hours=1)
