"""What we ask of a station ourselves."""

from typing import get_args

from csms.commands import GetTransactionStatus, MessageTrigger, TriggerMessage
from csms.ocpp.v201.messages import MessageTriggerEnumType
from foundation.identifiers import EvseId


def test_every_trigger_is_a_word_of_2_0_1() -> None:
    assert {trigger.value for trigger in MessageTrigger} <= set(get_args(MessageTriggerEnumType))


def test_the_same_question_is_equal() -> None:
    asked = TriggerMessage(MessageTrigger.METER_VALUES, EvseId(1))
    assert asked == TriggerMessage(MessageTrigger.METER_VALUES, EvseId(1), None)
    assert asked != TriggerMessage(MessageTrigger.METER_VALUES, EvseId(2))
    assert GetTransactionStatus("t") == GetTransactionStatus("t")
