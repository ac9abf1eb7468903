"""Whole stories from the plug to the paper, each ending with a statement, exact to the cent."""

import asyncio
import contextlib
import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billing import pricing
from billing.cdr import Payer
from billing.closing import DeliveriesPending, MonthNotOver
from csms import administration
from csms.administration import StationSettings
from foundation.identifiers import OrganisationKey, PartyId
from roaming import administration as partners
from simulators.dialect import Kind
from simulators.link import LinkLost, open_lean
from simulators.meter import Quirk
from simulators.station import Station
from tests.scenarios.stories import (
    DECEMBER,
    GUEST,
    LONG_AGO,
    MORNING,
    NOVEMBER,
    PROVIDER,
    ROOT,
    STAFF,
    TOWN,
    Story,
    back,
    car_that_takes,
    charge,
    eventually,
    story,
    tariff,
)

HOUR = timedelta(hours=1)
VERSIONS = ("1.6", "2.0.1", "2.1")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    """The running program on a morning in October, with a tariff of 0.40 EUR/kWh at the town."""
    async with story(database_url, tmp_path) as begun:
        await begun.price("0.40", place=TOWN)
        yield begun


def amounts(document: dict[str, Any]) -> list[tuple[str, int, str, int, str]]:
    """Return class, energy, net, share and payout of each line, in the lines' order."""
    return [
        (
            line["class"],
            line["energy_wh"],
            line["net_amount"],
            line["share_bps"],
            line["payout_amount"],
        )
        for line in document["lines"]
    ]


def unpaid(document: dict[str, Any]) -> dict[str, str]:
    """Return the reason by transaction."""
    return {each["transaction_id"]: each["reason"] for each in document["unpaid"]}


def proof(document: dict[str, Any]) -> dict[str, tuple[int, int, int, int, str]]:
    """Return register at start and end, sessions, gap and explanation of each station's EVSE 1."""
    return {
        row["station"]: (
            row["register_start_wh"],
            row["register_end_wh"],
            row["sessions_wh"],
            row["gap_wh"],
            row["explanation"],
        )
        for row in document["proof"]
    }


# ------------------------------------------------------------------------- ordinary months


async def test_an_ordinary_month_pays_own_tokens_whole_guests_90_percent_and_gifts_nothing(
    world: Story,
) -> None:
    station = await world.station()
    garden = await world.station("CS-2", "2.0.1", free_vend=True)
    await charge(station, STAFF, 10_000, readings=3)
    await charge(station, GUEST, 7_300)
    await charge(garden, STAFF, 5_000)

    world.clock.move_to(NOVEMBER)
    statement = await world.close()

    assert amounts(statement) == [
        ("internal", 10_000, "4.00", 10_000, "4.00"),
        ("external", 7_300, "2.92", 9_000, "2.63"),  # 2.628
        ("internal", 5_000, "0.00", 10_000, "0.00"),
    ]
    assert statement["totals"] == {
        "internal": {
            "sessions": 2,
            "energy_wh": 15_000,
            "net_amount": "4.00",
            "payout_amount": "4.00",
        },
        "external": {
            "sessions": 1,
            "energy_wh": 7_300,
            "net_amount": "2.92",
            "payout_amount": "2.63",
        },
    }
    assert statement["payout_net"] == "6.63"
    assert statement["vat"] == [{"rate": "19", "net": "6.63", "amount": "1.26"}]
    assert statement["payout_gross"] == "7.89"
    assert statement["due_on"] == "2026-11-16"
    assert statement["unpaid"] == []
    assert proof(statement) == {
        "CS-1": (1_000_000, 1_017_300, 17_300, 0, "none"),
        "CS-2": (1_000_000, 1_005_000, 5_000, 0, "none"),
    }


async def test_lines_of_a_group_share_its_rounded_payout_by_largest_remainder(
    world: Story,
) -> None:
    station = await world.station()
    for wh in (125, 125, 125, 275):  # 0.05 three times, and 0.11
        await charge(station, GUEST, wh)

    world.clock.move_to(NOVEMBER)
    statement = await world.close()

    # 90 % of 0.26 is 0.234, so 0.23; rounded one by one it would be 0.25.
    assert [line["payout_amount"] for line in statement["lines"]] == [
        "0.05",
        "0.04",
        "0.04",
        "0.10",
    ]
    assert statement["payout_net"] == "0.23"


