"""Messages to somebody's URL reach a real HTTP receiver, and never our own network."""

import json

import pytest

from alerts.channels.post import Post
from alerts.channels.way import Away, Message, Refused
from foundation.outgoing_http import Outgoing
from tests.alerts.telling import LOOPBACK
from tests.receivers import answer, receiving


def message(url: str) -> Message:
    return Message("notice/3", url, "Offline at CS-1. (Alert 1)", {"alert": 1})


async def test_a_chat_gets_the_text_and_a_program_the_facts_beside_it() -> None:
    outgoing = Outgoing(allowed=LOOPBACK, timeout_s=10)
    async with receiving() as receiver:
        await Post(outgoing, has_facts=False).hand_over(message(receiver.url))
        await Post(outgoing, has_facts=True).hand_over(message(receiver.url))
    chat, program = (json.loads(each.body) for each in receiver.came)
    assert chat == {"text": "Offline at CS-1. (Alert 1)"}
    assert program == {"text": "Offline at CS-1. (Alert 1)", "alert": 1}


async def test_our_own_network_is_refused_and_silence_passes() -> None:
    async with receiving(answer(503)) as receiver:
        with pytest.raises(Refused):
            await Post(Outgoing(timeout_s=10), has_facts=True).hand_over(message(receiver.url))
        assert receiver.came == []
        with pytest.raises(Away):
            await Post(Outgoing(allowed=LOOPBACK, timeout_s=10), has_facts=True).hand_over(
                message(receiver.url)
            )
    with pytest.raises(Away):
        await Post(Outgoing(allowed=LOOPBACK, timeout_s=10), has_facts=True).hand_over(
            message(receiver.url)
        )
