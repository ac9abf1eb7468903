"""The rules of orders, support and interventions, each row by its name.

The rows are listed in docs/rules.md; what a row decides is tried here in its shortest form, and in
full where the decision is made.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from accounts import api_keys, directory, passwords
from accounts.directory import WHOLE
from app.__main__ import main
from billing.closing import Closing
from billing.packages import maintenance_due_on
from csms import outcomes
from csms.connectivity import SilenceLimits
from csms.queue import (
    AVAILABILITY_ENDS_AFTER,
    CommandState,
    OrderNeeded,
    StationUnreachable,
    needs_order,
)
from csms.registers import Registers
from foundation.clock import SetClock
from foundation.errors import InvalidInput
from foundation.mqtt import Message, Received
from foundation.sealing import Sealer
from foundation.settings import Settings
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours, deadlines
from portal.api.models import iso
from portal.application import create_application
from portal.context import PortalContext
from portal.feed_commands import Requests
from portal.limits import Limits
from roaming.handlers import Reimbursement
from support import change_orders
from support.interventions import (
    Cover,
    CoverDecision,
    CoverUndecided,
    DispatchPackage,
    Documentation,
    MainOutcome,
    NotDocumented,
    SecondPersonNeeded,
    check_closing,
    check_dispatch,
    decide_cover,
)
from support.orders import Confirmer, OrderState, Refusal, WrittenOrderMissing
from tests.support.conftest import HELEN, N1, N2, NORTH, OPERATOR
from tests.support.office import CHANGE, INTERVAL, MAIL, STAFF, Office, opened, routed

OFF = {"connectorId": 1, "type": "Inoperative"}


@pytest.fixture
async def office(database_url: str, clock: SetClock) -> AsyncIterator[Office]:
    database = routed(database_url)
    yield await opened(database, clock)
    await database.close()


async def drafted(office: Office) -> change_orders.ChangeOrder:
    async with office.database.unit_of_work() as db:
        return await change_orders.draft(
            db, WHOLE, [N1], [CHANGE], title="Heartbeat", by=HELEN, now=office.clock.now()
        )


# ------------------------------------------------------------------------------ rows of 7.4


async def test_support_can_change_on_request_but_never_by_phone(office: Office) -> None:
    """An agent drafts from a call; only the written order makes it one."""
    draft = await drafted(office)
    with pytest.raises(OrderNeeded):
        await office.ask(str(draft.id))
    async with office.database.unit_of_work() as db:
        with pytest.raises(WrittenOrderMissing):
            await change_orders.confirm(db, draft.id, STAFF, None, by=HELEN, now=office.clock.now())
    async with office.database.unit_of_work() as db:
        order = await change_orders.confirm(
            db, draft.id, STAFF, MAIL, by=HELEN, now=office.clock.now()
        )
    assert (await office.ask(order.number)).change_order == order.number
    own = Confirmer(NORTH, may_confirm=True, may_write=False)
    second = await drafted(office)
    async with office.database.unit_of_work() as db:
        await change_orders.confirm(db, second.id, own, None, by=HELEN, now=office.clock.now())


@pytest.mark.parametrize(
    "action",
    [
        "ChangeConfiguration",
        "SetVariables",
        "SendLocalList",
        "SetChargingProfile",
        "ClearChargingProfile",
        "UpdateFirmware",
        "SignedUpdateFirmware",
        "SetNetworkProfile",
        "InstallCertificate",
        "SetDefaultTariff",
        "DataTransfer",
        "AnythingNew",
    ],
)
def test_which_commands_count_as_configuration(action: str) -> None:
    """Tariff, access, firmware, profile and network do; whatever nobody named does, too."""
    assert needs_order(action, {}, acts_for_own=False)
    assert not needs_order(action, {}, acts_for_own=True)


@pytest.mark.parametrize(
    "action",
    [
        "ClearCache",
        "Reset",
        "UnlockConnector",
        "RemoteStartTransaction",
        "RequestStartTransaction",
        "RemoteStopTransaction",
        "RequestStopTransaction",
        "GetDiagnostics",
        "GetLog",
        "GetConfiguration",
        "GetVariables",
        "TriggerMessage",
        "CancelReservation",
    ],
)
def test_which_commands_count_as_configuration_and_which_do_not(action: str) -> None:
    assert not needs_order(action, {}, acts_for_own=False)


async def test_what_the_system_sends_by_itself(office: Office) -> None:
    """It rests on the setting that somebody of the owner switched on, which it names."""
    command = await office.ask(
        action="SendLocalList",
        payload={"listVersion": 1, "updateType": "Full", "localAuthorizationList": []},
        door="system",
        asked_by="system",
        asked_by_name="Leitstand",
        reason="system",
        reference="setting/local-list/north",
        is_authorised=False,
    )
    assert (command.door, command.reference) == ("system", "setting/local-list/north")


async def test_availability(office: Office) -> None:
    """On a call with an end, a day unless said; without an end only by written order."""
    now = office.clock.now()
    call = await office.ask(action="ChangeAvailability", payload=OFF)
    assert call.set_back_at == now + AVAILABILITY_ENDS_AFTER == now + timedelta(hours=24)
    shorter = await office.ask(action="ChangeAvailability", payload=OFF, ends_in_s=3600)
    assert shorter.set_back_at == now + timedelta(hours=1)
    item = replace(CHANGE, action="ChangeAvailability", payload=OFF)
    order = await office.order(items=[item])
    for_good = await office.ask(order.number, action="ChangeAvailability", payload=OFF)
    assert for_good.set_back_at is None
    assert needs_order("ChangeAvailability", OFF, acts_for_own=False, has_end=False)
    back = {**OFF, "type": "Operative"}
    assert not needs_order("ChangeAvailability", back, acts_for_own=False, has_end=False)


async def test_during_a_call(office: Office) -> None:
    """Only a mail that asks for the written order is sent; a draft has no number, no effect."""
    draft = await drafted(office)
    async with office.database.unit_of_work() as db:
        asked = await office.correspondence.ask_for_order(
            db, draft.id, by=HELEN, now=office.clock.now()
        )
    assert (asked.number, asked.state) == (None, OrderState.REQUESTED)
    assert [each.recipient for each in await office.mails()] == ["leitung@nord.example"]
    with pytest.raises(OrderNeeded) as refused:
        await office.ask(str(draft.id))
    assert str(refused.value) == Refusal.NOT_CONFIRMED
    async with office.database.unit_of_work() as db:
        assert await outcomes.commands(db, WHOLE) == []


async def test_stops(office: Office) -> None:
    """Never replayed after an outage, except one bound to a transaction that still runs."""
    stop: dict[str, Any] = {
        "action": "RemoteStopTransaction",
        "payload": {"transactionId": 7},
    }
    with pytest.raises(InvalidInput):
        await office.ask(**stop, when_offline="queue")
    with pytest.raises(StationUnreachable):
        await office.ask(**stop, when_offline="refuse")
    bound = await office.ask(**stop, when_offline="refuse", until_ended=True)
    assert (bound.until_ended, bound.state) == (True, CommandState.QUEUED)
    for start in ("RemoteStartTransaction", "ReserveNow"):
        with pytest.raises(InvalidInput):
            await office.ask(action=start, payload=_valid(start), when_offline="queue")


def _valid(action: str) -> dict[str, Any]:
    if action == "ReserveNow":
        return {
            "connectorId": 1,
            "expiryDate": "2026-10-15T13:00:00Z",
            "idTag": "04A2",
            "reservationId": 1,
        }
    return {"idTag": "04A2"}


async def test_station_not_connected(office: Office) -> None:
    """Refused at once, never queued silently; "send when back" is said, and has an expiry."""
    reset: dict[str, Any] = {"action": "Reset", "payload": {"type": "Soft"}}
    with pytest.raises(StationUnreachable):
        await office.ask(**reset, when_offline="refuse")
    waits = await office.ask(**reset, expires_in_s=600)
    assert waits.expires_at == office.clock.now() + timedelta(seconds=600)
    # A refusal uses no order up.
    order = await office.order()
    with pytest.raises(StationUnreachable):
        await office.ask(order.number, when_offline="refuse")
    assert (await office.read(order)).executions == ()


def test_warranty_decision_before_the_job() -> None:
    """Decided with a reason before the dispatch; afterwards only with a second person."""
    package = DispatchPackage(Decimal("49.1"), Decimal("9.2"), "contactor sticks", "Mr Frey")
    with pytest.raises(CoverUndecided):
        check_dispatch(package, None)
    with pytest.raises(InvalidInput):
        decide_cover(CoverDecision(Cover.WARRANTY, "", "a"), is_dispatched=False, before=None)
    warranty = CoverDecision(Cover.WARRANTY, "three months old", "a")
    check_dispatch(package, decide_cover(warranty, is_dispatched=False, before=None))
    other = CoverDecision(Cover.CHARGEABLE, "vandalism", "a")
    for himself in (other, replace(other, second="a")):
        with pytest.raises(SecondPersonNeeded):
            decide_cover(himself, is_dispatched=True, before=warranty)
    assert decide_cover(replace(other, second="b"), is_dispatched=True, before=warranty)


@pytest.mark.parametrize("missing", ["latitude", "longitude", "fault_analysis", "contact"])
def test_dispatch_package(missing: str) -> None:
    """Coordinates, fault analysis and contact are mandatory."""
    cover = CoverDecision(Cover.GUARANTEE, "maker agreed", "a")
    whole = DispatchPackage(Decimal("49.1"), Decimal("9.2"), "contactor sticks", "Mr Frey")
    check_dispatch(whole, cover)
    empty: Any = None if missing in ("latitude", "longitude") else ""
    with pytest.raises(InvalidInput) as caught:
        check_dispatch(replace(whole, **{missing: empty}), cover)
    assert caught.value.field == missing


def test_outcome() -> None:
    """One main outcome; a foreign source only with consent; both document before closing."""
    done = Documentation([MainOutcome.PARTS_REPLACED], by_technician="done", by_agent="seen")
    assert check_closing(done) is MainOutcome.PARTS_REPLACED
    for kinds in ([], list(MainOutcome)[:2], [MainOutcome.FOREIGN_SOURCE_REMOVED]):
        with pytest.raises(InvalidInput):
            check_closing(replace(done, main_outcomes=kinds))
    for unwritten in (replace(done, by_technician=None), replace(done, by_agent=None)):
        with pytest.raises(NotDocumented):
            check_closing(unwritten)


def test_intervention_times() -> None:
    """Shipped: remote 4 h, answer on the next working day, on site within 5 working days."""
    friday_noon = datetime(2026, 10, 16, 10, tzinfo=UTC)
    found = deadlines(SHIPPED_LEVEL, BusinessHours("Europe/Berlin"), friday_noon)
    assert found.remote_at == friday_noon + timedelta(hours=4)
    assert found.answer_at.date() == date(2026, 10, 19)
    assert found.on_site_at.date() == date(2026, 10, 23)


def test_yearly_maintenance() -> None:
    """Due twelve months after the last."""
    assert maintenance_due_on(date(2026, 10, 15)) == date(2027, 10, 15)


# ------------------------------------------------------------------------------ the four doors


def _portal(office: Office) -> httpx.AsyncClient:
    context = PortalContext(
        database=office.database,
        clock=office.clock,
        settings=Settings(),
        closing=Closing(Registers(), Reimbursement()),
        sealer=Sealer(bytes(32)),
        mails=office.correspondence.mails,
    )
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_application(context)), base_url="http://localhost"
    )


async def _connect(office: Office) -> None:
    """Let N-1 be connected to some node: no lack of a connection shall hide a lack of an order."""
    async with office.database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('n1', now(), now() + interval '1 hour')"
            )
        )
        await db.execute(
            text(
                "insert into station_connections (station, node, epoch, version, connected_at,"
                " last_heard_at, silence) values ('N-1', 'n1', 1, 'ocpp1.6', now(), now(),"
                " 'online')"
            )
        )


async def _key(office: Office) -> str:
    async with office.database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            role="administrator",
            name="the operator's administrator",
            organisation_key=OPERATOR,
            now=office.clock.now(),
        )
    return key


async def by_api(office: Office, order: str | None) -> bool:
    body = {"action": "ChangeConfiguration", "payload": INTERVAL, "change_order": order}
    async with _portal(office) as client:
        answer = await client.post(
            f"/api/v1/stations/{N1}/commands",
            json={name: value for name, value in body.items() if value is not None},
            headers={"authorization": f"Bearer {await _key(office)}"},
        )
    if answer.status_code == 403:
        assert answer.json()["code"] == "change_order_needed"
    return answer.status_code == 202


async def by_portal(office: Office, order: str | None) -> bool:
    async with office.database.unit_of_work() as db:
        await directory.create_person(
            db,
            f"admin{order}",
            {"roles": ["administrator"], "name": "Admin"},
            password_hash=await passwords.hashed("correct horse battery"),
            now=office.clock.now(),
        )
    async with _portal(office) as browser:

        def token(html: str) -> str:
            return html.partition('name="csrf" value="')[2].partition('"')[0]

        form = (await browser.get("/sign-in")).text
        signed_in = await browser.post(
            "/sign-in",
            data={
                "name": f"admin{order}",
                "password": "correct horse battery",
                "csrf": token(form),
            },
        )
        assert signed_in.status_code == 303, signed_in.text
        page = (await browser.get(f"/stations/{N1}/commands")).text
        pressed = {
            "csrf": token(page),
            "place": "station",
            "do": "change_configuration",
            "variable": INTERVAL["key"],
            "value": INTERVAL["value"],
        }
        answers = [
            await browser.post(path, data=pressed | ({"change_order": order} if order else {}))
            for path in (f"/stations/{N1}/commands", f"/support/stations/{N1}/commands")[
                : 1 if order else 2
            ]
        ]
    assert {each.status_code for each in answers} <= {303, 409}
    return any(each.status_code == 303 for each in answers)


async def by_mqtt(office: Office, order: str | None) -> bool:
    _, prefix, secret = (await _key(office)).split("_", 2)
    topic = f"leitstand/v1/{NORTH}/stations/{N1}/commands/request"
    request = json.dumps(
        {"action": "ChangeConfiguration", "payload": INTERVAL}
        | ({"change_order": order} if order else {})
    )
    at = iso(office.clock.now())
    said = {"key": prefix, "id": f"q{order}", "at": at, "request": request}
    signed = f"{topic}\n{said['id']}\n{at}\n{request}".encode()
    said["signature"] = hmac.new(
        hashlib.sha256(secret.encode()).digest(), signed, hashlib.sha256
    ).hexdigest()
    heard: asyncio.Queue[Message] = asyncio.Queue()

    class Listener:
        """The far end of the connection to the broker."""

        async def publish(self, messages: list[Message]) -> None:
            for each in messages:
                heard.put_nowait(each)

    requests = Requests(office.database, office.clock, SilenceLimits(), Limits())
    requests.take(Received(topic, json.dumps(said).encode()))
    answering = asyncio.ensure_future(requests.answer(Listener()))  # type: ignore[arg-type]  # noqa: TID251
    try:
        async with asyncio.timeout(60):
            answer = json.loads((await heard.get()).payload)
    finally:
        answering.cancel()
    if "status" in answer:
        assert answer["code"] == "change_order_needed"
    return bool(answer.get("state") == "queued")


async def by_cli(office: Office, order: str | None) -> bool:
    arguments = ["station", "command", N1, "ChangeConfiguration", json.dumps(INTERVAL)]
    if order is not None:
        arguments += ["--change-order", order]
    status = await asyncio.to_thread(main, arguments)
    return status == 0


@pytest.mark.parametrize("door", [by_portal, by_api, by_mqtt, by_cli])
async def test_no_door_changes_a_configuration_without_a_written_order(
    office: Office, door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor by a draft, nor by an order for something else; by the order itself every door does."""
    monkeypatch.setenv("LEITSTAND_DATABASE_URL", office.database.url)
    await _connect(office)
    draft = await drafted(office)
    lasts: dict[str, Any] = {
        "valid_to": datetime(2100, 1, 1, tzinfo=UTC)
    }  # the command line has its own clock
    elsewhere = await office.order(stations=[N2], **lasts)
    item = replace(CHANGE, payload={**INTERVAL, "value": "601"})
    other = await office.order(items=[item], **lasts)
    for order in (None, str(draft.id), elsewhere.number, other.number, "CO-999999"):
        assert not await door(office, order), order
    async with office.database.unit_of_work() as db:
        assert await outcomes.commands(db, WHOLE) == []
    right = await office.order(**lasts)
    assert await door(office, right.number)
    async with office.database.unit_of_work() as db:
        [command] = await outcomes.commands(db, WHOLE)
    assert command.change_order == right.number
