"""Visits over HTTP: from the plan to the report, with the service clock of their ticket."""

import base64
from typing import Any

from httpx import AsyncClient
from sqlalchemy import text

from alerts import monitoring
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from tests.portal.api.test_commands import made
from tests.support.conftest import HELEN
from tests.support.test_visit_pictures import picture

API = "/api/v1"
SENT: dict[str, Any] = {
    "latitude": 49.1427,
    "longitude": 9.2109,
    "fault_analysis": "Cable torn",
    "contact": "Caretaker, +49 7131 555",
    "technician": "Tom Technik",
    "email": "tom@technik.example",
}


async def a_ticket(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> dict[str, Any]:
    """Open a ticket about a monitored station of north."""
    await made(administrator, "CS-1", "north")
    async with database.unit_of_work() as db:
        await monitoring.switch_on(
            db,
            StationId("CS-1"),
            OrganisationKey("north"),
            by=HELEN,
            per_month=None,
            now=clock.now(),
        )
        await db.execute(text("update organisations set email = 'o@north.example'"))
    answer = await administrator.post(f"{API}/tickets", json={"title": "Dark", "station": "CS-1"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_visit_goes_from_the_plan_to_the_report(
    administrator: AsyncClient,
    support: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    ticket = await a_ticket(administrator, database, clock)
    once = {"idempotency-key": "plan-1"}
    planned = await support.post(f"{API}/tickets/{ticket['id']}/visits", json={}, headers=once)
    assert planned.status_code == 201, planned.text
    again = await support.post(f"{API}/tickets/{ticket['id']}/visits", json={}, headers=once)
    assert again.json()["id"] == planned.json()["id"]
    second = await support.post(f"{API}/tickets/{ticket['id']}/visits", json={})
    assert (second.status_code, second.json()["code"]) == (409, "visit_open")
    path = planned.headers["location"]
    undecided = await support.post(f"{path}/dispatch", json=SENT)
    assert (undecided.status_code, undecided.json()["code"]) == (409, "cover_undecided")
    cover = {"cover": "chargeable", "reason": "Torn by a car"}
    assert (await support.put(f"{path}/cover", json=cover)).json()["cover"]["cover"] == "chargeable"
    for missing in ("latitude", "fault_analysis", "contact"):
        body = {name: value for name, value in SENT.items() if name != missing}
        assert (await support.post(f"{path}/dispatch", json=body)).status_code == 422, missing
    early = await support.post(f"{path}/parts", json={"name": "Cable"})
    assert (early.status_code, early.json()["code"]) == (409, "visit_state")
    sent = (await support.post(f"{path}/dispatch", json=SENT)).json()
    assert sent["visit"]["state"] == "dispatched"
    assert "/visit/" in sent["link"]
    # A change of who pays waits for a second person by now.
    change = {"cover": "warranty", "reason": "Within two years"}
    assert (await support.put(f"{path}/cover", json=change)).json()["wanted"]["cover"] == "warranty"
    alone = await support.post(f"{path}/cover/confirm")
    assert alone.status_code == 403
    confirmed = (await administrator.post(f"{path}/cover/confirm")).json()
    assert (confirmed["cover"]["cover"], confirmed["cover"]["second"]) == ("warranty", True)

    assert (await support.post(f"{path}/arrive")).json()["arrived_at"] is not None
    await support.post(f"{path}/parts", json={"name": "Cable", "serial_number": "K7"})
    exchange = {"evse_id": 1, "last_wh": 1234567, "first_wh": 0}
    assert (await support.post(f"{path}/exchanges", json=exchange)).status_code == 201
    twice = await support.post(f"{path}/exchanges", json=exchange)
    assert (twice.status_code, twice.json()["code"]) == (409, "exchange_known")
    photo = base64.b64encode(picture("PNG", (4, 4))).decode()
    shown = (await support.post(f"{path}/photos", json={"content": photo})).json()
    for wrong in ("no base64!", base64.b64encode(b"GIF89a").decode()):
        refused = await support.post(f"{path}/photos", json={"content": wrong})
        assert refused.status_code == 422
    got = await north.get(f"{path}/photos/{shown['photos'][0]['id']}")
    assert (got.headers["content-type"], got.content) == ("image/png", picture("PNG", (4, 4)))

    foreign = {"outcome": "foreign_source_removed", "text": "Taken away"}
    refused = await support.post(f"{path}/document", json=foreign)
    assert (refused.status_code, refused.json()["field"]) == (422, "consent")
    agreed = foreign | {"consent": "Mail of 1 March"}
    documented = (await support.post(f"{path}/document", json=agreed)).json()
    assert (documented["state"], documented["consent"]) == ("documented", "Mail of 1 March")
    assert (await support.get(f"{path}/report")).status_code == 404  # the agent is missing
    closed = (await support.post(f"{path}/close", json={"text": "Fine"})).json()
    assert (closed["state"], closed["work"], closed["exchanges"][0]["last_wh"]) == (
        "closed",
        None,
        1234567,
    )

    paper = await north.get(f"{path}/report", params={"language": "de"})
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    for hidden in ("", "/report", f"/photos/{shown['photos'][0]['id']}"):
        assert (await south.get(f"{path}{hidden}")).status_code == 404
    async with database.unit_of_work() as db:
        mails = await db.execute(text("select recipient from mails order by id"))
        assert list(mails.scalars()) == ["tom@technik.example", "o@north.example"]
    listed = (await north.get(f"{API}/visits", params={"state": "closed"})).json()["items"]
    assert [each["id"] for each in listed] == [closed["id"]]
    assert (await south.get(f"{API}/visits")).json()["items"] == []
    deeds = await administrator.get(
        f"{API}/audit", params={"subject": f"visit/{closed['id']}", "limit": 50}
    )
    assert {each["deed"] for each in deeds.json()["items"]} == {
        f"visit.{deed}"
        for deed in (
            "plan",
            "cover",
            "dispatch",
            "cover_confirm",
            "arrive",
            "part",
            "exchange",
            "photo",
            "document",
            "close",
        )
    }
