"""Tests of problem documents."""

import pytest
from fastapi import FastAPI

from accounts.sign_in import SignInRefused, TooManyAttempts
from foundation.errors import (
    Conflict,
    ExpectedError,
    InvalidInput,
    NotFound,
    NotPermitted,
    Unavailable,
)
from portal.problems import (
    FieldError,
    ManyProblems,
    NotSignedIn,
    TooLarge,
    WrongApiKey,
    plain_page,
    problem_of,
)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("no", field="iban"), 422, "invalid_input"),
        (NotFound("station", "X"), 404, "not_found"),
        (NotPermitted("no"), 403, "not_permitted"),
        (SignInRefused(), 403, "sign_in_refused"),
        (Conflict("no"), 409, "conflict"),
        (Unavailable("no"), 503, "unavailable"),
        (NotSignedIn(), 401, "not_signed_in"),
        (WrongApiKey(), 401, "wrong_api_key"),
        (TooManyAttempts(7), 429, "too_many_attempts"),
        (TooLarge(10), 413, "too_large"),
        (ExpectedError("no"), 400, "expected_error"),
    ],
)
def test_each_kind_of_error_has_its_status_and_stable_code(
    error: ExpectedError, status: int, code: str
) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code) == (status, code)
    assert problem.detail == str(error)
    assert problem.as_json()["title"]


def test_a_field_is_named_and_absent_where_there_is_none() -> None:
    assert problem_of(InvalidInput("no", field="iban")).as_json()["field"] == "iban"
    assert "field" not in problem_of(InvalidInput("no")).as_json()
    assert "errors" not in problem_of(Conflict("no")).as_json()


def test_waiting_is_told_in_seconds() -> None:
    assert ("Retry-After", "7") in problem_of(TooManyAttempts(7)).headers
    assert ("WWW-Authenticate", "Bearer") in problem_of(NotSignedIn()).headers


def test_many_problems_are_told_at_once_with_their_lines() -> None:
    problem = problem_of(
        ManyProblems([FieldError("status", "unknown", 2), FieldError("id_token", "missing", 7)])
    )

    assert problem.as_json()["errors"] == [
        {"line": 2, "field": "status", "message": "unknown"},
        {"line": 7, "field": "id_token", "message": "missing"},
    ]


def test_the_plain_page_shows_what_was_sent_as_text(app: FastAPI) -> None:
    from starlette.requests import Request

    request = Request({"type": "http", "app": app, "headers": [], "path": "/", "method": "GET"})
    page = plain_page(request, problem_of(NotFound("page", "<script>")))

    assert page.status_code == 404
    assert b"<script>" not in bytes(page.body)
