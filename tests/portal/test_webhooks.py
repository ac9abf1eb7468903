"""Tests of webhooks: what happens reaches a real receiver, and nobody hears what he may not."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from alerts import raising
from csms import administration
from csms.administration import StationSettings
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Unavailable
from foundation.events import AlertChanged, StatementIssued, StationBooted
from foundation.identifiers import OrganisationKey, StationId
from foundation.jobs import Attempt, Jobs
from foundation.mail import Mails
from foundation.message_signing import signature
from foundation.networks import networks
from foundation.sealing import Sealer
from portal.api.events import written_event
from portal.application import create_application
from portal.context import PortalContext
from portal.webhooks import Webhooks
from tests.alerts.watch import finding
from tests.portal.conftest import Keys, client_of
from tests.receivers import Came, Receiver, answer, receiving

PATH = "/api/v1/webhooks"
ALERT = AlertChanged.kind
MAILS = text("select recipient, subject from mails")
SECRETS = text("select secret from webhooks")


class DoneByHand(Jobs):
    """Jobs that are done when the test says so; they are asked for as ever."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.work: Any = None

    def register(self, name: str, work: Any, *, pauses_s: Sequence[float] = ()) -> None:
        super().register(name, work, pauses_s=pauses_s)
        self.work = work


@dataclass
class Stage:
    """An installation with webhooks whose jobs are done by hand."""

    database: Database
    clock: SetClock
    app: FastAPI
    keys: Keys
    hooks: Webhooks
    jobs: DoneByHand

    def client(self, key: str | None = None) -> AsyncClient:
        return client_of(self.app, key or self.keys.administrator)

    async def make(self, url: str, *, key: str | None = None, **facts: Any) -> dict[str, Any]:
        async with self.client(key) as client:
            made = await client.post(PATH, json={"name": "ERP", "url": url, **facts})
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    async def happens(self, *stations: str) -> None:
        now = self.clock.now()
        async with self.database.unit_of_work() as db:
            await outbox.append(
                db,
                [
                    StationBooted(
                        happened_at=now,
                        station=StationId(each),
                        vendor="V",
                        model="M",
                        firmware=None,
                        reason=None,
                    )
                    for each in stations
                ],
                recorded_at=now,
            )
        while await self.hooks.tell():
            pass

    async def listed(self, number: int, **params: Any) -> list[dict[str, Any]]:
        async with self.client() as client:
            answered = await client.get(f"{PATH}/{number}/deliveries", params=params)
        items: list[dict[str, Any]] = answered.json()["items"]
        return items

    async def deliver(self, number: int, *, attempt: int = 1, is_last: bool = False) -> bool:
        """Do one delivery's job; tell whether it is to be done again."""
        try:
            await self.jobs.work({"delivery": number}, Attempt(attempt, is_last))
        except Unavailable:
            return True
        return False

    async def deliver_all(self, number: int) -> None:
        for each in await self.listed(number, state="waiting"):
            await self.deliver(each["id"])


@pytest.fixture
async def stage(database: Database, clock: SetClock, context: PortalContext, keys: Keys) -> Stage:
    jobs = DoneByHand(database.url)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=context.settings)
    hooks = Webhooks(
        database=database,
        jobs=jobs,
        clock=clock,
        sealer=Sealer(bytes(32)),
        mails=mails,
        written=written_event,
        allowed=networks(["127.0.0.0/8"]),
        failures_max=3,
        failing_for=timedelta(hours=1),
    )
    app = create_application(replace(context, webhooks=hooks))
    async with database.unit_of_work() as db:
        for identity, owner in (("N1", "north"), ("C1", "north-city"), ("S1", "south")):
            await administration.create_station(
                db,
                identity,
                OrganisationKey(owner),
                StationSettings(),
                password=None,
                time_zone="UTC",
                now=clock.now(),
            )
    return Stage(database, clock, app, keys, hooks, jobs)


@asynccontextmanager
async def heard_by(
    stage: Stage, *answers: bytes, **facts: Any
) -> AsyncIterator[tuple[Receiver, dict[str, Any]]]:
    async with receiving(*answers) as receiver:
        yield receiver, await stage.make(receiver.url, **facts)