# --------------------------------------------------------------------------- late messages


async def test_a_late_start_is_priced_shared_and_paid_as_of_its_corrected_start(
    world: Story,
) -> None:
    """Tariff, agreement, token owner and station owner all change before it arrives."""
    number = await world.agreement(TOWN, internal_bps=9_500)
    mall = await world.owner("mall")
    await world.price("0.40", id_="T2", place=mall)
    fleet = [await world.station(f"CS-{version}", version) for version in VERSIONS]
    for station in fleet:
        station.cut_link()
        await charge(station, STAFF, 10_000)

    now = world.clock.now() + HOUR
    world.clock.move_to(now)
    async with world.program.database.unit_of_work() as db:
        for id_ in ("T1", "T2"):
            await pricing.change_tariff(db, id_, tariff(id_, "0.80"), now=now)
        await partners.change_agreement(
            db, number, {"internal_bps": 5_000, "external_bps": 5_000}, valid_from=now, now=now
        )
        for station in fleet:
            await administration.change_station(
                db, station.identity, StationSettings(organisation=mall), now=now
            )
    await world.token(STAFF, provider=PROVIDER)
    world.clock.move_to(now + HOUR)
    for station in fleet:
        await back(station)
        await charge(station, STAFF, 10_000)

    world.clock.move_to(NOVEMBER)
    assert amounts(await world.close(TOWN)) == [("internal", 10_000, "4.00", 9_500, "3.80")] * 3
    assert amounts(await world.close(mall)) == [("external", 10_000, "8.00", 9_000, "7.20")] * 3


async def test_a_night_offline_told_after_the_close_is_a_late_line_of_the_next_statement(
    world: Story,
) -> None:
    station = await world.station()
    other = await world.station("CS-2", "2.0.1")
    await charge(station, STAFF, 10_000)
    world.clock.move_to(datetime(2026, 10, 31, 18, tzinfo=UTC))
    for each in (station, other):
        each.cut_link()
        await charge(each, GUEST, 20_000, duration=2 * HOUR, readings=3)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert amounts(october) == [("internal", 10_000, "4.00", 10_000, "4.00")]

    world.clock.move_to(NOVEMBER + HOUR)
    await back(station)
    await back(other)
    await charge(station, STAFF, 5_000)
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")

    assert await world.close(month="2026-10") == october
    assert amounts(november) == [
        ("internal", 5_000, "2.00", 10_000, "2.00"),
        ("external", 20_000, "8.00", 9_000, "7.20"),
        ("external", 20_000, "8.00", 9_000, "7.20"),
    ]
    assert [(line["ended_at"], line["late_from_month"]) for line in november["lines"][1:]] == [
        ("2026-10-31T20:00:00Z", "2026-10"),
        ("2026-10-31T22:00:00Z", "2026-10"),
    ]
    # The register goes on where the last paper left it: no Wh falls between two papers.
    assert proof(october) == {"CS-1": (1_000_000, 1_010_000, 10_000, 0, "none")}
    assert proof(november) == {
        "CS-1": (1_010_000, 1_035_000, 5_000, 20_000, "late"),
        "CS-2": (1_000_000, 1_020_000, 0, 20_000, "late"),
    }


async def test_a_session_across_midnight_is_paid_in_the_new_month_and_explained_in_both(
    world: Story,
) -> None:
    station = await world.station()
    await charge(station, STAFF, 10_000)
    world.clock.move_to(datetime(2026, 10, 31, 21, tzinfo=UTC))
    station.plug_in(1, car_that_takes(20_000, 4 * HOUR))
    station.begin(1, GUEST)
    for _ in range(3):
        await world.clock.pass_time(HOUR)
        station.take_reading(1)
        await station.deliver()
    assert world.clock.now() == datetime(2026, 11, 1, 0, tzinfo=UTC)
    october = await world.close()
    assert amounts(october) == [("internal", 10_000, "4.00", 10_000, "4.00")]
    assert proof(october) == {"CS-1": (1_000_000, 1_015_000, 10_000, 5_000, "late")}

    await world.clock.pass_time(HOUR)
    station.finish(1)
    await station.deliver()
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [("external", 20_000, "8.00", 9_000, "7.20")]
    assert proof(november) == {"CS-1": (1_015_000, 1_030_000, 20_000, -5_000, "late")}


