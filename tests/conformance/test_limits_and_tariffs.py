"""2.1: limits of transactions (E) and tariffs at the station (I), each by what comes of it."""

from decimal import Decimal
from typing import Any

import pytest

from billing import direct_payments, pricing
from billing.direct_payments import FactKind, PaymentFact
from billing.payment_desk import for_station
from billing.pricing import NewAssignment, place_from
from csms import held_tariffs, payments
from csms.held_tariffs import Asker, State
from csms.queue import CommandState
from foundation.charging_limits import NO_LIMITS, ChargingLimits
from foundation.identifiers import StationId
from foundation.money import Money
from tests.billing import story
from tests.billing.test_direct_payments import TestProvider
from tests.conformance.charging_station import TOKEN, sample
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.central import OWNER, Central, eventually

BY = Asker("key-1", "A key", OWNER)


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


def priced(**more: Any) -> dict[str, Any]:
    return story.tariff() | more


async def assigned(
    case: PayingStation, tariff: dict[str, Any] | None = None
) -> pricing.TariffVersion:
    """Let a kWh at this station cost 0.40 EUR, and 19 % VAT on it; or as the tariff says."""
    document = (tariff or story.tariff()) | {"id": f"tariff-{case.identity}"}
    async with case.central.database.unit_of_work() as db:
        place = NewAssignment(place_from("station", case.identity), story.LONG_AGO)
        return await pricing.create_tariff(
            db, document, [place], organisation=None, now=story.LONG_AGO
        )


async def limits_of(case: PayingStation) -> payments.Limits:
    number = (await case.transaction()).transaction_id
    async with case.central.database.unit_of_work() as db:
        found = await payments.limits(db, number)
    assert found is not None
    return found


async def counted_of(case: PayingStation) -> payments.Counted:
    number = (await case.transaction()).transaction_id
    async with case.central.database.unit_of_work() as db:
        found = await payments.counted(db, number)
    assert found is not None
    return found


async def paid(case: PayingStation, cost: str = "20", **limits: Any) -> dict[str, str]:
    """Have a driver pay in advance for this station; return the token that he starts with."""
    central, now = case.central, case.central.clock.now()
    provider = TestProvider()
    direct_payments.join(central.database, provider)
    async with central.database.unit_of_work() as db:
        money = Money(Decimal(cost), "EUR")
        key = await direct_payments.open_payment(
            db, case.identity, 1, money, code_mark=None, now=now, **limits
        )
        ref = f"psp-{case.identity}"
        await direct_payments.note_ref(db, key, ref, now=now)
        fact = PaymentFact(ref, FactKind.AUTHORISED, "1", money, now)
        await direct_payments.take(db, provider.name, fact, now=now)
        token = await direct_payments.claim_start(db, key, now=now)
        assert token is not None
        await payments.know_payer(db, token, now=now)
    return {"idToken": token.value, "type": token.type}


# ------------------------------------------------------------------------------- E the limits


async def test_e_102_of_both_sides_limits_the_lower_one_wins(case: PayingStation) -> None:
    token = await paid(case, "20", max_energy_wh=Decimal(9000), max_time_s=3600)
    stations = {"maxCost": 15.5, "maxTime": 7200, "maxSoC": 80}
    answer = await case.begin(idToken=token, limit=stations)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    assert answer["transactionLimit"] == {"maxCost": 15.5, "maxEnergy": 9000, "maxTime": 3600}
    found = await limits_of(case)
    assert found.holding == ChargingLimits(Decimal("15.5"), Decimal(9000), 3600, 80)
    assert found.ours == ChargingLimits(Decimal("15.5"), Decimal(9000), 3600)


@pytest.mark.parametrize(
    ("number", "said", "kept"),
    [
        ("e_106", {"maxEnergy": 12000}, ChargingLimits(max_energy_wh=Decimal(12000))),
        ("e_107", {"maxTime": 1800}, ChargingLimits(max_time_s=1800)),
        ("e_108", {"maxCost": 10.25}, ChargingLimits(max_cost=Decimal("10.25"))),
    ],
)
async def test_e_106_to_e_108_the_stations_own_limit_is_kept(
    case: PayingStation, number: str, said: dict[str, Any], kept: ChargingLimits
) -> None:
    await case.begin()
    more = {"costDetails": cost("0.48", 1000)} if number == "e_108" else {}
    answer = await case.event("Updated", "LimitSet", "Charging", limit=said, **more)
    assert "transactionLimit" not in answer, "we set none"
    found = await limits_of(case)
    assert (found.stations, found.ours, found.holding) == (kept, NO_LIMITS, kept)
    if more:
        assert (await counted_of(case)).incl_tax == Decimal("0.48")
    await case.event("Updated", "EnergyLimitReached", "SuspendedEVSE")
    await case.end("EnergyLimitReached", stoppedReason="EnergyLimitReached")
    assert (await limits_of(case)).stations == kept


