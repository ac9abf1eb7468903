"""Tests of the API as a whole: that every call of the contract is there and described."""

from fastapi import FastAPI
from httpx import AsyncClient

CONTRACT = """
GET /stations
POST /stations
GET /stations/{identity}
PATCH /stations/{identity}
POST /stations/{identity}/accept
PUT /stations/{identity}/password
GET /stations/{identity}/frames
GET /transactions
GET /transactions/{transaction_id}
POST /transactions/{transaction_id}/release
POST /transactions/{transaction_id}/void
GET /id-tokens
POST /id-tokens
PATCH /id-tokens/{id_token}
GET /tariffs
POST /tariffs
PATCH /tariffs/{tariff_id}
GET /locations
POST /locations
PATCH /locations/{key}
GET /organisations
POST /organisations
PATCH /organisations/{key}
GET /providers
POST /providers
PATCH /providers/{party_id}
GET /users
POST /users
PATCH /users/{user_id}
GET /agreements
POST /agreements
PATCH /agreements/{agreement_id}
GET /statements
GET /statements/{statement_id}.json
GET /statements/{statement_id}.csv
GET /statements/{statement_id}.pdf
POST /months/{month}/close
GET /events
GET /events/stream
"""


async def test_every_call_of_the_contract_is_there(client: AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()
    there = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, calls in document["paths"].items()
        for method in calls
    }

    assert set(CONTRACT.split("\n")) - {""} <= there


async def test_every_call_is_described(app: FastAPI, client: AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()

    ids = []
    for path, calls in document["paths"].items():
        assert path.startswith("/api/v1/")
        for call in calls.values():
            ids.append(call["operationId"])
            assert call["summary"]
            assert call["tags"]
            assert call["security"] == [{"HTTPBearer": []}]
            refused = call["responses"]["422"]["content"]["application/problem+json"]
            assert refused["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert len(ids) == len(set(ids))
    assert "code" in document["components"]["schemas"]["Problem"]["properties"]