async def test_a_register_reset_in_mid_session_is_billed_whole_and_explained(
    world: Story,
) -> None:
    station = await world.station(quirks=frozenset({Quirk.RESET_AT_BOOT}))
    station.plug_in(1, car_that_takes(20_000, 2 * HOUR))
    station.begin(1, STAFF)
    await station.deliver()
    await world.clock.pass_time(HOUR)
    station.take_reading(1)
    await station.deliver()
    station.start_afresh()
    await station.boot()
    await world.clock.pass_time(HOUR / 2)
    station.take_reading(1)
    await world.clock.pass_time(HOUR / 2)
    station.finish(1)
    await station.deliver()

    world.clock.move_to(NOVEMBER)
    statement = await world.close()
    assert amounts(statement) == [("internal", 20_000, "8.00", 10_000, "8.00")]
    assert proof(statement) == {"CS-1": (1_000_000, 10_000, 20_000, -1_010_000, "reset")}


async def test_messages_sent_three_times_under_new_ids_are_one_line(world: Story) -> None:
    for version in VERSIONS:
        station = await world.station(f"CS-{version}", version)
        station.lose_answers.update({Kind.START: 2, Kind.END: 2, Kind.READING: 1})
        await charge(station, STAFF, 10_000, readings=1)

    sent = [(each.start_sent, each.end_sent) for each in world.book.records.values()]
    assert sent == [(3, 3)] * 3
    world.clock.move_to(NOVEMBER)
    assert amounts(await world.close()) == [("internal", 10_000, "4.00", 10_000, "4.00")] * 3


# ---------------------------------------------------------------- lost and inferred ends


async def test_power_lost_in_mid_charge_is_one_line_up_to_the_loss(world: Story) -> None:
    for version in VERSIONS:
        station = await world.station(f"CS-{version}", version)
        station.plug_in(1, car_that_takes(20_000, 2 * HOUR))
        station.begin(1, STAFF)
        await station.deliver()
        await world.clock.pass_time(HOUR / 2)
        station.take_reading(1)
        await station.deliver()
        await world.clock.pass_time(HOUR / 2)
        station.cut_power()
        await world.clock.pass_time(3 * HOUR)
        station.start_afresh()
        await back(station)

    world.clock.move_to(NOVEMBER)
    statement = await world.close()
    assert amounts(statement) == [("internal", 10_000, "4.00", 10_000, "4.00")] * 3
    assert [line["ended_at"] for line in statement["lines"]] == [
        "2026-10-15T09:00:00Z",
        "2026-10-15T13:00:00Z",
        "2026-10-15T17:00:00Z",
    ]


async def lose_an_end(world: Story) -> Station:
    """Charge 10 kWh and lose the end after a reading of 5 kWh, until it is inferred."""
    station = await world.station()
    station.plug_in(1, car_that_takes(10_000, HOUR))
    station.begin(1, STAFF)
    await station.deliver()
    await world.clock.pass_time(HOUR / 2)
    station.take_reading(1)
    await station.deliver()
    await world.clock.pass_time(HOUR / 2)
    station.cut_power()
    station.unplug(1)
    await world.clock.pass_time(HOUR)
    station.start_afresh()
    await station.connect()
    await station.boot()
    # It keeps its queue to itself, and tells only that nobody charges.
    free = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    await station.call("StatusNotification", free)
    await world.clock.pass_time(HOUR)
    assert world.program.central is not None
    await world.program.central.connections.infer_lost_ends()
    [transaction] = await world.transactions()
    assert transaction.state == "inferred_end"
    return station


async def test_a_real_end_before_the_close_replaces_the_inferred_one(world: Story) -> None:
    station = await lose_an_end(world)
    await world.settled()
    await station.deliver()

    world.clock.move_to(NOVEMBER)
    statement = await world.close()
    assert amounts(statement) == [("internal", 10_000, "4.00", 10_000, "4.00")]
    assert statement["unpaid"] == []


async def test_an_inferred_end_is_unpaid_until_the_real_one_comes_after_the_close(
    world: Story,
) -> None:
    station = await lose_an_end(world)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert october["lines"] == []
    assert unpaid(october) == {"1": "inferred_end"}
    assert october["payout_gross"] == "0.00"

    await station.deliver()
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [("internal", 10_000, "4.00", 10_000, "4.00")]
    assert november["lines"][0]["late_from_month"] == "2026-10"
    assert november["unpaid"] == []


