"""The cost on a station's display is that of the CDR."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import store
from billing.conditions import Conditions, OpeningState
from billing.estimate import Estimator
from billing.hours import HoursKind, parse_hours
from billing.place_hours import put_hours
from billing.pricing import NewAssignment, assign, change_tariff, create_tariff, place_from
from foundation.events import UsagePoint
from foundation.identifiers import OrganisationKey
from tests.billing.paper_story import contract_of, customer
from tests.billing.story import LONG_AGO, NOW, ended, happen, settle_in, tariff

BY_THE_HOUR: dict[str, Any] = {
    "id": "T2",
    "currency": "EUR",
    "min_price": {"excl_vat": 0.5},
    "elements": [
        {
            "price_components": [
                {"type": "FLAT", "price": 0.35, "vat": 19, "step_size": 1},
                {"type": "ENERGY", "price": 0.4199, "vat": 19, "step_size": 100},
            ]
        },
        {
            "price_components": [{"type": "TIME", "price": 1.2, "vat": 7, "step_size": 300}],
            "restrictions": {"min_duration": 1800},
        },
    ],
}


@pytest.mark.parametrize("kwh", ["0", "0.001", "7.777", "10", "21.9"])
async def test_the_estimate_is_the_gross_amount_of_the_cdr(db: AsyncSession, kwh: str) -> None:
    await settle_in(db)
    await create_tariff(
        db,
        BY_THE_HOUR,
        [NewAssignment(place_from("station", "S1"), LONG_AGO)],
        organisation=None,
        now=LONG_AGO,
    )
    event = ended(1, kwh=kwh)
    [estimate] = await Estimator().costs(db, [event])
    await happen(db, event)

    record = (await store.current_records(db, [1]))[event.transaction_id]

    assert estimate == record.cdr.gross.amount


async def test_what_is_in_memory_follows_every_change(db: AsyncSession) -> None:
    await settle_in(db)
    estimator = Estimator()
    assert await estimator.costs(db, [ended(1)]) == [Decimal("4.76")]

    await change_tariff(db, "T1", tariff(per_kwh=1), now=NOW)
    assert await estimator.costs(db, [ended(1)]) == [Decimal("11.90")]
    await create_tariff(db, tariff("T2", per_kwh=2), organisation=None, now=NOW)
    await assign(db, "T2", NewAssignment(place_from("station", "S1"), NOW), now=NOW)

    assert await estimator.costs(db, [ended(1)]) == [Decimal("23.80")]


async def test_a_session_that_tells_other_facts_is_looked_up_again(db: AsyncSession) -> None:
    await settle_in(db)
    fleet = NewAssignment(
        place_from("station", "S1"), LONG_AGO, conditions=Conditions(token_groups=("FLEET",))
    )
    await create_tariff(db, tariff("T2", per_kwh=1), [fleet], organisation=None, now=LONG_AGO)
    estimator = Estimator()

    costs = [
        await estimator.costs(db, [event])
        for event in (ended(1), ended(1, token_group="FLEET"), ended(1))
    ]

    assert costs == [[Decimal("4.76")], [Decimal("11.90")], [Decimal("4.76")]]


async def test_nobody_can_say_without_a_tariff_and_free_vend_is_free(db: AsyncSession) -> None:
    await settle_in(db)
    unknown = OrganisationKey("unknown")
    upside_down = (UsagePoint(NOW, Decimal(5), charging=True),) * 1 + (
        UsagePoint(NOW, Decimal(1), charging=True),
    )
    costs = await Estimator().costs(
        db,
        [
            ended(1, owner=unknown),
            ended(2, free_vend=True),
            ended(3, usage=upside_down, energy_wh=Decimal(5000)),
        ],
    )
    assert costs == [None, Decimal(0), None]
    assert await Estimator().costs(db, []) == []


async def test_conditions_hours_and_additions_count_on_a_display_as_on_the_cdr(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    place = place_from("station", "S1")
    ours = {
        "caps": [{"type": "ENERGY", "amount": 5}],
        "blocking_fee": {"price": 6, "vat": 19, "step_size": 60, "grace_minutes": 5},
        "session_limit_minutes": 45,
        "excess": "free",
    }
    for tariff_id, conditions, more in (
        ("fleet", Conditions(token_groups=("FLEET",)), ours),
        ("closed", Conditions(hours=OpeningState.CLOSED), {"free_minutes": 2}),
    ):
        new = NewAssignment(place, LONG_AGO, conditions=conditions, priority=len(tariff_id))
        document = tariff(tariff_id, per_kwh=1) | {"leitstand": more}
        await create_tariff(db, document, [new], organisation=None, now=LONG_AGO)
    shop = parse_hours(
        {
            "twentyfourseven": False,
            "regular_hours": [{"weekday": 4, "period_begin": "06:00", "period_end": "15:00"}],
        }
    )
    await put_hours(db, place, HoursKind.OPENING, shop, valid_from=LONG_AGO, now=LONG_AGO)
    events = [
        ended(1),
        ended(2, token_group="FLEET"),
        ended(3, NOW + timedelta(hours=2)),
        ended(4, NOW + timedelta(hours=2), token_group="FLEET"),
    ]
    estimates = await Estimator().costs(db, events)
    await happen(db, *events)

    records = await store.current_records(db, [1, 2, 3, 4])

    assert estimates == [records[each.transaction_id].cdr.gross.amount for each in events]
    assert estimates == [Decimal(each) for each in ("4.76", "5.95", "11.90", "11.90")]


async def test_a_driver_reads_that_no_energy_was_taken_in_his_language_or_the_owners(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    estimator = Estimator()
    ghost, charged = ended(1, kwh="0"), ended(2)
    given = ended(3, kwh="0", free_vend=True)
    assert await estimator.messages(db, [ghost, charged, given], [()] * 3) == [
        ("de", "Es wurde keine Energie geladen. Dieser Ladevorgang kostet nichts."),
        None,
        None,
    ]
    assert await estimator.messages(db, [charged], [("en",)]) == [None]
    await contract_of(db, await customer(db, language="en"))
    [(language, sentence)] = [
        each for each in await estimator.messages(db, [ghost], [("fr",)]) if each is not None
    ]
    assert (language, sentence) == ("en", "No energy was taken. This session costs nothing.")
    [said] = await estimator.messages(db, [ghost], [("fr", "de-CH")])  # the card's go first
    assert said is not None
    assert said[0] == "de"