def is_signed(came: Came, secret: str) -> bool:
    """Check a signature as a receiver would."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode()
    wanted = base64.b64encode(hmac.new(key, said + came.body, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in came.headers["webhook-signature"].split(" ")


def test_the_signature_is_that_of_the_standard() -> None:
    """The worked example of Standard Webhooks' own libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_an_event_is_sent_signed_once(stage: Stage) -> None:
    async with heard_by(stage) as (receiver, hook):
        await stage.happens("N1")
        await stage.deliver_all(hook["id"])
        await stage.deliver_all(hook["id"])

    [came] = receiver.came
    event = json.loads(came.body)
    assert (event["kind"], event["station"], event["organisation"]) == (
        "station_booted",
        "N1",
        "north",
    )
    assert came.headers["webhook-id"] == f"evt_{event['event_id']}"
    assert came.headers["content-type"] == "application/json"
    assert is_signed(came, hook["secret"])
    assert not is_signed(came, "whsec_" + base64.b64encode(bytes(32)).decode())
    [listed] = await stage.listed(hook["id"])
    assert (listed["state"], listed["attempts"], listed["response_status"]) == ("delivered", 1, 204)


async def test_a_webhook_hears_what_its_maker_sees_and_of_the_kinds_he_named(stage: Stage) -> None:
    async with receiving() as receiver:
        all_of_it = await stage.make(receiver.url)
        norths = await stage.make(receiver.url, key=stage.keys.north)
        other_kind = await stage.make(receiver.url, kinds=["statement_issued"])
    await stage.happens("N1", "C1", "S1")
    async with stage.database.unit_of_work() as db:
        told = StatementIssued(
            happened_at=stage.clock.now(),
            statement_id="1",
            payee=OrganisationKey("south"),
            month="2026-09",
        )
        await outbox.append(db, [told], recorded_at=stage.clock.now())
    await stage.hooks.tell()

    assert len(await stage.listed(all_of_it["id"])) == 4
    assert len(await stage.listed(norths["id"])) == 2
    assert [each["kind"] for each in await stage.listed(other_kind["id"])] == ["statement_issued"]
    assert norths["organisation"] == "north"


async def test_what_happened_before_it_was_made_is_not_sent(stage: Stage) -> None:
    await stage.happens("N1")
    stage.clock.advance(timedelta(seconds=1))
    async with heard_by(stage) as (_, hook):
        await stage.happens("N1")

    assert len(await stage.listed(hook["id"])) == 1


async def test_what_happened_while_none_was_active_is_not_sent_when_one_is_again(
    stage: Stage,
) -> None:
    async with heard_by(stage) as (_, hook), stage.client() as client:
        await client.patch(f"{PATH}/{hook['id']}", json={"active": False})
        stage.clock.advance(timedelta(seconds=1))
        await stage.happens("N1")
        assert not await stage.hooks.tell(), "nobody listens, so nothing is read"
        await client.patch(f"{PATH}/{hook['id']}", json={"active": True})
        await stage.happens("C1")

    [only] = await stage.listed(hook["id"])
    assert only["state"] == "waiting"


async def test_a_second_webhook_takes_nothing_from_the_first(stage: Stage) -> None:
    async with heard_by(stage) as (_, first), heard_by(stage) as (_, second):
        await stage.happens("N1")

    assert len(await stage.listed(first["id"])) == 1
    assert len(await stage.listed(second["id"])) == 1


async def test_a_failed_delivery_is_tried_again_under_the_same_id_and_given_up_in_the_end(
    stage: Stage,
) -> None:
    bad, good = answer(500), answer(200)
    async with heard_by(stage, bad, good) as (receiver, hook):
        await stage.happens("N1")
        [waiting] = await stage.listed(hook["id"])
        assert await stage.deliver(waiting["id"])
        [failed] = await stage.listed(hook["id"])
        assert not await stage.deliver(waiting["id"], attempt=2)
        [delivered] = await stage.listed(hook["id"])
        receiver.answers = [answer(302)]
        await stage.happens("N1")
        [second] = await stage.listed(hook["id"], state="waiting")
        await stage.deliver(second["id"], attempt=9, is_last=True)
        [given_up] = await stage.listed(hook["id"], state="given_up")

    assert (failed["state"], failed["response_status"]) == ("waiting", 500)
    assert failed["next_try_at"] == "2026-10-15T12:00:05Z"
    assert (delivered["state"], delivered["attempts"]) == ("delivered", 2)
    assert len({each.headers["webhook-id"] for each in receiver.came[:2]}) == 1
    assert given_up["last_error"] == "answered 302"