async def test_a_real_end_after_an_inferred_one_was_paid_is_a_correction_of_the_next_statement(
    world: Story,
) -> None:
    station = await lose_an_end(world)
    await world.settled()
    await world.release("1", "The display showed 5 kWh")
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert amounts(october) == [("internal", 5_000, "2.00", 10_000, "2.00")]

    await station.deliver()
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [
        ("internal", -5_000, "-2.00", 10_000, "-2.00"),
        ("internal", 10_000, "4.00", 10_000, "4.00"),
    ]
    assert {line["late_from_month"] for line in november["lines"]} == {"2026-10"}
    assert november["payout_net"] == "2.00"
    assert await world.close(month="2026-10") == october


# ------------------------------------------------------------------------------- held


def start_16(at: datetime, wh: int, token: str = STAFF) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": token, "meterStart": wh, "timestamp": at.isoformat()}


def stop_16(number: int, at: datetime, wh: int) -> dict[str, Any]:
    return {"transactionId": number, "meterStop": wh, "timestamp": at.isoformat()}


async def raw_session(
    station: Station, *, hours: int = 1, wh: int = 10_000, token: str = STAFF
) -> str:
    """Tell a start and an end by hand; return the transaction's number."""
    began = station.clock.now()
    answer = await station.call("StartTransaction", start_16(began, 1_000_000, token))
    await station.clock.pass_time(abs(hours) * HOUR)
    ended = began + hours * HOUR
    number = int(answer["transactionId"])
    assert number > 0
    await station.call("StopTransaction", stop_16(number, ended, 1_000_000 + wh))
    return str(number)


async def test_a_meter_that_runs_backwards_is_unpaid_until_a_person_voids_it(
    world: Story,
) -> None:
    station = await world.station(quirks=frozenset({Quirk.BACKWARDS}))
    await charge(station, STAFF, 10_000)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert (october["lines"], unpaid(october)) == ([], {"1": "negative_energy"})

    await world.void("1", "Current transformer the wrong way round")
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert (november["lines"], unpaid(november)) == ([], {"1": "void"})
    assert november["payout_gross"] == "0.00"


async def test_impossible_energy_is_unpaid_until_a_person_releases_it(world: Story) -> None:
    station = await world.station(max_power_w=11_000)
    held = await raw_session(station, wh=100_000)
    fine = await raw_session(station, wh=11_000)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert [line["transaction_id"] for line in october["lines"]] == [fine]
    assert unpaid(october) == {held: "impossible_energy"}

    await world.release(held, "It is a 150 kW station; the plate was entered wrongly")
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [("internal", 100_000, "40.00", 10_000, "40.00")]
    assert november["lines"][0]["late_from_month"] == "2026-10"
    assert november["unpaid"] == []


async def test_an_end_before_the_start_is_unpaid_until_a_person_decides(world: Story) -> None:
    station = await world.station()
    number = await raw_session(station, hours=-1)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert (october["lines"], unpaid(october)) == ([], {number: "end_before_start"})

    await world.release(number, "The receipt shows 10 kWh")
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [("internal", 10_000, "4.00", 10_000, "4.00")]


async def test_an_end_without_a_start_is_unpaid_and_says_whether_anybody_would_pay(
    world: Story,
) -> None:
    station = await world.station()
    await station.call("StopTransaction", stop_16(4711, MORNING, 1_010_000))
    known = stop_16(4712, MORNING, 1_020_000) | {"idTag": STAFF}
    await station.call("StopTransaction", known)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert october["lines"] == []
    assert unpaid(october) == {"1": "no_payer", "2": "missing_start"}


async def test_an_offline_start_with_an_unknown_token_is_unpaid_until_somebody_pays(
    world: Story,
) -> None:
    station = await world.station()
    station.cut_link()
    await charge(station, "DEADBEEF", 10_000)
    await back(station)
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    assert (october["lines"], unpaid(october)) == ([], {"1": "no_payer"})

    await world.release(
        "1", "A new card of the provider's", payer=Payer(provider=PartyId(PROVIDER))
    )
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [("external", 10_000, "4.00", 9_000, "3.60")]