@pytest.mark.parametrize(
    ("number", "limit", "told"),
    [
        ("e_109", {}, {"maxCost": 20}),
        ("e_110", {"max_energy_wh": Decimal(8000)}, {"maxCost": 20, "maxEnergy": 8000}),
        ("e_111", {"max_time_s": 900}, {"maxCost": 20, "maxTime": 900}),
    ],
)
async def test_e_109_to_e_111_the_limit_that_we_set_is_told_with_the_cost(
    case: PayingStation, number: str, limit: dict[str, Any], told: dict[str, Any]
) -> None:
    await assigned(case)
    token = await paid(case, **limit)
    answer = await case.begin(idToken=token)
    assert answer["transactionLimit"] == told
    reading = sample(3000, "Sample.Periodic", case.now())
    running = await case.event("Updated", "MeterValuePeriodic", "Charging", meterValue=[reading])
    assert running["totalCost"] == pytest.approx(0.95), "2 kWh"
    assert "transactionLimit" not in running, "it knows it"
    said = await case.event("Updated", "LimitSet", "Charging", limit=told)
    assert said["transactionLimit"] == told, "it said a limit, and hears what holds"
    assert (await limits_of(case)).holding.max_cost == 20


# ----------------------------------------------------------------------- I tariffs at stations


def cost(incl: str, wh: int, excl: str | None = None, **more: Any) -> dict[str, Any]:
    total = {"inclTax": float(incl)} | ({} if excl is None else {"exclTax": float(excl)})
    return {
        "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": total},
        "totalUsage": {"energy": wh, "chargingTime": 600, "idleTime": 0},
    } | more


async def offered(case: PayingStation, version: pricing.TariffVersion, answer: str) -> None:
    """Send a tariff to the station, which answers like this."""
    case.answers["SetDefaultTariff"] = {"status": answer}
    said = for_station(version)
    assert said.tariff is not None, said.reasons
    async with case.central.database.unit_of_work() as db:
        await held_tariffs.offer(
            db, StationId(case.identity), said.tariff, by=BY, now=case.central.clock.now()
        )
    await case.was_asked("SetDefaultTariff")


async def newest(case: PayingStation, state: State) -> held_tariffs.HeldTariff:
    async def there() -> held_tariffs.HeldTariff | None:
        async with case.central.database.unit_of_work() as db:
            [found, *_] = await held_tariffs.held(db, case.identity)
        return found if found.state is state else None

    found = await eventually(there)
    assert found is not None
    return found


DAY: dict[str, Any] = {"start_time": "08:00", "end_time": "20:00"}


def by_day() -> dict[str, Any]:
    """0.50 EUR by day, 0.30 by night."""

    def price(value: float) -> dict[str, Any]:
        return {"type": "ENERGY", "price": value, "vat": 19, "step_size": 1}

    return story.tariff() | {
        "elements": [
            {"price_components": [price(0.50)], "restrictions": DAY},
            {"price_components": [price(0.30)]},
        ]
    }


async def test_i_101_a_tariff_by_the_time_of_day_is_held(case: PayingStation) -> None:
    await offered(case, await assigned(case, by_day()), "Accepted")
    asked = await case.was_asked("SetDefaultTariff")
    [day, night] = asked["tariff"]["energy"]["prices"]
    assert (day["price_kwh"], night["price_kwh"]) == (0.50, 0.30)
    assert day["conditions"] == {"start_time_of_day": "08:00", "end_time_of_day": "20:00"}
    held = await newest(case, State.HELD)
    assert (held.evse_id, held.outcome) == (0, None)


@pytest.mark.parametrize(
    ("number", "word"), [("i_102", "TooManyElements"), ("i_105", "ConditionNotSupported")]
)
async def test_i_102_and_i_105_a_station_that_does_not_take_it_is_priced_by_us(
    case: PayingStation, number: str, word: str
) -> None:
    await offered(case, await assigned(case, by_day()), word)
    assert (await newest(case, State.CENTRAL)).outcome == word
    await case.begin()
    reading = sample(3000, "Sample.Periodic", case.now())
    running = await case.event("Updated", "MeterValuePeriodic", "Charging", meterValue=[reading])
    # The evening's tests are at 22:00 in Berlin: by night.
    assert running["totalCost"] == pytest.approx(0.71), "2 kWh by our own counting"


async def test_i_106_it_counts_costs_before_it_gets_a_tariff(case: PayingStation) -> None:
    await offered(case, await assigned(case), "Accepted")
    assert case.told == {
        "TariffCostCtrlr/Enabled/Tariff": "true",
        "TariffCostCtrlr/Enabled/Cost": "true",
    }
    names = [name for name, _ in case.asked]
    assert names.index("SetVariables") < names.index("SetDefaultTariff")


