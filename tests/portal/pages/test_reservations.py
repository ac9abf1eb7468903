"""The tab of reservations: who has what until when, by whom, and the forms."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from csms import equipment_store
from csms.equipment_store import Ending, NewReservation
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from tests.portal.pages.conftest import SignIn, token_in

pytestmark = pytest.mark.usefixtures("lively")

STATION = StationId("DE-HN-002")
PATH = f"/stations/{STATION}/reservations"


@pytest.fixture(autouse=True)
async def node(database: Database, clock: SetClock) -> None:
    """The node that holds the stations' connections lives; three reservations are known."""
    now = clock.now()
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('node-1', now(), '2100-01-01T00:00:00Z')"
            )
        )
        for number, minutes in ((71, 30), (72, -5), (73, 30)):
            new = NewReservation(
                STATION, number, 1, None, "04A2B3", "CREW", now, now + timedelta(minutes=minutes)
            )
            await equipment_store.save_reservation(db, new)
        await equipment_store.end_reservations(db, [Ending(STATION, 73, "Removed", now)])


async def test_held_and_over_are_told_apart_with_the_reason(sign_in: SignIn) -> None:
    html = (await (await sign_in("admin")).get(PATH)).text
    rows = {number: html.partition(f"#{number}</th>") for number in (71, 72, 73)}
    states = {number: rows[number][0].rpartition("<tr>")[2] for number in rows}
    assert "Open" in states[71]
    assert "Over" in states[72]
    assert "Ran out" in states[72]
    assert "Given up by the station" in states[73]
    assert "or the group CREW" in html
    assert html.count('value="cancel_reservation"') == 1, "what is over cannot be cancelled"


async def test_it_is_reserved_by_the_form_and_told_by_whom(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    once = html.partition('name="once" value="')[2].partition('"')[0]
    sent = {
        "csrf": token_in(html),
        "once": once,
        "back": PATH,
        "place": "station",
        "do": "reserve",
        "evse": "0",
        "id_token": "04A2B3",
        "token_type": "ISO14443",
        "group_id": "CREW",
        "minutes": "15",
    }
    answer = await browser.post(f"/stations/{STATION}/commands", data=sent)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{PATH}?command=")
    async with database.unit_of_work() as db:
        [row] = (
            await db.execute(
                text("select id, payload, asked_by_name from commands order by id desc limit 1")
            )
        ).all()
        number = row.payload.get("reservationId", row.payload.get("id"))
        group = row.payload.get("parentIdTag") or row.payload["groupIdToken"]["idToken"]
        assert group == "CREW"
        new = NewReservation(
            STATION,
            number,
            None,
            None,
            "04A2B3",
            "CREW",
            clock.now() + timedelta(seconds=1),
            clock.now() + timedelta(minutes=15),
        )
        await equipment_store.save_reservation(db, new)
    html = (await browser.get(PATH)).text
    row_of = html.partition(f"#{number}</th>")[2].partition("</tr>")[0]
    assert row.asked_by_name in row_of
    assert 'id="at-station"' in html
    assert "Reserve" in html.partition('id="at-station"')[2][:2000], "the command unfolds"


async def test_a_station_that_is_away_is_said_to_be_before_the_form(
    sign_in: SignIn, database: Database
) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text("update station_connections set closed_at = now()"))
    html = (await (await sign_in("admin")).get(PATH)).text
    assert "a reservation is refused" in html