async def test_what_a_waiting_station_charged_is_unpaid_by_its_reason(world: Story) -> None:
    station = world.built("NEW-1")
    await station.connect()
    assert (await station.boot()).status == "Pending"
    number = await raw_session(station)
    world.clock.move_to(NOVEMBER)
    october = await world.close(ROOT)
    assert (october["lines"], unpaid(october)) == ([], {number: "station_waiting"})

    async with world.program.database.unit_of_work() as db:
        await administration.accept_station(db, "NEW-1")
    assert (await station.boot()).status == "Accepted"
    await world.void(number, "Charged while the electrician tried it out")
    world.clock.move_to(DECEMBER)
    november = await world.close(ROOT, "2026-11")
    assert (november["lines"], unpaid(november)) == ([], {number: "void"})


async def test_a_session_without_a_tariff_is_unpaid_until_one_is_entered_as_of_its_start(
    world: Story,
) -> None:
    chapel = await world.owner("chapel", tax_status="small_business")
    station = await world.station(owner=chapel)
    await charge(station, GUEST, 10_000)
    world.clock.move_to(NOVEMBER)
    october = await world.close(chapel)
    assert (october["lines"], unpaid(october)) == ([], {"1": "no_tariff"})

    await world.price("0.50", id_="CHAPEL", place=chapel, valid_from=LONG_AGO)
    await world.release("1", "The tariff was agreed in September")
    world.clock.move_to(DECEMBER)
    november = await world.close(chapel, "2026-11")
    assert amounts(november) == [("external", 10_000, "5.00", 9_000, "4.50")]
    assert november["vat"] == [{"rate": "0", "net": "4.50", "amount": "0.00"}]
    assert november["payout_gross"] == "4.50"


# -------------------------------------------------------------------- clocks and sockets


@pytest.mark.parametrize("wrong_by", [timedelta(days=365), timedelta(days=-365)])
async def test_a_clock_wrong_by_a_year_is_held_in_the_month_that_it_truly_was(
    world: Story, wrong_by: timedelta
) -> None:
    began = []
    for version in VERSIONS:
        station = await world.station(f"CS-{version}", version)
        station.wrong_by = wrong_by
        station.tell_statuses()
        await station.deliver()
        await world.clock.pass_time(timedelta(minutes=10))
        began.append(world.clock.now())
        await charge(station, STAFF, 10_000)

    transactions = await world.transactions()
    assert [(each.started_at, each.ended_at) for each in transactions] == [
        (at, at + HOUR) for at in began
    ]
    world.clock.move_to(NOVEMBER)
    october = await world.close()
    held = {str(each.transaction_id): "clock_wrong" for each in transactions}
    assert (october["lines"], unpaid(october)) == ([], held)
    for number in held:
        await world.release(number, "Seen by the attendant")
    world.clock.move_to(DECEMBER)
    november = await world.close(month="2026-11")
    assert amounts(november) == [("internal", 10_000, "4.00", 10_000, "4.00")] * 3


async def test_two_sockets_with_one_identity_double_nothing(world: Story) -> None:
    station = await world.station()
    began = world.clock.now()
    old = station.let_go()
    start = start_16(began, 1_000_000)

    async def tell_on_the_old_one(action: str, payload: dict[str, Any]) -> None:
        with contextlib.suppress(LinkLost):  # the newer one took over before the answer came
            await old.call(action, payload)

    _, _ = await asyncio.gather(tell_on_the_old_one("StartTransaction", start), station.connect())
    answer = await station.call("StartTransaction", start)
    await world.clock.pass_time(HOUR)
    stop = stop_16(answer["transactionId"], world.clock.now(), 1_010_000)
    await asyncio.gather(
        tell_on_the_old_one("StopTransaction", stop), station.call("StopTransaction", stop)
    )
    await old.closed

    world.clock.move_to(NOVEMBER)
    assert amounts(await world.close()) == [("internal", 10_000, "4.00", 10_000, "4.00")]


