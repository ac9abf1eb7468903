"""Reading what the central system knows of stations: scopes, filters, pages, order."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import directory
from accounts.directory import WHOLE, Scope
from csms import administration, registry, store
from csms.administration import EvseSettings, LocationSettings, StationSettings, TokenSettings
from csms.connectivity import SilenceLimits, StationState
from csms.reports import OcppVersion
from csms.store import NewStation, Opened
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import GOOD, OWNER, Work

LIMITS = SilenceLimits()
HEIR = OrganisationKey("heir")
HEIRS = Scope(frozenset({HEIR}))
NOBODYS = Scope(frozenset())


@pytest.fixture
async def fleet(work: Work) -> Work:
    """CS-1 is the owner's; CS-2 belongs to an heir, and stands in a garage."""
    now = work.clock.now()
    await directory.create_organisation(work.db, HEIR, {"name": "Heir"}, now=now)
    await administration.set_location(
        work.db,
        LocationSettings(
            key="garage", organisation=HEIR, name="Big Garage", city="Lisbon", time_zone="UTC"
        ),
        create=True,
    )
    await administration.change_station(
        work.db,
        "CS-2",
        StationSettings(
            organisation=HEIR,
            location="garage",
            name="Left one",
            evses=[EvseSettings(evse_id=1, emi3_id="PT*XYZ*E77")],
        ),
        now=now - timedelta(days=1),
    )
    return work


async def heard(work: Work, station: str, minutes_ago: float) -> None:
    at = work.clock.now() - timedelta(minutes=minutes_ago)
    opened = Opened(StationId(station), "node", OcppVersion.V201, "", at)
    await store.open_connections(work.db, [opened])


async def found(work: Work, scope: Scope = WHOLE, **how: Any) -> list[str]:
    rows = await registry.stations(work.db, scope, work.clock.now(), limits=LIMITS, **how)
    return [row.identity for row in rows]


# ---------------------------------------------------------------------------------- stations


async def test_stations_are_seen_by_their_present_owner_only(fleet: Work) -> None:
    assert await found(fleet) == ["CS-1", "CS-2"]
    assert await found(fleet, HEIRS) == ["CS-2"]
    assert await found(fleet, NOBODYS) == []
    now = fleet.clock.now()
    with pytest.raises(NotFound):
        await registry.station(fleet.db, HEIRS, "CS-1", now, limits=LIMITS)
    with pytest.raises(NotFound):
        await registry.station(fleet.db, WHOLE, "NOBODY", now, limits=LIMITS)


async def test_a_station_is_told_as_it_is_now(fleet: Work) -> None:
    await heard(fleet, "CS-2", 40)
    await store.ensure_connectors(fleet.db, [("CS-2", 1, 1), ("CS-2", 2, 1)])
    found = await registry.station(fleet.db, HEIRS, "CS-2", fleet.clock.now(), limits=LIMITS)
    assert (found.state, found.connected, found.ocpp_version) == (
        StationState.PENDING,
        True,
        "2.0.1",
    )
    assert (found.organisation, found.location, found.time_zone) == (HEIR, "garage", "UTC")
    assert (found.has_password, found.admission, found.is_faulted) == (False, "accepted", False)
    assert [(evse.evse_id, evse.emi3_id, len(evse.connectors)) for evse in found.evses] == [
        (1, "PT*XYZ*E77", 1),
        (2, None, 1),
    ]


@pytest.mark.parametrize(
    "q", ["cs-2", "left", "big gar", "lisbon", "xyz*e77", "CS-2", "%cs-2%", "_cs-2"]
)
async def test_stations_are_found_by_a_part_of_what_names_them(fleet: Work, q: str) -> None:
    assert await found(fleet, q=q) == ["CS-2"]
    assert await found(fleet, q="nothing like it") == []


async def test_stations_are_found_by_state(fleet: Work) -> None:
    await heard(fleet, "CS-1", 5)
    assert await found(fleet, state=StationState.ONLINE) == ["CS-1"]
    assert await found(fleet, state=StationState.NEVER_CONNECTED) == ["CS-2"]
    await heard(fleet, "CS-1", 31)
    assert await found(fleet, state=StationState.PENDING) == ["CS-1"]
    await heard(fleet, "CS-1", 61)
    assert await found(fleet, state=StationState.OFFLINE) == ["CS-1"]
    assert await found(fleet, state=StationState.ONLINE) == []


async def test_the_state_in_a_list_is_that_of_the_filter_also_at_its_limits(fleet: Work) -> None:
    for minutes in (0, 30, 30.1, 60, 60.1):
        await heard(fleet, "CS-1", minutes)
        now = fleet.clock.now()
        one = await registry.station(fleet.db, WHOLE, "CS-1", now, limits=LIMITS)
        assert await found(fleet, state=one.state) in (["CS-1"], ["CS-1", "CS-2"])
        counts = await registry.station_counts(fleet.db, WHOLE, now, limits=LIMITS)
        assert counts.by_state[one.state] == 1
        assert sum(counts.by_state.values()) == 2


