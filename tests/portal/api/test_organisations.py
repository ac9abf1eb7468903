"""Tests of the REST calls about organisations."""

from httpx import AsyncClient

NEW = {
    "key": "stadtwerke",
    "name": "Stadtwerke",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "tax_status": "small_business",
    "vat_id": "de 123 456 789",
    "language": "de",
    "email": "Billing@Stadtwerke.example",
    "iban": "DE89 3704 0044 0532 0130 00",
}


async def test_an_organisation_is_created_and_read_again(administrator: AsyncClient) -> None:
    created = await administrator.post("/api/v1/organisations", json=NEW)
    read = await administrator.get("/api/v1/organisations/stadtwerke")

    assert created.status_code == 201
    assert read.json() == created.json()
    assert read.json() == {
        **NEW,
        "parent": "root",
        "country": "DE",
        "vat_id": "DE123456789",
        "email": "billing@stadtwerke.example",
        "iban": "DE89370400440532013000",
        "address": None,
        "demands_second_factor": False,
        "licence": "business_premium",
        "created_at": "2026-10-15T12:00:00Z",
    }


async def test_what_is_left_out_is_the_parents(administrator: AsyncClient) -> None:
    await administrator.post("/api/v1/organisations", json=NEW)
    body = {"key": "branch", "name": "Branch", "parent": "stadtwerke"}

    branch = (await administrator.post("/api/v1/organisations", json=body)).json()

    assert (branch["time_zone"], branch["currency"], branch["language"]) == (
        "Europe/London",
        "GBP",
        "de",
    )
    assert branch["tax_status"] == "standard"


async def test_a_taken_key_is_a_conflict(administrator: AsyncClient) -> None:
    await administrator.post("/api/v1/organisations", json=NEW)

    again = await administrator.post("/api/v1/organisations", json=NEW)

    assert again.status_code == 409
    assert again.json()["code"] == "organisation_exists"


async def test_a_wrong_iban_is_refused_and_named(administrator: AsyncClient) -> None:
    wrong = await administrator.post(
        "/api/v1/organisations", json={**NEW, "iban": "DE89370400440532013001"}
    )

    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "application/problem+json"
    assert wrong.json()["code"] == "invalid_input"
    assert wrong.json()["field"] == "iban"


async def test_unknown_fields_are_refused_all_at_once(administrator: AsyncClient) -> None:
    wrong = await administrator.post(
        "/api/v1/organisations", json={**NEW, "tax_status": "none", "curency": "EUR"}
    )

    assert wrong.status_code == 422
    assert {each["field"] for each in wrong.json()["errors"]} == {"tax_status", "curency"}


async def test_null_is_refused_where_there_must_be_a_value(administrator: AsyncClient) -> None:
    refused = await administrator.patch("/api/v1/organisations/north", json={"name": None})
    cleared = await administrator.patch("/api/v1/organisations/north", json={"email": None})

    assert refused.status_code == 422
    assert cleared.status_code == 200


async def test_only_what_is_named_changes(administrator: AsyncClient) -> None:
    await administrator.post("/api/v1/organisations", json=NEW)

    changed = await administrator.patch(
        "/api/v1/organisations/stadtwerke", json={"address": "Hauptstr. 1", "parent": "north"}
    )

    assert changed.json()["address"] == "Hauptstr. 1"
    assert changed.json()["parent"] == "north"
    assert changed.json()["name"] == "Stadtwerke"


async def test_the_tree_stays_a_tree(administrator: AsyncClient) -> None:
    path = "/api/v1/organisations/north"
    circle = await administrator.patch(path, json={"parent": "north-city"})
    root = await administrator.patch("/api/v1/organisations/root", json={"parent": "north"})

    assert circle.status_code == root.status_code == 422
    assert circle.json()["field"] == root.json()["field"] == "parent"


async def test_an_owner_sees_his_own_and_those_below(north: AsyncClient) -> None:
    listed = (await north.get("/api/v1/organisations")).json()

    assert [each["key"] for each in listed["items"]] == ["north", "north-city"]
    assert listed["next"] is None


async def test_what_is_not_yours_looks_like_what_is_not_there(north: AsyncClient) -> None:
    foreign = await north.get("/api/v1/organisations/south")
    missing = await north.get("/api/v1/organisations/nowhere")

    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"].replace("south", "nowhere") == missing.json()["detail"]


async def test_an_owner_creates_nothing(north: AsyncClient) -> None:
    refused = await north.post("/api/v1/organisations", json=NEW)

    assert refused.status_code == 403
    assert refused.json()["code"] == "not_permitted"


async def test_a_list_is_read_page_by_page(administrator: AsyncClient) -> None:
    seen: list[str] = []
    parameters: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await administrator.get("/api/v1/organisations", params=parameters)).json()
        seen += [each["key"] for each in page["items"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]

    assert seen == ["north", "north-city", "root", "south"]
