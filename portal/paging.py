"""Lists by pages: an opaque cursor says where the next page begins.

A cursor holds the key of the last item, never a position: what is added or removed meanwhile
neither repeats nor hides an item.
"""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from foundation.errors import InvalidInput

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500

Item = TypeVar("Item")
Found = TypeVar("Found")


class WrongCursor(InvalidInput):
    """The cursor is none that this list gave out."""

    code = "wrong_cursor"

    def __init__(self) -> None:
        super().__init__("This cursor is not one that this list gave out.", field="cursor")


class Page(BaseModel, Generic[Item]):
    """A page of a list; `next` is the cursor of the page behind it, null on the last one."""

    items: list[Item]
    next: Annotated[str | None, Field(description="Send it as `cursor` to get the next page.")] = (
        None
    )


Limit = Annotated[
    int, Query(ge=1, le=LARGEST_LIMIT, description="How many items a page holds at most.")
]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next` of the page before this one.")
]


def encoded(*key: str | int) -> str:
    """Return a cursor that stands behind the item with this key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decoded(cursor: str | None, *kinds: type[str] | type[int]) -> tuple[Any, ...] | None:
    """Return the key in a cursor, of these kinds; None if there is no cursor.

    Raises:
        WrongCursor: If the list that asks never gave it out.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise WrongCursor from None
    if not isinstance(key, list) or len(key) != len(kinds):
        raise WrongCursor
    for part, kind in zip(key, kinds, strict=True):
        if type(part) is not kind or not _is_storable(part):
            raise WrongCursor
    return tuple(key)


def _is_storable(part: str | int) -> bool:
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    return "\x00" not in part and not any("\ud800" <= each <= "\udfff" for each in part)


def page(
    found: Sequence[Found],
    limit: int,
    *,
    shown: Callable[[Found], Item],
    key: Callable[[Found], Sequence[str | int]],
) -> Page[Item]:
    """Return a page of what was found.

    Args:
        found: At most `limit + 1` things: the one more only tells that there is another page.
        limit: How many items a page holds at most.
        shown: Makes the item of a thing.
        key: The key of a thing, which the list is ordered by.
    """
    kept = found[:limit]
    following = encoded(*key(kept[-1])) if len(found) > limit else None
    return Page(items=[shown(each) for each in kept], next=following)