async def test_i_109_the_drivers_tariff_comes_with_his_authorisation(case: PayingStation) -> None:
    version = await assigned(case)
    before = await case.call("Authorize", {"idToken": TOKEN})
    assert "tariff" not in before, "it does not count yet"
    await offered(case, version, "Accepted")
    await newest(case, State.HELD)
    answer = await case.call("Authorize", {"idToken": TOKEN})
    assert answer["idTokenInfo"]["status"] == "Accepted"
    assert answer["tariff"]["currency"] == "EUR"
    assert answer["tariff"]["energy"] == {
        "prices": [{"priceKwh": 0.4}],
        "taxRates": [{"type": "VAT", "tax": 19}],
    }
    refused = await case.call("Authorize", {"idToken": TOKEN | {"idToken": "NOBODY"}})
    assert "tariff" not in refused


async def test_i_110_tariffs_are_read_and_cleared(case: PayingStation) -> None:
    version = await assigned(case)
    await offered(case, version, "Accepted")
    held = await newest(case, State.HELD)
    case.answers["GetTariffs"] = {
        "status": "Accepted",
        "tariff_assignments": [{"tariff_id": held.tariff_id, "tariff_kind": "DefaultTariff"}],
    }
    case.answers["ClearTariffs"] = {
        "clear_tariffs_result": [{"tariff_id": held.tariff_id, "status": "Accepted"}]
    }
    station, now = StationId(case.identity), case.central.clock.now()
    async with case.central.database.unit_of_work() as db:
        reading = await held_tariffs.read(db, station, by=BY, now=now)
        clearing = await held_tariffs.clear(db, station, by=BY, now=now)
    await case.becomes(reading, CommandState.EFFECTIVE)
    await case.becomes(clearing, CommandState.EFFECTIVE)
    await newest(case, State.CLEARED)
    async with case.central.database.unit_of_work() as db:
        [read] = await held_tariffs.readings(db, case.identity)
        assert await payments.counting(db, [case.identity]) == set()
    assert read.assignments == [{"tariffId": held.tariff_id, "tariffKind": "DefaultTariff"}]


@pytest.mark.parametrize(
    ("number", "word", "state"),
    [
        ("i_113", "TooManyElements", State.CENTRAL),
        ("i_114", "ConditionNotSupported", State.CENTRAL),
        ("i_115", "Accepted", State.HELD),
    ],
)
async def test_i_113_to_i_115_another_tariff_for_a_running_transaction(
    case: PayingStation, number: str, word: str, state: State
) -> None:
    said = for_station(await assigned(case, by_day())).tariff
    assert said is not None
    await case.begin()
    case.answers["ChangeTransactionTariff"] = {"status": word}
    async with case.central.database.unit_of_work() as db:
        await held_tariffs.change(
            db, StationId(case.identity), case.ref, said, by=BY, now=case.central.clock.now()
        )
    asked = await case.was_asked("ChangeTransactionTariff")
    assert asked["transaction_id"] == case.ref
    assert "conditions" in asked["tariff"]["energy"]["prices"][0]
    found = await newest(case, state)
    assert found.outcome == (None if word == "Accepted" else word)
    assert found.transaction_ref == case.ref
    async with case.central.database.unit_of_work() as db:
        assert await payments.counting(db, [case.identity]) == set(), "of one transaction only"


async def test_i_122_what_the_station_counted_is_kept_and_ours_is_billed(
    case: PayingStation,
) -> None:
    await assigned(case)
    await case.begin(tariffId="T-1/1")
    reading = sample(3000, "Sample.Periodic", case.now())
    await case.event(
        "Updated",
        "RunningCost",
        "Charging",
        meterValue=[reading],
        costDetails=cost("0.952", 2000),
        tariffId="T-1/1",
    )
    running = await counted_of(case)
    assert (running.is_final, running.incl_tax) == (False, Decimal("0.952"))
    answer = await case.end(wh=11000, costDetails=cost("4.80", 10000, "4.03"), tariffId="T-1/1")
    final = await counted_of(case)
    assert (final.is_final, final.currency, final.energy_wh) == (True, "EUR", Decimal(10000))
    assert (final.excl_tax, final.incl_tax) == (Decimal("4.03"), Decimal("4.8"))
    assert final.tariff_id == "T-1/1"
    assert answer["totalCost"] == pytest.approx(4.76), "ours, which is billed"
    # What comes late of the time before changes nothing.
    await case.event("Updated", "RunningCost", "Charging", seqNo=1, costDetails=cost("0.1", 100))
    assert (await counted_of(case)).incl_tax == Decimal("4.8")
