"""Tests of how many calls a key may make."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from accounts.directory import Principal
from accounts.permissions import Reach
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.application import create_application
from portal.context import PortalContext
from portal.limits import Limits, TooManyCalls
from tests.portal.conftest import Keys, client_of

KEY = Principal(
    id="api_key/1",
    name="key",
    group="",
    rights=frozenset(),
    reach=Reach.OWN,
    organisation=OrganisationKey("o"),
    language="en",
)


class Watch:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_minutes_calls_may_be_spent_at_once_and_come_back_steadily() -> None:
    watch = Watch()
    limits = Limits(60, elapsed_s=watch)
    left = [quota.left for _ in range(60) if (quota := limits.spend(KEY)) is not None]
    assert left == list(range(59, -1, -1))
    with pytest.raises(TooManyCalls) as refused:
        limits.spend(KEY)
    assert refused.value.wait_s == 1

    watch.at += 1
    limits.spend(KEY)
    with pytest.raises(TooManyCalls):
        limits.spend(KEY)
    watch.at += 60
    whole = limits.quota(KEY)
    assert whole is not None
    assert (whole.left, whole.whole_in_s) == (60, 0)


def test_a_refused_call_costs_nothing() -> None:
    watch = Watch()
    limits = Limits(1, elapsed_s=watch)
    limits.spend(KEY)
    for _ in range(100):
        with pytest.raises(TooManyCalls):
            limits.spend(KEY)
    watch.at += 60
    limits.spend(KEY)


def test_each_key_has_a_rate_of_its_own_and_people_have_none() -> None:
    limits = Limits(1, elapsed_s=Watch())
    slow, quick = KEY, replace(KEY, id="api_key/2", rate_per_minute=3)
    person = replace(KEY, id="person/1", person_id=1)
    limits.spend(slow)
    for _ in range(3):
        limits.spend(quick)
    for each in (slow, quick):
        with pytest.raises(TooManyCalls):
            limits.spend(each)
    assert limits.spend(person) is None


def test_buckets_that_are_full_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.limits._FORGET_ABOVE", 2)
    watch = Watch()
    limits = Limits(60, elapsed_s=watch)
    for number in range(3):
        limits.spend(replace(KEY, id=f"api_key/{number}"))
        watch.at += 60
    limits.spend(KEY)

    assert set(limits._whole_at) == {"api_key/2", "api_key/1"}


async def test_every_answer_tells_what_is_left_and_a_refusal_when_to_come_back(
    administrator: AsyncClient,
    context: PortalContext,
    database: Database,
    clock: SetClock,
    keys: Keys,
    client: AsyncClient,
) -> None:
    first = await administrator.get("/api/v1/me")
    assert first.headers["ratelimit-policy"] == '"minute";q=6000;w=60'
    assert first.headers["ratelimit"] == '"minute";r=5999;t=1'
    assert first.headers["x-ratelimit-limit"] == "6000"
    assert first.headers["x-ratelimit-remaining"] == "5999"
    assert "ratelimit" not in (await client.get("/healthz")).headers

    async with database.unit_of_work() as db:
        made, key = await api_keys.create_api_key(
            db, name="slow", role="owner", rate_per_minute=2, now=clock.now()
        )
    app: FastAPI = create_application(replace(context, limits=Limits(elapsed_s=Watch())))
    async with client_of(app, key) as slow:
        answers = [await slow.get("/api/v1/stations/nowhere") for _ in range(3)]
    assert [each.status_code for each in answers] == [404, 404, 429]
    assert answers[2].json()["code"] == "too_many_calls"
    assert answers[2].headers["retry-after"] == "30"
    assert answers[2].headers["ratelimit"] == '"minute";r=0;t=60'
    assert made.rate_per_minute == 2
