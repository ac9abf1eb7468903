"""What is remembered of answers says just what would be written anew."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from csms.ocpp import answers, codec
from csms.reports import (
    Acknowledged,
    Answer,
    AuthorizationStatus,
    AuthorizeAnswer,
    BootAnswer,
    DataTransferAnswer,
    DisplayMessage,
    HeartbeatAnswer,
    IdTokenInfo,
    OcppVersion,
    RegistrationStatus,
    TransactionEndAnswer,
    TransactionStartAnswer,
    TransactionUpdateAnswer,
)
from foundation.identifiers import IdToken, TransactionId

AT = datetime(2026, 10, 15, 12, 0, 0, 250_000, tzinfo=UTC)
ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
GROUPED = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken("group"), AT)
BLOCKED = IdTokenInfo(AuthorizationStatus.BLOCKED)
V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21

BOTH: list[tuple[str, Answer]] = [
    ("BootNotification", BootAnswer(RegistrationStatus.ACCEPTED, AT, 300)),
    ("Heartbeat", HeartbeatAnswer(AT)),
    ("StatusNotification", Acknowledged()),
    ("MeterValues", Acknowledged()),
    ("Authorize", AuthorizeAnswer(ACCEPTED)),
    ("Authorize", AuthorizeAnswer(GROUPED)),
    ("Authorize", AuthorizeAnswer(BLOCKED)),
    ("DataTransfer", DataTransferAnswer("Accepted", "some data")),
]
OF_16: list[tuple[str, Answer]] = [
    ("StartTransaction", TransactionStartAnswer(TransactionId(7), ACCEPTED)),
    ("StartTransaction", TransactionStartAnswer(TransactionId(2**31 - 1), GROUPED)),
    ("StartTransaction", TransactionStartAnswer(TransactionId(8), None)),
    ("StopTransaction", TransactionEndAnswer()),
    ("StopTransaction", TransactionEndAnswer(GROUPED)),
]
OF_2: list[tuple[str, Answer]] = [
    ("TransactionEvent", TransactionStartAnswer(TransactionId(7), ACCEPTED)),
    ("TransactionEvent", TransactionUpdateAnswer()),
    ("TransactionEvent", TransactionUpdateAnswer(None, Decimal("1.10"))),
    ("TransactionEvent", TransactionUpdateAnswer(None, Decimal("1.1"))),
    ("TransactionEvent", TransactionEndAnswer(GROUPED, Decimal(0))),
    ("TransactionEvent", TransactionEndAnswer(GROUPED, Decimal("-0.00"))),
    ("TransactionEvent", TransactionEndAnswer(ACCEPTED, Decimal("1E+3"))),
    ("TransactionEvent", TransactionUpdateAnswer(None, Decimal("1E-35"))),
    ("TransactionEvent", TransactionEndAnswer(None, Decimal(7), DisplayMessage("de", "Gratis"))),
    ("TransactionEvent", TransactionEndAnswer(None, Decimal(8), DisplayMessage("de", "Nichts"))),
]


@pytest.mark.parametrize(
    ("version", "action", "answer"),
    [
        (version, *pair)
        for version, pairs in ((V16, BOTH + OF_16), (V201, BOTH + OF_2), (V21, BOTH + OF_2))
        for pair in pairs
    ],
)
def test_an_answer_reads_as_the_translation_writes_it(
    version: OcppVersion, action: str, answer: Answer
) -> None:
    written = codec.encode(answers.TRANSLATORS[version].to_response(answer, action)).decode()
    for _ in range(2):
        assert answers.payload_of(version, action, answer) == written


def test_two_answers_that_differ_are_not_taken_for_each_other() -> None:
    first, second = (
        answers.payload_of(V16, "Heartbeat", HeartbeatAnswer(AT + timedelta(seconds=seconds)))
        for seconds in (0, 1)
    )
    assert json.loads(first) != json.loads(second)
    assert answers.payload_of(V16, "Authorize", AuthorizeAnswer(BLOCKED)) != answers.payload_of(
        V16, "Authorize", AuthorizeAnswer(ACCEPTED)
    )


def test_an_answer_that_the_version_does_not_have_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        answers.payload_of(V16, "TransactionEvent", TransactionUpdateAnswer())
    for cost in (Decimal("NaN"), Decimal("Infinity"), Decimal("1E+41")):
        with pytest.raises(AssertionError):
            answers.payload_of(V201, "TransactionEvent", TransactionEndAnswer(None, cost))
    start = TransactionStartAnswer(TransactionId(2**64), ACCEPTED)
    with pytest.raises(AssertionError):
        answers.payload_of(V16, "StartTransaction", start)


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST", 3)
    monkeypatch.setattr(answers, "_remembered", {})
    for number in range(10):
        info = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken(f"group {number}"))
        assert f"group {number}" in answers.payload_of(V16, "Authorize", AuthorizeAnswer(info))
        assert len(answers._remembered) <= 3
