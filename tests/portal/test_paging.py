"""Tests of lists by pages."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import paging
from portal.paging import WrongCursor

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=50)


@given(text=KEYS, number=st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_gives_back_its_key(text: str, number: int) -> None:
    assert paging.decoded(paging.encoded(text, number), str, int) == (text, number)


@given(items=st.lists(st.integers(), unique=True), limit=st.integers(1, 10))
def test_pages_together_are_the_list(items: list[int], limit: int) -> None:
    items.sort()
    seen: list[int] = []
    cursor: str | None = None
    while True:
        after = paging.decoded(cursor, str)
        found = [each for each in items if after is None or each > int(after[0])]
        page = paging.page(
            found[: limit + 1], limit, shown=lambda each: each, key=lambda each: (str(each),)
        )
        assert len(page.items) <= limit
        seen += page.items
        if page.next is None:
            break
        cursor = page.next
    assert seen == items


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "é",
        paging.encoded(1),
        paging.encoded("a", "b"),
        base64.urlsafe_b64encode(b'["\\u0000"]').decode(),
        base64.urlsafe_b64encode(b'["\\ud800"]').decode(),
        base64.urlsafe_b64encode(b"[true]").decode(),
        base64.urlsafe_b64encode(b"[" * 300).decode(),
    ],
)
def test_what_no_list_gave_out_is_refused(cursor: str) -> None:
    with pytest.raises(WrongCursor):
        paging.decoded(cursor, str)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_is_no_key_is_refused(number: int) -> None:
    with pytest.raises(WrongCursor):
        paging.decoded(paging.encoded(number), int)


def test_no_cursor_is_the_beginning() -> None:
    assert paging.decoded(None, str) is None