@pytest.mark.slow
async def test_after_a_reconnect_storm_of_50_stations_every_session_is_a_line_once(
    world: Story,
) -> None:
    fleet = [await world.station(f"CS-{number}", VERSIONS[number % 3]) for number in range(50)]
    for number, station in enumerate(fleet):
        await world.token(f"04C0{number:04}", organisation=TOWN)
        station.plug_in(1, car_that_takes(10_000, HOUR))
        station.begin(1, f"04C0{number:04}")
    await asyncio.gather(*(station.deliver() for station in fleet))
    await world.clock.pass_time(HOUR)
    for station in fleet:
        station.finish(1)
        station.cut_when_sent = Kind.END  # each is cut off again by its first attempt
        station.cut_link()
    living = [asyncio.ensure_future(station.run()) for station in fleet]  # noqa: TID251

    async def all_is_told() -> bool:
        return all(station.waiting == 0 and station.is_connected for station in fleet)

    await eventually(all_is_told)
    for station in fleet:
        station.leave()
    await asyncio.gather(*living)

    world.clock.move_to(NOVEMBER)
    statement = await world.close()
    assert sorted(line["station"] for line in statement["lines"]) == sorted(
        station.identity for station in fleet
    )
    assert statement["totals"]["internal"] == {
        "sessions": 50,
        "energy_wh": 500_000,
        "net_amount": "200.00",
        "payout_amount": "200.00",
    }


# ------------------------------------------------------------------------- month borders


SECOND = timedelta(seconds=1)


async def end_around(world: Story, borders: dict[Station, datetime]) -> None:
    """Let a session of 1 kWh end a second before each station's border, and one right at it."""
    for station, border in sorted(borders.items(), key=lambda each: each[1]):
        world.clock.move_to(border - 10 * SECOND)
        await charge(station, STAFF, 1_000, duration=9 * SECOND)
        await charge(station, STAFF, 1_000, duration=1 * SECOND)
        assert world.clock.now() == border


async def test_month_borders_are_exact_in_each_payees_own_zone(
    database_url: str, tmp_path: Path
) -> None:
    """October begins in summer time and ends in winter time, and an hour later in Lisbon."""
    begin = datetime(2026, 9, 30, 12, tzinfo=UTC)
    async with story(database_url, tmp_path, begin=begin) as world:
        porto = await world.owner("porto", time_zone="Europe/Lisbon", country="PT")
        await world.agreement(porto, internal_scope="installation")
        await world.price("1.00")
        berlin = await world.station("DE-1", max_power_w=10_000_000)
        lisbon = await world.station(
            "PT-1", "2.0.1", owner=porto, time_zone="Europe/Lisbon", max_power_w=10_000_000
        )
        await end_around(
            world,
            {
                berlin: datetime(2026, 9, 30, 22, tzinfo=UTC),
                lisbon: datetime(2026, 9, 30, 23, tzinfo=UTC),
            },
        )
        await end_around(world, {berlin: datetime(2026, 10, 31, 23, tzinfo=UTC)})
        half_past = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
        world.clock.move_to(half_past - 20 * SECOND)
        await charge(berlin, STAFF, 1_000, duration=10 * SECOND)
        await charge(lisbon, STAFF, 1_000, duration=10 * SECOND)
        assert world.clock.now() == half_past

        await world.settled()
        with pytest.raises(MonthNotOver):
            await world.statements(porto)
        october = ends(await world.close(TOWN))
        await end_around(world, {lisbon: datetime(2026, 11, 1, 0, tzinfo=UTC)})
        assert ends(await world.close(porto)) == [
            "2026-09-30T23:00:00Z",
            "2026-10-31T23:30:00Z",
            "2026-10-31T23:59:59Z",
        ]
        assert october == ["2026-09-30T22:00:00Z", "2026-10-31T22:59:59Z"]
        world.clock.move_to(DECEMBER)
        assert ends(await world.close(TOWN, "2026-11")) == [
            "2026-10-31T23:00:00Z",
            "2026-10-31T23:29:50Z",
        ]
        assert ends(await world.close(porto, "2026-11")) == ["2026-11-01T00:00:00Z"]


def ends(document: dict[str, Any]) -> list[str]:
    """Return when the lines of the month itself ended."""
    assert document["unpaid"] == []
    return [line["ended_at"] for line in document["lines"] if line["late_from_month"] is None]


async def test_a_night_tariff_lasts_an_hour_longer_when_summer_time_ends(world: Story) -> None:
    """From 22:00 to 06:00 on the clock are nine hours in that night."""
    hotel = await world.owner("hotel")

    def element(price: str, **more: Any) -> dict[str, Any]:
        component = {"type": "ENERGY", "price": Decimal(price), "vat": 19, "step_size": 1}
        return {"price_components": [component]} | more

    night = element("0.30", restrictions={"start_time": "22:00", "end_time": "06:00"})
    await world.price("0", id_="NIGHT", place=hotel, elements=[night, element("0.50")])
    await world.token("04DDDD04", organisation=hotel)
    station = await world.station(owner=hotel)
    world.clock.move_to(datetime(2026, 10, 24, 20, tzinfo=UTC))
    await charge(station, "04DDDD04", 10_000, duration=10 * HOUR)

    world.clock.move_to(NOVEMBER)
    assert amounts(await world.close(hotel)) == [("internal", 10_000, "3.20", 10_000, "3.20")]


