"""Tests of what every request finds."""

from fastapi import FastAPI
from starlette.requests import Request

from portal.context import PortalContext, context_of


def test_a_request_finds_the_context_of_its_application(
    app: FastAPI, context: PortalContext
) -> None:
    assert context_of(Request({"type": "http", "app": app})) is context
