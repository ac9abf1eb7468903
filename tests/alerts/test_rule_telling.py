"""Rules tell whom they name: mails once an alert, a real receiver by HTTP at each turn."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from accounts.audit import Actor
from alerts import ruling
from alerts.channels.post import Post
from alerts.detections import Detection
from alerts.rule_telling import JOB, PLACES_MAX, RuleTelling
from alerts.ruling import NoProgram, Ways
from alerts.watch_rules import Rule
from foundation.errors import InvalidInput, Unavailable
from foundation.jobs import Jobs
from foundation.message_signing import signature
from foundation.outbox import Delivery
from foundation.outgoing_http import Outgoing
from tests.alerts.telling import FIRST, LAST, LOOPBACK, Telling, telling
from tests.alerts.test_ruling import Said
from tests.alerts.test_watch_rules import RULE
from tests.alerts.watch import finding, watch
from tests.receivers import Came, answer

__all__ = ["telling", "watch"]  # fixtures, taken by their names

LEA = Actor("person/1", "Lea", "portal", None)


class Round:
    """A rule that asks to be told, what was measured, and what tells."""

    def __init__(self, telling: Telling) -> None:
        self.at = telling
        self.said = Said()
        ruling.join(telling.database, self.said)
        self.tells = RuleTelling(
            database=telling.database,
            jobs=telling.jobs,
            clock=telling.clock,
            mails=telling.mails,
            sealer=telling.rules.sealer,
            way=Post(Outgoing(allowed=LOOPBACK, timeout_s=10), has_facts=True),
            public_url="https://leitstand.example",
        )

    async def make(self, **changes: Any) -> Rule:
        """Make a rule of the north that writes to two, and tells the receiver."""
        wanted = replace(
            RULE, id=0, name="Too hot", mails=("a@x.example", "b@x.example"), **changes
        )
        async with self.at.database.unit_of_work() as db:
            return await ruling.set_rule(
                db,
                wanted,
                url=f"{self.at.gateway.url}?token=secret",
                ways=Ways(self.at.rules.sealer, tuple(LOOPBACK)),
                by=LEA,
                now=self.at.clock.now(),
            )

    async def measures(self, value: int) -> None:
        """Let a temperature be measured, the rules come round, and be heard of."""
        now = self.at.clock.now()
        self.said.hot[now] = value
        await ruling.rounds(self.at.database, self.at.clock)()
        await self.hear()

    async def hear(self) -> None:
        events = await self.at.watch.told()
        async with self.at.database.unit_of_work() as db:
            made = []
            for each in events:
                self.at.events += 1
                made.append(Delivery(self.at.events, each, self.at.clock.now()))
            await self.tells(db, made)

    async def jobs(self) -> list[dict[str, object]]:
        """Return what the jobs that wait are to tell."""
        async with self.at.database.unit_of_work() as db:
            rows = await db.scalars(
                text("select args from procrastinate_jobs where task_name = :name order by id"),
                {"name": JOB},
            )
            return list(rows)


@pytest.fixture
def at_work(telling: Telling) -> Round:
    return Round(telling)


async def test_who_is_named_is_written_to_once_and_the_program_is_told_of_beginning_and_end(
    at_work: Round,
) -> None:
    rule = await at_work.make()
    assert rule.webhook is not None
    assert "secret" not in rule.webhook
    await at_work.measures(75)
    await at_work.measures(76)
    letters = await at_work.at.letters()
    assert [each[0] for each in letters] == ["a@x.example", "b@x.example"]
    assert letters[0][1] == "Rule: Too hot (CS-1/1)"
    assert "CS-1/1: temperature_c 75" in letters[0][2]
    at_work.at.clock.advance(timedelta(minutes=1))
    await at_work.measures(60)
    await at_work.at.watch.settle(at_work.at.clock.now() + timedelta(hours=1))
    await at_work.hear()
    began, ended = await at_work.jobs()
    assert (began["change"], ended["change"]) == ("raised", "recovered")
    assert "secret" not in json.dumps(began)
    await at_work.tells.send(began, FIRST)
    [came] = at_work.at.gateway.came
    assert came.path == "/hook?token=secret"
    told = json.loads(came.body)
    assert (told["rule"], told["name"], told["change"]) == (rule.id, "Too hot", "raised")
    assert came.headers["idempotency-key"] == began["id"]


async def test_an_alert_that_grows_writes_no_second_mail_and_tells_the_program_of_all_places(
    at_work: Round,
) -> None:
    rule = await at_work.make()
    for station in ("Y-1", "Y-2"):  # at one place, so one alert
        await at_work.at.watch.report(
            finding(station, detection=Detection.RULE, cause=rule.cause, evse_id=1)
        )
        await at_work.hear()
    assert len(await at_work.at.letters()) == len(rule.mails)
    raised, grown = await at_work.jobs()
    assert (raised["change"], grown["change"]) == ("raised", "grown")
    assert isinstance(grown["places"], list)
    assert [each["station"] for each in grown["places"]] == ["Y-1", "Y-2"]


async def test_a_program_that_is_away_is_tried_again_and_one_that_refuses_is_not(
    at_work: Round,
) -> None:
    await at_work.make()
    await at_work.measures(75)
    [job] = await at_work.jobs()
    at_work.at.gateway.answers = [answer(503)]
    with pytest.raises(Unavailable):
        await at_work.tells.send(job, FIRST)
    await at_work.tells.send(job, LAST)
    at_work.at.gateway.answers = [answer(410)]
    await at_work.tells.send(job, FIRST)


async def test_a_rule_that_was_taken_away_meanwhile_tells_nothing(at_work: Round) -> None:
    rule = await at_work.make()
    await at_work.measures(75)
    [job] = await at_work.jobs()
    async with at_work.at.database.unit_of_work() as db:
        await ruling.remove_rule(db, rule.id, by=LEA, now=at_work.at.clock.now())
    await at_work.tells.send(job, FIRST)
    assert at_work.at.gateway.came == []


async def test_an_address_or_a_url_that_is_none_is_refused(at_work: Round) -> None:
    async with at_work.at.database.unit_of_work() as db:
        refusals: list[tuple[dict[str, Any], str | None, str]] = [
            ({"mails": ("nobody",)}, None, "mails"),
            ({}, "http://10.0.0.1/", "webhook"),
            ({}, "file:///etc/passwd", "webhook"),
        ]
        for changes, url, field in refusals:
            with pytest.raises(InvalidInput) as refused:
                await ruling.set_rule(
                    db,
                    replace(RULE, id=0, **changes),
                    url=url,
                    ways=Ways(at_work.at.rules.sealer, ()),
                    by=LEA,
                    now=at_work.at.clock.now(),
                )
            assert refused.value.field == field


def signed_by(secret: str, came: Came) -> bool:
    """Whether a receiver that was given this secret takes what came for genuine."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    at = datetime.fromtimestamp(int(came.headers["webhook-timestamp"]), UTC)
    wanted = signature(key, came.headers["webhook-id"], at, came.body)
    return wanted in came.headers["webhook-signature"].split(" ")