# ------------------------------------------------------------------------------ sequences


async def test_a_transaction_with_a_gap_in_its_numbers_is_billed_once_it_is_complete(
    world: Story,
) -> None:
    station = await world.station(version="2.0.1")

    def event(kind: str, seq_no: int, minutes: int, wh: int) -> dict[str, Any]:
        at = (MORNING + timedelta(minutes=minutes)).isoformat()
        said: dict[str, Any] = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": "T-77"},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": wh}]}],
        }
        if kind == "Started":
            said["idToken"] = {"idToken": STAFF, "type": "ISO14443"}
        return said

    await station.call("TransactionEvent", event("Started", 0, 0, 1_000_000))
    await world.clock.pass_time(HOUR)
    await station.call("TransactionEvent", event("Ended", 3, 60, 1_010_000))
    await station.call("TransactionEvent", event("Updated", 1, 20, 1_003_000))
    [transaction] = await world.transactions()
    assert transaction.state == "ended_waiting_for_queue"
    world.clock.move_to(NOVEMBER)
    await world.settled()
    assert await world.statements(dry_run=True) == []

    for _ in range(2):
        await station.call("TransactionEvent", event("Updated", 2, 40, 1_006_000))
        await station.call("TransactionEvent", event("Ended", 3, 60, 1_010_000))
    assert amounts(await world.close()) == [("internal", 10_000, "4.00", 10_000, "4.00")]


# -------------------------------------------------------------------------------- closing


async def test_a_month_is_closed_neither_early_nor_before_everything_has_arrived(
    world: Story,
) -> None:
    station = await world.station()
    await charge(station, STAFF, 10_000)
    await world.settled()
    world.clock.move_to(datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC))
    with pytest.raises(MonthNotOver) as early:
        await world.statements()
    assert early.value.ends_at == datetime(2026, 10, 31, 23, tzinfo=UTC)

    async with world.program.database.unit_of_work() as db:
        connection = await db.connection()
        await connection.exec_driver_sql(
            "select pg_advisory_xact_lock(hashtext('outbox billing'), lane)"
            " from generate_series(0, 7) lane"
        )
        await charge(station, GUEST, 10_000, duration=timedelta(milliseconds=500))
        world.clock.move_to(datetime(2026, 10, 31, 23, tzinfo=UTC))
        with pytest.raises(DeliveriesPending) as pending:
            await world.statements()
        assert pending.value.count == 2
    world.program.house.deliveries.wake()
    assert len((await world.close())["lines"]) == 2


async def test_over_rest_a_close_too_early_says_when_and_one_in_time_says_what(
    world: Story,
) -> None:
    station = await world.station()
    await charge(station, GUEST, 10_000)
    await world.settled()
    async with world.rest() as client:
        early = await client.post("/months/2026-10/close", json={"payee": "town"})
        assert (early.status_code, early.json()["code"]) == (409, "month_not_over")
        world.clock.move_to(NOVEMBER)
        dry = await client.post("/months/2026-10/close", json={"payee": "town", "dry_run": True})
        [first, second] = await asyncio.gather(
            client.post("/months/2026-10/close", json={"payee": "town"}),
            client.post("/months/2026-10/close", json={"payee": "town"}),
        )
        assert dry.json()["statements"] == first.json()["statements"] == second.json()["statements"]
        listed = (await client.get("/statements", params={"payee": "town"})).json()["items"]
    assert [each["payout_gross"]["amount"] for each in listed] == ["4.28"]  # 3.60 and 19 %


async def test_dry_run_close_close_again_and_two_closes_at_once_say_the_same(
    world: Story,
) -> None:
    station = await world.station()
    for wh in (10_000, 3_333, 777):
        await charge(station, GUEST, wh)
    world.clock.move_to(NOVEMBER)
    dry = await world.close(dry_run=True)
    assert await world.rows("select * from statements") == []

    [first], [second] = await asyncio.gather(world.statements(), world.statements())
    assert first == second
    [row] = await world.rows("select statement_id from statements")
    assert row["statement_id"] == first.statement_id

    world.clock.move_to(DECEMBER)
    again = await world.close()
    assert again == dry
    assert again["payout_net"] == "5.08"  # 90 % of 4.00 + 1.33 + 0.31


