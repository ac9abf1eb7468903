"""Tests of the REST calls about id tokens, and of files of them."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

PATH = "/api/v1/id-tokens"
PROVIDER = {"party_id": "DE*XYZ", "name": "XYZ Mobility"}


async def imported(client: AsyncClient, content: str | bytes) -> Response:
    return await client.post(PATH, content=content, headers={"content-type": "text/csv"})


async def test_posting_a_token_again_changes_it(administrator: AsyncClient) -> None:
    body = {"id_token": "04:A2:b3", "organisation": "north"}
    first = await administrator.post(PATH, json=body)
    second = await administrator.post(
        PATH, json={**body, "id_token": "04A2B3", "status": "blocked"}
    )
    listed = (await administrator.get(PATH)).json()["items"]

    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["status"], second.json()["status"]) == ("accepted", "blocked")
    assert first.json()["type"] == "ISO14443"
    assert listed == [second.json()]


async def test_a_token_has_the_languages_of_its_driver_by_the_api_and_a_file(
    administrator: AsyncClient,
) -> None:
    body = {"id_token": "A1", "language1": "DE-ch", "language2": "fr"}
    made = await administrator.post(PATH, json=body)
    assert (made.json()["language1"], made.json()["language2"]) == ("de-CH", "fr")
    changed = await administrator.patch(f"{PATH}/A1", json={"status": "blocked"})
    assert changed.json()["language1"] == "de-CH"  # what is not named stays
    cleared = await administrator.patch(f"{PATH}/A1", json={"language1": None, "language2": None})
    assert (cleared.json()["language1"], cleared.json()["language2"]) == (None, None)

    sent = await imported(administrator, "id_token,language1,language2\r\nB2,it,\r\nB3,,\r\n")
    assert sent.status_code == 201
    found = {each["id_token"]: each for each in (await administrator.get(PATH)).json()["items"]}
    assert [found[each]["language1"] for each in ("B2", "B3")] == ["it", None]
    refused = await imported(administrator, "id_token,language1\r\nB4,de\r\nB5,zz\r\n")
    assert refused.status_code == 422
    assert [(each["line"], each["field"]) for each in refused.json()["errors"]] == [
        (3, "language1")
    ]


async def test_a_token_without_holder_is_the_callers(administrator: AsyncClient) -> None:
    made = await administrator.post(PATH, json={"id_token": "A1"})

    assert (made.json()["organisation"], made.json()["provider"]) == ("root", None)


async def test_a_provider_answers_for_external_tokens(administrator: AsyncClient) -> None:
    await administrator.post("/api/v1/providers", json=PROVIDER)
    made = await administrator.post(PATH, json={"id_token": "A1", "provider": "de-xyz"})

    assert (made.json()["organisation"], made.json()["provider"]) == (None, "DE*XYZ")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "id_token"),
        ({"id_token": ""}, "id_token"),
        ({"id_token": "-:-"}, "id_token"),
        ({"id_token": "A1", "type": "Card"}, "type"),
        ({"id_token": "A1", "status": "ok"}, "status"),
        ({"id_token": "A1", "organisation": "nowhere"}, "organisation"),
        ({"id_token": "A1", "provider": "DE*NIX"}, "provider"),
        ({"id_token": "A1", "organisation": "north", "provider": "DE*XYZ"}, "organisation"),
        ({"id_token": "A1", "valid_until": "2026-01-01T00:00:00"}, "valid_until"),
        ({"id_token": "A1", "idTag": "A1"}, "idTag"),
        ({"id_token": "A1", "language1": "xx"}, "language1"),
        ({"id_token": "A1", "language1": "de", "language2": "german"}, "language2"),
        ({"id_token": "A1", "language2": "de"}, "language1"),
    ],
)
async def test_what_is_wrong_with_a_token_is_named(
    administrator: AsyncClient, body: dict[str, Any], field: str
) -> None:
    await administrator.post("/api/v1/providers", json=PROVIDER)
    refused = await administrator.post(PATH, json=body)

    assert refused.status_code == 422
    assert field in {each["field"] for each in refused.json()["errors"]}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_kind_of_body_is_not_taken(administrator: AsyncClient, kind: str) -> None:
    refused = await administrator.post(PATH, content="x", headers={"content-type": kind})

    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")


async def test_a_token_changes_field_by_field(administrator: AsyncClient) -> None:
    await administrator.post(PATH, json={"id_token": "A-1", "organisation": "north"})
    changed = await administrator.patch(
        f"{PATH}/a1", json={"status": "no_credit", "valid_until": "2027-01-01T01:00:00+01:00"}
    )

    assert changed.json()["status"] == "no_credit"
    assert changed.json()["valid_until"] == "2027-01-01T00:00:00Z"
    assert changed.json()["organisation"] == "north"
    assert (await administrator.patch(f"{PATH}/zz", json={})).status_code == 404


async def test_owners_see_their_tokens_only(administrator: AsyncClient, north: AsyncClient) -> None:
    await administrator.post(PATH, json={"id_token": "A1", "organisation": "north-city"})
    await administrator.post(PATH, json={"id_token": "B1", "organisation": "south"})

    assert [each["id_token"] for each in (await north.get(PATH)).json()["items"]] == ["A1"]
    assert (await north.get(f"{PATH}/B1")).status_code == 404
    assert (await north.post(PATH, json={"id_token": "C1"})).status_code == 403


# ---------------------------------------------------------------------------- files


async def test_a_file_brings_many_tokens(administrator: AsyncClient) -> None:
    await administrator.post("/api/v1/providers", json=PROVIDER)
    answer = await imported(
        administrator,
        "id_token,type,status,organisation,provider,valid_until\r\n"
        "A1,,,north,,\r\n"
        "\r\n"
        '"A2",eMAID,blocked,,DE*XYZ,2027-01-01T00:00:00Z\r\n',
    )
    listed = (await administrator.get(PATH)).json()["items"]

    assert (answer.status_code, answer.json()) == (201, {"imported": 2})
    assert [(each["id_token"], each["status"], each["provider"]) for each in listed] == [
        ("A1", "accepted", None),
        ("A2", "blocked", "DE*XYZ"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffid_token;organisation\nA1;north\n",
        "id_token , organisation\nA1 , north",
        "id_token\rA1",
    ],
)
async def test_files_as_spreadsheets_write_them_are_taken(
    administrator: AsyncClient, content: str
) -> None:
    assert (await imported(administrator, content.encode())).json() == {"imported": 1}


async def test_all_problems_of_a_file_are_told_and_nothing_is_stored(
    administrator: AsyncClient,
) -> None:
    answer = await imported(
        administrator,
        "id_token,status,organisation,valid_until\n"
        "A1,accepted,north,\n"
        "A2,happy,north,\n"
        ",accepted,north,\n"
        "A4,accepted\n"
        "A5,accepted,north,tomorrow\n",
    )

    assert answer.status_code == 422
    assert {(each["line"], each["field"]) for each in answer.json()["errors"]} == {
        (3, "status"),
        (4, "id_token"),
        (5, ""),
        (6, "valid_until"),
    }
    assert (await administrator.get(PATH)).json()["items"] == []


async def test_problems_that_only_the_house_knows_have_lines_too(
    administrator: AsyncClient,
) -> None:
    answer = await imported(
        administrator,
        "id_token,type,organisation,provider\n"
        "A1,,north,\n"
        "a-1,,north,\n"
        "A3,,nowhere,\n"
        "A4,,,DE*NIX\n"
        "A5,Card,north,\n",
    )

    assert {(each["line"], each["field"]) for each in answer.json()["errors"]} == {
        (3, "id_token"),
        (4, "organisation"),
        (5, "provider"),
        (6, "type"),
    }
    assert (await administrator.get(PATH)).json()["items"] == []


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b"", 1, "id_token"),
        (b"id_token\n", 1, ""),
        (b"id_token,idTag\nA,B\n", 1, "idTag"),
        (b"id_token,id_token\nA,B\n", 1, "id_token"),
        (b"status\naccepted\n", 1, "id_token"),
        (b"id_token\nA\n\xff\n", 3, ""),
        (b"id_token\nA\x00\n", 2, ""),
        (b'id_token\n"' + b"x" * 200_000, 2, ""),
    ],
)
async def test_a_file_that_is_none_is_refused_with_the_place(
    administrator: AsyncClient, content: bytes, line: int, field: str
) -> None:
    answer = await imported(administrator, content)

    assert answer.status_code == 422
    assert (line, field) in {(each["line"], each["field"]) for each in answer.json()["errors"]}
