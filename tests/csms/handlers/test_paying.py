"""Money with transactions; `tests.conformance` shows each case at a real station."""

from typing import Any

from csms.handlers import paying
from csms.handlers.paying import settlements_reported


async def test_where_nothing_was_said_nothing_is_asked() -> None:
    nobody: Any = None
    assert await settlements_reported(nobody, nobody, []) == []
    assert paying.NO_LIMITS.__class__() == paying.NO_LIMITS
