"""What every way takes: a message; and how it says that it did not get through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from foundation.errors import InvalidInput, Unavailable


class Refused(InvalidInput):
    """It will never be taken: trying again is no use."""

    code = "message_refused"


class Away(Unavailable):
    """It was not taken now; trying again may help."""

    code = "way_away"


@dataclass(frozen=True, slots=True)
class Message:
    """What is handed over.

    Attributes:
        id: The same for every try, by which a receiver knows it again.
        target: The number, or the URL.
        text: In the recipient's language, one paragraph.
        facts: The same for programs; JSON.
        keys: The secrets that it is signed with, where it goes to a program that knows one.
        sent_at: When; needed where there are keys.
    """

    id: str
    target: str
    text: str
    facts: Mapping[str, Any]
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    sent_at: datetime | None = None


class Way(Protocol):
    """A way by which messages leave."""

    async def hand_over(self, message: Message) -> None:
        """Hand a message over; when this returns, the other side has taken it.

        Raises:
            Refused: If it will never be taken.
            Away: If it was not taken now.
        """
        ...


def judge(status: int) -> None:
    """Raise unless an HTTP status says that the message was taken.

    Raises:
        Refused: For 4xx, but for those that ask to come again.
        Away: For all others than 2xx.
    """
    if 200 <= status < 300:
        return
    if 400 <= status < 500 and status not in (401, 403, 408, 425, 429):
        raise Refused(f"It was answered with HTTP {status}.")
    # 401 and 403 are our settings' fault, and somebody will put them right.
    raise Away(f"It was answered with HTTP {status}.")
