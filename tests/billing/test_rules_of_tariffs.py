"""The rules of the business about prices, hours and access, row by row.

Source: rules of the business, 1.8 (prices), 1.5 (operating and opening hours; access) and 7.9.
"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from billing import access, place_hours, price_preview, pricing, store, validity
from billing.access import Doorkeeper, Presented
from billing.assignments import Place, TariffScope
from billing.conditions import Conditions, OpeningState, Side
from billing.hours import Hours, HoursKind, RegularPeriod
from billing.plausibility import DEFAULT_LIMITS, Check, HoldReason
from billing.pricing import NewAssignment, place_from
from billing.rating import rate
from billing.stops import take_due
from billing.tariff_json import parse_tariff
from billing.usage import Usage
from foundation.events import UsagePoint
from foundation.identifiers import ConnectorId, EvseId
from foundation.money import Money
from foundation.statements import ask
from tests.billing.paper_story import OPERATOR
from tests.billing.story import (
    BAKERY,
    EXTERNAL,
    HOTEL,
    LONG_AGO,
    NOVEMBER,
    NOW,
    STAFF,
    closing,
    ended,
    happen,
    settle_in,
    started,
    tariff,
)

SHOP = Hours(
    twentyfourseven=False,
    regular=tuple(RegularPeriod(day, time(8), time(18)) for day in range(1, 8)),
)
S1 = Place(TariffScope.STATION, "S1")
HALF_AN_HOUR = timedelta(minutes=30)


def berlin(clock: str) -> datetime:
    """A time of 15 October in Berlin."""
    return datetime.fromisoformat(f"2026-10-15T{clock}:00+02:00").astimezone(UTC)


def cost(document: dict[str, Any], minutes: int, kwh: str = "10", idle: int = 0) -> Decimal:
    """What charging for some minutes costs net, from 10:00 in Berlin."""
    usage = price_preview.sample(berlin("10:00"), Decimal(kwh), minutes, idle)
    return rate(usage, parse_tariff(document), "Europe/Berlin").net.amount


async def give(
    db: AsyncSession, id_: str, place: str = "station/S1", *, per_kwh: float = 1, **more: Any
) -> None:
    """Make a tariff and assign it."""
    scope, _, name = place.partition("/")
    await pricing.create_tariff(
        db,
        tariff(id_, per_kwh=per_kwh) | more.pop("document", {}),
        [NewAssignment(place_from(scope, name), LONG_AGO, **more)],
        organisation=None,
        now=LONG_AGO,
    )


async def found(db: AsyncSession, at: datetime = NOW, **changed: Any) -> str | None:
    """The tariff that a session of S1 is paid by."""
    event = started(1, at, **changed)
    parents = await pricing.parents_of_all(db)
    [version] = await pricing.tariffs_at(db, [event], parents)
    return None if version is None else version.tariff_id


# ---------------------------------------------------------------------------------------- 1.8


async def test_1_8_two_parts_a_cost_rate_and_when_it_applies(db: AsyncSession) -> None:
    """By time, station, connector and customer."""
    await settle_in(db)
    await give(db, "station")
    await give(db, "connector", "connector/S1/1/2")
    await give(db, "staff", conditions=Conditions(customers=(STAFF,)))
    await give(db, "fleet", conditions=Conditions(token_groups=("FLEET",)), priority=1)
    await give(db, "partner", conditions=Conditions(providers=("DE*EMP",)))
    nobody: dict[str, Any] = {"token_organisation": HOTEL}

    assert await found(db, **nobody) == "station"
    assert await found(db, evse_id=EvseId(1), connector_id=ConnectorId(2), **nobody) == "connector"
    assert await found(db) == "staff"
    assert await found(db, token_group="FLEET") == "fleet"
    assert await found(db, **EXTERNAL) == "partner"
    assert await found(db, station="S2", **nobody) == "T1"
    assert await found(db, LONG_AGO - timedelta(1)) is None


def test_1_8_cost_rate_contents_fees_intervals_caps_and_free_minutes() -> None:
    """5 for each started half hour, capped at 15; the first two minutes free."""
    by_the_half_hour = {
        "id": "T",
        "currency": "EUR",
        "elements": [
            {"price_components": [{"type": "TIME", "price": 10, "step_size": 1800}]},
        ],
    }
    assert [cost(by_the_half_hour, each) for each in (1, 30, 31, 61)] == [5, 5, 10, 15]
    capped = by_the_half_hour | {"leitstand": {"caps": [{"type": "TIME", "amount": 15}]}}
    assert [cost(capped, each) for each in (31, 90, 91, 600)] == [10, 15, 15, 15]

    fees = [
        {"type": "FLAT", "price": 1, "step_size": 1},
        {"type": "ENERGY", "price": 0.5, "step_size": 1},
        {"type": "TIME", "price": 6, "step_size": 60},
    ]
    whole = {"id": "T", "currency": "EUR", "elements": [{"price_components": fees}]}
    assert cost(whole, 60) == Decimal("12.00")
    free = whole | {"leitstand": {"free_minutes": 2}}
    assert cost(free, 2, "0.1") == 0
    assert cost(free, 60) == Decimal("11.80"), "the first two minutes of the time"


def test_1_8_a_blocking_fee_has_grace_and_spares_the_night() -> None:
    fee = {"price": 6, "step_size": 60, "grace_minutes": 15}
    document = tariff(per_kwh=0) | {"leitstand": {"blocking_fee": fee}}
    assert cost(document, 60, idle=15) == 0
    assert cost(document, 60, idle=75) == 6
    assert cost(document, 75) == 0, "charging blocks nobody"
    by_day = fee | {"exempt_from": "12:00", "exempt_to": "13:00", "max_price": 8}
    spared = document | {"leitstand": {"blocking_fee": by_day}}
    assert cost(spared, 60, idle=120) == Decimal("4.50"), "45 minutes before noon"
    assert cost(spared, 60, idle=600) == 8


async def test_1_8_sale_and_purchase_are_two_prices(db: AsyncSession) -> None:
    """The payer owes the sale price; the owner's share is taken of the purchase price."""
    await settle_in(db)
    await give(db, "BUY", "organisation/bakery", per_kwh=0.30, side=Side.PURCHASE)
    await happen(db, ended(1, kwh="10"), ended(2, kwh="10", **EXTERNAL))

    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)

    records = await store.current_records(db, [1, 2])
    assert {each.cdr.net for each in records.values()} == {Money(Decimal("4.00"), "EUR")}
    assert {line.transaction_id: line.payout.amount for line in statement.lines} == {
        1: Decimal("3.00"),
        2: Decimal("2.70"),
    }
    assert statement.payout_net == Money(Decimal("5.70"), "EUR")
    balances = await db.execute(
        text(
            "select split_part(account, '/', 1), sum(amount_minor) from ledger_postings group by 1"
        )
    )
    by_kind: dict[str, int] = {kind: int(amount) for kind, amount in balances}
    assert by_kind.get("unsettled", 0) == 0
    assert sum(by_kind.values()) == 0


