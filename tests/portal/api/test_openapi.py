"""Tests of the OpenAPI document: complete, and every example allowed by its schema."""

from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from portal.api import openapi
from portal.api.openapi import operations


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_every_call_has_summary_description_and_all_its_refusals(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        refusals = {"401", "403", "422", "429", "503"}
        if method != "get":
            refusals |= {"400", "409", "413", "415"}
            names = {each["name"] for each in operation["parameters"]}
            is_streamed = operation["operationId"] == "add_file"
            assert ("Idempotency-Key" in names) is not is_streamed, where
        if "{" in path:
            refusals.add("404")
        assert refusals <= operation["responses"].keys(), where
        for status in refusals:
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], where
            assert content["application/problem+json"]["example"]["status"] == int(status)


def test_every_call_has_examples_that_its_schemas_allow(document: dict[str, Any]) -> None:
    count = 0
    for path, method, operation in operations(document):
        shown = [
            (f"{method} {path} {each['name']}", each["schema"], each["example"])
            for each in operation.get("parameters", ())
        ]
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [each.get("content", {}) for each in operation["responses"].values()]
        for content in contents:
            for media_type, described in content.items():
                if described.get("schema", {}).get("format") != "binary":
                    assert "example" in described, f"{method} {path}"
                    shown.append(
                        (f"{method} {path}", described.get("schema", {}), described["example"])
                    )
                assert media_type
        for where, schema, value in shown:
            whole = {**schema, "components": document["components"]}
            errors = list(jsonschema.Draft202012Validator(whole).iter_errors(value))
            assert not errors, f"{where}: {errors[0].json_path} {errors[0].message}"
            count += 1
    assert count > 300


def test_the_document_is_the_same_each_time(app: FastAPI) -> None:
    assert app.openapi() == app.openapi()


def test_an_example_of_a_model_is_filled_with_what_it_must_have() -> None:
    schema = {
        "type": "object",
        "required": ["name", "evse_id", "inner"],
        "properties": {
            "name": {"type": "string"},
            "evse_id": {"type": "integer", "minimum": 5},
            "inner": {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]},
        },
        "example": {"name": "x"},
    }
    inner = {"type": "object", "properties": {"on": {"type": "boolean"}}}

    assert openapi.example(schema, {"Inner": inner}) == {
        "name": "x",
        "evse_id": 5,
        "inner": {"on": True},
    }
