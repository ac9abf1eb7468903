"""Stations, locations and tokens as somebody sets them up: what is allowed, and dated facts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts import directory
from csms import administration, store, token_store
from csms.administration import (
    ConnectorSettings,
    EvseSettings,
    LocationSettings,
    StationSettings,
    TokenSettings,
    token_problems,
)
from csms.passwords import matches
from csms.token_store import Shown
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from tests.csms.handlers.work import GOOD, OWNER, Work

HEIR = OrganisationKey("heir")
MINUTE = timedelta(minutes=1)


async def heir(work: Work) -> None:
    await directory.create_organisation(work.db, HEIR, {"name": "Heir"}, now=work.clock.now())


async def create(work: Work, identity: str, password: str | None = None, **settings: Any) -> None:
    await administration.create_station(
        work.db,
        identity,
        OWNER,
        StationSettings(**settings),
        password=password,
        time_zone="Europe/Berlin",
        now=work.clock.now(),
    )


async def change(work: Work, identity: str, **settings: Any) -> None:
    await administration.change_station(
        work.db, identity, StationSettings(**settings), now=work.clock.now()
    )


async def station(work: Work, identity: str) -> dict[str, Any]:
    [row] = await work.rows("select * from stations where identity = :i", i=identity)
    return row


# -------------------------------------------------------------------------------- creating


async def test_a_station_is_accepted_from_the_start_with_what_was_set(work: Work) -> None:
    plug = ConnectorSettings(connector_id=1, type="cType2", max_power_w=Decimal(22_000))
    evse = EvseSettings(evse_id=1, emi3_id="DE*ABC*E1001", connectors=[plug])
    await create(
        work,
        "NEW",
        "a-good-password",
        name="Garage",
        time_zone="Europe/Lisbon",
        boot_policy="pending",
        aliases=["OLD"],
        evses=[evse],
        items_per_message={"GetVariables": 10},
        free_vend=True,
    )
    row = await station(work, "NEW")
    assert (row["admission"], row["boot_policy"]) == ("accepted", "pending")
    assert (row["name"], row["time_zone"], row["aliases"]) == ("Garage", "Europe/Lisbon", ["OLD"])
    assert (row["free_vend"], row["items_per_message"]) == (True, {"GetVariables": 10})
    assert matches(bytes(row["password"]), b"a-good-password")
    assert row["security_profile"] == 1
    [connector] = await work.rows("select * from connectors where station = 'NEW'")
    assert (connector["type"], connector["max_power_w"]) == ("cType2", 22_000)
    [owner] = await work.rows("select * from station_owners where station = 'NEW'")
    assert (owner["organisation"], owner["valid_from"]) == (OWNER, administration.BEGINNING)


async def test_no_two_stations_come_by_one_name(work: Work) -> None:
    await create(work, "FIRST", aliases=["OLD"])
    await work.rows(
        "update stations set next_identity = 'TOLD' where identity = 'FIRST' returning 1"
    )
    for name in ("OLD", "TOLD"):
        with pytest.raises(Conflict, match="Another station"):
            await create(work, name)
    await work.rows("delete from stations where identity in ('OLD', 'TOLD') returning 1")
    await create(work, "SECOND")
    for name in ("FIRST", "OLD", "TOLD"):
        with pytest.raises(Conflict, match=f"'{name}'"):
            await change(work, "SECOND", aliases=["FREE", name])
        with pytest.raises(Conflict, match=f"'{name}'"):
            await create(work, "THIRD", aliases=[name])
        await work.rows("delete from stations where identity = 'THIRD' returning 1")
    await change(work, "FIRST", aliases=["OLD", "FIRST"])
    assert (await station(work, "SECOND"))["aliases"] == []


async def test_a_station_without_a_password_has_security_profile_0(work: Work) -> None:
    await create(work, "OPEN")
    assert (await station(work, "OPEN"))["security_profile"] == 0
    await create(work, "TLS", security_profile=3)
    assert (await station(work, "TLS"))["security_profile"] == 3


async def test_a_time_zone_is_the_stations_own_its_locations_or_the_one_given(work: Work) -> None:
    await administration.set_location(work.db, location(), create=True)
    await create(work, "A", location="garage", time_zone="Europe/Rome")
    await create(work, "B", location="garage")
    await create(work, "C")
    zones = [(await station(work, each))["time_zone"] for each in "ABC"]
    assert zones == ["Europe/Rome", "Europe/Lisbon", "Europe/Berlin"]


@pytest.mark.parametrize("identity", ["", "x" * 49, ".", "..", "a\nb", "a\x00b"])
async def test_an_identity_that_no_path_can_name_is_refused(work: Work, identity: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create(work, identity)
    assert refused.value.field == "identity"


@pytest.mark.parametrize("identity", ["x" * 48, "a/b", "a b", "ä", "%2F"])
async def test_an_identity_that_a_path_can_name_is_taken(work: Work, identity: str) -> None:
    await create(work, identity)
    assert await station(work, identity)


async def test_an_identity_is_given_once(work: Work) -> None:
    with pytest.raises(Conflict, match="CS-1"):
        await create(work, "CS-1")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"security_profile": 4}, "security_profile"),
        ({"security_profile": -1}, "security_profile"),
        ({"boot_policy": "maybe"}, "boot_policy"),
        ({"location": "nowhere"}, "location"),
        ({"evses": [EvseSettings(evse_id=0)]}, "evses[0].evse_id"),
        ({"evses": [EvseSettings(evse_id=1, emi3_id="")]}, "evses[0].emi3_id"),
        ({"evses": [EvseSettings(evse_id=1, emi3_id="x" * 49)]}, "evses[0].emi3_id"),
        (
            {"evses": [EvseSettings(evse_id=1, connectors=[ConnectorSettings(connector_id=0)])]},
            "evses[0].connectors[0].connector_id",
        ),
        (
            {
                "evses": [
                    EvseSettings(
                        evse_id=1,
                        connectors=[ConnectorSettings(connector_id=1, max_power_w=Decimal(0))],
                    )
                ]
            },
            "evses[0].connectors[0].max_power_w",
        ),
    ],
)
async def test_what_is_not_allowed_is_refused_by_the_name_of_its_field(
    work: Work, settings: dict[str, Any], field: str
) -> None:
    for attempt in (create(work, "NEW", **settings), change(work, "CS-1", **settings)):
        with pytest.raises(InvalidInput) as refused:
            await attempt
        assert refused.value.field == field


# -------------------------------------------------------------------------------- changing


async def test_only_what_is_named_is_changed(work: Work) -> None:
    await create(work, "NEW", name="Garage", boot_policy="pending", aliases=["OLD"])
    before = await station(work, "NEW")
    await change(work, "NEW")
    assert await station(work, "NEW") == before
    await change(
        work, "NEW", name="Barn", security_profile=2, aliases=[], items_per_message={"a": 1}
    )
    after = await station(work, "NEW")
    assert (after["name"], after["security_profile"], after["aliases"]) == ("Barn", 2, [])
    assert (after["boot_policy"], after["items_per_message"]) == ("pending", {"a": 1})


async def test_a_station_that_moves_has_the_time_zone_of_its_place(work: Work) -> None:
    await administration.set_location(work.db, location(), create=True)
    await change(work, "CS-1", location="garage")
    row = await station(work, "CS-1")
    assert (row["location"], row["time_zone"]) == ("garage", "Europe/Lisbon")


async def test_a_station_that_is_not_there_cannot_be_changed(work: Work) -> None:
    for attempt in (
        change(work, "NOBODY", name="x"),
        administration.accept_station(work.db, "NOBODY"),
        administration.refuse_station(work.db, "NOBODY"),
        administration.set_station_password(work.db, "NOBODY", None),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_new_owner_counts_from_now_on_and_the_past_stays(work: Work) -> None:
    await heir(work)
    await change(work, "CS-1", organisation=OWNER)
    assert len(await owners(work)) == 1, "who has it already does not get it again"
    await change(work, "CS-1", organisation=HEIR)
    now = work.clock.now()
    assert await owners(work) == [
        (OWNER, administration.BEGINNING, now),
        (HEIR, now, None),
    ]
    with pytest.raises(Conflict):
        await change(work, "CS-1", organisation=OWNER)
    work.clock.advance(MINUTE)
    await change(work, "CS-1", organisation=OWNER)
    assert [each[0] for each in await owners(work)] == [OWNER, HEIR, OWNER]


async def owners(work: Work) -> list[tuple[str, Any, Any]]:
    rows = await work.rows(
        "select organisation, valid_from, valid_to from station_owners where station = 'CS-1'"
        " order by valid_from"
    )
    return [(row["organisation"], row["valid_from"], row["valid_to"]) for row in rows]


async def test_an_evse_id_is_given_once_in_the_whole_installation(work: Work) -> None:
    await change(work, "CS-1", evses=[EvseSettings(evse_id=1, emi3_id="DE*ABC*E1")])
    await change(work, "CS-1", evses=[EvseSettings(evse_id=1, emi3_id="DE*ABC*E1")])
    with pytest.raises(Conflict, match=r"DE\*ABC\*E1"):
        await change(work, "CS-2", evses=[EvseSettings(evse_id=1, emi3_id="DE*ABC*E1")])
    # What a station itself has told of its connectors stays.
    await store.ensure_connectors(work.db, [("CS-1", 1, 1)])
    plug = ConnectorSettings(connector_id=1, type="cType2")
    await change(work, "CS-1", evses=[EvseSettings(evse_id=1, connectors=[plug])])
    more = ConnectorSettings(connector_id=1, max_power_w=Decimal(11_000))
    await change(work, "CS-1", evses=[EvseSettings(evse_id=1, connectors=[more])])
    await change(
        work,
        "CS-1",
        evses=[EvseSettings(evse_id=1, connectors=[ConnectorSettings(connector_id=1)])],
    )
    [row] = await work.rows("select * from connectors where station = 'CS-1'")
    assert (row["type"], row["max_power_w"]) == ("cType2", 11_000)
    [evse] = await work.rows("select * from evses where station = 'CS-1'")
    assert evse["emi3_id"] == "DE*ABC*E1"


# -------------------------------------------------------------------------------- admission


async def test_a_station_is_accepted_and_refused(work: Work) -> None:
    await administration.refuse_station(work.db, "CS-1")
    assert (await station(work, "CS-1"))["admission"] == "refused"
    await administration.accept_station(work.db, "CS-1")
    await administration.accept_station(work.db, "CS-1")
    assert (await station(work, "CS-1"))["admission"] == "accepted"


@pytest.mark.parametrize("password", ["12345678", "x" * 64])
async def test_a_password_is_kept_hashed_and_ends_profile_0(work: Work, password: str) -> None:
    assert await administration.set_station_password(work.db, "CS-1", password) == password
    row = await station(work, "CS-1")
    assert matches(bytes(row["password"]), password.encode())
    assert (row["security_profile"], row["next_password"]) == (1, None)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 65])
async def test_a_password_too_short_or_too_long_is_refused(work: Work, password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await administration.set_station_password(work.db, "CS-1", password)
    assert refused.value.field == "password"


async def test_a_fresh_password_is_made_where_none_is_given(work: Work) -> None:
    fresh = await administration.set_station_password(work.db, "CS-1", None)
    assert len(fresh) == 40
    assert matches(bytes((await station(work, "CS-1"))["password"]), fresh.encode())


# -------------------------------------------------------------------------------- locations


def location(**changes: Any) -> LocationSettings:
    return replace(
        LocationSettings(
            key="garage",
            organisation=OWNER,
            name="Garage",
            time_zone="Europe/Lisbon",
            city="Lisbon",
            latitude=Decimal("38.72"),
        ),
        **changes,
    )


async def test_a_location_is_created_once_and_changed_whole(work: Work) -> None:
    await administration.set_location(work.db, location(), create=True)
    with pytest.raises(Conflict):
        await administration.set_location(work.db, location(), create=True)
    await administration.set_location(work.db, location(name="Barn", city=None), create=False)
    [row] = await work.rows("select * from locations")
    assert (row["name"], row["city"], row["latitude"]) == ("Barn", None, Decimal("38.72"))
    with pytest.raises(NotFound):
        await administration.set_location(work.db, location(key="other"), create=False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": "x" * 65}, "key"),
        ({"key": "a\nb"}, "key"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
async def test_a_location_that_is_not_allowed_is_refused(
    work: Work, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await administration.set_location(work.db, location(**changes), create=True)
    assert refused.value.field == field


# ----------------------------------------------------------------------------------- tokens


def token(**changes: Any) -> TokenSettings:
    return replace(TokenSettings(id_token="20:69:c0:21", organisation=OWNER), **changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id_token": ""}, "id_token"),
        ({"id_token": " :-."}, "id_token"),
        ({"id_token": "x" * 256}, "id_token"),
        ({"type": "Barcode"}, "type"),
        ({"status": "maybe"}, "status"),
        ({"organisation": None}, "organisation"),
        ({"provider": "DE*ABC"}, "organisation"),
    ],
)
async def test_a_token_that_is_not_allowed_is_refused_and_nothing_is_written(
    work: Work, changes: dict[str, Any], field: str
) -> None:
    bad = token(**changes)
    assert [name for name, _ in token_problems(bad)] == [field]
    with pytest.raises(InvalidInput) as refused:
        await administration.set_id_tokens(
            work.db, [token(id_token="FINE"), bad], now=work.clock.now()
        )
    assert refused.value.field == field
    assert await work.rows("select * from id_tokens where key = 'FINE'") == []


def test_a_token_at_the_limits_is_allowed() -> None:
    assert token_problems(token(id_token="x" * 255)) == []
    assert token_problems(token(organisation=None, provider="DE*ABC")) == []


async def test_a_token_is_one_however_it_is_written_and_its_new_holder_counts_from_now(
    work: Work,
) -> None:
    now = work.clock.now()
    await administration.set_id_tokens(work.db, [token()], now=now)
    later = now + MINUTE
    again = token(id_token="2069C021", organisation=None, provider="DE*ABC", status="blocked")
    await administration.set_id_tokens(work.db, [again], now=later)
    await administration.set_id_tokens(work.db, [again], now=later)
    [row] = await work.rows("select * from id_tokens where key = '2069C021'")
    assert (row["value"], row["status"], row["changed_at"]) == ("2069C021", "blocked", later)
    holders = await work.rows(
        "select organisation, provider, valid_from, valid_to from id_token_holders"
        " where token = '2069C021' order by valid_from"
    )
    assert [tuple(each.values()) for each in holders] == [
        (OWNER, None, administration.BEGINNING, later),
        (None, "DE*ABC", later, None),
    ]
    with pytest.raises(Conflict):
        await administration.set_id_tokens(work.db, [token()], now=later)


async def test_a_token_that_is_changed_is_answered_so_from_the_next_question_on(
    work: Work,
) -> None:
    now = work.clock.now()
    await administration.set_id_tokens(
        work.db, [TokenSettings(id_token=GOOD, organisation=OWNER, status="blocked")], now=now
    )
    [found] = await token_store.tokens_of(work.db, [Shown("CS-1", GOOD, now)])
    assert found is not None
    assert found.status == "blocked"
