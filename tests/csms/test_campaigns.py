"""The same command to many stations: at its rate, over restarts, until it is stopped."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from accounts import directory
from accounts.directory import WHOLE, Scope
from csms import administration, campaigns, outcomes
from csms.administration import StationSettings
from csms.campaigns import CampaignOver, NewCampaign, Wish, due
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
OWNER = OrganisationKey("north")
CONNECTED = 4
STATIONS = 6


@pytest.fixture
async def fleet(database: Database, clock: SetClock) -> list[StationId]:
    """Six stations of an owner, of which the last two are not connected."""
    identities = [StationId(f"CS-{number}") for number in range(STATIONS)]
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="root",
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="en",
            now=clock.now(),
        )
        await directory.create_organisation(db, OWNER, {"name": "North"}, now=clock.now())
        for identity in identities:
            await administration.create_station(
                db,
                identity,
                OWNER,
                StationSettings(),
                password="a long enough one",
                time_zone="Europe/Berlin",
                now=clock.now(),
            )
        await db.execute(text("update stations set ocpp_version = 'ocpp1.6'"))
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('node-1', now(), '2100-01-01T00:00:00Z')"
            )
        )
        for number, identity in enumerate(identities[:CONNECTED]):
            await db.execute(
                text(
                    "insert into station_connections"
                    " (station, node, epoch, version, remote, connected_at, last_heard_at, silence)"
                    " values (:station, 'node-1', :epoch, 'ocpp1.6', '192.0.2.1', now(), now(),"
                    " 'online')"
                ),
                {"station": identity, "epoch": number + 1},
            )
    return identities


def a_campaign(stations: list[StationId], **changed: Any) -> NewCampaign:
    facts: dict[str, Any] = {
        "title": "Restart (soft)",
        "wishes": [Wish(each, "Reset", {"type": "Soft"}) for each in stations],
        "per_minute": 60,
        "organisation": OWNER,
        "asked_by": "person/3",
        "asked_by_name": "Wanda",
        "door": "portal",
        "is_authorised": True,
    }
    return NewCampaign(**{**facts, **changed})


async def started(database: Database, clock: SetClock, campaign: NewCampaign) -> int:
    async with database.unit_of_work() as db:
        return await campaigns.start(db, campaign, now=clock.now())


async def shown(database: Database, number: int, scope: Scope = WHOLE) -> campaigns.Campaign:
    async with database.unit_of_work() as db:
        return await campaigns.campaign(db, scope, number)


async def test_stations_are_asked_one_after_the_other_at_the_rate(
    database: Database, clock: SetClock, fleet: list[StationId]
) -> None:
    number = await started(database, clock, a_campaign(fleet))
    for asked in range(1, 4):
        assert await campaigns.go_on(database, clock.now()) == 1
        assert await campaigns.go_on(database, clock.now()) == 0
        assert (await shown(database, number)).counts == {"queued": asked}
        clock.advance(timedelta(seconds=1))
    clock.advance(timedelta(seconds=5))
    assert await campaigns.go_on(database, clock.now()) == 3
    found = await shown(database, number)
    assert (found.counts, found.refused, found.waiting) == (
        {"queued": CONNECTED},
        {"station_unreachable": STATIONS - CONNECTED},
        0,
    )
    assert not found.is_asking
    async with database.unit_of_work() as db:
        commands = await outcomes.commands(db, WHOLE, reference=found.reference)
    assert {(each.reason, each.asked_by_name, each.action) for each in commands} == {
        ("campaign", "Wanda", "Reset")
    }


async def test_stations_without_connection_may_be_waited_for(
    database: Database, clock: SetClock, fleet: list[StationId]
) -> None:
    campaign = a_campaign(fleet[CONNECTED:], when_offline="queue", per_minute=6000)
    number = await started(database, clock, campaign)
    clock.advance(timedelta(seconds=1))
    await campaigns.go_on(database, clock.now())
    assert (await shown(database, number)).counts == {"queued": 2}


async def test_a_stopped_campaign_asks_nobody_any_more(
    database: Database, clock: SetClock, fleet: list[StationId]
) -> None:
    number = await started(database, clock, a_campaign(fleet))
    await campaigns.go_on(database, clock.now())
    async with database.unit_of_work() as db:
        owner = await campaigns.stop(db, WHOLE, number, by_name="Helen", now=clock.now())
    assert owner == OWNER
    clock.advance(timedelta(minutes=5))
    assert await campaigns.go_on(database, clock.now()) == 0
    found = await shown(database, number)
    assert (found.waiting, found.stopped_by_name, found.is_asking) == (5, "Helen", False)
    with pytest.raises(CampaignOver):
        async with database.unit_of_work() as db:
            await campaigns.stop(db, WHOLE, number, by_name="Helen", now=clock.now())


async def test_what_needs_an_order_is_refused_station_by_station(
    database: Database, clock: SetClock, fleet: list[StationId]
) -> None:
    wishes = [Wish(fleet[0], "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"})]
    for is_authorised, refused in ((False, {"change_order_needed": 1}), (True, {})):
        campaign = a_campaign([], wishes=wishes, is_authorised=is_authorised)
        number = await started(database, clock, campaign)
        await campaigns.go_on(database, clock.now())
        assert (await shown(database, number)).refused == refused


async def test_others_do_not_see_it_and_its_stations_come_in_order(
    database: Database, clock: SetClock, fleet: list[StationId]
) -> None:
    number = await started(database, clock, a_campaign(fleet))
    await campaigns.go_on(database, clock.now())
    stranger = Scope(frozenset({OrganisationKey("south")}))
    with pytest.raises(NotFound):
        await shown(database, number, stranger)
    async with database.unit_of_work() as db:
        assert await campaigns.campaigns(db, stranger) == []
        [listed] = await campaigns.campaigns(db, WHOLE)
        assert listed.id == number
        first = await campaigns.items(db, WHOLE, number, limit=2)
        rest = await campaigns.items(db, WHOLE, number, after=first[-1].position)
    assert [each.station for each in (*first, *rest)] == fleet
    assert (first[0].state, first[1].state) == ("queued", None)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"wishes": []}, "stations"), ({"per_minute": 0}, "per_minute")],
)
async def test_a_campaign_that_cannot_be_is_refused(
    database: Database,
    clock: SetClock,
    fleet: list[StationId],
    changed: dict[str, Any],
    field: str,
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await started(database, clock, a_campaign(fleet, **changed))
    assert refused.value.field == field


@given(
    per_minute=st.integers(1, campaigns.PER_MINUTE_MOST),
    pauses=st.lists(st.floats(0.01, 30), min_size=1, max_size=20),
)
def test_the_rate_is_never_exceeded_but_for_a_few_seconds_of_backlog(
    per_minute: int, pauses: list[float]
) -> None:
    now = next_at = NOON
    asked = 0
    for pause in pauses:
        count, next_at = due(next_at, now, per_minute)
        asked += count
        now += timedelta(seconds=pause)
    gone_s = sum(pauses) + 10
    assert asked <= gone_s * per_minute / 60 + 1


def test_after_a_long_pause_it_goes_on_at_its_rate() -> None:
    count, next_at = due(NOON, NOON + timedelta(hours=1), 60)
    assert count == 11
    assert next_at == NOON + timedelta(hours=1, seconds=1)
    assert due(next_at, NOON + timedelta(hours=1), 60) == (0, next_at)
