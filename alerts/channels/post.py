"""Messages to a URL that somebody entered: a room of a chat, or a program of his.

Both get JSON by POST, whose `text` is what most chats show; a program finds the alert's facts
beside it. Somebody's URL never leads into our own network (`foundation.outgoing_http`).
"""

import json

from alerts.channels.way import Away, Message, Refused, judge
from foundation.message_signing import signed_headers
from foundation.outgoing_http import Outgoing, TargetAway, TargetRefused


class Post:
    """Posts messages.

    Args:
        outgoing: Makes the calls, and looks where they go.
        has_facts: Whether the alert's facts go along: some chats refuse what they do not know.
    """

    def __init__(self, outgoing: Outgoing, *, has_facts: bool) -> None:
        self._outgoing = outgoing
        self._has_facts = has_facts

    async def hand_over(self, message: Message) -> None:
        """Post a message.

        Raises:
            Refused: If the URL must not be called, or the message is not taken.
            Away: If it was not taken now.
        """
        facts = {"text": message.text} | (dict(message.facts) if self._has_facts else {})
        body = json.dumps(facts, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        if message.keys:
            assert message.sent_at is not None, "what is signed has its moment"
            headers |= signed_headers(message.keys, message.id, message.sent_at, body)
        try:
            answer = await self._outgoing.post(message.target, body, headers)
        except TargetRefused as error:
            raise Refused(str(error)) from None
        except TargetAway as error:
            raise Away(str(error)) from None
        judge(answer.status)
