"""What the simulators' tests share."""

from collections.abc import AsyncIterator

import pytest

from tests.simulators.csms import TinyCsms, tiny_csms


@pytest.fixture
async def csms() -> AsyncIterator[TinyCsms]:
    async with tiny_csms() as csms:
        yield csms
