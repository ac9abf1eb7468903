"""What the dialects say is valid in their versions, and means the same."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from ocpp.messages import Call, validate_payload

from simulators.dialect import (
    Charging,
    Dialect16,
    Kind,
    Message,
    Nameplate,
    Sample,
    Status,
    boot_answer,
    dialect_of,
)

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


def a_message(kind: Kind, version: str, **changes: Any) -> Message:
    facts: dict[str, Any] = {
        "kind": kind,
        "said_at": NOON,
        "evse_id": 2,
        "connector_id": 1,
        "status": Status.CHARGING,
        "charging": Charging(
            key="CS-1/2/1",
            ref=None if version == "1.6" else "b7ac1a8e-0001",
            evse_id=2,
            connector_id=1,
            id_token="04A1B2C3",
            id_token_type="ISO14443",
            remote_start_id=5,
            number=7 if version == "1.6" else None,
        ),
        "sample": Sample(Decimal("1234.5"), 11_000.4, 0.456, "Sample.Periodic"),
        "seq_no": 3,
        "offline": True,
    }
    return Message(**{**facts, **changes})


@VERSIONS
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("status", list(Status))
async def test_everything_that_can_be_said_keeps_to_the_schema(
    version: str, kind: Kind, status: Status
) -> None:
    for reason in ("Local", "PowerLoss", "GroundFault"):
        message = a_message(kind, version, status=status, reason=reason, error_code="OverVoltage")
        action, payload = dialect_of(version).say(message)
        await validate_payload(Call("1", action, payload), version)


@VERSIONS
async def test_boots_and_authorisations_keep_to_the_schema(version: str) -> None:
    dialect = dialect_of(version)
    for action, payload in (
        dialect.boot(Nameplate(), "PowerUp"),
        dialect.authorize("04A1B2C3", "ISO14443"),
    ):
        await validate_payload(Call("1", action, payload), version)
    assert dialect.subprotocol == f"ocpp{version}"


def test_16_says_whole_watt_hours_and_the_servers_number() -> None:
    dialect = Dialect16()
    assert dialect.say(a_message(Kind.START, "1.6"))[1]["meterStart"] == 1234
    _, stop = dialect.say(a_message(Kind.END, "1.6", reason="ImmediateReset"))
    assert (stop["transactionId"], stop["meterStop"]) == (7, 1234)
    assert stop["reason"] == "HardReset"
    assert "idTag" not in stop
    assert dialect.say(a_message(Kind.END, "1.6", reason="Local"))[1]["idTag"] == "04A1B2C3"
    assert dialect.say(a_message(Kind.READING, "1.6"))[1]["transactionId"] == 7


def test_16_without_a_number_says_minus_one_at_the_end_and_nothing_in_readings() -> None:
    dialect = Dialect16()
    for kind, expected in ((Kind.END, -1), (Kind.READING, None)):
        message = a_message(kind, "1.6")
        assert message.charging is not None
        message.charging.number = None
        assert dialect.say(message)[1].get("transactionId") == expected


def test_2x_says_its_own_id_sequence_and_whether_it_was_offline() -> None:
    dialect = dialect_of("2.0.1")
    _, event = dialect.say(a_message(Kind.START, "2.0.1", trigger="RemoteStart"))
    assert event["eventType"] == "Started"
    assert event["transactionInfo"] == {
        "transactionId": "b7ac1a8e-0001",
        "chargingState": "Charging",
        "remoteStartId": 5,
    }
    assert (event["seqNo"], event["offline"]) == (3, True)
    assert event["evse"] == {"id": 2, "connectorId": 1}
    assert event["meterValue"][0]["sampledValue"][0]["value"] == 1234.5
    _, event = dialect.say(a_message(Kind.END, "2.0.1", offline=False, reason="Remote"))
    assert event["transactionInfo"]["stoppedReason"] == "Remote"
    assert "offline" not in event
    assert "idToken" not in event


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.AVAILABLE, "Available"),
        (Status.PREPARING, "Occupied"),
        (Status.SUSPENDED_EVSE, "Occupied"),
        (Status.FAULTED, "Faulted"),
    ],
)
def test_2x_has_fewer_words_for_a_connector(status: Status, word: str) -> None:
    _, payload = dialect_of("2.1").say(a_message(Kind.STATUS, "2.1", status=status))
    assert payload["connectorStatus"] == word


def test_answers_are_read_alike() -> None:
    assert Dialect16().token_status({"idTagInfo": {"status": "Blocked"}}) == "Blocked"
    assert dialect_of("2.1").token_status({"idTokenInfo": {"status": "Blocked"}}) == "Blocked"
    assert Dialect16().token_status({}) is dialect_of("2.1").token_status({}) is None
    answer = boot_answer({"status": "Pending", "interval": 60, "currentTime": "…"})
    assert (answer.status, answer.interval_s) == ("Pending", 60)


def test_there_are_three_versions() -> None:
    with pytest.raises(ValueError, match=r"1\.5"):
        dialect_of("1.5")
