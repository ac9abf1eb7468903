"""Commands over a real socket: sent once, answered, shown by evidence, whatever is lost."""

from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from csms import administration
from csms.queue import CommandState, Failure
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.csms.asking import answer, ask, becomes, nothing_more, seen, states
from tests.csms.central import CARD, Central, RawStation, eventually
from tests.csms.conftest import Starter

ACCEPTED, EFFECTIVE = CommandState.ACCEPTED, CommandState.EFFECTIVE
FAILED, REJECTED = CommandState.FAILED, CommandState.REJECTED
STATUS = {"requestedMessage": "StatusNotification", "connectorId": 1}
EXPIRED, QUEUED, SENT = CommandState.EXPIRED, CommandState.QUEUED, CommandState.SENT

EVENING_MINUTES = 480.0


@pytest.fixture
async def there(central: Central) -> RawStation:
    """A 1.6 station that booted."""
    station = await central.connect(await central.station())
    await station.boot()
    return station


async def test_a_command_without_an_observable_effect_is_effective_with_its_answer(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "ClearCache", {})
    call = await answer(there)
    assert call[2:] == ["ClearCache", {}]
    done = await becomes(central, asked, EFFECTIVE)
    assert states(done) == ["queued", "sent", "accepted", "effective"]
    assert done.answer == {"status": "Accepted"}


async def test_a_rejection_is_final(central: Central, there: RawStation) -> None:
    asked = await ask(central, there.identity, "ClearCache", {})
    await answer(there, {"status": "Rejected"})
    assert states(await becomes(central, asked, REJECTED)) == ["queued", "sent", "rejected"]


async def test_a_callerror_is_a_failure_with_its_words(central: Central, there: RawStation) -> None:
    asked = await ask(central, there.identity, "ClearCache", {})
    call = await there.next_asked()
    await there.send([4, call[1], "NotSupported", "no cache", {}])
    failed = await becomes(central, asked, FAILED)
    assert failed.failure is Failure.CALL_ERROR
    assert failed.answer == {"error_code": "NotSupported", "error_description": "no cache"}


async def test_a_start_is_effective_by_the_transaction_it_led_to(
    central: Central, there: RawStation
) -> None:
    payload = {"connectorId": 1, "idTag": CARD}
    asked = await ask(central, there.identity, "RemoteStartTransaction", payload)
    await answer(there)
    await becomes(central, asked, ACCEPTED)
    number = await there.start(EVENING_MINUTES + 1)
    done = await becomes(central, asked, EFFECTIVE)
    assert done.transaction_id == number


async def test_one_transaction_shows_one_start(central: Central, there: RawStation) -> None:
    payload = {"idTag": CARD}
    first = await ask(central, there.identity, "RemoteStartTransaction", payload)
    await answer(there)
    second = await ask(central, there.identity, "RemoteStartTransaction", payload)
    await answer(there)
    await becomes(central, second, ACCEPTED)
    await there.start(EVENING_MINUTES + 1)
    await becomes(central, first, EFFECTIVE)
    assert (await seen(central, second)).state is ACCEPTED


async def test_a_stop_is_effective_by_the_end(central: Central, there: RawStation) -> None:
    number = await there.start(EVENING_MINUTES - 60)
    asked = await ask(central, there.identity, "RemoteStopTransaction", {"transactionId": number})
    await answer(there)
    await becomes(central, asked, ACCEPTED)
    await there.stop(number, EVENING_MINUTES)
    assert (await becomes(central, asked, EFFECTIVE)).transaction_id == number


async def test_a_configuration_is_read_back(central: Central, there: RawStation) -> None:
    payload = {"key": "HeartbeatInterval", "value": "60"}
    asked = await ask(central, there.identity, "ChangeConfiguration", payload)
    await answer(there)
    entry = {"key": "HeartbeatInterval", "readonly": False, "value": "60"}
    call = await answer(there, {"configurationKey": [entry]})
    assert call[2:] == ["GetConfiguration", {"key": ["HeartbeatInterval"]}]
    await becomes(central, asked, EFFECTIVE)


async def test_a_secret_is_sent_and_never_shown(central: Central, there: RawStation) -> None:
    payload = {"key": "AuthorizationKey", "value": "a-long-password"}
    asked = await ask(central, there.identity, "ChangeConfiguration", payload)
    call = await answer(there)
    assert call[3]["value"] == "a-long-password"
    assert (await seen(central, asked)).payload["value"] == "********"
    await answer(there, {"unknownKey": ["AuthorizationKey"]})
    await becomes(central, asked, EFFECTIVE)
    said = [line["raw"] for line in await central.frames(there.identity)]
    assert not any("a-long-password" in line for line in said)
    kept = await central.rows("select concealed from commands where id = :id", id=int(asked.id))
    assert kept == [{"concealed": None}]