# ---------------------------------------------------------------------------------- paper


async def many_sessions(world: Story, owner: OrganisationKey, sessions: int) -> None:
    """Let ten stations charge so many times in all, each 10 kWh and some Wh in an hour."""
    stations = []
    for number in range(10):
        await world.enter(f"{owner}-{number}", owner)
        stations.append(world.built(f"{owner}-{number}", opener=open_lean))
    await asyncio.gather(*(station.connect() for station in stations))
    await asyncio.gather(*(station.boot() for station in stations))
    for wave in range(-(-sessions // len(stations))):
        start = start_16(world.clock.now(), 0, (STAFF, GUEST)[wave % 2])
        present = stations[: sessions - wave * len(stations)]
        begun = await asyncio.gather(*(each.call("StartTransaction", start) for each in present))
        await world.clock.pass_time(HOUR)
        await asyncio.gather(
            *(
                station.call(
                    "StopTransaction",
                    stop_16(answer["transactionId"], world.clock.now(), 10_000 + 37 * place + wave),
                )
                for place, (station, answer) in enumerate(zip(present, begun, strict=True))
            )
        )


def figure(text: str, language: str) -> Decimal:
    """Read an amount off the paper."""
    plain = text.translate(str.maketrans(",.", ".,")) if language == "de" else text
    return Decimal(plain.replace(",", "").replace("€", "").replace("\N{MINUS SIGN}", "-"))


@pytest.mark.parametrize(
    ("language", "sessions", "pages"),
    [("en", 4, (1, 1)), ("de", 4, (1, 1)), ("en", 230, (5, 9)), ("de", 230, (5, 9))],
)
async def test_json_csv_and_paper_of_a_statement_have_the_same_sums(
    world: Story, language: str, sessions: int, pages: tuple[int, int]
) -> None:
    owner = await world.owner("werk", name="Stadtwerke Süßen", language=language)
    await world.agreement(owner, internal_scope="installation")
    await world.price("0.49", id_="WERK", place=owner)
    await many_sessions(world, owner, sessions)
    world.clock.move_to(NOVEMBER)
    closed = await world.close(owner)
    async with world.rest() as client:
        name = f"/statements/{closed['statement_id']}"
        document = (await client.get(f"{name}.json")).json()
        rows = list(csv.DictReader(io.StringIO((await client.get(f"{name}.csv")).text)))
        pdf = PdfReader(io.BytesIO((await client.get(f"{name}.pdf")).content))

    assert document == closed
    assert len(document["lines"]) == sessions
    lines = [row for row in rows if row["record"] == "line"]
    assert [row["payout_amount"] for row in lines] == [
        line["payout_amount"] for line in document["lines"]
    ]
    assert {
        row["class"]: (row["sessions"], row["net_amount"], row["payout_amount"])
        for row in rows
        if row["record"] == "total"
    } == {
        name: (str(total["sessions"]), total["net_amount"], total["payout_amount"])
        for name, total in document["totals"].items()
    }
    [payout] = [row for row in rows if row["record"] == "payout"]
    assert payout["gross_amount"] == document["payout_gross"]

    assert pages[0] <= len(pdf.pages) <= pages[1]
    text = "\n".join(page.extract_text() for page in pdf.pages)
    numbers = {line["transaction_id"] for line in document["lines"]}
    cells = [row.split(" ") for row in text.splitlines() if row.split(" ")[0] in numbers]
    assert len(cells) == sessions
    for place, amount in ((-1, "payout_amount"), (-4, "net_amount")):
        assert sum(figure(row[place], language) for row in cells) == sum(
            Decimal(total[amount]) for total in document["totals"].values()
        )
    for label, amount in (
        ({"en": "Payout without VAT", "de": "Auszahlung ohne USt."}[language], "payout_net"),
        ({"en": "Payout", "de": "Auszahlung"}[language], "payout_gross"),
    ):
        found = re.findall(rf"^{re.escape(label)} €?([\d.,]+)(?:\s€)?$", text, re.MULTILINE)
        assert {figure(each, language) for each in found} == {Decimal(document[amount])}
    assert {"en": "Sessions of the month", "de": "Ladevorgänge des Monats"}[language] in text
