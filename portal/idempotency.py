"""Writing calls with an `Idempotency-Key`: done once, answered as often as they come.

The answer is kept in the unit of work of what the call did. A refusal undoes its unit of work
and is not kept: the same call may succeed later.

Source: IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import answered
from foundation.errors import InvalidInput

HEADER = "idempotency-key"
REPLAYED_HEADER = "idempotent-replayed"
"""Set on an answer that was given before."""

_LONGEST_KEY = 255
_KEPT_HEADERS = ("content-type", "location")


async def answer_once(
    request: Request,
    db: AsyncSession,
    principal: str,
    now: datetime,
    handle: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Answer a writing call, or give the answer that the same call got before.

    Raises:
        InvalidInput: If the key is no key.
        CallInProgress: If the same call is being answered now.
        KeyUsedOtherwise: If the key came with another path or body before.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return await handle(request)
    if not 1 <= len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidInput(
            f"Idempotency-Key must be 1 to {_LONGEST_KEY} printable ASCII characters.",
            field="Idempotency-Key",
        )
    request_hash = _hash(request, await request.body())
    kept = await answered.kept_answer(
        db, principal=principal, key=key, request_hash=request_hash, now=now
    )
    if kept is not None:
        return Response(kept.body, kept.status, headers={**kept.headers, REPLAYED_HEADER: "true"})
    response = await handle(request)
    await answered.keep(
        db,
        answered.Answer(
            response.status_code,
            {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
            bytes(response.body),
        ),
        principal=principal,
        key=key,
        request_hash=request_hash,
        now=now,
    )
    return response


def _hash(request: Request, body: bytes) -> bytes:
    """Return what two calls with one key must have in common."""
    digest = hashlib.sha256()
    for part in (
        request.method.encode(),
        request.scope["path"].encode(),
        request.scope["query_string"],
        request.headers.get("content-type", "").encode(),
        body,
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