async def test_a_call_is_signed_and_for_a_day_with_the_secret_before_it_too(
    at_work: Round,
) -> None:
    rule = await at_work.make()
    await at_work.measures(75)
    [job] = await at_work.jobs()
    secrets = []

    async def called() -> Came:
        await at_work.tells.send(job, FIRST)
        return at_work.at.gateway.came[-1]

    first = await called()  # signed although nobody asked for the secret yet
    assert first.headers["webhook-id"] == job["id"]
    assert first.headers["webhook-signature"] == (await called()).headers["webhook-signature"]
    for _ in range(2):
        async with at_work.at.database.unit_of_work() as db:
            secrets.append(
                await ruling.rotate_secret(
                    db, rule.id, sealer=at_work.at.rules.sealer, now=at_work.at.clock.now()
                )
            )
    both = await called()
    assert [signed_by(each, both) for each in secrets] == [True, True]
    assert not signed_by(secrets[0], first)
    at_work.at.clock.advance(timedelta(hours=24))
    later = await called()
    assert [signed_by(each, later) for each in secrets] == [False, True]
    assert "whsec" not in json.dumps(job)


async def test_a_rule_that_tells_no_program_has_no_secret(at_work: Round) -> None:
    async with at_work.at.database.unit_of_work() as db:
        with pytest.raises(NoProgram):
            await ruling.rotate_secret(
                db, 17, sealer=at_work.at.rules.sealer, now=at_work.at.clock.now()
            )


async def test_a_call_never_leads_into_our_own_network_unless_it_is_allowed(
    at_work: Round,
) -> None:
    await at_work.make()
    await at_work.measures(75)
    [job] = await at_work.jobs()
    fenced = RuleTelling(
        database=at_work.at.database,
        jobs=Jobs(at_work.at.database.url),
        clock=at_work.at.clock,
        mails=at_work.at.mails,
        sealer=at_work.at.rules.sealer,
        way=Post(Outgoing(timeout_s=10), has_facts=True),
        public_url="https://leitstand.example",
    )
    await fenced.send(job, FIRST)
    assert at_work.at.gateway.came == []
    await at_work.tells.send(job, FIRST)
    assert len(at_work.at.gateway.came) == 1


async def test_a_message_names_a_hundred_places_at_most_and_says_how_many_more(
    at_work: Round,
) -> None:
    rule = await at_work.make()
    many = [
        finding(
            f"Y-{number % 30}",
            detection=Detection.RULE,
            cause=rule.cause,
            evse_id=1 + number // 30,
            at=at_work.at.clock.now(),
        )
        for number in range(103)
    ]
    await at_work.at.watch.report(*many)
    await at_work.hear()
    [job] = await at_work.jobs()
    assert isinstance(job["places"], list)
    assert len(job["places"]) == PLACES_MAX
    assert job["more_places"] == 3
    [first, _] = await at_work.at.letters()
    assert first[2].count("Y-") == PLACES_MAX
