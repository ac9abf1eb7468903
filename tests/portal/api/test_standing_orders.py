"""Standing orders over HTTP."""

import httpx

PATH = "/api/v1/standing-orders"
ORDER = {
    "organisation": "north",
    "action": "SendLocalList",
    "reference": "Contract 17, § 4",
    "valid_from": "2026-10-01",
}


async def test_a_contract_is_put_on_file_and_revoked_by_administrators(
    administrator: httpx.AsyncClient, north: httpx.AsyncClient, south: httpx.AsyncClient
) -> None:
    made = await administrator.post(PATH, json=ORDER)
    assert made.status_code == 201, made.text
    order = made.json()
    assert order["number"].startswith("SO-")
    assert order["valid_from"] == "2026-09-30T22:00:00Z"
    assert (await north.get(PATH)).json()["items"] == [order]
    assert (await south.get(PATH)).json()["items"] == []
    for _ in range(2):
        revoked = await administrator.delete(f"{PATH}/{order['number']}")
        assert revoked.json()["revoked_at"] is not None
    assert (await administrator.get(PATH, params={"valid": True})).json()["items"] == []
    assert (await administrator.delete(f"{PATH}/SO-999999")).status_code == 404


async def test_others_cannot_order_for_a_customer(
    support: httpx.AsyncClient, north: httpx.AsyncClient
) -> None:
    for client in (support, north):
        assert (await client.post(PATH, json=ORDER)).status_code == 403
        assert (await client.delete(f"{PATH}/SO-000001")).status_code == 403


async def test_what_is_wrong_is_named(administrator: httpx.AsyncClient) -> None:
    for change, field in (
        ({"action": "Reset"}, "action"),
        ({"action": "MakeCoffee"}, "action"),
        ({"organisation": "nobody"}, "organisation"),
        ({"reference": " "}, "reference"),
        ({"valid_to": "2026-09-01"}, "valid_to"),
    ):
        answer = await administrator.post(PATH, json={**ORDER, **change})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