async def test_what_fails_for_long_is_switched_off_and_told_by_mail(stage: Stage) -> None:
    async with stage.client() as client:
        changed = await client.patch(
            "/api/v1/organisations/root", json={"email": "ops@example.com", "language": "de"}
        )
        assert changed.status_code == 200
    async with heard_by(stage, answer(503)) as (_, hook):
        await stage.happens("N1", "N1", "N1", "N1")
        waiting = await stage.listed(hook["id"])
        for each in waiting[:3]:
            assert await stage.deliver(each["id"])
        assert (await seen(stage, hook["id"]))["active"] is True  # not for long enough
        stage.clock.advance(timedelta(hours=2))
        assert not await stage.deliver(waiting[3]["id"])
        off = await seen(stage, hook["id"])
        assert {each["state"] for each in await stage.listed(hook["id"])} == {"given_up"}
        await stage.happens("N1")
        assert len(await stage.listed(hook["id"])) == 4

        async with stage.client() as client:
            on = (await client.patch(f"{PATH}/{hook['id']}", json={"active": True})).json()
    async with stage.database.unit_of_work() as db:
        mails = (await db.execute(MAILS)).all()

    assert (off["active"], off["failures"]) == (False, 4)
    assert (on["active"], on["failures"], on["inactive_because"]) == (True, 0, None)
    assert [(each.recipient, "abgeschaltet" in each.subject) for each in mails] == [
        ("ops@example.com", True)
    ]


async def test_who_answers_gone_is_switched_off_at_once(stage: Stage) -> None:
    async with heard_by(stage, answer(410)) as (_, hook):
        await stage.happens("N1")
        await stage.deliver_all(hook["id"])

    assert (await seen(stage, hook["id"]))["inactive_because"] == "it answered 410 Gone"


async def test_events_are_sent_once_more_when_asked_for(stage: Stage) -> None:
    async with heard_by(stage, key=stage.keys.north) as (receiver, hook):
        await stage.happens("N1", "S1", "C1")
        await stage.deliver_all(hook["id"])
        path = f"{PATH}/{hook['id']}/replay"
        async with stage.client(stage.keys.north) as north, stage.client() as root:
            events = (await root.get("/api/v1/events")).json()["items"]
            own, foreign = events[0]["event_id"], events[1]["event_id"]
            one = await north.post(path, json={"event_id": own})
            none = await north.post(path, json={"event_id": foreign})
            both = await north.post(path, json={"event_id": own, "after": events[0]["cursor"]})
            behind = await north.post(path, json={"after": events[0]["cursor"]})
            first = await north.post(path, json={"after": "WzAsMF0", "limit": 1})
        await stage.deliver_all(hook["id"])

    assert (one.status_code, one.json()) == (202, {"events": 1, "next": None})
    assert (none.status_code, none.json()["code"]) == (404, "not_found")
    assert both.status_code == 422
    assert behind.json()["events"] == 1
    assert (first.json()["events"], first.json()["next"] is not None) == (1, True)
    told = [json.loads(each.body)["station"] for each in receiver.came]
    assert told == ["N1", "C1", "N1", "C1", "N1"] or sorted(told[2:]) == ["C1", "N1", "N1"]
    assert {each["asked_by"] is None for each in await stage.listed(hook["id"])} == {True, False}


async def test_a_fresh_secret_leaves_the_old_one_good_for_a_day(stage: Stage) -> None:
    async with heard_by(stage) as (receiver, hook):
        async with stage.client() as client:
            rotated = (await client.post(f"{PATH}/{hook['id']}/rotate-secret")).json()
            shown = (await client.get(f"{PATH}/{hook['id']}")).json()
        await stage.happens("N1")
        await stage.deliver_all(hook["id"])
        stage.clock.advance(timedelta(days=1))
        await stage.happens("N1")
        await stage.deliver_all(hook["id"])

    first, second = receiver.came
    assert "secret" not in shown
    assert [is_signed(each, rotated["secret"]) for each in (first, second)] == [True, True]
    assert [is_signed(each, hook["secret"]) for each in (first, second)] == [True, False]


