"""Tests of the readable page of the API."""

import re

from httpx import AsyncClient

from portal.api import documentation


async def test_the_readable_page_needs_no_other_host_and_no_script(client: AsyncClient) -> None:
    page = await client.get("/api/docs")
    style = await client.get("/api/docs.css")

    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "/api/v1/organisations/{key}" in page.text
    assert "stadtwerke-nord" in page.text  # an example
    assert style.headers["content-type"].startswith("text/css")


def test_what_the_document_says_is_shown_as_text() -> None:
    shown = documentation.page(
        {
            "info": {"title": "<b>API</b>", "description": "First `code`.\n\nSecond."},
            "paths": {
                "/x": {
                    "get": {
                        "summary": "<script>",
                        "operationId": "x",
                        "parameters": [
                            {"name": "q", "in": "query", "schema": {"enum": ["a", "b"]}}
                        ],
                        "responses": {
                            "200": {
                                "description": "Fine",
                                "content": {
                                    "application/json": {
                                        "schema": {
                                            "type": "array",
                                            "items": {"anyOf": [{"type": "string"}, {"const": 1}]},
                                        }
                                    }
                                },
                            }
                        },
                    }
                }
            },
        }
    )

    assert "<script>" not in shown
    assert "&lt;b&gt;API" in shown
    assert "<code>code</code>" in shown
    assert "&#34;a&#34; | &#34;b&#34;" in shown
    assert "list of string | 1" in shown
