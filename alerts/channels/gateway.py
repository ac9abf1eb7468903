"""SMS through a plain HTTP gateway, which the operator chose.

The gateway gets `{"to": "+491701234567", "text": "…", "id": "notice/17"}` as JSON by POST, and
takes the message by answering 2xx. The id is the same for every try and comes as the header
`Idempotency-Key` too: a gateway that knows it does not send twice.
"""

import json
from ipaddress import ip_network
from typing import Final

from alerts.channels.way import Away, Message, judge
from foundation.outgoing_http import Outgoing, TargetAway, TargetRefused

_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""The operator names the gateway, not a customer: it may stand in his own network."""


class Gateway:
    """Hands messages to the gateway.

    Args:
        url: Where it takes messages.
        token: Sent as `Authorization: Bearer …`, if there is one.
        timeout_s: How long it may take.
    """

    def __init__(self, url: str, *, token: str | None, timeout_s: float) -> None:
        self._url = url
        self._token = token
        self._outgoing = Outgoing(allowed=_ANYWHERE, timeout_s=timeout_s)

    async def hand_over(self, message: Message) -> None:
        """Hand a message to the gateway.

        Raises:
            Refused: If it does not take this message, now or later.
            Away: If it did not take it now.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        body = {"to": message.target, "text": message.text, "id": message.id}
        try:
            answer = await self._outgoing.post(
                self._url, json.dumps(body, ensure_ascii=False).encode(), headers
            )
        except (TargetAway, TargetRefused) as error:  # a wrong setting is put right some day
            raise Away(str(error)) from None
        judge(answer.status)
