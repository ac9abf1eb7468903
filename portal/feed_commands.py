"""Requests for commands by MQTT: who asks is proven by a signature, then as by the API.

A request is published at `…/stations/{identity}/commands/request`:

```
{"key": "0f3a…", "id": "my-17", "at": "2026-10-15T12:00:00Z", "signature": "9c…",
 "request": "{\\"action\\": \\"Reset\\", \\"payload\\": {\\"type\\": \\"Soft\\"}}"}
```

`request` is the text of the body that `POST /stations/{identity}/commands` takes; `key` is the
middle part of the API key `lst_KEY_SECRET`; `signature` is the HMAC-SHA256 of topic, id, at and
request, each on a line of its own, keyed with the SHA-256 of SECRET (docs/decisions/0012). It is
answered at `…/commands/{id}`: with the command, or with a problem document. What becomes of the
command is told at `…/commands/{command's id}`.

The same request again, and every retry by MQTT itself, is answered again and done once.
"""

import asyncio
import json
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from accounts import api_keys, directory
from accounts.permissions import Permission
from csms import registry
from csms.connectivity import SilenceLimits
from foundation import metrics
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError, InvalidInput, NotFound, NotPermitted, Unavailable
from foundation.mqtt import Link, Message, Received
from portal import asking, problems, topics
from portal.api import commands
from portal.api.commands import CommandBody
from portal.api.models import Body, Moment
from portal.guard import Caller, granted_to
from portal.limits import Limits
from portal.problems import FieldError, ManyProblems

log = structlog.get_logger(__name__)

WAITING_MAX = 1000
"""Requests that wait for their turn; beyond it they are dropped, and their askers ask again."""
VALID_FOR = timedelta(minutes=5)
"""How far a request's moment may be from ours: what lay in a broker for longer is refused."""
_LONGEST_REQUEST = 256 * 1024


class BadSignature(NotPermitted):
    """Nobody signed this: the key is unknown or over, or the signature is wrong."""

    code = "bad_signature"

    def __init__(self) -> None:
        super().__init__("The key is unknown or over, or the signature is wrong.")


class TooOld(InvalidInput):
    """The request's moment is too far from ours."""

    code = "too_old"

    def __init__(self) -> None:
        minutes = round(VALID_FOR.total_seconds() / 60)
        super().__init__(f"`at` must be within {minutes} minutes of now.", field="at")


class Signed(Body):
    """A request as it is published."""

    key: Annotated[str, Field(min_length=1, max_length=50)]
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    at: Annotated[str, Field(max_length=50)]
    request: Annotated[str, Field(max_length=_LONGEST_REQUEST)]
    signature: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]

    def message(self, topic: str) -> bytes:
        """Return what is signed."""
        return f"{topic}\n{self.id}\n{self.at}\n{self.request}".encode()


_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


class Requests:
    """Takes requests as they come, and answers them one after the other."""

    def __init__(
        self, database: Database, clock: Clock, silence: SilenceLimits, limits: Limits
    ) -> None:
        self._database = database
        self._clock = clock
        self._silence = silence
        self._limits = limits
        self._waiting: asyncio.Queue[Received] = asyncio.Queue(WAITING_MAX)

    def take(self, received: Received) -> None:
        """Let a request wait for its turn."""
        try:
            self._waiting.put_nowait(received)
        except asyncio.QueueFull:
            metrics.feed_requests.labels(outcome="dropped").inc()
            log.warning("feed.request_dropped")

    async def answer(self, link: Link) -> None:
        """Answer for ever."""
        while True:
            received = await self._waiting.get()
            answer = await self._answer(received)
            if answer is not None:
                await link.publish([answer])

    async def _answer(self, received: Received) -> Message | None:
        """Return what to say to a request; nothing if it does not even say where."""
        place = topics.of_request(received.topic)
        if place is None or not received.payload or len(received.payload) > 2 * _LONGEST_REQUEST:
            metrics.feed_requests.labels(outcome="unreadable").inc()
            return None
        signed: Signed | None = None
        try:
            signed = Signed.model_validate(from_json(received.payload))
            shown: dict[str, Any] = await self._ask(received.topic, *place, signed)
            outcome = "asked"
        except (ValidationError, ValueError):
            if signed is None:
                metrics.feed_requests.labels(outcome="unreadable").inc()
                return None
            raise
        except Unavailable:
            raise
        except ExpectedError as error:
            shown, outcome = problems.problem_of(error).as_json(), "refused"
        # A boundary (house rules, errors): a mistake of ours ends one request, not the feed.
        except Exception as error:
            incident = secrets.token_hex(4)
            metrics.incidents.inc()
            log.error("feed.incident", incident=incident, exc_info=error)
            shown, outcome = problems.problem_of_incident(incident).as_json(), "failed"
        assert signed is not None
        metrics.feed_requests.labels(outcome=outcome).inc()
        topic = topics.command(*place, signed.id)
        return Message(topic, json.dumps(shown, ensure_ascii=False).encode())

    async def _ask(
        self, topic: str, organisation: str, identity: str, signed: Signed
    ) -> dict[str, Any]:
        """Ask as the API does: same rights, same scope, same gate.

        Raises:
            ExpectedError: Why not.
        """
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            principal = await api_keys.principal_of_signed(
                db, signed.key, signed.message(topic), signed.signature, now=now
            )
            if principal is None:
                raise BadSignature
            self._limits.spend(principal)
            if abs(_moment(signed.at) - now) > VALID_FOR:
                raise TooOld
            caller = Caller(
                principal,
                await directory.scope_of(db, principal, now=now),
                door="mqtt",
                granted=await granted_to(db, principal, now=now),
            )
            caller.must_have(Permission.FEED_COMMANDS)
            caller.must_have(Permission.COMMANDS_SEND)
            station = await registry.station(db, caller.scope, identity, now, limits=self._silence)
            if station.organisation != organisation:
                raise NotFound("station", identity)
            body = _body(signed.request)
            commands.must_have_rights(caller, body.action, body.payload, raw=body.raw)
            command = await asking.ask(
                db,
                caller,
                station,
                body.action,
                body.payload,
                now=now,
                reason="api",
                reference=body.reference,
                once=f"mqtt/{signed.id}",
                when_offline=body.when_offline,
                expires_in_s=body.expires_in_s,
                billing_decision=body.billing_decision,
                change_order=body.change_order,
                ends_in_s=body.ends_in_s,
                raw=body.raw,
                priority=body.priority,
                until_ended=body.until_ended,
            )
        return commands.shown_to(caller, command).model_dump(mode="json")


def _moment(written: str) -> datetime:
    try:
        return _MOMENT.validate_python(written)
    except ValidationError:
        raise InvalidInput("`at` is no moment, as in 2026-10-15T12:00:00Z.", field="at") from None


def _body(written: str) -> CommandBody:
    try:
        return CommandBody.model_validate(from_json(written))
    except ValidationError as error:
        raise ManyProblems(
            [
                FieldError(".".join(("request", *map(str, each["loc"]))), str(each["msg"]))
                for each in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    except ValueError:
        raise InvalidInput("`request` is no JSON.", field="request") from None
