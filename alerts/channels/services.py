"""Chats and SMS through named services, each by its own address, as in `slack://…`.

Only services that stand at hosts of their own are taken from people: an address of theirs cannot
lead into our network. Modules are loaded one by one, when they are first asked for.
"""

import asyncio
import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from alerts.channels.post import Post
from alerts.channels.way import Away, Message, Refused
from foundation.errors import InvalidInput

CHATS: Final[Mapping[str, tuple[str, str]]] = {
    "slack": ("slack", "NotifySlack"),
    "discord": ("discord", "NotifyDiscord"),
    "tgram": ("telegram", "NotifyTelegram"),
    "gchat": ("google_chat", "NotifyGoogleChat"),
    "wxteams": ("webexteams", "NotifyWebexTeams"),
}
"""Services whose address people may enter, by the scheme: module and class."""

SMS: Final[Mapping[str, tuple[str, str]]] = {
    "twilio": ("twilio", "NotifyTwilio"),
    "vonage": ("vonage", "NotifyVonage"),
    "msgbird": ("messagebird", "NotifyMessageBird"),
    "sinch": ("sinch", "NotifySinch"),
    "clicksend": ("clicksend", "NotifyClickSend"),
    "plivo": ("plivo", "NotifyPlivo"),
    "bulksms": ("bulksms", "NotifyBulkSMS"),
    "seven": ("seven", "NotifySeven"),
    "json": ("custom_json", "NotifyJSON"),
    "jsons": ("custom_json", "NotifyJSON"),
}
"""Services that the operator may name; `{number}` in their address is whom it goes to."""


class UnknownService(InvalidInput):
    """No service has such an address."""

    code = "unknown_service"

    def __init__(self) -> None:
        super().__init__("This is no address of a chat that is known.", field="target")


def scheme_of(url: str) -> str:
    """Return what stands before `://`, in lower case; empty if there is none."""
    scheme, mark, _ = url.partition("://")
    return scheme.lower() if mark else ""


def checked_chat(url: str) -> str:
    """Return a chat's address if it is one.

    Raises:
        UnknownService: If it is not.
    """
    if len(url) > 2000 or scheme_of(url) not in CHATS or _service(url, CHATS) is None:
        raise UnknownService
    return url


class Chat:
    """Messages into rooms: of a known service, or of whatever takes JSON by POST.

    Args:
        post: For addresses that begin with `https://`.
    """

    def __init__(self, post: Post) -> None:
        self._post = post

    async def hand_over(self, message: Message) -> None:
        """Post a message into its room.

        Raises:
            Refused: If its address is none.
            Away: If it was not taken.
        """
        if scheme_of(message.target) in ("https", "http"):
            await self._post.hand_over(message)
        else:
            await _notify(message.target, CHATS, message.text)


class SmsService:
    """SMS through a service that the operator named.

    Args:
        url: Its address with `{number}` in it.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def hand_over(self, message: Message) -> None:
        """Hand a message to the service.

        Raises:
            Away: If it was not taken; a wrong setting is put right some day.
        """
        try:
            await _notify(self._url.replace("{number}", quote(message.target)), SMS, message.text)
        except Refused as error:
            raise Away(str(error)) from None


async def _notify(url: str, known: Mapping[str, tuple[str, str]], text: str) -> None:
    service = _service(url, known)
    if service is None:
        raise Refused("The address of the service is none.")
    # The services' own time-outs bound the thread: a few seconds to connect, and to read.
    if not await asyncio.to_thread(service.notify, body=text):
        raise Away("The service did not take it.")


def _service(url: str, known: Mapping[str, tuple[str, str]]) -> Any:
    """Return what speaks to the service; None if the address is none."""
    named = known.get(scheme_of(url))
    if named is None:
        return None
    kind = _class(*named)
    facts = kind.parse_url(url)
    if not facts:
        return None
    try:
        return kind(**facts)
    except TypeError:  # how the library says that a part of the address is wrong
        return None


@cache
def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"apprise.plugins.{module}"), name)
