"""Tests of credits over HTTP."""

from datetime import timedelta
from typing import Any

from httpx import AsyncClient

from foundation.clock import SetClock
from foundation.database import Database

BASE = "/api/v1/credits"


async def ordered(north: AsyncClient, quantity: int = 500) -> dict[str, Any]:
    made = await north.post(f"{BASE}/orders", json={"quantity": quantity})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def paid(administrator: AsyncClient, north: AsyncClient, quantity: int = 500) -> str:
    number = str((await ordered(north, quantity))["number"])
    done = await administrator.post(f"{BASE}/orders/{number}/pay", json={"payment": "bank 1"})
    assert done.status_code == 200, done.text
    return number


async def test_an_order_is_priced_placed_paid_once_and_booked(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    offered = (await north.get(f"{BASE}/offer", params={"quantity": 240})).json()
    assert offered["net"] == {"amount": "28.56", "currency": "EUR"}
    assert (offered["cheaper"]["quantity"], offered["cheaper"]["net"]["amount"]) == (250, "28.50")

    order = await ordered(north)
    assert (order["net"]["amount"], order["unit_price"]["amount"]) == ("54.50", "0.109000")
    path = f"{BASE}/orders/{order['number']}"
    assert (await north.get(path)).json()["state"] == "open"
    assert (await south.get(path)).status_code == 404
    assert (await north.post(f"{path}/pay", json={"payment": "mine"})).status_code == 403

    done = await administrator.post(f"{path}/pay", json={"payment": "bank 1"})
    assert done.json()["state"] == "booked"
    again = await administrator.post(f"{path}/pay", json={"payment": "bank 2"})
    assert (again.status_code, again.json()["code"]) == (409, "order_paid_twice")
    assert (await north.get(path)).json()["payment"] == "bank 1"

    wallet = (await north.get(BASE)).json()
    assert wallet == {"organisation": "north", "balance": 500, "reserved": 0, "available": 500}
    [line] = (await north.get(f"{BASE}/bookings")).json()["items"]
    assert (line["service"], line["quantity"], line["balance_after"]) == ("purchase", 500, 500)
    assert (await south.get(BASE, params={"organisation": "north"})).status_code == 404
    assert (await north.get(f"{BASE}/orders")).json()["items"][0]["number"] == order["number"]
    assert (await south.get(f"{BASE}/orders")).json()["items"] == []


async def test_an_order_is_released_before_its_payment_or_cancelled_before_both(
    administrator: AsyncClient, north: AsyncClient
) -> None:
    first, second = (await ordered(north))["number"], (await ordered(north))["number"]
    released = await administrator.post(f"{BASE}/orders/{first}/release")
    assert released.json()["state"] == "booked"
    twice = await administrator.post(f"{BASE}/orders/{first}/release")
    assert twice.json()["code"] == "order_already_booked"
    assert (await north.post(f"{BASE}/orders/{first}/cancel")).status_code == 409
    assert (await north.post(f"{BASE}/orders/{second}/cancel")).json()["state"] == "cancelled"
    late = await administrator.post(f"{BASE}/orders/{second}/pay", json={"payment": "bank 3"})
    assert late.json()["code"] == "order_not_open"
    assert (await north.get(BASE)).json()["balance"] == 500


async def test_prices_change_from_a_moment_on_by_staff_alone(
    administrator: AsyncClient, north: AsyncClient, clock: SetClock
) -> None:
    body = {
        "tiers": [{"quantity": 1, "unit_price": "0.11"}, {"quantity": 100, "unit_price": 0.1}],
        "services": {"sms": 2},
        "valid_from": (clock.now() + timedelta(hours=1)).isoformat(),
    }
    assert (await north.put(f"{BASE}/prices", json=body)).status_code == 403
    assert (await administrator.put(f"{BASE}/prices", json=body)).status_code == 200
    again = await administrator.put(f"{BASE}/prices", json=body)
    assert again.json()["code"] == "price_exists"
    assert (await north.get(f"{BASE}/prices")).json()["services"]["sms"] == 1
    clock.advance(timedelta(hours=1))
    prices = (await north.get(f"{BASE}/prices")).json()
    assert prices["services"] == {"sms": 2, "remote_1": 50, "remote_12": 240, "portal_use": 0}
    assert [each["net"]["amount"] for each in prices["tiers"]] == ["0.11", "10.00"]
    wrong = await administrator.put(
        f"{BASE}/prices", json={"tiers": [{"quantity": 5, "unit_price": "0.11"}]}
    )
    assert (wrong.status_code, wrong.json()["field"]) == (422, "tiers")


async def test_a_shops_orders_are_taken_in_and_the_unknown_ones_are_matched_by_hand(
    administrator: AsyncClient, north: AsyncClient
) -> None:
    order = {
        "number": "2026-4711",
        "user_name": "nobody",
        "quantity": 250,
        "net": "28.50",
        "ordered_at": "2026-10-14T09:00:00Z",
        "payment": "card 1",
        "is_invoiced": True,
    }
    body = {"orders": [order, {**order, "number": "CR-000001"}, {**order, "quantity": 251}]}
    assert (await north.post(f"{BASE}/orders/import", json=body)).status_code == 403
    done = (await administrator.post(f"{BASE}/orders/import", json=body)).json()["orders"]
    assert [(each["state"], each["code"]) for each in done] == [
        ("unmatched", None),
        (None, "invalid_input"),
        (None, "order_differs"),
    ]
    path = f"{BASE}/orders/2026-4711"
    assert (await north.get(path)).status_code == 404  # nobody knows whose it is
    [waiting] = (await administrator.get(f"{BASE}/orders", params={"state": "unmatched"})).json()[
        "items"
    ]
    assert waiting["user_name"] == "nobody"
    for nobody in ("", "  "):
        whose = await administrator.post(f"{path}/match", json={"organisation": nobody})
        assert (whose.status_code, whose.json()["code"]) == (422, "invalid_input")
    matched = await administrator.post(f"{path}/match", json={"organisation": "north"})
    assert matched.json()["state"] == "booked"
    assert (await north.get(BASE)).json()["balance"] == 250


async def test_remote_access_is_bought_used_switched_and_ends(
    administrator: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    clock: SetClock,
    database: Database,
) -> None:
    await administrator.post("/api/v1/stations", json={"identity": "N-1", "organisation": "north"})
    path = "/api/v1/stations/N-1/remote-access"
    short = await north.post(path, json={"months": 1})
    assert (short.status_code, short.json()["code"]) == (409, "not_enough_credits")
    assert (await north.get(f"{path}/console")).json()["code"] == "no_remote_access"
    await paid(administrator, north, 100)

    bought = await north.post(path, json={"months": 1})
    assert bought.status_code == 201, bought.text
    assert bought.json()["until"] == "2026-11-15T13:00:00Z"  # noon in summer, noon in winter
    twice = await north.post(path, json={"months": 12})
    assert (twice.status_code, twice.json()["code"]) == (409, "remote_access_runs")
    assert (await north.get(f"{path}/console")).status_code == 200
    assert (await south.get(path)).status_code == 404
    assert (await administrator.get(f"{path}/console")).status_code == 403

    assert (await north.patch(path, json={"is_on": False})).json()["is_open"] is False
    assert (await north.get(f"{path}/console")).status_code == 403
    assert (await north.patch(path, json={"is_on": True})).json()["is_open"] is True
    assert (await north.patch(path, json={})).status_code == 422
    clock.advance(timedelta(days=31))
    assert (await north.get(f"{path}/console")).status_code == 200
    clock.advance(timedelta(hours=1))
    assert (await north.get(f"{path}/console")).status_code == 403
    assert (await north.get(BASE)).json()["balance"] == 50
    deeds = (await administrator.get("/api/v1/audit", params={"subject": "station/N-1"})).json()
    assert [each["deed"] for each in deeds["items"]][:3] == [
        "remote_access.switch",
        "remote_access.switch",
        "remote_access.buy",
    ]
