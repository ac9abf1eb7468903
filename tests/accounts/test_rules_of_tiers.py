"""The rules of the business about tiers and licences, a test for each row: see docs/rules.md."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, licence_prices, licensing, metering, renewals, tiers
from accounts.applications import PointLicences, Renewal
from accounts.entitlements import TierTooLow
from accounts.licence_costs import (
    SHIPPED_PRICES,
    PlannedPoints,
    PriceList,
    calculate,
    planned,
)
from accounts.metering import TierWouldDrop
from accounts.permissions import Permission
from accounts.tiers import (
    DEFAULT_TIERS,
    FUNCTIONS,
    INTERVALS,
    NOT_OFFERED,
    Energy,
    LicenceKind,
    LicenceModel,
    Licences,
    MeteringPoint,
    PointKind,
    Tier,
    account_tier,
    assign,
    needed,
    virtual_meters_for,
)
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from portal.tier_rates import PointReads, ReadTooOften
from tests.accounts.licensed import NORTH, connectors, granted, made_north, new_account

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
PRICES = PriceList("EUR", SHIPPED_PRICES)
ZEV = [
    PlannedPoints(PointKind.THREE_PHASE_METER, Energy.ELECTRICITY, 3),
    PlannedPoints(PointKind.TRANSFORMER_METER, Energy.ELECTRICITY, 2),
]
WATER = [
    PlannedPoints(PointKind.MBUS_METER, energy, 3)
    for energy in (Energy.HEAT, Energy.COLD, Energy.HOT_WATER, Energy.COLD_WATER)
]


def meter(key: str, kind: PointKind = PointKind.OCPP_POINT) -> MeteringPoint:
    return MeteringPoint(key, kind)


@pytest.fixture
async def north(db: AsyncSession, clock: SetClock) -> AsyncSession:
    """A unit of work with the organisation `north` and its account."""
    await made_north(db, clock.now())
    await granted(db, new_account(), NOON, points=connectors(2))
    return db


def monthly(quantity: int) -> PointLicences:
    return PointLicences(LicenceKind.ALL, LicenceModel.MONTHLY, quantity)


def years(quantity: int, kind: LicenceKind = LicenceKind.ALL) -> PointLicences:
    return PointLicences(kind, LicenceModel.MULTI_YEAR, quantity)


# ---------------------------------------------------------------------------- 3.1 Tiers


@pytest.mark.parametrize(
    ("tier", "kinds"),
    [
        (Tier.BASIC, {PointKind.API_METER, PointKind.OCPP_POINT, PointKind.MBUS_METER}),
        (
            Tier.LIMITED,
            {
                PointKind.SINGLE_PHASE_METER,
                PointKind.THREE_PHASE_METER,
                PointKind.TRANSFORMER_METER,
                PointKind.HEAT_MODULE,
                PointKind.DIRECT_STATION,
            },
        ),
    ],
)
def test_3_1_default_tiers_of_kinds_of_points(tier: Tier, kinds: set[PointKind]) -> None:
    for kind in kinds:
        assert account_tier([meter("a", kind)], Licences()) is tier
        assert account_tier([meter("a", kind)], Licences(all=1)) is Tier.PROFESSIONAL


def test_3_1_api_values_every_15_minutes_every_minute_every_second() -> None:
    assert [INTERVALS[tier].total_seconds() for tier in Tier] == [900, 60, 1]


def test_3_1_api_use_is_commercial_with_professional_only() -> None:
    [commercial] = [each for each in FUNCTIONS if each.key == "commercial"]

    assert [tiers.has(tier, commercial) for tier in Tier] == [False, False, True]


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("csv_export", Tier.BASIC),
        ("if_then", Tier.LIMITED),
        ("billing", Tier.PROFESSIONAL),
        ("auto_export", Tier.PROFESSIONAL),
        ("user_configuration", Tier.PROFESSIONAL),
    ],
)
def test_3_1_a_tier_switches_functions_that_exist_here(key: str, least: Tier) -> None:
    [function] = [each for each in FUNCTIONS if each.key == key]

    assert function.least is least


@pytest.mark.parametrize(
    ("label", "least"),
    [
        ("Reports", Tier.LIMITED),
        ("Load profiles", Tier.LIMITED),
        ("Extended folder and meter management", Tier.LIMITED),
        ("Public links", Tier.LIMITED),
        ("Virtual meters", Tier.PROFESSIONAL),
        ("Dynamic load management of directly connected stations", Tier.PROFESSIONAL),
        ("OAuth", Tier.PROFESSIONAL),
        ("Modbus TCP", Tier.PROFESSIONAL),
    ],
)
def test_3_1_what_does_not_exist_here_is_listed_as_not_offered_yet(label: str, least: Tier) -> None:
    assert [each.least for each in NOT_OFFERED if each.label == label] == [least]


# ---------------------------------------------------------------------------- 3.2 Rules


def test_3_2_account_tier_is_the_lowest_of_any_point() -> None:
    mixed = [meter("a", PointKind.THREE_PHASE_METER), meter("b", PointKind.OCPP_POINT)]

    assert account_tier(mixed, Licences()) is Tier.BASIC
    assert account_tier(mixed[:1], Licences()) is Tier.LIMITED
    assert account_tier(mixed, Licences(all=1)) is Tier.BASIC, "too few licences"
    assert account_tier(mixed, Licences(all=2)) is Tier.PROFESSIONAL


async def test_3_2_commercial_api_use_always_needs_professional(north: AsyncSession) -> None:
    with pytest.raises(TierTooLow):
        await api_keys.create_api_key(
            north, name="k", role="owner", organisation_key=NORTH, commercial=True, now=NOON
        )
    await api_keys.create_api_key(north, name="k", role="owner", organisation_key=NORTH, now=NOON)
    await granted(north, monthly(2), NOON, points=connectors(2))
    key, _ = await api_keys.create_api_key(
        north, name="k", role="owner", organisation_key=NORTH, commercial=True, now=NOON
    )

    assert key.is_commercial


def test_3_2_counting_each_meter_virtual_ones_included() -> None:
    assert [virtual_meters_for(plants) for plants in (0, 1, 2, 5)] == [0, 1, 2, 2]
    meters = [PlannedPoints(PointKind.THREE_PHASE_METER, Energy.ELECTRICITY, 10)]
    assert calculate(planned(meters, solar_plants=1), PRICES).needed.total == 11
    assert calculate(planned(meters, solar_plants=3), PRICES).needed.total == 12


def test_3_2_example_1_needs_6_licences() -> None:
    found = calculate(planned(ZEV, solar_plants=1), PRICES)

    assert found.needed == Licences(all=6)
    assert found.needed.total == 6


def test_3_2_example_2_needs_18_licences_and_none_for_the_gateway() -> None:
    gateway = [PlannedPoints(PointKind.MBUS_GATEWAY, Energy.HEAT, 1)]
    found = calculate(planned([*ZEV, *WATER, *gateway], solar_plants=1), PRICES)

    assert found.needed == Licences(heat_water_gas=12, all=6)
    assert found.needed.total == 18


def test_3_2_two_licence_kinds() -> None:
    both = planned([*ZEV, *WATER], solar_plants=1)

    assert account_tier(both, Licences(heat_water_gas=12, all=6)) is Tier.PROFESSIONAL
    assert account_tier(both, Licences(heat_water_gas=18)) is not Tier.PROFESSIONAL
    assert account_tier(both, Licences(all=18)) is Tier.PROFESSIONAL


async def test_3_2_monthly_subscription_covers_all_kinds_and_follows_the_price_list(
    north: AsyncSession,
) -> None:
    """Both offers of the example have 18; the prices of the months: see 7.5."""
    offers = calculate(planned([*ZEV, *WATER], solar_plants=1), PRICES).offers
    [all_monthly] = [
        each
        for each in offers
        if (each.narrow, each.wide) == (LicenceModel.MONTHLY, LicenceModel.MONTHLY)
    ]
    assert all_monthly.licences == Licences(all=18)
    with pytest.raises(InvalidInput):
        await granted(
            north,
            PointLicences(LicenceKind.HEAT_WATER_GAS, LicenceModel.MONTHLY, 12),
            NOON,
        )


async def test_3_2_multi_year_model_keeps_its_price_for_the_term(north: AsyncSession) -> None:
    await granted(north, years(18), NOON)
    await licence_prices.set_price(
        north,
        "point/all/multi_year",
        Decimal(9),
        "EUR",
        valid_from=date(2026, 11, 1),
        today=date(2026, 10, 15),
        by="person/2",
        now=NOON,
    )
    await _look(north, datetime(2027, 6, 1, tzinfo=UTC))
    [licence] = await metering.licences_of(north, NORTH)
    lines = await _lines(north)

    assert licence.ends_on == date(2029, 10, 15)
    assert lines == [("18", "36", "1944.00", "2026-10-15")]


def test_3_2_billing_of_a_shared_supply_is_a_function_of_professional() -> None:
    function = tiers.function_of(Permission.STATEMENTS_CLOSE)
    assert function is not None

    assert (function.key, function.least) == ("billing", Tier.PROFESSIONAL)


async def test_3_2_user_configuration_needs_professional(north: AsyncSession) -> None:
    basic = await licensing.entitlement_of(north, NORTH, now=NOON)
    await granted(north, monthly(2), NOON, points=connectors(2))
    professional = await licensing.entitlement_of(north, NORTH, now=NOON)
    assert basic is not None
    assert professional is not None

    assert isinstance(basic.refusal(Permission.USERS_WRITE), TierTooLow)
    assert basic.refusal(Permission.USERS_READ) is None
    assert professional.refusal(Permission.USERS_WRITE) is None


# ---------------------------------------------------------------------------- 7.5 decisions


def test_7_5_gateways_are_no_metering_points_and_are_ignored() -> None:
    gateway = meter("gateway", PointKind.MBUS_GATEWAY)

    assert DEFAULT_TIERS[PointKind.MBUS_GATEWAY] is None
    assert account_tier([meter("a"), gateway], Licences(all=1)) is Tier.PROFESSIONAL
    assert needed([gateway]) == Licences()


def test_7_5_deactivated_meters_are_ignored() -> None:
    """Of stations that wait or are refused nothing is metered: tests/csms/test_metering_points."""
    off = MeteringPoint("off", PointKind.OCPP_POINT, is_active=False)

    assert account_tier([meter("a"), off], Licences(all=1)) is Tier.PROFESSIONAL
    assert needed([off]) == Licences()


def test_7_5_an_empty_account_is_basic() -> None:
    assert account_tier([], Licences()) is Tier.BASIC
    assert account_tier([], Licences(all=9)) is Tier.BASIC


def test_7_5_a_virtual_meter_needs_professional_a_free_licence_and_licensed_meters() -> None:
    real = [meter("a"), meter("b")]
    tiers.check_virtual_meter(["a"], real, Licences(all=3))
    for formula, held, why in (
        ("a", Licences(all=1), "Professional account"),
        ("a", Licences(all=2), "no free licence"),
        ("unknown", Licences(all=3), "no licence: unknown"),
    ):
        with pytest.raises(tiers.VirtualMeterRefused, match=why):
            tiers.check_virtual_meter([formula], real, held)


async def test_7_5_what_lowers_the_tier_asks_first_and_lists_what_will_stop(
    north: AsyncSession,
) -> None:
    await granted(north, monthly(2), NOON, points=connectors(2))
    with pytest.raises(TierWouldDrop) as asked:
        await metering.points_changed(north, connectors(3), NORTH, agrees=False, now=NOON)
    still = await licensing.account(north, NORTH)
    await metering.points_changed(north, connectors(3), NORTH, agrees=True, now=NOON)
    agreed = await licensing.account(north, NORTH)
    await granted(north, monthly(1), NOON, points=connectors(3))
    back = await licensing.account(north, NORTH)

    assert {each.key for each in asked.value.stops} >= {"commercial", "user_configuration"}
    assert [still.tier, agreed.tier, back.tier] == [
        Tier.PROFESSIONAL,
        Tier.BASIC,
        Tier.PROFESSIONAL,
    ]


async def test_7_5_an_expiring_licence_is_told_of_and_then_functions_are_suspended(
    north: AsyncSession, database: Database, clock: SetClock
) -> None:
    await granted(north, Renewal(36), NOON, points=connectors(2))
    await granted(north, years(2), NOON, points=connectors(2))
    end = datetime(2029, 10, 15, 6, tzinfo=UTC)
    for at in (end - timedelta(days=30), end - timedelta(days=7), end):
        await _look(north, at, database, clock)
    subjects = [each.subject for each in await mail.outbox(north)]
    account = await licensing.account(north, NORTH)
    kept = await metering.licences_of(north, NORTH)

    assert subjects[::-1] == [
        "A licence expires in one month, on 2029-10-15",
        "A licence expires in one week, on 2029-10-15",
        "Your account is Basic now",
        "A licence expires today, on 2029-10-15",
    ]
    assert account.tier is Tier.BASIC
    assert len(kept) == 1, "nothing is deleted"


async def test_7_5_ending_monthly_licences_asks_first_too(north: AsyncSession) -> None:
    await granted(north, monthly(2), NOON, points=connectors(2))
    [licence] = await metering.licences_of(north, NORTH)
    with pytest.raises(TierWouldDrop):
        await metering.end_licences(north, connectors(2), NORTH, licence.id, agrees=False, now=NOON)
    ended = await metering.end_licences(
        north, connectors(2), NORTH, licence.id, agrees=True, now=NOON
    )

    assert ended.ends_on == date(2026, 10, 15)
    assert (await licensing.account(north, NORTH)).tier is Tier.BASIC


def test_7_5_narrow_licences_cover_only_their_points_and_are_assigned_first() -> None:
    heat = MeteringPoint("heat", PointKind.MBUS_METER, Energy.HEAT)
    found = assign([heat, meter("a")], Licences(heat_water_gas=1, all=1))

    assert found.licensed == {"heat": LicenceKind.HEAT_WATER_GAS, "a": LicenceKind.ALL}
    assert assign([meter("a")], Licences(heat_water_gas=1)).licensed == {}


async def test_7_5_reads_faster_than_the_tier_are_refused_with_the_time_to_wait(
    north: AsyncSession,
) -> None:
    """429 with Retry-After and the tier in the body: tests/portal/api/test_licences.py."""
    granted_now = await licensing.entitlement_of(north, NORTH, now=NOON)
    reads = PointReads()
    reads.take("CS-1/1", granted_now, now=NOON)
    reads.take("CS-1/2", granted_now, now=NOON)
    with pytest.raises(ReadTooOften) as refused:
        reads.take("CS-1/1", granted_now, now=NOON + timedelta(minutes=5))
    reads.take("CS-1/1", granted_now, now=NOON + timedelta(minutes=15))
    for _ in range(3):
        reads.take("CS-9/1", None, now=NOON)

    assert (refused.value.tier, refused.value.wait_s) == (Tier.BASIC, 600)


def test_7_5_of_pushes_faster_than_the_window_the_last_is_stored() -> None:
    pushed = [NOON + timedelta(seconds=each) for each in (0, 10, 59, 60, 61)]

    assert tiers.kept_of_pushes(pushed, Tier.LIMITED, begin=NOON) == (pushed[2], pushed[4])
    assert tiers.kept_of_pushes(pushed, Tier.PROFESSIONAL, begin=NOON) == tuple(pushed)


async def test_7_5_commercial_keys_stop_working_when_the_account_drops(
    north: AsyncSession,
) -> None:
    """That every call with such a key is then refused: tests/portal/api/test_licences.py."""
    await granted(north, monthly(2), NOON, points=connectors(2))
    high = await licensing.entitlement_of(north, NORTH, now=NOON)
    await metering.points_changed(north, connectors(3), NORTH, agrees=True, now=NOON)
    low = await licensing.entitlement_of(north, NORTH, now=NOON)
    assert high is not None
    assert low is not None

    assert high.refusal_of_function("commercial") is None
    assert isinstance(low.refusal_of_function("commercial"), TierTooLow)


def test_7_5_default_tiers_of_charging_stations_are_a_table() -> None:
    assert DEFAULT_TIERS[PointKind.OCPP_POINT] is Tier.BASIC
    assert DEFAULT_TIERS[PointKind.DIRECT_STATION] is Tier.LIMITED
    other = {**DEFAULT_TIERS, PointKind.OCPP_POINT: Tier.LIMITED}
    assert account_tier([meter("a")], Licences(), other) is Tier.LIMITED


async def test_7_5_monthly_licences_follow_the_price_list_of_each_month(
    north: AsyncSession,
) -> None:
    await granted(north, monthly(2), NOON, points=connectors(2))
    await licence_prices.set_price(
        north,
        "point/all/monthly",
        Decimal("4.40"),
        "EUR",
        valid_from=date(2026, 12, 1),
        today=date(2026, 10, 15),
        by="person/2",
        now=NOON,
    )
    for _ in range(2):
        await _look(north, datetime(2027, 1, 20, tzinfo=UTC))

    assert await _lines(north) == [
        ("2", "1", "8.00", "2026-10-15"),
        ("2", "1", "8.00", "2026-11-15"),
        ("2", "1", "8.80", "2026-12-15"),
        ("2", "1", "8.80", "2027-01-15"),
    ]


async def _look(
    db: AsyncSession,
    now: datetime,
    database: Database | None = None,
    clock: SetClock | None = None,
) -> None:
    """What comes round, at a moment; without a database where no mail is due."""
    url = "postgresql://nowhere" if database is None else database.url
    mails = Mails(
        database=database or Database(url),
        jobs=Jobs(url),
        clock=clock or SetClock(now),
        settings=Settings(),
    )
    await renewals.look_after_one(
        db, mails, connectors(2), NORTH, public_url="https://x.example", now=now
    )


async def _lines(db: AsyncSession) -> list[tuple[str, ...]]:
    """Count, months, amount and first day of what was told for metering points, by day."""
    found = await db.execute(
        text(
            "select c ->> 'count', c ->> 'months', c ->> 'net', c ->> 'first_day'"
            " from journal, jsonb_array_elements(payload -> 'charges') c"
            " where c ->> 'item' = 'metering_points' order by 4"
        )
    )
    return [tuple(str(each) for each in row) for row in found]
