"""Where stations are and whose, for alerts."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.identifiers import StationId


async def test_a_station_is_where_its_place_is_and_its_owners(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=now,
    )
    await db.execute(
        text(
            "insert into locations (key, organisation, name, time_zone)"
            " values ('yard', 'root', 'The yard', 'Europe/Lisbon')"
        )
    )
    await db.execute(
        text(
            "insert into stations (identity, time_zone, admission, boot_policy, security_profile,"
            " aliases, items_per_message, free_vend, created_at, location) values"
            " ('CS-1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at, 'yard'),"
            " ('CS-2', 'UTC', 'refused', 'accept', 0, '{}', '{}', false, :at, null),"
            " ('CS-3', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at, null)"
        ),
        {"at": now},
    )
    await db.execute(
        text(
            "insert into station_owners (station, organisation, valid_from)"
            " values ('CS-1', 'root', :at), ('CS-2', 'root', :at)"
        ),
        {"at": now},
    )
    await db.execute(
        text(
            "insert into evses (station, evse_id, emi3_id)"
            " values ('CS-1', 0, null), ('CS-1', 1, 'DE*ABC*E1')"
        )
    )
    wanted = [StationId(f"CS-{number}") for number in (1, 2, 3, 9)]
    found = await Registered().of(db, wanted)
    assert set(found) == {"CS-1", "CS-2"}  # the third is nobody's, the ninth unknown
    first, second = found[StationId("CS-1")], found[StationId("CS-2")]
    assert (first.organisation, first.location, first.place) == ("root", "yard", "The yard")
    assert (first.time_zone, first.emi3_ids) == ("Europe/Lisbon", {1: "DE*ABC*E1"})
    assert (second.location, second.time_zone, second.is_accepted) == (None, "UTC", False)
    assert first.is_accepted
    assert await Registered().of(db, []) == {}
