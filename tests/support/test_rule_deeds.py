"""What rules have done: a step once each time, a ticket, and what keeps them from it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from alerts import alerting, raising, ruling
from alerts.detecting import GroupInUse, remove_group, set_group
from alerts.detection_jobs import Group, Point
from alerts.detections import Detection
from alerts.steps import Step
from alerts.watch_rules import Rule
from app.routes import ROUTES
from csms.measured import NewestReadings
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.outbox import Delivery, event_from
from support import first_aiding, maintenance_store, rule_deeds, ticket_rounds
from support.maintenance import Plan
from support.maintenance_store import Windows
from support.rule_deeds import Refusal, RuleDeed
from tests.alerts.test_watch_rules import HOT
from tests.portal.api.test_commands import connect
from tests.support.aid import SESSION, Aid
from tests.support.conftest import HELEN, N1, NORTH, OPERATOR, fill


@dataclass
class Heat:
    """What the station N-1 measured."""

    hot: dict[datetime, int] = field(default_factory=dict)

    async def newest(self, *_: Any, **__: Any) -> list[NewestReadings]:
        """Return the readings of its one charge point."""
        samples = [
            (at, [{"measurand": "Temperature", "value": value}])
            for at, value in sorted(self.hot.items(), reverse=True)
        ]
        return [NewestReadings(N1, 1, NORTH, None, "Europe/Berlin", samples)]

    async def over(self, *_: Any, **__: Any) -> tuple[int, list[NewestReadings]]:
        """Return the same."""
        return 1, await self.newest()


@dataclass
class AtWork:
    """A station of north, a rule of the operator's about its temperature."""

    database: Database
    clock: SetClock
    heat: Heat
    read: int = 0

    async def rule(self, **changes: Any) -> Rule:
        """Make the rule."""
        usual: dict[str, Any] = {"organisation": OPERATOR, "name": "Hot", "conditions": (HOT,)}
        async with self.database.unit_of_work() as db:
            return await ruling.set_rule(
                db, Rule(**(usual | changes)), by=HELEN, now=self.clock.now()
            )

    async def measures(self, value: int) -> None:
        """Let a temperature be measured, the rules come round, and what changed be read."""
        self.heat.hot[self.clock.now()] = value
        await ruling.rounds(self.database, self.clock)()
        await self.hear()

    async def hear(self) -> None:
        """Let the readers take what was told."""
        async with self.database.unit_of_work() as db:
            rows = await db.execute(
                text(
                    "select id, payload from journal where kind = 'alert_changed'"
                    " and id > :read order by id"
                ),
                {"read": self.read},
            )
            found = []
            for number, payload in rows:
                self.read = number
                event = event_from(AlertChanged.kind, payload)
                found.append(Delivery(number, event, self.clock.now()))
            await rule_deeds.subscription(self.clock).handle(db, found)
            await ticket_rounds.subscription(self.clock).handle(db, found)

    async def again(self) -> None:
        """Let what was met be over, and be met again."""
        self.clock.advance(timedelta(minutes=1))
        await self.measures(20)
        self.clock.advance(timedelta(hours=1))
        async with self.database.unit_of_work() as db:
            await raising.settle(db, now=self.clock.now())
        await self.hear()
        await self.measures(75)

    async def asked(self) -> list[tuple[str, dict[str, Any], str | None]]:
        """What was asked of the station."""
        found = await Aid(self.database, self.clock).asked()
        return [(each.action, dict(each.payload), each.reference) for each in found]

    async def deeds(self) -> list[RuleDeed]:
        """What stands on file."""
        async with self.database.unit_of_work() as db:
            faults = await db.scalars(text("select id from alert_faults"))
            return await rule_deeds.deeds_of(db, list(faults))


@pytest.fixture
async def at_work(database: Database, clock: SetClock) -> AtWork:
    raising.join_sites(database, Registered())
    raising.join_silences(database, Windows())
    heat = Heat()
    ruling.join(database, heat)
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await db.execute(text("update stations set ocpp_version = 'ocpp1.6'"))
    await connect(database, N1)
    return AtWork(database, clock, heat)


async def test_7_4_a_rules_step_rests_on_the_rule_which_its_command_names(
    at_work: AtWork,
) -> None:
    rule = await at_work.rule(step=Step.OUT_OF_SERVICE, step_hours=2)
    await at_work.measures(75)
    at_work.clock.advance(timedelta(minutes=1))
    await at_work.measures(80)
    [(action, payload, reference)] = await at_work.asked()
    assert action == "ChangeAvailability"
    assert payload == {"connectorId": 1, "type": "Inoperative"}
    assert reference == f"rule {rule.id}/alert 1"
    async with at_work.database.unit_of_work() as db:
        ends_at = await db.scalar(text("select set_back_at from commands"))
    assert ends_at == at_work.clock.now() - timedelta(minutes=1) + timedelta(hours=2)
    [deed] = await at_work.deeds()
    assert (deed.rule, deed.step, deed.refused) == (rule.id, Step.OUT_OF_SERVICE, None)


async def test_an_alert_that_is_told_again_has_nothing_done_twice(at_work: AtWork) -> None:
    await at_work.rule(step=Step.TRIGGER)
    await at_work.measures(75)
    async with at_work.database.unit_of_work() as db:
        await rule_deeds.act(db, 1, now=at_work.clock.now())
    assert len(await at_work.deeds()) == len(await at_work.asked()) == 1