async def test_what_was_accepted_without_effect_fails_when_its_time_is_over(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "Reset", {"type": "Soft"})
    await answer(there)
    await becomes(central, asked, ACCEPTED)
    central.clock.at += timedelta(minutes=11)
    failed = await becomes(central, asked, FAILED)
    assert failed.failure is Failure.NO_EFFECT
    await there.boot()
    late = await becomes(central, asked, EFFECTIVE)
    assert states(late)[-2:] == ["failed", "effective"]


async def test_a_boot_that_we_asked_for_shows_no_reset(central: Central, there: RawStation) -> None:
    asked = await ask(central, there.identity, "Reset", {"type": "Soft"})
    await there.next_asked()
    await there.close()
    again = await central.connect(there.identity)
    await again.call("Heartbeat", {})
    central.clock.at += timedelta(seconds=6)
    central.system.connections.trigger_boots()
    assert (await answer(again))[3] == {"requestedMessage": "BootNotification"}
    await again.boot()
    trigger = await ask(
        central, again.identity, "TriggerMessage", {"requestedMessage": "BootNotification"}
    )
    await answer(again)
    await again.boot()
    await becomes(central, trigger, EFFECTIVE)
    assert (await seen(central, asked)).state is SENT
    central.clock.at += timedelta(seconds=1)
    await again.boot()
    await becomes(central, asked, EFFECTIVE)


async def test_a_status_told_anew_shows_no_unlock_and_a_connector_set_free_does(
    central: Central, there: RawStation
) -> None:
    await there.status("Charging", EVENING_MINUTES)
    asked = await ask(central, there.identity, "UnlockConnector", {"connectorId": 1})
    await there.next_asked()
    await there.close()
    again = await central.connect(there.identity)
    await again.boot()
    await again.status("Charging", EVENING_MINUTES + 1)
    trigger = await ask(central, again.identity, "TriggerMessage", STATUS)
    await answer(again)
    await again.status("Charging", EVENING_MINUTES + 1)
    await becomes(central, trigger, EFFECTIVE)
    assert (await seen(central, asked)).state is SENT
    await again.status("Available", EVENING_MINUTES + 2)
    await becomes(central, asked, EFFECTIVE)


async def test_unlocked_is_what_the_station_did(central: Central, there: RawStation) -> None:
    asked = await ask(central, there.identity, "UnlockConnector", {"connectorId": 1})
    await answer(there, {"status": "Unlocked"})
    assert states(await becomes(central, asked, EFFECTIVE))[-2:] == ["accepted", "effective"]


async def test_a_boot_after_a_refused_trigger_came_by_itself(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "Reset", {"type": "Soft"})
    await answer(there)
    central.system.connections.admitted(StationId(there.identity))
    await answer(there, {"status": "Rejected"})
    await there.boot()
    await becomes(central, asked, EFFECTIVE)


async def test_no_answer_is_a_failure_and_a_late_one_is_taken_into_the_history(
    start_central: Starter,
) -> None:
    async with start_central(call_timeout_s=0.1) as central:
        station = await central.connect(await central.station())
        await station.boot()
        asked = await ask(central, station.identity, "ClearCache", {})
        call = await station.next_asked()
        failed = await becomes(central, asked, FAILED)
        assert failed.failure is Failure.NO_ANSWER
        await station.send([3, call[1], {"status": "Accepted"}])
        late = await becomes(central, asked, EFFECTIVE)
        assert states(late) == ["queued", "sent", "failed", "effective"]


async def test_a_late_yes_to_a_setting_is_read_back(start_central: Starter) -> None:
    async with start_central(call_timeout_s=0.5) as central:
        station = await central.connect(await central.station())
        await station.boot()
        wanted = {"key": "HeartbeatInterval", "value": "77"}
        asked = await ask(central, station.identity, "ChangeConfiguration", wanted)
        call = await station.next_asked()
        assert (await becomes(central, asked, FAILED)).failure is Failure.NO_ANSWER
        await station.send([3, call[1], {"status": "Accepted"}])
        has = {"configurationKey": [wanted | {"readonly": False}]}
        read = await answer(station, has)
        assert read[2:] == ["GetConfiguration", {"key": ["HeartbeatInterval"]}]
        late = await becomes(central, asked, EFFECTIVE)
        assert states(late) == ["queued", "sent", "failed", "failed", "effective"]


