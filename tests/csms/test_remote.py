"""The face of the queue: who may ask for what, once, and how it is waited for."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Scope
from csms import administration, outcomes, remote
from csms.administration import StationSettings
from csms.queue import (
    Command,
    CommandIsUnderWay,
    CommandState,
    HarmfulCommand,
    KeyUsedForOther,
    OrderNeeded,
    StationUnreachable,
    TooManyInFlight,
)
from csms.reports import OcppVersion
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.asking import request
from tests.csms.central import OWNER

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
RESET = ("Reset", {"type": "Soft"})
CHANGE = ("ChangeConfiguration", {"key": "A", "value": "1"})
STATION = "CS-1"


async def furnish(database: Database, *, version: str = "ocpp1.6", closed: bool = False) -> None:
    """A station of the owner with a connection of a node that lives."""
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="root",
            name="Operator",
            time_zone="UTC",
            currency="EUR",
            country="DE",
            language="en",
            now=NOW,
        )
        await directory.create_organisation(db, OWNER, {"name": "Owner"}, now=NOW)
        await administration.create_station(
            db, STATION, OWNER, StationSettings(), password=None, time_zone="UTC", now=NOW
        )
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('n1', now(), now() + interval '1 hour')"
            )
        )
        await db.execute(
            text(
                "insert into station_connections (station, node, epoch, version, connected_at,"
                " last_heard_at, silence, closed_at) values (:s, 'n1', 3, :v, now(), now(),"
                " 'online', case when :closed then now() end)"
            ),
            {"s": STATION, "v": version, "closed": closed},
        )


async def ask(
    database: Database, action: str, payload: Mapping[str, Any], **changed: Any
) -> Command:
    async with database.unit_of_work() as db:
        return await remote.ask(db, request(STATION, action, payload, **changed), now=NOW)


async def test_what_is_asked_is_durable_and_has_its_history(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET, reason="call", reference="call/7", priority=3)
    async with database.unit_of_work() as db:
        kept = await outcomes.command(db, made.id, WHOLE)
        events = (await db.execute(text("select kind, payload->>'state' from journal"))).all()
    assert kept == made
    assert (kept.state, kept.owner, kept.version) == (CommandState.QUEUED, OWNER, "1.6")
    assert [each.state for each in kept.transitions] == [CommandState.QUEUED]
    assert events == [("command_changed", "queued")]


async def test_an_unknown_station_is_not_found(database: Database) -> None:
    await furnish(database)
    async with database.unit_of_work() as db:
        with pytest.raises(NotFound):
            await remote.ask(db, request("CS-9", *RESET), now=NOW)


async def test_no_connection_is_refused_at_once_and_nothing_is_kept(database: Database) -> None:
    await furnish(database, closed=True)
    with pytest.raises(StationUnreachable):
        await ask(database, *RESET)
    async with database.unit_of_work() as db:
        assert await outcomes.commands(db, WHOLE) == []
    waits = await ask(database, *RESET, when_offline="queue", expires_in_s=60)
    assert waits.expires_at == NOW + timedelta(seconds=60)


async def test_a_node_whose_lease_is_over_holds_no_connection(database: Database) -> None:
    await furnish(database)
    async with database.unit_of_work() as db:
        await db.execute(text("update nodes set lease_until = now() - interval '1 second'"))
    with pytest.raises(StationUnreachable):
        await ask(database, *RESET)


@pytest.mark.parametrize(
    ("action", "payload", "changed", "field"),
    [
        ("Reset", {"type": "Gently"}, {}, "$.type"),
        ("Heartbeat", {}, {}, "action"),
        ("Reset", {"type": "Soft"}, {"expires_in_s": 0}, "expires_in_s"),
        ("Reset", {"type": "Soft"}, {"expires_in_s": 8 * 24 * 3600}, "expires_in_s"),
        ("Reset", {"type": "Soft"}, {"priority": 101}, "priority"),
        ("Reset", {"type": "Soft"}, {"until_ended": True}, "until_ended"),
        ("Reset", {"type": "Soft"}, {"ends_in_s": 60}, "ends_in_s"),
        ("RemoteStartTransaction", {"idTag": "A"}, {"when_offline": "queue"}, "when_offline"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_its_place(
    database: Database,
    action: str,
    payload: dict[str, Any],
    changed: dict[str, Any],
    field: str,
) -> None:
    await furnish(database)
    with pytest.raises(InvalidInput) as refusal:
        await ask(database, action, payload, **changed)
    assert refusal.value.field == field


async def test_raw_leaves_the_schema_out_and_not_the_order(database: Database) -> None:
    await furnish(database)
    await ask(database, "Reset", {"type": "Gently"}, raw=True)
    with pytest.raises(OrderNeeded):
        await ask(database, "ChangeConfiguration", {}, raw=True, is_authorised=False)


# ------------------------------------------------------------------------------------ orders


class Orders:
    """Knows one order, for one key."""

    async def permits(
        self,
        db: AsyncSession,
        order: str,
        *,
        station: StationId,
        action: str,
        payload: Mapping[str, Any],
        now: datetime,
    ) -> str | None:
        if (order, station, payload.get("key")) == ("CO-1", STATION, "A"):
            return None
        return "The order is about something else."


async def test_what_harms_a_make_is_refused_unless_an_expert_sends_it_raw(
    database: Database,
) -> None:
    await furnish(database)
    async with database.unit_of_work() as db:
        await db.execute(
            text("update stations set vendor = 'ABB', model = 'Terra AC', firmware = '1.8.21'")
        )
    with pytest.raises(HarmfulCommand, match="lbbrhzn"):
        await ask(database, "GetConfiguration", {})
    async with database.unit_of_work() as db:
        assert await outcomes.commands(db, WHOLE) == []
    made = await ask(database, "GetConfiguration", {}, raw=True)
    assert made.state is CommandState.QUEUED
    async with database.unit_of_work() as db:
        await db.execute(text("update stations set firmware = '1.8.22'"))
    await ask(database, "GetConfiguration", {})


async def test_what_changes_a_station_of_another_needs_an_order(database: Database) -> None:
    """Rule: support never takes a change of configuration by phone."""
    await furnish(database)
    remote.join(database, orders=Orders())
    other: dict[str, Any] = {"asker_organisation": OrganisationKey("root")}
    with pytest.raises(OrderNeeded):
        await ask(database, *CHANGE, **other)
    with pytest.raises(OrderNeeded, match="something else"):
        await ask(database, "ChangeConfiguration", {"key": "B", "value": "1"}, change_order="CO-1")
    assert (await ask(database, *CHANGE, **other, change_order="CO-1")).change_order == "CO-1"
    assert (await ask(database, *CHANGE)).change_order is None
    with pytest.raises(OrderNeeded):
        await ask(database, *CHANGE, is_authorised=False)


async def test_without_anybody_who_knows_orders_nothing_is_permitted(database: Database) -> None:
    await furnish(database)
    with pytest.raises(OrderNeeded):
        await ask(database, *CHANGE, is_authorised=False, change_order="CO-1")


async def test_the_program_itself_rests_on_the_setting_that_it_names(database: Database) -> None:
    await furnish(database)
    made = await ask(
        database, *CHANGE, is_authorised=False, door="system", reason="system", reference="balancer"
    )
    assert made.reference == "balancer"


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        ({"is_authorised": False}, timedelta(hours=24)),
        ({"is_authorised": False, "ends_in_s": 600}, timedelta(minutes=10)),
        ({"is_authorised": True}, None),
        ({"is_authorised": True, "ends_in_s": 600}, timedelta(minutes=10)),
    ],
)
async def test_an_availability_change_ends_by_itself_unless_its_owner_wants_it(
    database: Database, changed: dict[str, Any], ends: timedelta | None
) -> None:
    await furnish(database)
    payload = {"connectorId": 1, "type": "Inoperative"}
    made = await ask(database, "ChangeAvailability", payload, **changed)
    assert made.set_back_at == (None if ends is None else NOW + ends)


# --------------------------------------------------------------------------- once, and not too many


async def test_one_key_asks_once_and_for_one_thing(database: Database) -> None:
    await furnish(database)
    first = await ask(database, *RESET, idempotency_key="k")
    again = await ask(database, *RESET, idempotency_key="k")
    assert again.id == first.id
    with pytest.raises(KeyUsedForOther):
        await ask(database, "Reset", {"type": "Hard"}, idempotency_key="k")
    other = await ask(database, *RESET, idempotency_key="k", asked_by="key-2")
    assert other.id != first.id


async def test_two_who_come_at_once_with_one_key_get_one_command(database: Database) -> None:
    await furnish(database)
    both = await asyncio.gather(*(ask(database, *RESET, idempotency_key="k") for _ in range(2)))
    assert both[0].id == both[1].id


async def test_nobody_has_more_in_flight_than_he_may(database: Database) -> None:
    await furnish(database)
    remote.join(database, orders=None, in_flight_max=3)
    results = await asyncio.gather(
        *(ask(database, *RESET) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, TooManyInFlight) for each in results) == 2
    await ask(database, *RESET, asked_by="key-2")
    await ask(database, *RESET, reason="campaign")


async def test_the_own_node_is_called_and_another_is_notified(database: Database) -> None:
    await furnish(database)
    called: list[str] = []
    notified: list[str] = []
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as listening:
        listening.add_notify_handler(lambda each: notified.append(each.payload))
        await listening.execute("listen commands")
        remote.join_node(database, "n2", called.append)
        await ask(database, *RESET)
        await listening.execute("select 1")  # what was notified comes before the answer
        assert (called, notified) == ([], [STATION])
        remote.join_node(database, "n1", called.append)
        await ask(database, *RESET)
        await listening.execute("select 1")
        assert (called, notified) == ([STATION], [STATION])


async def test_what_a_door_learned_of_a_station_serves_only_its_next_command(
    database: Database,
) -> None:
    await furnish(database)
    remote.join(database, orders=None, in_flight_max=2)
    async with database.unit_of_work() as db:
        await remote.addressee(db, WHOLE, STATION, asked_by="key-1")
        first, second = [await remote.ask(db, request(STATION, *RESET), now=NOW) for _ in range(2)]
        assert first.id != second.id
        with pytest.raises(TooManyInFlight):
            await remote.ask(db, request(STATION, *RESET), now=NOW)
        await remote.addressee(db, WHOLE, STATION, asked_by="key-2")
        with pytest.raises(TooManyInFlight):
            await remote.ask(db, request(STATION, *RESET), now=NOW)


async def test_a_start_of_2_gets_a_number_of_ours(database: Database) -> None:
    await furnish(database, version="ocpp2.0.1")
    payload = {"idToken": {"idToken": "A", "type": "ISO14443"}}
    made = await ask(database, "RequestStartTransaction", payload, idempotency_key="k")
    assert made.remote_start_id == made.payload["remoteStartId"]
    again = await ask(database, "RequestStartTransaction", payload, idempotency_key="k")
    assert again.id == made.id
    own = await ask(database, "RequestStartTransaction", payload | {"remoteStartId": 99})
    assert own.remote_start_id == 99


# ------------------------------------------------------------------- addressing, cancelling, forms


async def test_only_a_station_in_scope_can_be_addressed(database: Database) -> None:
    await furnish(database)
    mine = Scope(frozenset({OWNER}))
    foreign = Scope(frozenset({OrganisationKey("other")}))
    async with database.unit_of_work() as db:
        assert (await remote.addressee(db, mine, STATION)).organisation == OWNER
        for scope, identity in ((foreign, STATION), (WHOLE, "CS-9")):
            with pytest.raises(NotFound):
                await remote.addressee(db, scope, identity)


async def test_only_a_queued_command_can_be_cancelled(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    async with database.unit_of_work() as db:
        await remote.cancel(db, made.id, now=NOW, note="by mistake")
        kept = await outcomes.command(db, made.id, WHOLE)
        assert (kept.state, kept.transitions[-1].note) == (CommandState.CANCELLED, "by mistake")
        with pytest.raises(CommandIsUnderWay):
            await remote.cancel(db, made.id, now=NOW)


async def test_forms_know_every_action(database: Database) -> None:
    for version in OcppVersion:
        assert "Reset" in remote.actions(version)
        assert remote.schema(version, "Reset")["title"] == "Reset"
    with pytest.raises(InvalidInput):
        remote.schema(OcppVersion.V16, "GetReport")
