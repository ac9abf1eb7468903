"""Names of what does not exist are refused wherever they are sent: never an error of ours."""

import re
from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient

from portal.api.openapi import operations

NAMES = (
    "organisation",
    "payee",
    "parent",
    "owner",
    "provider",
    "location",
    "station",
    "station_id",
)
"""Fields that name something by its key."""


async def test_an_unknown_name_is_refused_by_every_call_that_takes_one(
    app: FastAPI, administrator: AsyncClient
) -> None:
    document: dict[str, Any] = app.openapi()
    tried = []
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or not isinstance(content.get("example"), dict):
            continue
        schema = content["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for name in NAMES:
            if name not in schema.get("properties", {}):
                continue
            body = {**content["example"], name: "nobody"}
            where = re.sub(r"\{[^}]*\}", "1", path)
            answer = await administrator.request(method, where, json=body)
            assert answer.status_code != 500, f"{method} {path} {name}: {answer.text}"
            tried.append((path, name))
    assert len(tried) > 10


async def test_a_day_or_a_number_that_is_no_moment_is_refused(administrator: AsyncClient) -> None:
    for path in ("transactions", "audit", "commands/rates"):
        for value in ("0001-01-01", "6.4e-49", "1700000000", "9999-12-31T23:59:59-10:00"):
            answer = await administrator.get(f"/api/v1/{path}", params={"to": value})
            assert answer.status_code in (200, 422), f"{path} {value}: {answer.text}"
            if "-" not in value[1:8]:
                assert answer.status_code == 422, f"{path} {value}"


async def test_a_number_that_nothing_can_hold_is_refused_wherever_it_stands(
    app: FastAPI, administrator: AsyncClient
) -> None:
    document: dict[str, Any] = app.openapi()
    for path, method, _ in operations(document):
        if method == "get" and "{" in path:
            where = re.sub(r"\{[^}]*\}", str(10**25), path)
            answer = await administrator.request(method, where)
            assert answer.status_code in (200, 404, 422), f"{path}: {answer.text}"
    for path in ("/campaigns/", "/people/", "/outbox/", "/groups/", "/webhooks/", "/sessions/"):
        answer = await administrator.get(f"{path}{10**25}")
        assert answer.status_code in (401, 403, 404, 422, 303), f"{path}: {answer.text}"