async def test_stations_are_counted_by_state_and_those_that_wait_apart(fleet: Work) -> None:
    now = fleet.clock.now()
    await store.add_stations(fleet.db, [NewStation("NEW", "waiting", None, OWNER, now)])
    await heard(fleet, "CS-1", 1)
    await fault(fleet, "CS-1")
    counts = await registry.station_counts(fleet.db, WHOLE, now, limits=LIMITS)
    assert counts.by_state == {
        StationState.ONLINE: 1,
        StationState.PENDING: 0,
        StationState.OFFLINE: 0,
        StationState.NEVER_CONNECTED: 1,
    }
    assert (counts.faulted, counts.waiting, counts.connected) == (1, 1, 1)
    assert await found(fleet, admission="waiting") == ["NEW"]
    assert await found(fleet, faulted=True) == ["CS-1"]
    assert await found(fleet, faulted=False) == ["CS-2", "NEW"]
    theirs = await registry.station_counts(fleet.db, HEIRS, now, limits=LIMITS)
    assert (theirs.by_state[StationState.NEVER_CONNECTED], theirs.waiting) == (1, 0)


async def fault(work: Work, station: str) -> None:
    await store.ensure_connectors(work.db, [(station, 1, 1)])
    await work.rows(
        "update connectors set status = 'Faulted', error_code = 'GroundFailure'"
        " where station = :s returning 1",
        s=station,
    )


async def test_stations_come_in_pages(fleet: Work) -> None:
    assert await found(fleet, limit=1) == ["CS-1"]
    assert await found(fleet, limit=1, after="CS-1") == ["CS-2"]
    assert await found(fleet, after="CS-2") == []


async def test_stations_whom_anybody_can_pretend_to_be_are_listed(fleet: Work) -> None:
    await administration.set_station_password(fleet.db, "CS-1", None)
    assert await registry.stations_without_password(fleet.db, WHOLE) == ["CS-2"]
    assert await registry.stations_without_password(fleet.db, NOBODYS) == []


# ------------------------------------------------------------------------------------- frames


async def test_the_ocpp_log_is_searched_and_paged(fleet: Work) -> None:
    lines = [
        ("CS-1", moment(place), "in" if place % 2 else "out", 1, f"frame 1{place}%", None)
        for place in range(4)
    ]
    await store.copy_frames(fleet.db, lines)
    await store.copy_frames(fleet.db, [("CS-2", moment(0), "in", 1, "other", "a note")])

    async def raws(**how: Any) -> list[str]:
        return [each.raw for each in await registry.frames(fleet.db, "CS-1", **how)]

    assert await raws() == ["frame 13%", "frame 12%", "frame 11%", "frame 10%"]
    assert await raws(newest_first=False, limit=1) == ["frame 10%"]
    assert await raws(start=moment(1), end=moment(3)) == ["frame 12%", "frame 11%"]
    assert await raws(q="13%") == ["frame 13%"]
    assert await raws(q="1%3") == [], "it is searched for as it is written"
    [note] = await registry.frames(fleet.db, "CS-2")
    assert (note.note, note.direction, note.epoch) == ("a note", "in", 1)


# -------------------------------------------------------------------------- tokens, locations


async def test_tokens_are_listed_with_whoever_holds_them_now(fleet: Work) -> None:
    now = fleet.clock.now() + timedelta(hours=1)
    await administration.set_id_tokens(
        fleet.db, [TokenSettings(id_token=GOOD, organisation=HEIR)], now=now
    )
    every = await registry.id_tokens(fleet.db, WHOLE)
    assert [each.key for each in every] == sorted(each.key for each in every)
    [theirs] = await registry.id_tokens(fleet.db, HEIRS)
    assert (theirs.id_token, theirs.organisation, theirs.provider) == (GOOD, HEIR, None)
    [by_part] = await registry.id_tokens(fleet.db, WHOLE, q="nocr")
    assert by_part.provider == "DE*ABC"
    assert await registry.id_tokens(fleet.db, HEIRS, q="nocr") == [], "a provider's is not theirs"
    [by_key] = await registry.id_tokens(fleet.db, WHOLE, key="GOOD")
    assert by_key.id_token == GOOD
    page = await registry.id_tokens(fleet.db, WHOLE, after=every[0].key, limit=1)
    assert [each.key for each in page] == [every[1].key]


async def test_locations_are_listed_in_scope(fleet: Work) -> None:
    [place] = await registry.locations(fleet.db, HEIRS)
    assert (place.key, place.name, place.time_zone) == ("garage", "Big Garage", "UTC")
    assert await registry.locations(fleet.db, NOBODYS) == []
    assert await registry.locations(fleet.db, WHOLE, after="garage") == []
    [same] = await registry.locations(fleet.db, WHOLE, key="garage")
    assert same == place