async def test_a_secret_that_a_station_tells_is_kept_nowhere(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "GetConfiguration", {})
    told = [
        {"key": "AuthorizationKey", "readonly": False, "value": "hunter2-told"},
        {"key": "Upload", "readonly": False, "value": "ftp://a:hunter2-told@b.example"},
    ]
    await answer(there, {"configurationKey": told})
    kept = (await becomes(central, asked, EFFECTIVE)).answer
    assert kept is not None
    assert kept["configurationKey"][0]["value"] == "********"
    said = [line["raw"] for line in await central.frames(there.identity)]
    assert any("AuthorizationKey" in line for line in said)
    rows = await central.rows("select value from station_variables")
    assert "hunter2-told" not in f"{kept} {said} {rows}"


async def test_one_call_is_outstanding_and_the_urgent_goes_first(
    central: Central, there: RawStation
) -> None:
    asked = [await ask(central, there.identity, "ClearCache", {})]
    first = await there.next_asked()
    asked += [
        await ask(central, there.identity, "GetConfiguration", {"key": ["A"]}),
        await ask(central, there.identity, "GetLocalListVersion", {}, priority=5),
    ]
    await nothing_more(there)
    await there.send([3, first[1], {"status": "Accepted"}])
    urgent = await answer(there, {"listVersion": 1})
    usual = await answer(there, {"unknownKey": ["A"]})
    assert [urgent[2], usual[2]] == ["GetLocalListVersion", "GetConfiguration"]
    for each in asked:
        await becomes(central, each, EFFECTIVE)


async def test_what_is_never_replayed_waits_for_evidence_when_the_connection_is_lost(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "RemoteStartTransaction", {"idTag": CARD})
    await there.next_asked()
    await there.close()

    async def unknown() -> bool:
        found = await seen(central, asked)
        return found.transitions[-1].note is not None

    await eventually(unknown)
    again = await central.connect(there.identity)
    await again.boot()
    await nothing_more(again)
    assert (await seen(central, asked)).state is SENT
    await again.start(EVENING_MINUTES + 1)
    await becomes(central, asked, EFFECTIVE)


async def test_an_unknown_outcome_without_evidence_is_a_failure(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "RemoteStartTransaction", {"idTag": CARD})
    await there.next_asked()
    await there.close()

    async def unknown() -> bool:
        return (await seen(central, asked)).transitions[-1].note is not None

    await eventually(unknown)
    central.clock.at += timedelta(minutes=6)
    failed = await becomes(central, asked, FAILED)
    assert failed.failure is Failure.OUTCOME_UNKNOWN


async def test_what_may_be_done_twice_is_asked_again_after_the_connection_was_lost(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "ClearCache", {})
    first = await there.next_asked()
    await there.close()
    again = await central.connect(there.identity)
    await again.boot()
    second = await answer(again)
    assert second[2] == "ClearCache"
    assert second[1] != first[1]
    done = await becomes(central, asked, EFFECTIVE)
    assert states(done) == ["queued", "sent", "queued", "sent", "accepted", "effective"]
    assert done.attempts == 2


async def test_a_start_that_was_not_sent_before_the_connection_ended_expires(
    central: Central, there: RawStation
) -> None:
    await ask(central, there.identity, "ClearCache", {})
    await there.next_asked()
    asked = await ask(central, there.identity, "RemoteStartTransaction", {"idTag": CARD})
    await there.close()
    expired = await becomes(central, asked, EXPIRED)
    assert "outage" in str(expired.transitions[-1].note)


async def test_what_is_queued_waits_for_the_station_and_expires(central: Central) -> None:
    identity = await central.station()
    station = await central.connect(identity)
    await station.boot()
    await station.close()
    await central.system.connections.all_gone()
    more: dict[str, Any] = {"when_offline": "queue", "expires_in_s": 60}
    waits = await ask(central, identity, "ClearCache", {}, **(more | {"expires_in_s": 3600}))
    short = await ask(central, identity, "ClearCache", {}, **more)
    central.clock.at += timedelta(seconds=61)
    await becomes(central, short, EXPIRED)
    again = await central.connect(identity)
    await again.boot()
    await answer(again)
    await becomes(central, waits, EFFECTIVE)
    await nothing_more(again)


