"""Tests of what bodies of the API have in common."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from foundation.errors import InvalidInput
from foundation.money import Money
from portal.api.models import (
    Answer,
    Body,
    Moment,
    MoneyModel,
    Quantity,
    Since,
    is_storable,
    json_object,
    moment_of,
)


class Thing(Body):
    at: Moment | None = None
    since: Since | None = None
    name: str | None = None


class Shown(Answer):
    energy_wh: Quantity
    at: Moment


def test_moments_come_in_any_zone_and_go_out_in_utc() -> None:
    thing = Thing.model_validate({"at": "2026-10-15T14:00:00.5+02:00"})

    assert thing.model_dump(mode="json")["at"] == "2026-10-15T12:00:00.500000Z"
    with pytest.raises(ValidationError):
        Thing.model_validate({"at": "2026-10-15T14:00:00"})


def test_a_day_begins_at_midnight_in_its_zone() -> None:
    day = Thing.model_validate({"since": "2026-07-01"}).since
    moment = Thing.model_validate({"since": "2026-07-01T00:00:00Z"}).since

    assert day == date(2026, 7, 1)
    assert day is not None
    assert moment is not None
    assert moment_of(day, "Europe/Berlin") == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert moment_of(moment, "Europe/Berlin") == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"), [("12400", "12400"), ("12400.000", "12400"), ("0.125", "0.125")]
)
def test_quantities_are_numbers(value: str, shown: str) -> None:
    at = datetime(2026, 10, 15, tzinfo=timezone(timedelta(hours=2)))
    text = Shown(energy_wh=Decimal(value), at=at).model_dump_json()

    assert text == f'{{"energy_wh":{shown},"at":"2026-10-14T22:00:00Z"}}'


def test_money_has_the_digits_of_its_currency_unless_it_is_exact() -> None:
    assert MoneyModel.of(Money(Decimal("12.3"), "EUR")).amount == "12.30"
    assert MoneyModel.of_exact(Money(Decimal("0.4125"), "EUR")).amount == "0.4125"
    assert MoneyModel.of_optional(None) is None


@pytest.mark.parametrize("body", [{"nmae": "x"}, {"name": "a\x00"}, {"name": "\ud800"}])
def test_a_body_holds_known_fields_and_texts_only(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Thing.model_validate(body)


def test_what_was_sent_is_told_from_what_was_left_out() -> None:
    assert Thing.model_validate({"name": None}).given() == {"name": None}


def test_texts_are_looked_for_everywhere() -> None:
    assert is_storable({"a": ["b", {"c": 1}], "d": None})
    assert not is_storable({"a": ["b", {"c\x00": 1}]})


def request_with(body: bytes) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "headers": []}, receive)


async def test_numbers_of_a_raw_body_stay_exact() -> None:
    assert await json_object(request_with(b'{"a": 0.1, "b": 2}')) == {"a": Decimal("0.1"), "b": 2}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"a": NaN}', b'{"a": "\\u0000"}', b"\xff", b"[" * 90_000]
)
async def test_a_raw_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        await json_object(request_with(body))
