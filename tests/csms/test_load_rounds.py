"""Locations are balanced over real sockets: what stations are told, and what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from csms import administration, load_balancers, load_rounds
from csms.administration import LocationSettings, StationSettings
from csms.balancing import LASTS, LimitReason, Settings, Why
from csms.load_balancers import Decision
from csms.load_rounds import KEPT_DAYS, look_round, measured_amperes, takes_watts_alone
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from tests.conformance.charge_point import ChargePoint
from tests.conformance.charging_station import ChargingStation, token
from tests.csms.central import CARD, OWNER, Central, eventually

ACCEPTED = {"status": "Accepted"}
CARDS = CARD, "TWO", "THREE"
"""A card charges at one place at a time."""


@dataclass
class Site:
    """A location with two 1.6 stations and one of 2.0.1, all connected."""

    central: Central
    key: str
    one: ChargePoint
    two: ChargePoint
    three: ChargingStation

    async def balanced(self, *, is_on: bool = True, fallback_a: int = 0) -> None:
        async with self.central.database.unit_of_work() as db:
            await load_balancers.set_balancer(
                db,
                self.key,
                Settings(limit_a=32, fallback_a=fallback_a, change_every=timedelta(seconds=10)),
                is_on=is_on,
                by="Mia",
                now=self.central.clock.now(),
            )

    async def round(self, *, after_s: int = 20) -> None:
        """Look round, and wait until the stations answered what they were told."""
        self.central.clock.at += timedelta(seconds=after_s)
        await look_round(self.central.database, self.central.clock.now())

        async def answered() -> bool:
            rows = await self.central.rows(
                "select 1 from commands m join load_grants g on g.command = m.id"
                " where g.location = :key and m.state in ('queued', 'sent')",
                key=self.key,
            )
            return not rows

        await eventually(answered)

    async def measures(self, station: ChargePoint, number: int, amperes: str) -> None:
        """Let a station tell what its vehicle takes of each phase."""
        samples = [
            {"measurand": "Current.Import", "phase": phase, "unit": "A", "value": amperes}
            for phase in ("L1", "L2", "L3")
        ]
        said = {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [{"timestamp": station.now(), "sampledValue": samples}],
        }
        assert await station.call("MeterValues", said) == {}

    async def decisions(self) -> Sequence[Decision]:
        async with self.central.database.unit_of_work() as db:
            return await load_balancers.decisions(db, self.key)


def told(station: ChargePoint | ChargingStation) -> list[tuple[str, int]]:
    """What a station was told: the purpose and the limit of each profile, the first one first."""
    found = []
    for action, payload in station.asked:
        if action == "SetChargingProfile":
            profile: Mapping[str, Any] = (
                payload.get("cs_charging_profiles") or payload["charging_profile"]
            )
            schedule = profile["charging_schedule"]
            schedule = schedule[0] if isinstance(schedule, list) else schedule
            [period] = schedule["charging_schedule_period"]
            found.append((profile["charging_profile_purpose"], period["limit"]))
    return found


async def place(central: Central) -> str:
    key = f"site-{central.new_identity().lower()}"
    async with central.database.unit_of_work() as db:
        await administration.set_location(
            db,
            LocationSettings(
                key=key, organisation=OrganisationKey(OWNER), name="Yard", time_zone="Europe/Berlin"
            ),
            create=True,
        )
    return key


@pytest.fixture
async def site(central: Central) -> Site:
    key = await place(central)
    for card in CARDS:
        await central.token(card)
    stations: list[Any] = [
        kind(central, await central.station(location=key))
        for kind in (ChargePoint, ChargePoint, ChargingStation)
    ]
    for each in stations:
        each.answers = {"SetChargingProfile": ACCEPTED, "ClearChargingProfile": ACCEPTED}
        await each.connect()
        assert (await each.boot())["status"] == "Accepted"
    return Site(central, key, *stations)


async def test_all_share_the_connection_and_less_is_told_before_more(site: Site) -> None:
    await site.balanced()
    await site.round()
    assert [told(each) for each in (site.one, site.two, site.three)] == [
        [("TxDefaultProfile", 0)]
    ] * 3
    await site.one.charging()
    await site.round()
    assert told(site.one)[1:] == [("TxProfile", 32)]
    await site.two.charging(CARDS[1])
    await site.three.event("Started", "Authorized", "Charging", idToken=token(CARDS[2]))
    await site.round()
    assert told(site.one)[1:] == [("TxProfile", 32), ("TxProfile", 11)]
    assert told(site.two)[1:] == told(site.three)[1:] == []
    await site.round()
    assert told(site.two)[1:] == [("TxProfile", 11)]
    assert told(site.three)[1:] == [("TxProfile", 10)]
    newest = (await site.decisions())[0]
    assert newest.reason is LimitReason.CONNECTION
    assert newest.limit_a == newest.allowed_a == 32
    assert {each.why for each in newest.shares} == {Why.SHARED}


async def test_a_signal_is_obeyed_at_once_and_ends_by_itself(site: Site) -> None:
    await site.balanced()
    await site.one.charging()
    await site.round()
    await site.round()
    assert told(site.one)[-1] == ("TxProfile", 32)
    now = site.central.clock.now()
    async with site.central.database.unit_of_work() as db:
        await load_balancers.add_signal(
            db,
            site.key,
            source="grid operator",
            limit_a=None,
            limit_w=Decimal(4200),
            used_a=None,
            starts_at=now,
            ends_at=now + timedelta(minutes=2),
            by="Mia",
            now=now,
        )
    await site.round(after_s=1)
    assert told(site.one)[-1] == ("TxProfile", 6)
    assert (await site.decisions())[0].reason is LimitReason.SIGNAL
    await site.round(after_s=120)
    assert told(site.one)[-1] == ("TxProfile", 32)


async def test_a_station_that_refuses_less_is_reckoned_with_all_it_took(site: Site) -> None:
    await site.balanced()
    await site.one.charging()
    await site.round()
    await site.round()
    site.one.answers["SetChargingProfile"] = {"status": "Rejected"}
    await site.two.charging(CARDS[1])
    await site.round()
    assert told(site.one)[-1] == ("TxProfile", 16)
    refused = len(told(site.one))
    for _ in range(2):
        await site.round()
    assert len(told(site.one)) == refused  # it is not asked every few seconds
    assert told(site.two) == [("TxDefaultProfile", 0)]
    site.one.answers["SetChargingProfile"] = ACCEPTED
    for _ in range(5):
        await site.round(after_s=60)
    assert told(site.two)[-1] == ("TxProfile", 16)


async def test_without_a_connection_its_share_is_kept_until_it_lapses(site: Site) -> None:
    await site.balanced(fallback_a=6)
    await site.one.charging()
    for _ in range(2):
        await site.round()
    assert told(site.one)[-1] == ("TxProfile", 32)
    await site.one.leave()
    await site.two.charging(CARDS[1])
    for _ in range(2):
        await site.round()
    assert told(site.two)[-1] == ("TxProfile", 0)
    await site.round(after_s=int(LASTS.total_seconds()))
    await site.round()
    assert told(site.two)[-1] == ("TxProfile", 26)
    assert Why.AWAY in {each.why for each in (await site.decisions())[0].shares}


async def test_what_a_vehicle_leaves_others_have(site: Site) -> None:
    await site.balanced()
    number = await site.one.charging()
    await site.two.charging(CARDS[1])
    for _ in range(3):
        await site.round()
    assert told(site.one)[-1] == told(site.two)[-1] == ("TxProfile", 16)
    site.central.clock.at += timedelta(minutes=2)
    await site.measures(site.one, number, "8.0")
    for _ in range(2):
        await site.round()
    assert told(site.one)[-1] == ("TxProfile", 10)
    assert told(site.two)[-1] == ("TxProfile", 22)
    newest = (await site.decisions())[0]
    assert newest.taken_a == 8


async def test_switched_off_everything_is_taken_back(site: Site) -> None:
    await site.balanced()
    await site.one.charging()
    for _ in range(2):
        await site.round()
    await site.balanced(is_on=False)
    for _ in range(2):
        await site.round()
    cleared = await site.one.was_asked("ClearChargingProfile", 2)
    assert set(cleared) == {"id"}
    assert "charging_profile_id" in await site.three.was_asked("ClearChargingProfile")
    rows = await site.central.rows("select 1 from load_grants where location = :key", key=site.key)
    assert rows == []
    [order] = await site.central.rows(
        "select distinct asked_by_name, reference from commands where station = :station",
        station=site.one.identity,
    )
    assert order == {"asked_by_name": "Load balancing", "reference": f"load of {site.key}"}


async def test_a_station_away_at_the_end_is_told_when_it_is_back(site: Site) -> None:
    await site.balanced()
    for _ in range(2):
        await site.round()
    await site.two.leave()
    await site.balanced(is_on=False)
    for _ in range(3):
        await site.round()
    assert "ClearChargingProfile" not in [action for action, _ in site.two.asked]
    await site.two.connect()
    for _ in range(2):
        await site.round()
    assert (await site.two.was_asked("ClearChargingProfile")) == {"id": 1}
    assert (
        await site.central.rows("select 1 from load_grants where location = :k", k=site.key) == []
    )


@pytest.mark.parametrize("is_balanced", [True, False])
async def test_a_station_that_moves_keeps_nothing_of_where_it_was(
    site: Site, is_balanced: bool
) -> None:
    await site.balanced()
    for _ in range(2):
        await site.round()
    other = Site(site.central, await place(site.central), site.one, site.two, site.three)
    async with site.central.database.unit_of_work() as db:
        await administration.change_station(
            db,
            site.one.identity,
            StationSettings(location=other.key),
            now=site.central.clock.now(),
        )
    if is_balanced:
        await other.balanced(fallback_a=8)
    for _ in range(4):
        await site.round()
    if is_balanced:
        assert told(site.one)[-1] == ("TxDefaultProfile", 8)
    else:
        assert (await site.one.was_asked("ClearChargingProfile")) == {"id": 1}
    kept = await site.central.rows(
        "select location from load_grants where station = :station", station=site.one.identity
    )
    assert kept == ([{"location": other.key}] if is_balanced else [])


async def test_a_station_that_was_never_there_keeps_nothing_from_the_others(site: Site) -> None:
    await site.two.leave()
    await site.balanced()
    await site.one.charging()
    for _ in range(2):
        await site.round()
    assert told(site.one)[-1] == ("TxProfile", 32)


async def test_after_a_boot_a_station_is_told_again_what_it_falls_back_to(site: Site) -> None:
    await site.balanced()
    await site.round()
    await site.round()
    assert told(site.one) == [("TxDefaultProfile", 0)]
    site.central.clock.at += timedelta(seconds=1)
    await site.one.boot()
    await site.round()
    assert told(site.one) == [("TxDefaultProfile", 0)] * 2


async def test_a_place_without_charge_points_is_not_balanced(central: Central) -> None:
    async with central.database.unit_of_work() as db:
        await administration.set_location(
            db,
            LocationSettings(
                key="empty", organisation=OrganisationKey(OWNER), name="Empty", time_zone="UTC"
            ),
            create=True,
        )
        with pytest.raises(InvalidInput, match="No station"):
            await load_balancers.set_balancer(
                db, "empty", Settings(limit_a=32), is_on=True, by="Mia", now=central.clock.now()
            )
        made = await load_balancers.set_balancer(
            db, "empty", Settings(limit_a=32), is_on=False, by="Mia", now=central.clock.now()
        )
        assert await load_balancers.balancer(db, "empty") == made


async def test_decisions_are_kept_for_a_while(site: Site) -> None:
    await site.balanced()
    await site.one.charging()
    await site.round()
    assert await site.decisions()
    late = site.central.clock.now() + timedelta(days=KEPT_DAYS, seconds=1)
    await load_rounds.forget(site.central.database, late)
    assert await site.decisions() == []
    async with site.central.database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from load_balancers")) >= 1


async def test_a_station_that_says_yes_and_does_nothing_is_shown_and_reckoned_with(
    site: Site,
) -> None:
    await site.balanced()
    number = await site.one.charging()
    for _ in range(2):
        await site.round()
    await site.two.charging(CARDS[1])
    for _ in range(2):
        await site.round()
    assert told(site.two)[-1] == ("TxProfile", 16)
    site.central.clock.at += timedelta(minutes=3)
    await site.measures(site.one, number, "28.0")
    await site.round()
    assert told(site.one)[-1] == ("TxProfile", 6)
    assert told(site.two)[-1] == ("TxProfile", 0)  # 28 of 32 A are taken
    shares = {each.station: each.why for each in (await site.decisions())[0].shares}
    assert shares[StationId(site.one.identity)] is Why.IGNORES


@pytest.mark.parametrize(
    ("unit", "in_watts"),
    [("Power", True), ("W", True), ("Current,Power", False), ("A", False), ("", False)],
)
def test_the_rate_unit_is_read_in_either_versions_spelling(unit: str, in_watts: bool) -> None:
    assert takes_watts_alone(unit) is in_watts


def test_amperes_are_of_the_phases_or_what_the_power_would_be() -> None:
    def sample(measurand: str, value: str, phase: str | None = None) -> dict[str, Any]:
        return {"measurand": measurand, "value": value, "phase": phase}

    phases = [sample("Current.Import", "7.5", each) for each in ("L1", "L2", "N")]
    assert measured_amperes(phases) == [Decimal("7.5")] * 2
    assert measured_amperes([sample("Current.Import", "9")]) == [Decimal(9)] * 3
    assert measured_amperes([sample("Power.Active.Import", "11040")]) == [Decimal("16.0")] * 3
    assert measured_amperes([sample("SoC", "80"), {"measurand": "Current.Import"}]) == []