async def test_secrets_are_not_stored_as_they_are(stage: Stage) -> None:
    async with heard_by(stage) as (_, hook):
        pass
    key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    async with stage.database.unit_of_work() as db:
        stored = (await db.execute(SECRETS)).scalar_one()

    assert key not in stored


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://100.64.0.1/",
        "ftp://example.com/",
        "https://user:pw@example.com/",
    ],
)
async def test_a_webhook_into_our_own_network_is_refused(stage: Stage, url: str) -> None:
    async with stage.client() as client:
        refused = await client.post(PATH, json={"name": "x", "url": url})
        hook = await stage.make("https://example.com/hook")
        changed = await client.patch(f"{PATH}/{hook['id']}", json={"url": url})

    for each in (refused, changed):
        assert (each.status_code, each.json()["code"], each.json()["field"]) == (
            422,
            "target_refused",
            "url",
        )


async def test_others_webhooks_do_not_exist(stage: Stage) -> None:
    async with heard_by(stage, key=stage.keys.south) as (_, hook):
        pass
    number = hook["id"]
    async with stage.client(stage.keys.north) as north:
        answers = [
            await north.get(f"{PATH}/{number}"),
            await north.patch(f"{PATH}/{number}", json={"active": False}),
            await north.delete(f"{PATH}/{number}"),
            await north.post(f"{PATH}/{number}/rotate-secret"),
            await north.get(f"{PATH}/{number}/deliveries"),
            await north.post(f"{PATH}/{number}/replay", json={"event_id": "1"}),
            await north.get(f"{PATH}/999"),
        ]
        listed = (await north.get(PATH)).json()["items"]
        foreign = await north.post(
            PATH, json={"name": "x", "url": "https://example.com/", "organisation": "south"}
        )

    assert {each.status_code for each in answers} == {404}
    assert listed == []
    assert (foreign.status_code, foreign.json()["field"]) == (422, "organisation")


async def test_a_kind_that_one_may_not_hear_of_is_refused(stage: Stage) -> None:
    async with stage.client() as client:
        refused = await client.post(
            PATH, json={"name": "x", "url": "https://example.com/", "kinds": ["earthquake"]}
        )

    assert (refused.status_code, refused.json()["field"]) == (422, "kinds")


async def test_a_webhook_is_removed_with_its_deliveries(stage: Stage) -> None:
    async with heard_by(stage) as (receiver, hook):
        await stage.happens("N1")
        [waiting] = await stage.listed(hook["id"])
        async with stage.client() as client:
            removed = await client.delete(f"{PATH}/{hook['id']}")
        assert not await stage.deliver(waiting["id"])

    assert removed.status_code == 204
    assert receiver.came == []


async def seen(stage: Stage, number: int) -> dict[str, Any]:
    async with stage.client() as client:
        found: dict[str, Any] = (await client.get(f"{PATH}/{number}")).json()
    return found


async def test_what_was_sent_long_ago_is_forgotten(stage: Stage) -> None:
    async with heard_by(stage) as (_, hook):
        await stage.happens("N1", "C1")
        [late, early] = await stage.listed(hook["id"])
        await stage.deliver(early["id"])
        stage.clock.advance(timedelta(days=31))
        await stage.hooks.forget()

    assert [each["id"] for each in await stage.listed(hook["id"])] == [late["id"]]


async def test_what_happens_to_an_alert_is_sent_signed_to_whoever_sees_it(stage: Stage) -> None:
    async with receiving() as receiver:
        hooks = {
            key: await stage.make(receiver.url, key=getattr(stage.keys, key), kinds=[ALERT])
            for key in ("north", "south")
        }
        async with stage.database.unit_of_work() as db:
            found = finding("N1", organisation=OrganisationKey("north"), at=stage.clock.now())
            await raising.report(db, [found], now=stage.clock.now())
        while await stage.hooks.tell():
            pass
        for each in hooks.values():
            await stage.deliver_all(each["id"])
    [came] = receiver.came
    assert is_signed(came, hooks["north"]["secret"])
    event = json.loads(came.body)
    assert (event["kind"], event["organisation"]) == (ALERT, "north")
    told = event["payload"]
    assert (told["change"], told["detection"], told["cause"]) == ("raised", "offline", "silence")
    assert told["stations"] == ["N1"]
    assert await stage.listed(hooks["south"]["id"]) == []
