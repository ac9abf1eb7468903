"""SMS leave through a real HTTP receiver."""

import json

import pytest

from alerts.channels.gateway import Gateway
from alerts.channels.way import Away, Message, Refused
from tests.receivers import answer, receiving

SMS = Message("notice/17", "+491701234567", "Störung: Erdschluss an CS-1.", {})


async def test_the_gateway_gets_number_text_and_an_id_that_stays_the_same() -> None:
    async with receiving(answer(202)) as receiver:
        gateway = Gateway(receiver.url, token="secret", timeout_s=10)
        await gateway.hand_over(SMS)
        await gateway.hand_over(SMS)
    first, second = receiver.came
    assert json.loads(first.body) == {"to": SMS.target, "text": SMS.text, "id": SMS.id}
    assert first.headers["authorization"] == "Bearer secret"
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "notice/17"


async def test_what_the_gateway_refuses_is_refused_and_its_faults_pass() -> None:
    async with receiving(answer(422), answer(500)) as receiver:
        gateway = Gateway(receiver.url, token=None, timeout_s=10)
        with pytest.raises(Refused):
            await gateway.hand_over(SMS)
        with pytest.raises(Away):
            await gateway.hand_over(SMS)
    assert "authorization" not in receiver.came[0].headers
    with pytest.raises(Away):
        await gateway.hand_over(SMS)