async def test_a_start_is_held_until_the_boot_is_accepted_and_a_trigger_is_not(
    central: Central,
) -> None:
    identity = await central.station(boot_policy="pending")
    station = await central.connect(identity)
    assert (await station.boot())["status"] == "Pending"
    held = await ask(central, identity, "RemoteStartTransaction", {"idTag": CARD})
    payload = {"requestedMessage": "Heartbeat"}
    await ask(central, identity, "TriggerMessage", payload)
    assert (await answer(station))[2] == "TriggerMessage"
    await nothing_more(station)
    assert (await seen(central, held)).state is QUEUED


async def test_a_trigger_is_effective_by_the_message_that_came(
    central: Central, there: RawStation
) -> None:
    asked = await ask(central, there.identity, "TriggerMessage", {"requestedMessage": "Heartbeat"})
    await answer(there)
    await becomes(central, asked, ACCEPTED)
    await there.call("Heartbeat", {})
    await becomes(central, asked, EFFECTIVE)


async def test_a_start_of_2_is_known_by_its_number(central: Central) -> None:
    station = await central.connect(await central.station(), OcppVersion.V201)
    await station.boot()
    payload = {"idToken": {"idToken": CARD, "type": "ISO14443"}}
    asked = await ask(central, station.identity, "RequestStartTransaction", payload)
    call = await answer(station)
    number = call[3]["remoteStartId"]
    info = {"transactionId": "tx-9", "remoteStartId": number}
    await station.event("Started", 0, EVENING_MINUTES, ref="tx-9", transactionInfo=info)
    done = await becomes(central, asked, EFFECTIVE)
    assert done.remote_start_id == number


async def test_availability_on_a_call_is_set_back_by_itself(
    central: Central, there: RawStation
) -> None:
    payload = {"connectorId": 1, "type": "Inoperative"}
    asked = await ask(
        central, there.identity, "ChangeAvailability", payload, is_authorised=False, reason="call"
    )
    assert asked.set_back_at is not None
    await answer(there)
    await there.status("Unavailable", EVENING_MINUTES + 1)
    await becomes(central, asked, EFFECTIVE)
    central.clock.at += timedelta(hours=25)
    call = await answer(there)
    assert call[2:] == ["ChangeAvailability", {"connectorId": 1, "type": "Operative"}]


async def test_a_stop_bound_to_its_transaction_is_asked_until_it_ends(
    central: Central, there: RawStation
) -> None:
    number = await there.start(EVENING_MINUTES - 60)
    asked = await ask(
        central,
        there.identity,
        "RemoteStopTransaction",
        {"transactionId": number},
        until_ended=True,
    )
    await answer(there, {"status": "Rejected"})
    await becomes(central, asked, QUEUED)
    central.clock.at += timedelta(minutes=2)
    await answer(there)
    await there.stop(number, EVENING_MINUTES)
    assert (await becomes(central, asked, EFFECTIVE)).attempts == 2


@pytest.mark.parametrize("version", [OcppVersion.V16, OcppVersion.V201])
async def test_a_password_told_over_the_wire_is_the_only_one_once_it_was_used(
    central: Central, version: OcppVersion
) -> None:
    identity = await central.station(password="the-old-password")
    is_16 = version is OcppVersion.V16
    station = await central.connect(identity, version, password="the-old-password")
    await station.boot()
    async with central.database.unit_of_work() as db:
        fresh, action, payload = await administration.offer_station_password(
            db, identity, None, is_16=is_16
        )
    asked = await ask(central, identity, action, payload)
    call = await station.next_asked()
    assert (fresh.encode().hex() if is_16 else fresh) in str(call[3])
    assert fresh not in str(asked.payload)
    again = await central.connect(identity, version, password="the-old-password")
    await again.close()
    renewed = await central.connect(identity, version, password=fresh)
    await renewed.close()
    with pytest.raises(InvalidStatus):
        await central.connect(identity, version, password="the-old-password")
    await central.connect(identity, version, password=fresh)


async def test_a_station_s_first_password_is_asked_for_once_it_was_used(central: Central) -> None:
    identity = await central.station()
    async with central.database.unit_of_work() as db:
        fresh, *_ = await administration.offer_station_password(db, identity, None, is_16=True)
    await (await central.connect(identity)).close()
    with pytest.raises(InvalidStatus):
        await central.connect(identity, password="another-password")
    await (await central.connect(identity, password=fresh)).close()
    with pytest.raises(InvalidStatus):
        await central.connect(identity)


async def test_a_password_that_the_version_cannot_take_is_refused(central: Central) -> None:
    identity = await central.station()
    for is_16, given in ((True, "x" * 21), (True, "short"), (False, "x" * 41)):
        async with central.database.unit_of_work() as db:
            with pytest.raises(InvalidInput):
                await administration.offer_station_password(db, identity, given, is_16=is_16)
