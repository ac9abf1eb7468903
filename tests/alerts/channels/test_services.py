"""Named services: addresses are checked, and a message really leaves through one."""

import json

import pytest

from alerts.channels.post import Post
from alerts.channels.services import CHATS, SMS, Chat, SmsService, UnknownService, checked_chat
from alerts.channels.way import Away, Message, Refused
from foundation.outgoing_http import Outgoing
from foundation.settings import Settings
from tests.alerts.telling import LOOPBACK
from tests.receivers import answer, receiving


def message(target: str) -> Message:
    return Message("notice/3", target, "Störung an CS-1. (Alarm 1)", {})


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
    ],
)
def test_an_address_of_a_known_chat_is_taken(url: str) -> None:
    assert checked_chat(url) == url


@pytest.mark.parametrize(
    "url", ["", "slack", "slack://", "json://10.0.0.1/x", "syslog://", "mailto://a:b@c.example"]
)
def test_what_may_lead_elsewhere_or_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UnknownService):
        checked_chat(url)


async def test_an_sms_leaves_through_the_service_that_the_operator_named() -> None:
    async with receiving(answer(200)) as receiver:
        service = SmsService(f"json://127.0.0.1:{receiver.port}/send/{{number}}")
        await service.hand_over(message("+491701234567"))
    [came] = receiver.came
    assert came.path.rstrip("/") == "/send/+491701234567"
    assert json.loads(came.body)["message"] == "Störung an CS-1. (Alarm 1)"


async def test_what_a_service_does_not_take_is_tried_again() -> None:
    async with receiving(answer(500)) as receiver:
        with pytest.raises(Away):
            await SmsService(f"json://127.0.0.1:{receiver.port}/{{number}}").hand_over(
                message("+491701234567")
            )
    with pytest.raises(Away):
        await SmsService("pigeon://{number}").hand_over(message("+491701234567"))


async def test_a_room_of_a_chat_gets_json_or_its_service() -> None:
    chat = Chat(Post(Outgoing(allowed=LOOPBACK, timeout_s=10), has_facts=False))
    async with receiving() as receiver:
        await chat.hand_over(message(receiver.url))
    assert len(receiver.came) == 1
    with pytest.raises(Refused):
        await chat.hand_over(message("slack://"))


def test_the_settings_know_the_services_that_may_be_named() -> None:
    for scheme in SMS:
        assert Settings.read(sms_url=f"{scheme}://x/{{number}}").sms_url is not None
    assert not set(SMS) & set(CHATS)
