"""Writing calls that were answered: the same call again gets the same answer.

Kept in the unit of work of what the call did, so that either both are there or neither.

Source: IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import store
from foundation.errors import Conflict, InvalidInput

KEPT = timedelta(days=7)
"""How long an answer is kept; after that the same key is a new call."""


class CallInProgress(Conflict):
    """The same call is being answered at this moment."""

    code = "call_in_progress"

    def __init__(self) -> None:
        super().__init__("A call with this Idempotency-Key is being answered. Ask again shortly.")


class KeyUsedOtherwise(InvalidInput):
    """The key belongs to another call: another path or another body."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another call. Use a fresh one.",
            field="Idempotency-Key",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def kept_answer(
    db: AsyncSession, *, principal: str, key: str, request_hash: bytes, now: datetime
) -> Answer | None:
    """Return the answer to this very call; None if it is new, and then it is locked.

    Raises:
        CallInProgress: If the same call is being answered now.
        KeyUsedOtherwise: If the key belongs to another call.
    """
    if not await store.lock_request(db, principal, key):
        raise CallInProgress
    await store.forget_answers(db, answered_before=now - KEPT)
    row = await store.answered_request(db, principal, key)
    if row is None:
        return None
    if not hmac.compare_digest(row.request_hash, request_hash):
        raise KeyUsedOtherwise
    return Answer(row.status, row.headers, row.body)


async def keep(
    db: AsyncSession,
    answer: Answer,
    *,
    principal: str,
    key: str,
    request_hash: bytes,
    now: datetime,
) -> None:
    """Keep the answer of a call that `kept_answer` locked."""
    await store.keep_answer(
        db,
        {
            "principal": principal,
            "key": key,
            "request_hash": request_hash,
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body,
            "answered_at": now,
        },
    )