async def test_a_session_is_ended_by_no_rule_but_the_station_may_be_put_out_of_service_after_it(
    at_work: AtWork,
) -> None:
    await Aid(at_work.database, at_work.clock).execute(SESSION, at=at_work.clock.now())
    await at_work.rule(name="Restart", step=Step.SOFT_RESET)
    await at_work.rule(name="Out", step=Step.OUT_OF_SERVICE)
    await at_work.measures(75)
    assert [each.refused for each in await at_work.deeds()] == [Refusal.SESSION, None]
    assert [each[0] for each in await at_work.asked()] == ["ChangeAvailability"]


async def test_a_station_gets_only_so_many_steps_of_rules_a_day(at_work: AtWork) -> None:
    await at_work.rule(step=Step.TRIGGER, steps_per_day=2)
    await at_work.measures(75)
    await at_work.again()
    await at_work.again()
    assert [each.refused for each in await at_work.deeds()] == [None, None, Refusal.BUDGET]


async def test_what_cannot_be_done_stays_on_file_with_its_reason_and_is_not_done_later(
    at_work: AtWork,
) -> None:
    await at_work.rule(step=Step.TRIGGER)
    await Aid(at_work.database, at_work.clock).execute(
        "update station_connections set closed_at = now()"
    )
    await at_work.measures(75)
    await Aid(at_work.database, at_work.clock).execute(
        "update station_connections set closed_at = null"
    )
    at_work.clock.advance(timedelta(minutes=1))
    await at_work.measures(76)
    assert [each.refused for each in await at_work.deeds()] == [Refusal.CONNECTION]
    assert await at_work.asked() == []


async def test_a_window_keeps_rules_away(at_work: AtWork) -> None:
    await at_work.rule(step=Step.TRIGGER)
    await at_work.measures(75)
    now = at_work.clock.now()
    async with at_work.database.unit_of_work() as db:
        plan = Plan(starts_at=now, ends_at=now + timedelta(hours=3))
        await maintenance_store.plan_window(db, N1, NORTH, plan, evses=(1,), by=HELEN, now=now)
    await at_work.again()
    assert len(await at_work.deeds()) == 1  # nothing was raised: nothing is done


async def test_a_rule_opens_a_ticket_once_for_its_alert(at_work: AtWork) -> None:
    await at_work.rule(opens_ticket=True)
    await at_work.measures(75)
    at_work.clock.advance(timedelta(minutes=1))
    await at_work.measures(76)
    async with at_work.database.unit_of_work() as db:
        rows = (await db.execute(text("select alert_id, station, state from tickets"))).all()
    assert [tuple(each) for each in rows] == [(1, N1, "open")]


async def test_a_rule_without_deeds_only_raises_its_alert(at_work: AtWork) -> None:
    await at_work.rule()
    await at_work.measures(75)
    async with at_work.database.unit_of_work() as db:
        [line] = await alerting.alerts(db, WHOLE)
        assert line.alert.detection is Detection.RULE
        assert await db.scalar(text("select count(*) from tickets")) == 0
    assert await at_work.deeds() == []


async def test_when_it_fired_is_read_with_where_and_how_long(at_work: AtWork) -> None:
    rule = await at_work.rule()
    await at_work.measures(75)
    await at_work.again()
    async with at_work.database.unit_of_work() as db:
        newest, oldest = await ruling.firings(db, WHOLE, rule)
        assert (newest.station, newest.evse_id, newest.ended_at) == (N1, 1, None)
        assert oldest.ended_at is not None
        assert (oldest.measured, oldest.alert) == ("temperature_c 75", 1)
        since = at_work.clock.now() - timedelta(days=7)
        assert await ruling.fired(db, [rule], since=since) == {rule.id: (2, newest.fired_at)}
        result = await ruling.rehearse(db, WHOLE, rule, now=at_work.clock.now())
        assert [each.fired_at for each in result.fired] == [oldest.fired_at]


async def test_a_rule_looks_at_its_group_which_stays_while_it_does(at_work: AtWork) -> None:
    now = at_work.clock.now()
    async with at_work.database.unit_of_work() as db:
        wanted = Group(0, OPERATOR, "Others", (Point(N1, 2),))
        group = await set_group(db, wanted, by=HELEN, now=now)
    rule = await at_work.rule(group=group.id)
    await at_work.measures(75)
    async with at_work.database.unit_of_work() as db:
        assert await ruling.firings(db, WHOLE, rule) == []
        with pytest.raises(GroupInUse, match="Hot"):
            await remove_group(db, group.id)
        await set_group(db, replace(group, points=(Point(N1),)), by=HELEN, now=now)
    await at_work.measures(75)
    async with at_work.database.unit_of_work() as db:
        assert len(await ruling.firings(db, WHOLE, rule)) == 1
        with pytest.raises(ruling.NoSuchGroup):
            await ruling.set_rule(db, replace(rule, group=group.id + 1), by=HELEN, now=now)
        await ruling.remove_rule(db, rule.id, by=HELEN, now=now)
        await remove_group(db, group.id)


def test_it_reads_what_alerts_tell() -> None:
    assert {rule_deeds.READER, first_aiding.READER} <= set(ROUTES[AlertChanged.kind])