async def test_1_8_sale_alone_is_shared_as_before(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10", **EXTERNAL))
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    assert statement.payout_net == Money(Decimal("3.60"), "EUR")


async def test_1_8_prioritisation_inside_the_tariffs_of_a_place(db: AsyncSession) -> None:
    await settle_in(db)
    await give(db, "campaign", "organisation/operator", priority=5)
    await give(db, "station")
    assert await found(db) == "campaign"


async def test_1_8_pricing_api_the_price_of_an_evse_for_a_tag(db: AsyncSession) -> None:
    """With its taxes and the fee of a session; the preview is what the bill says."""
    await settle_in(db)
    fees = [
        {"type": "FLAT", "price": 0.35, "vat": 19, "step_size": 1},
        {"type": "ENERGY", "price": 0.4199, "vat": 19, "step_size": 1},
    ]
    await give(db, "T2", document={"elements": [{"price_components": fees}]})
    event = ended(1, kwh="10")
    shown = await price_preview.preview(db, event, Usage.of(event))
    await happen(db, event)

    record = (await store.current_records(db, [1]))[event.transaction_id]

    assert shown.sale is not None
    assert shown.sale.rating.gross == record.cdr.gross
    assert [line.kind for line in shown.sale.rating.lines] == ["flat", "energy"]
    assert shown.considered[0].assignment.tariff_id == "T2"


# ---------------------------------------------------------------------------------------- 1.5


@pytest.mark.parametrize(
    ("start", "paid_by", "stops"),
    [
        ("17:45", "open", "18:30"),
        ("07:00", "closed", "07:30"),
        ("07:30", "open", "18:30"),
        ("18:29", "open", "18:30"),
    ],
)
async def test_1_5_opening_hours_have_another_tariff_and_a_transition_time(
    db: AsyncSession, start: str, paid_by: str, stops: str
) -> None:
    """Start 17:45, stop 18:30; start 07:00, stop 07:30."""
    await settle_in(db)
    await give(db, "open", conditions=Conditions(hours=OpeningState.OPEN))
    await give(db, "closed", conditions=Conditions(hours=OpeningState.CLOSED))
    await place_hours.put_hours(
        db,
        S1,
        HoursKind.OPENING,
        SHOP,
        transition=HALF_AN_HOUR,
        stops=True,
        valid_from=LONG_AGO,
        now=LONG_AGO,
    )
    parents = await pricing.parents_of_all(db)
    [shown] = await pricing.found_at(db, [started(1, berlin(start))], parents)
    assert shown.sale is not None
    assert (shown.sale.tariff_id, shown.stop_at) == (paid_by, berlin(stops))


async def test_1_5_a_session_is_stopped_by_the_limit_of_its_tariff(db: AsyncSession) -> None:
    """After 60 minutes: asked for once; whoever ended by then is left alone."""
    await settle_in(db)
    await give(db, "T2", document={"leitstand": {"session_limit_minutes": 60}})
    await happen(db, started(1), started(2), ended(2), started(3, station="S2"))

    assert await take_due(db, now=NOW + timedelta(minutes=59)) == []
    [due] = await take_due(db, now=NOW + timedelta(minutes=60))

    assert (due.transaction_id, due.stop_at) == (1, NOW + timedelta(minutes=60))
    assert await take_due(db, now=NOW + timedelta(days=1)) == []


def presented(**changed: Any) -> Presented:
    """A card of the fleet at S1 at noon."""
    card = Presented(
        station="S1",
        location="loc-1",
        owner=BAKERY,
        time_zone="Europe/Berlin",
        at=NOW,
        token_key="04A2",
        token_organisation=STAFF,
        token_provider=None,
        token_group="FLEET",
    )
    return card._replace(**changed)


async def refused(db: AsyncSession, *cards: Presented) -> list[bool]:
    """Which of the cards the door keeps out."""
    keeper = Doorkeeper()
    rules = await ask(db, keeper.rules())
    return [False] * len(cards) if rules is None else await keeper.refused(db, rules, cards)


async def test_1_5_access_is_free_by_default_and_restricted_at_once(db: AsyncSession) -> None:
    await settle_in(db)
    fleet = Conditions(token_groups=("FLEET",))
    cards = (presented(), presented(station="S2", location=None), presented(token_group=None))
    assert await refused(db, *cards) == [False, False, False]

    async def set_to(*allowed: Place, is_on: bool = True) -> None:
        await access.put(
            db,
            "fleet",
            organisation=None,
            conditions=fleet,
            allowed=allowed,
            is_on=is_on,
            now=NOW,
        )

    here = place_from("location", "loc-1")
    await set_to(here)
    assert await refused(db, *cards) == [False, True, False]
    await set_to()
    assert await refused(db, *cards) == [True, True, False]
    await set_to(here, is_on=False)
    assert await refused(db, *cards) == [False, False, False]


async def test_1_5_operating_hours_are_when_charging_is_possible(db: AsyncSession) -> None:
    """Around the clock by default; outside of them cards are refused and sessions stopped."""
    await settle_in(db)
    night = presented(at=berlin("03:00"))
    assert await refused(db, night) == [False]
    await place_hours.put_hours(
        db, S1, HoursKind.OPERATING, SHOP, valid_from=LONG_AGO, now=LONG_AGO
    )
    assert await refused(db, presented(), night) == [False, True]
    parents = await pricing.parents_of_all(db)
    starts = [started(1, berlin("17:00")), started(2, berlin("03:00"))]
    stops = [each.stop_at for each in await pricing.found_at(db, starts, parents)]
    assert stops == [berlin("18:00"), berlin("03:00")]


# ---------------------------------------------------------------------------------------- 7.9


@pytest.mark.parametrize(("excess", "net"), [("charged", "20.00"), ("free", "10.00")])
def test_7_9_the_price_of_the_time_beyond_the_end_is_a_setting(excess: str, net: str) -> None:
    document = tariff(per_kwh=1) | {"leitstand": {"excess": excess}}
    points = (
        UsagePoint(NOW, Decimal(0), charging=True),
        UsagePoint(NOW + timedelta(hours=2), Decimal(20_000), charging=True),
    )
    stop_at = NOW + timedelta(hours=1)
    rating = rate(Usage(points), parse_tariff(document), "UTC", stop_at=stop_at)
    assert rating.net == Money(Decimal(net), "EUR")
    assert ("excess" in [line.kind for line in rating.lines]) == (excess == "free")


async def test_7_9_two_uis_the_tariffs_limit_stops_a_session_and_the_monitors_only_flags_it(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    flags = replace(DEFAULT_LIMITS, checks=frozenset({Check.DURATION}), max_duration_min=60)
    await validity.set_settings(db, OPERATOR, flags, by="person/1", now=NOW)
    await happen(db, started(1))
    assert await take_due(db, now=NOW + timedelta(days=4)) == [], "nobody stops it"
    await happen(db, ended(1, hours=2))
    [suspect] = await validity.suspects(db, WHOLE)
    assert suspect.findings[0].reason is HoldReason.TOO_LONG

    await give(db, "T2", document={"leitstand": {"session_limit_minutes": 60}})
    await happen(db, started(2))
    [due] = await take_due(db, now=NOW + timedelta(hours=1))
    assert due.transaction_id == 2


async def test_7_9_late_starts_have_the_tariff_hours_and_group_of_their_start(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await give(db, "closed", conditions=Conditions(hours=OpeningState.CLOSED))
    await place_hours.put_hours(db, S1, HoursKind.OPENING, SHOP, valid_from=LONG_AGO, now=LONG_AGO)
    await place_hours.put_hours(db, S1, HoursKind.OPENING, None, valid_from=NOW, now=NOW)
    yesterday = berlin("03:00") - timedelta(days=1)
    assert await found(db, yesterday) == "closed"
    assert await found(db, yesterday + timedelta(days=2)) == "T1"
