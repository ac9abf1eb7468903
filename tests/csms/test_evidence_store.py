"""What is known of a station: rows to facts. (The judgement by them is `test_evidence`.)"""

from datetime import timedelta

from sqlalchemy import text

from csms import evidence_store, open_commands, store
from csms.evidence import Facts
from foundation import outbox
from foundation.database import Database
from foundation.events import ConnectorStatusChanged, StationBooted
from foundation.identifiers import ConnectorId, EvseId, StationId
from tests.csms.test_command_store import claim
from tests.csms.test_remote import NOW, STATION, ask, furnish

LATER = NOW + timedelta(seconds=5)


async def facts(database: Database, *messages: str) -> Facts:
    async with database.unit_of_work() as db:
        await db.execute(text("update commands set state = 'accepted'"))
        waiting = await open_commands.waiting_for_evidence(db, [STATION])
        found = await evidence_store.facts(db, waiting, set(messages))
    return found[STATION]


async def test_boot_firmware_and_connectors_are_known(database: Database) -> None:
    await furnish(database)
    await ask(database, "Reset", {"type": "Soft"})
    await claim(database)
    async with database.unit_of_work() as db:
        await db.execute(text("update stations set booted_at = :t, firmware = '2'"), {"t": LATER})
        await db.execute(
            text("insert into evses (station, evse_id) values (:s, 1)"), {"s": STATION}
        )
        await db.execute(
            text(
                "insert into connectors (station, evse_id, connector_id, status,"
                " status_received_at) values (:s, 1, 1, 'Available', :t)"
            ),
            {"s": STATION, "t": LATER},
        )
    found = await facts(database)
    assert (found.booted_at, found.firmware) == (LATER, "2")
    [plug] = found.connectors
    assert (plug.evse_id, plug.status, plug.reported_at) == (1, "Available", LATER)
    assert (found.transactions, found.came) == ([], [])


async def test_boots_are_known_with_their_reasons_to_whom_a_reset_was_sent(
    database: Database,
) -> None:
    await furnish(database)
    told = [
        StationBooted(
            happened_at=at,
            station=StationId(STATION),
            vendor="V",
            model="M",
            firmware=None,
            reason=reason,
        )
        for at, reason in ((NOW - timedelta(days=1), None), (LATER, "Triggered"), (LATER, None))
    ]
    async with database.unit_of_work() as db:
        for each in told:
            await outbox.append(db, [each], recorded_at=each.happened_at)
    await ask(database, "Reset", {"type": "Soft"})
    await claim(database)
    found = (await facts(database)).boots
    assert [(each.at, each.reason) for each in found] == [(LATER, "Triggered"), (LATER, None)]


async def test_an_unlock_is_told_when_its_connector_became_free(database: Database) -> None:
    await furnish(database)
    await ask(database, "UnlockConnector", {"connectorId": 1})
    await claim(database)
    async with database.unit_of_work() as db:
        await store.ensure_connectors(db, [(STATION, 1, 1), (STATION, 2, 1)])
        for evse_id, status in ((1, "Available"), (2, "Available"), (1, "Occupied")):
            changed = ConnectorStatusChanged(
                happened_at=LATER,
                station=StationId(STATION),
                evse_id=EvseId(evse_id),
                connector_id=ConnectorId(1),
                status=status,
                charging_state=None,
            )
            await outbox.append(db, [changed], recorded_at=LATER)
    found = (await facts(database)).connectors
    assert {each.evse_id: each.freed_at for each in found} == {1: LATER, 2: None}


async def test_messages_are_found_in_the_log_by_their_action(database: Database) -> None:
    await furnish(database)
    await ask(database, "TriggerMessage", {"requestedMessage": "Heartbeat"})
    await claim(database)
    lines = (
        (LATER, "in", '[2,"1","Heartbeat",{}]'),
        (LATER, "in", ' [ 2 , "2", "StatusNotification", {"status": "Available"}]'),
        (LATER, "in", '[2,"3","DataTransfer",{"data":"\\"Heartbeat\\""}]'),
        (LATER, "out", '[2,"4","Heartbeat",{}]'),
        (NOW - timedelta(seconds=1), "in", '[2,"5","Heartbeat",{}]'),
        (LATER, "in", '[2,"6","Heartbeat",{'),
    )
    async with database.unit_of_work() as db:
        for at, direction, raw in lines:
            await db.execute(
                text(
                    "insert into frames (station, at, direction, epoch, raw)"
                    " values (:s, :t, :d, 3, :r)"
                ),
                {"s": STATION, "t": at, "d": direction, "r": raw},
            )
    [came] = (await facts(database, "Heartbeat")).came
    assert (came.action, came.at, came.payload) == ("Heartbeat", LATER, {})
    [other] = (await facts(database, "StatusNotification")).came
    assert other.payload == {"status": "Available"}
    assert (await facts(database)).came == []
