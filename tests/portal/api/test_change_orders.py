"""Change orders over HTTP."""

import base64
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from accounts import audit
from csms import administration
from csms.administration import StationSettings
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.conftest import Keys

PAYLOAD = {"key": "HeartbeatInterval", "value": "600"}
MAIL = {
    "name": "order.eml",
    "media_type": "message/rfc822",
    "content": base64.b64encode(b"Subject: heartbeat\r\n\r\nPlease do so.").decode(),
}
ORDER: dict[str, Any] = {
    "title": "Heartbeat",
    "stations": ["N-1"],
    "changes": [{"action": "ChangeConfiguration", "payload": PAYLOAD}],
}
PATH = "/api/v1/change-orders"


@pytest.fixture(autouse=True)
async def stations(database: Database, keys: Keys, clock: SetClock) -> None:
    async with database.unit_of_work() as db:
        for identity, owner in (("N-1", "north"), ("N-2", "north"), ("S-1", "south")):
            await administration.create_station(
                db,
                identity,
                OrganisationKey(owner),
                StationSettings(),
                password=None,
                time_zone="Europe/Berlin",
                now=clock.now(),
            )


async def drafted(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={**ORDER, **said})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


async def test_an_order_by_mail_goes_from_draft_to_number(support: httpx.AsyncClient) -> None:
    draft = await drafted(support)
    assert (draft["number"], draft["state"], draft["mail"]) == (None, "draft", None)
    assert draft["differences"] == [
        {"station": "N-1", "change": 0, "name": "HeartbeatInterval", "old": None, "new": "600"}
    ]
    path = f"{PATH}/{draft['id']}/confirm"
    refused = await support.post(path)
    assert (refused.status_code, refused.json()["code"]) == (422, "written_order_missing")
    assert (await support.post(path, json={"mail": MAIL})).json()["field"] == "reference"
    done = await support.post(path, json={"mail": MAIL, "reference": "Re: heartbeat"})
    assert done.status_code == 200
    order = done.json()
    assert order["number"].startswith("CO-")
    assert (order["state"], order["confirmed_how"]) == ("confirmed", "mail")
    assert order["mail"]["size"] == 35
    assert (await support.get(f"{PATH}/{order['number']}")).json()["id"] == draft["id"]
    file = await support.get(f"{PATH}/{draft['id']}/mail")
    assert file.content == base64.b64decode(MAIL["content"])
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"] == 'attachment; filename="order.eml"'
    again = await support.post(path, json={"mail": MAIL, "reference": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "change_order_state")


async def test_the_mail_can_come_as_a_file_of_a_form(support: httpx.AsyncClient) -> None:
    answer = await support.post(
        PATH,
        data={"order": json.dumps({**ORDER, "reference": "Re: heartbeat"})},
        files={"mail": ("große Änderung.pdf", b"%PDF-1.7", "application/pdf")},
    )
    assert answer.status_code == 201, answer.text
    draft = answer.json()
    assert draft["mail"]["media_type"] == "application/pdf"
    file = await support.get(f"{PATH}/{draft['id']}/mail")
    assert file.headers["content-disposition"] == 'attachment; filename="gro_e__nderung.pdf"'
    confirmed = await support.post(f"{PATH}/{draft['id']}/confirm")
    assert confirmed.json()["confirmed_how"] == "mail"


async def test_an_authorised_person_of_the_owner_confirms_without_a_mail(
    support: httpx.AsyncClient, north: httpx.AsyncClient, south: httpx.AsyncClient
) -> None:
    draft = await drafted(support)
    path = f"{PATH}/{draft['id']}"
    for method, where in (("GET", path), ("POST", f"{path}/confirm"), ("GET", f"{path}/mail")):
        assert (await south.request(method, where)).status_code == 404
    assert (await south.get(PATH)).json()["items"] == []
    assert [each["id"] for each in (await north.get(PATH)).json()["items"]] == [draft["id"]]
    done = await north.post(f"{path}/confirm")
    assert done.json()["confirmed_how"] == "authorised"
    assert (await north.get(f"{path}/mail")).status_code == 404


async def test_owners_do_not_draft(north: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    refused = await north.post(PATH, json=ORDER)
    assert refused.status_code == 403
    assert "change_orders.write" in refused.json()["detail"]
    assert (await client.post(PATH, json=ORDER)).status_code == 401


async def test_one_station_and_one_command_can_be_named_plainly(
    support: httpx.AsyncClient,
) -> None:
    answer = await support.post(
        PATH, json={"station": "N-2", "action": "ClearChargingProfile", "payload": {}}
    )
    assert answer.status_code == 201
    found = answer.json()
    assert (found["stations"], found["title"]) == (["N-2"], "ClearChargingProfile")
    assert found["changes"] == [
        {"kind": "command", "action": "ClearChargingProfile", "payload": {}, "text": None}
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**ORDER, "stations": []}, "stations"),
        ({**ORDER, "stations": ["nowhere"]}, "stations"),
        ({**ORDER, "stations": ["N-1", "S-1"]}, "stations"),
        ({**ORDER, "changes": []}, "changes"),
        ({**ORDER, "changes": [{"kind": "tariff"}]}, "changes.0.text"),
        ({**ORDER, "changes": [{"kind": "song"}]}, "changes.0.kind"),
        ({**ORDER, "valid_to": "2020-01-01T00:00:00Z"}, "valid_to"),
        ({**ORDER, "mail": MAIL}, "reference"),
        ({**ORDER, "reference": "x", "mail": {**MAIL, "content": "§"}}, "mail.content"),
        ({**ORDER, "reference": "x", "mail": {**MAIL, "media_type": "text/html"}}, "mail"),
        ({**ORDER, "other": 1}, "other"),
    ],
)
async def test_what_is_wrong_is_named(
    support: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await support.post(PATH, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


async def test_bodies_that_are_none_are_refused(support: httpx.AsyncClient) -> None:
    for content in (b"{", b"[]", b'{"title": "\\u0000"}', b"null"):
        answer = await support.post(
            PATH, content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422, content
    form = await support.post(
        PATH,
        data={"order": json.dumps(ORDER)},
        files={"mail": ("x" * 300, b"x", "text/plain")},
    )
    assert form.status_code == 422


async def test_an_order_can_be_withdrawn_and_a_change_be_noted(
    support: httpx.AsyncClient, north: httpx.AsyncClient
) -> None:
    draft = await drafted(support, changes=[{"kind": "tariff", "text": "0.52 per kWh"}])
    path = f"{PATH}/{draft['id']}"
    early = await support.post(f"{path}/changes/0/done", json={"result": "done"})
    assert early.status_code == 409
    await north.post(f"{path}/confirm")
    assert (await support.post(f"{path}/changes/7/done", json={"result": "x"})).status_code == 404
    done = await support.post(f"{path}/changes/0/done", json={"result": "Tariff T2"})
    assert done.json()["state"] == "executed"
    other = await drafted(support)
    gone = await north.post(f"{PATH}/{other['id']}/withdraw", json={"reason": "changed our mind"})
    assert (gone.json()["state"], gone.json()["result"]) == (
        "withdrawn",
        "owner: changed our mind",
    )


async def test_lists_are_paged_and_filtered(support: httpx.AsyncClient) -> None:
    made = [(await drafted(support, stations=[each]))["id"] for each in ("N-1", "N-2", "S-1")]
    first = (await support.get(PATH, params={"limit": 2})).json()
    assert [each["id"] for each in first["items"]] == [made[2], made[1]]
    assert first["items"][0]["differences"] is None
    second = (await support.get(PATH, params={"cursor": first["next"]})).json()
    assert ([each["id"] for each in second["items"]], second["next"]) == ([made[0]], None)
    found = (await support.get(PATH, params={"station": "N-2", "state": "draft"})).json()
    assert [each["id"] for each in found["items"]] == [made[1]]
    assert (await support.get(PATH, params={"state": "executed"})).json()["items"] == []


async def test_a_repeated_call_drafts_once(support: httpx.AsyncClient) -> None:
    for _ in range(2):
        await support.post(PATH, json=ORDER, headers={"idempotency-key": "k1"})
    assert len((await support.get(PATH)).json()["items"]) == 1


async def test_every_step_is_in_the_audit(
    support: httpx.AsyncClient, north: httpx.AsyncClient, database: Database
) -> None:
    draft = await drafted(support)
    await north.post(f"{PATH}/{draft['id']}/confirm")
    async with database.unit_of_work() as db:
        found = await audit.entries(db, None, limit=10)
    told = [(each.deed, each.actor.door) for each in found if "change_order" in each.subject]
    assert sorted(told) == [("change_order.confirm", "api"), ("change_order.draft", "api")]


async def test_the_description_names_every_field(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    body = paths[PATH]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["example"]["stations"] == ["DE-HN-014"]
    assert "$ref" not in json.dumps(body)
    assert set(body) == {"application/json", "multipart/form-data"}
